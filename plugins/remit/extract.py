"""Extract: the rows and columns of the plan, encrypted before the first write.

Guarantee: what is written was checked again after it was read: the exact columns and types, each
row inside its limits, no more rows than the ceiling, as many as the source counted in the same
snapshot; rows of suppressed data subjects are gone, no text of which anything leaves looks like a
credential, and the instructed transformations are done. A file appears under its name only when all
of it passed.
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
from remit.credentials import find_credentials
from remit.errors import Refused
from remit.instruction import Instruction, Table, VerifiedInstruction
from remit.ports import Progress, PseudonymKeys, Snapshot, Source, Store
from remit.remit_check import RemitCheck, over_maximum
from remit.sealed_parquet import FOOTER, EncryptedWriter, FileContext
from remit.signing import PublicKey
from remit.suppression import subject_filter
from remit.transform import Transformer

_SAYING_NOTHING = ("empty", "constant")
"""Transformations of which nothing of the value leaves."""


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
    suppressed: int

    def as_json(self) -> dict[str, Any]:
        """The file as evidence and manifest give it."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class StagedExtract:
    """A run's files in staging, readable by the recipients and, until sealed, the staging key."""

    run: str
    files: tuple[StagedFile, ...]


@dataclass(frozen=True, slots=True)
class Staging:
    """Where an extract goes, and the secrets that it needs on the way.

    Attributes:
        key: the public half of the run's staging key.
        pseudonyms: the keys of pseudonyms and of the suppress list.
    """

    store: Store
    key: PublicKey
    pseudonyms: PseudonymKeys


def extract(
    instruction: VerifiedInstruction, run: str, source: Source, staging: Staging, progress: Progress
) -> StagedExtract:
    """Read, check, transform, encrypt and stage every table of the instruction, from one snapshot.

    Raises:
        Refused: something read is outside the remit; no file of that table is left.
        Unavailable: source or staging gave out.
    """
    terms = instruction.terms
    names, files = file_names(terms), []
    with source.snapshot() as snapshot:
        for table in terms.tables:
            context = FileContext(instruction.digest, run, names[table.name])
            transformer = Transformer(table, terms, staging.pseudonyms)
            writer = _TableWriter(terms, table, context, staging, transformer)
            subjects = subject_filter(terms, table, staging.pseudonyms, snapshot)
            check = RemitCheck(table, snapshot, subjects)
            files.append(_extract_table(table, snapshot, check, writer, progress))
    return StagedExtract(run, tuple(files))


def file_names(terms: Instruction) -> dict[str, str]:
    """A file name for each table: the table's own where that is a plain word."""
    names = {}
    for number, table in enumerate(terms.tables, 1):
        plain = re.fullmatch(r"[a-z0-9_]{1,64}", table.name)
        names[table.name] = f"{table.name}.parquet" if plain else f"table-{number}.parquet"
    return names


def columns_digest(table: Table) -> str:
    """SHA-256 over the names and delivered types of the columns, in order, and what was done to them."""
    columns: list[list[Any]] = [[c.name, str(c.delivered)] for c in table.columns]
    for column, described in zip(table.columns, columns, strict=True):
        if not column.is_kept:
            described.append(column.transformation.model_dump())
    return canonical.sha256(canonical.dumps(columns))


def readers_of(terms: Instruction, staging_key: PublicKey | None) -> dict[str, list[PublicKey]]:
    """For each category in use, and the footer, the keys that may open it."""
    extra = [staging_key] if staging_key else []
    readers = {
        category.value: [PublicKey.parse(r.key) for r in terms.recipients_of(category)] + extra
        for category in terms.categories()
    }
    readers[FOOTER] = [PublicKey.parse(r.key) for r in terms.recipients] + extra
    return readers


def _extract_table(
    table: Table,
    snapshot: Snapshot,
    check: RemitCheck,
    writer: _TableWriter,
    progress: Progress,
) -> StagedFile:
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
        return writer.finish(check.suppressed)


class _TableWriter:
    """Opens the encrypted file at the first batch, when it is known which columns repeat."""

    def __init__(
        self,
        terms: Instruction,
        table: Table,
        context: FileContext,
        staging: Staging,
        transformer: Transformer,
    ) -> None:
        self._table, self._context, self._staging = table, context, staging.store
        self._readers = readers_of(terms, staging.key)
        self._transformer = transformer
        self._writer: EncryptedWriter | None = None

    def write(self, admitted: pa.RecordBatch) -> None:
        _refuse_credentials(self._table, admitted)
        batch = self._transformer.apply(admitted)
        if not batch.num_rows:
            return  # a file without rows has no columns to be opened, whatever batches came
        if self._writer is None:
            self._writer = self._start(repeating(batch))
        self._writer.write(batch)

    def finish(self, suppressed: int) -> StagedFile:
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
            suppressed=suppressed,
        )

    def close(self) -> None:
        """Remove what was begun and not finished."""
        if self._writer is not None:
            self._writer.abandon()

    def _start(self, dictionary: Sequence[str]) -> EncryptedWriter:
        columns: Mapping[str, str] = {c.name: c.category.value for c in self._table.columns}
        schema = self._transformer.schema
        draft = self._staging.create(f"{self._context.run}/{self._context.file}")
        return EncryptedWriter(draft, schema, columns, self._readers, self._context, dictionary)


def _refuse_credentials(table: Table, batch: pa.RecordBatch) -> None:
    """Whatever the column is called and the instruction says: a password must not leave.

    Looked for as the source has it: most of a password is one still, and not recognised.
    """
    for column, values in zip(table.columns, batch.columns, strict=True):
        if column.declared.name != "string" or column.transformation.kind in _SAYING_NOTHING:
            continue
        if found := find_credentials(values):
            raise Refused(
                "column-credential",
                f"{table.name}.{column.name}",
                f"{found} of {len(values)} values look like credentials (passwords, tokens, keys).",
                "nothing was kept; leave the column out, or have the controller empty it.",
            )


def repeating(batch: pa.RecordBatch) -> list[str]:
    """The text columns whose values repeat enough to be written as dictionaries."""
    return [
        field.name
        for field, column in zip(batch.schema, batch.columns, strict=True)
        if pa.types.is_string(field.type) and pc.count_distinct(column).as_py() * 4 < len(batch)
    ]
