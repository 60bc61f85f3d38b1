"""What a DAG's author put in the place of remit's code."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from remit.errors import Refused
from remit.operators.base import place

if TYPE_CHECKING:
    from airflow.sdk.types import Operator


def replaced_in(kind: type) -> Iterator[str]:
    """The names that an operator's class, and those above it, no longer have from remit."""
    for defined in filter(_is_defined_here, kind.__mro__):
        for name in vars(defined):
            value = getattr(defined, name)
            if callable(value) and not _is_defined_here(value):
                yield name


def changed(task: Operator, message: str) -> Refused:
    """The refusal of an operator that is not remit's as it was."""
    return Refused(
        "dag-operator-changed",
        place(task),
        message,
        "use remit's operators as they are; put what else is to be done into tasks of its own.",
    )


def _is_defined_here(thing: object) -> bool:
    return str(getattr(thing, "__module__", "")).startswith("remit.operators.")
