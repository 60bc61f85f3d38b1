"""Which instruction names a key as what, from the register of instructions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from remit.custody.entries import Entry, entries_of
from remit.custody.story import REGISTER
from remit.errors import EvidenceBroken, Refused
from remit.evidence import Ledger
from remit.instruction import Instruction, parse
from remit.instruction.trust import payload_of, signers
from remit.signing import PublicKey

Kind = Literal["recipient", "receipt", "processor", "controller"]


@dataclass(frozen=True, slots=True)
class Known:
    """An instruction that was received: its entry, and what its text says."""

    entry: Entry
    terms: Instruction


@dataclass(frozen=True, slots=True)
class Role:
    """What a key is under one instruction.

    Attributes:
        party: a recipient's name, the controllers' names, or the processor's legal name.
        field: where the instruction names it; ``signature`` of controllers.
    """

    kind: Kind
    party: str
    field: str
    known: Known

    def as_json(self) -> dict[str, Any]:
        """As reports show it."""
        entry = self.known.entry
        return {
            "role": self.kind,
            "party": self.party,
            "field": self.field,
            "instruction": entry.instruction,
            "controllers": entry.controllers,
            "received_at": entry.received_at,
        }


def known_instructions(ledger: Ledger) -> list[Known]:
    """Every instruction received, with what it says.

    Raises:
        EvidenceBroken: a record is damaged.
    """
    entries = entries_of(kept.record() for kept in ledger.kept(REGISTER))
    return [Known(entry, _terms(entry)) for entry in entries]


def roles_of(
    key_id: str, instructions: Iterable[Known], opened: Mapping[str, set[str]]
) -> list[Role]:
    """Every role that a key has under these instructions.

    Args:
        opened: who signed a text when a run was opened under it, by the text's digest.
    """
    found = []
    for known in instructions:
        found += [role for role, key in _named(known) if key.key_id == key_id]
        entry = known.entry
        if key_id in signers(entry.envelope) | opened.get(entry.digest, set()):
            # Which joint controller's it is, the folder of trusted keys knows, not the evidence.
            found.append(Role("controller", ", ".join(entry.controllers), "signature", known))
    return found


def _named(known: Known) -> Iterator[tuple[Role, PublicKey]]:
    terms = known.terms
    for field, key in zip(
        ("signing_key", "next_signing_key"), terms.processor.signing_keys, strict=False
    ):
        yield Role("processor", terms.processor.legal_name, f"processor.{field}", known), key
    for recipient in terms.recipients:
        for field, key in zip(("key", "next_key"), recipient.keys, strict=False):
            yield Role("recipient", recipient.name, field, known), key
        named = zip(("receipt_key", "next_receipt_key"), recipient.receipt_keys, strict=False)
        for field, key in named:
            yield Role("receipt", recipient.name, field, known), key


def _terms(entry: Entry) -> Instruction:
    try:
        return parse(payload_of(entry.envelope))
    except Refused as refusal:
        name = f"instruction {entry.instruction['id']} version {entry.instruction['version']}"
        raise EvidenceBroken(name, f"its text can no longer be read ({refusal.code}).") from None
