"""A folder as a store, where another account of its group makes names as well."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from remit.adapters.folder import FolderStore
from remit.adapters.folder_landing import FolderLanding
from remit.errors import Unavailable

DEEP = 1_500


@pytest.fixture
def store(tmp_path: Path) -> FolderLanding:
    (tmp_path / "zone").mkdir()
    return FolderLanding(tmp_path / "zone")


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    folder = tmp_path / "keys"
    folder.mkdir()
    (folder / "processor.key").write_bytes(b"a key")
    return folder


def listed(store: FolderStore, prefix: str = "") -> list[str]:
    return [file.path for file in store.list(prefix)]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def write(store: FolderStore, path: str, data: bytes = b"data") -> None:
    draft = store.create(path)
    draft.write(data)
    draft.publish()


def swap(store: FolderStore, outside: Path) -> None:
    write(store, "run/sub/processor.key")
    (store.root / "run/sub").rename(store.root / "taken")
    (store.root / "run/sub").symlink_to(outside)


def test_a_link_put_in_place_of_a_listed_folder_is_not_followed(
    store: FolderLanding, outside: Path
) -> None:
    write(store, "run/sub/processor.key")
    [path] = listed(store, "run")
    (store.root / "run/sub").rename(store.root / "taken")
    (store.root / "run/sub").symlink_to(outside)

    with pytest.raises(Unavailable):
        store.remove(path)

    assert (outside / "processor.key").read_bytes() == b"a key"
    assert listed(store, "run") == ["run/sub"]
    store.remove("run/sub")
    assert names(store.root) == ["taken"]
    assert (outside / "processor.key").read_bytes() == b"a key"


def test_a_folder_moved_away_while_it_is_emptied_takes_none_beside_it(
    store: FolderLanding, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(store, "run/sub/file")
    beside = store.root / "other"
    (beside / "sub").mkdir(parents=True)
    unlink = os.unlink

    def moved(name: str, *, dir_fd: int) -> None:
        unlink(name, dir_fd=dir_fd)
        (store.root / "run/sub").rename(beside / "moved")

    monkeypatch.setattr(os, "unlink", moved)
    with pytest.raises(Unavailable):
        store.remove("run/sub/file")

    assert names(beside) == ["moved", "sub"]


@pytest.mark.parametrize(
    "act",
    [
        lambda store: store.open("run/sub/processor.key"),
        lambda store: store.exists("run/sub/processor.key"),
        lambda store: store.create("run/sub/new"),
        lambda store: store.list("run/sub/below"),
    ],
    ids=["open", "exists", "create", "list"],
)
def test_nothing_is_done_through_a_link(
    store: FolderLanding, outside: Path, act: Callable[[FolderStore], object]
) -> None:
    swap(store, outside)

    with pytest.raises(Unavailable):
        act(store)

    assert names(outside) == ["processor.key"]


def test_a_delivery_is_not_written_through_a_link(store: FolderLanding, outside: Path) -> None:
    (store.root / ".run.partial").symlink_to(outside)

    store.publish("run", {})

    assert not (store.root / "run").is_symlink()
    assert names(outside) == ["processor.key"]


def test_a_link_as_a_file_is_listed_and_removed_itself(store: FolderLanding, outside: Path) -> None:
    (store.root / "run").mkdir()
    (store.root / "run/link").symlink_to(outside / "processor.key")
    (store.root / "run/to-nothing").symlink_to("nothing")

    assert listed(store, "run") == ["run/link", "run/to-nothing"]
    with pytest.raises(Unavailable):
        store.open("run/link")
    for path in listed(store, "run"):
        store.remove(path)

    assert names(store.root) == []
    assert (outside / "processor.key").read_bytes() == b"a key"


@pytest.mark.parametrize("path", ["run/receipt", ".remit/store"])
def test_a_pipe_is_not_waited_for(store: FolderLanding, path: str) -> None:
    (store.root / path).parent.mkdir()
    os.mkfifo(store.root / path)
    began = time.monotonic()

    with pytest.raises(Unavailable):
        store.open(path)
    if path == ".remit/store":
        for named in (store.identity, store.endpoint, store.claim):
            with pytest.raises(Unavailable):
                named()

    assert time.monotonic() - began < 1
    store.remove(path)
    assert listed(store) == []


def test_a_folder_is_no_file_to_read(store: FolderLanding) -> None:
    write(store, "run/file")

    with pytest.raises(Unavailable):
        store.open("run")
    with pytest.raises(FileNotFoundError):
        store.open("run/other")
    with pytest.raises(FileNotFoundError):
        store.open("other/file")


def test_an_identity_that_is_no_name_is_another_one(store: FolderLanding) -> None:
    claimed = store.claim()
    (store.root / ".remit/store").write_bytes(b"\xff\xfe" * 1_000_000)

    found = store.identity()

    assert found is not None
    assert found != claimed
    assert len(found) == 64


def test_a_deep_tree_is_listed_and_removed(store: FolderLanding) -> None:
    write(store, "/".join(["run", *["d"] * DEEP, "file"]))

    [path] = listed(store, "run")
    assert path.count("/") == DEEP + 1
    with store.open(path) as file:
        assert file.read() == b"data"
    store.remove(path)

    assert names(store.root) == []


def test_a_tree_deeper_than_a_path_is_long_is_listed_and_removed(store: FolderLanding) -> None:
    write(store, "/".join(["run", *["d" * 200] * 50, "file"]))

    [path] = listed(store)
    assert len(path) > 4096
    store.remove(path)

    assert names(store.root) == []


def test_names_that_are_no_text_are_listed_and_removed(store: FolderLanding) -> None:
    folder = os.fsencode(store.root) + b"/run/\xff"
    Path(os.fsdecode(folder)).mkdir(parents=True)
    for name in (b"\xfe", b"new\nline", b"*"):
        Path(os.fsdecode(folder + b"/" + name)).touch()

    found = listed(store, "run")
    assert found == ["run/\udcff/*", "run/\udcff/new\nline", "run/\udcff/\udcfe"]
    for path in found:
        store.remove(path)

    assert names(store.root) == []


def test_a_file_of_a_year_that_no_calendar_has_is_listed(store: FolderLanding) -> None:
    write(store, "run/file")
    os.utime(store.root / "run/file", (1 << 40, 1 << 40))

    assert listed(store) == ["run/file"]
