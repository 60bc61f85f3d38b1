"""A run as its records tell it, and the duty to delete that follows from them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from remit.evidence import Record, parse_timestamp, timestamp
from remit.signing import PublicKey

REGISTER = "register:instructions"
"""Under this name the register of instructions is in the evidence; no run can have it."""

ALERTS = "register:alerts"
"""Under this name alerts are in the evidence, and attempts at acts that are not somebody's."""

ORPHANS = "register:orphans"
"""Under this name is what a sweep found that nobody recorded."""


def is_run(name: str) -> bool:
    """Whether records under a name are a run's; no run has a colon in its id."""
    return ":" not in name


@dataclass(frozen=True, slots=True)
class Hold:
    """A deletion suspended until a date, in the name of a person."""

    until: datetime
    person: str
    reason: str


@dataclass(frozen=True, slots=True)
class Locked:
    """Copies that their store does not let go of.

    Attributes:
        until: None for as long as nobody lifts the storage's hold.
        again: before this, trying again is in vain.
    """

    until: datetime | None
    again: datetime

    def __str__(self) -> str:
        until = timestamp(self.until) if self.until else "somebody lifts the storage's legal hold"
        return f"locked until {until}; tried again at {timestamp(self.again)}"


@dataclass(frozen=True, slots=True)
class Obligation:
    """A duty to delete: due at `due`, because of `reason`; done when `done`.

    Attributes:
        hold: the one that lasts longest, expired ones included; none once it was released.
        locked: what the last attempt found locked.
        failed: whether an attempt was made, and something was left.
    """

    run: str
    due: datetime
    reason: str
    done: bool
    hold: Hold | None = None
    locked: Locked | None = None
    failed: bool = False

    @property
    def held_until(self) -> datetime | None:
        """When the hold ends."""
        return self.hold.until if self.hold else None

    def is_held(self, now: datetime) -> bool:
        """Whether a hold suspends it."""
        return self.hold is not None and now < self.hold.until

    def is_due(self, now: datetime) -> bool:
        """Whether it must be executed now; a hold suspends it until the hold expires."""
        return not self.done and not self.is_held(now) and now >= self.due

    def is_locked(self, now: datetime) -> bool:
        """Whether trying would be in vain; it stays due."""
        return self.locked is not None and now < self.locked.again


class Story:
    """A run as its records tell it."""

    def __init__(self, run: str, records: Sequence[Record]) -> None:
        self.run = run
        self.records = list(records)

    def has(self, kind: str) -> bool:
        """Whether something of the kind happened."""
        return any(record.kind == kind for record in self.records)

    def last(self, kind: str) -> Any:
        """The data of the last record of a kind. KeyError when there is none."""
        for record in reversed(self.records):
            if record.kind == kind:
                return record.data
        raise KeyError(kind)

    @property
    def instruction_envelope(self) -> bytes:
        """The instruction that was pinned when the run was opened."""
        return str(self.last("opened")["envelope"]).encode()

    @property
    def staging_key(self) -> PublicKey:
        """The public half of the staging key that the run's files are sealed to as well."""
        return PublicKey.parse(self.last("extracted")["staging_key"])

    @property
    def manifest_envelope(self) -> bytes:
        """The signed manifest."""
        return str(self.last("sealing")["manifest"]).encode()

    def ended_at(self) -> str | None:
        """The step at which a refusal ended the run."""
        for record in self.records:
            if record.kind == "refused" and record.data["ends_run"]:
                return str(record.data["step"])
        return None

    @property
    def keeps_dump(self) -> bool:
        """Whether it stopped and lost what it staged, but keeps its dump until a later date."""
        ends = [r.kind for r in self.records if r.kind in ("stopped", "dump-kept", "deleted")]
        return ends[-1:] == ["dump-kept"]

    def copies_found(self) -> list[dict[str, Any]]:
        """Every copy that any attempt to delete found, each once."""
        found = [c for r in self.records if r.kind == "deleting" for c in r.data["copies"]]
        return list({copy["where"]: copy for copy in found}.values())

    def obligation(self) -> Obligation | None:
        """The duty to delete, from the moment it was recorded."""
        if not self.has("obliged"):
            return None
        done = max((n for n, r in enumerate(self.records) if r.kind == "dump-kept"), default=-1)
        dues = [
            record.data
            for number, record in enumerate(self.records)
            if "due" in (record.data or {})
            # What made the rest due at once is done, and does not make the dump due.
            and (number > done or record.kind in ("obliged", "confirmed"))
        ]
        soonest = min(dues, key=lambda data: str(data["due"]))
        return Obligation(
            run=self.run,
            due=parse_timestamp(soonest["due"]),
            reason=soonest["reason"],
            done=self.has("deleted"),
            hold=self.hold(),
            locked=self._locked(),
            failed=_failed_to_delete(self.records[-1]),
        )

    def hold(self) -> Hold | None:
        """The hold that lasts longest, of those since the last release; it may have expired."""
        since = max((n for n, r in enumerate(self.records) if r.kind == "released"), default=-1)
        held = [r.data for r in self.records[since + 1 :] if r.kind == "held"]
        if not held:
            return None
        longest = max(held, key=lambda data: str(data["until"]))
        until = parse_timestamp(longest["until"])
        return Hold(until, str(longest["person"]), str(longest["reason"]))

    def _locked(self) -> Locked | None:
        locks = [r.data for r in self.records if r.kind == "undeleted" and r.data.get("again")]
        if not locks:
            return None
        until, again = locks[-1]["until"], locks[-1]["again"]
        return Locked(parse_timestamp(until) if until else None, parse_timestamp(again))


def _failed_to_delete(record: Record) -> bool:
    failed = record.kind in ("refused", "interrupted") and record.data["step"] == "delete"
    return failed or record.kind == "undeleted"


def stories(records: Iterable[Record]) -> list[Story]:
    """Every run of the log, in the order of their opening."""
    runs: dict[str, list[Record]] = {}
    for record in records:
        if is_run(record.run):
            runs.setdefault(record.run, []).append(record)
    return [Story(run, records) for run, records in runs.items()]
