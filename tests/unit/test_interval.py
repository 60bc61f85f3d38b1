"""Windows that are taken run by run: what of them is one interval's, and that each row is once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from itertools import pairwise
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from remit.errors import Refused
from remit.instruction import Instruction, problems_of
from remit.instruction.interval import Interval, asks_for_interval, for_interval
from remit.instruction.rows import Rows, WindowRule
from remit.testing.controller import _TEMPLATE

Fields = dict[str, Any]
PARIS = "Europe/Paris"


def window(kind: str, start: str, end: str, zone: str | None = PARIS) -> Fields:
    found = {"column": f"a_{kind}", "type": kind, "from": start, "to": end}
    found["per_run"] = "data_interval"
    return found | ({} if kind == "timestamptz" else {"timezone": zone})


def _base() -> Instruction:
    found = yaml.safe_load(_TEMPLATE)
    found["processor"]["signing_key"] = "ed25519:" + "A" * 43 + "="
    found["recipients"][0] |= {
        "key": "x25519:CQ" + "A" * 41 + "=",
        "receipt_key": "ed25519:" + "A" * 43 + "=",
    }
    found["valid"] = {"from": "2026-01-01T00:00:00Z", "until": "2027-01-01T00:00:00Z"}
    found["expectations"] = []
    terms = problems_of(yaml.safe_dump(found).encode())
    assert isinstance(terms, Instruction), terms
    return terms


BASE = _base()


def instructed(*rows: Fields) -> Instruction:
    """An instruction of as many tables as there are rules for rows."""
    tables = [
        BASE.tables[0].model_copy(
            update={"name": f"t{number}", "rows": Rows.model_validate({"maximum": 9} | rule)}
        )
        for number, rule in enumerate(rows)
    ]
    return BASE.model_copy(update={"tables": tables})


def interval(start: str, end: str) -> Interval:
    return Interval(datetime.fromisoformat(start), datetime.fromisoformat(end))


def windows(terms: Instruction) -> list[WindowRule]:
    return [found for table in terms.tables for found in table.rows.windows()]


def cut(rule: Fields, start: str, end: str) -> tuple[str, str]:
    """What of a window is an interval's."""
    [found] = windows(for_interval(instructed({"window": rule}), interval(start, end)))
    return found.start, found.end


def refusal(terms: Instruction, given: Interval | None) -> Refused:
    with pytest.raises(Refused) as caught:
        for_interval(terms, given)
    return caught.value


YEAR = {
    "date": window("date", "2024-01-01", "2025-01-01"),
    "timestamp": window("timestamp", "2024-01-01T00:00:00", "2025-01-01T00:00:00"),
    "timestamptz": window("timestamptz", "2024-01-01T00:00:00+01:00", "2025-01-01T00:00:00+01:00"),
}
KINDS = pytest.mark.parametrize("kind", YEAR)


# --- intervals ------------------------------------------------------------------------------------


def test_an_interval_is_in_utc_to_the_second() -> None:
    offset = timezone(timedelta(hours=2))
    given = Interval(
        datetime(2024, 7, 1, 2, 0, 0, 999_999, offset), datetime(2024, 7, 2, 2, tzinfo=offset)
    )

    assert given == interval("2024-07-01T00:00:00Z", "2024-07-02T00:00:00Z")
    assert given.as_json() == {"start": "2024-07-01T00:00:00Z", "end": "2024-07-02T00:00:00Z"}
    assert Interval.from_json(given.as_json()) == given


def test_an_interval_keeps_no_class_of_time_that_reckons_by_itself() -> None:
    class Reckoning(datetime):
        pass

    given = Interval(
        Reckoning(2024, 7, 1, tzinfo=ZoneInfo(PARIS)), Reckoning(2024, 7, 2, tzinfo=UTC)
    )

    assert {type(given.start), type(given.end)} == {datetime}
    assert given.start.tzinfo is given.end.tzinfo is UTC


@pytest.mark.parametrize(
    "time",
    [
        datetime(2024, 7, 1),
        datetime.min.replace(tzinfo=timezone(timedelta(hours=14))),
        datetime.max.replace(tzinfo=UTC),
    ],
    ids=["without an offset", "first year", "last year"],
)
def test_a_time_that_cannot_bound_an_interval(time: datetime) -> None:
    usual = datetime(2024, 7, 1, tzinfo=UTC)

    with pytest.raises(ValueError, match="an interval"):
        Interval(time, usual)
    with pytest.raises(ValueError, match="an interval"):
        Interval(usual, time)


# --- what is an interval's ------------------------------------------------------------------------

