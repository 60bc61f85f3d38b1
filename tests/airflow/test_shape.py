"""What a DAG's author writes, and what Airflow makes of it when it parses."""

from __future__ import annotations

import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

STEPS = ["plan", "extract", "validate", "seal", "approve", "deliver", "confirm"]
PIECE = "extract_piece"
HEAVY = (
    "great_expectations pyarrow duckdb adbc_driver_manager pandas numpy securesystemslib "
    "remit.custody remit.wiring"
).split()
PARSED = [
    "plugins/remit/operators/__init__.py",
    "plugins/remit/operators/answer_trigger.py",
    "plugins/remit/operators/receipt_trigger.py",
    "plugins/remit/provider.py",
    "plugins/remit_plugin.py",
    "dags/durand_migration.py",
    "dags/remit_deletion.py",
    "dags/remit_supervision.py",
    "dags/remit_sweep.py",
]
LOOKING = ("remit_supervision", "remit_sweep")
CONNECTIONS = {"source_conn_id": "durand_lis", "landing_conn_id": "kalisil_landing"}


def bag_of(folder: Path) -> Any:
    from airflow.dag_processing.dagbag import DagBag

    return DagBag(folder)


def test_the_shipped_dags_parse_quickly_and_without_errors(repository: Path) -> None:
    bag = bag_of(repository / "dags")
    assert bag.import_errors == {}
    assert set(bag.dags) == {"durand_migration", "remit_deletion", *LOOKING}
    assert sum(stat.duration.total_seconds() for stat in bag.dagbag_stats) < 2


def test_parsing_imports_nothing_heavy(repository: Path) -> None:
    report = f"""
import runpy, sys
for path in {PARSED}:
    runpy.run_path(path)
    print(path, [name for name in {HEAVY} if name in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", report], cwd=repository, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == [f"{path} []" for path in PARSED]


def test_a_migration_has_every_step_one_after_the_other(repository: Path) -> None:
    dag = bag_of(repository / "dags").dags["durand_migration"]
    assert {task.task_id for task in dag.tasks} == {f"migration.{s}" for s in [*STEPS, PIECE]}
    for task, following in pairwise(STEPS):
        beside = {f"migration.{PIECE}"} if task == "plan" else set()
        downstream = dag.get_task(f"migration.{task}").downstream_task_ids
        assert downstream == {f"migration.{following}"} | beside


def test_pieces_of_a_large_extract_are_mapped_over_the_plan(repository: Path) -> None:
    dag = bag_of(repository / "dags").dags["durand_migration"]
    piece = dag.get_task(f"migration.{PIECE}")
    assert piece.is_mapped
    assert piece.expand_input.value == {"piece": dag.get_task("migration.plan").output}
    assert piece.trigger_rule == "all_success"


def test_nothing_is_templated_and_the_plan_alone_hands_something_on(
    tasks: dict[str, Any],
) -> None:
    assert set(tasks) == {*STEPS, PIECE}
    for name, task in tasks.items():
        if name == PIECE:
            continue
        assert task.template_fields == ()
        assert task.do_xcom_push is (name == "plan")
        assert task.trigger_rule == "all_success"
        assert task.doc_md == task.intent


def test_settings_of_the_dag_cannot_make_a_step_run_after_a_failed_one() -> None:
    from airflow.sdk import DAG

    from remit.operators import ControlledMigration

    careless = {"trigger_rule": "all_done", "do_xcom_push": True}
    with DAG("careless", schedule=None, default_args=careless) as dag:
        ControlledMigration(instruction="i.yaml", **CONNECTIONS)
    assert {task.trigger_rule for task in dag.tasks} == {"all_success"}
    assert [t.task_id for t in dag.tasks if getattr(t, "do_xcom_push", False)] == ["migration.plan"]


def test_no_step_can_be_left_out_and_nothing_unknown_be_said() -> None:
    from airflow.sdk import DAG

    from remit.operators import ControlledMigration, SealOperator

    with DAG("wrong", schedule=None):
        for unknown in ({"skip": ["validate"]}, {"validate": False}):
            with pytest.raises(TypeError, match=next(iter(unknown))):
                ControlledMigration(instruction="i.yaml", **CONNECTIONS, **unknown)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="positional"):
            ControlledMigration("i.yaml", **CONNECTIONS)  # type: ignore[misc, call-arg]
        with pytest.raises(TypeError, match="landing_conn_id"):
            ControlledMigration(instruction="i.yaml", source_conn_id="durand_lis")  # type: ignore[call-arg]
        with pytest.raises(TypeError, match="force"):
            SealOperator(task_id="seal", force=True)


def test_two_migrations_of_a_dag_are_two_runs(context: Any) -> None:
    from airflow.sdk import DAG

    from remit.operators import ControlledMigration
    from remit.operators.base import run_name

    with DAG("Durand.two_sites", schedule=None) as dag:
        for site in ("lyo1", "lyo2"):
            ControlledMigration(group_id=site, instruction=f"{site}.yaml", **CONNECTIONS)
    names = {task.task_id: run_name(task, context) for task in dag.tasks}
    assert len(set(names.values())) == 2
    assert names["lyo1.plan"] == names["lyo1.confirm"] != names["lyo2.plan"]
    assert all(name.startswith("durand-two-sites-") for name in names.values())
    assert run_name(dag.tasks[0], context | {"run_id": "manual__2"}) not in names.values()


def test_the_deletion_dag_runs_by_itself_every_quarter_of_an_hour(repository: Path) -> None:
    dag = bag_of(repository / "dags").dags["remit_deletion"]
    assert dag.schedule == "*/15 * * * *"
    assert dag.catchup is False
    assert dag.max_active_runs == 1
    assert dag.is_paused_upon_creation is False
    assert [task.task_id for task in dag.tasks] == ["list_due", "delete"]
    assert [task.retries for task in dag.tasks] == [3, 3]
    delete = dag.get_task("delete")
    assert delete.expand_input.value == {"due": dag.get_task("list_due").output}
    assert delete.map_index_template == "{{ task.due }}"
    assert delete.execution_timeout is not None


def test_the_sweep_runs_by_itself_every_day(repository: Path) -> None:
    dag = bag_of(repository / "dags").dags["remit_sweep"]
    assert (dag.schedule, dag.catchup, dag.max_active_runs) == ("@daily", False, 1)
    assert dag.is_paused_upon_creation is False


def test_supervision_looks_by_itself_every_five_minutes(repository: Path) -> None:
    dag = bag_of(repository / "dags").dags["remit_supervision"]
    assert (dag.schedule, dag.catchup) == ("*/5 * * * *", False)
    assert dag.max_active_runs > 1  # one that is lost with its scheduler does not keep the next
    assert dag.is_paused_upon_creation is False
    [task] = dag.tasks
    assert (task.retries, task.every.total_seconds()) == (2, 300)
    assert task.execution_timeout is not None
