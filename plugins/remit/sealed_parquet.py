"""Parquet that is encrypted before its first byte is written, to the instruction's recipients.

Guarantee: every column and the footer are AES-256-GCM under keys of this file alone; each key is
HPKE-sealed to exactly the recipients of the column's category and to the run's staging key, bound
to instruction, run, file and category. A column left out of the encryption is refused, not written.
Not guaranteed: hiding the number of rows and the sizes, which the file's length tells.
The caller must destroy the staging key to make the file unreadable to the processor.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pyarrow.parquet.encryption as pe
from cryptography.exceptions import InvalidTag

from remit import canonical, hpke, proof, signing
from remit.errors import Refused
from remit.ports import Draft
from remit.signing import PublicKey, RecipientPrivateKey

FOOTER = "footer"
CHALLENGE = b"remit.challenge"
ROW_GROUP_ROWS = 131_072
_MAGIC = b"PARE"  # of a file with an encrypted footer

KeyOpener = Callable[[Mapping[str, bytes], bytes], bytes]
"""Opens a file key, given the sealed copies by key id and the HPKE info."""


@dataclass(frozen=True, slots=True)
class FileContext:
    """What a file's keys are bound to; a file under another name or run does not open."""

    instruction: str
    run: str
    file: str

    def info(self, category: str) -> bytes:
        """The HPKE info for a category's keys."""
        return canonical.dumps(
            {
                "category": category,
                "file": self.file,
                "instruction": self.instruction,
                "run": self.run,
            }
        )


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """What was written: size in bytes, digests of the ciphertext, rows, and the commitment."""

    size: int
    sha256: str
    rows: int
    commitment: str


class EncryptedWriter:
    """Writes one table. Nothing appears under the file's name until `close` has finished."""

    def __init__(
        self,
        draft: Draft,
        schema: pa.Schema,
        categories: Mapping[str, str],
        readers: Mapping[str, Sequence[PublicKey]],
        context: FileContext,
        dictionary: Sequence[str] = (),
    ) -> None:
        """Start a file.

        Args:
            categories: column name to category; must name every column of the schema.
            readers: category, and ``footer``, to the keys that may open it.
            dictionary: columns with few distinct values, better written as dictionaries.

        Raises:
            Refused: column-not-encrypted, when a column would be left in clear.
        """
        self._challenge = secrets.token_bytes(32)
        self._content = proof.ContentDigest(schema.names)
        self._sink = _HashingSink(draft)
        self._draft = draft
        self._buffer: list[pa.RecordBatch] = []
        self._buffered = 0
        self._writer = pq.ParquetWriter(
            pa.PythonFile(self._sink, mode="w"),
            schema.with_metadata({CHALLENGE: base64.b64encode(self._challenge)}),
            encryption_properties=_encryption(schema, categories, readers, context),
            compression="zstd",
            compression_level=1,
            use_dictionary=list(dictionary) or False,
            # Lengths apart from texts: a third quicker to compress than the plain encoding.
            column_encoding={
                field.name: "DELTA_LENGTH_BYTE_ARRAY"
                for field in schema
                if pa.types.is_string(field.type) and field.name not in dictionary
            },
            # By these readers skip row groups; of texts and decimals they cost a fifth of the writing.
            write_statistics=[field.name for field in schema if _is_ordered(field.type)],
            store_schema=True,
        )

    def write(self, batch: pa.RecordBatch) -> None:
        """Encrypt and append rows; kept back in memory until a row group is full."""
        self._content.update(batch)
        self._buffer.append(batch)
        self._buffered += batch.num_rows
        if self._buffered >= ROW_GROUP_ROWS:
            self._flush()

    def close(
        self, standing: Callable[[], AbstractContextManager[None]] = nullcontext
    ) -> WrittenFile:
        """Finish the file and publish it under its name.

        Args:
            standing: held while it is published.
        """
        self._flush()
        self._writer.close()
        with standing():
            self._draft.publish()
        commitment = proof.commitment(self._content.proof(self._challenge))
        return WrittenFile(self._sink.size, self._sink.digest(), self._content.rows, commitment)

    def abandon(self) -> None:
        """Remove what was written.

        The Parquet writer is dropped, not closed: closing would finish a valid file of half the rows.
        """
        self._sink.closed = True
        self._draft.discard()

    def _flush(self) -> None:
        if self._buffer:
            table = pa.Table.from_batches(self._buffer).cast(self._writer.schema)
            self._writer.write_table(table, row_group_size=ROW_GROUP_ROWS * 2)
        self._buffer, self._buffered = [], 0


