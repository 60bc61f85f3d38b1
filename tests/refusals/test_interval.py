"""What a run by night refuses: no interval, none that holds time, one outside, one taken already."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from remit.custody import Run, history
from remit.errors import Refused
from remit.instruction import read_signed
from remit.instruction.interval import Interval
from remit.testing.world import World
from remit.wiring import open_source

Fields = dict[str, Any]
STEPS = ["plan", "extract", "validate", "seal", "deliver"]
PARIS = "+01:00"
NIGHT = f"2024-03-05T02:00:00{PARIS}/2024-03-06T02:00:00{PARIS}"
NEXT = f"2024-03-06T02:00:00{PARIS}/2024-03-07T02:00:00{PARIS}"


def nightly(fields: Fields) -> None:
    results, history = (table["rows"]["window"] for table in fields["tables"])
    results |= {"per_run": "data_interval", "timezone": "Europe/Paris"}
    history["per_run"] = "data_interval"


def interval(text: str) -> Interval:
    return Interval(*map(datetime.fromisoformat, text.split("/")))


class Nights:
    """Opens runs for nights under one signed instruction, at a laboratory that works by night."""

    def __init__(self, world: World, judge: Any) -> None:
        self.world, self.judge = world, judge
        with sqlite3.connect(world.root / "lis.sqlite") as database:
            date = "date('2024-03-05', (rowid % 2) || ' days')"
            database.execute(f"UPDATE results SET result_date = {date}")
            moment = "date('2024-03-05', (rowid % 2) || ' days') || 'T12:00:00Z'"
            database.execute(f"UPDATE observation_history SET observed_at = {moment}")
        self.envelope = read_signed(world.instruct(nightly))

    def open(self, run: str, night: str | None, source: str = "") -> Run:
        opened = Run(run, self.world.deployment(), "test")
        label, landing = source or self.world.source().label, str(self.world.landing_path)
        opened.open(self.envelope, label, landing, interval(night) if night else None)
        return opened

    def go(self, run: Run, last: str = "deliver") -> Run:
        for name, step in self.world.steps(run, self.judge).items():
            step()
            if name == last:
                break
        return run


@pytest.fixture
def nights(world: World, judge: Any) -> Nights:
    return Nights(world, judge)


def kinds(run: Run) -> list[str]:
    return [record.kind for record in run.story.records]


# --- the interval itself --------------------------------------------------------------------------


@pytest.mark.vector("interval-missing")
def test_run_without_an_interval(nights, refuses, left_nothing) -> None:
    with refuses(at="instruction durand-2026", saying="this run has none"):
        nights.open("durand-test", None)
    left_nothing(nights.world)


@pytest.mark.vector("interval-missing")
def test_command_without_an_interval(world, cli, left_nothing) -> None:
    options = ("--source", world.source_url, "--landing", world.landing_path)

    cli.refused("run", world.instruct(nightly), *options, at="durand-2026", saying="has none")
    left_nothing(world)


@pytest.mark.vector("interval-empty")
@pytest.mark.parametrize("length", [timedelta(), timedelta(days=-1), timedelta(milliseconds=1)])
def test_interval_that_ends_where_it_begins_or_before(nights, refuses, length) -> None:
    start = datetime.fromisoformat(f"2024-03-05T02:00:00{PARIS}")
    run = Run("durand-test", nights.world.deployment(), "test")

    with refuses(at="data interval 2024-03-05T01:00:00Z", saying="does not end after it begins"):
        run.open(nights.envelope, "source", "landing", Interval(start, start + length))
    assert kinds(run) == ["refused"]


@pytest.mark.vector("interval-outside-window")
@pytest.mark.parametrize(
    ("night", "at"),
    [
        (f"2023-12-31T00:00:00{PARIS}/2024-01-01T00:00:00{PARIS}", "2023-12-30T23:00:00Z"),
        (f"2025-01-01T00:00:00{PARIS}/2025-01-02T00:00:00{PARIS}", "2024-12-31T23:00:00Z"),
    ],
    ids=["just before", "just after"],
)
def test_interval_outside_every_window(nights, refuses, left_nothing, night, at) -> None:
    saying = "outside what is instructed: result_date from 2024-01-01 to before 2025-01-01"
    with refuses(at=f"data interval {at}", saying=saying):
        nights.open("durand-test", night)
    left_nothing(nights.world)


@pytest.mark.vector("run-pinned")
def test_run_taken_up_for_another_interval(nights, refuses) -> None:
    nights.open("durand-test", NIGHT)

    with refuses(at="run durand-test", saying="or data interval"):
        nights.open("durand-test", NEXT)


# --- an interval that another run took ------------------------------------------------------------


@pytest.mark.vector("interval-taken")
@pytest.mark.parametrize("last", STEPS[1:])
def test_same_interval_under_another_run_id(nights, refuses, last) -> None:
    first = nights.go(nights.open("first", NIGHT), last)
    before = kinds(first)

    with refuses(at="data interval 2024-03-05T01:00:00Z", saying="run first takes rows"):
        nights.open("second", NIGHT)
    assert kinds(first) == before
    assert kinds(Run("second", nights.world.deployment(), "test")) == ["refused"]


@pytest.mark.vector("interval-taken")
@pytest.mark.parametrize(
    "night",
    [
        f"2024-03-05T01:00:00{PARIS}/2024-03-05T02:00:01{PARIS}",
        f"2024-03-06T01:59:59{PARIS}/2024-03-06T03:00:00{PARIS}",
        f"2024-03-05T12:00:00{PARIS}/2024-03-05T13:00:00{PARIS}",
        f"2024-03-01T02:00:00{PARIS}/2024-04-01T02:00:00{PARIS}",
    ],
    ids=["its first second", "its last second", "a part of it", "the month around it"],
)
def test_interval_that_overlaps_one_that_was_taken(nights, refuses, night) -> None:
    nights.go(nights.open("first", NIGHT), "extract")

    with refuses(at=f"data interval {interval(night).as_json()['start']}", saying="given twice"):
        nights.open("second", night)


@pytest.mark.vector("interval-taken")
def test_same_interval_under_a_new_version(nights, refuses) -> None:
    first = nights.go(nights.open("first", NIGHT))
    nights.world.ingest(first)
    first.confirm(nights.world.landing())
    digest = first.story.last("opened")["instruction"]["digest"]

    def renewed(fields: Fields) -> None:
        nightly(fields)
        fields |= {"version": 2, "supersedes": {"version": 1, "digest": digest}}

    nights.envelope = read_signed(nights.world.instruct(renewed))
    with refuses(at="data interval 2024-03-05T01:00:00Z", saying="run first takes rows"):
        nights.open("second", NIGHT)


@pytest.mark.vector("interval-taken")
def test_interval_whose_run_was_confirmed_and_deleted(nights, refuses) -> None:
    first, world = nights.go(nights.open("first", NIGHT)), nights.world
    world.ingest(first)
    first.confirm(world.landing())
    first.delete(world.landing)
    assert kinds(first)[-1] == "deleted"

    with refuses(at="data interval 2024-03-05T01:00:00Z", saying="given twice"):
        nights.open("second", NIGHT)


@pytest.mark.vector("interval-taken")
def test_command_for_an_interval_that_was_taken(nights, cli, monkeypatch) -> None:
    world = nights.world
    monkeypatch.setattr("remit.cli.runs.open_judge", lambda: nights.judge)
    file = world.root / "include" / "instructions" / "durand.yaml"
    command = ("run", file, "--source", world.source_url)
    command += ("--landing", world.landing_path, "--interval", NIGHT)
    assert cli(*command, "--run", "first")[0] == 0

    cli.refused(*command, at="data interval 2024-03-05T01:00:00Z", saying="run first takes rows")


@pytest.mark.vector("interval-taken")
def test_run_whose_interval_another_took_since_it_was_planned(nights, refuses) -> None:
    second = nights.go(nights.open("second", NIGHT), "plan")
    first = nights.go(nights.open("first", NIGHT), "extract")

    with refuses(at="data interval 2024-03-05T01:00:00Z", saying="run first takes rows"):
        nights.go(second)
    assert kinds(second)[-1] == "refused"
    assert not second.story.has("obliged")
    nights.go(first)
    assert kinds(first)[-1] == "delivered"


@pytest.mark.vector("interval-taken")
def test_of_two_runs_that_begin_at_once_the_first_in_the_evidence_goes_on(
    nights: Nights, refuses: Any, stopped: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (nights.go(nights.open(run, NIGHT), "plan") for run in ("first", "second"))
    oblige, asked = Run._oblige, []

    def both_have_looked(run: Run, *given: Any) -> Any:
        """What `second` does when `first` records its beginning just before it does."""
        asked.append(run.id)
        if run.id == "second":
            oblige(first, *given)
        return oblige(run, *given)

    monkeypatch.setattr(Run, "_oblige", both_have_looked)
    with refuses(at="data interval 2024-03-05T01:00:00Z", saying="run first takes rows"):
        nights.go(second)

    assert kinds(second)[-3:] == ["refused", "stopped", "deleted"]
    nights.go(first)
    assert kinds(first)[-1] == "delivered"
    assert asked == ["second", "first"]
    assert not (nights.world.root / "processor" / "staging" / "second").exists()


# --- what does not stand in the way ---------------------------------------------------------------


def test_intervals_that_meet_are_both_taken(nights) -> None:
    for run, night in (("first", NIGHT), ("second", NEXT)):
        nights.go(nights.open(run, night), "extract")


def test_another_source_has_rows_of_its_own(nights) -> None:
    (nights.world.root / "other.sqlite").write_bytes(
        (nights.world.root / "lis.sqlite").read_bytes()
    )
    other = open_source(f"sqlite:///{nights.world.root / 'other.sqlite'}")
    nights.go(nights.open("first", NIGHT), "extract")

    assert kinds(nights.open("second", NIGHT, other.label)) == ["opened"]


@pytest.mark.parametrize("last", ["", "plan"])
def test_a_run_that_took_nothing_yet_stands_in_nobodys_way(nights, last) -> None:
    """Its plan may have been refused, and it may never be taken up again."""
    first = nights.open("first", NIGHT)
    if last:
        nights.go(first, last)

    second = nights.go(nights.open("second", NIGHT))

    assert kinds(second)[-1] == "delivered"


def test_a_run_that_was_deleted_without_a_receipt_does_not_count(nights) -> None:
    first = nights.go(nights.open("first", NIGHT))
    nights.world.clock.advance(days=8)
    first.delete(nights.world.landing)

    assert kinds(nights.go(nights.open("second", NIGHT)))[-1] == "delivered"


def test_a_run_that_a_refusal_ended_does_not_count_even_if_it_died_before_it_was_stopped(
    nights, monkeypatch
) -> None:
    first = nights.go(nights.open("first", NIGHT), "extract")
    (nights.world.root / "processor" / "keyring" / "first.key").unlink()
    monkeypatch.setattr(Run, "_stop", lambda *_: None)
    with pytest.raises(Refused, match="staging-key-gone"):
        first.validate(nights.judge)
    assert kinds(first)[-1] == "refused"

    assert kinds(nights.go(nights.open("second", NIGHT)))[-1] == "delivered"


def test_only_the_first_that_took_the_interval_is_named(nights) -> None:
    first = nights.go(nights.open("first", NIGHT), "extract")
    opened, key = first.story.last("opened"), first.instruction().terms.key
    asked = (opened["source"], opened["interval"])
    ledger = nights.world.deployment().log.ledger

    assert history.overlapping_run(ledger, key, *asked, "first") is None
    assert history.overlapping_run(ledger, key, *asked, "second") == "first"
    assert history.overlapping_run(ledger, (key[0], "another"), *asked, "second") is None
    assert history.overlapping_run(ledger, ("another", key[1]), *asked, "second") is None
