"""Proof of decryption: a digest that only somebody who read every column can produce.

At extract, a random challenge goes into the encrypted footer and the content of each column is
hashed as it is written. The proof is an HMAC, keyed with the challenge, over those hashes. The
processor keeps only the proof's SHA-256, the commitment. The target decrypts, hashes what it read,
and returns the proof in its receipt, where the commitment shows that it is right.

Nobody can guess content from a commitment or a proof: both depend on the challenge, 256 random bits
that only recipients can read. The hash of a column does not depend on how rows are split in batches:
it is SHA-256 over two SHA-256s, of what tells the values apart (a text's length, or whether there is a
value), and of their bytes.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from remit import canonical


class ContentDigest:
    """Hashes batches of one table, in row order."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = list(names)
        self._columns = [_ColumnDigest() for _ in names]
        self.rows = 0

    def update(self, batch: pa.RecordBatch) -> None:
        """Take in the next rows; the batch has the columns in their order."""
        self.rows += batch.num_rows
        for digest, column in zip(self._columns, batch.columns, strict=True):
            digest.update(column)

    def proof(self, challenge: bytes) -> str:
        """The proof, in hex."""
        columns = [[n, c.digest()] for n, c in zip(self._names, self._columns, strict=True)]
        message = canonical.dumps({"columns": columns, "rows": self.rows})
        return hmac.new(challenge, message, hashlib.sha256).hexdigest()


def commitment(proof: str) -> str:
    """What the processor keeps of a proof: its SHA-256."""
    return canonical.sha256(bytes.fromhex(proof))


class _ColumnDigest:
    def __init__(self) -> None:
        self._bounds, self._values = hashlib.sha256(), hashlib.sha256()

    def update(self, column: pa.Array) -> None:
        if pa.types.is_string(column.type):
            lengths = pc.binary_length(column)
            if column.null_count:
                lengths, column = pc.fill_null(lengths, -1), pc.fill_null(column, "")
            self._bounds.update(_bytes(lengths, pa.int32()))
            self._values.update(_text(column))
        else:
            self._bounds.update(_validity(column))
            self._values.update(_fixed(column))

    def digest(self) -> str:
        joined = self._bounds.digest() + self._values.digest()
        return hashlib.sha256(joined).hexdigest()


def _validity(column: pa.Array) -> bytes | memoryview:
    if not column.null_count:
        return b"\x01" * len(column)
    return _bytes(column.is_valid().cast(pa.uint8()), pa.uint8())


def _fixed(column: pa.Array) -> memoryview:
    """Fixed-width values, little-endian, zero under a NULL."""
    kind = column.type
    if pa.types.is_boolean(kind):
        column, kind = column.cast(pa.uint8()), pa.uint8()
    elif pa.types.is_date32(kind):
        column, kind = column.cast(pa.int32()), pa.int32()
    elif pa.types.is_timestamp(kind):
        column, kind = column.cast(pa.int64()), pa.int64()
    return _bytes(pc.fill_null(column, pa.scalar(0, kind)) if column.null_count else column, kind)


def _bytes(column: pa.Array, kind: pa.DataType) -> memoryview:
    width = kind.bit_width // 8
    data = memoryview(column.buffers()[1] or b"")
    return data[column.offset * width : (column.offset + len(column)) * width]


def _text(column: pa.Array) -> memoryview:
    _, offsets, data = column.buffers()
    if not len(column) or data is None:
        return memoryview(b"")
    ends = np.frombuffer(offsets, np.int32)[column.offset : column.offset + len(column) + 1]
    return memoryview(data)[int(ends[0]) : int(ends[-1])]
