"""A run over time: its events, and the phases of a picture, those that are still to come included.

Events are the records. Phases follow each other without a gap: waiting until something is
extracted, working until it is delivered, delivered until the duty to delete is due, held where a
person suspends it then, due until it is done, deleted from then on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from remit.errors import one_line
from remit.evidence import Record, parse_timestamp
from remit.instruction.plain_language.voice import Voice
from remit.narrative import Severity, severity, title
from remit.narrative.duty import Duty
from remit.plan.words import voice_of

_NAMES = {
    "waiting": ("Waiting", "En attente"),
    "working": ("Working", "En cours"),
    "delivered": ("Delivered", "Livré"),
    "ended": ("Stopped", "Arrêté"),
    "held": ("Deletion suspended", "Suppression suspendue"),
    "due": ("Deletion due", "Suppression exigible"),
    "deleted": ("Deleted", "Supprimé"),
}
_MARKS = {
    "due": ("Deletion due", "Suppression exigible"),
    "held-until": ("End of the suspension", "Fin de la suspension"),
    "maximum-age": ("Maximum age", "Durée maximale de conservation"),
}
_BEGINS = {
    "opened": "waiting",
    "obliged": "working",
    "delivered": "delivered",
    "stopped": "ended",
    "deleted": "deleted",
}
"""The kinds of records with which a phase begins; a phase that is on already goes on."""


@dataclass(frozen=True, slots=True)
class Event:
    """A record as a picture or list shows it.

    Attributes:
        seconds: since the run's first record.
    """

    seq: int
    kind: str
    title: str
    at: datetime
    by: str
    seconds: int
    severity: Severity


@dataclass(frozen=True, slots=True)
class Phase:
    """A stretch of the run's time.

    Attributes:
        name: waiting, working, delivered, ended, held, due or deleted; `title` in words.
        end: None for what has no end yet that is known.
        future: whether it has not begun.
    """

    name: str
    title: str
    start: datetime
    end: datetime | None
    future: bool


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment that the run is held to.

    Attributes:
        name: maximum-age, due or held-until; `title` in words.
        future: whether it has not come.
    """

    name: str
    title: str
    at: datetime
    future: bool


@dataclass(frozen=True, slots=True)
class Timeline:
    """A run over time, in the order of time."""

    events: tuple[Event, ...]
    phases: tuple[Phase, ...]
    marks: tuple[Mark, ...]


def timeline(
    records: Sequence[Record], duty: Duty | None, now: datetime, language: str = "en"
) -> Timeline:
    """The run's time, from its records in their order.

    Args:
        duty: the run's `Obligation`; None while there is none.
        now: what is later is told as future.
        language: one of `remit.narrative.Language`.
    """
    say = voice_of(language)
    began = parse_timestamp(records[0].at) if records else now
    events = tuple(_event(record, began, language) for record in records)
    starts = _with_duty(list(_starts(records)), duty)
    return Timeline(
        events, tuple(_phases(starts, now, say)), tuple(_marks(records, duty, now, say))
    )


def _event(record: Record, began: datetime, language: str) -> Event:
    at = parse_timestamp(record.at)
    return Event(
        record.seq,
        one_line(record.kind),
        title(record, language),
        at,
        one_line(record.by),
        int((at - began).total_seconds()),
        severity(record),
    )


def _starts(records: Sequence[Record]) -> Iterator[tuple[str, datetime]]:
    """Each phase that records begin."""
    on = None
    for record in records:
        name = _BEGINS.get(record.kind)
        if name is not None and name != on:
            on = name
            yield name, parse_timestamp(record.at)


def _with_duty(starts: list[tuple[str, datetime]], duty: Duty | None) -> list[tuple[str, datetime]]:
    """What is due, held or not, comes after everything that began before."""
    if duty is None:
        return starts
    deleted = [start for start in starts if start[0] == "deleted"]
    free = max(duty.due, duty.held_until or duty.due)
    own = [("held", duty.due)] if free > duty.due else []
    own.append(("due", free))
    # What was deleted was not suspended any more, whatever was said before.
    kept = [start for start in own if not deleted or start[1] < deleted[0][1]]
    before = [start for start in starts if start[0] != "deleted" and start[1] <= duty.due]
    return [*before, *kept, *deleted]


def _phases(starts: Sequence[tuple[str, datetime]], now: datetime, say: Voice) -> Iterator[Phase]:
    for place, (name, start) in enumerate(starts, 1):
        end = starts[place][1] if place < len(starts) else None
        if end is None or end > start:
            yield Phase(name, say(*_NAMES[name]), start, end, start > now)


def _marks(
    records: Sequence[Record], duty: Duty | None, now: datetime, say: Voice
) -> Iterator[Mark]:
    if duty is None:
        return
    found = {"due": duty.due, "held-until": duty.held_until, "maximum-age": _maximum(records)}
    known = [(at, name) for name, at in found.items() if at is not None]
    for at, name in sorted(known):
        yield Mark(name, say(*_MARKS[name]), at, at > now)


def _maximum(records: Sequence[Record]) -> datetime | None:
    for record in records:
        if record.kind == "obliged":
            return parse_timestamp(record.data["due"])
    return None
