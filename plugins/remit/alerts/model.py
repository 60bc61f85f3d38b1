"""What an alert is, as the records of `register:alerts` tell it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple

from remit.alert_kinds import GRAVE, KINDS, SEVERITIES, Kind, Severity
from remit.custody.story import ALERTS
from remit.records import timestamp

__all__ = [
    "ACKNOWLEDGED_FOR",
    "ALERTS",
    "KINDS",
    "SEVERITIES",
    "Act",
    "Alert",
    "Kind",
    "Severity",
    "Step",
    "Told",
]

ACKNOWLEDGED_FOR = timedelta(days=7)
"""How long an acknowledgement stops the escalation of an alert that nobody closes."""

REMINDED = timedelta(days=1)
"""How often the last person of a chain is told again of a grave alert that nobody takes up."""


class Step(NamedTuple):
    """One tier of an alert's escalation: this person is told when it is open for so long."""

    name: str
    email: str
    after: timedelta


class Told(NamedTuple):
    """What came of telling a tier.

    Attributes:
        round: 0, and one more for each acknowledgement that ran out.
        late: by how many seconds the pass came after the tier's time.
        told: whether any channel took it.
        outcome: by which channels, or why not.
    """

    tier: int
    person: str
    at: datetime
    outcome: str
    round: int
    late: int
    told: bool


@dataclass(frozen=True, slots=True)
class Act:
    """A person's act on an alert; `person` as the instruction names them, `until` for an acknowledgement."""

    person: str
    account: str
    at: datetime
    reason: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert.

    Attributes:
        id: 16 hex digits, from what it is about.
        about: the place: a run, a store, a key; never a value of a data subject.
        instruction: ``controller/id`` of the instruction that it belongs to; None where it concerns
            the deployment.
        controllers: the names of the instruction's controllers, of all in force for a deployment's.
        seq: the record that it was found in; None for what time or places show.
        digest: of the instruction's text.
        chain: who is told, the owner first.
        told: in order, what came of telling each tier; a failure once, and what came of it at last.
        next_escalation: when the next tier is due, which may be past; None where no other is.
        round: how often it was acknowledged; when that has run out, the chain begins anew.
    """

    id: str
    kind: str
    severity: Severity
    about: str
    run: str | None
    instruction: str | None
    controllers: tuple[str, ...]
    seq: int | None
    raised_at: datetime
    state: Literal["open", "acknowledged", "closed"]
    message: str
    way_out: str
    chain: tuple[Step, ...]
    acknowledged: Act | None = None
    closed: Act | None = None
    told: tuple[Told, ...] = ()
    next_escalation: datetime | None = None
    digest: str | None = None
    round: int = 0

    @property
    def since(self) -> datetime:
        """From when the times of the tiers count."""
        ended = self.acknowledged.until if self.acknowledged else None
        return ended or self.raised_at

    def step(self, tier: int) -> Step:
        """Who is told at a tier; beyond the chain its last person is reminded, once a day."""
        last = len(self.chain) - 1
        if tier <= last:
            return self.chain[tier]
        return self.chain[last]._replace(after=self.chain[last].after + (tier - last) * REMINDED)

    @property
    def reminds(self) -> bool:
        """Whether somebody is told again after everybody was."""
        return self.severity in GRAVE and bool(self.chain)

    @property
    def upcoming(self) -> Step | None:
        """Who is told next, of those whom nobody tried to tell yet; None where nobody is left."""
        tried = {one.tier for one in self.told if one.round == self.round}
        left = [step for tier, step in enumerate(self.chain) if tier not in tried]
        if not left and self.reminds:
            return self.step(max(tried) + 1)
        return min(left, key=lambda step: step.after, default=None)

    @property
    def title(self) -> str:
        """What it is about, in a few words."""
        return KINDS[self.kind].title if self.kind in KINDS else self.kind

    @property
    def owner(self) -> Step | None:
        """Whose it is; None where no instruction named anybody when it was raised."""
        return self.chain[0] if self.chain else None

    def as_json(self) -> Mapping[str, Any]:
        """The alert as commands and exports give it."""
        owner = self.owner
        return {
            "id": self.id,
            "kind": self.kind,
            "title": self.title,
            "severity": self.severity,
            "state": self.state,
            "about": self.about,
            "run": self.run,
            "instruction": self.instruction,
            "controllers": list(self.controllers),
            "raised_at": timestamp(self.raised_at),
            "owner": {"name": owner.name, "email": owner.email} if owner else None,
            "message": self.message,
            "way_out": self.way_out,
            "acknowledged": _act(self.acknowledged),
            "closed": _act(self.closed),
            "told": [one._asdict() | {"at": timestamp(one.at)} for one in self.told],
            "next_escalation": timestamp(self.next_escalation) if self.next_escalation else None,
        }


def _act(act: Act | None) -> dict[str, str] | None:
    if act is None:
        return None
    fields = {"person": act.person, "account": act.account, "reason": act.reason}
    until = {"until": timestamp(act.until)} if act.until else {}
    return {**fields, "at": timestamp(act.at), **until}
