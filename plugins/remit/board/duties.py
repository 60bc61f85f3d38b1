"""What must go, what keeps it, and what is certified as gone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from heapq import nlargest, nsmallest
from typing import NamedTuple

from remit.board.query import Readable, damaged_for
from remit.board.state import Damaged, Runs
from remit.board.summary import RunSummary, State
from remit.custody.story import Obligation


class Certified(NamedTuple):
    """A run whose copies are gone, and where in the log its certificate is."""

    run: str
    seq: int


@dataclass(frozen=True, slots=True)
class Duties:
    """The first few of each list.

    Attributes:
        overdue, locked, held, pending: duties that are not done, as `remit.custody.survey` sorts them; of
            those that are due or later, the ones that a hold suspends are in `held` alone.
        gone: the last certified first.
        damaged: runs that cannot be told, of which each may have a duty.
    """

    overdue: list[Obligation]
    locked: list[Obligation]
    held: list[Obligation]
    pending: list[Obligation]
    gone: list[Certified]
    damaged: list[Damaged]


def duties(
    runs: Runs, readable: Readable, now: datetime, most: int, before: int | None = None
) -> Duties:
    """Look through every run once.

    Args:
        most: so many of each list.
        before: of what is gone only what was certified further back than this place in the log.
    """
    lists: dict[State | None, list[RunSummary]] = {kind: [] for kind in (*_KEPT, None)}
    gone: list[RunSummary] = []
    for run in runs.known.values():
        if run.dag not in readable:
            continue
        if run.certified is not None:
            gone.append(run)
        elif run.is_open:
            state = run.state(now)
            lists[state if state in _KEPT else None].append(run)
    overdue, locked, held, pending = (_soonest(some, most) for some in lists.values())
    known = (run for run in gone if before is None or _place(run) < before)
    certified = [Certified(run.run, _place(run)) for run in nlargest(most, known, key=_place)]
    return Duties(overdue, locked, held, pending, certified, list(damaged_for(runs, readable)))


_KEPT = (State.OVERDUE, State.LOCKED, State.HELD)


def _soonest(runs: Iterable[RunSummary], most: int) -> list[Obligation]:
    first = nsmallest(most, runs, key=_due)
    return [duty for run in first if (duty := run.obligation()) is not None]


def _due(run: RunSummary) -> float:
    return run.due.at.timestamp() if run.due is not None else 0.0


def _place(run: RunSummary) -> int:
    return run.certified if run.certified is not None else -1
