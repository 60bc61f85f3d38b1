"""Extract: the rows and columns of the plan, encrypted before the first write.

Guarantee: what is written was checked again after it was read: the exact columns and types, each
row inside window, sites and codes, no more rows than the ceiling, as many as the source counted in
the same snapshot. A file appears under its name only when all of it passed.
Not guaranteed: that the source filtered anything; the checks here do not rely on it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from remit import canonical
from remit.columns import ColumnType
from remit.errors import Refused
from remit.instruction import Instruction, Table, VerifiedInstruction
from remit.plan import over_maximum
from remit.ports import Membership, Progress, Snapshot, Source, Store, TableQuery, Window
from remit.sealed_parquet import FOOTER, EncryptedWriter, FileContext
from remit.signing import PublicKey


@dataclass(frozen=True, slots=True)
class StagedFile:
    """One table's encrypted extract: its name in staging and delivery, and what is in it."""

    name: str
    table: str
    columns: str
    rows: int
    size: int
    sha256: str
    commitment: str

    def as_json(self) -> dict[str, Any]:
        """The file as evidence and manifest give it."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class StagedExtract:
    """A run's files in staging, readable by the recipients and, until sealed, the staging key."""

    run: str
    files: tuple[StagedFile, ...]


def extract(
    instruction: VerifiedInstruction,
    run: str,
    source: Source,
    staging: Store,
    staging_key: PublicKey,
    progress: Progress,
) -> StagedExtract:
    """Read, check, encrypt and stage every table of the instruction, from one snapshot.

    Raises:
        Refused: something read is outside the remit; no file of that table is left.
        Unavailable: source or staging gave out.
    """
    names = file_names(instruction.terms)
    files = []
    with source.snapshot() as snapshot:
        for table in instruction.terms.tables:
            context = FileContext(instruction.digest, run, names[table.name])
            writer = _TableWriter(instruction.terms, table, context, staging, staging_key)
            files.append(_extract_table(table, snapshot, writer, progress))
    return StagedExtract(run, tuple(files))


def file_names(terms: Instruction) -> dict[str, str]:
    """A file name for each table: the table's own where that is a plain word."""
    names = {}
    for number, table in enumerate(terms.tables, 1):
        plain = re.fullmatch(r"[a-z0-9_]{1,64}", table.name)
        names[table.name] = f"{table.name}.parquet" if plain else f"table-{number}.parquet"
    return names


def columns_digest(table: Table) -> str:
    """SHA-256 over the names and types of the columns, in order."""
    return canonical.sha256(canonical.dumps([[c.name, c.type] for c in table.columns]))


def readers_of(terms: Instruction, staging_key: PublicKey | None) -> dict[str, list[PublicKey]]:
    """For each category in use, and the footer, the keys that may open it."""
    extra = [staging_key] if staging_key else []
    readers = {
        category.value: [PublicKey.parse(r.key) for r in terms.recipients_of(category)] + extra
        for category in terms.categories()
    }
    readers[FOOTER] = [PublicKey.parse(r.key) for r in terms.recipients] + extra
    return readers


