"""An alert left alone escalates on time with scheduler, triggerer, DAG and service each stopped in turn.

All parts are real: an Airflow whose processes are killed, the DAG `remit_supervision` of every few
seconds, `airflow remit supervise` beside it, a mail server and a webhook's receiver.
"""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from remit.alerts import heartbeat
from remit.alerts.model import Alert
from remit.alerts.projection import alerts_in
from remit.custody import Run
from remit.errors import Refused
from remit.evidence import Record
from remit.instruction import read_signed
from remit.testing.demo_home import REPOSITORY, DemoHome
from remit.testing.mail_server import MailServer
from remit.testing.processes import COMPONENTS, SOON, AirflowProcesses
from remit.testing.webhook_receiver import WebhookReceiver
from remit.wiring import Settings, open_deployment, open_notes, os_user

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

DAG = "remit_supervision"
OWNER, DPO, CONTROLLER = (
    "owner@migrations.example",
    "dpo@migrations.example",
    "helene.durand@durand.example",
)
CHAIN = {OWNER: 0, DPO: 6, CONTROLLER: 12}
SERVICE_EVERY, DAG_EVERY = 2, 5
SHORTENED = {
    'schedule="*/5 * * * *"': f"schedule=timedelta(seconds={DAG_EVERY})",
    "every=timedelta(minutes=5)": f"every=timedelta(seconds={DAG_EVERY})",
    "retry_delay=timedelta(seconds=30)": "retry_delay=timedelta(seconds=1)",
}
SERVICE = """
import sys
from argparse import Namespace
from remit.provider import run_cli
run_cli(Namespace(version=False, arguments=sys.argv[1:]))
"""
"""What `airflow remit` runs; its name is Airflow's to know where the package is installed."""
SLACK = 8
"""Seconds that a pass itself may take on a machine that does other things as well."""
TASK = 12
"""Seconds more that Airflow may take to start a task there."""
PATIENCE = 180
PARTS = SOON | {"AIRFLOW__CORE__PARALLELISM": "4"}


def seconds(fields: dict[str, Any]) -> None:
    """Edit: a chain of seconds."""
    fields["supervision"] = {
        "owner": {"name": "Odile Owner", "email": OWNER},
        "escalation": [
            {"name": "Paul Petit", "email": DPO, "after": f"PT{CHAIN[DPO]}S"},
            {"name": "Hélène Durand", "email": CONTROLLER, "after": f"PT{CHAIN[CONTROLLER]}S"},
        ],
    }


class Window(NamedTuple):
    """When something was to stop, was stopped, and was at work again."""

    what: str
    asked: datetime
    stopped: datetime
    back: datetime


