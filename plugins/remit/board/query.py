"""Which runs a list shows."""

from __future__ import annotations

from collections.abc import Container, Iterator
from copy import copy
from dataclasses import dataclass, field
from datetime import datetime

from remit.board.state import Damaged, Runs
from remit.board.summary import RunSummary, State

Readable = Container[str | None]
"""The DAGs whose runs may be seen; None among them for the runs that no DAG made."""


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked for; each part that is not empty narrows it.

    Attributes:
        controller: one of the instruction's.
        instruction: its id, or the digest of one version.
        states: how a run may be.
        refused: only runs that a rule stopped, whatever became of them since.
        waiting: only runs that wait for a person or the target.
        before: only runs whose first record is further back in the log than this place.
        limit: at most so many runs.
    """

    readable: Readable
    controller: str = ""
    instruction: str = ""
    dag: str = ""
    states: frozenset[State] = field(default_factory=frozenset)
    refused: bool = False
    waiting: bool = False
    before: int | None = None
    limit: int = 50

    def admits(self, run: RunSummary, now: datetime) -> bool:
        """Whether the run is asked for, wherever it is in the log."""
        asked = run.instruction
        return (
            (not self.dag or run.dag == self.dag)
            and (not self.controller or self.controller in run.controllers)
            and (
                not self.instruction
                or (asked is not None and self.instruction in (asked.id, asked.digest))
            )
            and (not self.refused or run.is_refused)
            and (not self.waiting or run.waits)
            and (not self.states or run.state(now) in self.states)
            and run.dag in self.readable
        )


@dataclass(frozen=True, slots=True)
class Found:
    """Runs, the newest first.

    Attributes:
        runs: copies, which nobody changes.
        total: how many the query finds in all, on whatever page.
        following: what `before` is for the next page; None on the last.
        damaged: runs that cannot be told, and so may be among those asked for.
    """

    runs: list[RunSummary]
    total: int
    following: int | None
    damaged: list[Damaged]


def find(runs: Runs, query: Query, now: datetime) -> Found:
    """Look through every run."""
    found: list[RunSummary] = []
    total = further = 0
    for run in reversed(runs.known.values()):
        if not query.admits(run, now):
            continue
        total += 1
        if query.before is not None and run.seq >= query.before:
            continue
        if len(found) < query.limit:
            found.append(copy(run))
        else:
            further += 1
    following = found[-1].seq if further else None
    return Found(found, total, following, list(damaged_for(runs, query.readable)))


def damaged_for(runs: Runs, readable: Readable) -> Iterator[Damaged]:
    """What is damaged and may be seen; what belongs to no known DAG is for whoever may see such."""
    return (one for one in runs.damaged.values() if one.dag in readable)


@dataclass(frozen=True, slots=True)
class Choices:
    """By what the runs that may be seen can be narrowed, each in order of name."""

    controllers: list[str]
    instructions: list[str]
    dags: list[str]


def choices(runs: Runs, readable: Readable) -> Choices:
    """Look through every run."""
    seen = [run for run in runs.known.values() if run.dag in readable]
    asked = {run.instruction for run in seen if run.instruction is not None}
    return Choices(
        controllers=sorted({name for one in asked for name in one.controllers}),
        instructions=sorted({one.id for one in asked}),
        dags=sorted({run.dag for run in seen if run.dag is not None}),
    )
