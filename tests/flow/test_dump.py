"""A dump that only exists whole, from instruction to certificate, and nothing of its excess anywhere."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from remit import signing
from remit.custody import Run, due, execute_due
from remit.errors import Refused, Unavailable
from remit.evidence import timestamp
from remit.instruction import digest_of, parse
from remit.instruction.revocation import revocation_path, revoke
from remit.testing.canaries import find_planted
from remit.testing.laboratory import Laboratory
from remit.testing.world import World, by

pytestmark = pytest.mark.slow

Fields = dict[str, Any]


@pytest.fixture
def dumped(tmp_path: Path) -> Callable[..., tuple[World, Fields]]:
    """A world whose source is a dump, and what the instruction says of its form."""

    def make(kind: Any = "csv", patients: int = 30) -> tuple[World, Fields]:
        root = tmp_path / kind
        root.mkdir(mode=0o700)
        form = Laboratory(patients=patients).write_dump(root / "dump", kind)
        return World(root, patients, str(root / "dump")), form

    return make


def with_dump(form: Fields) -> Callable[[Fields], None]:
    def edit(fields: Fields) -> None:
        fields["dump"] = form

    return edit


def extracted(world: World, run: Run) -> None:
    """A run up to where its rows are staged."""
    steps = world.steps(run)
    steps["plan"]()
    steps["extract"]()


def copies(run: Run) -> list[str]:
    body = json.loads(signing.unverified_payload(
        run.story.last("deleted")["certificate"].encode(),
        "application/vnd.remit.deletion-certificate+json", "certificate",
    ))  # fmt: skip
    return [copy["where"] for copy in body["copies"]]


@pytest.mark.parametrize("kind", ["csv", "fixed", "packed"])
def test_dump_is_run_through_to_a_certificate_that_lists_it(
    dumped: Callable[..., tuple[World, Fields]], world: World, kind: str
) -> None:
    theirs, form = dumped(kind, 120)
    whole = list((theirs.root / "dump").iterdir())
    run = theirs.open_run(edit=with_dump(form))
    theirs.deliver(run)
    places = [p for p in theirs.root.iterdir() if p.name != "dump"]
    excess = find_planted(places, theirs.laboratory.planted())
    theirs.ingest(run)
    run.confirm(theirs.landing())

    assert run.delete(theirs.landing) is True

    assert excess == []
    assert len(whole) == 6  # the two that were read, and the four that nobody asked for
    assert set(map(str, whole)) <= set(copies(run))
    assert list((theirs.root / "dump").iterdir()) == []
    assert due(theirs.deployment().log, theirs.clock()) == []
    # The same rows as from the same laboratory's database.
    database = world.open_run()
    world.deliver(database)
    world.ingest(database)
    assert arrived(theirs) == arrived(world) != []


def arrived(world: World) -> list[tuple[Any, ...]]:
    with sqlite3.connect(world.target.database) as target:
        rows = target.execute("SELECT * FROM results ORDER BY result_id").fetchall()
    target.close()
    return rows


def test_duty_to_delete_names_the_files_and_digests_before_a_row_is_extracted(
    dumped: Callable[..., tuple[World, Fields]],
) -> None:
    world, form = dumped()
    run = world.open_run(edit=with_dump(form))
    extracted(world, run)

    kinds = [record.kind for record in run.story.records]
    named = {Path(file["path"]).name for file in run.story.last("obliged")["dump"]}

    assert kinds.index("obliged") < kinds.index("extracted")
    assert named == {file["file"] for file in form["files"]}


def test_refused_run_loses_what_it_staged_at_once_and_the_dump_at_its_maximum_age(
    dumped: Callable[..., tuple[World, Fields]],
) -> None:
    world, form = dumped()
    path = world.root / "dump" / "results.csv"
    run = world.open_run(edit=with_dump(form))
    world.steps(run)["plan"]()
    path.write_bytes(path.read_bytes() + b"too;few\r\n")

    with pytest.raises(Refused, match="dump-malformed"):
        world.steps(run)["extract"]()

    assert run.story.has("stopped")
    assert not run.story.has("deleted")
    assert list((world.root / "processor" / "staging").rglob("*.parquet")) == []
    assert list((world.root / "processor" / "keyring").glob("[!.]*")) == []
    assert path.exists()
    assert list(execute_due(world.deployment(), "test", world.landing)) == []
    assert due(world.deployment().log, world.clock()) == []

    world.clock.advance(days=7, minutes=1)
    [done] = execute_due(world.deployment(), "test", world.landing)

    assert done.deleted
    assert str(path) in copies(run)
    assert not path.exists()


def test_dump_of_two_runs_is_deleted_with_the_first_and_missed_by_neither(
    dumped: Callable[..., tuple[World, Fields]],
) -> None:
    world, form = dumped()
    first, second = (world.open_run(name, with_dump(form)) for name in ("one-run", "two-run"))
    extracted(world, second)
    world.deliver(first)
    world.ingest(first)
    first.confirm(world.landing())
    first.delete(world.landing)

    world.clock.advance(days=8)
    assert second.delete(world.landing) is True

    assert any(where.endswith("results.csv") for where in copies(first))
    assert not any(where.endswith(".csv") for where in copies(second))
    assert list((world.root / "dump").iterdir()) == []


def test_file_of_another_content_is_not_removed_and_stays_due(
    dumped: Callable[..., tuple[World, Fields]],
) -> None:
    world, form = dumped()
    path = world.root / "dump" / "results.csv"
    run = world.open_run(edit=with_dump(form))
    extracted(world, run)
    path.write_text("next month's")
    world.clock.advance(days=8)

    with pytest.raises(Refused, match="dump-changed"):
        run.delete(world.landing)

    assert path.read_text() == "next month's"
    assert [one.run for one in due(world.deployment().log, world.clock())] == [run.id]
    path.unlink()
    assert run.delete(world.landing) is True


def test_dump_in_a_folder_that_is_not_mounted_does_not_pass_for_deleted(
    dumped: Callable[..., tuple[World, Fields]],
) -> None:
    world, form = dumped()
    run = world.open_run(edit=with_dump(form))
    extracted(world, run)
    (world.root / "dump").rename(world.root / "elsewhere")
    world.clock.advance(days=8)

    with pytest.raises(Unavailable, match="cannot be reached"):
        run.delete(world.landing)

    assert not run.story.has("deleted")


def test_empty_folder_in_the_place_of_the_dump_does_not_pass_for_deleted(
    dumped: Callable[..., tuple[World, Fields]],
) -> None:
    world, form = dumped()
    run = world.open_run(edit=with_dump(form))
    extracted(world, run)
    folder = world.root / "dump"
    away = folder.rename(world.root / "not-mounted")
    folder.mkdir(mode=0o700)
    world.clock.advance(days=8)

    with pytest.raises(Unavailable, match="not the folder that this run's dump was in"):
        run.delete(world.landing)

    assert not run.story.has("deleted")
    assert [one.run for one in due(world.deployment().log, world.clock())] == [run.id]
    folder.rmdir()
    away.rename(folder)
    assert run.delete(world.landing) is True
    assert str(folder / "results.csv") in copies(run)
    assert list(folder.iterdir()) == []


def take_back(world: World) -> None:
    path = world.root / "include" / "instructions" / "durand.yaml"
    text = path.read_bytes()
    signer = signing.load_signer(str(world.root / "controller" / "controller.pem"))
    why = "The dump was made by mistake"
    envelope = revoke(parse(text), digest_of(text), why, world.clock(), signer)
    revocation_path(path).write_bytes(envelope)


def test_revoked_instruction_keeps_no_dump(dumped: Callable[..., tuple[World, Fields]]) -> None:
    world, form = dumped()
    run = world.open_run(edit=with_dump(form))
    extracted(world, run)
    take_back(world)

    with pytest.raises(Refused, match="instruction-revoked"):
        world.steps(run)["validate"]()

    assert run.story.has("deleted")
    assert list((world.root / "dump").iterdir()) == []


def stopped(world: World, form: Fields, edit: Callable[[Fields], None] = lambda _: None) -> Run:
    """A run that stopped at its extract and keeps its dump."""

    def both(fields: Fields) -> None:
        with_dump(form)(fields)
        edit(fields)

    run = world.open_run(edit=both)
    path = world.root / "dump" / "results.csv"
    world.steps(run)["plan"]()
    path.write_bytes(path.read_bytes() + b"too;few\r\n")
    with pytest.raises(Refused, match="dump-malformed"):
        world.steps(run)["extract"]()
    assert run.story.last("dump-kept")
    return run


def sweep(world: World) -> list[bool]:
    return [done.deleted for done in execute_due(world.deployment(), "test", world.landing)]


def test_revocation_after_a_stop_deletes_the_dump_at_once(
    dumped: Callable[..., tuple[World, Fields]],
) -> None:
    world, form = dumped()
    run = stopped(world, form)
    assert sweep(world) == []
    take_back(world)

    assert sweep(world) == [True]

    assert list((world.root / "dump").iterdir()) == []
    assert str(world.root / "dump" / "results.csv") in copies(run)
    assert sweep(world) == []


def test_dump_of_a_stopped_run_that_is_held_goes_after_the_hold_when_it_was_revoked(
    dumped: Callable[..., tuple[World, Fields]],
) -> None:
    world, form = dumped()
    run = stopped(world, form)
    authorised = "Camille Moreau"
    run.hold(by(authorised), "A question is open", world.clock() + timedelta(days=1))
    take_back(world)

    assert sweep(world) == [False]  # told once
    assert sweep(world) == []
    assert list((world.root / "dump").iterdir()) != []
    world.clock.advance(days=1, minutes=1)
    assert sweep(world) == [True]
    assert list((world.root / "dump").iterdir()) == []


def test_dump_of_a_stopped_run_stays_though_its_instruction_expires(
    dumped: Callable[..., tuple[World, Fields]],
) -> None:
    world, form = dumped()
    now = world.clock()
    window = {
        "from": timestamp(now - timedelta(hours=1)),
        "until": timestamp(now + timedelta(days=1)),
    }
    stopped(world, form, lambda fields: fields.update(valid=window))
    world.clock.advance(days=2)

    assert sweep(world) == []
    assert list((world.root / "dump").iterdir()) != []
