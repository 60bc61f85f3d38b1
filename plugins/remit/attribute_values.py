"""Tables with one row per attribute: which column says what a row is about, and which hold its value.

A foreign key to a catalogue of types, fields or properties is the surest sign; where a source has
no keys, names are all there is (`remit.column_names`). Either way this is a hint that a controller
can answer: by listing the attributes, or by saying why each of them may leave.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from remit.column_names import (
    attribute_value_pair,
    looks_like_values,
    value_columns,
    words,
)
from remit.ports import SourceColumn

# A table that another one's foreign key leads to is a catalogue of attributes if its name has one
# of these words, the long ones also run together with others.
_CATALOGUES = frozenset("type types part parts field fields".split())
_LONG = (
    "definition", "descriptor", "concept", "property", "properties", "attribute", "parameter",
    "question", "variable", "analyte",
)  # fmt: skip
# What kind of thing the value is (number, text, coded), not what it is of.
_KINDS_OF_VALUE = (
    "type", "valuetype", "resulttype", "datatype", "typetag", "tstrslttype", "relationtype",
)  # fmt: skip
# Values by their type: LabKey's stringvalue, floatvalue, datetimevalue.
_TYPED = frozenset("stringvalue floatvalue datetimevalue textvalue numvalue numericvalue".split())
_NO_ATTRIBUTES = frozenset("photo document file image trigger job sequence calculation".split())


@dataclass(frozen=True, slots=True)
class AttributeTable:
    """What a table with one row per attribute has.

    Attributes:
        codes: the columns that may say which attribute a row is of, the likeliest first.
        values: the columns that hold the attribute's value.
    """

    codes: tuple[str, ...]
    values: tuple[str, ...]


def attribute_table(table: str, columns: Sequence[SourceColumn]) -> AttributeTable | None:
    """What makes the table one with one row per attribute; None for any other.

    Args:
        table: its name at the source.
        columns: all of its columns.
    """
    if not _NO_ATTRIBUTES.isdisjoint(words(table)):
        return None
    names = [column.name for column in columns]
    values = _values(names)
    others = [c for c in columns if c.name not in values and not _numbers_rows(c, columns)]
    keys = [column.name for column in others if _leads_to_a_catalogue(column)]
    candidates = [column.name for column in others if not _is_kind_of_value(column.name)]
    if values and keys:
        types = [name for name in keys if words(name)[-2:] == ["type", "id"]]  # the surest
        return AttributeTable(tuple(types or keys), tuple(values))
    pair = attribute_value_pair([*candidates, *values])
    if pair is None:
        return None
    own = [name for name in candidates if name.lower() == f"{table.lower()}_id"]
    if pair[0] in own:
        return None
    return AttributeTable((pair[0],), tuple(values or [pair[1]]))


def _values(names: Sequence[str]) -> list[str]:
    found = value_columns(names) or looks_like_values(names)
    return found + [name for name in names if name not in found and name.lower() in _TYPED]


def _leads_to_a_catalogue(column: SourceColumn) -> bool:
    if column.references is None:
        return False
    parts = words(column.references)
    return not _CATALOGUES.isdisjoint(parts) or any(long in "".join(parts) for long in _LONG)


def _numbers_rows(column: SourceColumn, columns: Sequence[SourceColumn]) -> bool:
    """Whether the column alone is the primary key."""
    return column.primary and sum(other.primary for other in columns) == 1


def _is_kind_of_value(name: str) -> bool:
    return "".join(words(name)) in _KINDS_OF_VALUE
