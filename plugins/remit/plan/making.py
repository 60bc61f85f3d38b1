"""Making a plan: the instruction held against the live source."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from remit.errors import Refused
from remit.instruction import Instruction, Table
from remit.instruction.interval import Interval
from remit.instruction.rows import shown_limits
from remit.pieces import pieces_wanted
from remit.plan.account import account_findings, schemas_of
from remit.plan.differences import differences
from remit.plan.dump import as_declared
from remit.plan.model import ColumnPlan, Drift, Plan, TablePlan
from remit.plan.rules import (
    Schema,
    column_refusals,
    fits,
    listed_persons,
    one_name,
    scope_refusals,
    table_missing,
)
from remit.ports import PseudonymKeys, Snapshot, Source, TableQuery
from remit.remit_check import over_maximum


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a plan needs to know besides instruction and source.

    Attributes:
        landing: the label of the landing zone, if one was named.
        interval: the run's data interval, to which the terms given are cut already.
        previous: an earlier run and its plan, as evidence has it.
        also: refusals found elsewhere that belong to this plan.
        rows_per_piece: about how many rows of a large table one piece has; None for the default.
    """

    pseudonyms: PseudonymKeys
    landing: str | None = None
    interval: Interval | None = None
    previous: tuple[str, Mapping[str, Any]] | None = None
    also: Sequence[Refused] = ()
    rows_per_piece: int | None = None


def make_plan(
    terms: Instruction, digest: str, source: Source, circumstances: Circumstances
) -> Plan:
    """Hold the instruction against the live source.

    Raises:
        Refused: dump-undeclared, dump-unexpected, dump-exposed, dump-encoding, dump-malformed.
        Unavailable: the source does not answer.
    """
    source = as_declared(source, terms)
    schema = source.describe(schemas_of(terms))
    refusals = [*circumstances.also, *_missing_keys(terms, circumstances.pseudonyms)]
    tables, each = [], circumstances.rows_per_piece
    with source.snapshot() as snapshot:
        for table in terms.tables:
            if table.relation not in schema:
                refusals.append(table_missing(table.name, table.relation))
                continue
            tables.append(_Planner(terms, table, source, snapshot, schema, each).plan(refusals))
    account = source.account(list(schema))
    found = list(account_findings(terms, source.label, account, schema))
    asked = terms.security.account.overprivileged == "refuse"
    plan = Plan(
        controller=terms.controller.name,
        instruction=terms.id,
        version=terms.version,
        digest=digest,
        source=source.label,
        account=account.name,
        landing=circumstances.landing,
        interval=circumstances.interval,
        recipients=tuple(_recipients(terms)),
        after_confirmation=terms.retention.after_confirmation,
        without_confirmation=terms.retention.without_confirmation,
        tables=tuple(tables),
        unnamed_tables=_unnamed(terms, schema),
        warnings=() if asked else tuple(found),
        refusals=(*refusals, *(found if asked else ())),
    )
    return _compared(plan, circumstances)


def _compared(plan: Plan, circumstances: Circumstances) -> Plan:
    if circumstances.previous is None:
        return plan
    run, before = circumstances.previous
    drift = tuple(d for d in differences(before, plan.as_json()) if d.at_source)
    return replace(plan, previous=run, drift=drift)


def _recipients(terms: Instruction) -> Iterator[dict[str, Any]]:
    for recipient in terms.recipients:
        yield {
            "name": recipient.name,
            "legal_name": recipient.legal_name,
            "country": recipient.country,
            "categories": [category.value for category in recipient.categories],
            "confirms": recipient.receipt_key is not None,
        }


def _unnamed(terms: Instruction, schema: Schema) -> tuple[str, ...]:
    named = {one_name(table.relation, schema) for table in terms.tables}
    known = {one_name(relation, schema) for relation in schema}
    return tuple(sorted(str(relation) for relation in known - named))


def _missing_keys(terms: Instruction, keys: PseudonymKeys) -> list[Refused]:
    found = []
    for key in terms.pseudonym_keys:
        try:
            keys.mac(key.name, key.check)
        except Refused as refusal:
            found.append(refusal)
    return found