NIGHT = ("2024-03-05T02:00:00+01:00", "2024-03-06T02:00:00+01:00")


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("date", ("2024-03-05", "2024-03-06")),
        ("timestamp", ("2024-03-05T02:00:00", "2024-03-06T02:00:00")),
        ("timestamptz", ("2024-03-05T01:00:00Z", "2024-03-06T01:00:00Z")),
    ],
)
def test_a_night_in_the_time_of_each_type(kind: str, expected: tuple[str, str]) -> None:
    assert cut(YEAR[kind], *NIGHT) == expected


def test_instants_are_the_same_however_they_are_written() -> None:
    for rule in YEAR.values():
        assert cut(rule, *NIGHT) == cut(rule, "2024-03-05T01:00:00Z", "2024-03-05T15:00:00-10:00")


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("date", ("2024-01-01", "2024-01-02")),
        ("timestamp", ("2024-01-01T00:00:00", "2024-01-02T02:00:00")),
        ("timestamptz", ("2023-12-31T23:00:00Z", "2024-01-02T01:00:00Z")),
    ],
)
def test_the_windows_own_start_limits_the_interval(kind: str, expected: tuple[str, str]) -> None:
    assert cut(YEAR[kind], "2023-12-30T02:00:00+01:00", "2024-01-02T02:00:00+01:00") == expected


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("date", ("2024-12-31", "2025-01-01")),
        ("timestamp", ("2024-12-31T02:00:00", "2025-01-01T00:00:00")),
        ("timestamptz", ("2024-12-31T01:00:00Z", "2024-12-31T23:00:00Z")),
    ],
)
def test_the_windows_own_end_limits_the_interval(kind: str, expected: tuple[str, str]) -> None:
    assert cut(YEAR[kind], "2024-12-31T02:00:00+01:00", "2025-01-09T02:00:00+01:00") == expected


def test_a_day_is_the_intervals_that_contains_its_end() -> None:
    day = YEAR["date"]

    for hour in range(23):
        start, end = f"2024-03-05T{hour:02}:00:00+01:00", f"2024-03-05T{hour + 1:02}:00:00+01:00"
        assert cut(day, start, end) == ("2024-03-05", "2024-03-05")
    assert cut(day, "2024-03-05T23:00:00+01:00", "2024-03-06T00:00:00+01:00") == (
        "2024-03-05",
        "2024-03-06",
    )


BOUNDS = [
    # Clocks set back from 03:00 to 02:00.
    ("Europe/Paris", "timestamp", "2024-10-26T23:59:59Z", "2024-10-27T01:59:59", "before"),
    ("Europe/Paris", "timestamp", "2024-10-27T00:00:00Z", "2024-10-27T02:00:00", "it begins"),
    ("Europe/Paris", "timestamp", "2024-10-27T00:30:00Z", "2024-10-27T02:00:00", "first passing"),
    ("Europe/Paris", "timestamp", "2024-10-27T00:59:59Z", "2024-10-27T02:00:00", "its last second"),
    ("Europe/Paris", "timestamp", "2024-10-27T01:00:00Z", "2024-10-27T02:00:00", "second passing"),
    ("Europe/Paris", "timestamp", "2024-10-27T01:30:00Z", "2024-10-27T02:30:00", "halfway"),
    ("Europe/Paris", "timestamp", "2024-10-27T02:00:00Z", "2024-10-27T03:00:00", "after"),
    # Clocks set forward from 02:00 to 03:00.
    ("Europe/Paris", "timestamp", "2024-03-31T00:59:59Z", "2024-03-31T01:59:59", "before"),
    ("Europe/Paris", "timestamp", "2024-03-31T01:00:00Z", "2024-03-31T03:00:00", "after"),
    # Set back by half an hour, from 02:00 to 01:30.
    ("Australia/Lord_Howe", "timestamp", "2024-04-06T14:29:59Z", "2024-04-07T01:29:59", "before"),
    ("Australia/Lord_Howe", "timestamp", "2024-04-06T14:45:00Z", "2024-04-07T01:30:00", "first"),
    ("Australia/Lord_Howe", "timestamp", "2024-04-06T15:15:00Z", "2024-04-07T01:45:00", "second"),
    # An offset that is no whole hour.
    ("America/St_Johns", "timestamp", "2024-11-03T04:00:00Z", "2024-11-03T01:00:00", "first"),
    ("America/St_Johns", "timestamp", "2024-11-03T05:00:00Z", "2024-11-03T01:30:00", "second"),
    ("Asia/Kolkata", "timestamp", "2024-03-31T00:15:00Z", "2024-03-31T05:45:00", "always"),
    # Days.
    ("Europe/Paris", "date", "2024-10-27T00:30:00Z", "2024-10-27", "first passing"),
    ("Asia/Kolkata", "date", "2024-03-31T18:29:59Z", "2024-03-31", "before midnight"),
    ("Asia/Kolkata", "date", "2024-03-31T18:30:00Z", "2024-04-01", "at midnight"),
    # Set back over midnight, from 00:01 to 23:01: the day that had ended goes on.
    ("America/St_Johns", "date", "2010-11-07T02:30:30Z", "2010-11-06", "first passing"),
    ("America/St_Johns", "date", "2010-11-07T03:29:59Z", "2010-11-06", "second passing"),
    ("America/St_Johns", "date", "2010-11-07T03:30:00Z", "2010-11-07", "midnight again"),
]


