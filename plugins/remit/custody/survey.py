"""What is due of all runs, found in the evidence.

Guarantee: a run that has a duty to delete and no certificate is found, and a damaged one does not
hide another. No index is kept that could say otherwise than the log.
Not guaranteed: that the log is whole, which `remit evidence verify --all` tells. Of a log of a million
records only those are read that make, change or end a duty; what is damaged elsewhere in a run is
noticed when the run is acted on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from remit import canonical
from remit.custody.story import Obligation, Story, is_run
from remit.errors import EvidenceBroken
from remit.evidence import EvidenceLog, Kept, Ledger

# Kinds that say something of the duty to delete; `sealed` alone is read to notice that one is missing.
_OF_DUTY = (
    "obliged confirmed held released sealed refused interrupted stopped undeleted dump-kept deleted"
).split()
AFTER_DUTY = frozenset({"confirmed", "sealed", "stopped", "dump-kept"})
"""Kinds that no run has without the record of its duty to delete."""


@dataclass(frozen=True, slots=True)
class Survey:
    """Every duty that is not done.

    Attributes:
        due: those to execute now, the longest overdue first.
        locked: due as well, but a store keeps the copies for a while.
        pending: not due yet, or held.
        damaged: runs of which it cannot be told.
        stories: what was read of each run that is not damaged.
    """

    due: list[Obligation]
    locked: list[Obligation]
    pending: list[Obligation]
    damaged: Mapping[str, EvidenceBroken]
    stories: Mapping[str, Story]


def survey(log: EvidenceLog, now: datetime) -> Survey:
    """Look through every run; a damaged one does not hide the others."""
    return survey_of(log.ledger, now)


def survey_of(ledger: Ledger, now: datetime) -> Survey:
    """The same, for who only reads."""
    runs, damaged = _open_runs(ledger)
    stories: dict[str, Story] = {}
    found: list[Obligation] = []
    for run, kept in runs.items():
        try:
            story = Story(run, [one.record() for one in kept])
            obligation = _obligation(story)
        except EvidenceBroken as error:
            damaged[run] = error
            continue
        stories[run] = story
        found += [obligation] if obligation else []
    found.sort(key=lambda obligation: obligation.due)
    due = [obligation for obligation in found if obligation.is_due(now)]
    return Survey(
        due=[obligation for obligation in due if not obligation.is_locked(now)],
        locked=[obligation for obligation in due if obligation.is_locked(now)],
        pending=[obligation for obligation in found if not obligation.is_due(now)],
        damaged=damaged,
        stories=stories,
    )


def due(log: EvidenceLog, now: datetime) -> list[Obligation]:
    """The obligations that must be executed now, the longest overdue first.

    Raises:
        EvidenceBroken: a record is damaged.
    """
    found = survey(log, now)
    for error in found.damaged.values():
        raise error
    return found.due


def _open_runs(ledger: Ledger) -> tuple[dict[str, list[Kept]], dict[str, EvidenceBroken]]:
    """What is kept of each run that is not done; only this is held in memory, and unread."""
    runs: dict[str, list[Kept]] = {}
    damaged: dict[str, EvidenceBroken] = {}
    for kept in ledger.kept(kinds=_OF_DUTY):
        if not is_run(kept.run) or kept.run in damaged:
            continue
        if kept.kind != "deleted":
            runs.setdefault(kept.run, []).append(kept)
        elif _is_in_place(kept):
            runs.pop(kept.run, None)
        else:
            damaged[kept.run] = EvidenceBroken(
                f"record {kept.seq}", "it was changed, or moved: it does not end this run."
            )
            runs.pop(kept.run, None)
    return runs, damaged


def _is_in_place(kept: Kept) -> bool:
    """Whether the record itself says its place and kind, which the canonical form has at its end."""
    place = {"kind": kept.kind, "run": kept.run, "seq": kept.seq, "step": kept.step}
    return kept.body.endswith(b"," + canonical.dumps(place)[1:])


def _obligation(story: Story) -> Obligation | None:
    try:
        obligation = story.obligation()
    except (KeyError, TypeError, ValueError, AttributeError):
        raise EvidenceBroken(f"run {story.run}", "a record of its duty is damaged.") from None
    if obligation is None and any(record.kind in AFTER_DUTY for record in story.records):
        raise EvidenceBroken(f"run {story.run}", "the record of its duty to delete is missing.")
    return obligation
