"""The rule on tasks of remit's that may be mapped: over one task's own list, and changed in nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk.definitions.mappedoperator import MappedOperator

from remit.operators.base import QUERY_WORDS, RemitOperator, mapped, place
from remit.operators.policy.replaced import changed, replaced_in

if TYPE_CHECKING:
    from airflow.sdk.types import Operator

_REPLACING = QUERY_WORDS | {"pre_execute", "post_execute", "template_fields"}


def require_mapped_over(source: RemitOperator | None, task: MappedOperator, argument: str) -> None:
    """Check that a mapped task takes one argument from what another one returns, and no more.

    Args:
        source: the one whose list it is mapped over; None where there is none.

    Raises:
        Refused: dag-step-mapped, dag-operator-changed.
    """
    if source is None or mapped_over(task, argument) is not source:
        raise mapped(place(task))
    if task.get_closest_mapped_task_group() is not None:
        raise mapped(place(task))
    kind = task.operator_class
    replaced = {*task.partial_kwargs.keys() & _REPLACING, *replaced_in(kind)}
    for name in sorted(replaced):
        raise changed(task, f"its {name} is not remit's.")


def mapped_over(task: MappedOperator, argument: str) -> Operator | None:
    """The task whose return value a mapped one takes an argument from, if that is all it is given."""
    over = getattr(task.expand_input, "value", None)
    source = over[argument] if isinstance(over, dict) and set(over) == {argument} else None
    if type(source).__name__ != "PlainXComArg" or getattr(source, "key", "") != "return_value":
        return None
    found: Operator | None = getattr(source, "operator", None)
    return found
