"""What the target said that does not confirm, and what it did not say in time."""

from __future__ import annotations

from collections.abc import Iterator

from remit.alert_kinds import Severity
from remit.alerts.conditions.found import Condition, Looking
from remit.alerts.memory import Memory
from remit.evidence import Record, parse_timestamp, timestamp

_NEGATIVE = ("negative", "partial")
_SAID = {
    "negative": "The target says that it did not take the delivery in.",
    "partial": "The target says that it took in a part of the delivery.",
    "lower-level": "The target promises less than the instruction asks for.",
    "unreconciled": "What the target says does not fit what was delivered.",
    "other-run": "An answer is about another run.",
    "replayed": "An answer is about an earlier delivery.",
    "unverified": "An answer is not shown to be the target's, or cannot be read.",
    "unsigned": "A control file fits what was delivered, but nobody stands for it yet.",
    "late": "The target confirmed the delivery after the run had ended without an answer.",
    "contradictory": "The target confirmed the delivery, and then signed the contrary.",
}
_SEVERITY: dict[str, Severity] = {"unsigned": "warning", "contradictory": "critical"}


def answered(record: Record, memory: Memory) -> Iterator[Condition]:
    """An answer that does not confirm; one that only says again what was said raises nothing."""
    outcome = str(record.data["outcome"])
    if outcome not in _SAID:
        return
    if (known := memory.runs.get(record.run)) is not None:
        known.covered = record.step
    yield Condition(
        "receipt-negative" if outcome in _NEGATIVE else "receipt-wrong",
        f"run {record.run}",
        f"{_SAID[outcome]} ({outcome})",
        "ask the target what became of the delivery; until it confirms, the copies stay until their "
        "maximum age and are deleted then.",
        run=record.run,
        seq=record.seq,
        severity=_SEVERITY.get(outcome),
        of=memory.of_run(record.run),
    )


def missing(looking: Looking) -> Iterator[Condition]:
    """Deliveries that nobody has answered for longer than the instruction allows."""
    for run, known in looking.memory.runs.items():
        of = looking.memory.instructions.get(known.of)
        if known.waits is None or of is None:
            continue
        due = parse_timestamp(known.waits) + of.receipt_within
        if looking.now < due:
            continue
        yield Condition(
            "receipt-missing",
            f"run {run}",
            f"Delivered at {known.waits}, and not confirmed by {timestamp(due)}.",
            "ask the target whether it has loaded the delivery; at its maximum age every copy is "
            "deleted, confirmed or not.",
            run=run,
            of=of,
        )
