"""What a plan refuses of one table, held against the live schema."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from remit.attribute_values import attribute_table
from remit.column_names import looks_like_credential, looks_like_free_text
from remit.columns import ColumnType
from remit.errors import Refused
from remit.instruction import Column, Table
from remit.instruction.rows import Limits
from remit.instruction.tables import DataSubject
from remit.plan.model import Drift
from remit.ports import Relation, SourceColumn

Schema = Mapping[Relation, Sequence[SourceColumn]]

_NEW_VERSION = "the rows cannot be limited as instructed: ask the controller for a new version."


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


def column_refusals(
    table: Table, live: Mapping[str, SourceColumn], drifted: Sequence[Drift]
) -> Iterator[Refused]:
    """What is wrong with the columns that the instruction names."""
    for column in table.columns:
        if column.name not in live:
            yield _column_missing(table.name, column.name)
    for drift in drifted:
        yield _column_retyped(table.name, drift)
    for column in table.columns:
        yield from _forbidden(table.name, column)
    yield from _unlisted_codes(table, list(live.values()))


def scope_refusals(table: Table, schema: Schema) -> Iterator[Refused]:
    """Limits that cannot be applied: their columns are not there, or of another type."""
    yield from _unfit(table.rows, table.name, table.relation, schema)
    if table.data_subject:
        yield from _unfit_subject(table.data_subject, table.name, table.relation, schema)


def _unfit_subject(
    subject: DataSubject, name: str, relation: Relation, schema: Schema
) -> Iterator[Refused]:
    """The way from a row to its data subject, step by step."""
    for step in subject.through or []:
        if step.there not in schema:
            yield table_missing(str(step.there), step.there)
            return
        here, there = _columns(schema, relation), _columns(schema, step.there)
        for join in step.join:
            yield from _unfit_column(here, name, join.column, join.own, _WHOSE)
            yield from _unfit_column(there, str(step.there), join.to, join.other, _WHOSE)
        name, relation = str(step.there), step.there
    kind = ColumnType.parse(subject.type)
    yield from _unfit_column(_columns(schema, relation), name, subject.column, kind, _WHOSE)


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


def _unlisted_codes(table: Table, live: Sequence[SourceColumn]) -> Iterator[Refused]:
    """Where a row is one attribute, whatever leaves of it says that attribute of somebody."""
    found = attribute_table(table.relation.table, live)
    if found is None or table.rows.all_codes or _lists_codes(table.rows, found.codes):
        return
    leaving = [column.name for column in table.columns if column.name in found.values]
    column = leaving[0] if leaving else table.columns[0].name
    yield Refused(
        "codes-missing",
        f"{table.name}.{column}",
        f"the table has one row per attribute (told by {', '.join(found.codes)}), so every "
        f"attribute would leave.",
        f"list the attributes allowed in rows.codes of {found.codes[0]}, or through the table that "
        f"names them, or have the controller say in rows.all_codes why each of them may leave.",
    )


def _lists_codes(limits: Limits, codes: Sequence[str]) -> bool:
    """Whether rows are limited by a code column, or through another table that is joined by one."""
    if any(rule.column in codes for rule in limits.lists()):
        return True
    return any(
        any(join.column in codes for join in other.join) and _lists_anything(other)
        for other in limits.through or []
    )


def _lists_anything(limits: Limits) -> bool:
    return bool(limits.lists()) or any(_lists_anything(other) for other in limits.through or [])


def _forbidden(table: str, column: Column) -> Iterator[Refused]:
    where = f"{table}.{column.name}"
    text = column.declared.name == "string"
    # A flag that says whether there is a password is none; a number may well be a PIN.
    if column.declared.name != "boolean" and looks_like_credential(column.name):
        yield Refused(
            "column-credential",
            where,
            "by its name it holds credentials, which never leave, whatever is instructed.",
            "remove it from the instruction; let people set new passwords at the target.",
        )
    if text and looks_like_free_text(column.name) and column.free_text is None:
        yield Refused(
            "column-free-text",
            where,
            "by its name it holds free text, in which anything may have been typed.",
            "leave it out, or have the controller justify it in the column's free_text.",
        )


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
