"""What the cluster policy refuses of a DAG; tests/airflow has the same as import errors."""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

CONNECTIONS = {"source_conn_id": "lis", "landing_conn_id": "landing"}
PLAN = {"instruction": "include/instructions/durand.yaml", **CONNECTIONS}


@pytest.fixture(autouse=True)
def airflow_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if "AIRFLOW_HOME" not in os.environ:  # importing Airflow writes its settings there
        monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path))
    monkeypatch.setenv("REMIT_INCLUDE", str(tmp_path / "include"))


@pytest.fixture
def judge_dag() -> Callable[[Callable[[], object]], None]:
    """Checks a DAG of the id `dag` that holds what a function makes."""

    def check_it(fill: Callable[[], object]) -> None:
        from airflow.sdk import DAG

        from remit.operators.policy.rules import check

        with DAG("dag", schedule=None) as dag:
            fill()
        check(dag)

    return check_it


def by_hand(left_out: str = "", chained: bool = True, **changed: dict[str, Any]) -> dict[str, Any]:
    """The seven steps, one by one; `changed` gives a step other arguments."""
    from remit import operators as remit

    steps: dict[str, Any] = {
        "plan": (remit.PlanOperator, PLAN),
        "extract": (remit.ExtractOperator, {"source_conn_id": "lis"}),
        "validate": (remit.ValidateOperator, {}),
        "seal": (remit.SealOperator, {}),
        "approve": (remit.ApproveOperator, {}),
        "deliver": (remit.DeliverOperator, {}),
        "confirm": (remit.ConfirmOperator, {}),
    }
    tasks = {
        name: kind(task_id=name, **{**arguments, **changed.get(name, {})})
        for name, (kind, arguments) in steps.items()
        if name != left_out
    }
    for before, after in pairwise(tasks.values() if chained else ()):
        before >> after
    return tasks


def other(**arguments: Any) -> Any:
    """A task that is not remit's."""
    from airflow.sdk import BaseOperator

    class Other(BaseOperator):
        def __init__(self, *, sql_conn_id: str = "", command: Any = "", **more: Any) -> None:
            super().__init__(**more)
            self.sql_conn_id, self.command = sql_conn_id, command

    if "expand" in arguments:
        return Other.partial(task_id="other").expand(**arguments["expand"])
    return Other(task_id="other", **arguments)


# --- shape --------------------------------------------------------------------------------------


@pytest.mark.vector("dag-shape-incomplete")
@pytest.mark.parametrize("step", ["plan", "extract", "validate", "seal", "deliver", "confirm"])
def test_a_step_that_is_left_out(step, judge_dag, refuses) -> None:
    with refuses(at="dag", saying=f"not there: {step}."):
        judge_dag(lambda: by_hand(left_out=step))


@pytest.mark.vector("dag-shape-incomplete")
def test_extract_alone(judge_dag, refuses) -> None:
    from remit.operators import ExtractOperator

    with refuses(at="dag", saying="not there: plan, validate, seal, approve, deliver, confirm."):
        judge_dag(lambda: ExtractOperator(task_id="extract", source_conn_id="lis"))


@pytest.mark.vector("dag-shape-incomplete")
def test_a_step_that_is_there_twice(judge_dag, refuses) -> None:
    from remit.operators import SealOperator

    def fill() -> None:
        by_hand()
        SealOperator(task_id="again")

    with refuses(at="dag", saying="there more than once: seal."):
        judge_dag(fill)


@pytest.mark.vector("dag-shape-incomplete")
def test_steps_of_two_groups_do_not_complete_each_other(judge_dag, refuses) -> None:
    from airflow.sdk import TaskGroup

    from remit.operators import ConfirmOperator

    def fill() -> None:
        tasks = by_hand(left_out="confirm")
        with TaskGroup("later"):
            tasks["deliver"] >> ConfirmOperator(task_id="confirm")

    with refuses(at="dag", saying="not there: confirm."):
        judge_dag(fill)


@pytest.mark.vector("dag-shape-incomplete")
def test_a_second_migration_that_is_not_whole(judge_dag, refuses) -> None:
    from airflow.sdk import TaskGroup

    from remit.operators import ControlledMigration, ExtractOperator

    def fill() -> None:
        ControlledMigration(**PLAN)
        with TaskGroup("second"):
            ExtractOperator(task_id="extract", source_conn_id="lis")

    with refuses(at="dag/second", saying="not there: plan"):
        judge_dag(fill)


@pytest.mark.vector("dag-shape-order")
def test_steps_that_do_not_wait_for_each_other(judge_dag, refuses) -> None:
    with refuses(at="dag/extract", saying="it does not follow directly on plan."):
        judge_dag(lambda: by_hand(chained=False))