class Place:
    """An Airflow and the service under supervision's test; what they tell arrives at `hook` and `mail`."""

    def __init__(self, root: Path, hook: WebhookReceiver, mail: MailServer) -> None:
        self.home, self.hook, self.mail = DemoHome(root), hook, mail
        self.airflow = AirflowProcesses(self.home)

    def make(self) -> None:
        self.home.make()
        self.home.settings = PARTS | self.airflow.served() | self._channels() | self._dags()
        initdb = ("-c", "from airflow.utils.db import initdb; initdb()")
        with self.home.running(*initdb, log="initdb.log") as made:
            self.home.instruct(seconds)
            assert made.wait() == 0, (self.home.logs / "initdb.log").read_text()
        self.settings = Settings.from_environment(self.home.environment)
        self.deployment = open_deployment(self.settings)

    def _channels(self) -> dict[str, str]:
        extra = {"from_email": "remit@calisto.example", "disable_ssl": True, "disable_tls": True}
        smtp = {"conn_type": "smtp", "host": "127.0.0.1", "port": self.mail.port, "extra": extra}
        http = {"conn_type": "http", "host": f"{self.hook.base}/alerts"}
        return {
            "AIRFLOW_CONN_ALERTS_MAIL": json.dumps(smtp),
            "AIRFLOW_CONN_ALERTS_HOOK": json.dumps(http | {"password": self.hook.secret}),
            "REMIT_ALERTS": "smtp:alerts_mail webhook:alerts_hook",
        }

    def _dags(self) -> dict[str, str]:
        """The shipped DAG; only its times are shorter."""
        text = (REPOSITORY / "dags" / f"{DAG}.py").read_text()
        for said, instead in SHORTENED.items():
            assert text.count(said) == 1, said
            text = text.replace(said, instead)
        folder = self.home.root / "dags"
        folder.mkdir()
        (folder / f"{DAG}.py").write_text(text)
        return {"AIRFLOW__CORE__DAGS_FOLDER": str(folder)}

    def start_service(self) -> None:
        self.airflow.keep("service", "-c", SERVICE, "supervise", "--every", f"PT{SERVICE_EVERY}S")

    def wait(self, holds: Callable[[], bool], what: str) -> None:
        self.airflow.wait(holds, what, PATIENCE)

    def refuse(self, run: str) -> None:
        """Have a step refused, which raises an alert that nobody acknowledges."""
        instruct = self.home.controller.instruct
        path = instruct(self.home.parties, f"{run}.yaml", lambda f: (f.update(id=run), seconds(f)))
        opened = Run(run, self.deployment, "os:test")
        opened.open(read_signed(path), "sqlite:///lis.sqlite", str(self.home.landing))
        with pytest.raises(Refused):
            opened.seal()

    def alerts(self) -> list[Alert]:
        return alerts_in(self.deployment.log.ledger, datetime.now(UTC))

    def escalated(self) -> list[Record]:
        records = self.deployment.log.records("register:alerts")
        return [one for one in records if one.kind == "escalated"]

    def await_told(self, about: str, email: str) -> None:
        """Wait until it is recorded that somebody was told of an alert about a run or supervisor."""

        def told() -> bool:
            ids = {one.id for one in self.alerts() if about in (one.run, one.about)}
            found = [one.data for one in self.escalated() if one.data["alert"] in ids]
            return any(one["email"] == email and one["told"] for one in found)

        self.wait(told, f"{email} is told of {about}")

    def await_pass(self, name: str) -> None:
        """Wait until a supervisor looks, from now on."""
        now = datetime.now(UTC)

        def looked() -> bool:
            passes = heartbeat.last_passes(open_notes(self.settings))
            return any(one.name == name and one.at >= now for one in passes)

        self.wait(looked, f"{name} looks")

    def await_component(self, part: str) -> None:
        """Wait until a part of Airflow beats, from now on."""
        now = datetime.now(UTC)
        self.wait(lambda: (self.airflow.api.heartbeat(part) or now) > now, f"{part} beats")

    def turn_back(self, by: str, every: int) -> None:
        """Have a supervisor that is stopped seem silent for longer than a test can wait."""
        notes, then = open_notes(self.settings), datetime.now(UTC) - timedelta(minutes=20)
        heartbeat.beat(notes, by, then, timedelta(seconds=every))

    def stopping(
        self, what: str, stop: Callable[[], None], silent: str = ""
    ) -> Callable[[], Window]:
        """Stop something while an alert climbs, and have another one raised; ends before the start.

        Both are left alone until they have climbed. Whoever is killed has nothing to send just then.
        """
        before, during = f"before-{what}", f"during-{what}"
        self.refuse(before)
        self.await_told(before, OWNER)
        asked = datetime.now(UTC)
        stop()
        stopped = datetime.now(UTC)
        if silent:
            self.turn_back(silent, DAG_EVERY)
        self.refuse(during)
        for about in (before, during):
            self.await_told(about, DPO)
        if silent:
            self.await_told(f"supervisor {silent}", DPO)

        def ended() -> Window:
            back = datetime.now(UTC)
            for about in (before, during, *([f"supervisor {silent}"] if silent else [])):
                self.await_told(about, CONTROLLER)
            return Window(what, asked, stopped, back)

        return ended


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with ExitStack() as stack:
        hook, mail = stack.enter_context(WebhookReceiver()), stack.enter_context(MailServer())
        made = Place(tmp_path / "home", hook, mail)
        stack.callback(made.airflow.kill_all)
        made.make()
        for component in COMPONENTS:
            made.airflow.start(component)
        made.start_service()
        made.airflow.await_dag(DAG)
        yield made


