"""Files that are encrypted from their first byte: who can read what, and what nobody can change."""

from __future__ import annotations

import io
import random
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest

from remit import signing
from remit.errors import Refused
from remit.sealed_parquet import (
    FOOTER,
    EncryptedWriter,
    FileContext,
    WrittenFile,
    dataset,
    open_file,
    recipient_opener,
    wrapped_to,
)

CONTEXT = FileContext("sha256:1", "run-1", "results.parquet")
SCHEMA = pa.schema(
    [("id", pa.int64()), ("site", pa.string()), ("value", pa.string()), ("day", pa.date32())]
)
CATEGORIES = {"id": "technical", "site": "administrative", "value": "health", "day": "health"}
ROWS = [
    {"id": n, "site": "LYO1", "value": f"canary-{n:04}", "day": date(2024, 1, 1)}
    for n in range(400)
]


class Draft:
    """A file in memory."""

    def __init__(self) -> None:
        self.data, self.published, self.discarded = bytearray(), False, False

    def write(self, data: bytes) -> int:
        self.data += data
        return len(data)

    def publish(self) -> None:
        self.published = True

    def discard(self) -> None:
        self.discarded = True


class Keys:
    """Two recipients: one for everything, one for all but health."""

    def __init__(self, folder: Path) -> None:
        public = [signing.new_key("recipient", folder / name) for name in ("all", "some", "none")]
        self.ids = [key.key_id for key in public[:2]]
        self.all, self.some, self.none = (
            recipient_opener(signing.load_recipient(str(folder / name)))
            for name in ("all", "some", "none")
        )
        both = public[:2]
        self.readers = {
            "technical": both, "administrative": both, "health": public[:1], FOOTER: both,
        }  # fmt: skip


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return Keys(tmp_path_factory.mktemp("keys"))


def write(keys: Keys, dictionary: tuple[str, ...] = (), context: FileContext = CONTEXT):
    draft = Draft()
    writer = EncryptedWriter(draft, SCHEMA, CATEGORIES, keys.readers, context, dictionary)
    table = pa.Table.from_pylist(ROWS, SCHEMA)
    for batch in table.to_batches(max_chunksize=150):
        writer.write(batch)
    return draft, writer.close()


@pytest.fixture(scope="module")
def written(keys: Keys) -> tuple[bytes, WrittenFile]:
    draft, result = write(keys)
    assert draft.published
    return bytes(draft.data), result


@pytest.fixture
def file(written: tuple[bytes, WrittenFile]) -> io.BytesIO:
    return io.BytesIO(written[0])


def rows_of(opened, columns=None) -> list[dict]:
    return [row for batch in opened.batches(columns) for row in batch.to_pylist()]


def test_recipient_of_everything_reads_everything(keys, file, written) -> None:
    opened = open_file(file, keys.all, CONTEXT)

    assert rows_of(opened) == ROWS
    assert opened.schema == SCHEMA
    assert opened.rows == written[1].rows == len(ROWS)


def test_recipient_of_some_categories_reads_only_theirs(keys, file) -> None:
    opened = open_file(file, keys.some, CONTEXT)

    assert rows_of(opened, ["id", "site"]) == [{"id": r["id"], "site": r["site"]} for r in ROWS]
    for columns in (["value"], ["day"], ["id", "value"], None):
        with pytest.raises(Refused, match="it was not sealed to the key given"):
            rows_of(opened, columns)


def test_somebody_else_reads_nothing(keys, file) -> None:
    with pytest.raises(Refused, match="it was not sealed to the key given"):
        open_file(file, keys.none, CONTEXT)


@pytest.mark.parametrize("dictionary", [(), ("site",), ("site", "value")])
def test_nothing_in_clear_in_the_file(keys, dictionary) -> None:
    draft, _ = write(keys, dictionary)

    for clear in (b"canary", b"LYO1", b"value\x15", b"PAR1", b"remit.challenge"):
        assert clear not in draft.data
    assert draft.data[:4] == draft.data[-4:] == b"PARE"
    assert rows_of(open_file(io.BytesIO(draft.data), keys.all, CONTEXT)) == ROWS


