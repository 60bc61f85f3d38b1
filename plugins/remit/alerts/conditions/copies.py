"""Copies that are still there: overdue, locked, not removable, or that nobody recorded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta

from remit.alerts.conditions.found import Condition, Looking
from remit.alerts.memory import Memory
from remit.custody import Obligation
from remit.evidence import Record, timestamp

GRACE = timedelta(hours=1)
"""How long after its time a deletion is overdue: the DAG that executes it comes every 15 minutes."""

_EXECUTE = (
    "look whether the DAG remit_deletion runs, or execute it: remit delete --due; find out what keeps "
    "the copies (remit evidence show RUN)."
)


def undeleted(record: Record, memory: Memory) -> Iterator[Condition]:
    """A deletion was tried, and something was left; locks are raised for as long as they last."""
    if record.data.get("again"):
        return
    yield Condition(
        "deletion-failed",
        f"run {record.run}",
        f"{record.data['why']} The deletion stays due.",
        _EXECUTE,
        run=record.run,
        seq=record.seq,
        of=memory.of_run(record.run),
    )


def orphans(record: Record, memory: Memory) -> Iterator[Condition]:  # noqa: ARG001
    """A sweep found what no earlier one had."""
    found = record.data["found"]
    places = Counter(str(one["place"]) for one in found)
    where = ", ".join(f"{count} in {place}" for place, count in places.items())
    yield Condition(
        "orphans",
        ", ".join(places),
        f"{len(found)} files or keys that nobody recorded: {where}.",
        "remit sweep lists them; find out whose they are, and delete what is remit's own (remit sweep "
        "--delete under REMIT_ORPHANS).",
        seq=record.seq,
    )


def overdue(looking: Looking) -> Iterator[Condition]:
    """Deletions that should have been executed, and those that a store does not let go of."""
    for one in looking.survey.due:
        since = max(one.due, one.held_until or one.due)
        if looking.now - since > GRACE:
            why = f"It was due at {timestamp(since)} ({one.reason}), and there is no certificate."
            yield _copy("deletion-overdue", one, looking, why, _EXECUTE)
    for one in looking.survey.pending:
        if (ended := _ended(one, looking)) is not None:
            why = f"Its instruction ended at {timestamp(ended)}, and its copies are still there."
            yield _copy("deletion-overdue", one, looking, why, _EXECUTE)
    for one in looking.survey.locked:
        way_out = (
            "nothing can be deleted before the lock ends; have the storage's owner lift a hold that is "
            "not meant, and tell the controller."
        )
        yield _copy("deletion-locked", one, looking, f"The copies are {one.locked}.", way_out)


def _ended(one: Obligation, looking: Looking) -> datetime | None:
    """When the instruction of a run that nobody confirmed ended, if that should have been met by now.

    Whoever executes the deletions stops such a run; this is for when nobody does.
    """
    of, story = looking.memory.of_run(one.run), looking.survey.stories[one.run]
    if of is None or one.is_held(looking.now) or story.has("confirmed") or story.has("stopped"):
        return None
    return of.until if looking.now - of.until > GRACE else None


def _copy(kind: str, one: Obligation, looking: Looking, message: str, way_out: str) -> Condition:
    of = looking.memory.of_run(one.run)
    return Condition(kind, f"run {one.run}", message, way_out, run=one.run, of=of)
