"""Nightly increments: a month of nights, each a run of its own, gives each row exactly once."""

from __future__ import annotations

import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from remit import signing, validate
from remit.adapters.folder import FolderStore
from remit.custody import Run
from remit.errors import Refused
from remit.instruction import Instruction, parse, read_signed
from remit.instruction.interval import Interval, for_interval
from remit.ports import Rule, Verdict
from remit.receive import Delivery
from remit.seal import staging_opener
from remit.testing.world import World
from remit.wiring import open_judge

PARIS = ZoneInfo("Europe/Paris")
TABLES = {
    "results": ("result_id", "result_date"),
    "observation_history": ("observation_id", "observed_at"),
    "device_log": ("entry_id", "shown_at"),
}
"""Their keys, and the columns that date their rows: by day, by instant and by the clock on the wall."""


@dataclass
class Counting:
    """Judges the number of rows alone, as long as it is content; keeps the rules that it was given."""

    content: bool = True
    given: list[Rule] = field(default_factory=list)

    engine = "a test's judge, of row counts"

    def check(self, rules: list[Rule]) -> None:
        """Every rule will do."""

    def judge(self, extract: Any, rules: list[Rule], others: Any = None) -> list[Verdict]:
        self.given += rules
        rows = extract.count_rows()
        return [
            Verdict(r.id, r.type, (), self.content and r.kwargs.get("value", rows) == rows)
            for r in rules
        ]


# --- a laboratory that is busy for a month --------------------------------------------------------


def busy(world: World, first: date, last: date) -> None:
    """Spread the laboratory's rows over a month and the days around it, most densely in its last days.

    The device log has a row for every ten minutes that the clock on its wall showed; when clocks are
    set back it has those of that hour twice.
    """
    days = (last - first).days + 5
    start = datetime(first.year, first.month, first.day, tzinfo=PARIS) - timedelta(days=2)
    with sqlite3.connect(world.root / "lis.sqlite") as database:
        database.execute(
            f"UPDATE results SET result_date = date('{start.date()}', (rowid % {days}) || ' days')"
        )
        weighed = "site_code = 'LYO1', code = 'weightKg' WHERE rowid % 4 = 0"
        database.execute(f"UPDATE observation_history SET {weighed}")
        numbers = [row[0] for row in database.execute("SELECT rowid FROM observation_history")]
        moments = [start.astimezone(UTC) + timedelta(minutes=97 * number) for number in numbers]
        database.executemany(
            "UPDATE observation_history SET observed_at = ? WHERE rowid = ?",
            [
                (_wrapped(moment, start, days).astimezone(PARIS).isoformat(), number)
                for moment, number in zip(moments, numbers, strict=True)
            ],
        )
        database.execute(
            "CREATE TABLE device_log (entry_id INTEGER PRIMARY KEY NOT NULL,"
            " site_code TEXT NOT NULL, shown_at TIMESTAMP NOT NULL)"
        )
        ticks = (start.astimezone(UTC) + timedelta(minutes=10 * n) for n in range(days * 144))
        database.executemany(
            "INSERT INTO device_log (site_code, shown_at) VALUES ('LYO1', ?)",
            [(tick.astimezone(PARIS).replace(tzinfo=None).isoformat(),) for tick in ticks],
        )


def _wrapped(moment: datetime, start: datetime, days: int) -> datetime:
    return start.astimezone(UTC) + (moment - start.astimezone(UTC)) % timedelta(days=days)


def by_night(first: date, last: date) -> Callable[[dict[str, Any]], None]:
    """The instruction: the three tables, from the first day to before the last, night by night."""

    def edit(fields: dict[str, Any]) -> None:
        results, history = fields["tables"]
        for table in (results, history):  # a short text is read faster, and each step reads it
            kept = TABLES[table["name"]]
            table["columns"] = [one for one in table["columns"] if one["name"] in kept]
        fields["expectations"] = []
        by_run: dict[str, Any] = {"per_run": "data_interval"}
        results["rows"]["window"] |= by_run | {
            "timezone": "Europe/Paris",
            "from": first.isoformat(),
            "to": last.isoformat(),
        }
        history["rows"]["window"] |= by_run | {
            "from": _midnight(first).isoformat(),
            "to": _midnight(last).isoformat(),
        }
        window = {"column": "shown_at", "type": "timestamp", "timezone": "Europe/Paris"}
        window |= {"from": f"{first}T00:00:00", "to": f"{last}T00:00:00"}
        known = {"category": "technical", "nullable": False, "purpose": "When the device worked"}
        columns = [
            {"name": "entry_id", "type": "integer"},
            {"name": "shown_at", "type": "timestamp"},
        ]
        fields["tables"].append(
            {
                "name": "device_log",
                "rows": {"window": window | by_run, "maximum": 500},
                "columns": [column | known for column in columns],
            }
        )

    return edit


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=PARIS)