def _is_ordered(kind: pa.DataType) -> bool:
    return bool(pa.types.is_temporal(kind) or pa.types.is_integer(kind))


class _HashingSink:
    """The file object given to Arrow: counts and hashes the ciphertext on its way."""

    def __init__(self, draft: Draft) -> None:
        self._draft, self._hash = draft, hashlib.sha256()
        self.size, self.closed = 0, False

    def write(self, data: Any) -> int:
        if self.closed:
            return len(data)
        self._draft.write(data)
        self._hash.update(data)
        self.size += len(data)
        return len(data)

    def tell(self) -> int:
        return self.size

    def flush(self) -> None:
        """Nothing is kept back here."""

    def close(self) -> None:
        self.closed = True

    def digest(self) -> str:
        return "sha256:" + self._hash.hexdigest()


def _encryption(
    schema: pa.Schema,
    categories: Mapping[str, str],
    readers: Mapping[str, Sequence[PublicKey]],
    context: FileContext,
) -> pe.FileEncryptionProperties:
    by_category: dict[str, list[str]] = {}
    for name in schema.names:
        _require_nameable(name)
        by_category.setdefault(categories[name], []).append(name)
    sealing = _Sealing(readers, context)
    factory = pe.CryptoFactory(lambda _: sealing)
    properties = factory.file_encryption_properties(
        pe.KmsConnectionConfig(),
        pe.EncryptionConfiguration(
            footer_key=FOOTER,
            column_keys=by_category,
            encryption_algorithm="AES_GCM_V1",
            plaintext_footer=False,
            double_wrapping=False,
            data_key_length_bits=256,
            internal_key_material=True,
        ),
    )
    # A column without a key would silently be written in clear, so count the keys that were made.
    if sealing.wrapped != len(schema.names) + 1:
        raise Refused(
            "column-not-encrypted",
            context.file,
            f"{sealing.wrapped - 1} keys were made for {len(schema.names)} columns.",
            "this is a defect of remit; please report it with the column names.",
        )
    return properties


def _require_nameable(name: str) -> None:
    # pyarrow hands the names to C++ in one string, split at these characters.
    if name != name.strip() or any(character in name for character in ",;:") or not name:
        raise Refused(
            "column-name-unsupported",
            name,
            "a column name with a comma, semicolon, colon or outer space cannot be encrypted.",
            "give the source a view in which the column has a plain name.",
        )


class _Sealing(pe.KmsClient):  # type: ignore[misc]  # pyarrow has no types
    def __init__(self, readers: Mapping[str, Sequence[PublicKey]], context: FileContext) -> None:
        super().__init__()
        self._readers, self._context = readers, context
        self.wrapped = 0

    def wrap_key(self, key_bytes: bytes, master_key_identifier: str) -> str:
        self.wrapped += 1
        sealed = {}
        for reader in self._readers[master_key_identifier]:
            copy = hpke.seal_to(reader, key_bytes, self._context.info(master_key_identifier))
            sealed[reader.key_id] = base64.b64encode(copy).decode()
        return canonical.dumps({"category": master_key_identifier, "to": sealed}).decode()

    def unwrap_key(self, wrapped_key: str, master_key_identifier: str) -> bytes:
        raise NotImplementedError("the writer never reads")


class _Opening(pe.KmsClient):  # type: ignore[misc]
    def __init__(self, opener: KeyOpener, context: FileContext) -> None:
        super().__init__()
        self._opener, self.context = opener, context
        self._seen: set[frozenset[str]] = set()

    def take_seen(self) -> set[frozenset[str]]:
        """The recipients of the keys unwrapped since the last call."""
        seen, self._seen = self._seen, set()
        return seen

    def wrap_key(self, key_bytes: bytes, master_key_identifier: str) -> str:
        raise NotImplementedError("the reader never writes")

    def unwrap_key(self, wrapped_key: str, master_key_identifier: str) -> bytes:
        fields = canonical.loads(wrapped_key.encode())
        sealed = {key_id: base64.b64decode(text) for key_id, text in fields["to"].items()}
        self._seen.add(frozenset(sealed))
        return self._opener(sealed, self.context.info(master_key_identifier))


def recipient_opener(private: RecipientPrivateKey) -> KeyOpener:
    """Opens with a recipient's own key."""
    key_id = signing.public_of(private).key_id

    def open_key(sealed: Mapping[str, bytes], info: bytes) -> bytes:
        if key_id not in sealed:
            raise PermissionError("not a recipient of this category")
        return hpke.unseal(sealed[key_id], private, info)

    return open_key


