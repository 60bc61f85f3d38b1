"""Tables with one row per attribute: which column says what a row is about, and which hold its value.

A foreign key to a catalogue of types, fields or properties is the surest sign; where a source has
no keys, names are all there is. Either way this is a hint that a controller can answer: by listing
the attributes, or by saying why each of them may leave. A doubt counts as a yes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from remit.attribute_values import by_names
from remit.attribute_values.catalogues import (
    attribute_keys,
    naming_columns,
    only_weak,
    with_keys_of_others,
)
from remit.column_names.words import singulars, word_set
from remit.ports import SourceColumn

__all__ = [
    "AttributeTable",
    "attribute_keys",
    "attribute_table",
    "naming_columns",
    "with_keys_of_others",
]

Parts = Mapping[str, list[str]]

# A table of these has a value and a name and yet no attributes of anybody, unless a key says so.
_NO_ATTRIBUTES = ("photo", "document", "file", "image", "trigger", "job", "sequence", "calculation")
# Whom or what a value is about; a catalogue of possible results has none of it.
_ABOUT = word_set("""
    patient person subject participant sample specimen echantillon visit encounter order request
    demande analysis observation event accession organization instrument analyzer run experiment
    object user session analyse
""")
_FEW = 6
_NO_CODES = ("boolean", "date", "timestamp", "timestamptz", "double")


@dataclass(frozen=True, slots=True)
class AttributeTable:
    """What a table with one row per attribute has.

    Attributes:
        codes: the columns that may say which attribute a row is of, the likeliest first; none where
            that cannot be told.
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
    flags = [c.name for c in columns if c.type is not None and c.type.name == "boolean"]
    parts = by_names.split([c.name for c in columns if c.name not in flags])
    values = [name for name, said in parts.items() if _holds_value(name, said, parts)]
    if not values:
        return None
    others = [
        c
        for c in columns
        if c.name in parts and c.name not in values and _may_be_code(c, columns, table, parts)
    ]
    about = _is_about_something(columns)
    changed = all(by_names.is_changed_value(parts[value]) for value in values)
    keys = _surest(attribute_keys(table, others), parts)
    if keys and not (only_weak(keys) and (changed or not about)):
        return AttributeTable(tuple(c.name for c in keys), _values(values, columns))
    if _has_no_attributes(table):
        return None
    named = {c.name: parts[c.name] for c in others}
    codes = _codes_by_names(table, named, values, parts)
    if not (codes or changed or _must_have_one(named, values, parts, about)):
        return None
    if any(map(_is_unsure, codes)) and not about:
        return None
    return AttributeTable(tuple(codes), tuple(values))


def _surest(keys: list[SourceColumn], parts: Parts) -> list[SourceColumn]:
    """Of several keys to one catalogue the surest by name: concept_id beside unit_concept_id."""
    of_what = [c for c in keys if not by_names.is_of_something_else(parts[c.name])] or keys
    ranks = {c.name: by_names.rank(parts[c.name]) for c in of_what}
    sure = {name: math.inf if rank is None else rank for name, rank in ranks.items()}
    best: dict[str | None, float] = {}
    for c in of_what:
        best[c.references] = min(best.get(c.references, math.inf), sure[c.name])
    return [c for c in of_what if sure[c.name] == best[c.references]]


def _holds_value(name: str, said: Sequence[str], parts: Parts) -> bool:
    """Whether it is called after a value, or is one by a column beside it that names it."""
    if by_names.is_value(said) or by_names.is_changed_value(said):
        return True
    named = by_names.named_by(said, {k: v for k, v in parts.items() if k != name})
    return bool(named) and (list(said) != ["data"] or len(parts) <= _FEW)


def _codes_by_names(table: str, others: Parts, values: Sequence[str], parts: Parts) -> list[str]:
    """The code columns; [] without any sign of one."""
    paired = [name for value in values for name in by_names.named_by(parts[value], others)]
    if paired:
        return list(dict.fromkeys(paired))
    changed = all(by_names.is_changed_value(parts[value]) for value in values)
    ranked = by_names.codes_by_rank(others)
    if changed:
        return [name for rank, name in ranked if rank < by_names.SURE]
    types = [name for _, name in ranked if _is_type_of(table, parts[name])]
    return types or [name for _, name in ranked]


def _must_have_one(others: Parts, values: Sequence[str], parts: Parts, about: bool) -> bool:
    """Whether the value must be of something that no name tells.

    A bare `type` may be the attribute, or say whether the value is a number. Of two keys beside a
    value, one says whose it is and the other of what.
    """
    bare = any(list(said) in (["type"], ["kind"]) for said in parts.values())
    keys = [name for name, said in others.items() if said[-1] == "id" and len(said) > 1]
    value = any(list(parts[name]) == ["value"] for name in values)
    return (bare and about) or (value and len(keys) > 1)


def _values(values: Sequence[str], columns: Sequence[SourceColumn]) -> tuple[str, ...]:
    """With the columns that hold a value by its key in a vocabulary."""
    coded = (
        c.name
        for c in columns
        if c.references
        and not word_set("vocabulary dictionary").isdisjoint(singulars(c.references))
    )
    return tuple(dict.fromkeys([*values, *coded]))


def _numbers_rows(column: SourceColumn, columns: Sequence[SourceColumn], table: str) -> bool:
    """Whether it is the table's own key: alone, and no text, or called after the table."""
    own, said = singulars(table), singulars(column.name)
    tail = said[:-1]
    called = said[-1:] == ["id"] and bool(tail) and (tail == own or own[-len(tail) :] == tail)
    if called and (len(tail) > 1 or tail == own):
        return True
    alone = column.primary and sum(other.primary for other in columns) == 1
    text = column.type is not None and column.type.name == "string"
    return alone and (not text or said[-1:] == ["id"])


def _may_be_code(
    column: SourceColumn, columns: Sequence[SourceColumn], table: str, parts: Parts
) -> bool:
    if column.type is not None and column.type.name in _NO_CODES:
        return False
    of_value = by_names.is_kind_of_value(parts[column.name])
    return not of_value and not _numbers_rows(column, columns, table)


def _is_about_something(columns: Sequence[SourceColumn]) -> bool:
    found = (
        said for c in columns for said in _said_of(c) if said[:1] not in (["sort"], ["display"])
    )
    return any(not _ABOUT.isdisjoint(said) for said in found)


def _said_of(column: SourceColumn) -> Iterator[list[str]]:
    yield singulars(column.name)
    if column.references:
        yield singulars(column.references)


def _has_no_attributes(table: str) -> bool:
    return "".join(singulars(table)[-1:]).endswith(_NO_ATTRIBUTES)


def _is_type_of(table: str, said: Sequence[str]) -> bool:
    """Whether it is the type of the table's rows: attribute_type_id of person_attribute."""
    core = [word for word in said if word not in ("type", "id")]
    return "type" in said and bool(core) and set(core) <= set(singulars(table))


def _is_unsure(name: str) -> bool:
    """Whether a catalogue of possible values has such a column as well."""
    said = singulars(name)
    return said[-1:] == ["type"] or not word_set("test assay exam analysis").isdisjoint(said)
