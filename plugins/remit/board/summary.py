"""A run in a few words: what lists of runs show of it, and how it is at a moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from sys import intern

from remit.board.instructed import Instructed
from remit.custody.story import Hold, Locked, Obligation


class State(StrEnum):
    """How a run is, in a word; which step it came to, or what keeps it there."""

    OPENED = "opened"
    PLANNED = "planned"
    EXTRACTING = "extracting"
    EXTRACTED = "extracted"
    VALIDATED = "validated"
    SEALED = "sealed"
    AWAITS_APPROVAL = "awaits-approval"
    APPROVED = "approved"
    DELIVERING = "delivering"
    AWAITS_RECEIPT = "awaits-receipt"
    CONFIRMED = "confirmed"
    DELETING = "deleting"
    DELETED = "deleted"
    REFUSED = "refused"
    INTERRUPTED = "interrupted"
    STOPPED = "stopped"
    HELD = "held"
    OVERDUE = "overdue"
    LOCKED = "locked"


WAITING = frozenset({State.AWAITS_APPROVAL, State.AWAITS_RECEIPT})
"""For somebody outside: a person who approves, or the target. See `RunSummary.waits`."""
OVERDUE = frozenset({State.OVERDUE, State.LOCKED})
"""Copies are still there that should be gone."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """The last rule that a run met."""

    code: str
    step: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Due:
    """A date on which the copies must go, why, and the record that says so."""

    at: datetime
    reason: str
    seq: int


@dataclass(slots=True, eq=False)
class RunSummary:
    """What the records of one run come to.

    Attributes:
        seq: the place in the log of the run's first record, by which runs are listed; `began` its time.
        by: the principal who opened it, ``airflow:DAG/RUN`` or ``os:USER``; empty as long as it was
            not opened, for all that is known then is that it was refused.
        dag, dag_run: those that made the run; None where none did.
        last: the state that the last record which changes it brought.
        rows_in_scope, rows_total: as planned; None where not planned, or not counted.
        rows: how many were extracted, once they all were.
        level: that of the confirmation.
        stopped: the step at which the run ended without a confirmation.
        deleted: when the copies were certified as gone, and `certified` the place of that record.
        obliged: whether there is a duty to delete; `kept_due` the soonest date that holds in any case,
            `other_due` that of the others since the run's dump alone was kept.
    """

    run: str
    seq: int
    began: datetime
    by: str = ""
    dag: str | None = None
    dag_run: str | None = None
    instruction: Instructed | None = None
    source: str = ""
    landing: str = ""
    interval: tuple[str, str] | None = None
    last: State = State.OPENED
    rows_in_scope: int | None = None
    rows_total: int | None = None
    allowed: int | None = None
    withheld: int | None = None
    rows: int | None = None
    delivered: datetime | None = None
    confirmed: datetime | None = None
    level: str = ""
    stopped: str = ""
    deleted: datetime | None = None
    certified: int | None = None
    refusal: Refusal | None = None
    obliged: bool = False
    kept_due: Due | None = None
    other_due: Due | None = None
    hold: Hold | None = None
    locked: Locked | None = None
    failed: bool = False

    def open(self, by: str) -> None:
        """Note who opened it."""
        self.by = by
        self.dag, self.dag_run = made_by(by)

    @property
    def controllers(self) -> tuple[str, ...]:
        """The names of those who instructed it."""
        return self.instruction.controllers if self.instruction is not None else ()

    @property
    def is_open(self) -> bool:
        """Whether copies may be there."""
        return self.obliged and self.deleted is None

    @property
    def waits(self) -> bool:
        """Whether a person or the target is waited for, whatever becomes of the copies meanwhile."""
        return self.last in WAITING and self.deleted is None

    @property
    def is_refused(self) -> bool:
        """Whether a rule stopped it, and it did not get past that."""
        return self.last == State.REFUSED or bool(self.stopped)

    @property
    def due(self) -> Due | None:
        """When the copies must be gone, done or not."""
        one, other = self.kept_due, self.other_due
        if one is None or other is None:
            return one or other
        return min(one, other, key=lambda date: (date.at, date.seq))

    def obligation(self) -> Obligation | None:
        """The duty to delete, as `remit.custody.Story.obligation` gives it."""
        due = self.due
        if not self.obliged or due is None:
            return None
        return Obligation(
            run=self.run,
            due=due.at,
            reason=due.reason,
            done=self.deleted is not None,
            hold=self.hold,
            locked=self.locked,
            failed=self.failed,
        )

    def state(self, now: datetime) -> State:
        """How the run is now."""
        if self.deleted is not None:
            return State.DELETED
        due = self.due
        if due is None or not self.obliged:
            return self.last
        if self.hold is not None and now < self.hold.until:
            return State.HELD
        if now >= due.at:
            locked = self.locked is not None and now < self.locked.again
            return State.LOCKED if locked else State.OVERDUE
        return self.last


def made_by(principal: str) -> tuple[str | None, str | None]:
    """The DAG and DAG run of a principal; a DAG's id has no slash, a DAG run's may."""
    kind, _, name = principal.partition(":")
    dag, _, dag_run = name.partition("/")
    made = kind == "airflow" and dag and dag_run
    return (intern(dag), dag_run) if made else (None, None)
