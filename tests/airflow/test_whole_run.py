"""The migration and its deletion, through Airflow's own machinery, with a target that answers."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from remit.custody import stories
from remit.testing.canaries import find_planted
from remit.testing.world import World

STORY = """opened planned obliged extracted validated sealing sealed delivering delivered
confirmed deleting deleted""".split()


def test_a_migration_runs_to_its_deletion_and_leaves_nothing(
    connected: Callable[..., World],
    start_target: Callable[[World], None],
    run_dag: Callable[[str], Any],
    database: Path,
    airflow_home: Callable[[], Path],
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    world = connected()
    start_target(world)
    runs = [run_dag("quick_migration"), run_dag("remit_deletion")]
    assert [run.state for run in runs] == ["success", "success"]

    (story,) = stories(world.deployment().log.records())
    assert [record.kind for record in story.records] == STORY
    assert {record.by.split("/")[0] for record in story.records} == {
        "airflow:quick_migration",
        "airflow:remit_deletion",
    }
    assert [path.name for path in (world.landing_path / story.run).iterdir()] == [
        "receipt.dsse.json"
    ]
    with closing(sqlite3.connect(database)) as metadata:
        # The plan's list of pieces, which is empty for an extract of this size, and what is due.
        asked = "SELECT task_id, value FROM xcom WHERE run_id IN (?, ?)"
        found = set(metadata.execute(asked, [run.run_id for run in runs]))
        assert found == {("migration.plan", "[]"), ("list_due", f'["{story.run}"]')}

    log = capfd.readouterr().out
    for told in (
        "signature verified",
        "stays     2 columns, not in the instruction: sample_id, comment",
        "::group::Obliged to delete",
        "26 of 26 rules hold",
        "No confirmation yet. The triggerer looks every 0.2 seconds",
        "decryption proven (level L3)",
        "6 copies removed and looked for again: gone.",
    ):
        assert told in log
    (tmp_path / "log.txt").write_text(log)
    written = [tmp_path / "log.txt", world.root / "processor", world.landing_path, airflow_home()]
    assert find_planted(written, world.laboratory.planted()) == []


def test_cleared_and_duplicate_tasks_change_nothing(
    connected: Callable[..., World], tasks: dict[str, Any], context: Any
) -> None:
    world = connected()
    for step in ("plan", "extract", "seal", "deliver"):
        if step == "seal":
            tasks["validate"].execute(context)
        tasks[step].execute(context)
    (story,) = stories(world.deployment().log.records())
    before = [record.body() for record in world.deployment().log.records()]
    landed = {p.name: p.stat().st_mtime_ns for p in (world.landing_path / story.run).iterdir()}
    for step in ("plan", "extract", "validate", "seal", "deliver", "deliver"):
        tasks[step].execute(context)
    assert [r.body() for r in world.deployment().log.records()] == before
    assert landed == {
        p.name: p.stat().st_mtime_ns for p in (world.landing_path / story.run).iterdir()
    }
