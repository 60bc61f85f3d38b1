"""The rule on the task that extracts pieces: mapped over its own plan, and changed in nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeGuard

from airflow.sdk.definitions.mappedoperator import MappedOperator

from remit.errors import Refused
from remit.operators.base import place
from remit.operators.piece import ExtractPieceOperator
from remit.operators.policy.mapping import require_mapped_over

if TYPE_CHECKING:
    from airflow.sdk.types import Operator

    from remit.operators.extract import ExtractOperator
    from remit.operators.plan import PlanOperator


def group_of(task: Operator) -> str | None:
    """The id of the task group that a task is in."""
    return task.task_group.group_id if task.task_group is not None else None


def is_piece(task: Operator) -> TypeGuard[MappedOperator]:
    """Whether it is the mapped task that extracts pieces, and no other one derived from it."""
    return isinstance(task, MappedOperator) and task.operator_class is ExtractPieceOperator


def require_pieces(
    plan: PlanOperator, extract: ExtractOperator, pieces: list[MappedOperator]
) -> None:
    """Check the task that extracts pieces, where there is one, against the steps of its group.

    Raises:
        Refused: dag-step-mapped, dag-shape-differs, dag-shape-order.
    """
    if extract.in_pieces != (len(pieces) == 1):
        raise Refused(
            "dag-shape-differs",
            place(extract),
            "one ExtractPieceOperator mapped over the plan, and in_pieces, go together.",
            "use ControlledMigration, which builds the whole shape.",
        )
    for piece in pieces:
        require_mapped_over(plan, piece, "piece")
        if piece.partial_kwargs.get("source_conn_id") != plan.source_conn_id:
            raise Refused(
                "dag-shape-differs",
                place(piece),
                f"it reads another connection than {plan.task_id} looks at.",
                "give both the same source_conn_id, as ControlledMigration does.",
            )
        if str(piece.partial_kwargs.get("trigger_rule", "all_success")) != "all_success":
            raise Refused(
                "dag-shape-order",
                place(piece),
                "by its trigger rule it may run after a failed task.",
                "leave the trigger rule at all_success; default_args may have set another.",
            )
