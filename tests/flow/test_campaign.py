"""The campaign of faults: a few of its seeds, and that it would notice what it looks for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from remit.errors import UsageError
from remit.testing.campaign import held
from remit.testing.campaign.driver import fill
from remit.testing.campaign.party import RUN, Party, RowCounter
from remit.testing.campaign.places import placed, small_disk
from remit.testing.campaign.play import Driver, play
from remit.testing.world import World

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def driver() -> Iterator[Driver]:
    with Driver() as started:
        yield started


SEEDS = [("folder", seed) for seed in range(1001, 1007)] + [("s3", 1002), ("sftp", 1003)]


@pytest.mark.parametrize(("kind", "seed"), SEEDS)
def test_run_that_is_disturbed_ends_deleted_or_with_a_reason(
    kind: str, seed: int, driver: Driver, tmp_path: Path
) -> None:
    with small_disk(tmp_path / "disk"):
        root = tmp_path / "disk" / "seed"
        root.mkdir(mode=0o700)
        with placed(kind, root, 40) as place:
            played = play(seed, kind, place, driver)

    assert played.findings == []
    assert played.ended.startswith(("deleted", "nothing extracted"))
    assert played.strikes


def party(world: World) -> Party:
    return Party(world.root, world.environment, str(world.landing_path))


def delivered(world: World) -> None:
    world.deliver(world.open_run(RUN), RowCounter())


Spoil = Callable[[World], object]
SPOILT: dict[str, tuple[Spoil, str]] = {
    "a value beside the staged files": (
        lambda world: (world.root / "processor" / "note.txt").write_text(
            next(iter(world.laboratory.planted()))
        ),
        "plaintext on disk",
    ),
    "a delivered file cut short": (
        lambda world: cut(world.landing_path / RUN / "results.parquet"),
        "a delivery in sight is not whole: Refused",
    ),
    "a delivery without one of its files": (
        lambda world: (world.landing_path / RUN / "results.parquet").unlink(),
        "a delivery in sight is not whole: Refused",
    ),
}


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


@pytest.mark.parametrize(("spoil", "finding"), SPOILT.values(), ids=SPOILT)
def test_what_a_thief_or_target_would_see_is_a_finding(
    world: World, spoil: Spoil, finding: str
) -> None:
    delivered(world)
    planted = list(world.laboratory.planted())
    assert held.in_between(party(world), planted) == []

    spoil(world)

    assert held.in_between(party(world), planted) == [finding]


def test_what_is_left_of_a_run_is_a_finding(world: World) -> None:
    delivered(world)

    found = held.at_the_end(party(world))

    assert "a duty to delete is left: not deleted (delivered)" in found
    assert [one.split(":")[0] for one in found if "left in" in one] == [
        f"left in {world.root / 'processor' / 'staging'}",
        f"left in {world.landing_path}",
    ]


def test_evidence_that_was_cut_is_a_finding(world: World) -> None:
    delivered(world)
    (world.root / "processor" / "witness.dsse.json").unlink()
    ledger = world.root / "processor" / "evidence.sqlite"
    data = bytearray(ledger.read_bytes())
    place = data.index(b'"kind":"validated"')
    data[place + 9] ^= 1
    ledger.write_bytes(bytes(data))

    assert "the evidence does not verify" in held.at_the_end(party(world))[0]


def test_disk_that_others_need_is_not_filled(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="only a small disk"):
        fill(tmp_path)

    assert list(tmp_path.iterdir()) == []
