"""The target's own table of what it loaded, compared with the manifest and with a count of ours.

Guarantee: a finding says that the table has every table of the manifest as loaded, with exactly its
rows, and that each table to be counted again had exactly these rows in the same state of the
database. Nothing is written: a `Source` only reads.
Not guaranteed: that the rows are the ones delivered; they are counted, not compared.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from remit.columns import ColumnType
from remit.errors import Refused
from remit.instruction.confirmation import AuditTable, Level, Recount
from remit.manifest import Manifest
from remit.ports import STRING, Membership, Snapshot, Source, TableQuery
from remit.ways import Finding

_INTEGER = ColumnType("integer")
_MOST = 10_000
"""More rows than this of one run are no audit of a load."""


@dataclass(frozen=True, slots=True)
class Load:
    """What the table says of one load of one table."""

    table: str
    rows: int | None
    status: str | None


def look(source: Source, rule: AuditTable, manifest: Manifest) -> Finding | None:
    """Judge what the table says of the run; None while a table of the manifest is not there yet.

    Raises:
        Refused: audit-table-failed, audit-table-differs; those of the source.
    """
    sent: dict[str, int] = defaultdict(int)
    for file in manifest.files:
        sent[file.table] += file.rows
    with source.snapshot() as snapshot:
        loads = list(_loads(snapshot, rule, manifest.run))
        if not is_settled(loads, rule, sent):
            return None
        loaded = _loaded(loads, rule, sent)
        counted = {one.table: _count(snapshot, one, manifest.run) for one in rule.recount}
    for table, rows in counted.items():
        if rows != sent[table]:
            raise _differs(table, f"{sent[table]} rows were delivered, {rows} are counted there")
    level: Level = "L2" if counted.keys() >= sent.keys() else "L1"
    said = {"loaded": loaded, "counted": counted, "at": source.label}
    return Finding("audit_table", level, sum(sent.values()), said)


def has_answer(source: Source, rule: AuditTable, run: str, tables: Collection[str]) -> bool:
    """Whether there is something to judge: every table is loaded, or one failed."""
    with source.snapshot() as snapshot:
        return is_settled(list(_loads(snapshot, rule, run)), rule, tables)


def is_settled(loads: Collection[Load], rule: AuditTable, tables: Collection[str]) -> bool:
    """Whether every table is loaded, or one failed."""
    loaded = {load.table for load in loads if load.status == rule.loaded}
    return loaded >= set(tables) or any(load.status in rule.failed for load in loads)


def _loaded(loads: Collection[Load], rule: AuditTable, sent: dict[str, int]) -> dict[str, int]:
    """The rows that the table says were loaded. A table loaded in parts has several rows there."""
    loaded: dict[str, int] = defaultdict(int)
    for load in loads:
        if load.status == rule.loaded:
            loaded[load.table] += load.rows or 0
    if dict(loaded) == sent:
        return dict(loaded)  # what failed before was loaded after all
    for load in loads:
        if load.status in rule.failed:
            raise Refused(
                "audit-table-failed",
                f"load of {load.table if load.table in sent else 'another table'}",
                "the target's table says that it failed.",
                "the copies are kept until their maximum age; have the target load it again, which "
                "confirms as soon as every table is loaded whole.",
            )
    for table in dict.fromkeys([*sent, *loaded]):
        if loaded.get(table) != sent.get(table):
            known = table if table in sent else "another table"
            told = f"{sent.get(table, 0)} rows were delivered, {loaded.get(table, 0)} are said to be loaded"
            raise _differs(known, told)
    return dict(loaded)


def _loads(snapshot: Snapshot, rule: AuditTable, run: str) -> Iterator[Load]:
    query = TableQuery(
        table=rule.relation,
        columns=((rule.table, STRING), (rule.rows, _INTEGER), (rule.status, STRING)),
        memberships=(Membership(rule.run, (run,)),),
        schema=rule.schema_name,
    )
    if snapshot.count(query) > _MOST:
        raise _differs("the run", f"the target's table has more than {_MOST} rows of it")
    for batch in snapshot.stream(query):
        for table, rows, status in zip(*(c.to_pylist() for c in batch.columns), strict=True):
            yield Load(table or "", rows, status)


def _count(snapshot: Snapshot, one: Recount, run: str) -> int:
    limits = (Membership(one.run, (run,)),) if one.run is not None else ()
    columns = ((one.run, STRING),) if one.run is not None else ()
    query = TableQuery(one.relation, columns, memberships=limits, schema=one.schema_name)
    return snapshot.count(query)


def _differs(where: str, what: str) -> Refused:
    return Refused(
        "audit-table-differs",
        where,
        f"{what}.",
        "the copies are kept until their maximum age; settle with the target what is missing or "
        "twice there.",
    )
