"""The rules on a DAG's shape: every step, unchanged, in its order, and no way past them.

The first rule that is broken is told; the order is from a task by itself to the DAG as a whole.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from remit.errors import Refused
from remit.operators.approve import ApproveOperator
from remit.operators.base import (
    QUERY_WORDS,
    RemitOperator,
    hand_written,
    is_ours,
    mapped,
    place,
)
from remit.operators.confirm import ConfirmOperator
from remit.operators.delete import DeleteOperator
from remit.operators.deliver import DeliverOperator
from remit.operators.due import ListDueOperator
from remit.operators.extract import ExtractOperator
from remit.operators.plan import PlanOperator
from remit.operators.policy.deletion import is_mapped_deletion, require_over_due
from remit.operators.policy.instruction import require_binding, require_plain
from remit.operators.policy.pieces import group_of, is_piece, require_pieces
from remit.operators.policy.replaced import changed, replaced_in
from remit.operators.policy.side_door import require_no_side_door
from remit.operators.seal import SealOperator
from remit.operators.supervise import SuperviseOperator
from remit.operators.sweep import SweepOperator
from remit.operators.validate import ValidateOperator

if TYPE_CHECKING:
    from airflow.sdk import DAG
    from airflow.sdk.definitions.mappedoperator import MappedOperator
    from airflow.sdk.types import Operator

_HOOKS = ("pre_execute", "post_execute")
_WHOLE = "use ControlledMigration, which builds the whole shape"


class _Migration(NamedTuple):
    """The steps of one task group, each once."""

    plan: PlanOperator
    extract: ExtractOperator
    validate: ValidateOperator
    seal: SealOperator
    approve: ApproveOperator
    deliver: DeliverOperator
    confirm: ConfirmOperator


_STEPS: dict[type[RemitOperator], str] = {
    PlanOperator: "plan",
    ExtractOperator: "extract",
    ValidateOperator: "validate",
    SealOperator: "seal",
    ApproveOperator: "approve",
    DeliverOperator: "deliver",
    ConfirmOperator: "confirm",
}
_OURS = {*_STEPS, DeleteOperator, ListDueOperator, SuperviseOperator, SweepOperator}


def check(dag: DAG) -> None:
    """Check every rule.

    Raises:
        Refused: the first that is broken.
        UsageError: an instruction's file cannot be read.
    """
    groups: dict[str | None, list[RemitOperator]] = {}
    pieces: dict[str | None, list[MappedOperator]] = {}
    for task in filter(is_ours, dag.tasks):
        if is_piece(task):
            pieces.setdefault(group_of(task), []).append(task)
            continue
        if is_mapped_deletion(task):
            require_over_due(task)
            continue
        ours = _unchanged(task)
        if type(ours) in _STEPS:
            groups.setdefault(group_of(ours), []).append(ours)
    migrations = [_whole(dag, group, steps) for group, steps in groups.items()]
    for group, migration in zip(groups, migrations, strict=True):
        _require_order(migration)
        require_pieces(migration.plan, migration.extract, pieces.pop(group, []))
        require_plain(migration.plan, "instruction", "source_conn_id", "landing_conn_id")
        _require_one_source(migration)
    for stray in (task for tasks in pieces.values() for task in tasks):
        raise mapped(place(stray))
    guarded = {c for m in migrations for c in (m.plan.source_conn_id, m.plan.landing_conn_id)}
    for task in dag.tasks:
        if not is_ours(task):
            require_no_side_door(task, guarded)
    for migration in migrations:
        require_binding(migration.plan)


def _unchanged(task: Operator) -> RemitOperator:
    """The task, if it does what remit's operator of its type does, and once in a DAG run."""
    if not isinstance(task, RemitOperator) or task.get_closest_mapped_task_group() is not None:
        raise mapped(place(task))
    if type(task) not in _OURS:
        raise changed(task, f"{type(task).__name__} is no operator of remit.")
    for name in _replaced(task):
        raise changed(task, f"its {name} is not remit's.")
    for name in sorted(QUERY_WORDS & vars(task).keys()):
        raise hand_written(place(task), name)
    return task


def _replaced(task: RemitOperator) -> Iterator[str]:
    """What was put in the place of remit's code: on the object, hooked in, or on its class."""
    kind = type(task)
    for name in vars(task):
        if name == "template_fields" or callable(getattr(kind, name, None)):
            yield name
    yield from (name for name in _HOOKS if getattr(task, f"_{name}_hook") is not None)
    yield from replaced_in(kind)


def _whole(dag: DAG, group: str | None, steps: list[RemitOperator]) -> _Migration:
    """A group's steps, if each is there once."""
    found = Counter(_STEPS[type(step)] for step in steps)
    missing = [name for name in _STEPS.values() if not found[name]]
    repeated = [name for name in _STEPS.values() if found[name] > 1]
    if missing or repeated:
        wrong = {"not there": missing, "there more than once": repeated}
        said = "; ".join(f"{what}: {', '.join(names)}" for what, names in wrong.items() if names)
        raise Refused(
            "dag-shape-incomplete",
            f"{dag.dag_id}/{group}" if group else dag.dag_id,
            f"{said}. A migration has each step once, all in one task group.",
            f"{_WHOLE}.",
        )
    by_step: dict[str, Any] = {_STEPS[type(step)]: step for step in steps}
    return _Migration(**by_step)


def _require_order(migration: _Migration) -> None:
    for before, step in pairwise(migration):
        if step.task_id not in before.downstream_task_ids:
            raise Refused(
                "dag-shape-order",
                place(step),
                f"it does not follow directly on {before.task_id}.",
                f"{_WHOLE}, or write {' >> '.join(migration._fields)}; another task may come "
                "beside this chain.",
            )
    for step in migration:
        if step.trigger_rule != "all_success":
            raise Refused(
                "dag-shape-order",
                place(step),
                f"by its trigger rule, {step.trigger_rule.value}, it may run after a failed task.",
                "leave the trigger rule at all_success; default_args may have set another.",
            )


def _require_one_source(migration: _Migration) -> None:
    planned, read = migration.plan.source_conn_id, migration.extract.source_conn_id
    if planned != read:
        raise Refused(
            "dag-shape-differs",
            place(migration.extract),
            f"it reads the connection {read}, but {migration.plan.task_id} looks at {planned}.",
            "give both the same source_conn_id, as ControlledMigration does.",
        )
