"""Delete: execute a due obligation, look again, and certify what is gone.

Guarantee: the staging key goes first; a copy is called deleted only when it was looked for
afterwards and not found; one that cannot be removed keeps no other from it; a certificate is made
only when every copy is gone.
Not guaranteed: that the medium forgets. The files are ciphertext whose staging key is destroyed,
which is what makes what is left on the medium useless (NIST SP 800-88r2, cryptographic erase).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from securesystemslib.signer import Signer

from remit import canonical, signing
from remit.errors import Refused, Unavailable
from remit.evidence import timestamp
from remit.manifest import CONTROL, RECEIPT
from remit.ports import KeyStore, Lock, Store, StoredFile

PAYLOAD_TYPE = "application/vnd.remit.deletion-certificate+json"

# How long until a lock whose end is not known is tried again.
_UNTIL_NEXT_LOOK = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class DeletedCopy:
    """A copy that was found; certified once it was removed and not found again."""

    where: str
    size: int

    def as_json(self) -> dict[str, Any]:
        """The copy as certificates give it."""
        return {"where": self.where, "size": self.size}


class CopiesLocked(Refused):
    """The stores let go of everything but these copies.

    Args:
        locks: what keeps each copy, by the place where it is.
    """

    def __init__(self, locks: Mapping[str, Lock]) -> None:
        self.locks = dict(locks)
        ends = [lock.until for lock in locks.values()]
        known = [end for end in ends if end is not None]
        self.until = max(known) if len(known) == len(ends) else None
        where, *others = locks
        until = timestamp(self.until) if self.until else "somebody lifts the storage's legal hold"
        super().__init__(
            "copy-locked",
            where + (f" and {len(others)} more" if others else ""),
            f"not deleted: locked until {until}. Every other copy is gone, the staging key first.",
            "nothing to do until then, it is tried again; if the lock is lifted before, run "
            "remit delete --due --locked.",
        )

    def as_record(self, now: datetime) -> dict[str, Any]:
        """What the evidence says of it; `again` is when it is worth another try."""
        soonest = min(lock.until or now + _UNTIL_NEXT_LOOK for lock in self.locks.values())
        return {
            "why": self.message,
            "until": timestamp(self.until) if self.until else None,
            "again": timestamp(max(soonest, now)),
            "copies": [
                {"where": where, "until": timestamp(lock.until) if lock.until else None}
                for where, lock in self.locks.items()
            ],
        }


def of_the_target(run: str) -> tuple[str, ...]:
    """The paths at a landing zone that are the target's own word, not copies."""
    return (f"{run}/{RECEIPT}", f"{run}/{CONTROL}")


def destroy_key(name: str, keys: KeyStore) -> None:
    """Destroy the run's staging key, and look again.

    Raises:
        Refused: copy-not-deleted.
    """
    keys.destroy(name)
    if keys.exists(name):
        raise still_there("the staging key")


def copies_in(store: Store, run: str, spared: Collection[str] = ()) -> list[StoredFile]:
    """All that there is of the run in a store, unfinished files included.

    Args:
        spared: the paths of what is not ours: the target's receipt.
    """
    return [file for file in store.list(run) if file.path not in spared]


def remove_copies(
    store: Store, run: str, spared: Collection[str], told: Callable[[str], str]
) -> dict[str, Lock]:
    """Remove every copy in a store, and look again; those that the store has locked are given.

    Args:
        told: what may be said of a path (`remit.copy_names`).

    Raises:
        Refused: copy-not-deleted, when another one is still there.
        Unavailable: the store gave out; what was removed stays removed, the rest is due still.
    """
    failed: dict[str, Refused | Unavailable] = {}
    for file in copies_in(store, run, spared):
        try:
            store.remove(file.path)
        except (Refused, Unavailable) as error:
            failed[file.path] = error  # it keeps no other copy from going
    locks: dict[str, Lock] = {}
    for file in copies_in(store, run, spared):
        where = f"{store.label}/{told(file.path)}"
        lock = store.lock(file.path)
        if lock is None:
            raise failed.get(file.path) or still_there(where)
        locks[where] = lock
    return locks


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


def still_there(where: str) -> Refused:
    """The refusal of calling gone what was found again."""
    return Refused(
        "copy-not-deleted",
        where,
        "it was removed, but it is still there when looked for.",
        "find out what keeps or restores it; the obligation stays due and is tried again.",
    )
