"""`remit open`: plain files, where asked for, all of them or none."""

from __future__ import annotations

import json
import os
import shutil
import stat
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from remit.cli import main
from remit.testing.sample_delivery import ROWS, TYPES


@pytest.fixture
def opening(sample, capsys):
    def go(out: Path, *more: object, key: Path | None = None, folder: Path | None = None):
        line = ["open", folder or sample.folder, "--key", key or sample.key, "--out", out]
        code = main([str(word) for word in [*line, "--trust", sample.trust, *more]])
        return code, capsys.readouterr()

    return go


def test_one_file_a_table_for_its_owner_alone(opening, tmp_path: Path) -> None:
    umask = os.umask(0)
    try:
        code, printed = opening(tmp_path / "out")
    finally:
        os.umask(umask)

    [path] = (tmp_path / "out").iterdir()
    assert code == 0
    assert path.name == "every_type.parquet"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [tuple(row.values()) for row in pq.read_table(path).to_pylist()] == ROWS
    assert "4 rows, every column" in printed.out
    assert "These files are plain: protect and delete them yourself." in printed.out


def test_recipient_of_some_categories_is_told_which_columns_it_has(
    opening, sample, tmp_path
) -> None:
    _, printed = opening(tmp_path / "out", "--json", key=sample.registry)
    [file] = json.loads(printed.out)["files"]

    technical = [name for name, (_, category) in TYPES.items() if category == "technical"]
    assert file["columns"] == technical == pq.read_schema(file["path"]).names
    _, printed = opening(tmp_path / "again", key=sample.registry)
    assert "3 of 10 columns, which are those given to this key" in printed.out


@pytest.mark.parametrize("link", [False, True])
def test_nothing_is_overwritten(opening, tmp_path: Path, link: bool) -> None:
    there = tmp_path / "out" / "every_type.parquet"
    there.parent.mkdir()
    there.symlink_to(tmp_path / "elsewhere") if link else there.write_bytes(b"mine")

    code, printed = opening(there.parent)

    assert code == 2
    assert "is there already, and is not overwritten" in printed.err
    assert link or there.read_bytes() == b"mine"
    assert not (tmp_path / "elsewhere").exists()


def test_of_a_changed_delivery_no_plain_file_stays(opening, sample, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(sample.folder, tmp_path / "delivery"))
    last = folder / "every_type-part-0002.parquet"
    last.write_bytes(last.read_bytes()[:-1] + b"F")

    code, printed = opening(tmp_path / "out", folder=folder)

    assert code == 3
    assert "file-changed" in printed.err
    assert list((tmp_path / "out").iterdir()) == []
