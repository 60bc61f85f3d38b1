"""Delete: execute a due obligation, look again, and certify what is gone.

Guarantee: the staging key goes first; a copy is called deleted only when it was looked for
afterwards and not found; a certificate is made only when that holds for every copy.
Not guaranteed: that the medium forgets. The files are ciphertext whose staging key is destroyed,
which is what makes what is left on the medium useless (NIST SP 800-88r2, cryptographic erase).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from securesystemslib.signer import Signer

from remit import canonical, signing
from remit.errors import Refused
from remit.manifest import CONTROL, RECEIPT
from remit.ports import KeyStore, LandingZone, Store, StoredFile

PAYLOAD_TYPE = "application/vnd.remit.deletion-certificate+json"


@dataclass(frozen=True, slots=True)
class DeletedCopy:
    """A copy that was found; certified once it was removed and not found again."""

    where: str
    size: int

    def as_json(self) -> dict[str, Any]:
        """The copy as certificates give it."""
        return {"where": self.where, "size": self.size}


def find_copies(run: str, staging: Store, landing: LandingZone | None) -> list[DeletedCopy]:
    """Every copy of the run that there is now.

    Args:
        landing: None when nothing of the run was ever sent.
    """
    return [
        DeletedCopy(f"{store.label}/{file.path}", file.size)
        for store, file in _copies(run, staging, landing)
    ]


def delete_copies(
    run: str, key_name: str, keys: KeyStore, staging: Store, landing: LandingZone | None
) -> None:
    """Remove the run's staging key and every copy, and look again.

    Raises:
        Refused: copy-not-deleted, when something is still there.
        Unavailable: a store gave out; what was removed stays removed, the rest is due still.
    """
    keys.destroy(key_name)
    if keys.exists(key_name):
        raise _still_there("the staging key")
    for store, file in _copies(run, staging, landing):
        store.remove(file.path)
    for store, file in _copies(run, staging, landing):
        raise _still_there(f"{store.label}/{file.path}")


def _copies(
    run: str, staging: Store, landing: LandingZone | None
) -> list[tuple[Store, StoredFile]]:
    """All that was written for the run, unfinished files included; the target's word is its own."""
    found: list[tuple[Store, StoredFile]] = [(staging, file) for file in staging.list(run)]
    if landing is not None:
        theirs = {f"{run}/{RECEIPT}", f"{run}/{CONTROL}"}
        found += [(landing, file) for file in landing.list(run) if file.path not in theirs]
    return found


def certify(
    run: str,
    instruction: str,
    reason: str,
    copies: list[dict[str, Any]],
    staging_key_id: str | None,
    at: str,
    signer: Signer,
) -> bytes:
    """The signed deletion certificate.

    Args:
        reason: why it was due: confirmed, maximum age reached, or stopped.
        copies: every copy of the run that was ever found and removed, by `DeletedCopy.as_json`.
        staging_key_id: None when no whole extract was ever made.
    """
    body = {
        "run": run,
        "instruction": instruction,
        "reason": reason,
        "copies": copies,
        "staging_key": {"key_id": staging_key_id, "destroyed": True},
        "looked_again": True,
        "deleted_at": at,
    }
    return signing.sign(canonical.dumps(body), PAYLOAD_TYPE, signer)


def _still_there(where: str) -> Refused:
    return Refused(
        "copy-not-deleted",
        where,
        "it was removed, but it is still there when looked for.",
        "find out what keeps or restores it; the obligation stays due and is tried again.",
    )
