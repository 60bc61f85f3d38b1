"""A DAG run that does not end in time is told of through the channels, and is an alert in the evidence."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowException

from remit.alerts.model import Alert
from remit.alerts.projection import alerts_in
from remit.errors import UsageError
from remit.operators.base import run_of
from remit.operators.late import deadline, tell_late
from remit.testing.mail_server import MailServer
from remit.testing.webhook_receiver import WebhookReceiver
from remit.testing.world import World

CONTEXT = {"dag_run": {"dag_id": "quick_migration", "dag_run_id": "manual__1"}}


@pytest.fixture
def servers(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[MailServer, WebhookReceiver]]:
    """A mail server and a webhook receiver, which the settings name."""
    with MailServer() as mail, WebhookReceiver() as hook:
        extra = {"from_email": "remit@calisto.example", "disable_ssl": True, "disable_tls": True}
        smtp = {"conn_type": "smtp", "host": "127.0.0.1", "port": mail.port, "extra": extra}
        http = {"conn_type": "http", "host": f"{hook.base}/alerts", "password": hook.secret}
        monkeypatch.setenv("AIRFLOW_CONN_ALERTS_MAIL", json.dumps(smtp))
        monkeypatch.setenv("AIRFLOW_CONN_ALERTS_HOOK", json.dumps(http))
        monkeypatch.setenv("REMIT_ALERTS", "smtp:alerts_mail webhook:alerts_hook")
        yield mail, hook


def alerts_of(world: World) -> list[Alert]:
    deployment = world.deployment()
    return alerts_in(deployment.log.ledger, deployment.clock())


def opened(world: World) -> None:
    """A run of the DAG run, opened by its first task."""
    world.open_run(run_of("quick_migration", "manual__1", "migration"))


def call(within: int = 3600, group_id: str | None = "migration") -> None:
    asyncio.run(tell_late(within=within, group_id=group_id, context=CONTEXT))


def test_a_late_run_is_told_to_the_owner_of_its_instruction(
    connected: Callable[..., World], servers: tuple[MailServer, WebhookReceiver]
) -> None:
    world = connected()
    opened(world)

    call()
    call()

    (alert,) = alerts_of(world)
    assert (alert.kind, alert.about) == ("dag-late", "DAG run quick_migration/manual__1")
    assert alert.instruction is not None
    mail, hook = servers
    (mailed,) = mail.mails
    assert mailed.recipients == [alert.chain[0].email]
    (received,) = hook.received
    data = json.loads(received.body)["data"]
    assert (data["alert"], data["person"]["email"]) == (alert.id, alert.chain[0].email)
    assert "It had not ended 1:00:00 after it was queued." in data["text"]


def test_a_late_dag_without_an_instruction_is_everybodys(
    connected: Callable[..., World], servers: tuple[MailServer, WebhookReceiver]
) -> None:
    world = connected()
    opened(world)

    call(group_id=None)

    (alert,) = alerts_of(world)
    assert alert.instruction is None
    assert alert.told[0].told


def test_what_cannot_be_told_fails_in_airflow_and_says_nothing_of_ours(
    connected: Callable[..., World],
    servers: tuple[MailServer, WebhookReceiver],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = connected()
    opened(world)
    monkeypatch.delenv("AIRFLOW_CONN_ALERTS_MAIL")
    servers[1].status = 500

    with pytest.raises(AirflowException, match="could not be told") as caught:
        call()

    assert caught.value.__context__ is None
    (alert,) = alerts_of(world)
    assert not alert.told[0].told
    assert "smtp:alerts_mail" in alert.told[0].outcome
    servers[1].status = 204
    call()
    assert alerts_of(world)[0].told[-1].told


def test_the_shipped_dags_have_a_deadline(dag_of: Callable[[str], Any]) -> None:
    for dag_id in ("durand_migration", "remit_deletion", "remit_supervision", "remit_sweep"):
        (one,) = dag_of(dag_id).deadline
        assert one.callback.path == "remit.operators.late.tell_late"
        assert set(one.callback.kwargs) == {"within", "group_id"}
    assert dag_of("durand_migration").deadline[0].callback.kwargs["group_id"] == "migration"


def test_a_deadline_is_in_the_future() -> None:
    with pytest.raises(UsageError):
        deadline(timedelta(0))
    with DAG("short", schedule=None, deadline=deadline(timedelta(minutes=90))) as dag:
        pass
    (one,) = dag.deadline
    assert one.interval == timedelta(minutes=90)


@pytest.mark.slow
def test_airflow_itself_calls_it_when_a_run_misses_its_deadline(
    connected: Callable[..., World],
    servers: tuple[MailServer, WebhookReceiver],
    airflow_home: Callable[[], Path],
) -> None:
    world = connected()
    world.open_run("durand-known")
    home = airflow_home()
    (home / "dags" / "late.py").write_text(LATE_DAG)
    settings = {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
    }
    done = subprocess.run(
        [sys.executable, "-c", FIRE],
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-3000:]

    (alert,) = [one for one in alerts_of(world) if one.kind == "dag-late"]
    assert alert.about == "DAG run late/manual__late"
    assert len(servers[0].mails) >= 1
    assert len(servers[1].received) >= 1


LATE_DAG = """
from datetime import timedelta
from airflow.sdk import DAG
from remit.operators import SweepOperator
from remit.operators.late import deadline

with DAG("late", schedule=None, deadline=deadline(timedelta(seconds=1))) as dag:
    SweepOperator(task_id="sweep")
"""

FIRE = """
import asyncio, time
from airflow import settings
from airflow._shared.module_loading import import_string
from airflow.dag_processing.bundles.manager import DagBundlesManager
from airflow.dag_processing.dagbag import BundleDagBag, DagBag, sync_bag_to_db
from airflow.models.deadline import Deadline
from airflow.models.serialized_dag import SerializedDagModel
from airflow.utils.session import create_session
from airflow.utils.state import DagRunState
from airflow.utils.types import DagRunTriggeredByType, DagRunType
from airflow._shared.timezones import timezone
from sqlalchemy import select
import os

DagBundlesManager().sync_bundles_to_db()
bag = DagBag(os.environ["AIRFLOW__CORE__DAGS_FOLDER"] + "/late.py")
assert not bag.import_errors, bag.import_errors
sync_bag_to_db(bag, "dags-folder", None)
with create_session() as session:
    dag = SerializedDagModel.get_dag("late", session=session)
    now = timezone.utcnow()
    dag.create_dagrun(
        run_id="manual__late", logical_date=now, data_interval=(now, now), run_after=now,
        run_type=DagRunType.MANUAL, triggered_by=DagRunTriggeredByType.TEST, state=DagRunState.QUEUED,
        session=session,
    )
time.sleep(1.2)
with create_session() as session:
    (missed,) = session.scalars(select(Deadline).where(Deadline.deadline_time < timezone.utcnow()))
    missed.handle_miss(session)
    session.flush()
    stored = missed.callback.trigger
    trigger = import_string(stored.classpath)(**stored.kwargs)

async def run():
    return [event.payload async for event in trigger.run()]

events = asyncio.run(run())
assert events[-1]["state"] == "success", events
assert events[-1]["body"] is None
"""
