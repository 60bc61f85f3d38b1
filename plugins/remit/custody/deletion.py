"""Executing what is due, whatever run it belongs to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from remit.custody.guard import Deployment
from remit.custody.run import Run
from remit.custody.story import survey
from remit.evidence import Record
from remit.ports import LandingZone


@dataclass(frozen=True, slots=True)
class Execution:
    """What came of one obligation: the records that it added, and the error that stopped it."""

    run: str
    records: tuple[Record, ...]
    error: Exception | None


def execute_due(
    deployment: Deployment, by: str, landing: Callable[[str], LandingZone]
) -> Iterator[Execution]:
    """Execute each obligation that is due; one that fails does not keep the others from it.

    Args:
        landing: opens a landing zone from its specification.
    """
    found = survey(deployment.log, deployment.clock())
    for name, broken in found.damaged.items():
        yield Execution(name, (), broken)
    for obligation in found.due:
        run, error = Run(obligation.run, deployment, by), None
        known = len(run.story.records)
        try:
            run.delete(landing)
        except Exception as caught:  # noqa: BLE001  (the next run's copies must go all the same)
            error = caught
        yield Execution(run.id, tuple(run.story.records[known:]), error)