@pytest.mark.parametrize(("zone", "kind", "moment", "expected", "_when"), BOUNDS)
def test_a_bound_where_the_clocks_change(
    zone: str, kind: str, moment: str, expected: str, _when: str
) -> None:
    whole = ("2000-01-01", "2030-01-01")
    if kind == "timestamp":
        whole = (f"{whole[0]}T00:00:00", f"{whole[1]}T00:00:00")
    rule = window(kind, *whole, zone)

    assert cut(rule, "1999-06-01T00:00:00Z", moment) == (whole[0], expected)
    assert cut(rule, moment, "2031-01-01T00:00:00Z") == (expected, whole[1])


def test_windows_of_other_tables_that_membership_leads_through_are_cut_as_well() -> None:
    sites = {"column": "site", "in": ["LYO1"]}
    join = [{"column": "id", "to": "id", "type": "integer"}]
    samples = {"table": "samples", "join": join, "window": YEAR["timestamp"], "sites": sites}
    visits = {"table": "visits", "join": join, "through": [samples]}

    [found] = for_interval(instructed({"through": [visits]}), interval(*NIGHT)).tables
    [outer] = found.query().through
    [inner] = outer.keys.through

    assert outer.keys.window is None
    assert inner.keys.window is not None
    assert (inner.keys.window.start, inner.keys.window.end) == (
        "2024-03-05T02:00:00",
        "2024-03-06T02:00:00",
    )
    assert [membership.values for membership in inner.keys.memberships] == [("LYO1",)]


def test_nothing_but_the_windows_taken_by_run_changes() -> None:
    fixed = {"column": "day", "type": "date", "from": "2020-01-01", "to": "2030-01-01"}
    rules = [
        {"window": YEAR["date"], "sites": {"column": "site", "in": ["LYO1"]}, "maximum": 5},
        {"window": fixed},
        {"all": "A list of forty units of measurement, without any patient"},
    ]
    before = instructed(*rules)

    after = for_interval(before, interval(*NIGHT))

    assert after.tables[0].rows.sites == before.tables[0].rows.sites
    assert after.tables[0].rows.maximum == 5
    assert after.tables[0].columns == before.tables[0].columns
    assert after.tables[1:] == before.tables[1:]
    assert after.model_copy(update={"tables": before.tables}) == before


def test_a_window_that_was_cut_is_one_like_any_other() -> None:
    terms = for_interval(
        instructed(*({"window": rule} for rule in YEAR.values())), interval(*NIGHT)
    )

    assert not asks_for_interval(terms)
    assert for_interval(terms, None) is terms
    for found in windows(terms):
        again = found.model_dump(by_alias=True, exclude_none=True)
        assert WindowRule.model_validate(again) == found


@pytest.mark.parametrize("given", [None, interval(NIGHT[0], NIGHT[0]), interval(*NIGHT)])
def test_an_instruction_that_asks_for_no_interval_takes_any_or_none(given: Interval | None) -> None:
    assert not asks_for_interval(BASE)
    assert for_interval(BASE, given) is BASE


# --- what is refused ------------------------------------------------------------------------------


@KINDS
def test_a_run_without_an_interval_is_refused_with_the_way_out(kind: str) -> None:
    refused = refusal(instructed({"window": YEAR[kind]}), None)

    assert refused.code == "interval-missing"
    assert "CronDataIntervalTimetable" in refused.way_out
    assert "remit run --interval" in refused.way_out


@KINDS
@pytest.mark.parametrize(
    "given",
    [
        interval(NIGHT[0], NIGHT[0]),
        interval(*reversed(NIGHT)),
        interval("2024-03-05T02:00:00.1Z", "2024-03-05T02:00:00.9Z"),
    ],
    ids=["a point in time", "backwards", "less than a second"],
)
def test_an_interval_that_holds_no_time_is_refused(kind: str, given: Interval) -> None:
    refused = refusal(instructed({"window": YEAR[kind]}), given)

    assert refused.code == "interval-empty"
    assert refused.where.startswith("data interval 2024-03-0")
    assert "CronDataIntervalTimetable" in refused.way_out


