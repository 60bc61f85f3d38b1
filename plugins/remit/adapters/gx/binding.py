"""Fits a rule to the columns of an extract: the arguments that GX gets are of the column's type.

Without it the engine would compare texts with dates, or numbers with texts, as its casts have it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from remit.adapters.gx.arguments import moment
from remit.adapters.gx.vocabulary import (
    EXPECTATIONS,
    NUMBERS,
    TIMES,
    columns_beside,
    judged_columns,
)
from remit.columns import SIMPLE, ColumnType
from remit.ports import Rule

if TYPE_CHECKING:
    import pyarrow as pa

MOST_DIGITS = 38
"""Of a decimal."""

UNDECLARED = "undeclared"
"""The name for a type that remit does not declare; no expectation on values fits it."""


class Misfit(Exception):
    """The rule cannot be judged on these columns. Holds no text, for texts get logged."""


def declared_types(schema: pa.Schema) -> dict[str, str]:
    """The columns of an extract and their declared types; a uuid is its text."""
    import pyarrow as pa

    simple = {ColumnType(name).arrow(): name for name in SIMPLE if name != "uuid"}
    return {
        field.name: f"decimal({field.type.precision},{field.type.scale})"
        if pa.types.is_decimal128(field.type)
        else simple.get(field.type, UNDECLARED)
        for field in schema
    }


def common_type(a: str, b: str) -> str:
    """The type that values of both have exactly: one type, or a decimal that is wide enough.

    Raises:
        Misfit: there is none.
    """
    if a == b:
        return a
    if not a.startswith("decimal") or not b.startswith("decimal"):
        raise Misfit
    one, other = ColumnType.parse(a), ColumnType.parse(b)
    scale = max(one.scale, other.scale)
    precision = scale + max(one.precision - one.scale, other.precision - other.scale)
    if precision > MOST_DIGITS:
        raise Misfit
    return f"decimal({precision},{scale})"


def bind(
    rule: Rule,
    types: Mapping[str, str],
    others: Mapping[str, Mapping[str, str]] = MappingProxyType({}),
) -> dict[str, Any]:
    """The arguments for GX.

    Args:
        types: the declared types of the extract's columns.
        others: those of other tables' extracts.

    Raises:
        Misfit: a column is not there, or its type and the rule do not go together.
    """
    expectation = EXPECTATIONS[rule.type]
    kwargs: dict[str, Any] = {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in {**rule.kwargs, **dict(expectation.implied)}.items()
    }
    if "column_set" in kwargs:  # GX matches a name without its case, unless it is quoted
        kwargs["column_set"] = [f'"{name}"' for name in kwargs["column_set"]]
    if rule.type == "expect_column_to_exist":
        return kwargs
    if rule.type == "expect_column_values_to_be_of_type":
        kwargs["type_"] = str(ColumnType.parse(kwargs["type_"]))
    names = [_base(types, column) for column in judged_columns(rule)]
    if expectation.kinds is not None and not expectation.kinds.issuperset(names):
        raise Misfit
    if any(_base(types, column) != "string" for column in columns_beside(rule)):
        raise Misfit
    if "column_B" in kwargs and not _comparable(*names):
        raise Misfit
    if expectation.bounds == "ordered":
        for bound in {"min_value", "max_value"} & kwargs.keys():
            kwargs[bound] = _bound(names[0], kwargs[bound])
    if "value_set" in kwargs:
        kwargs["value_set"] = [_member(names[0], one) for one in kwargs["value_set"]]
        if rule.type == "expect_column_distinct_values_to_be_in_set":
            _refuse_dates_as_text(kwargs["value_set"])
    if rule.type == "expect_column_values_to_be_found_in":
        kwargs["other_table"] = kwargs.pop("table")  # which GX takes for the table judged
        keys = others.get(kwargs["other_table"], {})
        _base(keys, kwargs["key"])
        common_type(types[kwargs["column"]], keys[kwargs["key"]])
    if "scope" in kwargs:
        kwargs["scope"] = [_limit(_base(types, one["column"]), one) for one in kwargs["scope"]]
    return kwargs


def _limit(base: str, limit: Mapping[str, Any]) -> dict[str, Any]:
    """A limit of a scope; its members and bounds are of the column's type."""
    if "in" in limit:
        return {"column": limit["column"], "in": [_member(base, one) for one in limit["in"]]}
    if base not in TIMES:
        raise Misfit
    start, end = (_member(base, limit[name]) for name in ("from", "until"))
    return {"column": limit["column"], "from": start, "until": end}


def _base(types: Mapping[str, str], column: str) -> str:
    if column not in types:
        raise Misfit
    return types[column].partition("(")[0]


def _comparable(a: str, b: str) -> bool:
    # A decimal and a double compare as doubles in DuckDB, and exactly in Python.
    return a == b or (NUMBERS.issuperset({a, b}) and "integer" in (a, b))


def _refuse_dates_as_text(value_set: list[Any]) -> None:
    # GX makes dates of texts that look like one, whatever the column is.
    for one in value_set:
        if isinstance(one, str) and len(one) == 10:
            try:
                date.fromisoformat(one)
            except ValueError:
                continue
            raise Misfit


def _bound(base: str, value: Any) -> Any:
    """A bound of a range. Times stay ISO texts: GX would cut a datetime down to its date."""
    if base in NUMBERS:
        if isinstance(value, str):
            raise Misfit
        return value
    found = _member(base, value)
    return found.isoformat()


def _member(base: str, value: Any) -> Any:
    """A value as the column has it, or a refusal to guess."""
    try:
        return _MEMBERS[base](value)
    except (KeyError, ValueError, TypeError, InvalidOperation):
        raise Misfit from None


def _only(*kinds: type) -> Callable[[Any], Any]:
    def same(value: Any) -> Any:
        if type(value) not in kinds:
            raise TypeError
        return value

    return same


def _decimal(value: Any) -> Decimal:
    if isinstance(value, bool):
        raise TypeError
    found = Decimal(str(value))  # by its text: 0.1 means a tenth
    if not found.is_finite():
        raise ValueError
    return found


def _date(value: Any) -> date:
    found = moment(value)
    if isinstance(found, datetime):
        raise TypeError
    return found


def _timestamp(value: Any) -> datetime:
    found = datetime.fromisoformat(value)
    if found.tzinfo is not None:
        raise ValueError
    return found


def _timestamptz(value: Any) -> datetime:
    found = datetime.fromisoformat(value)
    if found.tzinfo is None:
        raise ValueError  # a time without offset is a different instant in each place
    return found.astimezone(UTC).replace(tzinfo=None)  # as the view has the column


_MEMBERS: Mapping[str, Callable[[Any], Any]] = {
    "boolean": _only(bool),
    "integer": _only(int),
    "double": _only(int, float),
    "string": _only(str),
    "decimal": _decimal,
    "date": _date,
    "timestamp": _timestamp,
    "timestamptz": _timestamptz,
}
