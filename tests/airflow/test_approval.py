"""Four eyes through Airflow: its scheduler's rules, its API for answers, its users and its database."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import pytest

from remit.custody import Story, stories
from remit.operators.origin import origin_of
from remit.testing.controller import Edit, four_eyes
from remit.testing.world import World

APPROVE, DELIVER = "migration.approve", "migration.deliver"


class Home:
    """The DAG `four_eyes` in an Airflow of this process: runs are started and answered by users."""

    def __init__(self, world: World, client: Any, dag: Any) -> None:
        self.world, self.client = world, client
        self.dag = dag
        self.run = ""

    def instruct(self, edit: Edit) -> None:
        """Have the controller sign this."""
        self.world.instruct(edit)

    def ask(self, user: str, method: str, path: str, **fields: Any) -> Any:
        """A request of a logged-in user."""
        from airflow.api_fastapi.app import get_auth_manager
        from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

        token = get_auth_manager().generate_jwt(SimpleAuthManagerUser(username=user, role="user"))
        headers = {"Authorization": f"Bearer {token}"}
        return self.client.request(method, f"/api/v2/dags/{path}", headers=headers, **fields)

    def start(self, by: str = "tom") -> Story:
        """Start a run and have its tasks run, as far as they go."""
        started = self.ask(by, "POST", "four_eyes/dagRuns", json={"logical_date": None})
        assert started.status_code == 200, started.text
        self.run = started.json()["dag_run_id"]
        return self.go()

    def go(self) -> Story:
        """Run whatever may run."""
        from airflow.models.dagrun import DagRun
        from airflow.sdk.definitions.dag import _run_task
        from airflow.utils.session import create_session
        from airflow.utils.state import DagRunState, TaskInstanceState
        from sqlalchemy import select

        while True:
            with create_session() as session:
                found = session.scalar(select(DagRun).where(DagRun.run_id == self.run))
                found.dag, found.state = self.serialized(), DagRunState.RUNNING
                ready, _ = found.update_state(session=session)
                for instance in ready:
                    instance.try_number += 1
                    instance.state = TaskInstanceState.SCHEDULED
                session.commit()
                of = found.get_task_instances(session=session)
                ready = [one for one in of if one.state == TaskInstanceState.SCHEDULED]
                for instance in ready:
                    _run_task(ti=instance, task=self.dag.task_dict[instance.task_id])
            if not ready and not self.fire():
                return self.story

    def fire(self) -> bool:
        """Be the triggerer for what reads answers: whether there was something to read."""
        from airflow.api_fastapi.execution_api.routes.hitl import get_hitl_detail
        from airflow.models.taskinstance import TaskInstance
        from airflow.models.trigger import Trigger, handle_event_submit
        from airflow.sdk.execution_time import task_runner
        from airflow.utils.session import create_session
        from sqlalchemy import select

        from remit.operators.answer_trigger import AnswerTrigger

        class Comms:  # as the triggerer's runner asks its supervisor, which asks the execution API
            def send(self, msg: Any) -> Any:
                assert type(msg).__name__ == "GetHITLDetailResponse"
                with create_session() as session:
                    return get_hitl_detail(msg.ti_id, session)

        with create_session() as session:
            wanted = (TaskInstance.run_id == self.run, TaskInstance.state == "deferred")
            for instance in session.scalars(select(TaskInstance).where(*wanted)).all():
                trigger = session.get(Trigger, instance.trigger_id)
                if not trigger.classpath.endswith("AnswerTrigger"):
                    continue
                with pytest.MonkeyPatch.context() as patch:
                    patch.setattr(task_runner, "SUPERVISOR_COMMS", Comms(), raising=False)
                    event = asyncio.run(anext(AnswerTrigger(**trigger.kwargs).run()))
                handle_event_submit(event, task_instance=instance, session=session)
                return True
        return False

    def serialized(self) -> Any:
        from airflow.models.serialized_dag import SerializedDagModel

        found = SerializedDagModel.get("four_eyes")
        return found.dag

    @property
    def story(self) -> Story:
        """The newest run's."""
        return stories(self.world.deployment().log.records())[-1]

    def state(self, task: str) -> str:
        """How a task of the run is."""
        path = f"four_eyes/dagRuns/{quote(self.run)}/taskInstances/{task}"
        return str(self.ask("alice", "GET", path).json()["state"])

    @property
    def question(self) -> str:
        return f"four_eyes/dagRuns/{quote(self.run)}/taskInstances/{APPROVE}/-1/hitlDetails"

    def options(self) -> list[str]:
        """What can be answered: to approve, or not to."""
        return list(self.ask("alice", "GET", self.question).json()["options"])

    def answer(self, user: str, *chosen: str) -> int:
        """The status of a user's answer."""
        fields = {"chosen_options": list(chosen), "params_input": {}}
        return int(self.ask(user, "PATCH", self.question, json=fields).status_code)

    def clear(self, task: str) -> None:
        """Have a task and what follows run again."""
        fields = {"dry_run": False, "dag_run_id": self.run, "task_ids": [task],
                  "only_failed": False, "include_downstream": True}  # fmt: skip
        done = self.ask("tom", "POST", "four_eyes/clearTaskInstances", json=fields)
        assert done.status_code == 200, done.text

    def mark(self, task: str, state: str) -> None:
        """Set a task's state by hand."""
        path = f"four_eyes/dagRuns/{quote(self.run)}/taskInstances/{task}"
        assert self.ask("tom", "PATCH", path, json={"new_state": state}).status_code == 200

    def wake(self, **columns: Any) -> None:
        """Wake the task with an event of our own, having changed the row of the answer itself."""
        from airflow.models.hitl import HITLDetail
        from airflow.models.taskinstance import TaskInstance
        from airflow.models.trigger import handle_event_submit
        from airflow.triggers.base import TriggerEvent
        from airflow.utils.session import create_session
        from sqlalchemy import select

        with create_session() as session:
            wanted = (TaskInstance.run_id == self.run, TaskInstance.task_id == APPROVE)
            instance = session.scalar(select(TaskInstance).where(*wanted))
            detail = session.get(HITLDetail, instance.id)
            for name, value in columns.items():
                setattr(detail, name, value)
            event = {
                "chosen_options": [detail.options[0]],
                "params_input": {},
                "responded_at": detail.created_at,
                "responded_by_user": user_of("alice"),
                "timedout": False,
            }
            handle_event_submit(TriggerEvent(event), task_instance=instance, session=session)
        self.go()

    def pass_time(self) -> None:
        """Wait until nobody answered; the scheduler ends what waited too long."""
        from airflow.jobs.job import Job
        from airflow.jobs.scheduler_job_runner import SchedulerJobRunner

        time.sleep(6)
        SchedulerJobRunner(Job()).check_awaiting_input_timeouts()
        self.go()

    def refusal(self) -> str:
        """The code of the last refusal."""
        return str(self.story.last("refused")["refusal"]["code"])