@KINDS
@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2022-03-05T02:00:00Z", "2022-03-06T02:00:00Z"),
        ("2023-12-31T00:00:00+01:00", "2024-01-01T00:00:00+01:00"),
        ("2025-01-01T00:00:00+01:00", "2025-01-02T00:00:00+01:00"),
        ("2026-03-05T02:00:00Z", "2026-03-06T02:00:00Z"),
    ],
    ids=["long before", "up to its start", "from its end", "long after"],
)
def test_an_interval_outside_the_window_is_refused(kind: str, start: str, end: str) -> None:
    refused = refusal(instructed({"window": YEAR[kind]}), interval(start, end))

    assert refused.code == "interval-outside-window"
    assert f"a_{kind} from {YEAR[kind]['from']} to before {YEAR[kind]['to']}" in refused.message


@KINDS
@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2023-12-31T23:59:59+01:00", "2024-01-02T00:00:00+01:00"),
        ("2024-01-01T00:00:00+01:00", "2024-01-01T01:00:00+01:00"),
        ("2024-12-31T23:59:59+01:00", "2026-01-01T00:00:00+01:00"),
    ],
    ids=["into its first day", "its first hour", "from its last second"],
)
def test_an_interval_that_touches_the_window_is_not_refused(
    kind: str, start: str, end: str
) -> None:
    lower, upper = cut(YEAR[kind], start, end)

    assert datetime.fromisoformat(lower) <= datetime.fromisoformat(upper)


def test_windows_that_end_in_different_nights_lose_no_row() -> None:
    """Days end at midnight, instants at 02:00 with the night: neither must take the other along."""
    terms = instructed({"window": YEAR["date"]}, {"window": YEAR["timestamptz"]})
    first = interval("2023-12-31T02:00:00+01:00", "2024-01-01T02:00:00+01:00")

    days, instants = windows(for_interval(terms, first))

    assert days.start == days.end
    assert (instants.start, instants.end) == ("2023-12-31T23:00:00Z", "2024-01-01T01:00:00Z")
    before = interval("2023-12-30T02:00:00+01:00", "2023-12-31T02:00:00+01:00")
    assert refusal(terms, before).code == "interval-outside-window"


# --- every row once, and not too soon -------------------------------------------------------------


class Change(NamedTuple):
    """A moment around which intervals and rows are drawn; mostly one at which clocks are changed."""

    zone: str
    moment: datetime


def at(zone: str, *moments: str) -> list[Change]:
    return [Change(zone, datetime.fromisoformat(moment)) for moment in moments]


CHANGES = [
    *at("Europe/Paris", "2024-03-31T01:00:00Z", "2024-10-27T01:00:00Z"),
    *at("America/St_Johns", "2024-03-10T05:30:00Z", "2024-11-03T04:30:00Z"),
    *at("America/St_Johns", "2010-11-07T02:31:00Z"),  # over midnight
    *at("America/Sao_Paulo", "2019-02-17T02:00:00Z", "2018-11-04T03:00:00Z"),  # at midnight
    *at("Australia/Lord_Howe", "2024-04-06T15:00:00Z", "2024-10-05T15:30:00Z"),  # half an hour
    *at("Asia/Kolkata", "2024-03-31T01:00:00Z"),
    *at("UTC", "2024-10-27T01:00:00Z"),
]
Row = date | datetime
AROUND = st.one_of(
    st.integers(-150, 150).map(lambda minutes: timedelta(minutes=minutes)),
    st.integers(-9000, 9000).map(lambda seconds: timedelta(seconds=seconds)),
    st.integers(-72, 72).map(lambda hours: timedelta(hours=hours)),
)


def as_the_column_has_it(kind: str, moment: datetime, zone: str) -> Row:
    if kind == "timestamptz":
        return moment
    local = moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0)
    return local.date() if kind == "date" else local


def read(kind: str, text: str) -> Row:
    return date.fromisoformat(text) if kind == "date" else datetime.fromisoformat(text)


def written(row: Row) -> str:
    return row.isoformat()


def inside(kind: str, row: Row, found: WindowRule) -> bool:
    # Plain datetimes compare by their digits, aware ones by their moments.
    return bool(read(kind, found.start) <= row < read(kind, found.end))  # type: ignore[operator]


class Case(NamedTuple):
    """A window, nights that meet and cover all of it, and rows."""

    kind: str
    change: Change
    rule: Fields
    nights: list[Interval]
    rows: list[Row]


