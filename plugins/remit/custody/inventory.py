"""Where copies of runs may be, as the evidence has it: what a sweep holds the stores against."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from remit.custody.story import is_run
from remit.errors import EvidenceBroken
from remit.evidence import Ledger, Record, of_kinds

_KINDS = ("opened", "obliged", "sealed", "stopped", "delivering", "deleted")


@dataclass(slots=True)
class KnownRun:
    """What the evidence says of one run.

    Attributes:
        landing: the specification of its landing zone.
        endpoint: what that zone was known by when it was sent to.
        staged_in: the name of the store that it was to be staged in, once there was a duty to delete.
        key_in: the name of the store that its staging key was put in.
        sent_to: the name of the zone that it was sent to, if it was.
        keyless: whether nobody needs its staging key any more.
        deleted: whether every copy is certified as gone.
    """

    landing: str = ""
    endpoint: str | None = None
    staged_in: str | None = None
    key_in: str | None = None
    sent_to: str | None = None
    keyless: bool = False
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class Inventory:
    """Every run that the evidence knows."""

    runs: dict[str, KnownRun]

    def zones(self) -> dict[tuple[str, str | None], set[str]]:
        """The zones that anything was sent to: names of the stores, by specification and endpoint."""
        found: dict[tuple[str, str | None], set[str]] = {}
        for run in self.runs.values():
            if run.sent_to is not None:
                found.setdefault((run.landing, run.endpoint), set()).add(run.sent_to)
        return found

    def stagings(self) -> set[str]:
        """The names of the stores that runs were staged in."""
        return {run.staged_in for run in self.runs.values() if run.staged_in is not None}

    def key_stores(self) -> set[str]:
        """The names of the stores that staging keys were put in."""
        return {run.key_in for run in self.runs.values() if run.key_in is not None}


def inventory(ledger: Ledger) -> Inventory:
    """Read it from the evidence.

    Raises:
        EvidenceBroken: a record is damaged, so that what it knew would pass for unknown.
    """
    runs: dict[str, KnownRun] = {}
    for record in _records(ledger):
        known = runs.setdefault(record.run, KnownRun())
        try:
            _learn(known, record)
        except (KeyError, TypeError):
            raise EvidenceBroken(f"record {record.seq}", "it says no place.") from None
    return Inventory(runs)


def _records(ledger: Ledger) -> Iterator[Record]:
    return (record for record in of_kinds(ledger, *_KINDS) if is_run(record.run))


def _learn(known: KnownRun, record: Record) -> None:
    if record.kind == "opened":
        known.landing = str(record.data["landing"])
    elif record.kind == "obliged":
        known.staged_in = str(record.data["staging_store"])
        known.key_in = str(record.data["key_store"])
    elif record.kind == "delivering":
        known.sent_to = str(record.data["zone"])
        known.endpoint = record.data["endpoint"]
    else:
        known.keyless = True
        known.deleted = known.deleted or record.kind == "deleted"
