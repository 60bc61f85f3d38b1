"""What cannot be an alert, because the log cannot record it: broken evidence, or a ledger that is away.

Guarantee: the owner and every controller's contact are told through the channels as soon as it is
found, and again at each time of the chains, then daily, until a pass finds the evidence whole or a
named person acknowledges it, which is good for a week. When it is whole again, an alert says in the
log what had been.
Not guaranteed: anything if the folder of notes is lost as well; whoever calls fails then.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from pydantic import TypeAdapter

from remit.alerts.model import ACKNOWLEDGED_FOR, Step
from remit.alerts.notices import emergency_notice
from remit.alerts.telling import Outcome, Teller
from remit.alerts.watched import chain_json, chain_of
from remit.errors import EvidenceBroken, Unavailable
from remit.evidence import parse_timestamp, timestamp
from remit.ports import Notes

BROKEN, AWAY = "evidence-broken", "ledger-away"
PATIENCE = {BROKEN: timedelta(0), AWAY: timedelta(minutes=15)}
"""How long it may last before anybody is told."""

_CONTACTS = "contacts"
_DAILY = timedelta(days=1)


@dataclass(slots=True)
class Emergency:
    """One that goes on.

    Attributes:
        kind: `BROKEN` or `AWAY`.
        since: when it was found first.
        told: to each person's address, how many times.
        outcomes: what came of telling each at last.
        acknowledged: by whom, when and why; nobody is told then, for a week.
    """

    kind: str
    since: str
    where: str
    message: str
    told: dict[str, int] = field(default_factory=dict)
    outcomes: dict[str, str] = field(default_factory=dict)
    acknowledged: dict[str, str | None] | None = None

    @property
    def began(self) -> datetime:
        """When it was found first."""
        return parse_timestamp(self.since)

    def is_felt(self, now: datetime) -> bool:
        """Whether it lasts long enough to be told of."""
        # One that is yet to begin is of a clock that was wrong, or of nobody's.
        return not timedelta(0) <= now - self.began < PATIENCE[self.kind]

    def rests(self, now: datetime) -> bool:
        """Whether a person took it up so lately that nobody is told."""
        if self.acknowledged is None:
            return False
        at = parse_timestamp(str(self.acknowledged["at"]))
        return timedelta(0) <= now - at < ACKNOWLEDGED_FOR


_FORM = TypeAdapter(Emergency)
_WHO = {"name", "account", "at", "reason"}


def going_on(notes: Notes) -> list[Emergency]:
    """Those that no pass has found to be over."""
    found = (_read(notes, kind) for kind in (BROKEN, AWAY))
    return [one for one in found if one is not None]


def note_contacts(notes: Notes, chain: Sequence[Step]) -> None:
    """Keep who is to be told, for when the evidence cannot be asked."""
    wanted = chain_json(chain)
    if chain and notes.read(_CONTACTS) != wanted:
        notes.write(_CONTACTS, wanted)


def contacts(notes: Notes) -> tuple[Step, ...]:
    """Who is to be told."""
    try:
        return chain_of(notes.read(_CONTACTS) or ())
    except (KeyError, TypeError, ValueError, OverflowError):
        return ()


def declare(notes: Notes, error: EvidenceBroken | Unavailable, since: datetime) -> None:
    """Note that it goes on, unless that is noted."""
    kind = BROKEN if isinstance(error, EvidenceBroken) else AWAY
    if _read(notes, kind) is None:
        one = Emergency(kind, timestamp(since), error.where, error.message)
        notes.write(kind, asdict(one))


def go_on(notes: Notes, one: Emergency, now: datetime, teller: Teller) -> Emergency:
    """Tell whom it is time to tell of one that goes on."""
    if not one.rests(now) and one.is_felt(now):
        chain = contacts(notes)
        if not chain:
            one.outcomes = {"nobody": "no instruction was known, so nobody could be told"}
        times = _times(chain, max(timedelta(0), now - one.began - PATIENCE[one.kind]))
        for person in chain:
            _tell(one, person, times, teller)
    notes.write(one.kind, asdict(one))
    return one


def acknowledge(notes: Notes, kind: str, by: dict[str, Any]) -> Emergency | None:
    """Tell nobody for a week; None when it is over."""
    one = _read(notes, kind)
    if one is not None:
        one.acknowledged = by
        notes.write(kind, asdict(one))
    return one


def over(notes: Notes, kind: str) -> None:
    """Forget it: the evidence is whole again, and says that it was not."""
    notes.remove(kind)


def failures(one: Emergency) -> Iterator[str]:
    """Who could not be told, and why."""
    for person, said in one.outcomes.items():
        if not one.told.get(person):
            yield f"{person}: {said}"


def _tell(one: Emergency, person: Step, times: int, teller: Teller) -> None:
    already = one.told.get(person.email, 0)
    if already >= times:
        return
    notice = emergency_notice(one.kind, person, one.where, one.message, one.began, times - 1)
    outcome: Outcome = teller.tell(notice)
    one.outcomes[person.email] = outcome.said
    if outcome.told:
        one.told[person.email] = times


def _times(chain: Sequence[Step], elapsed: timedelta) -> int:
    """How many times everybody should have been told by now."""
    moments = sorted({timedelta(0), *(step.after for step in chain)})
    passed = sum(1 for moment in moments if moment <= elapsed)
    days = max(timedelta(0), elapsed - moments[-1]) // _DAILY
    return passed + days


def _read(notes: Notes, kind: str) -> Emergency | None:
    """One that goes on; of a damaged note that it is there is enough."""
    note = notes.read(kind)
    if note is None:
        return None
    try:
        one = _FORM.validate_python(note)
        parse_timestamp(one.since)
        if by := one.acknowledged:
            parse_timestamp(str(by["at"]))
        if one.kind != kind or (by is not None and not by.keys() >= _WHO):
            raise ValueError
    except (KeyError, ValueError):
        return Emergency(kind, "2000-01-01T00:00:00Z", "the note of it", "it was damaged.")
    return one