def nights_of(first: date, last: date) -> list[Interval]:
    """From 02:30 to 02:30, a time that the clocks pass twice in October and skip in March.

    The first night holds only the first two hours and a half of the month, so no day of it yet.
    """
    bounds = [
        _midnight(first + timedelta(days=day)).replace(hour=2, minute=30)
        for day in range(-1, (last - first).days + 1)
    ]
    return [Interval(start, end) for start, end in pairwise(bounds)]


class Month:
    """A month at the laboratory, and the nights of it."""

    def __init__(self, world: World, first: date, last: date) -> None:
        self.world, self.first, self.last = world, first, last
        busy(world, first, last)
        self.nights = nights_of(first, last)
        self.envelope = read_signed(world.instruct(by_night(first, last)))
        self.given: dict[str, list[Rule]] = {}

    def open(self, run: str, night: Interval) -> Run:
        opened = Run(run, self.world.deployment(), "test")
        landing = str(self.world.landing_path)
        opened.open(self.envelope, self.world.source().label, landing, night)
        return opened

    def go(self, run: str, night: Interval, judge: Any = None) -> Run:
        """One night, up to its delivery."""
        opened, judge = self.open(run, night), judge or Counting()
        self.world.deliver(opened, judge)
        self.given[run] = getattr(judge, "given", [])
        return opened

    def terms(self, night: Interval) -> Instruction:
        """The instruction as it is for a night."""
        text = (self.world.root / "include" / "instructions" / "durand.yaml").read_bytes()
        return for_interval(parse(text), night)

    def delivery(self, run: str) -> Delivery:
        folder = FolderStore(self.world.landing_path / run)
        return Delivery.open(folder, "", self.world.settings.trust())

    def delivered(self, table: str) -> list[Any]:
        """The keys of all rows of a table that lie at the landing zone, as the target reads them."""
        found = []
        for folder in sorted(self.world.landing_path.glob("[a-z]*")):
            delivery = self.delivery(folder.name)
            [entry] = [f for f in delivery.opened.manifest.files if f.table == table]
            if entry.rows:
                found += self._keys(delivery, entry)
        return found

    def _keys(self, delivery: Delivery, entry: Any) -> list[Any]:
        key = signing.load_recipient(str(self.world.root / "target" / "recipient.pem"))
        with delivery.file(entry, key) as opened:
            batches = list(opened.batches())
        return [
            one for batch in batches for one in batch.column(TABLES[entry.table][0]).to_pylist()
        ]

    def instructed(self, table: str) -> list[Any]:
        """The keys of all rows of the month, as a person would look for them."""
        key, dated = TABLES[table]
        rule = {
            "results": f"{dated} >= '{self.first}' AND {dated} < '{self.last}'",
            "observation_history": f"unixepoch({dated}) >= {_midnight(self.first).timestamp()}"
            f" AND unixepoch({dated}) < {_midnight(self.last).timestamp()}"
            " AND code IN ('bloodGroup', 'smoker', 'weightKg')",
            "device_log": f"{dated} >= '{self.first}' AND {dated} < '{self.last}'",
        }[table]
        with sqlite3.connect(self.world.root / "lis.sqlite") as database:
            rows = database.execute(
                f"SELECT {key} FROM {table} WHERE {rule} AND site_code IN ('LYO1', 'LYO2')"
            )
            return [row[0] for row in rows]


@pytest.fixture(scope="module")
def make_month(
    tmp_path_factory: pytest.TempPathFactory, laboratory_file: Path
) -> Callable[[date, date], Month]:
    def make(first: date, last: date) -> Month:
        root = tmp_path_factory.mktemp("month")
        shutil.copyfile(laboratory_file, root / "lis.sqlite")
        return Month(World(root), first, last)

    return make


MONTHS = {
    "March": (date(2024, 3, 1), date(2024, 4, 1)),
    "October": (date(2024, 10, 1), date(2024, 11, 1)),
}


@pytest.fixture(scope="module", params=MONTHS)
def month(
    request: pytest.FixtureRequest, make_month: Callable[[date, date], Month]
) -> Iterator[Month]:
    """Every night of the month, run and delivered, in the order of a backfill: the newest first."""
    made = make_month(*MONTHS[request.param])
    for night in reversed(made.nights):
        made.go(f"night-{night.start:%Y-%m-%d}", night)
    return made


@pytest.fixture
def week(make_month: Callable[[date, date], Month]) -> Month:
    """The week in which the clocks are set back, with no night run yet."""
    return make_month(date(2024, 10, 24), date(2024, 10, 31))


# --- the month ------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", TABLES)
def test_the_nights_together_deliver_each_row_of_the_month_exactly_once(
    month: Month, table: str
) -> None:
    delivered = Counter(month.delivered(table))

    assert set(delivered.values()) == {1}
    assert set(delivered) == set(month.instructed(table))
    assert len(delivered) > 30


def test_the_month_has_a_night_in_which_the_clocks_change(month: Month) -> None:
    changed = [
        night
        for night in month.nights
        if night.start.astimezone(PARIS).utcoffset() != night.end.astimezone(PARIS).utcoffset()
    ]

    assert len(month.nights) == 32
    assert {night.end - night.start for night in month.nights} > {timedelta(days=1)}
    assert len(changed) == 1


