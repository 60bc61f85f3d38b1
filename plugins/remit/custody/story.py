"""A run as its records tell it, and the duty to delete that follows from them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from remit.errors import EvidenceBroken
from remit.evidence import EvidenceLog, Record, parse_timestamp
from remit.signing import PublicKey
from remit.succession import KEYS

REGISTER = "register:instructions"
"""Under this name the register of instructions is in the evidence; no run can have it."""


def is_register(name: str) -> bool:
    """Whether records of that name are of a register, of instructions or keys, and of no run."""
    return name in (REGISTER, KEYS)


@dataclass(frozen=True, slots=True)
class Obligation:
    """A duty to delete: due at `due`, because of `reason`; done when `done`."""

    run: str
    due: datetime
    reason: str
    landing: str
    done: bool
    held_until: datetime | None = None

    def is_due(self, now: datetime) -> bool:
        """Whether it must be executed now; a hold suspends it until the hold expires."""
        held = self.held_until is not None and now < self.held_until
        return not self.done and not held and now >= self.due


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
        held = [record.data["until"] for record in self.records if record.kind == "held"]
        return Obligation(
            run=self.run,
            due=parse_timestamp(soonest["due"]),
            reason=soonest["reason"],
            landing=self.last("opened")["landing"],
            done=self.has("deleted"),
            held_until=parse_timestamp(max(held)) if held else None,
        )


def stories(records: Iterable[Record]) -> list[Story]:
    """Every run of the log, in the order of their opening."""
    runs: dict[str, list[Record]] = {}
    for record in records:
        if not is_register(record.run):
            runs.setdefault(record.run, []).append(record)
    return [Story(run, records) for run, records in runs.items()]


@dataclass(frozen=True, slots=True)
class Survey:
    """What is due, the longest overdue first; what is not yet; and the runs that are damaged."""

    due: list[Obligation]
    pending: list[Obligation]
    damaged: dict[str, EvidenceBroken]


def survey(log: EvidenceLog, now: datetime) -> Survey:
    """Look through every run; a damaged one does not hide the others."""
    runs: dict[str, list[Record]] = {}
    damaged: dict[str, EvidenceBroken] = {}
    for kept in log.kept():
        if kept.run in damaged or is_register(kept.run):
            continue
        try:
            record = kept.record()
        except EvidenceBroken as error:
            damaged[kept.run] = error
            runs.pop(kept.run, None)
            continue
        if record.kind == "deleted":
            runs.pop(kept.run, None)  # done: only what is open is kept in memory
        else:
            runs.setdefault(kept.run, []).append(record)
    found = [Story(run, records).obligation() for run, records in runs.items()]
    left = sorted((one for one in found if one), key=lambda obligation: obligation.due)
    return Survey(
        due=[obligation for obligation in left if obligation.is_due(now)],
        pending=[obligation for obligation in left if not obligation.is_due(now)],
        damaged=damaged,
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
