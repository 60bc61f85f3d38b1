"""The folder of instructions, in which new versions and revocations arrive.

Guarantee: every signed file in it is looked at, in folders below and behind links too; what cannot
be read is `Unavailable`, never passed over. A revocation is known by its type, whatever its name.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Container, Iterator
from dataclasses import dataclass
from pathlib import Path

from remit.errors import Refused, Unavailable
from remit.instruction import TrustStore, VerifiedInstruction, digest_of, verify
from remit.instruction.revocation import (
    REVOCATION_TYPE,
    VerifiedRevocation,
    verify_revocation,
)
from remit.instruction.trust import claimed_key, payload_of

_REVOCATION = REVOCATION_TYPE.encode().lower()
_TEXTS = (".yaml", ".yml", ".md", ".gitkeep", ".gitignore")
"""What is in the folder beside envelopes: the instructions' own texts, which bind nobody."""
LIMIT = 4 << 20
"""An instruction is at most 1 MiB, which base64 makes a third longer."""


@dataclass(frozen=True, slots=True)
class Key:
    """What the versions of an instruction have in common: their id, and a controller."""

    controllers: frozenset[str]
    id: object

    def fits(self, other: Key) -> bool:
        """Whether they are versions of one instruction; joint controllers may come and go."""
        return self.id == other.id and not self.controllers.isdisjoint(other.controllers)


def key_of(instruction: VerifiedInstruction) -> Key:
    """What all versions of an instruction have in common."""
    terms = instruction.terms
    return Key(frozenset(controller.name for controller in terms.controllers), terms.id)


def instructions_in(
    folder: Path, trust: TrustStore, known: Container[str], key: Key | None
) -> Iterator[VerifiedInstruction]:
    """The instructions that are new. A draft or a stranger's letter binds nobody and is none.

    Args:
        known: digests of texts that are not new.
        key: of which instruction; all by default.
    """
    for path in _files(folder):
        envelope = read_envelope(path)
        if _is_revocation(path, envelope):
            continue
        try:
            text = payload_of(envelope)
            if digest_of(text) in known or not (key is None or key.fits(_claimed(text))):
                continue
            found = verify(envelope, trust, now=None)
        except Refused:
            continue
        yield found


def revocations_in(
    folder: Path, trust: TrustStore, known: Container[bytes]
) -> Iterator[VerifiedRevocation]:
    """The revocations that are new, of whatever instruction.

    Whose a revocation is, only its signature says. So one that does not verify is refused, whatever
    it claims: somebody wanted a transfer to end, and nobody can tell which.

    Args:
        known: envelopes that were verified before.

    Raises:
        Refused: what is wrong with one of them.
    """
    for path in _files(folder):
        envelope = read_envelope(path)
        if _is_revocation(path, envelope) and envelope not in known:
            yield verify_revocation(envelope, trust, path.name)


def read_envelope(path: Path) -> bytes:
    """The file's bytes; one that is too large is cut off, and so no envelope.

    Raises:
        Unavailable: it cannot be read, or is no file.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise Unavailable(str(path), "it is not a file.")  # a pipe would be waited for
        with path.open("rb") as file:
            return file.read(LIMIT)
    except OSError as error:
        raise Unavailable(str(path), f"it cannot be read ({error.strerror}).") from None


def _is_revocation(path: Path, envelope: bytes) -> bool:
    """Whether a file is one, or was meant to be."""
    named = ".revoked." in path.name.lower() or path.name.lower().startswith("revo")
    # JSON may write a slash with a backslash before it.
    return named or _REVOCATION in envelope.replace(b"\\", b"").lower()


def _claimed(text: bytes) -> Key:
    controllers, name = claimed_key(text)
    return Key(frozenset(controllers), name)


def _files(folder: Path) -> list[Path]:
    """Every file below that may be signed; each folder once, though links lead in a circle."""
    seen: set[tuple[int, int]] = set()
    ahead, found = [folder], list[Path]()
    while ahead:
        here = ahead.pop()
        try:
            status = here.stat()
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            with os.scandir(here) as entries:
                for entry in entries:
                    if entry.is_dir():
                        ahead.append(Path(entry.path))
                    elif not entry.name.lower().endswith(_TEXTS):  # however a download named it
                        found.append(Path(entry.path))
        except FileNotFoundError:
            raise Unavailable(
                str(here),
                "the folder in which instructions and revocations arrive is not there (not "
                "mounted?); make it if there never was one.",
            ) from None
        except OSError as error:
            raise Unavailable(str(here), f"it cannot be read ({error.strerror}).") from None
    return sorted(found)
