"""What a plan refuses of one table, held against the live schema."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from remit.column_names import (
    FREE_TEXT,
    MESSAGES,
    kind_of_identifier,
    kind_of_text,
    looks_like_credential,
)
from remit.columns import ColumnType
from remit.errors import Refused
from remit.instruction import Column, Table
from remit.instruction.lists import ListRule
from remit.instruction.rows import Limits
from remit.instruction.subjects import DataSubject, SubjectNames
from remit.plan.codes import Schema, unlisted_codes
from remit.plan.model import Drift
from remit.ports import Relation, SourceColumn

__all__ = ["Schema", "column_refusals", "fits", "scope_refusals", "table_missing"]

_NEW_VERSION = "the rows cannot be limited as instructed: ask the controller for a new version."


def one_name(relation: Relation, schema: Schema) -> Relation:
    """The name that a relation is told by: of the default schema's the one without it.

    A source gives these under both names, with the same columns, where the schema is asked for.
    """
    default = Relation(None, relation.table)
    here, there = schema.get(relation, ()), schema.get(default, ())
    return default if here and there and here[0] is there[0] else relation


def fits(live: SourceColumn, declared: ColumnType) -> bool:
    """Whether a live column can hold just what was declared.

    A decimal of the source without precision fits any declared one; a value that does not is
    refused when it is read.
    """
    if live.type is not None and live.type.name == declared.name == "decimal":
        return live.type in (declared, ColumnType("decimal"))
    return live.type == declared


def table_missing(name: str, relation: Relation) -> Refused:
    """The refusal of a table that is not there."""
    other = f" called {relation}" if str(relation) != name else ""
    return Refused(
        "table-missing",
        name,
        f"the source has no such table or view{other}.",
        "check the connection's database and schema, and the exact spelling in the instruction.",
    )


def column_refusals(table: Table, drifted: Sequence[Drift], schema: Schema) -> Iterator[Refused]:
    """What is wrong with the columns that the instruction names."""
    live = _columns(schema, table.relation)
    for column in table.columns:
        if column.name not in live:
            yield _column_missing(table.name, column.name)
    for drift in drifted:
        yield _column_retyped(table.name, drift)
    for column in table.columns:
        yield from _forbidden(table, column, live.get(column.name))
    yield from unlisted_codes(table, schema)


def scope_refusals(table: Table, schema: Schema) -> Iterator[Refused]:
    """Limits that cannot be applied: their columns are not there, or of another type."""
    yield from _unfit(table.rows, table.name, table.relation, schema)
    for way in table.ways():
        purpose = _WHOSE if way is table.data_subject else _NAMING
        yield from _unfit_way(way, purpose, table.name, table.relation, schema)


_PERSONS = (
    "a national or insurance number",
    "a patient number",
    "a person's name",
    "a phone number",
    "an e-mail address",
    "a login",
)


def listed_persons(table: Table) -> Iterator[Refused]:
    """Lists are shown to everybody who reads a plan or the evidence, so nobody's id is in one."""
    subject = table.data_subject.column if table.data_subject else None
    for name, rule in _lists_of(table.name, table.rows):
        if rule.column == subject or kind_of_identifier(rule.column) in _PERSONS:
            yield Refused(
                "list-names-persons",
                f"{name}.{rule.column}",
                "rows are listed by what identifies persons, and plans, logs and evidence show lists.",
                "limit the rows through a table of the persons in scope, or by sites and windows.",
            )


def _lists_of(name: str, limits: Limits) -> Iterator[tuple[str, ListRule]]:
    yield from ((name, rule) for rule in limits.lists())
    for other in limits.through or []:
        yield from _lists_of(str(Relation(other.schema_name, other.relation)), other)


def _unfit_way(
    way: DataSubject | SubjectNames, purpose: str, name: str, relation: Relation, schema: Schema
) -> Iterator[Refused]:
    """The way from a row to its data subject, step by step."""
    for step in way.through or []:
        if step.there not in schema:
            yield table_missing(str(step.there), step.there)
            return
        here, there = _columns(schema, relation), _columns(schema, step.there)
        for join in step.join:
            yield from _unfit_column(here, name, join.column, join.own, purpose)
            yield from _unfit_column(there, str(step.there), join.to, join.other, purpose)
        name, relation = str(step.there), step.there
    for column, kind in way.sought().items():
        yield from _unfit_column(_columns(schema, relation), name, column, kind, purpose)


def _unfit(limits: Limits, name: str, relation: Relation, schema: Schema) -> Iterator[Refused]:
    live = _columns(schema, relation)
    if window := limits.window:
        kind = ColumnType(window.type)
        yield from _unfit_column(live, name, window.column, kind, _LIMITED.format("the window"))
    for rule in limits.lists():
        kind = ColumnType.parse(rule.type)
        said = _LIMITED.format("sites and codes")
        yield from _unfit_column(live, name, rule.column, kind, said)
    for other in limits.through or []:
        there = Relation(other.schema_name, other.relation)
        for join in other.join:
            said = _LIMITED.format(f"membership in {there}")
            yield from _unfit_column(live, name, join.column, join.own, said)
        if there not in schema:
            yield table_missing(str(there), there)
            continue
        for join in other.join:
            said = f"rows of {name} are found by it"
            columns = _columns(schema, there)
            yield from _unfit_column(columns, str(there), join.to, join.other, said)
        yield from _unfit(other, str(there), there, schema)


_LIMITED = "rows are limited by it for {}"
_WHOSE = "it says whose data a row is"
_NAMING = "the names to look for in free text are found by it"


def _unfit_column(
    live: Mapping[str, SourceColumn], table: str, name: str, kind: ColumnType, purpose: str
) -> Iterator[Refused]:
    column = live.get(name)
    if column is not None and fits(column, kind):
        return
    what = "is not at the source" if column is None else f"is {column.native_type} there"
    yield Refused(
        "scope-column-unfit",
        f"{table}.{name}",
        f"{purpose}, as {kind}, but it {what}.",
        _NEW_VERSION,
    )


def _columns(schema: Schema, relation: Relation) -> dict[str, SourceColumn]:
    return {column.name: column for column in schema.get(relation, ())}


def _forbidden(table: Table, column: Column, live: SourceColumn | None) -> Iterator[Refused]:
    where, at = f"{table.name}.{column.name}", table.relation.table
    native = live.native_type if live else ""
    if looks_like_credential(column.name, column.declared, at):
        yield Refused(
            "column-credential",
            where,
            "by its name it holds credentials, which never leave, whatever is instructed.",
            "remove it from the instruction; let people set new passwords at the target.",
        )
    text = kind_of_text(column.name, column.declared, native, at)
    if text in (FREE_TEXT, MESSAGES) and column.free_text is None:
        yield Refused(
            "column-free-text",
            where,
            f"by its name it holds {text}, in which anything {_MAY[text]}.",
            "leave it out, or have the controller justify it in the column's free_text.",
        )


_MAY = {FREE_TEXT: "may have been typed", MESSAGES: "about a patient may stand"}


def _column_missing(table: str, name: str) -> Refused:
    return Refused(
        "column-missing",
        f"{table}.{name}",
        "the instruction names it, but it is not at the source.",
        "ask the controller whether it was renamed, and for a version with the new name.",
    )


def _column_retyped(table: str, drift: Drift) -> Refused:
    return Refused(
        "column-retyped",
        f"{table}.{drift.column}",
        f"declared {drift.declared}, but {drift.live} at the source.",
        "find out what changed; then have the new type instructed.",
    )