def go_through(place: Place) -> list[Window]:
    """Stop each in turn, and start it again."""
    airflow, api = place.airflow, place.airflow.api
    dag, service = f"airflow:{DAG}", f"os:{os_user()}"
    place.await_pass(dag)
    place.await_pass(service)

    def kill_scheduler() -> None:
        place.wait(lambda: bool(api.running(DAG)), "a pass begins")  # which is lost with it
        airflow.kill("scheduler")

    ended = place.stopping("scheduler", kill_scheduler)
    lost = api.running(DAG)
    airflow.start("scheduler")
    place.await_component("scheduler")
    place.await_pass(dag)
    windows = [ended()]

    ended = place.stopping("triggerer", lambda: airflow.kill("triggerer"))
    airflow.start("triggerer")
    place.await_component("triggerer")
    windows.append(ended())

    def pause() -> None:
        api.pause(DAG, paused=True)
        place.wait(lambda: api.running(DAG) <= lost, "its last task ends")

    ended = place.stopping("dag", pause, silent=dag)
    api.pause(DAG, paused=False)
    place.await_pass(dag)
    windows.append(ended())

    ended = place.stopping("service", lambda: airflow.kill("service"), silent=service)
    place.start_service()
    place.await_pass(service)
    return [*windows, ended()]


def late(place: Place, alert: Alert) -> Iterator[tuple[datetime, float]]:
    """When each tier was due, and how much later the receiver got its notice."""
    for came in place.hook.received:
        data = json.loads(came.body)["data"]
        if data["alert"] == alert.id:
            due = alert.raised_at + timedelta(seconds=CHAIN[data["person"]["email"]])
            yield due, (came.at - due).total_seconds()


def assert_told_by_who_was_left(alerts: list[Alert], records: list[Record]) -> None:
    """Owner and officer of what was refused while something was stopped."""
    left = {"scheduler": "os:", "dag": "os:", "service": f"airflow:{DAG}/", "triggerer": ""}
    for what, who in left.items():
        [alert] = [one for one in alerts if one.run == f"during-{what}"]
        found = [one for one in records if one.data["alert"] == alert.id]
        assert all(one.by.startswith(who) for one in found if one.data["tier"] < 2), what


def assert_told_in_order(place: Place, alert: Alert, windows: list[Window]) -> None:
    """Each once; twice only by another, where whoever had sent it was killed before it was recorded."""
    first: dict[str, datetime] = {}
    for came in place.hook.received:
        data = json.loads(came.body)["data"]
        if data["alert"] == alert.id:
            email = data["person"]["email"]
            again = first.setdefault(email, came.at) != came.at
            assert not again or any(one.asked <= first[email] <= one.stopped for one in windows)
    assert list(first) == [OWNER, DPO, CONTROLLER], alert.about


def test_an_alert_left_alone_escalates_on_time_whatever_is_stopped(place: Place) -> None:
    windows = go_through(place)

    alerts, records = place.alerts(), place.escalated()
    silent = [one.about for one in alerts if one.kind == "supervision-silent"]
    assert silent == [f"supervisor airflow:{DAG}", f"supervisor os:{os_user()}"]
    assert len(alerts) == 2 * len(windows) + len(silent)
    assert_told_by_who_was_left(alerts, records)
    for alert in alerts:
        assert [one.told for one in alert.told] == [True] * 3
        assert_told_in_order(place, alert, windows)
    ids = {came.headers["webhook-id"] for came in place.hook.received}
    assert (
        len(ids) == len({one.message["Message-ID"] for one in place.mail.mails}) == 3 * len(alerts)
    )

    alone = windows[-1]
    lateness: dict[str, list[float]] = {"service": [], "DAG alone": []}
    for alert in alerts:
        for due, seconds_late in late(place, alert):
            by_dag = alone.asked - timedelta(seconds=SERVICE_EVERY) <= due <= alone.back
            lateness["DAG alone" if by_dag else "service"].append(seconds_late)
    for who, found in lateness.items():
        median, worst = statistics.median(found), max(found)
        said = f"{len(found)} notices, median {median:.1f} s, worst {worst:.1f} s after their time"
        sys.stdout.write(f"{who}: {said}\n")
    assert min(min(found) for found in lateness.values()) >= 0
    assert max(lateness["service"]) <= SERVICE_EVERY + SLACK
    assert max(lateness["DAG alone"]) <= DAG_EVERY + TASK + SLACK
    assert max(one.data["late"] for one in records) <= max(
        lateness["service"] + lateness["DAG alone"]
    )
