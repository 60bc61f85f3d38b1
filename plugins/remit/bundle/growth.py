"""That the log grew out of the one whose checkpoint the run's manifest carries.

The target has that manifest since the delivery, so it shows that what was in the log then was not
rewritten afterwards. The proof is RFC 6962's consistency proof from that checkpoint's size to the bundle's.
"""

from __future__ import annotations

from collections.abc import Sequence

from remit import canonical
from remit.bundle.files import Evidence
from remit.bundle.findings import Finding
from remit.errors import EvidenceBroken, Refused
from remit.evidence import Checkpoint, open_checkpoint
from remit.instruction import VerifiedInstruction
from remit.manifest import PAYLOAD_TYPE, open_manifest
from remit.merkle import is_consistent
from remit.signing import unverified_payload
from remit.succession import Succession


def carried(evidence: Evidence) -> Checkpoint | None:
    """The checkpoint in the manifest, if there is one; nothing of it is verified."""
    sealing = evidence.last("sealing")
    if sealing is None:
        return None
    try:
        envelope = sealing.data["manifest"].encode()
        manifest = canonical.loads(unverified_payload(envelope, PAYLOAD_TYPE, "the manifest"))
        return Checkpoint.unverified(manifest["checkpoint"].encode(), "the manifest's checkpoint")
    except (Refused, EvidenceBroken, KeyError, TypeError, AttributeError, ValueError):
        return None  # a verification says what is wrong with it


def check_growth(
    evidence: Evidence, instruction: VerifiedInstruction, chain: Succession, signed: Checkpoint
) -> tuple[Checkpoint | None, list[Finding]]:
    """The manifest's checkpoint, verified, and what follows from it.

    Raises:
        EvidenceBroken: the log is another one than it was when the manifest was signed.
    """
    sealing = evidence.last("sealing")
    if sealing is None:
        if evidence.consistency:
            raise EvidenceBroken("evidence/consistency.proof", "there is no manifest to lead from.")
        return None, []
    where = f"record {sealing.seq}"
    manifest = open_manifest(sealing.data["manifest"].encode(), instruction)
    then = open_checkpoint(manifest.checkpoint.encode(), chain, f"{where}, its checkpoint")
    if then.log != signed.log or then.size > sealing.seq:
        raise EvidenceBroken(where, "its manifest carries a checkpoint of another log.")
    if not consistent(then, signed, evidence.consistency):
        raise EvidenceBroken(where, "the log was rewritten since its manifest was signed.")
    claim = f"the log grew out of the one of {then.size} records that it was on {then.at}"
    why = (
        "the manifest, which the target has since the delivery, carries that checkpoint; the "
        "consistency proof leads from its root to this one's"
    )
    return then, [Finding(claim, why)]


def consistent(then: Checkpoint, now: Checkpoint, path: Sequence[bytes]) -> bool:
    """Whether the path leads from one checkpoint to the other."""
    try:
        roots = bytes.fromhex(then.root), bytes.fromhex(now.root)
    except (ValueError, TypeError):
        return False
    return is_consistent(then.size, roots[0], now.size, roots[1], path)
