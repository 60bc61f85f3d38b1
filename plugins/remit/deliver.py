"""Deliver: put the sealed files, the instruction and the manifest at the landing zone.

Guarantee: a reader sees the whole delivery or nothing of it, and every byte sent is of the digest
in the manifest. Delivering again changes nothing; another delivery is never overwritten.
Not guaranteed: that the target picked anything up; only its receipt says so.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from functools import partial
from io import BytesIO, RawIOBase
from typing import Any, BinaryIO, cast

from remit import canonical
from remit.errors import Refused
from remit.instruction import Instruction
from remit.landing import conflict
from remit.manifest import INSTRUCTION, MANIFEST, Manifest
from remit.ports import LandingTerms, LandingZone, Outgoing, Store
from remit.validate import file_changed


def deliver(
    manifest: Manifest,
    manifest_envelope: bytes,
    instruction_envelope: bytes,
    staging: Store,
    landing: LandingZone,
) -> bool:
    """Publish the delivery at a zone that `require_ready` let pass; False when it was there already.

    Raises:
        Refused: delivery-conflict, file-changed.
        Unavailable: staging or the landing zone gave out; nothing of the delivery is visible, and
            the next try goes on from what was sent.
    """
    run = manifest.run
    envelopes = {INSTRUCTION: instruction_envelope, MANIFEST: manifest_envelope}
    if landing.exists(f"{run}/{MANIFEST}"):
        _require_same(landing, manifest, envelopes)
        return False
    files = {
        file.name: Outgoing(
            file.sha256, file.size, _checked(staging, f"{run}/{file.name}", file.sha256)
        )
        for file in manifest.files
    }
    for name, envelope in envelopes.items():  # the manifest last
        opener = partial(BytesIO, envelope)
        files[name] = Outgoing(canonical.sha256(envelope), len(envelope), opener)
    landing.publish(run, files)
    return True


def bound(terms: Instruction, landing: LandingZone) -> LandingZone:
    """The landing zone, held to what the instruction says of it."""
    security = terms.security
    landing.bind(LandingTerms(security.endpoint, frozenset(security.account.shared)))
    return landing


def room_for(manifest: Manifest, landing: LandingZone) -> int:
    """Bytes that are still to be sent to a zone that is there."""
    sent = sum(stored.size for stored in landing.list(manifest.run))
    return max(sum(file.size for file in manifest.files) - sent, 0)


def require_ready(terms: Instruction, landing: LandingZone, room: int = 0) -> None:
    """Try the landing zone, before a byte is sent.

    Args:
        room: bytes that are to be sent.

    Raises:
        Refused: landing-not-instructed, for another kind of zone, or another one of that kind; and
            what its preflight refuses.
        Unavailable: it does not answer.
    """
    instructed = terms.security.transport
    if landing.transport != instructed:  # before it is connected to
        what = f"it is reached by {landing.transport}, the instruction says {instructed}"
        raise _not_instructed(landing, what)
    bound(terms, landing).preflight(room)
    if terms.security.endpoint not in (None, landing.endpoint()):
        what = "its own name (.remit/store) is not the endpoint that the instruction pins"
        raise _not_instructed(landing, what)


def _not_instructed(landing: LandingZone, what: str) -> Refused:
    return Refused(
        "landing-not-instructed",
        landing.label,
        f"{what}.",
        "name the landing zone that was instructed, or have the new one instructed.",
    )


def _require_same(landing: LandingZone, manifest: Manifest, envelopes: Mapping[str, bytes]) -> None:
    """Refuse what is there unless it is this very delivery, byte for byte."""
    expected = {file.name: file.sha256 for file in manifest.files}
    expected |= {name: canonical.sha256(envelope) for name, envelope in envelopes.items()}
    for name, sha256 in expected.items():
        try:
            with landing.open(f"{manifest.run}/{name}") as there:
                same = canonical.sha256_of(there) == sha256
        except FileNotFoundError:
            same = False
        if not same:
            raise conflict(landing.label, manifest.run)


def _checked(staging: Store, path: str, sha256: str) -> Callable[[], BinaryIO]:
    def open_checked() -> BinaryIO:
        try:
            file = staging.open(path)
        except FileNotFoundError:
            raise file_changed(path, "it is gone from staging") from None
        return cast(BinaryIO, _CheckedFile(file, sha256, path))

    return open_checked


class _CheckedFile(RawIOBase):
    """Reads a file and refuses, before its end is seen, bytes that are not of the digest."""

    def __init__(self, file: BinaryIO, sha256: str, path: str) -> None:
        self._file, self._sha256, self._path = file, sha256, path
        self._hash: Any = hashlib.sha256()

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        data = self._file.read(size)
        self._hash.update(data)
        if not data or size < 0:
            self._require_digest()
        return data

    def close(self) -> None:
        self._file.close()
        super().close()

    def _require_digest(self) -> None:
        if "sha256:" + self._hash.hexdigest() != self._sha256:
            raise file_changed(self._path, "its bytes are not those of the manifest")
