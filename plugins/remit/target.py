"""The target's kit: read a delivery in a few lines, with whatever reads Arrow.

    from remit.target import open_delivery

    delivery = open_delivery("/srv/landing/RUN", key="recipient.pem", trust="controllers")
    for batch in delivery.tables["results"].batches():
        ...

Guarantee: rows come only from a delivery whose instruction and manifest verified from the
controller's key down, from files of the very bytes of the manifest, and of the columns that the key
was given. They are decrypted in memory; nothing is written.
Not guaranteed: that content is what the manifest commits to; `remit receive` reconciles that, once.
The caller must put nobody's key into `trust` but those that the controllers handed over in person.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds

from remit import signing
from remit.adapters.folder import FolderStore
from remit.errors import Refused, UsageError
from remit.instruction import TrustStore
from remit.manifest import ManifestFile
from remit.receive import Delivery
from remit.sealed_parquet import together
from remit.signing import RecipientPrivateKey

__all__ = ["OpenDelivery", "Table", "open_delivery"]


@dataclass(frozen=True, slots=True)
class Table:
    """A table of a delivery, as far as the key's owner was given it.

    Attributes:
        name: the table's name in the instruction.
        schema: the readable columns, in the instruction's order, with their exact Arrow types.
        rows: how many there are, in all files together.
    """

    name: str
    schema: pa.Schema
    rows: int
    _delivery: Delivery = field(repr=False)
    _files: tuple[ManifestFile, ...] = field(repr=False)
    _key: RecipientPrivateKey = field(repr=False)

    @property
    def files(self) -> list[str]:
        """The names of its files in the delivery, in their order."""
        return [entry.name for entry in self._files]

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """The rows in their order, a batch at a time; no more than a row group is in memory.

        Raises:
            UsageError: a column that the table does not have, or that the key was not given.
            Refused: file-changed, file-not-readable, delivery-not-reconciled.
        """
        chosen = self._chosen(columns).names
        for entry in self._files:
            with self._delivery.file(entry, self._key) as opened:
                for batch in opened.batches(chosen):
                    yield batch.select(chosen)

    def reader(self, columns: Sequence[str] | None = None) -> pa.RecordBatchReader:
        """`batches` as an Arrow stream, which can be read once."""
        return pa.RecordBatchReader.from_batches(self._chosen(columns), self.batches(columns))

    def read(self, columns: Sequence[str] | None = None) -> pa.Table:
        """All rows, in memory."""
        return self.reader(columns).read_all()

    def dataset(self) -> ds.Dataset:
        """A dataset that can be scanned again and again, with filters; only what is asked for is decrypted.

        Raises:
            Refused: file-changed, file-not-readable, delivery-not-reconciled; what is changed
                after this call makes the scan raise OSError.
        """
        return together([self._delivery.scan(entry, self._key) for entry in self._files])

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        return self.reader().__arrow_c_stream__(requested_schema)

    def _chosen(self, columns: Sequence[str] | None) -> pa.Schema:
        if columns is None:
            return self.schema
        missing = [name for name in columns if name not in self.schema.names]
        if missing:
            raise UsageError(
                f"{self.name}.{missing[0]} is not a column that this key was given; "
                f"it was given {', '.join(self.schema.names)}."
            )
        return pa.schema([self.schema.field(name) for name in columns])


@dataclass(frozen=True, slots=True)
class OpenDelivery:
    """A delivery that verified.

    Attributes:
        run: the run's id.
        tables: by name, in the instruction's order; those of which the key was given a column.
    """

    run: str
    tables: Mapping[str, Table]


def open_delivery(folder: Path | str, key: Path | str, trust: Path | str) -> OpenDelivery:
    """Verify a delivery, and give its tables.

    Args:
        folder: the delivery's own folder.
        key: the recipient's private key: a file, or its URI.
        trust: the folder with the controllers' public keys (``.pub``).

    Raises:
        UsageError: the key cannot be read.
        Refused: what is wrong with the delivery, or file-not-readable: nothing in it is for this key.
    """
    trusted = TrustStore(Path(trust), flat=True)
    private = signing.load_recipient(str(key))
    return tables_for(Delivery.open(FolderStore(Path(folder)), "", trusted), private)


def tables_for(delivery: Delivery, key: RecipientPrivateKey) -> OpenDelivery:
    """The tables of a delivery of which the key's owner was given a column.

    Raises:
        Refused: file-not-readable: nothing in it is for this key.
    """
    by_table: dict[str, list[ManifestFile]] = {}
    for entry in delivery.opened.manifest.files:
        by_table.setdefault(entry.table, []).append(entry)
    tables = {
        name: Table(name, schema, sum(e.rows for e in entries), delivery, tuple(entries), key)
        for name, entries in by_table.items()
        if len(schema := _schema(delivery, entries[0], key))
    }
    if not tables:
        raise Refused(
            "file-not-readable",
            delivery.opened.manifest.run,
            "no column of this delivery was given to the owner of this key.",
            "use the key of a recipient that the instruction names.",
        )
    return OpenDelivery(delivery.opened.manifest.run, tables)


def _schema(delivery: Delivery, entry: ManifestFile, key: RecipientPrivateKey) -> pa.Schema:
    readable = set(delivery.readable(entry, key))
    columns = delivery.opened.instruction.terms.table(entry.table).columns
    return pa.schema([(c.name, c.delivered.arrow()) for c in columns if c.name in readable])
