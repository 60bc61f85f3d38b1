"""The signed documents in a run's records: manifest, receipt and certificate."""

from __future__ import annotations

from typing import Any

from remit import canonical, signing
from remit.bundle.files import Evidence
from remit.bundle.findings import Finding
from remit.confirm import verify_receipt
from remit.delete import PAYLOAD_TYPE as CERTIFICATE_TYPE
from remit.errors import EvidenceBroken, Refused, RemitError
from remit.evidence import Record, parse_timestamp
from remit.instruction import VerifiedInstruction
from remit.manifest import Manifest, open_manifest
from remit.succession import Succession

_DAMAGE = (RemitError, KeyError, TypeError, AttributeError, ValueError)


def check_papers(
    evidence: Evidence, instruction: VerifiedInstruction, chain: Succession
) -> tuple[list[Finding], list[Finding]]:
    """Verify each that is there; what is proved by them, and what is not.

    Raises:
        EvidenceBroken: naming the record whose document does not hold.
    """
    proved, not_proved = [], list[Finding]()
    record = None
    try:
        manifest = None
        if (record := evidence.last("sealing")) is not None:
            envelope = record.data["manifest"].encode()
            manifest = open_manifest(envelope, instruction)
            if manifest.run != evidence.run:
                raise EvidenceBroken(f"record {record.seq}", "the manifest is another run's.")
            proved.append(_of_manifest(manifest))
        if manifest is not None and (record := evidence.last("confirmed")) is not None:
            if (way := str(record.data["way"])) == "receipt":
                proved.append(
                    _of_receipt(record, instruction, manifest, canonical.sha256(envelope))
                )
            else:
                not_proved.append(_unsigned(way))
        if (record := evidence.last("deleted")) is not None:
            proved.append(_of_certificate(record, instruction, chain))
    except _DAMAGE as error:
        message = "its document is damaged."
        if isinstance(error, Refused | EvidenceBroken):
            message = error.message
        raise EvidenceBroken(f"record {record.seq if record else 0}", message) from None
    return proved, not_proved


def _of_manifest(manifest: Manifest) -> Finding:
    return Finding(
        f"the manifest of {manifest.rows} rows is the processor's",
        "it is signed with a key that the instruction names; its tables, columns, recipients' keys and "
        "row limits are the instructed ones",
    )


def _of_receipt(
    record: Record, instruction: VerifiedInstruction, manifest: Manifest, digest: str
) -> Finding:
    at = parse_timestamp(record.at)
    verify_receipt(record.data["receipt"].encode(), instruction, manifest, digest, at)
    return Finding(
        "the target's receipt confirms that delivery and proves decryption",
        "it is signed with the receipt key that the instruction names; manifest, nonce, counts and "
        "digests are this delivery's, and its proofs open the manifest's commitments",
    )


def _unsigned(way: str) -> Finding:
    return Finding(
        f"that the target said so: {way} is not signed",
        "it is the processor's word on what it found at the target",
    )


def _of_certificate(record: Record, instruction: VerifiedInstruction, chain: Succession) -> Finding:
    envelope, keys = record.data["certificate"].encode(), chain.in_force(record.seq)
    payload = signing.open_envelope(envelope, CERTIFICATE_TYPE, keys, "the deletion certificate")
    body: Any = canonical.loads(payload)
    if (body["run"], body["instruction"]) != (record.run, instruction.digest):
        raise EvidenceBroken(f"record {record.seq}", "the certificate is another run's.")
    return Finding(
        "the processor certified, signed, that every copy is deleted",
        "the certificate names this run and instruction, and is signed with the key in force then",
    )
