"""Receive, at the target: verify a delivery, decrypt it in memory, reconcile it, sign a receipt.

Guarantee: rows are only handed on from a delivery whose instruction, manifest and files verified,
and the receipt says what was really counted.
The caller must load the rows durably before the receipt is written: it lets the processor delete.
"""

from __future__ import annotations

import io
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, cast

import pyarrow as pa
import pyarrow.dataset as ds
from securesystemslib.signer import Signer

from remit import canonical, proof, signing
from remit.confirm import PAYLOAD_TYPE, Receipt, ReceiptFile
from remit.errors import Refused
from remit.evidence import timestamp
from remit.instruction import TrustStore, columns_digest
from remit.manifest import INSTRUCTION, MANIFEST, ManifestFile, OpenedDelivery, open_delivery
from remit.ports import Store
from remit.sealed_parquet import FileContext, OpenedFile, dataset, open_file, recipient_opener
from remit.signing import RecipientPrivateKey


@dataclass(frozen=True, slots=True)
class Delivery:
    """A delivery at the target, verified from the controller's key down."""

    opened: OpenedDelivery
    _landing: Store
    _folder: str

    @classmethod
    def open(cls, landing: Store, folder: str, trust: TrustStore) -> Delivery:
        """Verify instruction and manifest.

        Raises:
            Refused: delivery-incomplete, or what is wrong with either.
        """
        instruction = _read(landing, _join(folder, INSTRUCTION))
        manifest = _read(landing, _join(folder, MANIFEST))
        return cls(open_delivery(instruction, manifest, trust), landing, folder)

    @contextmanager
    def file(self, entry: ManifestFile, key: RecipientPrivateKey) -> Iterator[OpenedFile]:
        """Open one file of the delivery, after its size and digest matched the manifest."""
        with self._unchanged(entry) as file:
            opened = open_file(file, recipient_opener(key), self._context(entry))
            self._require_instructed(opened, entry)
            yield opened

    def scan(self, entry: ManifestFile, key: RecipientPrivateKey) -> ds.Dataset:
        """A scan of the columns of one file that the key's owner was given.

        Size and digest matched the manifest when it was opened; the file is closed with the scan.
        """
        file = cast("BinaryIO", _ClosedUnused(self._unchanged(entry)))
        opener, context = recipient_opener(key), self._context(entry)
        self._require_instructed(open_file(file, opener, context), entry)
        every = dataset(file, opener, context)
        own = [every.schema.field(name) for name in self.readable(entry, key)]
        return every.replace_schema(pa.schema(own))

    def _unchanged(self, entry: ManifestFile) -> BinaryIO:
        try:
            file = self._landing.open(_join(self._folder, entry.name))
        except FileNotFoundError:
            raise _file_changed(entry, "it is not there") from None
        if canonical.sha256_of(file) != entry.sha256 or file.seek(0, 2) != entry.size:
            file.close()
            raise _file_changed(entry, "its bytes are not those of the manifest")
        file.seek(0)
        return file

    def _context(self, entry: ManifestFile) -> FileContext:
        manifest = self.opened.manifest
        return FileContext(manifest.instruction.digest, manifest.run, entry.name)

    def _require_instructed(self, opened: OpenedFile, entry: ManifestFile) -> None:
        columns = [(field.name, field.type) for field in opened.schema]
        table = self.opened.instruction.terms.table(entry.table)
        delivered = [(column.name, column.delivered.arrow()) for column in table.columns]
        if columns != delivered or opened.rows != entry.rows:
            raise _not_reconciled(entry)

    def readable(self, entry: ManifestFile, key: RecipientPrivateKey) -> list[str]:
        """The columns of a file whose category was given to the key's owner."""
        terms, own = self.opened.instruction.terms, signing.public_of(key)
        given = {category for r in terms.recipients if own in r.keys for category in r.categories}
        return [c.name for c in terms.table(entry.table).columns if c.category in given]

    def reconcile(self, key: RecipientPrivateKey) -> list[ReceiptFile]:
        """Decrypt every file and hold it to the manifest.

        Raises:
            Refused: file-changed, file-not-readable, delivery-not-reconciled.
        """
        return [self._reconcile(entry, key) for entry in self.opened.manifest.files]

    def _reconcile(self, entry: ManifestFile, key: RecipientPrivateKey) -> ReceiptFile:
        table = self.opened.instruction.terms.table(entry.table)
        with self.file(entry, key) as opened:
            shown = opened.proof()
            if proof.commitment(shown) != entry.commitment:
                raise _not_reconciled(entry)
        return ReceiptFile(
            name=entry.name,
            columns=columns_digest(table),
            size=entry.size,
            sha256=entry.sha256,
            received=opened.rows,
            accepted=opened.rows,
            rejected=0,
            proof=shown,
        )


class _ClosedUnused(io.RawIOBase):
    """A file that is closed when nothing refers to it any more: scanners outlive their dataset."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return self._file.read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def close(self) -> None:
        self._file.close()
        super().close()


def make_receipt(
    delivery: Delivery,
    files: list[ReceiptFile],
    signer: Signer,
    *,
    system: str,
    principal: str,
    committed: datetime,
    now: datetime,
) -> bytes:
    """The signed receipt of a delivery that was loaded whole."""
    opened = delivery.opened
    receipt = Receipt(
        receipt=secrets.token_hex(32),
        run=opened.manifest.run,
        manifest=opened.manifest_digest,
        instruction=opened.manifest.instruction,
        nonce=opened.manifest.nonce,
        level="L3",
        status="ingested",
        target=opened.instruction.terms.target.name,
        system=system,
        principal=principal,
        key_id=signing.key_of(signer).key_id,
        files=files,
        committed_at=timestamp(committed),
        issued_at=timestamp(now),
    )
    return signing.sign(canonical.dumps(receipt.model_dump()), PAYLOAD_TYPE, signer)


def _read(landing: Store, path: str) -> bytes:
    try:
        with landing.open(path) as file:
            return file.read()
    except FileNotFoundError:
        raise Refused(
            "delivery-incomplete",
            path,
            "the file is not there, so this is not a whole delivery.",
            "name the delivery's own folder, and wait until it has been published.",
        ) from None


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def _not_reconciled(entry: ManifestFile) -> Refused:
    return Refused(
        "delivery-not-reconciled",
        entry.name,
        "what it decrypts to is not what manifest and instruction say.",
        "do not load it; tell the processor.",
    )


def _file_changed(entry: ManifestFile, what: str) -> Refused:
    return Refused(
        "file-changed",
        entry.name,
        f"{what}.",
        "do not load the delivery; ask the processor to deliver it again.",
    )
