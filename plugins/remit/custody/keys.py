"""What became of keys: which were revoked, and what may no longer be done under them.

Guarantee: from the record of a revocation on, no step goes on under that key. A recipient's key and a
controller's signature end the run at whatever step they are met, as a revoked instruction does; under
the processor's own key every step is refused until it is rotated; a receipt under it confirms nothing.
Not guaranteed: anything about what was done before. `remit.custody.key_impact` tells what that was.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from remit.confirm import Receipt
from remit.errors import EvidenceBroken, Refused
from remit.evidence import Ledger, Record, of_kinds, parse_timestamp
from remit.instruction import Instruction, TrustStore, VerifiedInstruction, require_other_signatures
from remit.signing import PublicKey


@dataclass(frozen=True, slots=True)
class RevokedKey:
    """A key that is not to be used, by the word of a named person.

    Attributes:
        since: from when it may have been in wrong hands.
        known_at: when that was recorded.
    """

    key_id: str
    since: datetime
    known_at: str
    person: str
    reason: str

    def as_json(self) -> dict[str, str]:
        """As it is recorded and shown."""
        fields = {name: getattr(self, name) for name in ("known_at", "person", "reason")}
        return {"since": self.since.strftime("%Y-%m-%dT%H:%M:%SZ"), **fields}


Revoked = Mapping[str, RevokedKey]
"""The revoked keys by their ids."""


def revoked_keys(ledger: Ledger) -> dict[str, RevokedKey]:
    """Every revoked key; of several revocations of one, the earliest `since` counts.

    Raises:
        EvidenceBroken: a record is not what remit writes.
    """
    found: dict[str, RevokedKey] = {}
    for record in of_kinds(ledger, "key-revoked"):
        one = _read(record)
        if one.key_id not in found or one.since < found[one.key_id].since:
            found[one.key_id] = one
    return found


def _read(record: Record) -> RevokedKey:
    try:
        data = record.data
        since = parse_timestamp(data["since"])
        return RevokedKey(data["key_id"], since, record.at, data["person"], data["reason"])
    except (KeyError, TypeError, ValueError):
        raise EvidenceBroken(
            f"record {record.seq}", "it revokes no key that can be read."
        ) from None


def require_own_key_stands(own: PublicKey, revoked: Revoked) -> None:
    """Refuse (processor-key-revoked) every step while the key that we sign with is revoked."""
    if own.key_id in revoked:
        raise Refused(
            "processor-key-revoked",
            f"signing key {own.key_id[:16]}…",
            f"{_told(revoked[own.key_id])}, so nobody could rely on what is signed now.",
            "rotate to a new key (remit keys rotate NEW_KEY); copies are deleted when due, meanwhile too.",
        )


def require_keys_stand(
    instruction: VerifiedInstruction, revoked: Revoked, trust: TrustStore, *, delivered: bool
) -> None:
    """Refuse an instruction that relies on a revoked key.

    Args:
        delivered: what was delivered may still be confirmed: it was signed already, and the target may
            have another receipt key.

    Raises:
        Refused: recipient-key-revoked, controller-key-revoked, processor-key-revoked,
            receipt-key-revoked.
    """
    if not revoked:
        return
    _require_recipients(instruction.terms, revoked)
    require_other_signatures(instruction, trust, revoked)
    if delivered:
        return
    if all(key.key_id in revoked for key in instruction.processor_keys):
        key = instruction.processor_keys[0]
        raise Refused(
            "processor-key-revoked",
            "instruction field processor.signing_key",
            f"{_told(revoked[key.key_id])}, and the instruction names no other.",
            "ask the controller for a new version with the key that was rotated to.",
        )
    keys = instruction.terms.target.receipt_keys
    signs = "receipt" in instruction.terms.confirmation.by
    if signs and all(key.key_id in revoked for key in keys):
        raise _receipt_key_revoked("instruction field receipt_key", revoked[keys[0].key_id])


def require_receipt_key_stands(receipt: Receipt, revoked: Revoked) -> None:
    """Refuse (receipt-key-revoked) a receipt under a revoked key, whenever it says it was issued."""
    if receipt.key_id in revoked:
        raise _receipt_key_revoked("the target's receipt", revoked[receipt.key_id])


def _require_recipients(terms: Instruction, revoked: Revoked) -> None:
    for index, recipient in enumerate(terms.recipients):
        for key in recipient.keys:
            if key.key_id in revoked:
                raise Refused(
                    "recipient-key-revoked",
                    f"instruction field recipients[{index}], key {key.key_id[:16]}…",
                    f"{_told(revoked[key.key_id])}: whoever has it could read what {recipient.name} may.",
                    "ask the controller for a new version with a new key of this recipient.",
                )


def _receipt_key_revoked(where: str, one: RevokedKey) -> Refused:
    return Refused(
        "receipt-key-revoked",
        where,
        f"{_told(one)}, so its signature no longer confirms anything.",
        "the copies are kept until their maximum age; a receipt under the target's other key counts, "
        "if the instruction names one (next_receipt_key).",
    )


def _told(one: RevokedKey) -> str:
    return f"it was revoked by {one.person} at {one.known_at}"


def recorded_revocation(one: RevokedKey) -> dict[str, Any]:
    """The data of its record."""
    fields = one.as_json()
    return {"key_id": one.key_id, **{name: fields[name] for name in ("since", "person", "reason")}}
