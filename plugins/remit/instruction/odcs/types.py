"""Types: the standard's logical and physical ones, and those of remit.

A type that is found here is a proposal for a comment: the plan holds it against the live source.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from remit.columns import ColumnType

_PHYSICAL = {
    "boolean": "boolean bool",
    "integer": "integer int int2 int4 int8 smallint bigint tinyint mediumint serial smallserial "
    "bigserial serial4 serial8 int16 int32 int64 long short",
    "double": "double double_precision real float float4 float8 float32 float64",
    "string": "string text varchar character_varying char character bpchar citext nvarchar nchar "
    "varchar2 nvarchar2 ntext tinytext mediumtext longtext clob",
    "date": "date",
    "timestamp": "timestamp timestamp_without_time_zone timestamp_ntz datetime datetime2 "
    "smalldatetime",
    "timestamptz": "timestamptz timestamp_with_time_zone timestamp_tz datetimeoffset",
    "uuid": "uuid uniqueidentifier",
}
_KNOWN = {word: kind for kind, words in _PHYSICAL.items() for word in words.split()}
_DECIMAL = re.compile(r"(?:decimal|numeric|number|dec)(?:\((\d{1,2})(?:,(\d{1,2}))?\))?", re.ASCII)
_LENGTH = re.compile(r"[(\[]\d+(?:,\d+)?[)\]]", re.ASCII)
_TOO_WIDE = frozenset(("i128", "u64", "u128"))
_ANY_DECIMAL = ColumnType("decimal")


def proposed(
    logical: str | None, options: Mapping[str, Any] | None, physical: str | None
) -> ColumnType | None:
    """What a column probably is at its source; None where that cannot be said.

    The physical type decides where there is one. A decimal without precision fits any.
    """
    options = options or {}
    found = _of_physical(physical) if physical else _of_logical(logical, options)
    # In many databases a timestamp may be of either kind, and the option says which.
    if found == ColumnType("timestamp") and options.get("timezone") is True:
        return ColumnType("timestamptz")
    return found


def logical(kind: ColumnType) -> dict[str, Any]:
    """The standard's fields that say most of a type of remit."""
    options: dict[str, Any] = {}
    name = {"decimal": "number", "double": "number", "timestamptz": "timestamp", "uuid": "string"}
    if kind.name in ("timestamp", "timestamptz"):
        options = {"timezone": kind.name == "timestamptz"}
    elif kind.name in ("integer", "double", "uuid"):
        options = {"format": {"integer": "i64", "double": "f64", "uuid": "uuid"}[kind.name]}
    fields: dict[str, Any] = {"logicalType": name.get(kind.name, kind.name)}
    return fields | ({"logicalTypeOptions": options} if options else {})


def _of_physical(text: str) -> ColumnType | None:
    spaced = " ".join(text.lower().split())
    decimal = _DECIMAL.fullmatch(spaced.replace(" ", ""))
    if decimal:
        return _decimal(decimal[1], decimal[2])
    known = _KNOWN.get(_LENGTH.sub("", spaced).strip().replace(" ", "_"))
    return ColumnType(known) if known else None


def _decimal(precision: str | None, scale: str | None) -> ColumnType | None:
    if precision is None:
        return _ANY_DECIMAL
    try:
        return ColumnType.parse(f"decimal({precision},{scale or 0})")
    except ValueError:  # more digits than there are here
        return None


def _of_logical(text: str | None, options: Mapping[str, Any]) -> ColumnType | None:
    form = options.get("format")
    match text:
        case "string":
            return ColumnType("uuid" if form == "uuid" else "string")
        case "integer":
            return None if form in _TOO_WIDE else ColumnType("integer")
        case "number":
            return ColumnType("double") if form in ("f32", "f64") else _ANY_DECIMAL
        case "boolean" | "date" | "timestamp":
            return ColumnType(text)
        case _:
            return None