@pytest.fixture(scope="module")
def client(database: Path) -> Any:
    from airflow.api_fastapi.app import create_app
    from fastapi.testclient import TestClient

    return TestClient(create_app(apps="core"))


@pytest.fixture
def home(connected: Callable[..., World], client: Any, database: Path) -> Home:
    from airflow.dag_processing.bundles.manager import DagBundlesManager
    from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db

    world = connected(named)
    DagBundlesManager().sync_bundles_to_db()
    bag = DagBag(database.parent / "dags" / "four_eyes.py")
    assert not bag.import_errors
    sync_bag_to_db(bag, "dags-folder", None)
    return Home(world, client, bag.dags["four_eyes"])


def named(fields: dict[str, Any]) -> None:
    """Alice, Bruno, who starts the run, and Dora, the DAG's author, may approve by the instruction."""
    four_eyes(fields)
    dora = {"name": "Dora Roux", "email": "dora.roux@migrations.example", "account": "dora"}
    fields["contacts"]["authorised"].append(dora | {"may": ["approve"]})


def test_one_of_those_who_may_approves_and_nobody_and_nothing_else(
    home: Home, capfd: pytest.CaptureFixture[str]
) -> None:
    home.instruct(named)
    home.start(by="bruno")
    assert home.state(APPROVE) == "awaiting_input"
    asked = home.story.last("asked")
    assert [one["account"] for one in asked["assigned"]] == ["alice"]
    assert (asked["authors"], asked["trigger"]) == (["dora"], "bruno")

    yes, _ = home.options()
    for user in ("bruno", "dora", "tom", "night-shift", "admin"):
        assert home.answer(user, yes) == 403
    assert home.answer("alice", "Approve") == 400
    home.wake()  # by an event that says that Alice approved, which Airflow has nowhere else
    assert home.state(APPROVE) == "awaiting_input"

    for code, row in (
        ("person-account-shared", {"responded_by": user_of("night-shift")}),
        ("approval-by-author", {"responded_by": user_of("dora")}),
        ("approval-by-trigger", {"responded_by": user_of("bruno")}),
        ("person-not-authorised", {"responded_by": user_of("mallory")}),
        ("approval-unattributed", {"responded_by": None}),
        ("approval-answer-differs", {"chosen_options": [yes.replace("question ", "question 0")]}),
        (
            "approval-answer-differs",
            {"responded_at": datetime.now(UTC) - timedelta(hours=1)},
        ),  # of an earlier try
    ):
        fields = {"responded_by": user_of("alice"), "chosen_options": home.options()[:1]}
        everybody = [user_of(name) for name in ("alice", "dora", "bruno", "night-shift", "mallory")]
        home.wake(**fields | {"responded_at": datetime.now(UTC), "assignees": everybody} | row)
        assert (home.state(APPROVE), home.refusal()) == ("failed", code)
        home.clear(APPROVE)
        home.go()
        assert home.state(APPROVE) == "awaiting_input"
    home.mark(APPROVE, "success")
    home.go()
    assert (home.state(DELIVER), home.refusal()) == ("failed", "approval-missing")
    assert not home.story.has("delivered")
    home.clear(APPROVE)
    home.go()

    assert home.answer("alice", home.options()[0]) == 200
    assert home.answer("alice", home.options()[0]) == 409
    story = home.go()
    assert home.state(DELIVER) == "success"
    approved = story.last("approved")
    assert approved["identity"]["name"] == "Alice Martin"
    assert (approved["identity"]["account"], approved["identity"]["via"]) == ("alice", "airflow")
    log = capfd.readouterr().out
    assert "“Alice Martin” (alice) approved the delivery of manifest" in log
    # Cleared after the approval: the evidence decides, and nobody is asked again.
    home.clear(APPROVE)
    home.go()
    assert home.state(APPROVE) == "success"
    assert [record.kind for record in home.story.records].count("approved") == 1


