"""What a record changes in the summary of its run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from sys import intern
from typing import Any

from remit.board.reading import moment
from remit.board.summary import Due, Refusal, RunSummary, State
from remit.custody.story import Hold, Locked
from remit.errors import EvidenceBroken
from remit.evidence import Record

Data = dict[str, Any]

_REACHED = {
    "opened": State.OPENED,
    "planned": State.PLANNED,
    "obliged": State.EXTRACTING,
    "divided": State.EXTRACTING,
    "extracted": State.EXTRACTED,
    "validated": State.VALIDATED,
    "sealing": State.VALIDATED,
    "sealed": State.SEALED,
    "asked": State.AWAITS_APPROVAL,
    "approved": State.APPROVED,
    "delivering": State.DELIVERING,
    "delivered": State.AWAITS_RECEIPT,
    "confirmed": State.CONFIRMED,
    "deleting": State.DELETING,
    "deleted": State.DELETED,
    "refused": State.REFUSED,
    "interrupted": State.INTERRUPTED,
    "stopped": State.STOPPED,
    "dump-kept": State.STOPPED,
}
"""The state that a record of a kind brings about; those of other kinds leave it."""

IGNORED = frozenset({"piece", "unplanned", "invalid", "disapproved", "vouched"})
"""Kinds of a run's records that change nothing here: details of what another record says as well."""


def learn(summary: RunSummary, kind: str, seq: int, at: datetime, data: Any) -> None:
    """Take in one record, in the order of the log.

    Args:
        data: the record's; None for kinds of which only the time is used.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: it does not say what a record of its kind says.
    """
    if (learner := LEARNERS.get(kind)) is not None:
        learner(summary, data, at)
    if data is not None and "due" in data:
        _due(summary, kind, seq, data)
    if (reached := _REACHED.get(kind)) is not None:
        summary.last = reached
    if kind == "deleted":
        summary.certified = seq
    summary.failed = kind == "undeleted" or (
        kind in ("refused", "interrupted") and data["step"] == "delete"
    )


def summarise(records: Sequence[Record]) -> RunSummary:
    """What the records of one run come to; all but the instruction, which only the register knows.

    Args:
        records: the run's, in order; at least one. Those of kinds that are `IGNORED` may be missing.

    Raises:
        EvidenceBroken: one of them is damaged.
    """
    first = records[0]
    try:
        summary = RunSummary(first.run, first.seq, moment(first.at))
        for record in records:
            if record.kind == "opened":
                summary.open(record.by)
            learn(summary, record.kind, record.seq, moment(record.at), record.data)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise EvidenceBroken(f"run {first.run}", "a record does not say what it must.") from None
    return summary


def _due(summary: RunSummary, kind: str, seq: int, data: Data) -> None:
    """The soonest date counts; of what is dated alike, the first."""
    date = Due(moment(data["due"]), intern(str(data["reason"])), seq)
    name = "kept_due" if kind in ("obliged", "confirmed") else "other_due"
    known: Due | None = getattr(summary, name)
    if known is None or date.at < known.at:
        setattr(summary, name, date)


def _opened(summary: RunSummary, data: Data, _: datetime) -> None:
    summary.source, summary.landing = intern(str(data["source"])), intern(str(data["landing"]))
    if (asked := data["interval"]) is not None:
        summary.interval = (str(asked["start"]), str(asked["end"]))


def _planned(summary: RunSummary, data: Data, _: datetime) -> None:
    tables = data["plan"]["tables"]
    summary.rows_in_scope = _sum(table["rows_in_scope"] for table in tables)
    summary.rows_total = _sum(table["rows_total"] for table in tables)
    summary.allowed = sum(len(table["allowed"]) for table in tables)
    summary.withheld = sum(len(table["withheld"]) for table in tables)


def _sum(counts: Any) -> int | None:
    """None where one of them could not be counted."""
    known = list(counts)
    return None if None in known else sum(known)


def _obliged(summary: RunSummary, data: Data, _: datetime) -> None:
    summary.obliged = bool(data["due"])


def _extracted(summary: RunSummary, data: Data, _: datetime) -> None:
    summary.rows = sum(file["rows"] for file in data["files"])


def _delivered(summary: RunSummary, _: Data, at: datetime) -> None:
    summary.delivered = at


def _confirmed(summary: RunSummary, data: Data, at: datetime) -> None:
    summary.confirmed, summary.level = at, intern(str(data["level"]))


def _refused(summary: RunSummary, data: Data, at: datetime) -> None:
    code = intern(str(data["refusal"]["code"]))
    summary.refusal = Refusal(code, intern(str(data["step"])), at)


def _stopped(summary: RunSummary, data: Data, _: datetime) -> None:
    summary.stopped = intern(str(data["step"]))


def _undeleted(summary: RunSummary, data: Data, _: datetime) -> None:
    if again := data.get("again"):
        until = data["until"]
        summary.locked = Locked(moment(until) if until else None, moment(again))


def _dump_kept(summary: RunSummary, _: Data, __: datetime) -> None:
    # What made the rest due at once is done, and does not make the dump due.
    summary.other_due = None


def _deleted(summary: RunSummary, _: Data, at: datetime) -> None:
    summary.deleted = at


def _held(summary: RunSummary, data: Data, _: datetime) -> None:
    held = Hold(moment(data["until"]), str(data["person"]), str(data["reason"]))
    if summary.hold is None or held.until > summary.hold.until:
        summary.hold = held


def _released(summary: RunSummary, _: Data, __: datetime) -> None:
    summary.hold = None


LEARNERS: dict[str, Callable[[RunSummary, Any, datetime], None]] = {
    "opened": _opened,
    "planned": _planned,
    "obliged": _obliged,
    "extracted": _extracted,
    "delivered": _delivered,
    "confirmed": _confirmed,
    "refused": _refused,
    "stopped": _stopped,
    "undeleted": _undeleted,
    "dump-kept": _dump_kept,
    "deleted": _deleted,
    "held": _held,
    "released": _released,
}

TIMED = frozenset(
    "divided validated sealing sealed asked approved delivering delivered answered deleting "
    "dump-kept deleted released".split()
)
"""Kinds of which nothing is used but that and when they were recorded."""
LEARNT = TIMED | frozenset(_REACHED) | frozenset(LEARNERS)
"""Kinds of a run's records that are read."""
