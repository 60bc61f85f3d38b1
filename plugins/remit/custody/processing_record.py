"""The record of processing under instructions (Art. 28(3)(a), 30(2) GDPR), made of the evidence.

It lists every instruction received, whatever became of it, and every run under each. It holds what
the controllers signed, counts and times; never a value of a data subject.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from remit.custody.briefs import split
from remit.custody.entries import Entry, entries_of
from remit.custody.story import Story
from remit.errors import EvidenceBroken, Refused
from remit.evidence import Record, parse_timestamp, timestamp
from remit.instruction import Instruction, digest_of, parse
from remit.instruction.parties import EEA, Controller, Person
from remit.instruction.trust import payload_of

Shown = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Extent:
    """How much of the record is asked for: all of it where nothing is said.

    Attributes:
        start, until: only runs opened at or after the one and before the other.
        controller: only this controller's instructions and runs, alone or joint.
    """

    start: datetime | None = None
    until: datetime | None = None
    controller: str | None = None

    def has(self, opened_at: str) -> bool:
        """Whether a run that was opened then is in the period."""
        moment = parse_timestamp(opened_at)
        return (self.start is None or moment >= self.start) and (
            self.until is None or moment < self.until
        )

    def concerns(self, controllers: Sequence[str]) -> bool:
        """Whether an instruction of these controllers is asked for."""
        return self.controller is None or self.controller in controllers


EVERYTHING = Extent()


def processing_record(
    records: Iterable[Record], now: datetime, extent: Extent = EVERYTHING
) -> Shown:
    """The record, as JSON would have it: by controller, instruction and run.

    Args:
        records: as `remit.custody.briefs.records_for_reports` gives them, or more.

    Raises:
        EvidenceBroken: a record is damaged, or a run's instruction is not in the register.
    """
    register, found = split(records)
    entries = entries_of(register)
    known = [
        _Known(entry, terms_of(entry)) for entry in entries if extent.concerns(entry.controllers)
    ]
    runs = _runs(found, {entry.digest for entry in entries}, extent)
    return {
        "made_at": timestamp(now),
        "processors": _processors(known),
        "controllers": [
            {"controller": name, **_controller(name, known, entries, runs, now)}
            for name in sorted({one.entry.controllers[0] for one in known})
        ],
    }


class Standing(NamedTuple):
    """How an instruction stands: since when, or from when; and by which version it is superseded."""

    state: Literal["in-force", "revoked", "superseded", "expired", "not-yet"]
    at: str | None = None
    version: int | None = None


def standing_of(entry: Entry, entries: Iterable[Entry], now: datetime) -> Standing:
    """Whether an instruction is in force."""
    if entry.revoked_at:
        return Standing("revoked", entry.revoked_at)
    newer = [
        other
        for other in entries
        if other.key.fits(entry.key) and other.version > entry.version and other.valid_from <= now
    ]
    if newer:
        first = min(newer, key=lambda other: other.valid_from)
        return Standing("superseded", timestamp(first.valid_from), first.version)
    if now >= entry.valid_until:
        return Standing("expired", timestamp(entry.valid_until))
    if now < entry.valid_from:
        return Standing("not-yet", timestamp(entry.valid_from))
    return Standing("in-force")


def state_of(entry: Entry, entries: Iterable[Entry], now: datetime) -> str:
    """Whether an instruction is in force, in words."""
    standing = standing_of(entry, entries, now)
    return {
        "in-force": "in force",
        "revoked": f"revoked (known since {standing.at})",
        "superseded": f"superseded by version {standing.version} since {standing.at}",
        "expired": f"expired at {standing.at}",
        "not-yet": f"not valid before {standing.at}",
    }[standing.state]


@dataclass(frozen=True, slots=True)
class _Known:
    """An entry, and what its text says."""

    entry: Entry
    terms: Instruction


def _runs(stories: Iterable[Story], digests: set[str], extent: Extent) -> dict[str, list[Shown]]:
    """The runs that were opened in the period, by the digest of their instruction."""
    found: dict[str, list[Shown]] = {}
    for story in stories:
        if not story.has("opened"):
            continue
        try:
            digest, shown = digest_of_run(story), _run(story)
            asked = extent.has(shown["opened_at"])
        except (KeyError, TypeError, ValueError, AttributeError):
            raise EvidenceBroken(f"run {story.run}", "its records are damaged.") from None
        if digest not in digests:
            raise EvidenceBroken(f"run {story.run}", "the register does not have its instruction.")
        if asked:
            found.setdefault(digest, []).append(shown)
    return found


def _processors(known: Iterable[_Known]) -> list[Shown]:
    found: list[Shown] = []
    for one in known:
        processor = one.terms.processor
        fields = {"legal_name": processor.legal_name, "dpo": _person(processor.dpo)}
        if fields not in found:
            found.append(fields)
    return found


def _controller(
    name: str,
    known: list[_Known],
    entries: list[Entry],
    runs: Mapping[str, list[Shown]],
    now: datetime,
) -> Shown:
    """A controller as its newest instruction has it, and everything that it instructed."""
    own = [one for one in known if one.entry.controllers[0] == name]
    newest = max(own, key=lambda one: (one.entry.valid_from, one.entry.version)).terms.controller
    return {
        "legal_name": newest.legal_name,
        "contact": _person(newest.contact),
        "instructions": [
            _instruction(one, state_of(one.entry, entries, now), runs.get(one.entry.digest, []))
            for one in own
        ],
    }


def _instruction(one: _Known, state: str, runs: list[Shown]) -> Shown:
    entry, terms = one.entry, one.terms
    return {
        **entry.instruction,
        "state": state,
        "received_at": entry.received_at,
        "revocation": _revocation(entry),
        "valid": {"from": timestamp(entry.valid_from), "until": timestamp(entry.valid_until)},
        "supersedes": entry.supersedes,
        "contract": terms.processor.contract,
        "joint_controllers": [_joint(party) for party in terms.joint_controllers],
        "subject": terms.subject,
        "nature": terms.nature,
        "purpose": terms.purpose,
        "data_subjects": list(terms.data_subjects),
        "categories": sorted(category.value for category in terms.categories()),
        "special_categories": sorted(c.value for c in terms.categories() if c.special),
        "recipients": [
            {
                "legal_name": recipient.legal_name,
                "country": recipient.country,
                "categories": [category.value for category in recipient.categories],
            }
            for recipient in terms.recipients
        ],
        "subprocessors": [
            {"legal_name": party.legal_name, "country": party.country, "task": party.task}
            for party in terms.subprocessors
        ],
        "third_countries": _third_countries(terms),
        "security": _security(terms),
        "runs": runs,
    }


def _revocation(entry: Entry) -> Shown | None:
    if entry.revocation is None:
        return None
    said = {name: entry.revocation[name] for name in ("controller", "reason")}
    return {"received_at": entry.revoked_at, **said}


def _third_countries(terms: Instruction) -> list[Shown]:
    parties = [*terms.recipients, *terms.subprocessors]
    return [
        {"country": party.country, "party": party.legal_name, "safeguard": party.safeguard}
        for party in parties
        if party.country not in EEA
    ]


def _security(terms: Instruction) -> Shown:
    return {
        "encryption": terms.security.encryption,
        "decryption_keys": terms.security.decryption_keys,
        "transport": terms.security.transport,
        "deleted_after_confirmation_seconds": _seconds(terms.retention.after_confirmation),
        "deleted_at_the_latest_seconds": _seconds(terms.retention.without_confirmation),
    }


def _run(story: Story) -> Shown:
    opened = story.last("opened")
    rows, hold, obligation = None, story.hold(), story.obligation()
    locked = obligation.locked if obligation and not obligation.done else None
    if story.has("extracted"):
        rows = sum(file["rows"] for file in story.last("extracted")["files"])
    return {
        "run": story.run,
        "state": story.records[-1].kind,
        "opened_at": _at(story, "opened"),
        "interval": opened["interval"],
        "source": opened["source"],
        "landing": opened["landing"],
        "rows": rows,
        "delivered_at": _at(story, "delivered"),
        "confirmed_at": _at(story, "confirmed"),
        "deleted_at": _at(story, "deleted"),
        "held": {"until": timestamp(hold.until), "person": hold.person, "reason": hold.reason}
        if hold
        else None,
        "locked": str(locked) if locked else None,
    }


def _at(story: Story, kind: str) -> str | None:
    return next((record.at for record in story.records if record.kind == kind), None)


def digest_of_run(story: Story) -> str:
    """The digest of the instruction that a run was opened under."""
    return str(story.last("opened")["instruction"]["digest"])


def terms_of(entry: Entry) -> Instruction:
    """What the text says that was received.

    Raises:
        EvidenceBroken: it is another text, or can no longer be read.
    """
    try:
        if (terms := _terms(entry.envelope, entry.digest)) is not None:
            return terms
        what = "it is another text than the one that was received."
    except Refused as refusal:
        what = f"its text can no longer be read ({refusal.code})."
    name = f"instruction {entry.instruction['id']} version {entry.version}"
    raise EvidenceBroken(name, what)


@lru_cache(maxsize=256)
def _terms(envelope: bytes, digest: str) -> Instruction | None:
    """What was signed, read once a process; None where it is not the text of that digest."""
    text = payload_of(envelope)
    return parse(text) if digest_of(text) == digest else None


def _joint(party: Controller) -> Shown:
    return {"legal_name": party.legal_name, "contact": _person(party.contact)}


def _person(person: Person) -> Shown:
    return {"name": person.name, "email": person.email}


def _seconds(period: Any) -> int:
    return int(period.total_seconds())
