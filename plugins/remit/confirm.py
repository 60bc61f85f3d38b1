"""Confirm: the target's signed receipt, and nothing less, says that a delivery was ingested.

Guarantee: `verify_receipt` accepts a receipt only when the target's pinned key signed it, for this
delivery and its nonce, with every count and digest of the manifest, everything accepted, and a
proof for each file that its author decrypted all of it.
Not guaranteed: that the target keeps the data well afterwards.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from remit import canonical, proof, signing
from remit.errors import Refused
from remit.evidence import parse_timestamp
from remit.instruction import VerifiedInstruction
from remit.manifest import (
    Count,
    Digest,
    Document,
    FileName,
    Hex,
    InstructionRef,
    Manifest,
    parse_document,
)

PAYLOAD_TYPE = "application/vnd.remit.receipt+json"
CLOCK_TOLERANCE = timedelta(minutes=5)


class ReceiptFile(Document):
    """What the target found in one file; `proof` shows that it decrypted every column."""

    name: FileName
    columns: Digest
    size: Count
    sha256: Digest
    received: Count
    accepted: Count
    rejected: Count
    proof: Hex


class Receipt(Document):
    """The target's word on a delivery."""

    receipt: Hex
    run: str
    manifest: Digest
    instruction: InstructionRef
    nonce: Hex
    level: Literal["L0", "L1", "L2", "L3"]
    status: Literal["ingested", "partial", "rejected"]
    target: str
    system: str
    principal: str
    key_id: Hex
    files: list[ReceiptFile]
    committed_at: str
    issued_at: str

    @property
    def rows(self) -> dict[str, int]:
        """Rows of all files that were received, accepted and rejected."""
        kinds = ("received", "accepted", "rejected")
        return {kind: sum(getattr(file, kind) for file in self.files) for kind in kinds}


@dataclass(frozen=True, slots=True)
class Confirmation:
    """A receipt that passed every check."""

    receipt: Receipt
    digest: str


def verify_receipt(
    envelope: bytes,
    instruction: VerifiedInstruction,
    manifest: Manifest,
    manifest_digest: str,
    now: datetime,
) -> Confirmation:
    """Check a receipt against the delivery that it should confirm.

    The order: signature; form; which delivery; level and status; file by file; times.

    Raises:
        Refused: those of `read_receipt`; receipt-mismatch, receipt-level, receipt-negative,
            receipt-proof.
    """
    receipt = read_receipt(envelope, instruction)
    require_confirming(receipt, instruction, manifest, manifest_digest, now)
    return Confirmation(receipt, canonical.sha256(envelope))


def read_receipt(envelope: bytes, instruction: VerifiedInstruction) -> Receipt:
    """The target's word, whatever it says, once its signature is verified.

    Raises:
        Refused: the envelope's defects; receipt-invalid; receipt-mismatch, when it names another
            key than the one that signed it.
    """
    where = "the target's receipt"
    keys = instruction.terms.target.receipt_keys
    payload = signing.open_envelope(envelope, PAYLOAD_TYPE, keys, where)
    receipt = parse_document(Receipt, payload, "receipt-invalid", where)
    if {receipt.key_id} != signing.signers_of(envelope, PAYLOAD_TYPE, where):
        raise _mismatch("key_id", "it is about another delivery")
    return receipt


def require_confirming(
    receipt: Receipt,
    instruction: VerifiedInstruction,
    manifest: Manifest,
    manifest_digest: str,
    now: datetime,
) -> None:
    """Refuse, as `verify_receipt`, a receipt that does not confirm this delivery."""
    expected = {
        "run": manifest.run,
        "manifest": manifest_digest,
        "instruction": manifest.instruction,
        "nonce": manifest.nonce,
        "target": instruction.terms.target.name,
    }
    for field, value in expected.items():
        if getattr(receipt, field) != value:
            raise _mismatch(field, "it is about another delivery")
    _require_outcome(receipt, instruction)
    _require_files(receipt, manifest)
    _require_times(receipt, manifest, now)


def _require_outcome(receipt: Receipt, instruction: VerifiedInstruction) -> None:
    needed = instruction.terms.confirmation.level
    if receipt.level < needed:
        raise Refused(
            "receipt-level",
            "receipt field level",
            f"it says {receipt.level}, the instruction needs {needed}.",
            "the copies are kept until their maximum age; ask the target to reconcile and sign.",
        )
    if receipt.status != "ingested":
        raise Refused(
            "receipt-negative",
            "receipt field status",
            f"the target says {receipt.status}.",
            "the copies are kept until their maximum age; settle with the target what was rejected.",
        )


def _require_files(receipt: Receipt, manifest: Manifest) -> None:
    if [file.name for file in receipt.files] != [file.name for file in manifest.files]:
        raise _mismatch("files", "it does not list the files of the delivery")
    for got, sent in zip(receipt.files, manifest.files, strict=True):
        for field in ("columns", "size", "sha256"):
            if getattr(got, field) != getattr(sent, field):
                raise _mismatch(f"files.{got.name}.{field}", "it differs from what was delivered")
        if (got.received, got.accepted, got.rejected) != (sent.rows, sent.rows, 0):
            raise _mismatch(
                f"files.{got.name}.accepted",
                f"{sent.rows} rows were delivered, {got.received} received, "
                f"{got.accepted} accepted and {got.rejected} rejected",
            )
        if not hmac.compare_digest(proof.commitment(got.proof), sent.commitment):
            raise Refused(
                "receipt-proof",
                f"receipt field files.{got.name}.proof",
                "it does not show that the target decrypted every column of the file.",
                "the copies are kept; ask the target to receive the delivery with its own key.",
            )


def _require_times(receipt: Receipt, manifest: Manifest, now: datetime) -> None:
    try:
        committed, issued = (
            parse_timestamp(receipt.committed_at),
            parse_timestamp(receipt.issued_at),
        )
        sealed = parse_timestamp(manifest.sealed_at)
    except ValueError:
        raise _mismatch("committed_at or issued_at", "not a time in UTC to the second") from None
    if not sealed - CLOCK_TOLERANCE <= committed <= issued <= now + CLOCK_TOLERANCE:
        raise _mismatch("committed_at or issued_at", "the times do not follow the delivery's")


def _mismatch(field: str, what: str) -> Refused:
    return Refused(
        "receipt-mismatch",
        f"receipt field {field}",
        f"{what}.",
        "the copies are kept until their maximum age; ask the target for a receipt of this delivery.",
    )


_REPLAYED = {f"receipt field {field}" for field in ("manifest", "instruction", "nonce")}


def outcome_of(receipt: Receipt, refusal: Refused) -> str:
    """What became of a receipt that the target signed and that does not confirm, in a word.

    ``negative``, ``partial``, ``lower-level``, ``other-run``, ``replayed`` (of an earlier delivery of
    the run), or ``unreconciled``: counts, digests, times or proof are not those of the delivery.
    """
    if refusal.code == "receipt-negative":
        return "partial" if receipt.status == "partial" else "negative"
    if refusal.code == "receipt-level":
        return "lower-level"
    if refusal.where == "receipt field run":
        return "other-run"
    return "replayed" if refusal.where in _REPLAYED else "unreconciled"
