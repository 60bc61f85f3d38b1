"""What a refusal, an outage and a defect look like in Airflow: state, retries and log."""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from remit.alerts.supervise import supervise
from remit.custody import stories
from remit.errors import EvidenceBroken, Refused, Unavailable, UsageError
from remit.testing.world import World

DEMANDING = """
name: more rows than there are
expectations:
  - id: many-rows
    type: expect_table_row_count_to_be_between
    kwargs: {min_value: 1000000}
    reason: to fail
"""
PLANTED = "Hélène Planted 2840699123456"


def ask_for_a_missing_column(fields: dict[str, Any]) -> None:
    absent = {"name": "absent", "type": "string", "category": "health", "purpose": "To be missed"}
    fields["tables"][0]["columns"].append(absent)


def states(dag_run: Any) -> dict[str, tuple[str | None, int]]:
    return {
        instance.task_id.removeprefix("migration."): (instance.state, instance.try_number)
        for instance in dag_run.get_task_instances()
    }


def test_a_refusal_fails_at_once_and_its_log_tells_the_way_out(
    connected: Callable[..., World],
    run_dag: Callable[[str], Any],
    capfd: pytest.CaptureFixture[str],
) -> None:
    world = connected(ask_for_a_missing_column)
    dag_run = run_dag("quick_migration")
    assert dag_run.state == "failed"
    assert states(dag_run)["plan"] == ("failed", 1)
    assert states(dag_run)["extract"] == ("upstream_failed", 0)

    (story,) = stories(world.deployment().log.records())
    assert [record.kind for record in story.records] == ["opened", "unplanned", "refused"]
    refusal = story.last("refused")["refusal"]
    log = capfd.readouterr().out
    for told in (
        f"Refused by the rule {refusal['code']}.",
        "Where: results.absent",
        f"What: {refusal['message']}",
        f"Way out: {refusal['way_out']}",
    ):
        assert told in log
    assert log.count("Traceback (most recent call last)") == 1
    assert "custody/run.py" not in log


def to_ftp(monkeypatch: pytest.MonkeyPatch) -> None:
    connection = {"conn_type": "ftp", "host": "ftp.example", "login": "labo", "password": "s3cret"}
    monkeypatch.setenv("AIRFLOW_CONN_KALISIL_LANDING", json.dumps(connection))


