"""Breach notices of alerts that say of nobody's data what became of them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from remit.breach import draft_of_alert
from remit.errors import Refused
from remit.testing.world import World


@pytest.fixture
def drafted(world: World) -> Callable[[str], Refused]:
    """The refusal of a notice of an alert, in a log with one that is about no run."""
    log = world.deployment().log
    data = {"alert": "a" * 16, "run": None, "message": "the ledger does not answer"}
    log.append("register:alerts", "alerted", data, "test", step=None)

    def draft(alert: str) -> Refused:
        with pytest.raises(Refused) as caught:
            draft_of_alert(log.ledger, alert, world.clock())
        return caught.value

    return draft


@pytest.mark.vector("alert-unknown")
def test_an_alert_that_nobody_raised(drafted: Callable[[str], Refused]) -> None:
    refusal = drafted("b" * 16)

    assert (refusal.code, refusal.where) == ("alert-unknown", "alert " + "b" * 16)


@pytest.mark.vector("alert-without-run")
def test_an_alert_that_is_about_no_run(drafted: Callable[[str], Refused]) -> None:
    refusal = drafted("a" * 16)

    assert refusal.code == "alert-without-run"
    assert "remit breach RUN" in refusal.way_out
