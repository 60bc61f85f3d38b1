"""The rule on the tasks that delete: mapped over the list of what is due, and changed in nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeGuard

from airflow.sdk.definitions.mappedoperator import MappedOperator

from remit.operators.delete import DeleteOperator
from remit.operators.due import ListDueOperator
from remit.operators.policy.mapping import mapped_over, require_mapped_over

if TYPE_CHECKING:
    from airflow.sdk.types import Operator


def is_mapped_deletion(task: Operator) -> TypeGuard[MappedOperator]:
    """Whether it is the mapped task that deletes, and no other one derived from it."""
    return isinstance(task, MappedOperator) and task.operator_class is DeleteOperator


def require_over_due(task: MappedOperator) -> None:
    """Check that the runs are those that are due.

    Raises:
        Refused: dag-step-mapped, dag-operator-changed.
    """
    listing = mapped_over(task, "due")
    require_mapped_over(listing if type(listing) is ListDueOperator else None, task, "due")