@st.composite
def cases(draw: Callable[..., Any], kinds: tuple[str, ...] = tuple(YEAR)) -> Case:
    kind, change = draw(st.sampled_from(kinds)), draw(st.sampled_from(CHANGES))
    zone, middle = change.zone, change.moment

    def column(shift: timedelta) -> Row:
        return as_the_column_has_it(kind, middle + shift, zone)

    two = st.lists(AROUND, min_size=2, max_size=2).map(lambda shifts: sorted(map(column, shifts)))
    outer = draw(two.filter(lambda pair: pair[0] < pair[1]))
    cuts = draw(st.lists(AROUND, max_size=25, unique=True))
    far = timedelta(days=6)
    bounds = [middle - far, *sorted(middle + shift for shift in cuts), middle + far]
    # Wall times that the clocks skip are in databases too, so they are drawn as such.
    plain = middle.replace(tzinfo=None) + ZoneInfo(zone).utcoffset(middle)  # type: ignore[operator]
    drawn: st.SearchStrategy[Row] = AROUND.map(column)
    if kind == "timestamp":
        drawn = st.one_of(drawn, AROUND.map(lambda shift: plain + shift))
    rule = window(kind, written(outer[0]), written(outer[1]), zone)
    return Case(
        kind,
        change,
        rule,
        [Interval(start, end) for start, end in pairwise(bounds)],
        draw(st.lists(drawn, min_size=1, max_size=25)),
    )


def nested(rule: Fields, depth: int) -> Fields:
    """The window in the table itself, or in one that its membership leads through."""
    join = [{"column": "id", "to": "id", "type": "integer"}]
    limits: Fields = {"window": rule}
    for number in range(depth):
        limits = {"through": [{"table": f"other{number}", "join": join} | limits]}
    return limits


def nights_of(case: Case, row: Row, depth: int = 0) -> Iterator[Interval]:
    """The nights that a row falls to."""
    terms = instructed(nested(case.rule, depth))
    for night in case.nights:
        try:
            [found] = windows(for_interval(terms, night))
        except Refused:  # outside the window; other refusals cannot be met here
            continue
        if inside(case.kind, row, found):
            yield night


@pytest.mark.slow
@settings(max_examples=400, deadline=None)
@given(case=cases(), depth=st.integers(0, 2))
def test_each_row_of_the_window_falls_to_exactly_one_of_nights_that_meet(
    case: Case, depth: int
) -> None:
    outer = WindowRule.model_validate(case.rule)

    for row in case.rows:
        expected = 1 if inside(case.kind, row, outer) else 0
        assert len(list(nights_of(case, row, depth))) == expected, row


@pytest.mark.slow
@settings(max_examples=400, deadline=None)
@given(case=cases(("timestamp",)))
def test_no_wall_time_falls_to_a_night_that_ends_before_it_has_passed_for_the_last_time(
    case: Case,
) -> None:
    zone = ZoneInfo(case.change.zone)

    for row in case.rows:
        assert isinstance(row, datetime)
        for night in nights_of(case, row):
            assert row.replace(tzinfo=zone, fold=1).astimezone(UTC) < night.end


@pytest.mark.slow
@settings(max_examples=400, deadline=None)
@given(case=cases(("date",)))
def test_no_day_falls_to_a_night_that_ends_before_the_day_is_over_for_good(case: Case) -> None:
    zone = ZoneInfo(case.change.zone)

    for row in case.rows:
        for night in nights_of(case, row):
            later = (night.end + timedelta(minutes=30 * step) for step in range(6))
            assert all(moment.astimezone(zone).date() > row for moment in later)


def test_every_minute_of_a_night_that_is_an_hour_longer_falls_to_one_run() -> None:
    """Runs of a quarter of an hour, and rows of every minute that a clock showed or might have."""
    start = datetime(2024, 10, 26, 22, tzinfo=UTC)
    quarters = [start + timedelta(minutes=15 * number) for number in range(25)]
    terms = instructed({"window": YEAR["timestamp"]})
    found = [
        windows(for_interval(terms, Interval(begin, end)))[0] for begin, end in pairwise(quarters)
    ]
    rows = [datetime(2024, 10, 27) + timedelta(minutes=number) for number in range(300)]

    takers = [[rule for rule in found if inside("timestamp", row, rule)] for row in rows]

    assert {len(taken) for taken in takers} == {1}
    twice = [rule for rule in found if re.search("T02:[134]", rule.start)]
    assert [(rule.start[11:16], rule.end[11:16]) for rule in twice] == [
        ("02:15", "02:30"),
        ("02:30", "02:45"),
        ("02:45", "03:00"),
    ]
