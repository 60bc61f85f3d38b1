"""The processor's signing keys, one after the other, each endorsed by the one before.

Guarantee: a key follows another only by an endorsement that both have signed, for one log and one
size of it; a checkpoint counts only under the key that was in force at its size. So who steals a key
that was rotated away can sign nothing newer, and who holds the new key alone cannot rewrite the old.
Not guaranteed: anything about a key that is still in force; whoever holds it signs as the processor.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from securesystemslib.signer import Signer

from remit import canonical, signing
from remit.errors import EvidenceBroken, Refused
from remit.signing import PublicKey

KEYS = "register:keys"
"""Under this name the evidence has what became of keys; no run can have it."""
PAYLOAD_TYPE = "application/vnd.remit.key-succession+json"
_FIELDS = {"log", "size", "old", "new", "at"}


def endorse(log: str, size: int, old: Signer, new: Signer, at: str) -> bytes:
    """The envelope, signed by both, by which `new` follows `old` from the record of that place on.

    Args:
        log: the log's own random name; size: how many records it has before.
    """
    keys = {"old": str(signing.key_of(old)), "new": str(signing.key_of(new))}
    payload = canonical.dumps({"log": log, "size": size, "at": at, **keys})
    return signing.sign(payload, PAYLOAD_TYPE, new, onto=signing.sign(payload, PAYLOAD_TYPE, old))


@dataclass(frozen=True, slots=True)
class Succession:
    """A verified chain: each key, and the size of the log from which on it signs."""

    links: tuple[tuple[int, PublicKey], ...]

    @classmethod
    def read(cls, log: str, rotations: Iterable[tuple[int, Any]]) -> Succession:
        """Verify the endorsements of a log.

        Args:
            rotations: place and data of each record ``rotated``, in order.

        Raises:
            EvidenceBroken: one is not signed by both, or does not follow the one before.
        """
        links: list[tuple[int, PublicKey]] = []
        for seq, data in rotations:
            old, new = _endorsed(log, seq, data)
            if (links and links[-1][1] != old) or new in [key for _, key in links]:
                raise EvidenceBroken(f"record {seq}", "it does not follow the key in force.")
            links += [(0, old)] if not links else []
            links.append((seq + 1, new))
        return cls(tuple(links))

    @property
    def keys(self) -> list[PublicKey]:
        """All of them, the first first; none when no key was ever rotated."""
        return [key for _, key in self.links]

    def trusting(self, known: Sequence[PublicKey]) -> Succession:
        """The chain, for a reader who knows these keys: without a rotation, the first of them alone.

        Raises:
            EvidenceBroken: none of them is in it.
        """
        if self.links and not set(known) & set(self.keys):
            raise EvidenceBroken("the signing keys", "none of those that were rotated is trusted.")
        return self if self.links else Succession(((0, known[0]),))

    def after(self, named: Sequence[PublicKey]) -> Succession:
        """The part that begins with the key named first; what was signed before is not vouched for.

        Args:
            named: an instruction's ``signing_key``, then its ``next_signing_key``. That one counts only
                where an endorsement has it follow the first: else its holder could do without one.

        Raises:
            EvidenceBroken: the first is not in the chain.
        """
        chain = self.trusting(named[:1])
        return Succession(chain.links[chain.keys.index(named[0]) :])

    def in_force(self, size: int) -> list[PublicKey]:
        """Whose signature counts on a checkpoint of that size."""
        starts = [start for start, _ in self.links if start <= size]
        return [key for start, key in self.links if starts and start == max(starts)]


def _endorsed(log: str, seq: int, data: Any) -> tuple[PublicKey, PublicKey]:
    where = f"record {seq}"
    try:
        old, new = PublicKey.parse(data["old"]), PublicKey.parse(data["new"])
        envelope = data["endorsement"].encode()
        payload = signing.open_envelope(envelope, PAYLOAD_TYPE, [old, new], where, threshold=2)
        fields = canonical.loads(payload)
        said = {"log": log, "size": seq, "old": str(old), "new": str(new)}
        if set(fields) != _FIELDS or said != {name: fields[name] for name in said}:
            raise ValueError("another succession")
    except (Refused, ValueError, KeyError, TypeError, AttributeError):
        raise EvidenceBroken(where, "its endorsement of a signing key does not verify.") from None
    return old, new
