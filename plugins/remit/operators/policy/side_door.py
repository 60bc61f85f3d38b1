"""The rule on what is beside a migration: no task uses its source or its landing zone.

What Airflow knows of a task's arguments is looked at. What Python code of a task does is not.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any

from airflow.sdk.definitions.mappedoperator import MappedOperator

from remit.errors import Refused
from remit.operators.base import place

if TYPE_CHECKING:
    from airflow.sdk.types import Operator

_TEMPLATED = re.compile(r"\bconn\.(\w+)")


def require_no_side_door(task: Operator, guarded: Collection[str]) -> None:
    """Check that the task does not use a connection of a migration in the same DAG.

    Args:
        guarded: the ids of the connections.

    Raises:
        Refused: dag-side-door.
    """
    for name, text in _texts(_arguments(task)):
        used = {text} if name.endswith("conn_id") else set(_TEMPLATED.findall(text))
        for connection in used.intersection(guarded):
            raise Refused(
                "dag-side-door",
                place(task),
                f"its {name} uses the connection {connection}, which belongs to a migration.",
                "remove the task or have it use another connection; what may leave, and where to, "
                "is in the signed instruction alone.",
            )


def _arguments(task: Operator) -> dict[str, Any]:
    if not isinstance(task, MappedOperator):
        return vars(task)
    inputs = [getattr(task, name, None) for name in ("expand_input", "op_kwargs_expand_input")]
    return {**task.partial_kwargs, "expand": [getattr(one, "value", None) for one in inputs]}


def _texts(value: object, name: str = "") -> Iterator[tuple[str, str]]:
    """Every text in plain containers, however deep, with the key that it is under."""
    if isinstance(value, str):
        yield name, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _texts(inner, str(key))
    elif isinstance(value, list | tuple | set):
        for inner in value:
            yield from _texts(inner, name)