class RemitCheck:
    """Checks batches of one table against the instruction, as if the source had filtered nothing."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._query = table.query()
        self.rows = 0

    def query(self) -> TableQuery:
        """The table's query with the columns that the limits need, which are dropped once checked."""
        query, names = self._query, {name for name, _ in self._query.columns}
        extra = {membership.column: ColumnType("string") for membership in query.memberships}
        if query.window:
            extra[query.window.column] = query.window.type
        columns = query.columns + tuple(item for item in extra.items() if item[0] not in names)
        return TableQuery(query.table, columns, query.window, query.memberships)

    def admit(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The batch with only the allowed columns.

        Raises:
            Refused: columns-outside-remit, row-outside-remit or rows-over-maximum.
        """
        expected = pa.schema([(name, kind.arrow()) for name, kind in self.query().columns])
        if not batch.schema.remove_metadata().equals(expected):
            raise Refused(
                "columns-outside-remit",
                self._table.name,
                "the source returned other columns or types than were asked for.",
                "nothing was kept; plan again to see what changed at the source.",
            )
        if self._query.window:
            self._require(_in_window(batch, self._query.window), self._query.window.column)
        for membership in self._query.memberships:
            self._require(_is_member(batch, membership), membership.column)
        self.rows += batch.num_rows
        if self.rows > self._table.rows.maximum:
            raise over_maximum(self._table, self.rows)
        return batch.select([name for name, _ in self._query.columns])

    def _require(self, inside: pa.BooleanArray, column: str) -> None:
        outside = len(inside) - (pc.sum(inside).as_py() or 0)
        if outside:
            raise Refused(
                "row-outside-remit",
                f"{self._table.name}.{column}",
                f"{outside} of {len(inside)} rows read are outside what was instructed.",
                "nothing was kept; the source did not limit rows as asked: find out why.",
            )


def _in_window(batch: pa.RecordBatch, window: Window) -> pa.BooleanArray:
    column, kind = batch.column(window.column), window.type.arrow()
    start, end = (pa.scalar(text).cast(kind) for text in (window.start, window.end))
    inside = pc.and_(pc.greater_equal(column, start), pc.less(column, end))
    return pc.fill_null(inside, False)


def _is_member(batch: pa.RecordBatch, membership: Membership) -> pa.BooleanArray:
    values = pa.array(membership.values, pa.string())
    return pc.is_in(batch.column(membership.column), values)


def _extract_table(
    table: Table, snapshot: Snapshot, writer: _TableWriter, progress: Progress
) -> StagedFile:
    check = RemitCheck(table)
    expected = snapshot.count(table.query())
    if expected > table.rows.maximum:
        raise over_maximum(table, expected)
    with closing(writer):
        for batch in snapshot.stream(check.query()):
            writer.write(check.admit(batch))
            progress(table.name, check.rows)
        if check.rows != expected:
            raise Refused(
                "rows-not-reconciled",
                table.name,
                f"{check.rows} rows were read where the source counted {expected}.",
                "nothing was kept; extract again, and find out what changes rows meanwhile.",
            )
        return writer.finish()


class _TableWriter:
    """Opens the encrypted file at the first batch, when it is known which columns repeat."""

    def __init__(
        self,
        terms: Instruction,
        table: Table,
        context: FileContext,
        staging: Store,
        staging_key: PublicKey,
    ) -> None:
        self._table, self._context, self._staging = table, context, staging
        self._readers = readers_of(terms, staging_key)
        self._writer: EncryptedWriter | None = None

    def write(self, batch: pa.RecordBatch) -> None:
        if self._writer is None:
            self._writer = self._start(repeating(batch))
        self._writer.write(batch)

    def finish(self) -> StagedFile:
        written = (self._writer or self._start(())).close()
        self._writer = None
        return StagedFile(
            name=self._context.file,
            table=self._table.name,
            columns=columns_digest(self._table),
            rows=written.rows,
            size=written.size,
            sha256=written.sha256,
            commitment=written.commitment,
        )

    def close(self) -> None:
        """Remove what was begun and not finished."""
        if self._writer is not None:
            self._writer.abandon()

    def _start(self, dictionary: Sequence[str]) -> EncryptedWriter:
        columns: Mapping[str, str] = {c.name: c.category.value for c in self._table.columns}
        schema = pa.schema([(c.name, c.declared.arrow()) for c in self._table.columns])
        draft = self._staging.create(f"{self._context.run}/{self._context.file}")
        return EncryptedWriter(draft, schema, columns, self._readers, self._context, dictionary)


def repeating(batch: pa.RecordBatch) -> list[str]:
    """The text columns whose values repeat enough to be written as dictionaries."""
    return [
        field.name
        for field, column in zip(batch.schema, batch.columns, strict=True)
        if pa.types.is_string(field.type) and pc.count_distinct(column).as_py() * 4 < len(batch)
    ]
