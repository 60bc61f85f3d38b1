"""Plan: what would leave under an instruction, what stays, what is refused, before anything moves.

Guarantee: a plan is made from the instruction and the live schema alone, and reads no row's values,
only counts. `Plan.require_clean` is the one gate to extraction.
Not guaranteed: that the source still looks so when it is extracted; extract checks what it reads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from remit.column_names import looks_like_credential, looks_like_free_text
from remit.columns import ColumnType
from remit.errors import Refused
from remit.instruction import Column, Instruction, Table
from remit.ports import Snapshot, Source, SourceColumn, TableQuery


@dataclass(frozen=True, slots=True)
class Drift:
    """A column whose type at the source is not the one declared."""

    column: str
    declared: str
    live: str


@dataclass(frozen=True, slots=True)
class TablePlan:
    """One table: names of columns, and rows in scope of all (None where it could not be counted)."""

    name: str
    limits: tuple[str, ...]
    allowed: tuple[str, ...]
    withheld: tuple[str, ...]
    missing: tuple[str, ...]
    drifted: tuple[Drift, ...]
    rows_in_scope: int | None
    rows_total: int | None
    sql: str

    def as_json(self) -> dict[str, Any]:
        """The table as `remit plan --json` and the evidence give it."""
        return {
            "name": self.name,
            "limits": list(self.limits),
            "allowed": list(self.allowed),
            "withheld": list(self.withheld),
            "missing": list(self.missing),
            "drifted": [
                {"column": d.column, "declared": d.declared, "live": d.live} for d in self.drifted
            ],
            "rows_in_scope": self.rows_in_scope,
            "rows_total": self.rows_total,
            "sql": self.sql,
        }


@dataclass(frozen=True, slots=True)
class Plan:
    """The whole plan."""

    instruction: str
    version: int
    digest: str
    source: str
    tables: tuple[TablePlan, ...]
    unnamed_tables: tuple[str, ...]
    refusals: tuple[Refused, ...] = field(default=())

    def as_json(self) -> dict[str, Any]:
        """The plan as `remit plan --json` and the evidence give it."""
        return {
            "instruction": {"id": self.instruction, "version": self.version, "digest": self.digest},
            "source": self.source,
            "tables": [table.as_json() for table in self.tables],
            "withheld_tables": list(self.unnamed_tables),
            "refusals": [refusal.as_json() for refusal in self.refusals],
        }

    def require_clean(self) -> None:
        """Raise the first refusal, saying how many there are."""
        if not self.refusals:
            return
        first, *others = self.refusals
        more = f" ({len(others)} more in the plan.)" if others else ""
        raise Refused(first.code, first.where, first.message + more, first.way_out)


def make_plan(
    terms: Instruction, digest: str, source: Source, also: Sequence[Refused] = ()
) -> Plan:
    """Hold the instruction against the live source.

    Args:
        also: refusals found elsewhere (landing zone, expectations) that belong to this plan.

    Raises:
        Unavailable: the source does not answer.
    """
    schema = source.describe()
    refusals = list(also)
    tables = []
    with source.snapshot() as snapshot:
        for table in terms.tables:
            live = schema.get(table.name)
            if live is None:
                refusals.append(_table_missing(table.name))
                continue
            tables.append(_plan_table(table, live, source, snapshot, refusals))
    return Plan(
        instruction=terms.id,
        version=terms.version,
        digest=digest,
        source=source.label,
        tables=tuple(tables),
        unnamed_tables=tuple(sorted(set(schema) - {table.name for table in terms.tables})),
        refusals=tuple(refusals),
    )


def fits(live: SourceColumn, declared: ColumnType) -> bool:
    """Whether a live column can hold just what was declared.

    A decimal of the source without precision fits any declared one; a value that does not is
    refused when it is read.
    """
    if live.type is not None and live.type.name == declared.name == "decimal":
        return live.type in (declared, ColumnType("decimal"))
    return live.type == declared


def _plan_table(
    table: Table,
    live: Sequence[SourceColumn],
    source: Source,
    snapshot: Snapshot,
    refusals: list[Refused],
) -> TablePlan:
    columns = {column.name: column for column in live}
    declared = [column.name for column in table.columns]
    missing = tuple(name for name in declared if name not in columns)
    drifted = tuple(
        Drift(column.name, column.type, columns[column.name].native_type)
        for column in table.columns
        if column.name in columns and not fits(columns[column.name], column.declared)
    )
    found = [_column_missing(table.name, name) for name in missing]
    found += [_column_retyped(table.name, drift) for drift in drifted]
    found += [refusal for column in table.columns for refusal in _forbidden(table.name, column)]
    scope = _scope_refusals(table, columns)
    in_scope, total = _count(table, snapshot, countable=not scope)
    if in_scope is not None and in_scope > table.rows.maximum:
        found.append(over_maximum(table, in_scope))
    refusals.extend(found + scope)
    return TablePlan(
        name=table.name,
        limits=_limits(table),
        allowed=tuple(n for n in declared if n in columns and n not in {d.column for d in drifted}),
        withheld=tuple(column.name for column in live if column.name not in declared),
        missing=missing,
        drifted=drifted,
        rows_in_scope=in_scope,
        rows_total=total,
        sql="" if missing or scope else source.sql(table.query()),
    )


def _limits(table: Table) -> tuple[str, ...]:
    """How the rows are limited, in words."""
    rows, query = table.rows, table.query()
    limits = [f"every row may leave: {rows.all}"] if rows.all else []
    if window := query.window:
        limits.append(f"{window.column} from {window.start} to before {window.end}")
    limits += [f"{m.column} one of {', '.join(m.values)}" for m in query.memberships]
    return (*limits, f"{rows.maximum} rows at most")


def _count(table: Table, snapshot: Snapshot, countable: bool) -> tuple[int | None, int]:
    everything = TableQuery(table.name, ())
    total = snapshot.count(everything)
    return (snapshot.count(table.query()) if countable else None), total


def _scope_refusals(table: Table, columns: Mapping[str, SourceColumn]) -> list[Refused]:
    query = table.query()
    needed = [(m.column, ColumnType("string"), "sites and codes") for m in query.memberships]
    if query.window:
        needed.append((query.window.column, query.window.type, "the window"))
    found = []
    for name, kind, purpose in needed:
        live = columns.get(name)
        if live is None or live.type != kind:
            what = "is not at the source" if live is None else f"is {live.native_type} there"
            found.append(
                Refused(
                    "scope-column-unfit",
                    f"{table.name}.{name}",
                    f"rows are limited by it as {kind}, for {purpose}, but it {what}.",
                    "the rows cannot be limited as instructed: ask the controller for a new version.",
                )
            )
    return found


def _forbidden(table: str, column: Column) -> list[Refused]:
    where = f"{table}.{column.name}"
    found = []
    if looks_like_credential(column.name):
        found.append(
            Refused(
                "column-credential",
                where,
                "by its name it holds credentials, which never leave, whatever is instructed.",
                "remove it from the instruction; let people set new passwords at the target.",
            )
        )
    text = column.declared.name == "string" and looks_like_free_text(column.name)
    if text and column.free_text is None:
        found.append(
            Refused(
                "column-free-text",
                where,
                "by its name it holds free text, in which anything may have been typed.",
                "leave it out, or have the controller justify it in the column's free_text.",
            )
        )
    return found


def over_maximum(table: Table, rows: int) -> Refused:
    """The refusal of more rows than the instruction's ceiling."""
    return Refused(
        "rows-over-maximum",
        table.name,
        f"{rows} rows are in scope, the instruction allows at most {table.rows.maximum}.",
        "narrow the window or sites, or ask the controller to raise the table's maximum.",
    )


def _table_missing(name: str) -> Refused:
    return Refused(
        "table-missing",
        name,
        "the source has no such table or view.",
        "check the connection's database and schema, and the exact spelling in the instruction.",
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