@pytest.mark.vector("dag-shape-order")
def test_a_step_that_was_put_before_the_one_that_checks(judge_dag, refuses) -> None:
    def fill() -> None:
        tasks = by_hand(chained=False)
        order = ["plan", "extract", "seal", "validate", "deliver", "confirm"]
        for before, after in pairwise(order):
            tasks[before] >> tasks[after]

    with refuses(at="dag/validate", saying="it does not follow directly on extract."):
        judge_dag(fill)


@pytest.mark.vector("dag-shape-order")
def test_a_task_in_place_of_an_edge(judge_dag, refuses) -> None:
    def fill() -> None:
        tasks = by_hand(chained=False)
        chain = list(tasks.values())
        for before, after in pairwise([*chain[:3], other(), *chain[3:]]):
            before >> after

    with refuses(at="dag/seal", saying="it does not follow directly on validate."):
        judge_dag(fill)


@pytest.mark.vector("dag-shape-order")
@pytest.mark.parametrize("rule", ["all_done", "none_failed", "always", "one_success"])
def test_a_step_that_may_run_after_a_failed_one(rule, judge_dag, refuses) -> None:
    with refuses(at="dag/deliver", saying=f"by its trigger rule, {rule}, it may run"):
        judge_dag(lambda: by_hand(deliver={"trigger_rule": rule}))


@pytest.mark.vector("dag-shape-differs")
def test_a_source_that_was_not_planned(judge_dag, refuses) -> None:
    with refuses(at="dag/extract", saying="it reads the connection other, but plan looks at lis."):
        judge_dag(lambda: by_hand(extract={"source_conn_id": "other"}))


# --- operators ----------------------------------------------------------------------------------


@pytest.mark.vector("dag-operator-changed")
def test_an_operator_derived_from_remits(judge_dag, refuses) -> None:
    from remit.operators import DeleteOperator

    class KeepOperator(DeleteOperator):
        def perform(self, context: Any) -> None:
            """Delete nothing."""

    with refuses(at="dag/delete_due", saying="KeepOperator is no operator of remit."):
        judge_dag(lambda: KeepOperator(task_id="delete_due"))


@pytest.mark.vector("dag-operator-changed")
@pytest.mark.parametrize("name", ["execute", "perform", "step", "deployment", "pre_execute"])
def test_a_method_replaced_on_a_task(name, judge_dag, refuses) -> None:
    with refuses(at="dag/validate", saying=f"its {name} is not remit's."):
        judge_dag(lambda: setattr(by_hand()["validate"], name, lambda *_: None))


@pytest.mark.vector("dag-operator-changed")
@pytest.mark.parametrize("name", ["execute", "step", "open_run", "post_execute"])
def test_a_method_replaced_on_the_class(name, judge_dag, refuses, monkeypatch) -> None:
    from remit.operators import ValidateOperator

    monkeypatch.setattr(ValidateOperator, name, lambda *_: None, raising=False)
    with refuses(at="dag/validate", saying=f"its {name} is not remit's."):
        judge_dag(by_hand)


@pytest.mark.vector("dag-operator-changed")
@pytest.mark.parametrize("hook", ["pre_execute", "post_execute"])
def test_code_hooked_into_a_step(hook, judge_dag, refuses) -> None:
    with refuses(at="dag/extract", saying=f"its {hook} is not remit's."):
        judge_dag(lambda: by_hand(extract={hook: lambda *_: None}))


@pytest.mark.vector("dag-operator-changed")
def test_a_step_made_to_render_templates(judge_dag, refuses) -> None:
    with refuses(at="dag/plan", saying="its template_fields is not remit's."):
        judge_dag(lambda: setattr(by_hand()["plan"], "template_fields", ("instruction",)))


@pytest.mark.vector("dag-step-mapped")
def test_a_step_that_is_mapped(refuses) -> None:
    from remit.operators import ExtractOperator

    with refuses(at="ExtractOperator extract", saying="it is mapped"):
        ExtractOperator.partial(task_id="extract").expand(source_conn_id=["lis", "other"])


@pytest.mark.vector("dag-step-mapped")
def test_a_migration_in_a_mapped_group(judge_dag, refuses) -> None:
    from airflow.sdk import task_group

    from remit.operators import ControlledMigration

    def fill() -> None:
        @task_group
        def sites(site: str) -> None:
            ControlledMigration(**PLAN)

        sites.expand(site=["LYO1", "LYO2"])

    with refuses(at="dag/sites.migration.plan", saying="each index would be a run of its own"):
        judge_dag(fill)


