"""What a reader may do to a run: which forms its page shows, and where what they send is recorded.

An act is a record of evidence, and reaches nothing else: not the landing zone, not staging, no key but
the one that signs evidence. A server without that key shows no form.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from remit import wiring
from remit.custody import Deployment, Story
from remit.custody.bounds import LONGEST_HOLD
from remit.custody.person_acts import can_be_vouched, unvouched, vouched
from remit.errors import Refused, Unavailable, UsageError
from remit.instruction import Instruction, parse
from remit.instruction.parties import Act
from remit.instruction.trust import payload_of
from remit.people import Identity, require_person
from remit.reviewer.reading import ledger
from remit.signing import load_signer


@dataclass(frozen=True, slots=True)
class Tried:
    """What somebody sent, and why it was refused."""

    refusal: Refused
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Acts:
    """What can be done to a run now, and by whom.

    Attributes:
        here: whether this server can record acts.
        holds: whether the reader may suspend the deletion, or end that.
        confirms: whether the reader may stand for a control file.
        holders, confirmers: the e-mail addresses of those who may.
        holdable, held: whether there is something to hold, and whether it is held.
        first, last: the days until the end of which it can be held.
        control: the digest of the control file that waits for a person, if one does.
        given: who stood for the last one found, while nothing looked at it since.
    """

    here: bool
    holds: bool
    confirms: bool
    holders: tuple[str, ...]
    confirmers: tuple[str, ...]
    holdable: bool
    held: bool
    first: str
    last: str
    control: str | None
    given: Mapping[str, Any] | None


def acts_on(story: Story, identity: Identity) -> Acts | None:
    """What can be done to a run; None where nothing can, because it was not opened or has ended."""
    if not story.has("opened") or story.has("deleted"):
        return None
    terms = parse(payload_of(story.instruction_envelope))
    holds, confirms = _may(terms, identity, "hold"), _may(terms, identity, "confirm")
    now, hold, obligation = wiring.clock(), story.hold(), story.obligation()
    latest = (obligation.due if obligation else now) + LONGEST_HOLD - timedelta(days=1)
    waiting = [one for one in unvouched(story) if can_be_vouched(story, one)]
    return Acts(
        here=(holds or confirms) and _has_key(),
        holds=holds,
        confirms=confirms,
        holders=tuple(person.email for person in terms.contacts.may("hold")),
        confirmers=tuple(person.email for person in terms.contacts.may("confirm")),
        holdable=now.date() <= latest.date(),
        held=hold is not None and hold.until > now,
        first=now.date().isoformat(),
        last=latest.date().isoformat(),
        control=waiting[-1] if waiting else None,
        given=_given(story),
    )


def _given(story: Story) -> Mapping[str, Any] | None:
    digests = [one.data["digest"] for one in story.records if one.kind == "vouched"]
    stands = digests and can_be_vouched(story, digests[-1])
    return vouched(story, digests[-1]) if stands else None


def _may(terms: Instruction, identity: Identity, act: Act) -> bool:
    try:
        require_person(terms, identity, act)
    except Refused:
        return False
    return True


def _has_key() -> bool:
    try:
        load_signer(wiring.Settings.from_environment().signing_key)
    except (UsageError, Refused, Unavailable):
        return False
    return True


def records() -> Deployment | None:
    """Where acts are recorded; None where this server has no key to sign them.

    Raises:
        Refused, Unavailable: others can read the key's file; the token or the ledger does not answer.
    """
    log = ledger()
    try:
        return wiring.open_records(wiring.Settings.from_environment(), log)
    except UsageError:
        return None
