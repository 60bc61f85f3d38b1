"""An extract, decoded a row group at a time into as few columns as are asked for.

Guarantee: what is held is a few row groups of those columns, however long the extract is; every
row is given, once, or the reading fails. Nothing of pyarrow's runs on in the background when a
reader is dropped: its own scanner reads ahead without bound in bytes, and can lock up against a
file object of Python's that is closed under it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import pyarrow as pa
import pyarrow.dataset as ds

_WORKERS = 2
_AHEAD = 1  # row groups that wait, decoded, beside those that are being decoded


class Extract:
    """One table's extract, of one or more files."""

    def __init__(self, dataset: ds.Dataset) -> None:
        self.schema: pa.Schema = dataset.schema
        self.rows: int = dataset.count_rows()
        self._pieces = [piece for file in dataset.get_fragments() for piece in _pieces(file)]

    def reader(self, columns: Sequence[str]) -> pa.RecordBatchReader:
        """All rows of these columns, decoded as they are asked for."""
        schema = pa.schema([self.schema.field(name) for name in columns])
        return pa.RecordBatchReader.from_batches(schema, self._batches(schema))

    def _batches(self, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        rows = 0
        waiting: deque[Future[pa.Table]] = deque()
        with ThreadPoolExecutor(_WORKERS) as pool:
            pieces = iter(self._pieces)
            while True:
                while len(waiting) < _WORKERS + _AHEAD and (piece := next(pieces, None)):
                    waiting.append(pool.submit(_decode, piece, schema))
                if not waiting:
                    break
                for batch in waiting.popleft().result().to_batches():
                    rows += batch.num_rows
                    yield batch
        if rows != self.rows:
            raise EOFError


def _pieces(file: ds.Fragment) -> list[ds.Fragment]:
    if isinstance(file, ds.ParquetFileFragment):
        return list(file.split_by_row_group())
    return [file]


def _decode(piece: ds.Fragment, schema: pa.Schema) -> pa.Table:
    # One thread for one piece: pyarrow's own would decode more than what was asked for.
    return piece.to_table(schema=schema, columns=schema.names, use_threads=False)
