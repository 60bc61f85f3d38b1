"""The part of an instruction's windows that is one run's own: its data interval.

Guarantee: over intervals that meet (the end of one is the start of the next), every row of a window
falls to exactly one run, whatever the clocks do, and to none that ends before the row's day or hour
has passed for the last time: a bound is mapped to the column's own days or hours by a function that
never decreases, and windows are half open.
Not guaranteed: that intervals meet (the scheduler makes them), and anything of rows that are entered
or changed after the run that they fall to.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from remit.errors import Refused
from remit.instruction.model import Instruction
from remit.instruction.rows import Limits, WindowRule

_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Interval:
    """[start, end) of a run, in UTC; parts of a second are dropped.

    Raises:
        ValueError: a time without an offset from UTC, or in the first or last year that there is.
    """

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        object.__setattr__(self, "start", _in_utc(self.start))
        object.__setattr__(self, "end", _in_utc(self.end))

    def as_json(self) -> dict[str, str]:
        """As evidence gives it: ISO 8601 in UTC."""
        return {"start": _written_utc(self.start), "end": _written_utc(self.end)}

    @classmethod
    def from_json(cls, fields: dict[str, str]) -> Interval:
        """The inverse of `as_json`."""
        return cls(datetime.fromisoformat(fields["start"]), datetime.fromisoformat(fields["end"]))


def asks_for_interval(terms: Instruction) -> bool:
    """Whether any window is taken run by run."""
    return bool(_taken_by_run(terms))


def for_interval(terms: Instruction, interval: Interval | None) -> Instruction:
    """The instruction with each window that is taken per run cut to the run's interval.

    A window that the interval does not touch is left empty, as long as it touches another one: two
    windows of one instruction may count time in different ways, and so end in different nights.

    Raises:
        Refused: interval-missing, interval-empty, interval-outside-window.
    """
    windows = _taken_by_run(terms)
    if not windows:
        return terms
    if interval is None:
        raise Refused(
            "interval-missing",
            f"instruction {terms.id}",
            "it gives each run only the rows of its own data interval, but this run has none.",
            "schedule the DAG with a timetable that has intervals (CronDataIntervalTimetable, or "
            "[scheduler] create_cron_data_intervals = True), or name it: remit run --interval.",
        )
    where = f"data interval {_written_utc(interval.start)}"
    if interval.start >= interval.end:
        raise Refused(
            "interval-empty",
            where,
            "the run's data interval does not end after it begins, so no row could be in it.",
            "schedule the DAG with CronDataIntervalTimetable (a plain cron expression has points in "
            "time, not intervals), or set [scheduler] create_cron_data_intervals = True; on the "
            "command line, name an end after the start.",
        )
    if not any(_touches(window, interval) for window in windows):
        raise Refused(
            "interval-outside-window",
            where,
            f"it is outside what is instructed: {'; '.join(map(_shown, windows))}.",
            "run it for an interval inside the window, or ask the controller for a new version.",
        )
    tables = [
        table.model_copy(update={"rows": _cut(table.rows, interval)}) for table in terms.tables
    ]
    return terms.model_copy(update={"tables": tables})


def _taken_by_run(terms: Instruction) -> list[WindowRule]:
    windows = (window for table in terms.tables for window in table.rows.windows())
    return [window for window in windows if window.per_run]


def _touches(window: WindowRule, interval: Interval) -> bool:
    """Whether any day or moment of the window could be the interval's, or is begun in it."""
    start, end = _bound(window, interval.start), _bound(window, interval.end)
    first, last = _moment(window.start), _moment(window.end)
    return start < last and (end > first or start == end == first)


def _shown(window: WindowRule) -> str:
    return f"{window.column} from {window.start} to before {window.end}"


def _cut(limits: Limits, interval: Interval) -> Limits:
    changed: dict[str, object] = {}
    if limits.window and limits.window.per_run:
        changed["window"] = _cut_window(limits.window, interval)
    if limits.through:
        changed["through"] = [_cut(other, interval) for other in limits.through]
    return limits.model_copy(update=changed)


def _cut_window(window: WindowRule, interval: Interval) -> WindowRule:
    """A window that is like any other, and may be empty."""
    first, last = _moment(window.start), _moment(window.end)
    lower = min(max(_bound(window, interval.start), first), last)
    upper = max(min(_bound(window, interval.end), last), lower)
    bounds = {"start": _written(window, lower), "end": _written(window, upper)}
    return window.model_copy(update={**bounds, "per_run": None, "timezone": None})


def _bound(window: WindowRule, moment: datetime) -> datetime:
    """The moment as the column counts time: in UTC with an offset, else local and without one."""
    if window.timezone is None:
        return moment
    local = _least_to_come(moment, ZoneInfo(window.timezone))
    if window.type == "date":
        # Its day: the rows of a day fall to the interval that contains the end of that day.
        return local.replace(hour=0, minute=0, second=0)
    return local


def _least_to_come(moment: datetime, zone: ZoneInfo) -> datetime:
    """The least time that the clocks of a zone show at a moment or ever after it.

    It is what they show, but in an hour that they will show once more, whose rows may still be
    written: there it is the beginning of that hour. So it never decreases, which what they show does.
    """
    local = moment.astimezone(zone)
    again = local.replace(fold=1)
    set_back = (local.utcoffset() or timedelta()) - (again.utcoffset() or timedelta())
    if local.fold or set_back <= timedelta():
        return local.replace(tzinfo=None, fold=0)
    before, after = moment, moment + set_back  # the clocks are set back between the two
    while after - before > _SECOND:
        middle = before + (after - before) // _SECOND // 2 * _SECOND
        if middle.astimezone(zone).utcoffset() == local.utcoffset():
            before = middle
        else:
            after = middle
    return after.astimezone(zone).replace(tzinfo=None, fold=0)


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment.astimezone(UTC) if moment.tzinfo else moment


def _written(window: WindowRule, moment: datetime) -> str:
    if window.type == "date":
        return moment.date().isoformat()
    return _written_utc(moment) if moment.tzinfo else moment.isoformat()


def _written_utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _in_utc(moment: datetime) -> datetime:
    """As a plain datetime: Airflow's are of a class of its own, which reckons differently."""
    if moment.utcoffset() is None:
        raise ValueError("an interval has times with an offset from UTC")
    if not MINYEAR < moment.year < MAXYEAR:
        raise ValueError("an interval is not in the first or last year that there is")
    return datetime(*moment.utctimetuple()[:6], tzinfo=UTC)
