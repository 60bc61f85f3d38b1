"""What a reviewer looks at first: who instructed how much, and what is not as it should be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
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
    """Look through every run once.

    No object is made for each: at many runs they would have Python look through its whole memory for garbage.
    """
    found = Overview([], Counter(), Line(None), [], [], [], [], list(damaged_for(runs, readable)))
    lines: dict[str, Line] = {}
    for run in runs.known.values():
        if run.dag not in readable:
            continue
        state = run.state(now)
        found.states[state] += 1
        found.all.count(run, state)
        for name in run.controllers or ("",):
            if name not in lines:
                lines[name] = Line(name or None)
            lines[name].count(run, state)
        _sort_in(found, run, state)
    found.lines.extend(lines[name] for name in sorted(lines))
    _keep(found.waiting, None)
    _keep(found.overdue, _due)
    _keep(found.refused, _met)
    _keep(found.clocks, _due)
    return found


def _sort_in(found: Overview, run: RunSummary, state: State) -> None:
    """Into the lists that it belongs to."""
    if run.waits:
        found.waiting.append(run)
    if state in OVERDUE:
        found.overdue.append(run)
    elif run.is_open:
        found.clocks.append(run)
    if run.is_refused:
        found.refused.append(run)


def _keep(runs: list[RunSummary], order: Callable[[RunSummary], float] | None) -> None:
    """The first few, as copies that nobody changes."""
    if order is not None:
        runs.sort(key=order)
    runs[:] = map(copy, runs[:_MOST])


def _due(run: RunSummary) -> float:
    due = run.due
    return due.at.timestamp() if due is not None else float("inf")


def _met(run: RunSummary) -> float:
    """The latest first."""
    return -(run.refusal.at if run.refusal is not None else run.began).timestamp()
