"""Supervision through Airflow: the DAG raises, tells, escalates and fails where nobody was told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from remit.alerts import heartbeat
from remit.alerts.desk import Desk
from remit.alerts.watch import watch
from remit.testing.channels import Postbox
from remit.testing.world import World


@pytest.fixture
def postbox(monkeypatch: pytest.MonkeyPatch) -> Postbox:
    made = Postbox()
    monkeypatch.setattr("remit.channels.open_channels", lambda settings, resolve: [made])
    return made


def supervise(context: Any) -> None:
    from remit.operators import SuperviseOperator

    SuperviseOperator(task_id="supervise").execute(context)


def refuse(tasks: dict[str, Any], context: Any) -> None:
    tasks["plan"].execute(context)
    with pytest.raises(AirflowFailException):
        tasks["seal"].execute(context)


def test_the_dag_tells_the_owner_and_later_everybody_whatever_became_of_the_migration(
    connected: Callable[..., World],
    tasks: dict[str, Any],
    context: Any,
    run_dag: Callable[[str], Any],
    postbox: Postbox,
    eight_days_later: Callable[[], None],
) -> None:
    world = connected()
    refuse(tasks, context)
    assert run_dag("remit_supervision").state == "success"
    assert postbox.told == [("refusal", "dpo@migrations.example")]

    eight_days_later()
    assert run_dag("remit_supervision").state == "success"

    assert ("refusal", "helene.durand@durand.example") in postbox.told
    log = world.deployment().log
    by = {r.by for r in log.records("register:alerts") if r.kind == "escalated"}
    assert all(one.startswith("airflow:remit_supervision/") for one in by)
    assert heartbeat.last_passes(world.deployment().notes)[0].name == "airflow:remit_supervision"


def test_the_service_tells_what_the_dag_does_not_while_it_is_stopped(
    connected: Callable[..., World],
    tasks: dict[str, Any],
    context: Any,
    run_dag: Callable[[str], Any],
    postbox: Postbox,
) -> None:
    world, five = connected(), timedelta(minutes=5)
    tasks["plan"].execute(context)
    assert run_dag("remit_supervision").state == "success"
    refuse(tasks, context)  # and now nothing of Airflow runs any more

    for hours in (0, 6, 6):  # the officer at once, the controller after half of a day
        world.clock.advance(hours=hours)
        notes = world.deployment().notes
        watch(world.deployment, notes, [postbox], "os:service", world.clock, five)

    alerts = Desk(world.deployment(), "test").alerts()
    assert {alert.kind for alert in alerts} == {"refusal", "supervision-silent"}
    assert ("refusal", "helene.durand@durand.example") in postbox.told


def test_a_notice_that_nobody_takes_fails_the_task_so_that_it_shows(
    connected: Callable[..., World],
    tasks: dict[str, Any],
    context: Any,
    postbox: Postbox,
    capfd: pytest.CaptureFixture[str],
) -> None:
    connected()
    refuse(tasks, context)
    postbox.down = True
    with pytest.raises(AirflowException, match="1 notices could not be sent") as caught:
        supervise(context)
    assert not isinstance(caught.value, AirflowFailException)  # it is tried again
    assert "NOT TOLD" in capfd.readouterr().out
    postbox.down = False

    supervise(context)


def test_without_a_channel_the_task_fails_when_there_is_something_to_tell(
    connected: Callable[..., World], tasks: dict[str, Any], context: Any
) -> None:
    connected()
    supervise(context)
    refuse(tasks, context)
    with pytest.raises(AirflowFailException, match="REMIT_ALERTS names no channel"):
        supervise(context)
