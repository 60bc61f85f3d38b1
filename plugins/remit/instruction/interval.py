"""The part of an instruction's windows that is one run's own: its data interval.

Guarantee: over intervals that meet (the end of one is the start of the next), every moment of a
window falls to exactly one run, whatever the clocks do: a bound is mapped to the column's own days
or hours by a function that never decreases, and windows are half open.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from remit.errors import Refused
from remit.instruction.model import Instruction
from remit.instruction.rows import Limits, Through, WindowRule


@dataclass(frozen=True, slots=True)
class Interval:
    """[start, end) of a run, in aware times, to the second."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.start.tzinfo is None or self.end.tzinfo is None:
            raise ValueError("an interval has times with an offset from UTC")

    def as_json(self) -> dict[str, str]:
        """As evidence gives it: ISO 8601 in UTC."""
        return {"start": _utc(self.start), "end": _utc(self.end)}

    @classmethod
    def from_json(cls, fields: dict[str, str]) -> Interval:
        """The inverse of `as_json`."""
        return cls(datetime.fromisoformat(fields["start"]), datetime.fromisoformat(fields["end"]))


def asks_for_interval(terms: Instruction) -> bool:
    """Whether any window is taken run by run."""
    return any(window.per_run for table in terms.tables for window in table.rows.windows())


def for_interval(terms: Instruction, interval: Interval | None) -> Instruction:
    """The instruction with each window that is taken per run cut to the run's interval.

    Raises:
        Refused: interval-missing, interval-empty, interval-outside-window.
    """
    if not asks_for_interval(terms):
        return terms
    if interval is None:
        raise Refused(
            "interval-missing",
            f"instruction {terms.id}",
            "it gives each run only the rows of its own data interval, but this run has none.",
            "schedule the DAG with a timetable that has intervals (CronDataIntervalTimetable, or "
            "[scheduler] create_cron_data_intervals = True), or name it: remit run --interval.",
        )
    if interval.start >= interval.end:
        raise Refused(
            "interval-empty",
            f"data interval {_utc(interval.start)}",
            "the run's data interval begins where it ends, so no row could be in it.",
            "schedule the DAG with CronDataIntervalTimetable (a plain cron expression has points in "
            "time, not intervals), or set [scheduler] create_cron_data_intervals = True.",
        )
    tables = [
        table.model_copy(update={"rows": _cut(table.rows, interval, table.name)})
        for table in terms.tables
    ]
    return terms.model_copy(update={"tables": tables})


def _cut(limits: Limits, interval: Interval, table: str) -> Limits:
    changed: dict[str, object] = {}
    if limits.window and limits.window.per_run:
        changed["window"] = _cut_window(limits.window, interval, table)
    if limits.through:
        changed["through"] = [_cut_through(other, interval) for other in limits.through]
    return limits.model_copy(update=changed)


def _cut_through(other: Through, interval: Interval) -> Limits:
    return _cut(other, interval, other.relation)


def _cut_window(window: WindowRule, interval: Interval, table: str) -> WindowRule:
    start, end = _bound(window, interval.start), _bound(window, interval.end)
    first, last = _moment(window.start), _moment(window.end)
    lower, upper = max(start, first), min(end, last)
    if start >= last or end < first or (end == first and start != end):
        raise Refused(
            "interval-outside-window",
            f"{table}.{window.column}",
            f"the run's data interval is outside what is instructed, {window.start} to {window.end}.",
            "run it for an interval inside the window, or ask the controller for a new version.",
        )
    upper = max(lower, upper)
    bounds = {"start": _written(window, lower), "end": _written(window, upper)}
    return window.model_copy(update=bounds)


def _bound(window: WindowRule, moment: datetime) -> datetime:
    """The moment as the column counts time: in UTC with an offset, else local and without one."""
    moment = moment.astimezone(UTC).replace(microsecond=0)
    if window.timezone is None:
        return moment
    local = moment.astimezone(ZoneInfo(window.timezone))
    plain = local.replace(tzinfo=None, fold=0)
    if window.type == "date":
        # Its day: the rows of a day fall to the interval that contains the end of that day.
        return plain.replace(hour=0, minute=0, second=0)
    if _is_first_passing(local):
        # The hour comes again, and may still be written to: leave all of it to the next interval.
        while _is_first_passing(local - timedelta(minutes=1)):
            local -= timedelta(minutes=1)
        return local.replace(tzinfo=None, fold=0, second=0)
    return plain


def _is_first_passing(local: datetime) -> bool:
    """Whether the clocks will show this time once more."""
    now, again = local.replace(fold=0).utcoffset(), local.replace(fold=1).utcoffset()
    return local.fold == 0 and now is not None and again is not None and again < now


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment.astimezone(UTC) if moment.tzinfo else moment


def _written(window: WindowRule, moment: datetime) -> str:
    if window.type == "date":
        return moment.date().isoformat()
    return _utc(moment) if window.type == "timestamptz" else moment.isoformat(timespec="seconds")


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