class _Planner:
    """Plans one table."""

    def __init__(
        self,
        terms: Instruction,
        table: Table,
        source: Source,
        snapshot: Snapshot,
        schema: Schema,
        rows_per_piece: int | None,
    ) -> None:
        self._terms, self._table, self._schema = terms, table, schema
        self._rows_per_piece = rows_per_piece
        self._source, self._snapshot = source, snapshot
        self._live = {column.name: column for column in schema[table.relation]}

    def plan(self, refusals: list[Refused]) -> TablePlan:
        """The table's plan; what it refuses is added to `refusals`."""
        table, live = self._table, self._live
        drifted = tuple(self._drifted())
        found = list(column_refusals(table, drifted, self._schema))
        found += listed_persons(table)
        scope = list(scope_refusals(table, self._schema))
        missing = tuple(column.name for column in table.columns if column.name not in live)
        in_scope = None if scope else self._counted(replace(table.query(), columns=()), found)
        if in_scope is not None and in_scope > table.rows.maximum:
            found.append(over_maximum(table, in_scope))
        total = self._counted(
            TableQuery(table.relation.table, (), schema=table.relation.schema), found
        )
        sql = "" if missing or scope else self._sql(found)
        refusals.extend(found + scope)
        declared = {column.name for column in table.columns}
        return TablePlan(
            name=table.name,
            relation=str(table.relation),
            limits=(
                *_limits(table),
                *self._suppressed(),
                f"{table.rows.maximum:,} rows at most",
            ),
            columns=tuple(self._columns({drift.column for drift in drifted})),
            withheld=tuple(name for name in live if name not in declared),
            missing=missing,
            drifted=drifted,
            rows_in_scope=in_scope,
            rows_total=total,
            sql=sql,
            live={column.name: column.native_type for column in live.values()},
            pieces=self._pieces(in_scope or 0),
        )

    def _pieces(self, rows: int) -> int:
        wanted = pieces_wanted(rows, self._rows_per_piece, len(self._terms.tables))
        if wanted == 1 or self._snapshot.share() is None:
            return 1
        return max(1, len(self._snapshot.divide(self._table.query(), wanted)))

    def _suppressed(self) -> Iterator[str]:
        """That the suppress list is applied; how many rows it takes only the extract knows."""
        subject, listed = self._table.data_subject, self._terms.suppress
        if subject and listed:
            yield (
                f"{len(listed.subjects)} suppressed data subjects left out, by {subject.column}; "
                f"rows in scope are counted before that"
            )

    def _drifted(self) -> Iterator[Drift]:
        for column in self._table.columns:
            live = self._live.get(column.name)
            if live is not None and not fits(live, column.declared):
                yield Drift(column.name, column.type, live.native_type)

    def _columns(self, drifted: set[str]) -> Iterator[ColumnPlan]:
        for column in self._table.columns:
            if column.name in self._live and column.name not in drifted:
                yield ColumnPlan(
                    name=column.name,
                    type=column.type,
                    delivered=str(column.delivered),
                    transformation=column.transformation.words(),
                    category=column.category.value,
                    recipients=tuple(r.name for r in self._terms.recipients_of(column.category)),
                    identifiers=column.identifiers.words() if column.identifiers else "",
                )

    def _counted(self, query: TableQuery, found: list[Refused]) -> int | None:
        try:
            return self._snapshot.count(query)
        except Refused as refusal:
            found += [] if refusal.as_json() in [one.as_json() for one in found] else [refusal]
            return None

    def _sql(self, found: list[Refused]) -> str:
        try:
            return self._source.sql(self._table.query())
        except Refused as refusal:
            found += [] if refusal.as_json() in [one.as_json() for one in found] else [refusal]
            return ""


def _limits(table: Table) -> Iterator[str]:
    """How the rows are limited, in words."""
    rows = table.rows
    if rows.all:
        yield f"every row may leave: {rows.all}"
    yield from shown_limits(rows)
    if rows.undated:
        yield f"at any time: {rows.undated}"
    if rows.all_codes:
        yield f"every code: {rows.all_codes}"