@pytest.mark.vector("dag-hand-written-sql")
@pytest.mark.parametrize("word", ["sql", "query", "statement", "columns", "where", "tables"])
def test_a_query_given_to_the_extract(word, refuses) -> None:
    from remit.operators import ExtractOperator

    with refuses(at="ExtractOperator extract", saying=f"it was given {word}; what is read"):
        ExtractOperator(task_id="extract", **{word: "SELECT * FROM patients"})


@pytest.mark.vector("dag-hand-written-sql")
def test_a_query_given_to_a_mapped_extract(refuses) -> None:
    from remit.operators import ExtractOperator

    with refuses(at="ExtractOperator extract", saying="it was given sql"):
        ExtractOperator.partial(task_id="extract", sql="SELECT * FROM patients")


@pytest.mark.vector("dag-hand-written-sql")
def test_a_query_given_to_the_whole_migration(judge_dag, refuses) -> None:
    from remit.operators import ControlledMigration

    with refuses(at="ControlledMigration night", saying="it was given where"):
        judge_dag(lambda: ControlledMigration(group_id="night", **PLAN, where="1 = 1"))


@pytest.mark.vector("dag-hand-written-sql")
def test_a_query_put_on_a_step_afterwards(judge_dag, refuses) -> None:
    with refuses(at="dag/extract", saying="it was given sql"):
        judge_dag(lambda: setattr(by_hand()["extract"], "sql", "SELECT * FROM patients"))


# --- beside the migration -----------------------------------------------------------------------


@pytest.mark.vector("dag-side-door")
@pytest.mark.parametrize(
    ("arguments", "name", "connection"),
    [
        ({"sql_conn_id": "lis"}, "sql_conn_id", "lis"),
        ({"sql_conn_id": "landing"}, "sql_conn_id", "landing"),
        ({"command": "psql {{ conn.lis.get_uri() }}"}, "command", "lis"),
        ({"command": [{"env": {"DB": "{{ conn.lis.password }}"}}]}, "DB", "lis"),
        ({"expand": {"sql_conn_id": ["third", "lis"]}}, "sql_conn_id", "lis"),
    ],
    ids=["source", "landing", "template", "nested", "mapped"],
)
def test_another_task_that_uses_a_guarded_connection(
    arguments, name, connection, judge_dag, refuses
) -> None:
    def fill() -> None:
        by_hand()
        other(**arguments)

    with refuses(at="dag/other", saying=f"its {name} uses the connection {connection},"):
        judge_dag(fill)


@pytest.mark.vector("dag-side-door")
@pytest.mark.parametrize("mapped", [False, True])
def test_a_python_task_that_is_given_a_guarded_connection(mapped, judge_dag, refuses) -> None:
    from airflow.sdk import task

    def fill() -> None:
        @task
        def look(conn_id: str) -> None:
            """Read whatever there is."""

        by_hand()
        look.expand(conn_id=["lis"]) if mapped else look(conn_id="lis")

    with refuses(at="dag/look", saying="its conn_id uses the connection lis"):
        judge_dag(fill)


# --- instruction --------------------------------------------------------------------------------


@pytest.mark.vector("dag-instruction-missing")
def test_an_instruction_that_is_not_there(judge_dag, refuses, tmp_path) -> None:
    path = tmp_path / "include" / "instructions" / "durand.yaml"
    with refuses(at="dag/plan", saying=f"there is no file {path}."):
        judge_dag(by_hand)


@pytest.mark.vector("dag-instruction-missing")
def test_an_instruction_that_is_a_folder(judge_dag, refuses, tmp_path) -> None:
    (tmp_path / "include" / "instructions" / "durand.yaml").mkdir(parents=True)
    with refuses(at="dag/plan", saying="there is no file"):
        judge_dag(by_hand)


@pytest.mark.vector("dag-instruction-templated")
@pytest.mark.parametrize(
    "given", ["{{ params.instruction }}", "{% if x %}a.yaml{% endif %}", None, Path("a.yaml")]
)
def test_an_instruction_that_is_known_only_later(given, judge_dag, refuses) -> None:
    with refuses(at="dag/plan", saying="not the plain path of a file"):
        judge_dag(lambda: by_hand(plan={"instruction": given}))


@pytest.mark.vector("dag-connection-templated")
@pytest.mark.parametrize("name", ["source_conn_id", "landing_conn_id"])
@pytest.mark.parametrize("given", ["{{ var.value.lis }}", ["lis"]])
def test_a_connection_that_is_known_only_later(name, given, judge_dag, refuses) -> None:
    with refuses(at="dag/plan", saying=f"its {name} is not the plain id of a connection"):
        judge_dag(lambda: by_hand(plan={name: given}))
