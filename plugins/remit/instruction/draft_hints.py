"""What a schema suggests to who writes an instruction: dates, sites, the way to both, and warnings.

Everything here is a suggestion for a comment. It comes from names, types and keys of the schema.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from remit.attribute_values import AttributeTable, attribute_table
from remit.column_names import (
    kind_of_identifier,
    looks_like_credential,
    looks_like_free_text,
    words,
)
from remit.ports import SourceColumn

Columns = Sequence[SourceColumn]
Schema = Mapping[str, Columns]
"""Tables by name, as the source describes them."""

_EVENTS = frozenset(
    "collect collected collection received reception entered entry result resultat results observed "
    "observation encounter visit visite order ordered prescription released completed sampled "
    "prelevement preleve validated validation performed analysed analysis".split()
)
_TECHNICAL = frozenset(
    "lastupdated last updated update modified modification created creation inserted changed "
    "timestamp ts sync imported dt1".split()
)
_NEVER = frozenset(
    "birth birthdate naissance dob deces death deathdate died expir expires expired expiration "
    "password active retired retire voided void deleted scheduled next value merge merged".split()
)
_SITES = frozenset(
    "site sites location facility center centre organization organisation labo laboratory lab "
    "service department clinic hospital".split()
)
_OLD = re.compile(
    r"(_|^)(history|hist|deleted|archive|archived|backup\w*|log|audit\w*|old|tmp|merged)(_|$)"
)
_MESSAGES = frozenset("payload hl7 hl7data message xml json document serialized".split())
_SPECIAL = {
    "race": "ethnic-origin", "ethnicity": "ethnic-origin", "ethnic": "ethnic-origin",
    "religion": "belief", "hiv": "health", "vih": "health", "pregnancy": "health",
    "pregnant": "health", "grossesse": "health", "sexual": "sex-life",
}  # fmt: skip
_UNTYPED = {
    "bytea": "a file or image", "blob": "a file or image", "json": "a document that holds anything",
    "jsonb": "a document that holds anything", "xml": "a document that holds anything",
    "hstore": "a document that holds anything", "tsvector": "an index of texts",
    "time": "a time of day", "interval": "a length of time",
}  # fmt: skip
_FARTHEST = 6


class Step(NamedTuple):
    """A foreign key of one column, from a table to another."""

    column: SourceColumn
    table: str


def event_dates(columns: Columns) -> list[SourceColumn]:
    """The columns that may date a row, those of an event first, technical ones last."""
    dated = [c for c in columns if c.type and c.type.name in ("date", "timestamp", "timestamptz")]
    fit = [c for c in dated if _NEVER.isdisjoint(words(c.name))]
    return sorted(fit, key=lambda column: _date_rank(column.name))


def is_technical(name: str) -> bool:
    """Whether a date says when a row was written, not when something happened."""
    return _date_rank(name) == _LAST


_LAST = 2


def _date_rank(name: str) -> int:
    parts = set(words(name))
    if parts & _TECHNICAL or "lastupdated" in "".join(words(name)):
        return _LAST
    return 0 if parts & _EVENTS else 1


def site_column(columns: Columns) -> SourceColumn | None:
    """The column that probably says which site a row is of."""
    for column in columns:
        parts = words(column.name)
        if parts and parts[0] in _SITES and column.type and not column.primary:
            return column
    return None


def way_to_a_date(table: str, schema: Schema) -> list[Step]:
    """The shortest way by foreign keys to a table with a date of an event; empty when there is none."""
    seen, queue = {table}, deque[tuple[str, list[Step]]]([(table, [])])
    while queue:
        here, way = queue.popleft()
        dates = event_dates(schema.get(here, ()))
        if way and dates and not is_technical(dates[0].name):
            return way
        for column in schema.get(here, ()) if len(way) < _FARTHEST else ():
            there = column.references
            if there and there in schema and there not in seen and column.type:
                seen.add(there)
                queue.append((there, [*way, Step(column, there)]))
    return []


def key_of(table: str, schema: Schema) -> SourceColumn | None:
    """The column that alone is the table's primary key."""
    keys = [column for column in schema.get(table, ()) if column.primary]
    return keys[0] if len(keys) == 1 else None


def table_hints(table: str, columns: Columns) -> Iterator[str]:
    """What is worth knowing of a table before anything of it leaves."""
    found = attributes(table, columns)
    if _OLD.search(table.lower()) and not found:
        yield "by its name it holds old, deleted or logged rows: does the purpose need them?"
    if found:
        yield (
            f"one row per attribute ({', '.join(found.values)}): rows.codes must list which ones may "
            f"leave, by {found.codes[0]}"
        )


def attributes(table: str, columns: Columns) -> AttributeTable | None:
    """See `remit.attribute_values.attribute_table`."""
    return attribute_table(table, columns)


def column_hints(column: SourceColumn, columns: Columns) -> Iterator[str]:
    """What a column's name and type say of it."""
    name, kind = column.name, column.type.name if column.type else ""
    if kind == "boolean":
        return
    beside = [other.name for other in columns]
    if (identifies := kind_of_identifier(name, beside)) and not name.lower().endswith("_type_id"):
        yield identifies
    if special := next((_SPECIAL[w] for w in words(name) if w in _SPECIAL), None):
        yield f"special category ({special}, Art. 9)"
    if is_message(column):
        yield "a whole message, which may hold everything of a patient"
    elif is_free_text(column):
        yield "free text, in which anything may have been typed"


def is_free_text(column: SourceColumn) -> bool:
    """Whether `free_text` has to be justified: sentences, not short codes."""
    width = re.search(r"\((\d+)\)", column.native_type)
    short = width is not None and int(width[1]) <= 5
    text = column.type is not None and column.type.name == "string"
    return text and not short and (looks_like_free_text(column.name) or is_message(column))


def is_message(column: SourceColumn) -> bool:
    """Whether the column probably holds whole messages or documents."""
    parts = words(column.name)
    text = column.type is not None and column.type.name == "string"
    return text and bool(parts) and (parts[-1] in _MESSAGES or parts[0] in ("hl7", "xml", "json"))


def is_credential(column: SourceColumn) -> bool:
    """Whether the plan would refuse the column whatever is instructed."""
    return (column.type is None or column.type.name != "boolean") and looks_like_credential(
        column.name
    )


def untyped(native: str) -> str:
    """Why a native type has no type here, in words."""
    bare = re.sub(r"\(.*", "", native.lower()).strip()
    if bare.endswith("[]"):
        return "a list"
    return _UNTYPED.get(bare.split(" ")[0], f"{native}, which has no type here")
