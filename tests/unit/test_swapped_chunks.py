"""Parts of encrypted files that change places: refused by the encryption itself, whatever a manifest says."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.parquet.encryption as pe
import pytest

from remit import sealed_parquet, signing
from remit.errors import Refused
from remit.sealed_parquet import FOOTER, EncryptedWriter, FileContext, open_file, recipient_opener

ROWS = 4096  # of each of three row groups
NAMES = ("a", "b")
Range = tuple[int, int]


class Draft:
    """A file in memory."""

    def __init__(self) -> None:
        self.data = bytearray()

    def write(self, data: bytes) -> int:
        self.data += data
        return len(data)

    def publish(self) -> None:
        """It is there already."""

    def discard(self) -> None:
        """Nothing is kept."""


class Files:
    """Two files of one table, of two runs, that one recipient reads; numbers that do not compress."""

    def __init__(self, folder: Path) -> None:
        public = signing.new_key("recipient", folder / "key")
        self.key = signing.load_recipient(str(folder / "key"))
        self.readers = {"health": [public], FOOTER: [public]}
        chance = np.random.default_rng(7)
        self.table = pa.table(
            {name: chance.integers(-(2**63), 2**63 - 1, 3 * ROWS) for name in NAMES}
        )
        self.one, self.other = (self._write(run) for run in ("run-1", "run-2"))

    @staticmethod
    def context(run: str) -> FileContext:
        return FileContext("sha256:1", run, "results.parquet")

    def _write(self, run: str) -> bytes:
        draft = Draft()
        schema = self.table.schema
        writer = EncryptedWriter(
            draft, schema, dict.fromkeys(NAMES, "health"), self.readers, self.context(run)
        )
        for batch in self.table.to_batches(max_chunksize=ROWS):
            writer.write(batch)
        writer.close()
        return bytes(draft.data)

    def read(self, data: bytes) -> pa.Table:
        opened = open_file(io.BytesIO(data), recipient_opener(self.key), self.context("run-1"))
        return pa.Table.from_batches(list(opened.batches()))

    def chunk(self, group: int, name: str) -> Range:
        """Where a column's part of a row group lies in the file."""
        opening = sealed_parquet._Opening(recipient_opener(self.key), self.context("run-1"))
        properties = pe.CryptoFactory(lambda _: opening).file_decryption_properties(
            pe.KmsConnectionConfig()
        )
        metadata = pq.ParquetFile(io.BytesIO(self.one), decryption_properties=properties).metadata
        column = metadata.row_group(group).column(NAMES.index(name))
        return column.data_page_offset, column.data_page_offset + column.total_compressed_size


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sealed_parquet, "ROW_GROUP_ROWS", ROWS)
        return Files(tmp_path_factory.mktemp("swaps"))


def exchanged(data: bytes, one: Range, other: Range) -> bytes:
    assert one[1] - one[0] == other[1] - other[0]
    (a, b), (c, d) = sorted((one, other))
    assert data[a:b] != data[c:d]
    return data[:a] + data[c:d] + data[b:c] + data[a:b] + data[d:]


def put(data: bytes, place: Range, chunk: bytes) -> bytes:
    assert len(chunk) == place[1] - place[0]
    assert data[slice(*place)] != chunk
    return data[: place[0]] + chunk + data[place[1] :]


SWAPS: dict[str, Callable[[Files], bytes]] = {
    "chunks of one column": lambda f: exchanged(f.one, f.chunk(0, "a"), f.chunk(1, "a")),
    "the last chunk and the first": lambda f: exchanged(f.one, f.chunk(0, "b"), f.chunk(2, "b")),
    "two columns": lambda f: exchanged(f.one, f.chunk(1, "a"), f.chunk(1, "b")),
    "a chunk twice": lambda f: put(f.one, f.chunk(1, "a"), f.one[slice(*f.chunk(0, "a"))]),
    "the same chunk of another run's file": lambda f: put(
        f.one, f.chunk(1, "a"), f.other[slice(*f.chunk(1, "a"))]
    ),
    "another run's whole file": lambda f: f.other,
}


def test_untouched_file_reads(files: Files) -> None:
    assert files.read(files.one).equals(files.table)
    assert len(files.one) == len(files.other)


@pytest.mark.parametrize("swap", SWAPS.values(), ids=SWAPS)
def test_what_changed_places_does_not_decrypt(files: Files, swap: Callable[[Files], bytes]) -> None:
    with pytest.raises(Refused, match="file-not-readable"):
        files.read(swap(files))
