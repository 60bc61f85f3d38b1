"""Airflow's deadline alerts, as a second channel of supervision.

A DAG run that has not ended in time has the triggerer look once as supervision does, so that what is
due is told even where the DAG `remit_supervision` does not run. That the run is late is an alert, in
the evidence and with its escalation, like any other.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from airflow.sdk.definitions.callback import AsyncCallback
from airflow.sdk.definitions.deadline import DeadlineAlert, DeadlineReference

from remit.errors import Unavailable, UsageError
from remit.operators.base import run_of
from remit.operators.failures import guarded

if TYPE_CHECKING:
    from airflow.sdk.types import Logger

    from remit.alerts.conditions import Condition
    from remit.alerts.supervise import Passed
    from remit.operators.connections import Airflows
    from remit.wiring import Settings

_log = cast("Logger", logging.getLogger(__name__))
_TRIES, _PAUSE = 20, 6.0
"""How often, with so many seconds in between, it tries while another supervisor is at work."""


def deadline(within: timedelta, group_id: str | None = None) -> list[DeadlineAlert]:
    """What a DAG takes as its `deadline`: its runs end this soon after they were queued.

    Args:
        within: a whole number of seconds.
        group_id: of the DAG's one `ControlledMigration`, whose instruction says who is told; without
            one it is everybody's of the instructions in force.
    """
    if within < timedelta(seconds=1):
        raise UsageError("a DAG run's deadline is a second or more after it was queued.")
    seconds = int(within.total_seconds())
    callback = AsyncCallback(tell_late, kwargs={"within": seconds, "group_id": group_id})
    reference = DeadlineReference.DAGRUN_QUEUED_AT
    return [DeadlineAlert(reference, timedelta(seconds=seconds), callback, name="remit")]


async def tell_late(within: int, group_id: str | None, context: Mapping[str, Any]) -> None:
    """Raise the alert and tell whom it is time to tell; Airflow calls it in the triggerer.

    Args:
        within: seconds after it was queued by which the DAG run should have ended.
        context: as Airflow gives it: a few fields of the DAG run, as JSON.

    Raises:
        AirflowException: it could not be recorded or told. Its text is ours alone.
    """
    from remit.operators.connections import looked_up
    from remit.wiring import Settings

    settings = Settings.from_environment()
    needed = {name for _, name in settings.alerts} | settings.secret_connections()
    if settings.staging.startswith("conn:"):
        needed.add(settings.staging.removeprefix("conn:"))
    known = await looked_up(needed)
    look = partial(_look, settings, known, within, group_id, context["dag_run"])
    await asyncio.to_thread(guarded, look, _log)


def _look(
    settings: Settings,
    known: Airflows,
    within: int,
    group_id: str | None,
    dag_run: Mapping[str, Any],
) -> None:
    """In a thread, because the ledger and the channels take their time."""
    from remit.alerts.watch import watch
    from remit.channels import open_channels
    from remit.wiring import clock, open_deployment, open_notes

    # A name of its own: a late run of supervision must not pass for supervision that looked.
    by = f"airflow:deadline of {dag_run['dag_id']}/{dag_run['dag_run_id']}"
    look = partial(
        watch,
        lambda: open_deployment(settings, now=clock, resolve=known),
        open_notes(settings),
        open_channels(settings, known),
        by,
        clock,
        also=[condition(within, group_id, dag_run)],
    )
    passed = look()
    for _ in range(_TRIES):
        if passed.busy:
            time.sleep(_PAUSE)
            passed = look()
    _require_told(passed)


def _require_told(passed: Passed) -> None:
    if passed.busy:
        raise Unavailable("supervision", "another supervisor is at work and does not end.")
    if passed.emergencies:
        raise Unavailable(
            "the evidence", "it is away or broken, so that the late run is on no record."
        )
    if passed.failed:
        raise Unavailable("alerts", f"{len(passed.failed)} could not be told; see remit alerts.")


def condition(within: int, group_id: str | None, dag_run: Mapping[str, Any]) -> Condition:
    """The condition that a DAG run is late."""
    from remit.alerts.conditions import Condition

    dag_id, name = str(dag_run["dag_id"]), str(dag_run["dag_run_id"])
    return Condition(
        "dag-late",
        f"DAG run {dag_id}/{name}",
        f"It had not ended {timedelta(seconds=within)} after it was queued.",
        "look at its tasks in Airflow; what is due meanwhile is in remit's overview.",
        run=run_of(dag_id, name, group_id) if group_id else None,
    )
