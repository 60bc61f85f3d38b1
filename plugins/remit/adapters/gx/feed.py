"""An extract, decoded piece by piece into as few columns as are asked for.

Guarantee: what is held is a few thousand rows of those columns, and the pages that they come from,
however long the extract is. Every row is given once, in no order, or the reading fails. Nothing of
pyarrow's runs on in the background when a reader is dropped; its own threads read ahead without a
bound in bytes.
"""

from __future__ import annotations

import ctypes
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import pyarrow as pa
import pyarrow.dataset as ds

_WORKERS = 2
_ROWS = 32_768
_M_MMAP_THRESHOLD = -3
_LARGE = 1 << 22  # bytes


class Extract:
    """One table's extract, of one or more files."""

    def __init__(self, dataset: ds.Dataset) -> None:
        _give_back_large_blocks()
        self.schema: pa.Schema = dataset.schema
        self.rows: int = dataset.count_rows()
        self._pieces = [piece for file in dataset.get_fragments() for piece in _pieces(file)]

    def reader(self, columns: Sequence[str]) -> pa.RecordBatchReader:
        """All rows of these columns, decoded as they are asked for."""
        schema = pa.schema([self.schema.field(name) for name in columns])
        return pa.RecordBatchReader.from_batches(schema, self._batches(schema))

    def _batches(self, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        rows = 0
        with ThreadPoolExecutor(_WORKERS) as pool:
            pieces = (_decoded(piece, schema) for piece in self._pieces)
            running = deque(
                (piece, pool.submit(next, piece, None)) for piece in islice(pieces, _WORKERS)
            )
            while running:
                piece, decoding = running.popleft()
                batch = decoding.result()
                following = next(pieces, None) if batch is None else piece
                if following is not None:
                    running.append((following, pool.submit(next, following, None)))
                if batch is not None:
                    rows += batch.num_rows
                    yield batch
        if rows != self.rows:
            raise EOFError


def _pieces(file: ds.Fragment) -> list[ds.Fragment]:
    """Its row groups."""
    return file.split_by_row_group() if isinstance(file, ds.ParquetFileFragment) else [file]


def _decoded(piece: ds.Fragment, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    batches: Iterator[pa.RecordBatch] = piece.to_batches(
        schema=schema,
        columns=schema.names,
        batch_size=_ROWS,
        batch_readahead=0,
        fragment_readahead=0,
        use_threads=False,  # but for those of `_batches`
        memory_pool=pa.system_memory_pool(),  # the default one keeps what it once had
    )
    return batches


def _give_back_large_blocks() -> None:
    """Have glibc hand freed blocks of pages back at once, or the peak grows with their number."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # other C libraries have their own ways
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _LARGE)
