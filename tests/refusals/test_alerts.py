"""Acts on alerts that are not anybody's to do."""

from __future__ import annotations

from typing import Any

import pytest

from remit.alerts.desk import Desk
from remit.alerts.supervise import supervise
from remit.errors import Refused
from remit.people import Identity
from remit.testing.world import World

CAMILLE = Identity("camille", "airflow", None)
WHY = "The vendor is asked for the column"


@pytest.fixture
def alert(world: World) -> str:
    def people(fields: dict[str, Any]) -> None:
        fields["contacts"]["authorised"] = [
            {"name": "Camille Moreau", "email": "camille@m.example", "account": "camille"},
            {"name": "Paul Petit", "email": "p@m.example", "account": "paul", "may": ["hold"]},
        ]
        fields["contacts"]["shared_accounts"] = ["labo-team"]

    with pytest.raises(Refused):
        world.open_run(edit=people).seal()
    [raised] = supervise(world.deployment(), [], "test").raised
    return raised.id


@pytest.fixture
def desk(world: World) -> Desk:
    return Desk(world.deployment(), "test")


@pytest.mark.vector("alert-unknown")
def test_alert_that_nobody_raised(desk: Desk, alert: str, refuses: Any) -> None:
    with refuses(at="alert 0123", saying="no alert of this id"):
        desk.acknowledge("0123", CAMILLE, WHY)


@pytest.mark.vector("alert-closed")
def test_alert_that_was_closed(desk: Desk, alert: str, refuses: Any) -> None:
    desk.close(alert, CAMILLE, WHY)
    with refuses(at=f"alert {alert}", saying="it was closed before"):
        desk.acknowledge(alert, CAMILLE, WHY)


@pytest.mark.vector("alert-reason")
@pytest.mark.parametrize("reason", ["", "ok", "tbd", "n/a", "as needed", "word " * 500])
def test_reason_that_says_nothing(desk: Desk, alert: str, refuses: Any, reason: str) -> None:
    with refuses(at=f"alert {alert}", saying="the reason says nothing"):
        desk.close(alert, CAMILLE, reason)


@pytest.mark.vector("person-account-shared")
@pytest.mark.parametrize("account", ["labo-team", "admin", "LABO-TEAM"])
def test_account_that_several_people_use(
    desk: Desk, alert: str, refuses: Any, account: str
) -> None:
    with refuses(at=f"account {account}", saying="nobody answers for what it does"):
        desk.acknowledge(alert, Identity(account, "airflow"), WHY)


@pytest.mark.vector("person-not-authorised")
def test_account_of_nobody_whom_the_instruction_names(desk: Desk, alert: str, refuses: Any) -> None:
    with refuses(at="account mallory", saying="names nobody who acts by it"):
        desk.close(alert, Identity("mallory", "airflow"), WHY)


@pytest.mark.vector("act-not-allowed")
def test_person_who_may_do_something_else(desk: Desk, alert: str, refuses: Any) -> None:
    with refuses(at="Paul Petit", saying="does not let this person acknowledge"):
        desk.acknowledge(alert, Identity("paul", "airflow"), WHY)


def test_what_was_refused_leaves_the_alert_as_it_was(desk: Desk, alert: str) -> None:
    with pytest.raises(Refused):
        desk.close(alert, Identity("mallory", "airflow"), WHY)

    assert desk.alert(alert).state == "open"
