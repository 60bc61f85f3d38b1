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

from remit.custody import stories
from remit.operators.receipt_trigger import ReceiptTrigger
from remit.testing.world import World


def deliver(tasks: dict[str, Any], context: Any) -> None:
    for step in ("plan", "extract", "validate", "seal", "deliver"):
        tasks[step].execute(context)


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
    from remit.operators import DeleteOperator

    DeleteOperator(task_id="delete").execute(context)
    with pytest.raises(AirflowFailException, match="receipt-overdue"):
        tasks["confirm"].execute(context)


def test_the_trigger_ends_at_its_deadline(connected: Callable[..., World]) -> None:
    connected()
    soon = (datetime.now(UTC) + timedelta(seconds=0.3)).isoformat()
    began = time.monotonic()
    event = asyncio.run(first_event(ReceiptTrigger("conn:kalisil_landing", "a-run", 60, soon)))
    assert event.payload == {"run": "a-run"}
    assert time.monotonic() - began < 10


def test_the_trigger_outlasts_a_connection_that_cannot_be_looked_up(
    connected: Callable[..., World], monkeypatch: pytest.MonkeyPatch
) -> None:
    connected()
    monkeypatch.delenv("AIRFLOW_CONN_KALISIL_LANDING")
    soon = (datetime.now(UTC) + timedelta(seconds=0.3)).isoformat()
    event = asyncio.run(first_event(ReceiptTrigger("conn:kalisil_landing", "a-run", 0.1, soon)))
    assert event.payload == {"run": "a-run"}