def test_each_manifest_carries_the_nights_own_interval(month: Month) -> None:
    for night in month.nights:
        manifest = month.delivery(f"night-{night.start:%Y-%m-%d}").opened.manifest

        assert manifest.interval is not None
        assert manifest.interval.model_dump() == night.as_json()


def test_validation_is_told_the_nights_own_window(month: Month) -> None:
    held = []
    for night in month.nights:
        rules = month.given[f"night-{night.start:%Y-%m-%d}"]
        scopes = [rule.kwargs["scope"] for rule in rules if rule.id == "remit.scope"]
        held.append([limit for scope in scopes for limit in scope if "from" in limit])

    days = [(windows[0]["from"], windows[0]["until"]) for windows in held]
    dates = [month.first + timedelta(days=n) for n in range((month.last - month.first).days + 1)]
    assert days == [(str(d), str(following)) for d, following in pairwise([dates[0], *dates])]
    assert {len(windows) for windows in held} == {3}
    for place in (1, 2):
        assert all(
            windows[place]["until"] == following[place]["from"]
            for windows, following in pairwise(held)
        )


def test_no_night_can_be_run_again_under_another_run_id(month: Month) -> None:
    for night in month.nights[:: len(month.nights) // 4]:
        with pytest.raises(Refused, match="interval-taken"):
            month.open(f"again-{night.start:%Y-%m-%d}", night)
    assert not list(month.world.landing_path.glob("again-*"))


def test_the_evidence_of_the_month_tells_each_nights_interval(month: Month) -> None:
    runs = [f"night-{night.start:%Y-%m-%d}" for night in month.nights]
    stories = [Run(run, month.world.deployment(), "test").story for run in runs]

    assert [story.last("opened")["interval"] for story in stories] == [
        night.as_json() for night in month.nights
    ]


# --- single nights --------------------------------------------------------------------------------


def test_a_night_that_was_stopped_can_be_run_again(week: Month) -> None:
    for number, night in enumerate(week.nights):
        if number == 3:
            with pytest.raises(Refused, match="validation-failed"):
                week.go("stopped-night", night, Counting(content=False))
            with pytest.raises(Refused, match="run-ended"):
                week.world.deliver(Run("stopped-night", week.world.deployment(), "test"))
        week.go(f"night-{number}", night)

    assert not (week.world.landing_path / "stopped-night").exists()
    for table in TABLES:
        assert sorted(week.delivered(table)) == sorted(week.instructed(table))


def test_a_night_that_was_interrupted_goes_on_as_the_same_run(
    week: Month, monkeypatch: pytest.MonkeyPatch
) -> None:
    night = week.nights[2]
    begun = week.open("night", night)
    begun.plan(week.world.source(), week.world.landing(), Counting())
    with monkeypatch.context() as patch:
        patch.setattr("remit.extract.extract", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            begun.extract(week.world.source(), lambda *_: None)

    week.go("night", night)

    assert len(week.delivered("results")) > 0
    assert set(week.delivered("results")) <= set(week.instructed("results"))


def test_a_row_entered_late_for_an_earlier_night_is_not_picked_up(week: Month) -> None:
    """What docs/intervals.md warns of."""
    week.go("night-0", week.nights[0])
    with sqlite3.connect(week.world.root / "lis.sqlite") as database:
        database.execute(
            "INSERT INTO device_log VALUES (99999, 'LYO1', ?)", (f"{week.first}T01:00:00",)
        )
    for number, night in enumerate(week.nights[1:], 1):
        week.go(f"night-{number}", night)

    assert 99_999 in week.instructed("device_log")
    assert 99_999 not in week.delivered("device_log")


def test_a_night_without_rows_is_delivered_as_such(week: Month) -> None:
    with sqlite3.connect(week.world.root / "lis.sqlite") as database:
        for table in TABLES:
            database.execute(f"DELETE FROM {table}")

    week.go("night", week.nights[0])

    assert [file.rows for file in week.delivery("night").opened.manifest.files] == [0, 0, 0]


def test_validation_finds_rows_of_another_night(week: Month) -> None:
    """Judged by Great Expectations: the rule that follows from the window is the night's own."""
    night, other = week.nights[2:4]
    judge, deployment = open_judge(), week.world.deployment()
    run = week.open("night", night)
    run.plan(week.world.source(), week.world.landing(), Counting())
    run.extract(week.world.source(), lambda *_: None)
    opener = staging_opener(deployment.keys, run.id, run.story.staging_key)

    def verdicts(asked: Interval) -> list[bool]:
        report = validate.validate(
            run.instruction().narrowed(week.terms(asked)),
            run.id,
            run.story.last("extracted")["files"],
            deployment.staging,
            opener,
            judge,
            deployment.suites,
        )
        found = [verdict for table in report.tables for verdict in table.verdicts]
        return [verdict.success for verdict in found if verdict.rule == "remit.scope"]

    assert verdicts(night) == [True, True, True]
    assert verdicts(other) == [False, False, False]
