"""Writes one piece of a table: checked for credentials, transformed, encrypted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from remit.credentials import CredentialCheck
from remit.free_text import ScannedColumn
from remit.instruction import Instruction, Table, columns_digest
from remit.ports import PseudonymKeys, Store
from remit.sealed_parquet import FOOTER, EncryptedWriter, FileContext
from remit.signing import PublicKey
from remit.transform import Transformer

_SAMPLE = 16_384
_SAYING_NOTHING = ("empty", "constant")
"""Transformations of which nothing of the value leaves."""

Standing = Callable[[], AbstractContextManager[None]]
"""Holds the run while a file is begun or published, and refuses when the run has ended."""


@dataclass(frozen=True, slots=True)
class StagedFile:
    """One encrypted file: its name in staging and delivery, and what is in it."""

    name: str
    table: str
    columns: str
    rows: int
    size: int
    sha256: str
    commitment: str
    suppressed: int
    free_text: tuple[ScannedColumn, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The file as evidence and manifest give it."""
        fields = {name: getattr(self, name) for name in self.__slots__}
        return fields | {"free_text": [column.as_json() for column in self.free_text]}


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


def readers_of(terms: Instruction, staging_key: PublicKey | None) -> dict[str, list[PublicKey]]:
    """For each category in use, and the footer, the keys that may open it."""
    extra = [staging_key] if staging_key else []
    readers = {
        category.value: [key for r in terms.recipients_of(category) for key in r.keys] + extra
        for category in terms.categories()
    }
    readers[FOOTER] = [key for r in terms.recipients for key in r.keys] + extra
    return readers


class TableWriter:
    """Opens the encrypted file at the first batch, when it is known which columns repeat."""

    def __init__(
        self,
        terms: Instruction,
        table: Table,
        context: FileContext,
        staging: Staging,
        standing: Standing,
    ) -> None:
        """Prepare to write.

        Raises:
            Refused: a pseudonym key is missing, or is not the one instructed.
        """
        self._table, self._context, self._staging = table, context, staging.store
        self._readers = readers_of(terms, staging.key)
        self._transformer = Transformer(table, terms, staging.pseudonyms)
        self._credentials = _credential_checks(table)
        self._standing = standing
        self._writer: EncryptedWriter | None = None

    def write(self, admitted: pa.RecordBatch) -> None:
        """Write rows that were admitted.

        Raises:
            Refused: column-credential; those of the transformations.
        """
        for column, check in self._credentials.items():
            check.require(admitted.column(column))
        batch = self._transformer.apply(admitted)
        if not batch.num_rows:
            return  # a file without rows has no columns to be opened, whatever batches came
        if self._writer is None:
            self._writer = self._start(repeating(batch))
        self._writer.write(batch)

    def finish(self, suppressed: int, free_text: tuple[ScannedColumn, ...] = ()) -> StagedFile:
        """Finish the file and give it its name."""
        writer = self._writer or self._start(())
        self._writer = writer
        written = writer.close(self._standing)
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
            free_text=free_text,
        )

    def close(self) -> None:
        """Remove what was begun and not finished."""
        if self._writer is not None:
            self._writer.abandon()

    def _start(self, dictionary: Sequence[str]) -> EncryptedWriter:
        columns: Mapping[str, str] = {c.name: c.category.value for c in self._table.columns}
        schema = self._transformer.schema
        with self._standing():
            draft = self._staging.create(f"{self._context.run}/{self._context.file}")
        return EncryptedWriter(draft, schema, columns, self._readers, self._context, dictionary)


def _credential_checks(table: Table) -> dict[str, CredentialCheck]:
    """Whatever the column is called and the instruction says: a password must not leave.

    Looked for as the source has it: most of a password is one still, and not recognised.
    """
    return {
        column.name: CredentialCheck(f"{table.name}.{column.name}")
        for column in table.columns
        if column.declared.name == "string" and column.transformation.kind not in _SAYING_NOTHING
    }


def repeating(batch: pa.RecordBatch) -> list[str]:
    """The columns whose values repeat enough to be written as dictionaries, by a sample."""
    sample = batch.slice(0, _SAMPLE)
    return [
        field.name
        for field, column in zip(sample.schema, sample.columns, strict=True)
        if _may_repeat(field.type) and pc.count_distinct(column).as_py() * 4 < len(sample)
    ]


def _may_repeat(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_decimal(kind))