@pytest.mark.parametrize("dictionary", [(), ("site", "value")])
def test_every_column_and_the_footer_are_wrapped_to_exactly_their_readers(keys, dictionary) -> None:
    draft, _ = write(keys, dictionary)
    both, one = {frozenset(keys.ids)}, {frozenset(keys.ids[:1])}

    found = wrapped_to(io.BytesIO(draft.data), keys.all, CONTEXT)

    assert found == {FOOTER: both, "id": both, "site": both, "value": one, "day": one}


@pytest.mark.parametrize(
    "context",
    [
        FileContext("sha256:2", "run-1", "results.parquet"),
        FileContext("sha256:1", "run-2", "results.parquet"),
        FileContext("sha256:1", "run-1", "other.parquet"),
    ],
    ids=["instruction", "run", "file"],
)
def test_keys_are_bound_to_their_context(keys, file, context) -> None:
    with pytest.raises(Refused, match="bound to another run or file"):
        open_file(file, keys.all, context)
    with pytest.raises(Refused, match="bound to another run or file"):
        wrapped_to(io.BytesIO(file.getvalue()), keys.all, context)


def test_two_files_of_the_same_rows_have_nothing_in_common(keys, written) -> None:
    again, result = write(keys)

    assert bytes(again.data) != written[0]
    assert result.sha256 != written[1].sha256
    assert result.commitment != written[1].commitment


def test_proof_is_the_one_committed_to(keys, file, written) -> None:
    from remit.proof import commitment

    assert commitment(open_file(file, keys.all, CONTEXT).proof()) == written[1].commitment


def test_proof_needs_every_column(keys, file) -> None:
    with pytest.raises(Refused, match="file-not-readable"):
        open_file(file, keys.some, CONTEXT).proof()


def read_all(data: bytes, keys: Keys) -> list[dict]:
    return rows_of(open_file(io.BytesIO(data), keys.all, CONTEXT))


@pytest.mark.parametrize("keep", [0, 1, 4, 8, 12, 100, -1, -4, -8, -100])
def test_file_cut_short(keys, written, keep) -> None:
    with pytest.raises(Refused, match="file-not-readable"):
        read_all(written[0][:keep], keys)


def read_or_refusal(data: bytes, keys: Keys) -> list[dict] | str:
    try:
        return read_all(data, keys)
    except Refused as refusal:
        return refusal.code


def test_one_bit_changed_is_refused_wherever_it_is(keys, written) -> None:
    data, chance = written[0], random.Random(7)
    # In clear is only which keys open the footer, with words of pyarrow's and the other
    # recipient's copy, that this reader does not need. The manifest's digest covers these too.
    in_clear = range(data.index(b'{"keyMaterialType"') - 20, data.index(b'"doubleWrapping"') + 30)
    for _ in range(200):
        place, bit = chance.randrange(len(data)), chance.randrange(8)
        changed = bytearray(data)
        changed[place] ^= 1 << bit
        read = read_or_refusal(bytes(changed), keys)
        if read != "file-not-readable":
            assert place in in_clear
            assert read == ROWS


def test_bytes_added_at_the_end(keys, written) -> None:
    with pytest.raises(Refused, match="file-not-readable"):
        read_all(written[0] + b"x", keys)


def test_dataset_reads_the_same(keys, file) -> None:
    assert dataset(file, keys.all, CONTEXT).to_table().to_pylist() == ROWS


def test_file_without_rows(keys) -> None:
    draft = Draft()
    result = EncryptedWriter(draft, SCHEMA, CATEGORIES, keys.readers, CONTEXT).close()

    opened = open_file(io.BytesIO(draft.data), keys.all, CONTEXT)
    assert (result.rows, opened.rows, rows_of(opened)) == (0, 0, [])
    assert opened.schema == SCHEMA


def test_abandoned_file_is_discarded_and_never_published(keys) -> None:
    draft = Draft()
    writer = EncryptedWriter(draft, SCHEMA, CATEGORIES, keys.readers, CONTEXT)
    writer.write(pa.RecordBatch.from_pylist(ROWS, SCHEMA))
    size = len(draft.data)

    writer.abandon()
    del writer

    assert draft.discarded
    assert not draft.published
    assert len(draft.data) == size
