"""A revocation: the controller ends an instruction before its time, with the signature of one key.

One signature is enough even where an instruction needs several: ending a transfer is always safe.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from pydantic import ValidationError
from securesystemslib.signer import Signer

from remit import canonical, signing
from remit.errors import Refused
from remit.instruction.forms import Digest, Moment, Slug, Strict, Text, said
from remit.instruction.model import Instruction
from remit.instruction.trust import TrustStore

REVOCATION_TYPE = "application/vnd.remit.revocation+json"
REVOCATION_SUFFIX = ".revoked.dsse.json"


class Revocation(Strict):
    """Which text of which instruction ends, and why; it counts from when the processor has it."""

    controller: Slug
    id: Slug
    version: Annotated[int, said("The version that ends", ge=1)]
    digest: Annotated[Digest, said("SHA-256 of its text")]
    reason: Text
    revoked_at: Moment


@dataclass(frozen=True, slots=True)
class VerifiedRevocation:
    """A revocation that a trusted key of its controller signed: made by `verify_revocation` alone."""

    terms: Revocation
    envelope: bytes


def revoke(
    terms: Instruction, digest: str, reason: str, at: datetime, signer: Signer, by: str = ""
) -> bytes:
    """The signed revocation of an instruction.

    Args:
        by: which of its controllers ends it; the first named unless said.

    Raises:
        Refused: revocation-invalid, when there is no reason.
    """
    fields = {
        "controller": by or terms.controller.name,
        "id": terms.id,
        "version": terms.version,
        "digest": digest,
        "reason": reason,
        "revoked_at": at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    payload = canonical.dumps(fields)
    _parse(payload, "the revocation")
    return signing.sign(payload, REVOCATION_TYPE, signer)


def verify_revocation(envelope: bytes, trust: TrustStore, where: str) -> VerifiedRevocation:
    """Check a revocation.

    Raises:
        Refused: revocation-invalid, and those of the envelope and the controller's keys.
    """
    unverified = signing.unverified_payload(envelope, REVOCATION_TYPE, where)
    keys = trust.keys_for(_parse(unverified, where).controller)
    payload = signing.open_envelope(envelope, REVOCATION_TYPE, keys, where)
    return VerifiedRevocation(_parse(payload, where), envelope)


def revocation_path(file: Path) -> Path:
    """Where the revocation of an instruction file is kept."""
    return file.with_name(file.name + REVOCATION_SUFFIX)


def _parse(payload: bytes, where: str) -> Revocation:
    try:
        canonical.loads(payload)  # a second spelling, such as a field twice, is none of ours
        return Revocation.model_validate_json(payload)
    except ValidationError as error:
        found = error.errors(include_input=False, include_url=False)[0]["loc"]
        place = f"{where}, field {'.'.join(map(str, found))}" if found else where
    except ValueError:
        place = where
    raise Refused(
        "revocation-invalid",
        place,
        "it is missing, unknown, says nothing or is not of its form.",
        "make it with remit instruction revoke FILE --key KEY --reason TEXT.",
    )
