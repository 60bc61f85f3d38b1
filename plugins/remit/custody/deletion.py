"""Executing what is due, whatever run it belongs to."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from remit.custody.deployment import Deployment
from remit.custody.guard import RUN_ID, Landing
from remit.custody.run import Run
from remit.custody.survey import Survey, survey
from remit.custody.together import execute_together
from remit.custody.withdrawal import withdrawn
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


def execute_due(
    deployment: Deployment, by: str, landing: Landing, *, locked: bool = False
) -> Iterator[Execution]:
    """Execute each obligation that is due; one that fails does not keep the others from it.

    A run that waits for its receipt under an instruction that was withdrawn is stopped, which
    makes its obligation due at once.

    Args:
        landing: opens a landing zone from its specification.
        locked: whether what a store was found to have locked is tried before its lock ends.
    """
    found = survey(deployment.log, deployment.clock())
    for name, broken in found.damaged.items():
        yield Execution(name, (), broken)
    due = [obligation.run for obligation in (*found.due, *(found.locked if locked else ()))]
    for run, records in execute_together(deployment, by, landing, due):
        yield Execution(run, records, None) if records else execute(deployment, run, by, landing)
    for run in withdrawn(deployment, by, found):
        done = execute(deployment, run, by, landing)
        if done.records or done.error:
            yield done


def to_execute(
    found: Survey, withdrawals: list[str], at_most: int, shuffled: Callable[[list[str]], list[str]]
) -> list[str]:
    """The runs to act on now: the longest overdue first, and those that failed before last.

    Those that failed come in no order, so that none of them waits for ever behind others.

    Args:
        withdrawals: the runs that `withdrawn` gave.
        shuffled: gives a list in another order each time.
    """
    fresh = [obligation.run for obligation in found.due if not obligation.failed]
    failed = [obligation.run for obligation in found.due if obligation.failed]
    damaged = [run for run in found.damaged if RUN_ID.fullmatch(run)]
    again = shuffled([*failed, *damaged])
    return list(dict.fromkeys([*fresh, *withdrawals, *again]))[:at_most]


def shuffled(runs: list[str]) -> list[str]:
    """The runs in an order of chance."""
    return random.SystemRandom().sample(runs, len(runs))


def execute(deployment: Deployment, run: str, by: str, landing: Landing) -> Execution:
    """Delete the copies of a run if that is due; else stop it, if its instruction was withdrawn.

    Returns:
        What came of it; it raises nothing.
    """

    def act(run: Run) -> None:
        obligation = run.story.obligation()
        if obligation is not None and obligation.is_due(deployment.clock()):
            run.delete(landing)
        else:
            run.withdraw(landing)

    return _execute(deployment, run, by, act)


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
