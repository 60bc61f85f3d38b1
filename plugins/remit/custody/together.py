"""Many obligations executed at once: the same acts as one by one, with fewer waits for the disk.

Guarantee: of each run, the key goes first, the copies found are on record before one is removed, and
a certificate is recorded only when it was looked for all of them again; each record is durable
before the next act. What is not plain, or fails, is left to be executed by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from remit.custody.deployment import Deployment
from remit.custody.removal import Landing, Removal
from remit.custody.run import Run
from remit.custody.story import Obligation, Story
from remit.evidence import Fact, Record

# In PostgreSQL each run that is held takes a connection meanwhile.
_AT_ONCE = 32
_THREADS = 4


@dataclass
class _Attempt:
    """One run on its way."""

    story: Story
    obligation: Obligation
    removal: Removal
    found: list[dict[str, Any]]

    @property
    def run(self) -> str:
        return self.story.run


def execute_together(
    deployment: Deployment, by: str, landing: Landing, runs: Sequence[str]
) -> Iterator[tuple[str, tuple[Record, ...]]]:
    """Delete the copies of runs that are due; each run with what was recorded of it to its end.

    Args:
        landing: opens a landing zone from its specification.

    Returns:
        Nothing is recorded of a run's end where it has to be executed by itself.
    """
    together = _Together(deployment, by, landing)
    with ThreadPoolExecutor(_THREADS) as pool:
        for start in range(0, len(runs), _AT_ONCE):
            group = runs[start : start + _AT_ONCE]
            done = together.execute(group, pool)
            yield from ((run, done.get(run, ())) for run in group)


class _Together:
    def __init__(self, deployment: Deployment, by: str, landing: Landing) -> None:
        self._deployment, self._by, self._landing = deployment, by, landing

    def execute(
        self, runs: Sequence[str], pool: ThreadPoolExecutor
    ) -> dict[str, tuple[Record, ...]]:
        """What was recorded of each run that was brought to its end."""
        recorded: list[Record] = []
        ends: list[Record] = []
        # Of the ledger, a lock that was lost, a name that cannot be recorded: by itself, each run tells
        # what is wrong, and one keeps no other from it.
        with suppress(Exception), self._deployment.log.ledger.lock_all(runs) as held:
            begun = pool.map(self._begun, [run for run in runs if run in held])
            attempts = [attempt for attempt in begun if attempt is not None]
            recorded = self._record([_deleting(one) for one in attempts if one.found])
            gone = [one for one in pool.map(_removed, attempts) if one is not None]
            ends = self._record(list(pool.map(_deleted, gone)))
        before = {record.run: (record,) for record in recorded}
        return {record.run: (*before.get(record.run, ()), record) for record in ends}

    def _begun(self, run: str) -> _Attempt | None:
        """Destroy the run's key, and look for its copies; None where it is not plain."""
        try:
            taken_up = Run(run, self._deployment, self._by)
            story = taken_up.story
            obligation = story.obligation()
            if obligation is None or not obligation.is_due(self._deployment.clock()):
                return None
            if story.has("delivered"):
                taken_up.look_before_deletion(self._landing)
                story = taken_up.story
            if story.has("deleting"):
                return None
            removal = Removal(story, self._deployment, self._landing)
            found = removal.find()
        except Exception:  # noqa: BLE001 - by itself, the run tells what is wrong with it
            return None
        return _Attempt(story, obligation, removal, found) if removal.is_clear else None

    def _record(self, facts: list[Fact]) -> list[Record]:
        return self._deployment.log.append_all(facts, self._by) if facts else []


def _removed(attempt: _Attempt) -> _Attempt | None:
    """Remove the copies and look again; None where anything is left."""
    try:
        attempt.removal.remove()
    except Exception:  # noqa: BLE001 - by itself, the run tells what is wrong with it
        return None
    return attempt if attempt.removal.is_clear else None


def _deleting(attempt: _Attempt) -> Fact:
    step = len(attempt.story.records)
    return Fact(attempt.run, "deleting", {"copies": attempt.found}, step)


def _deleted(attempt: _Attempt) -> Fact:
    step = len(attempt.story.records) + bool(attempt.found)
    certificate = attempt.removal.certificate(attempt.obligation, attempt.found)
    return Fact(attempt.run, "deleted", certificate, step)
