"""Deliver: put the sealed files, the instruction and the manifest at the landing zone.

Guarantee: a reader sees the whole delivery or nothing of it, and every byte sent is of the digest
in the manifest. Delivering again changes nothing; another delivery is never overwritten.
Not guaranteed: that the target picked anything up; only its receipt says so.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from io import BytesIO, RawIOBase
from typing import Any, BinaryIO, cast

from remit import canonical
from remit.errors import Refused
from remit.instruction import Instruction
from remit.manifest import INSTRUCTION, MANIFEST, Manifest
from remit.ports import LandingZone, Store
from remit.validate import file_changed


def deliver(
    manifest: Manifest,
    manifest_envelope: bytes,
    instruction_envelope: bytes,
    staging: Store,
    landing: LandingZone,
) -> bool:
    """Publish the delivery; False when it was there already.

    Raises:
        Refused: delivery-conflict, file-changed, or what the landing zone's preflight refuses.
        Unavailable: staging or the landing zone gave out; nothing of the delivery is visible.
    """
    landing.preflight()
    run = manifest.run
    if landing.exists(f"{run}/{MANIFEST}"):
        _require_same(
            landing, manifest, {MANIFEST: manifest_envelope, INSTRUCTION: instruction_envelope}
        )
        return False
    if any(stored.path.startswith(f"{run}/") for stored in landing.list(run)):
        raise _conflict(landing, run)
    contents: dict[str, Callable[[], BinaryIO]] = {
        file.name: _checked(staging, f"{run}/{file.name}", file.sha256) for file in manifest.files
    }
    contents[INSTRUCTION] = lambda: BytesIO(instruction_envelope)
    contents[MANIFEST] = lambda: BytesIO(manifest_envelope)
    landing.publish(run, contents)
    return True


def require_instructed(terms: Instruction, landing: LandingZone) -> None:
    """Refuse (landing-not-instructed) another kind of landing zone, or another one of that kind."""
    security = terms.security
    if landing.transport != security.transport:
        what = f"it is reached by {landing.transport}, the instruction says {security.transport}"
    elif security.endpoint is not None and landing.identity() != security.endpoint:
        what = "its own name (.remit/store) is not the endpoint that the instruction pins"
    else:
        return
    raise Refused(
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
            raise _conflict(landing, manifest.run)


def _conflict(landing: LandingZone, run: str) -> Refused:
    return Refused(
        "delivery-conflict",
        f"{landing.label}/{run}",
        "something else is already there under this delivery's name.",
        "nothing was overwritten; find out who put it there, remove it, and deliver again.",
    )


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