def test_a_landing_zone_in_clear_is_refused_on_record(
    connected: Callable[..., World],
    tasks: dict[str, Any],
    context: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = connected()
    to_ftp(monkeypatch)
    with pytest.raises(AirflowFailException, match="landing-insecure"):
        tasks["plan"].execute(context)

    [story] = stories(world.deployment().log.records())
    assert [record.kind for record in story.records] == ["opened", "refused"]
    assert story.last("refused")["refusal"]["code"] == "landing-insecure"
    assert "s3cret" not in str(story.records)
    assert "refusal" in [alert.kind for alert in supervise(world.deployment(), [], "test").raised]


def test_so_is_one_that_was_changed_after_the_plan(
    connected: Callable[..., World],
    tasks: dict[str, Any],
    context: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = connected()
    for step in ("plan", "extract", "validate", "seal"):
        tasks[step].execute(context)
    to_ftp(monkeypatch)
    with pytest.raises(AirflowFailException, match="landing-insecure"):
        tasks["deliver"].execute(context)

    [story] = stories(world.deployment().log.records())
    refused = story.last("refused")
    assert (refused["step"], refused["refusal"]["code"]) == ("deliver", "landing-insecure")
    assert not story.has("delivering")


def test_an_instruction_that_is_not_signed_is_refused_before_anything_is_opened(
    connected: Callable[..., World], tasks: dict[str, Any], context: Any
) -> None:
    world = connected()
    path = world.settings.include / "instructions" / "durand.yaml"
    path.write_text(path.read_text().replace("LYO2", "PAR1"))
    with pytest.raises(AirflowFailException, match="Way out:"):
        tasks["plan"].execute(context)
    [refused] = world.deployment().log.records()
    assert (refused.kind, refused.data["refusal"]["code"]) == ("refused", "instruction-changed")


def test_an_outage_is_tried_again(
    connected: Callable[..., World],
    run_dag: Callable[[str], Any],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    world = connected()
    away = world.root / "lis.sqlite.away"
    (world.root / "lis.sqlite").rename(away)

    from remit.operators.plan import PlanOperator

    step, tries = PlanOperator.step, []

    def answers_the_second_time(self: Any, run: Any) -> None:
        tries.append(run.id)
        if len(tries) == 2:
            shutil.copyfile(away, world.root / "lis.sqlite")
            raise AirflowFailException("two tries are enough for this test")
        step(self, run)

    monkeypatch.setattr(PlanOperator, "step", answers_the_second_time)
    dag_run = run_dag("quick_migration")
    assert states(dag_run)["plan"] == ("failed", 2)
    assert len(tries) == 2
    assert len(set(tries)) == 1, "a retry is the same run"
    assert "Airflow tries again while the task has retries left." in capfd.readouterr().out
    kinds = [record.kind for record in world.deployment().log.records(tries[0])]
    assert kinds == ["opened", "interrupted"]


@pytest.mark.parametrize(
    ("error", "kind", "told"),
    [
        (Refused("rule", "a place", "wrong.", "do so."), AirflowFailException, "Way out: do so."),
        (UsageError("a setting is wrong."), AirflowFailException, "a setting is wrong."),
        (EvidenceBroken("record 1", "changed."), AirflowFailException, "record 1"),
        (Unavailable("the source", "no answer."), AirflowException, "the source: no answer."),
        (ValueError(PLANTED), AirflowFailException, "Unexpected ValueError at validate.py:"),
    ],
)
def test_what_leaves_a_task_is_an_exception_of_ours_alone(
    error: Exception,
    kind: type[AirflowException],
    told: str,
    connected: Callable[..., World],
    tasks: dict[str, Any],
    context: Any,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    connected()

    def fail() -> None:
        try:
            raise sqlite3.DatabaseError(PLANTED)
        except sqlite3.DatabaseError:
            raise error  # noqa: B904 - with the context that is to be dropped

    monkeypatch.setattr("remit.wiring.open_judge", fail)
    with pytest.raises(AirflowException) as caught:
        tasks["validate"].execute(context)
    assert type(caught.value) is kind
    assert told in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    shown = "".join(traceback.format_exception(caught.value)) + capfd.readouterr().out
    assert told in shown
    assert "Planted" not in shown


def test_a_connection_that_is_not_there_is_named(
    connected: Callable[..., World],
    tasks: dict[str, Any],
    context: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    connected()
    monkeypatch.delenv("AIRFLOW_CONN_DURAND_LIS")
    with pytest.raises(AirflowException, match="connection durand_lis: Airflow has none") as caught:
        tasks["plan"].execute(context)
    assert not isinstance(caught.value, AirflowFailException)


def test_extracting_from_another_source_than_the_planned_one_is_refused(
    connected: Callable[..., World],
    tasks: dict[str, Any],
    context: Any,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    world = connected()
    tasks["plan"].execute(context)
    other = tmp_path / "other.sqlite"
    shutil.copyfile(world.root / "lis.sqlite", other)
    monkeypatch.setenv("AIRFLOW_CONN_DURAND_LIS", f'{{"conn_type": "sqlite", "host": "{other}"}}')
    with pytest.raises(AirflowFailException, match="run-pinned"):
        tasks["extract"].execute(context)
    (story,) = stories(world.deployment().log.records())
    assert not story.has("obliged")


def test_a_step_out_of_its_order_is_refused(
    connected: Callable[..., World], tasks: dict[str, Any], context: Any
) -> None:
    connected()
    with pytest.raises(AirflowFailException, match="run-unknown"):
        tasks["deliver"].execute(context)
    tasks["plan"].execute(context)
    with pytest.raises(AirflowFailException, match="step-out-of-order"):
        tasks["deliver"].execute(context)


def test_a_rule_that_does_not_hold_is_told_with_counts_and_what_became_of_the_extract(
    connected: Callable[..., World],
    tasks: dict[str, Any],
    context: Any,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    def demand_more_rows(fields: dict[str, Any]) -> None:
        suite = tmp_path / "world" / "include" / "expectations" / "demanding.yaml"
        suite.write_text(DEMANDING)
        digest = hashlib.sha256(suite.read_bytes()).hexdigest()
        fields["expectations"][1] |= {"file": suite.name, "sha256": digest}

    world = connected(demand_more_rows)
    tasks["plan"].execute(context)
    tasks["extract"].execute(context)
    with pytest.raises(AirflowFailException, match="Way out"):
        tasks["validate"].execute(context)
    (story,) = stories(world.deployment().log.records())
    assert world.deployment().staging.list(story.run) == []
    log = capfd.readouterr().out
    for told in ("Failed validation:", "many-rows", "Stopped:", "staging key is destroyed"):
        assert told in log
    with pytest.raises(AirflowFailException, match="run-ended"):
        tasks["validate"].execute(context)
