"""`remit.target`: a delivery in a few lines, and nothing of it that does not verify or was not given."""

from __future__ import annotations

import gc
import shutil
from pathlib import Path

import pyarrow.compute as pc
import pytest

from remit import signing
from remit.errors import Refused, UsageError
from remit.target import open_delivery
from remit.testing.sample_delivery import ROWS, TYPES, make_sample

TECHNICAL = [name for name, (_, category) in TYPES.items() if category == "technical"]


def rows_of(table) -> list[tuple]:
    return [tuple(row.values()) for row in table.to_pylist()]


@pytest.fixture
def spoiled(sample, tmp_path: Path) -> Path:
    """A copy of the delivery of which a bit of the last file was flipped."""
    folder = Path(shutil.copytree(sample.folder, tmp_path / "spoiled"))
    file = folder / "every_type-part-0002.parquet"
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    return folder


def test_every_way_gives_the_rows_of_all_files_in_their_order(sample) -> None:
    table = sample.table()

    assert table.rows == len(ROWS)
    assert table.files == ["every_type-part-0001.parquet", "every_type-part-0002.parquet"]
    assert rows_of(table.read()) == ROWS
    assert [row for batch in table.batches() for row in rows_of(batch)] == ROWS
    assert rows_of(table.dataset().to_table()) == ROWS
    assert table.read().schema == table.dataset().schema == table.schema


def test_a_dataset_is_scanned_again_and_with_filters(sample) -> None:
    data = sample.table().dataset()

    for _ in range(2):
        found = data.to_table(columns=["a_string"], filter=pc.field("a_integer") > 2**53)
        assert found["a_string"].to_pylist() == ["Émile 𝄞", None]


def test_a_scanner_outlives_its_dataset_and_leaves_no_file_open(sample) -> None:
    scanner = sample.table().dataset().scanner()
    gc.collect()

    assert scanner.count_rows() == len(ROWS)
    del scanner
    gc.collect()  # a file that is not closed would be a warning, and so an error


def test_a_delivery_without_rows_has_its_columns(tmp_path: Path) -> None:
    folder = make_sample(tmp_path / "home", rows=0, parts=1)
    trust = tmp_path / "home" / "include" / "controllers" / "durand" / "keys"
    delivery = open_delivery(folder, tmp_path / "home" / "target" / "recipient.pem", trust)
    table = delivery.tables["every_type"]

    for read in (table.read(), table.dataset().to_table()):
        assert (read.num_rows, read.column_names) == (0, list(TYPES))


def test_columns_come_in_the_order_asked_for(sample) -> None:
    table = sample.table()
    read = table.read(["a_date", "a_integer"])

    assert read.column_names == ["a_date", "a_integer"]
    assert read["a_integer"].to_pylist() == [row[0] for row in ROWS]


def test_a_recipient_of_one_category_has_its_columns_and_no_other(sample) -> None:
    table = sample.table(sample.registry)

    assert table.schema.names == TECHNICAL
    assert table.read().column_names == table.dataset().to_table().column_names == TECHNICAL
    with pytest.raises(UsageError, match="a_string is not a column that this key was given"):
        table.read(["a_string"])


def test_nobody_else_opens_it(sample, tmp_path: Path) -> None:
    signing.new_key("recipient", tmp_path / "stranger.pem")

    with pytest.raises(Refused, match="file-not-readable at sample: no column"):
        open_delivery(sample.folder, tmp_path / "stranger.pem", sample.trust)


def test_without_the_controllers_key_nothing_is_opened(sample, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="controller-unknown"):
        open_delivery(sample.folder, sample.key, tmp_path)


@pytest.mark.parametrize("way", ["read", "dataset"])
def test_changed_file_is_refused_before_a_row_of_it(sample, spoiled: Path, way: str) -> None:
    table = open_delivery(spoiled, sample.key, sample.trust).tables["every_type"]

    with pytest.raises(Refused, match=r"file-changed at every_type-part-0002\.parquet"):
        getattr(table, way)()
