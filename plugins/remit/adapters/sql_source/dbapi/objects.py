"""From the Python objects of a DB-API driver to the declared Arrow types: exactly, or refused."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pyarrow as pa

from remit.adapters.sql_source.conform import conform, misfit, type_name
from remit.columns import ColumnType
from remit.ports import TableQuery

# By exact class: a bool is an int, and a datetime a date.
_CLASSES: dict[str, tuple[type, ...]] = {
    "boolean": (bool,),
    "integer": (int,),
    "double": (float,),
    "string": (str,),
    "date": (date,),
    "timestamp": (datetime,),
    "timestamptz": (datetime,),
    "uuid": (UUID, str),
    "decimal": (Decimal,),
}
_SMALL = 24
"""About what a number or a time takes."""


def weight(rows: Sequence[Sequence[Any]]) -> int:
    """About how many bytes the rows hold."""
    return sum(len(v) if isinstance(v, (str, bytes)) else _SMALL for row in rows for v in row)


def batch(rows: Sequence[Sequence[Any]], query: TableQuery) -> pa.RecordBatch:
    """The rows in the query's columns and declared types.

    Raises:
        Refused: a value is not of its declared type (value-not-of-type).
    """
    arrays = [
        _array(values, f"{query.table}.{name}", declared)
        for values, (name, declared) in zip(zip(*rows, strict=True), query.columns, strict=True)
    ]
    arrives: dict[str, tuple[str, ...]] = {}
    for array, (_, declared) in zip(arrays, query.columns, strict=True):
        arrives[declared.name] = (*arrives.get(declared.name, ()), type_name(array.type))
    names = [name for name, _ in query.columns]
    return conform(pa.RecordBatch.from_arrays(arrays, names=names), query, arrives)


def _array(values: Sequence[Any], place: str, declared: ColumnType) -> pa.Array:
    if not all(value is None or _fits(value, declared) for value in values):
        raise misfit(place, declared)
    if declared.name == "uuid":
        values = [None if value is None else str(value) for value in values]
    try:
        return pa.array(values, declared.arrow())
    except (pa.ArrowException, ArithmeticError, TypeError, ValueError):
        raise misfit(place, declared) from None


def _fits(value: Any, declared: ColumnType) -> bool:
    if type(value) not in _CLASSES[declared.name]:
        return False
    if declared.name in ("timestamp", "timestamptz"):
        return (value.utcoffset() is not None) == (declared.name == "timestamptz")
    return declared.name != "decimal" or bool(value.is_finite())
