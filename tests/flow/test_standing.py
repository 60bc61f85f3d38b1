"""A file is begun and published only while its run is held, and still extracts."""

from __future__ import annotations

from typing import Any

import pytest

from remit.adapters.ledger import SqlLedger
from remit.custody import Run
from remit.errors import Refused, Unavailable
from remit.signing import PublicKey
from remit.testing.world import World


def planned(world: World) -> Run:
    run = world.open_run()
    world.steps(run)["plan"]()
    return run


def staged(world: World, run: Run) -> list[Any]:
    return world.deployment().staging.list(run.id)


def test_a_run_whose_lock_was_lost_publishes_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = planned(world)

    def lose(_table: str, _rows: int) -> None:
        def lost(_: SqlLedger) -> None:
            raise Unavailable("the ledger", "the lock was lost.")

        monkeypatch.setattr(SqlLedger, "require_held", lost)

    with pytest.raises(Unavailable, match="lock was lost"):
        run.extract(world.source(), lose)
    assert staged(world, run) == []
    monkeypatch.undo()
    assert run.extract(world.source(), lambda *_: None) is True


def test_a_run_that_was_ended_meanwhile_publishes_nothing(world: World) -> None:
    run, other = planned(world), Run("durand-test", world.deployment(), "another process")

    def end(_table: str, _rows: int) -> None:
        if not run.story.has("stopped"):
            other.record(
                "stopped", {"step": "extract", "due": "2030-01-01T00:00:00Z", "reason": "x"}
            )

    with pytest.raises(Refused) as caught:
        run.extract(world.source(), end)
    assert caught.value.code == "run-ended"
    assert staged(world, run) == []


def test_a_run_that_somebody_else_went_on_with_publishes_nothing(world: World) -> None:
    run, other = planned(world), Run("durand-test", world.deployment(), "another process")

    def go_on(_table: str, _rows: int) -> None:
        if not run.story.has("extracted"):
            key = other.deployment.keys.create(run.id)
            other.record_extracted([], {}, PublicKey("x25519", key))

    with pytest.raises(Unavailable, match="went on with it"):
        run.extract(world.source(), go_on)
    assert staged(world, run) == []
