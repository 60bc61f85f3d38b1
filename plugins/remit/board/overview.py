"""What a reviewer looks at first: who instructed how much, and what is not as it should be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from copy import copy
from dataclasses import dataclass
from datetime import datetime

from remit.board.query import Readable, damaged_for
from remit.board.state import Damaged, Runs
from remit.board.summary import OVERDUE, RunSummary, State

_MOST = 10


@dataclass(slots=True)
class Line:
    """The runs under one controller.

    Attributes:
        controller: its name; None for runs whose instruction was never accepted.
        runs: all of them, of which so many are `open` (copies may be there), `waiting` for a person or the
            target, `overdue` (deletion), `refused` (a rule stopped them) and `deleted`.
        next_due: when the next copies must go.
    """

    controller: str | None
    runs: int = 0
    open: int = 0
    waiting: int = 0
    overdue: int = 0
    refused: int = 0
    deleted: int = 0
    next_due: datetime | None = None

    def count(self, run: RunSummary, state: State) -> None:
        """Add a run."""
        self.runs += 1
        self.waiting += run.waits
        self.overdue += state in OVERDUE
        self.refused += run.is_refused
        self.deleted += state == State.DELETED
        if run.is_open:
            self.open += 1
            due = run.due
            if due is not None and (self.next_due is None or due.at < self.next_due):
                self.next_due = due.at


@dataclass(frozen=True, slots=True)
class Overview:
    """All that may be seen, in counts, and the first few of each list.

    Attributes:
        lines: by controller's name.
        states: how many runs are how.
        waiting, overdue, clocks: those that wait longest, are longest overdue, or are due next.
        refused: the latest first.
        damaged: what cannot be told.
    """

    lines: list[Line]
    states: Counter[State]
    all: Line
    waiting: list[RunSummary]
    overdue: list[RunSummary]
    refused: list[RunSummary]
    clocks: list[RunSummary]
    damaged: list[Damaged]


def overview(runs: Runs, readable: Readable, now: datetime) -> Overview:
    """Look through every run once."""
    seen = [(run, run.state(now)) for run in runs.known.values() if run.dag in readable]
    lines: dict[str, Line] = {}
    everything = Line(None)
    for run, state in seen:
        everything.count(run, state)
        for name in run.controllers or ("",):
            if name not in lines:
                lines[name] = Line(name or None)
            lines[name].count(run, state)
    late = [run for run, state in seen if state in OVERDUE]
    return Overview(
        lines=[lines[name] for name in sorted(lines)],
        states=Counter(state for _, state in seen),
        all=everything,
        waiting=_first(run for run, _ in seen if run.waits),
        overdue=_first(sorted(late, key=_due)),
        refused=_first(sorted((run for run, _ in seen if run.is_refused), key=_met, reverse=True)),
        clocks=_first(sorted((r for r, s in seen if r.is_open and s not in OVERDUE), key=_due)),
        damaged=list(damaged_for(runs, readable)),
    )


def _first(runs: Iterable[RunSummary]) -> list[RunSummary]:
    return [copy(run) for run, _ in zip(runs, range(_MOST), strict=False)]


def _due(run: RunSummary) -> float:
    due = run.due
    return due.at.timestamp() if due is not None else float("inf")


def _met(run: RunSummary) -> float:
    return run.refusal.at.timestamp() if run.refusal is not None else run.began.timestamp()
