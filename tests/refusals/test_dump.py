"""What a dump in files is refused for."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from remit.custody import Run
from remit.plan import as_declared
from remit.ports import TableQuery
from remit.testing.laboratory import Laboratory
from remit.testing.world import World
from remit.wiring import open_source

Form = dict[str, Any]


@pytest.fixture
def dumped(tmp_path: Path) -> tuple[World, Form]:
    root = tmp_path / "dumped"
    root.mkdir(mode=0o700)
    form = Laboratory(patients=5).write_dump(root / "dump")
    return World(root, 5, str(root / "dump")), form


def planned(world: World, form: Form | None) -> Run:
    def edit(fields: dict[str, Any]) -> None:
        if form is not None:
            fields["dump"] = form

    run = world.open_run(edit=edit)
    world.steps(run)["plan"]()
    return run


def spoil(world: World, old: bytes, new: bytes) -> Path:
    path = world.root / "dump" / "results.csv"
    content = path.read_bytes()
    assert old in content
    path.write_bytes(content.replace(old, new, 1))
    return path


@pytest.mark.vector("dump-undeclared")
def test_dump_under_an_instruction_that_says_nothing_of_its_form(dumped, refuses) -> None:
    world, _ = dumped

    with refuses(at=f"dump://{world.root / 'dump'}", saying="does not declare its form"):
        planned(world, None)


@pytest.mark.vector("dump-unexpected")
def test_database_under_an_instruction_that_declares_a_dump(dumped, world, refuses) -> None:
    _, form = dumped

    with refuses(at="lis.sqlite", saying="the source is none"):
        planned(world, form)


@pytest.mark.vector("dump-exposed")
@pytest.mark.parametrize(
    ("place", "mode", "saying"),
    [("results.csv", 0o640, "others than its owner"), ("results.csv", 0o604, "others than its owner"),
     (".", 0o755, "open to everybody"), (".", 0o770, "written by a group")],
)  # fmt: skip
def test_dump_that_others_can_read(dumped, refuses, place, mode, saying) -> None:
    world, form = dumped
    (world.root / "dump" / place).chmod(mode)

    with refuses(at=".csv", saying=saying):
        planned(world, form)


@pytest.mark.vector("dump-exposed")
def test_dump_that_is_a_link(dumped, refuses) -> None:
    world, form = dumped
    path = world.root / "dump" / "results.csv"
    path.symlink_to(path.rename(world.root / "elsewhere"))

    with refuses(at="results.csv", saying="it is a link"):
        planned(world, form)


@pytest.mark.vector("dump-exposed")
def test_dump_that_would_stay_under_a_second_name(dumped, refuses) -> None:
    world, form = dumped
    (world.root / "elsewhere").hardlink_to(world.root / "dump" / "results.csv")

    with refuses(at="results.csv", saying="another name as well"):
        planned(world, form)


@pytest.mark.vector("dump-encoding")
def test_dump_in_another_encoding_than_declared(dumped, refuses) -> None:
    world, form = dumped

    with refuses(at="character 10", saying="iso-8859-1 is declared, but this is UTF-8"):
        spoil(world, b"\r\n", b"\r\n1;2;3;Ren\xc3\xa9")
        planned(world, form)


@pytest.mark.vector("dump-malformed")
def test_dump_with_a_line_that_is_cut_short(dumped, refuses) -> None:
    world, form = dumped

    with refuses(at="results.csv line 2, column 3", saying="has 2 fields, the header 14"):
        spoil(world, b"\r\n", b"\r\nx;y\r\n")
        planned(world, form)


@pytest.mark.vector("value-not-of-type")
def test_dump_with_a_value_of_another_type(dumped, refuses) -> None:
    world, form = dumped
    run = planned(world, form)
    spoil(world, b",", b".")

    with refuses(at="line 2", saying="as the dump writes it"):
        world.steps(run)["extract"]()


@pytest.mark.vector("column-missing")
def test_dump_without_a_column(dumped, refuses) -> None:
    world, form = dumped
    spoil(world, b"unit", b"unite")

    with refuses(at="results.unit", saying="it is not at the source"):
        planned(world, form)


@pytest.mark.vector("dump-changed")
def test_dump_that_is_still_written_while_it_is_read(dumped, refuses) -> None:
    world, form = dumped
    run = planned(world, form)
    path = world.root / "dump" / "results.csv"
    source = as_declared(open_source(world.source_url), run.instruction().terms)
    query = TableQuery("results", ())

    row = path.read_bytes().split(b"\r\n")[1] + b"\r\n"

    with source.snapshot() as snapshot, refuses(at="results.csv", saying="not what it was"):
        assert snapshot.count(query) > 0
        path.write_bytes(path.read_bytes() + row)
        snapshot.count(query)


@pytest.mark.vector("dump-changed")
def test_dump_that_is_not_the_one_that_an_earlier_attempt_took_up(dumped, refuses) -> None:
    world, form = dumped
    run = planned(world, form)

    def killed(_table: str, _rows: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run.extract(world.source(), killed)
    path = world.root / "dump" / "results.csv"
    path.write_bytes(path.read_bytes() + path.read_bytes().split(b"\r\n")[1] + b"\r\n")

    with refuses(at="dump", saying="not those that this run took up"):
        run.extract(world.source(), lambda _table, _rows: None)


@pytest.mark.vector("dump-changed")
def test_same_dump_in_another_folder_than_the_one_to_be_deleted(dumped, refuses) -> None:
    world, form = dumped
    run = planned(world, form)

    def killed(_table: str, _rows: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run.extract(world.source(), killed)
    first = (world.root / "dump").rename(world.root / "elsewhere")
    shutil.copytree(first, world.root / "dump")

    with refuses(at="dump", saying="or their folder"):
        run.extract(world.source(), lambda _table, _rows: None)


@pytest.mark.vector("dump-changed")
def test_deletion_of_a_dump_in_whose_place_another_file_is(dumped, refuses) -> None:
    world, form = dumped
    run = planned(world, form)
    world.steps(run)["extract"]()
    (world.root / "dump" / "results.csv").write_text("another")
    world.clock.advance(days=8)

    with refuses(at="results.csv", saying="of another content"):
        run.delete(world.landing)
