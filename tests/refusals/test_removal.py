"""What others put into a landing zone, or what becomes of it, keeps no copy from being deleted."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from remit import canonical, signing
from remit.adapters.folder_landing import FolderLanding
from remit.confirm import PAYLOAD_TYPE
from remit.custody import Run, execute_due
from remit.errors import Refused, Unavailable
from remit.testing.world import World

pytestmark = pytest.mark.slow

RUNS = ("durand-one", "durand-two")
PERSON = "DUPONT Jeanne 1971.txt"


@pytest.fixture
def delivered(world: World, judge: Any) -> list[Run]:
    """Two runs that were delivered, and are due."""
    runs = [world.open_run(name) for name in RUNS]
    for run in runs:
        world.deliver(run, judge)
    world.clock.advance(days=8)
    return runs


def left(world: World) -> list[str]:
    """What is left of the runs; a name may be no Unicode."""
    places = (world.root / "processor" / "staging", world.landing_path)
    return [
        os.fsencode(path.name).decode("latin-1")
        for place in places
        for path in place.rglob("*")
        if path.is_file() and ".remit" not in path.parts
    ]


def add_odd_name(world: World) -> None:
    (Path(os.fsdecode(os.fsencode(world.landing_path / RUNS[0]) + b"/\xff"))).write_bytes(b"x")


def add_person(world: World) -> None:
    (world.landing_path / RUNS[0] / PERSON).write_bytes(b"x")


def add_huge_counts(world: World) -> None:
    """A receipt that the target did sign, of more rows than a number of JSON can tell."""
    run = Run(RUNS[0], world.deployment(), "test")
    folder = world.landing_path / run.id
    world.ingest(run)
    path = folder / "receipt.dsse.json"
    fields = json.loads(signing.unverified_payload(path.read_bytes(), PAYLOAD_TYPE, "it"))
    for file in fields["files"]:
        file["received"] = 2**53 - 1
    signer = signing.load_signer(str(world.root / "target" / "receipts.pem"))
    path.write_bytes(signing.sign(canonical.dumps(fields), PAYLOAD_TYPE, signer))


@pytest.mark.parametrize("add", [add_odd_name, add_person, add_huge_counts])
def test_what_others_put_there_keeps_no_run_from_being_deleted(
    world: World, delivered: list[Run], add: Callable[[World], None]
) -> None:
    add(world)

    done = list(execute_due(world.deployment(), "test", world.landing))

    assert [one.deleted for one in done] == [True, True]
    assert [name for name in left(world) if name != "receipt.dsse.json"] == []


def test_a_name_that_remit_did_not_give_is_in_no_evidence(
    world: World, delivered: list[Run]
) -> None:
    add_person(world)

    list(execute_due(world.deployment(), "test", world.landing))

    story = delivered[0].story
    found = [copy["where"] for copy in story.last("deleting")["copies"]]
    assert len([where for where in found if "(not shown, sha256 " in where]) == 1
    assert len(found) == 7
    everything = b"".join(record.body() for record in story.records)
    assert b"DUPONT" not in everything
    assert b"Jeanne" not in everything


@pytest.mark.vector("landing-untried")
def test_zone_that_is_full_is_emptied_all_the_same(
    world: World, delivered: list[Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: FolderLanding, room: int = 0) -> None:
        raise Unavailable(self.label, f"{os.strerror(errno.ENOSPC)}.")

    monkeypatch.setattr(FolderLanding, "preflight", full)

    done = list(execute_due(world.deployment(), "test", world.landing))

    assert [one.deleted for one in done] == [True, True]
    assert left(world) == []
    refusal = delivered[0].story.last("refused")["refusal"]
    assert refusal["code"] == "landing-untried"
    assert os.strerror(errno.ENOSPC) in refusal["message"]


@pytest.mark.parametrize("what", ["refused", "away"])
def test_zone_whose_receipts_cannot_be_read_keeps_nothing_that_is_staged(
    world: World, delivered: list[Run], monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    def unread(self: Run, landing: Any) -> list[bytes]:
        if what == "away":
            raise Unavailable("the zone", "it does not answer.")
        raise Refused("landing-host-key-differs", "the zone", "another server.", "find out.")

    monkeypatch.setattr(Run, "envelopes", unread)

    for run in delivered:
        assert run.delete(world.landing) is True
    assert left(world) == []
