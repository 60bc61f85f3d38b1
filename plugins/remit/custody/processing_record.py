"""The record of processing under instructions (Art. 28(3)(a), 30(2) GDPR), made of the evidence.

It lists every instruction received, whatever became of it, and every run under each. It holds what
the controllers signed, counts and times; never a value of a data subject.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from remit.custody.register import Entry, entries_of
from remit.custody.story import REGISTER, Story, stories
from remit.evidence import Record, timestamp
from remit.instruction import Instruction, parse
from remit.instruction.parties import EEA, Controller, Person
from remit.instruction.trust import payload_of

Shown = dict[str, Any]


def processing_record(records: Iterable[Record], now: datetime) -> Shown:
    """The record, as JSON would have it: by controller, instruction and run.

    Raises:
        EvidenceBroken: a record is damaged.
    """
    everything = list(records)
    entries = entries_of(record for record in everything if record.run == REGISTER)
    runs = [story for story in stories(everything) if story.has("opened")]
    return {
        "made_at": timestamp(now),
        "processors": _processors(entries),
        "controllers": [
            {"controller": name, **_controller(name, entries, runs, now)}
            for name in sorted({entry.controllers[0] for entry in entries})
        ],
    }


def state_of(entry: Entry, entries: Iterable[Entry], now: datetime) -> str:
    """Whether an instruction is in force, in words."""
    if entry.revoked_at:
        return f"revoked (known since {entry.revoked_at})"
    newer = [
        other
        for other in entries
        if other.key == entry.key
        and other.instruction["version"] > entry.instruction["version"]
        and other.valid_from <= now
    ]
    if newer:
        first = min(newer, key=lambda other: other.valid_from)
        since = timestamp(first.valid_from)
        return f"superseded by version {first.instruction['version']} since {since}"
    if now >= entry.valid_until:
        return f"expired at {timestamp(entry.valid_until)}"
    if now < entry.valid_from:
        return f"not valid before {timestamp(entry.valid_from)}"
    return "in force"


def _processors(entries: Iterable[Entry]) -> list[Shown]:
    found = {}
    for entry in entries:
        processor = _terms(entry).processor
        fields = {"legal_name": processor.legal_name, "dpo": _person(processor.dpo)}
        found[str(fields)] = fields
    return list(found.values())


def _controller(name: str, entries: list[Entry], runs: list[Story], now: datetime) -> Shown:
    own = [entry for entry in entries if entry.controllers[0] == name]
    newest = _terms(own[-1])
    return {
        "legal_name": newest.controller.legal_name,
        "contact": _person(newest.controller.contact),
        "instructions": [_instruction(entry, entries, runs, now) for entry in own],
    }


def _instruction(entry: Entry, entries: list[Entry], runs: list[Story], now: datetime) -> Shown:
    terms = _terms(entry)
    digest = entry.instruction["digest"]
    return {
        **entry.instruction,
        "state": state_of(entry, entries, now),
        "received_at": entry.received_at,
        "revocation_reason": entry.reason,
        "valid": dict(entry.data["valid"]),
        "supersedes": entry.data["supersedes"],
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
        "runs": [_run(story) for story in runs if _digest(story) == digest],
    }


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
    rows = None
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
    }


def _at(story: Story, kind: str) -> str | None:
    return next((record.at for record in story.records if record.kind == kind), None)


def _digest(story: Story) -> str:
    return str(story.last("opened")["instruction"]["digest"])


def _terms(entry: Entry) -> Instruction:
    return parse(payload_of(entry.envelope))


def _joint(party: Controller) -> Shown:
    return {"legal_name": party.legal_name, "contact": _person(party.contact)}


def _person(person: Person) -> Shown:
    return {"name": person.name, "email": person.email}


def _seconds(period: Any) -> int:
    return int(period.total_seconds())
