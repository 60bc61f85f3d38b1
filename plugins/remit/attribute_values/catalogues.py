"""What foreign keys say: which table is a catalogue of attributes, and which of its columns names them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from remit.column_names.words import singulars, word_set
from remit.ports import SourceColumn

Name = TypeVar("Name")

# A table of attributes has one of these words, the long ones also run together with others.
_SHORT = word_set("part field element measure indicator characteristic")
_LONG = (
    "definition", "descriptor", "concept", "property", "properties", "attribute", "parameter",
    "question", "variable", "analyte",
)  # fmt: skip
_WEAK = word_set("analysis analyse test assay exam examination determination")
# A table of these sorts attributes, it does not name them: concept_class, propertysets.
_SORTS = re.compile(
    r"(set|class|categor(y|ie)|group|section|domain|status|datatype|name|map|range|format|tag"
    r"|trailer|order|file|label|method|reason)s?\Z|\Auom|\Aunit"
)
_NAMING = ("name", "nom", "code", "loinc", "key", "cle", "label", "libelle", "title", "uri", "url",
    "abbrev", "identifier", "term", "concept", "uuid", "guid", "description")  # fmt: skip
_WHICH_NAME = word_set("short full long display local common preferred external official reporting")
_TOO_COMMON = word_set("id name code key type value status parent owner container")


def attribute_keys(table: str, columns: Iterable[SourceColumn]) -> list[SourceColumn]:
    """The foreign keys to what each row is of, the surest first; [] when there is none.

    A key to the table's own types (`patient_identity_type` of `patient_identity`) leaves no doubt.
    Else those to attributes of any kind count; only where there are none, those to any types.
    """
    keys = [c for c in columns if c.references and c.references != table]
    own = [c for c in keys if c.references and _is_own_type(table, c.references)]
    if own:
        return own
    strong = [c for c in keys if c.references and _is_catalogue(c.references)]
    weak = [c for c in keys if c.references and _is_weak(c.references)]
    types = [c for c in keys if c.references and _is_type(c.references)]
    return strong + weak or types


def only_weak(keys: Sequence[SourceColumn]) -> bool:
    """Whether all of them lead to tests alone, which a catalogue of possible results has as well."""
    return all(c.references is not None and _is_weak(c.references) for c in keys)


def naming_columns(table: str, columns: Iterable[SourceColumn]) -> list[str]:
    """The columns of a catalogue by which its rows can be listed, texts that name them first."""
    return [
        c.name
        for c in sorted(columns, key=_naming_rank)
        if c.primary or (_is_listable(c) and _names(singulars(c.name), singulars(table)))
    ]


def with_keys_of_others(
    columns: Sequence[SourceColumn], schema: Mapping[Name, Sequence[SourceColumn]]
) -> Sequence[SourceColumn]:
    """A view's columns with the foreign keys that columns of that name have wherever they have one.

    Args:
        columns: of one table or view; those of one that has keys itself stay as they are.
        schema: everything that the source has there.
    """
    if any(c.primary or c.references for c in columns):
        return columns
    wanted = {c.name: set[str]() for c in columns if c.name.lower() not in _TOO_COMMON}
    for others in schema.values():
        for other in others:
            if other.references and other.name in wanted:
                wanted[other.name].add(other.references)
    known = {name: found.pop() for name, found in wanted.items() if len(found) == 1}
    return [replace(c, references=known.get(c.name)) for c in columns]


def _is_own_type(table: str, there: str) -> bool:
    own, other = singulars(table), singulars(there)
    return bool(own) and other[-1:] == ["type"] and set(own) <= set(other[:-1])


def _is_catalogue(there: str) -> bool:
    parts = singulars(there)
    if not parts or _SORTS.search(parts[-1]) or _SORTS.search(parts[0]):
        return False
    return not _SHORT.isdisjoint(parts) or any(long in "".join(parts) for long in _LONG)


def _is_weak(there: str) -> bool:
    parts = singulars(there)
    return bool(parts) and not _WEAK.isdisjoint(parts) and not _SORTS.search(parts[-1])


def _is_type(there: str) -> bool:
    parts = singulars(there)
    return bool(parts) and (parts[-1] == "type" or parts[0] == "type") and "unit" not in parts


def _is_listable(column: SourceColumn) -> bool:
    kind = column.type
    if kind is None:
        return False
    whole = kind.name == "integer" or (kind.name == "decimal" and not kind.scale)
    return whole or kind.name in ("string", "uuid")


def _names(parts: list[str], table: list[str]) -> bool:
    """Whether a column names a row of its table, and not of another: `type_name` of `field_type`."""
    if parts == table or parts in (["type"], ["name"]):
        return parts != ["type"] or table[-1:] == ["type"]
    if not parts or parts[-1] not in (*_NAMING, "type"):
        return False
    about = set(parts[:-1]) if parts[-1] != "type" else set(parts)
    return about <= {*table, *_WHICH_NAME, *_NAMING, *_run_together(table)}


def _run_together(table: list[str]) -> set[str]:
    """Parts of a table's name that is written in one: `property` of propertydescriptor."""
    return {long for long in _LONG if long in "".join(table)}


def _naming_rank(column: SourceColumn) -> tuple[bool, int, bool]:
    text = column.type is not None and column.type.name == "string"
    parts = singulars(column.name)
    rank = _NAMING.index(parts[-1]) if parts and parts[-1] in _NAMING else len(_NAMING)
    return (not text, rank, column.primary)