def test_what_is_asked_shows_what_would_leave_and_that_the_time_is_over(home: Home) -> None:
    def hurried(fields: dict[str, Any]) -> None:
        four_eyes(fields)
        fields["approval"] = {"within": "PT4S"}
        fields["recipients"][0]["legal_name"] = "<b>Kalisil</b> | [SAS](http://x.example)"

    home.instruct(hurried)
    home.start()
    shown = home.ask("alice", "GET", home.question).json()
    assert "rows of run four-eyes" in shown["subject"]
    for told in (home.story.last("asked")["manifest"], "`results.parquet`", "dora", "tom"):
        assert told in shown["body"]
    assert r"\<b\>Kalisil\</b\> \| \[SAS\]" in shown["body"]
    assert shown["defaults"] is None

    home.pass_time()
    assert (home.state(APPROVE), home.state(DELIVER)) == ("failed", "upstream_failed")
    assert home.refusal() == "approval-timed-out"
    kinds = [record.kind for record in home.story.records]
    assert kinds[-4:] == ["refused", "stopped", "deleting", "deleted"]
    assert list(home.world.landing_path.iterdir()) == []


def test_hostile_names_are_text_in_the_question_and_in_the_logs_of_a_whole_run(
    home: Home, capfd: pytest.CaptureFixture[str]
) -> None:
    said = (
        "<script>alert(1)</script> [go](javascript:x)\r\n::group::forged\n\x1b[31mred\u202eturned"
    )

    def marred(fields: dict[str, Any]) -> None:
        four_eyes(fields)
        fields["purpose"] = f"Continuity of care in Lyon {said}"
        for party in (fields["controller"], fields["processor"], fields["recipients"][0]):
            party["legal_name"] = said
        fields["contacts"]["authorised"][0]["name"] = said  # Alice's

    home.instruct(marred)
    home.start()
    asked = home.ask("alice", "GET", home.question).json()
    assert asked["subject"].isprintable()
    assert "\\<script\\>alert(1)" in asked["body"]
    assert "<script>" not in asked["body"]
    assert home.answer("alice", home.options()[0]) == 200
    home.go()

    assert (home.state(APPROVE), home.state(DELIVER)) == ("success", "success")
    log = "".join(capfd.readouterr())
    assert "<script>alert(1)</script>" in log  # the names are told, and
    assert "::group::forged" not in log  # Airflow's pages fold at it, wherever in a line it stands
    for harm in ("\n::group::forged", "\x1b[31mred", "\u202e"):
        assert harm not in log + asked["body"]


def user_of(account: str) -> dict[str, str]:
    return {"id": account, "name": account}


def test_an_asset_event_that_somebody_made_starts_no_run_by_itself() -> None:
    def started(extra: dict[str, Any]) -> bool:
        dag_run = SimpleNamespace(
            run_type="asset_triggered", consumed_asset_events=[SimpleNamespace(extra=extra)]
        )
        task = SimpleNamespace(owner="dora")
        task.dag = SimpleNamespace(tasks=[task])
        return origin_of(task, {"dag_run": dag_run}).unattended

    assert started({})
    assert not started({"from_rest_api": True})