@dataclass(frozen=True, slots=True)
class OpenedFile:
    """An encrypted file, opened by somebody who holds a key."""

    schema: pa.Schema
    rows: int
    challenge: bytes
    name: str
    _file: pq.ParquetFile

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """The rows, decrypted in memory. Without `columns`, all of them.

        Raises:
            Refused: file-not-readable, when a column's key is not ours or a byte was changed.
        """
        with reading(self.name):
            yield from self._file.iter_batches(columns=None if columns is None else list(columns))

    def proof(self) -> str:
        """Read every column and prove it."""
        digest = proof.ContentDigest(self.schema.names)
        for batch in self.batches():
            digest.update(batch)
        return digest.proof(self.challenge)


def open_file(file: BinaryIO, opener: KeyOpener, context: FileContext) -> OpenedFile:
    """Open one encrypted file.

    Raises:
        Refused: file-not-readable: no key for it, bound to something else, or changed.
    """
    parquet = _open(file, _Opening(opener, context))
    with reading(context.file):
        challenge = base64.b64decode(parquet.schema_arrow.metadata[CHALLENGE])
    schema = parquet.schema_arrow.remove_metadata()
    return OpenedFile(schema, parquet.metadata.num_rows, challenge, context.file, parquet)


def dataset(file: BinaryIO, opener: KeyOpener, context: FileContext) -> ds.Dataset:
    """A scan of one encrypted file; decrypted in memory, a row group at a time."""
    schema = open_file(file, opener, context).schema
    opening = _Opening(opener, context)
    options = ds.ParquetFragmentScanOptions(
        use_buffered_stream=True,
        pre_buffer=False,
        decryption_config=ds.ParquetDecryptionConfig(
            pe.CryptoFactory(lambda _: opening),
            pe.KmsConnectionConfig(),
            pe.DecryptionConfiguration(),
        ),
    )
    layout = ds.ParquetFileFormat(default_fragment_scan_options=options)
    fragment = layout.make_fragment(pa.PythonFile(file, mode="r"))
    return ds.FileSystemDataset([fragment], schema, layout)


def together(extracts: Sequence[ds.Dataset]) -> ds.Dataset:
    """One scan of the files of one table, in their order."""
    return extracts[0] if len(extracts) == 1 else ds.UnionDataset(extracts[0].schema, extracts)


def wrapped_to(
    file: BinaryIO, opener: KeyOpener, context: FileContext
) -> dict[str, set[frozenset[str]]]:
    """The key ids that can open the footer (``footer``) and each column, as the file itself says."""
    opening = _Opening(opener, context)
    parquet = _open(file, opening)
    found = {FOOTER: opening.take_seen()}
    with reading(context.file):
        for group in range(parquet.metadata.num_row_groups):
            for column, name in enumerate(parquet.schema_arrow.names):
                parquet.metadata.row_group(group).column(column)  # unwraps this column's key
                found.setdefault(name, set()).update(opening.take_seen())
    return found


def _require_encrypted(file: BinaryIO, name: str) -> None:
    """Plain Parquet would open as well, whatever keys are given: it is not ours."""
    file.seek(0)
    head = file.read(4)
    file.seek(-4, 2)
    tail = file.read(4)
    file.seek(0)
    if head != _MAGIC or tail != _MAGIC:
        raise _unreadable(name, "it is not encrypted, or not whole")


def _open(file: BinaryIO, opening: _Opening) -> pq.ParquetFile:
    factory = pe.CryptoFactory(lambda _: opening)
    properties = factory.file_decryption_properties(pe.KmsConnectionConfig())
    with reading(opening.context.file):
        _require_encrypted(file, opening.context.file)
        return pq.ParquetFile(pa.PythonFile(file, mode="r"), decryption_properties=properties)


class reading:  # noqa: N801  (reads as a statement: with reading(name))
    """Turns what a wrong key, context or byte makes pyarrow raise into one refusal."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, PermissionError):
            raise _unreadable(self._name, "it was not sealed to the key given") from None
        if isinstance(error, InvalidTag):
            raise _unreadable(self._name, "its keys are bound to another run or file") from None
        if isinstance(error, (OSError, pa.ArrowException, KeyError, ValueError)):
            raise _unreadable(self._name, "it was changed or cut short, or is not ours") from None


def _unreadable(name: str, what: str) -> Refused:
    return Refused(
        "file-not-readable",
        name,
        f"it does not decrypt: {what}.",
        "use the recipient's own key on an unchanged delivery (remit receive).",
    )
