"""When supervision last looked, and who did: so that its silence is seen.

Each supervisor notes its passes under its own name, beside the evidence: a record every five minutes
would bury what matters. Who stops looking is noticed by the other, by pages and by commands.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from remit.alerts.conditions import Condition
from remit.alerts.memory import principal_of
from remit.evidence import parse_timestamp, timestamp
from remit.ports import Notes

PATIENCE = timedelta(minutes=15)
"""So long a supervisor may be silent, whatever it said."""
_PREFIX = "pass-"
_LONGEST = timedelta(days=366)  # what waits longer between two looks is no supervisor


@dataclass(frozen=True, slots=True)
class Pass:
    """The last pass of one supervisor.

    Attributes:
        name: who it is, such as ``airflow:remit_supervision``.
        every: how often it said it would look; None for one that looks once.
    """

    name: str
    at: datetime
    every: timedelta | None

    def is_silent(self, now: datetime) -> bool:
        """Whether it should have looked since."""
        late = self.every is not None and now - self.at > max(PATIENCE, 3 * self.every)
        return late or self.is_ahead(now)

    def is_ahead(self, now: datetime) -> bool:
        """Whether it says it looked when that is yet to come, by a clock that was wrong: nobody knows."""
        return self.at - now > PATIENCE


def last_look(passes: list[Pass], now: datetime) -> datetime | None:
    """When anybody looked last, whatever clocks that are ahead say; None where nobody is known to have."""
    return max((one.at for one in passes if not one.is_ahead(now)), default=None)


def last_passes(notes: Notes) -> list[Pass]:
    """The last pass of every supervisor, the newest first; empty when nobody ever looked."""
    named = [name for name in notes.names() if name.startswith(_PREFIX)]
    found = [one for one in (_pass_of(notes.read(name)) for name in named) if one is not None]
    return sorted(found, key=lambda one: one.at, reverse=True)


def _pass_of(note: Any) -> Pass | None:
    try:
        every = timedelta(seconds=note["every"]) if note["every"] else None
        if every is not None and not timedelta(0) < every <= _LONGEST:
            return None
        return Pass(str(note["name"]), parse_timestamp(note["at"]), every)
    except (KeyError, TypeError, ValueError, OverflowError):
        return None


def beat(notes: Notes, by: str, now: datetime, every: timedelta | None) -> None:
    """Note that a supervisor has looked."""
    name = principal_of(by)
    seconds = max(1, int(every.total_seconds())) if every else None
    notes.write(_note(name), {"name": name, "at": timestamp(now), "every": seconds})


def forget(notes: Notes, name: str) -> None:
    """Expect a supervisor no more, which a person said is meant to be silent."""
    notes.remove(_note(name))


def silences(notes: Notes, by: str, now: datetime) -> Iterator[Condition]:
    """Other supervisors that are silent; and a time in which nobody looked at all."""
    passes = last_passes(notes)
    for one in passes:
        if one.name != principal_of(by) and one.is_silent(now):
            yield Condition(
                "supervision-silent",
                f"supervisor {one.name}",
                f"It has not looked since {timestamp(one.at)}.",
                "look whether its DAG is paused, or its scheduler or process is down; if it is meant to "
                "be gone, close this alert and it is expected no more.",
            )
    if (gap := _gap(passes, now)) is not None:
        since, until = timestamp(gap), timestamp(now)
        yield Condition(
            "supervision-silent",
            f"all supervision from {since}",
            f"Nobody looked from {since} until {until}; what was due meanwhile is told now.",
            "have two look that do not depend on each other: the DAG, and remit supervise --every PT5M "
            "as a service.",
        )


def _gap(passes: list[Pass], now: datetime) -> datetime | None:
    """Since when nobody has looked, if somebody should have."""
    expected = [one.every for one in passes if one.every is not None]
    since = last_look(passes, now)
    if not expected or since is None or now - since <= max(PATIENCE, 3 * min(expected)):
        return None
    return since


def _note(name: str) -> str:
    return _PREFIX + re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:80]
