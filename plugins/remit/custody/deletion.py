"""Executing what is due, whatever run it belongs to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from remit.custody.deployment import Deployment
from remit.custody.guard import Landing
from remit.custody.run import Run
from remit.custody.story import survey
from remit.errors import Unavailable
from remit.evidence import Record


@dataclass(frozen=True, slots=True)
class Execution:
    """What came of one obligation: the records that it added, and the error that stopped it."""

    run: str
    records: tuple[Record, ...]
    error: Exception | None

    @property
    def deleted(self) -> bool:
        """Whether every copy is gone by it."""
        return any(record.kind == "deleted" for record in self.records)


def execute_due(deployment: Deployment, by: str, landing: Landing) -> Iterator[Execution]:
    """Execute each obligation that is due; one that fails does not keep the others from it.

    A run that waits for its receipt under an instruction that was withdrawn is stopped, which
    makes its obligation due at once.

    Args:
        landing: opens a landing zone from its specification.
    """
    found = survey(deployment.log, deployment.clock())
    for name, broken in found.damaged.items():
        yield Execution(name, (), broken)
    for obligation in found.due:
        yield _execute(deployment, obligation.run, by, lambda run: run.delete(landing))
    for obligation in found.pending:
        done = _execute(deployment, obligation.run, by, lambda run: run.withdraw(landing))
        if done.records or done.error:
            yield done


def _execute(deployment: Deployment, name: str, by: str, act: Callable[[Run], object]) -> Execution:
    """Have a run act; whatever becomes of it, the next run's copies must go all the same."""
    records: tuple[Record, ...] = ()
    try:
        run = Run(name, deployment, by)
        known = len(run.story.records)
        error = _error_of(lambda: act(run))
        records = tuple(run.story.records[known:])
    except Exception as caught:  # noqa: BLE001  (its story cannot be read, or no run has that name)
        return Execution(name, (), caught)
    if error is None and any(record.kind == "undeleted" for record in records):
        error = Unavailable(f"run {name}", "it was stopped, but copies are left; they stay due.")
    return Execution(name, records, error)


def _error_of(act: Callable[[], object]) -> Exception | None:
    try:
        act()
    except Exception as caught:  # noqa: BLE001  (told with what was recorded of it)
        return caught
    return None
