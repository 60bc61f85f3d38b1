"""A notice to one controller: what the evidence says, and what a person must complete."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from remit.breach.exposed import Exposed
from remit.evidence import timestamp
from remit.instruction import Category, Instruction

Shown = dict[str, Any]

HOURS_OF_THE_CONTROLLER = 72
"""Art. 33(1): within these the controller notifies the authority, after it became aware."""

TO_COMPLETE = (
    "aware",
    "what-happened",
    "persons",
    "copies",
    "consequences",
    "measures",
    "risk",
)
"""What the evidence cannot know, in the order in which the notice asks for it."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Why the notice is drafted.

    Attributes:
        kind: ``run``, ``key`` or ``alert``.
        name: the run's, key's or alert's id.
        told: what the evidence says of it itself, such as an alert's message; may be empty.
        signed: of a key, what was signed with it while it may have been in wrong hands.
    """

    kind: str
    name: str
    told: Sequence[str] = ()
    signed: Mapping[str, int] | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """The draft of a notice.

    Attributes:
        runs: of this controller, those concerned; the newest instruction's words are the last one's.
        aware: when the processor became aware, if a person has said so.
        size, root: of the log that it was made of.
    """

    cause: Cause
    controller: str
    runs: Sequence[Exposed]
    made_at: datetime
    aware: datetime | None
    size: int
    root: str

    @property
    def terms(self) -> Instruction:
        """The newest instruction concerned."""
        return self.runs[-1].terms

    @property
    def legal_name(self) -> str:
        """Of the controller whom the notice is for."""
        named = {one.name: one.legal_name for one in self.terms.controllers}
        return named.get(self.controller, self.controller)

    @property
    def categories(self) -> list[Category]:
        """The categories of data that could have been read, special ones first."""
        found = {
            Category(name) for run in self.runs for t in run.tables for name in t["categories"]
        }
        return sorted(found, key=lambda one: (not one.special, one.value))

    @property
    def rows(self) -> int:
        """How many records."""
        return sum(table["rows"] for run in self.runs for table in run.tables)

    @property
    def persons_at_most(self) -> int:
        """No row is of more than one person, so that there are at most as many as these rows."""
        return sum(t["rows"] for run in self.runs for t in run.tables if t["persons"])

    @property
    def tell_by(self) -> datetime | None:
        """Until when the controller is to be told."""
        within: timedelta = min(run.terms.contacts.breach_within for run in self.runs)
        return self.aware + within if self.aware else None

    def to_complete(self) -> list[str]:
        """The places that a person completes, in order."""
        known = {"aware"} if self.aware else set()
        return [name for name in TO_COMPLETE if name not in known]

    def as_json(self) -> Shown:
        """The draft for other tools."""
        terms = self.terms
        contacts = terms.contacts
        return {
            "draft": True,
            "made_at": timestamp(self.made_at),
            "evidence": {"records": self.size, "root": self.root},
            "about": {
                "kind": self.cause.kind,
                "name": self.cause.name,
                "told": list(self.cause.told),
                "signed": dict(self.cause.signed) if self.cause.signed is not None else None,
            },
            "controller": {"name": self.controller, "legal_name": self.legal_name},
            "processor": {
                "legal_name": terms.processor.legal_name,
                "contract": terms.processor.contract,
                "dpo": terms.processor.dpo.model_dump(),
            },
            "told_to": contacts.breach.model_dump(),
            "within_seconds": int(contacts.breach_within.total_seconds()),
            "aware_at": timestamp(self.aware) if self.aware else None,
            "tell_by": timestamp(self.tell_by) if self.tell_by else None,
            "data_subjects": sorted(
                {text for run in self.runs for text in run.terms.data_subjects}
            ),
            "persons_at_most": self.persons_at_most,
            "records": self.rows,
            "categories": [category.value for category in self.categories],
            "special_categories": [c.value for c in self.categories if c.special],
            "runs": [run.as_json() for run in self.runs],
            "to_complete": self.to_complete(),
        }
