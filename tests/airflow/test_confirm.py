"""Waiting for the receipt: in the triggerer, on nothing but the file's existence."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, TaskDeferred

from remit.custody import Run, stories
from remit.operators.receipt_trigger import ReceiptTrigger
from remit.people import Identity
from remit.testing.answers import AUDIT, RECOUNT, SUBMIT, Answers, taking
from remit.testing.fhir_server import SimulatedFhirServer
from remit.testing.sftp import SftpServer
from remit.testing.world import World, by


def deliver(tasks: dict[str, Any], context: Any) -> None:
    for step in ("plan", "extract", "validate", "seal", "deliver"):
        tasks[step].execute(context)


RECEIPT_ALONE: dict[str, Any] = {
    "rule": {"level": "L3", "by": ["receipt"]},
    "ways": ["receipt"],
    "tables": ["results"],
}


async def first_event(trigger: ReceiptTrigger) -> Any:
    return await anext(trigger.run())


def test_it_waits_in_the_triggerer_and_then_verifies(
    connected: Callable[..., World], tasks: dict[str, Any], context: Any
) -> None:
    world = connected()
    deliver(tasks, context)
    with pytest.raises(TaskDeferred) as deferred:
        tasks["confirm"].execute(context)
    (story,) = stories(world.deployment().log.records())
    trigger = deferred.value.trigger
    path, fields = trigger.serialize()
    assert path == "remit.operators.receipt_trigger.ReceiptTrigger"
    obligation = story.obligation()
    assert obligation is not None
    assert json.loads(json.dumps(fields)) == {
        "landing": "conn:kalisil_landing",
        "remit_run": story.run,
        "poke_interval": 0.2,
        "deadline": obligation.due.isoformat(),
        "rule": {"level": "L3", "by": ["receipt"], "audit_table": None, "bulk_submit": None},
        "ways": ["receipt"],
        "tables": ["results", "observation_history"],
        "endpoint": None,
    }
    assert timedelta(days=7) < deferred.value.timeout < timedelta(days=7, hours=1)

    async def answered_meanwhile() -> Any:
        waiting = asyncio.create_task(first_event(ReceiptTrigger(**fields)))
        await asyncio.sleep(0.5)
        assert not waiting.done()
        await asyncio.to_thread(
            world.target.ingest, world.landing_path / story.run, world.settings.trust()
        )
        return await asyncio.wait_for(waiting, 10)

    event = asyncio.run(answered_meanwhile())
    getattr(tasks["confirm"], deferred.value.method_name)(context, event=event.payload)
    (story,) = stories(world.deployment().log.records())
    assert story.records[-1].kind == "confirmed"
    before = len(world.deployment().log.records())
    tasks["confirm"].execute(context)
    assert len(world.deployment().log.records()) == before


@pytest.mark.slow
def test_it_looks_at_the_sftp_server_that_is_instructed() -> None:
    with SftpServer() as server:
        (server.zone / "a-run").mkdir()
        (server.zone / "a-run" / "receipt.dsse.json").touch()
        soon = (datetime.now(UTC) + timedelta(seconds=60)).isoformat()
        rule = {"level": "L3", "by": ["receipt"]}
        asked = {"rule": rule, "ways": ["receipt"], "tables": [], "endpoint": server.fingerprint}
        trigger = ReceiptTrigger(server.url(), "a-run", 0.1, soon, **asked)

        assert asyncio.run(first_event(trigger)).payload == {"run": "a-run"}
        assert asyncio.run(trigger._there()) is True


def test_an_event_is_not_believed(
    connected: Callable[..., World], tasks: dict[str, Any], context: Any
) -> None:
    world = connected()
    deliver(tasks, context)
    with pytest.raises(TaskDeferred):
        tasks["confirm"].execute_complete(context, event={"confirmed": True})
    (story,) = stories(world.deployment().log.records())
    receipt = world.landing_path / story.run / "receipt.dsse.json"
    receipt.write_text('{"payload": "Zm9yZ2Vk", "payloadType": "x", "signatures": []}')
    with pytest.raises(AirflowFailException, match="Way out"):
        tasks["confirm"].execute_complete(context, event={"run": story.run})
    assert not story.has("confirmed")


def test_without_a_receipt_it_fails_at_the_maximum_age(
    connected: Callable[..., World],
    tasks: dict[str, Any],
    context: Any,
    eight_days_later: Callable[[], None],
) -> None:
    connected()
    deliver(tasks, context)
    eight_days_later()
    with pytest.raises(AirflowFailException, match="remit_deletion deletes every copy"):
        tasks["confirm"].execute(context)
    from remit.operators import DeleteOperator, ListDueOperator

    [due] = ListDueOperator(task_id="list_due").execute(context)
    DeleteOperator(task_id="delete", due=due).execute(context)
    with pytest.raises(AirflowFailException, match="receipt-overdue"):
        tasks["confirm"].execute(context)


def test_the_trigger_ends_at_its_deadline(connected: Callable[..., World]) -> None:
    connected()
    soon = (datetime.now(UTC) + timedelta(seconds=0.3)).isoformat()
    began = time.monotonic()
    event = asyncio.run(
        first_event(ReceiptTrigger("conn:kalisil_landing", "a-run", 60, soon, **RECEIPT_ALONE))
    )
    assert event.payload == {"run": "a-run"}
    assert time.monotonic() - began < 10


def test_the_trigger_outlasts_a_connection_that_cannot_be_looked_up(
    connected: Callable[..., World], monkeypatch: pytest.MonkeyPatch
) -> None:
    connected()
    monkeypatch.delenv("AIRFLOW_CONN_KALISIL_LANDING")
    soon = (datetime.now(UTC) + timedelta(seconds=0.3)).isoformat()
    event = asyncio.run(
        first_event(ReceiptTrigger("conn:kalisil_landing", "a-run", 0.1, soon, **RECEIPT_ALONE))
    )
    assert event.payload == {"run": "a-run"}


def test_trigger_that_is_started_again_after_its_time_or_after_the_receipt_fires_at_once(
    connected: Callable[..., World],
) -> None:
    world = connected()
    ago = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    in_thirty_days = (datetime.now(UTC) + timedelta(days=30)).isoformat()
    stored = ReceiptTrigger("conn:kalisil_landing", "a-run", 3600, ago, **RECEIPT_ALONE)
    again = ReceiptTrigger(**json.loads(json.dumps(stored.serialize()[1])))
    assert asyncio.run(asyncio.wait_for(first_event(again), 10)).payload == {"run": "a-run"}

    (world.landing_path / "a-run").mkdir()
    (world.landing_path / "a-run" / "receipt.dsse.json").write_text("{}")
    waits = ReceiptTrigger("conn:kalisil_landing", "a-run", 3600, in_thirty_days, **RECEIPT_ALONE)
    assert asyncio.run(asyncio.wait_for(first_event(waits), 10)).payload == {"run": "a-run"}


def test_wait_of_thirty_days_is_accepted(
    connected: Callable[..., World], tasks: dict[str, Any], context: Any
) -> None:
    connected(lambda fields: fields["retention"].update(without_confirmation="P30D"))
    deliver(tasks, context)
    with pytest.raises(TaskDeferred) as deferred:
        tasks["confirm"].execute(context)
    assert deferred.value.timeout > timedelta(days=30)


def test_control_file_wakes_the_task_once_and_a_person_wakes_it_again(
    connected: Callable[..., World], tasks: dict[str, Any], context: Any
) -> None:
    world = connected(taking("L1", "control_file"))
    deliver(tasks, context)
    (story,) = stories(world.deployment().log.records())
    answers = Answers(world, Run(story.run, world.deployment(), "test"))
    with pytest.raises(TaskDeferred) as first:
        tasks["confirm"].execute(context)
    assert first.value.trigger.ways == ["control_file"]
    answers.control()
    assert asyncio.run(asyncio.wait_for(first_event(first.value.trigger), 10))
    with pytest.raises(TaskDeferred) as second:
        tasks["confirm"].execute_complete(context)
    assert second.value.trigger.ways == []

    async def confirmed_meanwhile() -> Any:
        waiting = asyncio.create_task(first_event(second.value.trigger))
        await asyncio.sleep(0.5)
        assert not waiting.done()
        await asyncio.to_thread(answers.run.confirm, world.landing(), by=by("Camille Moreau"))
        return await asyncio.wait_for(waiting, 10)

    assert asyncio.run(confirmed_meanwhile())
    tasks["confirm"].execute_complete(context)
    assert not world.deployment().inbox.exists(story.run)


def test_word_on_another_file_wakes_the_task_once(
    connected: Callable[..., World], tasks: dict[str, Any], context: Any
) -> None:
    def edit(fields: dict[str, Any]) -> None:
        taking("L1", "control_file")(fields)
        fields["contacts"]["authorised"][0]["account"] = "camille"

    world = connected(edit)
    deliver(tasks, context)
    (story,) = stories(world.deployment().log.records())
    answers = Answers(world, Run(story.run, world.deployment(), "test"))
    answers.control()
    with pytest.raises(TaskDeferred):
        tasks["confirm"].execute(context)
    found = answers.run.story.last("answered")["digest"]
    control = answers.place.with_name("control.txt")
    control.write_text(control.read_text() + "\n")
    answers.run.stand_for(Identity("camille", "airflow"), found)
    inbox = world.deployment().inbox
    assert inbox.exists(story.run)

    with pytest.raises(TaskDeferred) as again:
        tasks["confirm"].execute_complete(context)

    assert not inbox.exists(story.run)
    assert again.value.trigger.ways == []
    answers.run.stand_for(
        Identity("camille", "airflow"), answers.run.story.last("answered")["digest"]
    )
    assert inbox.exists(story.run)
    tasks["confirm"].execute_complete(context)
    assert answers.run.story.last("confirmed")["principal"] == "Camille Moreau"
    assert not inbox.exists(story.run)


def test_table_of_loads_and_fhir_server_are_asked_by_the_trigger(
    connected: Callable[..., World],
    tasks: dict[str, Any],
    context: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    described = {"audit_table": {**AUDIT, "recount": RECOUNT}, "bulk_submit": SUBMIT}
    world = connected(taking("L2", "bulk_submit", "audit_table", **described))
    deliver(tasks, context)
    (story,) = stories(world.deployment().log.records())
    answers = Answers(world, Run(story.run, world.deployment(), "test"))
    database = {"conn_type": "sqlite", "host": str(answers.database)}
    monkeypatch.setenv("AIRFLOW_CONN_KALISIL_AUDIT", json.dumps(database))
    with SimulatedFhirServer() as server:
        host, port = server.base.removesuffix("/fhir").rsplit(":", 1)
        fhir = {"conn_type": "http", "host": f"{host}:{port}/fhir", "password": server.token}
        monkeypatch.setenv("AIRFLOW_CONN_KALISIL_FHIR", json.dumps(fhir))
        answers.load("loading")
        with pytest.raises(TaskDeferred) as deferred:
            tasks["confirm"].execute(context)
        stored = json.dumps(deferred.value.trigger.serialize()[1])
        assert server.token not in stored
        assert host not in stored

        async def loaded_meanwhile() -> Any:
            waiting = asyncio.create_task(first_event(deferred.value.trigger))
            await asyncio.sleep(0.5)
            assert not waiting.done()
            await asyncio.to_thread(answers.load)
            return await asyncio.wait_for(waiting, 10)

        assert asyncio.run(loaded_meanwhile())
        tasks["confirm"].execute_complete(context)
    (story,) = stories(world.deployment().log.records())
    assert story.last("confirmed")["way"] == "audit_table"
