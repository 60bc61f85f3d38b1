"""A dump that only exists whole, from instruction to certificate, and nothing of its excess anywhere."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from remit import signing
from remit.custody import Run, due, execute_due
from remit.errors import Refused, Unavailable
from remit.instruction import digest_of, parse
from remit.instruction.revocation import revocation_path, revoke
from remit.testing.canaries import find_planted
from remit.testing.laboratory import Laboratory
from remit.testing.world import World

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
    assert list((world.root / "processor" / "keyring").iterdir()) == []
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


def test_revoked_instruction_keeps_no_dump(dumped: Callable[..., tuple[World, Fields]]) -> None:
    world, form = dumped()
    run = world.open_run(edit=with_dump(form))
    extracted(world, run)
    path = world.root / "include" / "instructions" / "durand.yaml"
    text, signer = (
        path.read_bytes(),
        signing.load_signer(str(world.root / "controller" / "controller.pem")),
    )
    envelope = revoke(
        parse(text), digest_of(text), "The dump was made by mistake", world.clock(), signer
    )
    revocation_path(path).write_bytes(envelope)

    with pytest.raises(Refused, match="instruction-revoked"):
        world.steps(run)["validate"]()

    assert run.story.has("deleted")
    assert list((world.root / "dump").iterdir()) == []
