"""SAN-2022-009 of 15 April 2022, F7, F8 and F10 (docs/precedents.md): who acts, who watches, who answers."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.flow.alerting import CAMILLE, CONTROLLER, DPO, OWNER, supervised

from remit.alerts.desk import Desk
from remit.alerts.model import ALERTS, Alert
from remit.alerts.supervise import supervise
from remit.custody import Run
from remit.errors import Refused
from remit.people import Identity
from remit.testing import answers
from remit.testing.channels import Postbox
from remit.testing.world import World

from .conftest import noticed

Fields = dict[str, Any]


SCHEDULE = "airflow:durand_migration/scheduled__1"


def run_of(world: World, name: str = "durand-watched", by: str = SCHEDULE, **more: Any) -> Run:
    """A run under an instruction that names people with accounts, and whom alerts climb to."""

    def watched(fields: Fields) -> None:
        supervised(fields, **more)
        fields["contacts"]["shared_accounts"] = ["labo-team"]

    return world.open_run(name, watched, by)


def later(world: World) -> datetime:
    return world.clock() + timedelta(days=3)


# --- F7: one account for everybody ----------------------------------------------------------------


def test_f7_nor_does_anybody_act_by_an_account_that_several_share(world: World) -> None:
    run = run_of(world)
    postbox = Postbox()

    for account in ("labo-team", "admin", "svc-remit"):
        with pytest.raises(Refused) as caught:
            run.hold(Identity(account, "airflow"), "A review is going on", later(world))
        assert caught.value.code == "person-account-shared"

    assert {alert.kind for alert in noticed(world, postbox)} == {"unexpected-principal"}
    assert ("unexpected-principal", OWNER) in postbox.told
    run.hold(CAMILLE, "A review is going on", later(world))
    held = run.story.last("held")["identity"]
    assert (held["name"], held["account"], held["via"]) == ("Camille Moreau", "camille", "airflow")


# --- F8: nobody watches, nobody is told -----------------------------------------------------------


def climbs(world: World, postbox: Postbox, alert: Alert) -> list[str]:
    """Who is told of an alert, while nobody does anything and hours go by."""
    for _ in range(6):
        world.clock.advance(hours=1)
        supervise(world.deployment(), [postbox], "os:supervisor")
    return [n.email for n in postbox.notices if n.kind == alert.kind]


def test_f8_a_login_that_nobody_expected_is_told_and_climbs_to_the_controller(world: World) -> None:
    run, postbox = run_of(world), Postbox()
    assert noticed(world) == []
    mallory = Identity("mallory", "airflow", "203.0.113.9")
    with pytest.raises(Refused) as caught:
        run.hold(mallory, "Keep the files for me", later(world))
    assert caught.value.code == "person-not-authorised"

    [alert] = noticed(world, postbox)

    assert (alert.kind, alert.severity) == ("unexpected-principal", "high")
    assert climbs(world, postbox, alert) == [OWNER, DPO, CONTROLLER]
    recorded = [r.data for r in world.deployment().log.records(ALERTS) if r.kind == "escalated"]
    assert [(one["tier"], one["email"], one["told"]) for one in recorded] == [
        (0, OWNER, True), (1, DPO, True), (2, CONTROLLER, True)
    ]  # fmt: skip


def test_f8_an_act_from_elsewhere_is_seen_though_the_account_is_right(world: World) -> None:
    run = run_of(world, addresses=["10.0.0.0/8"])
    noticed(world)

    run.hold(replace(CAMILLE, address="203.0.113.9"), "A review is going on", later(world))

    [alert] = noticed(world)
    assert (alert.kind, alert.about) == ("unexpected-address", "address 203.0.113.9")


def test_f8_so_is_an_engineer_who_starts_what_only_a_schedule_started(world: World) -> None:
    run_of(world)
    noticed(world)

    run_of(world, "durand-by-hand", by="os:intern")

    found = {alert.kind: alert for alert in noticed(world)}
    assert "os:intern, which no earlier run" in found["unexpected-principal"].message


def test_f8_a_target_that_refuses_what_it_got_is_heard(world: World) -> None:
    run = run_of(world)
    world.deliver(run)
    noticed(world)
    said = answers.Answers(world, run)
    said.put(said.signed(said.true(), status="rejected"))
    with pytest.raises(Refused):
        run.confirm(world.landing())

    assert [alert.kind for alert in noticed(world)] == ["receipt-negative"]


# --- F10: warnings that were dismissed ------------------------------------------------------------


WHY = "The vendor renamed a column; a new version is asked for"


@pytest.fixture
def warned(world: World) -> tuple[World, Alert, Postbox]:
    """A warning, told to its owner."""
    postbox = Postbox()
    with pytest.raises(Refused):
        run_of(world).seal()
    [alert] = noticed(world, postbox)
    return world, alert, postbox


def desk(world: World) -> Desk:
    return Desk(world.deployment(), "test")


@pytest.mark.parametrize(
    ("account", "code"),
    [
        ("mallory", "person-not-authorised"),
        ("labo-team", "person-account-shared"),
        ("admin", "person-account-shared"),
    ],
)
def test_f10_nobody_dismisses_a_warning_who_is_nobody_or_everybody(
    warned: tuple[World, Alert, Postbox], account: str, code: str
) -> None:
    world, alert, _ = warned
    for act in (desk(world).acknowledge, desk(world).close):
        with pytest.raises(Refused) as caught:
            act(alert.id, Identity(account, "airflow"), WHY)
        assert caught.value.code == code

    assert desk(world).alert(alert.id).state == "open"
    assert {one.kind for one in noticed(world)} == {"unexpected-principal"}, "trying is seen"


def test_f10_nor_without_a_reason(warned: tuple[World, Alert, Postbox]) -> None:
    world, alert, _ = warned
    for reason in ("", "ok", "n/a"):
        with pytest.raises(Refused) as caught:
            desk(world).close(alert.id, CAMILLE, reason)
        assert caught.value.code == "alert-reason"
    assert desk(world).alert(alert.id).state == "open"


def test_f10_a_warning_that_nobody_answers_reaches_the_controller(
    warned: tuple[World, Alert, Postbox],
) -> None:
    world, alert, postbox = warned
    assert climbs(world, postbox, alert) == [OWNER, DPO, CONTROLLER]
    world.clock.advance(days=300)  # March to November 2020 was eight months
    noticed(world)
    assert desk(world).alert(alert.id).state == "open"


def test_f10_one_that_was_acknowledged_and_left_comes_back(
    warned: tuple[World, Alert, Postbox],
) -> None:
    world, alert, postbox = warned
    taken = desk(world).acknowledge(alert.id, CAMILLE, WHY)
    assert taken.acknowledged is not None
    assert (taken.acknowledged.person, taken.acknowledged.reason) == ("Camille Moreau", WHY)
    assert climbs(world, postbox, alert) == [OWNER], "it rests"
    world.clock.advance(days=7)

    assert climbs(world, postbox, alert) == [OWNER, OWNER, DPO, CONTROLLER]
    assert desk(world).alert(alert.id).state == "open"
