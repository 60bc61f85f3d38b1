"""The controller's instruction: what it says, and the only way to hold one that binds.

Guarantee: a `VerifiedInstruction` was signed by a trusted key of the very controller that it names,
is well formed with no field unknown, and was valid at the time given. It is made by `verify` alone.
Not guaranteed: that the instruction is lawful or wise; that is the controller's judgement.
The caller must let only the controller's own people put keys into the trust folder.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from remit import signing
from remit.errors import Refused
from remit.instruction.model import Instruction
from remit.instruction.plain_yaml import NotPlainYaml, load
from remit.instruction.reading import digest_of, invalid, parse, read
from remit.signing import PublicKey

PAYLOAD_TYPE = "application/vnd.remit.instruction+yaml"
ENVELOPE_SUFFIX = ".dsse.json"


@dataclass(frozen=True, slots=True)
class VerifiedInstruction:
    """An instruction that binds: made by `verify` alone, after every check passed."""

    terms: Instruction
    digest: str
    envelope: bytes

    @property
    def processor_key(self) -> PublicKey:
        """The key with which the processor signs manifests and evidence."""
        return PublicKey.parse(self.terms.processor.signing_key)

    def require_valid(self, now: datetime) -> None:
        """Refuse (instruction-not-yet-valid, instruction-expired) outside the validity window."""
        valid = self.terms.valid
        if now < valid.start:
            raise Refused(
                "instruction-not-yet-valid",
                f"instruction {self.terms.id}",
                f"it is valid from {valid.start.isoformat()}.",
                "wait until then, or ask the controller for an instruction that is valid now.",
            )
        if now >= valid.until:
            raise Refused(
                "instruction-expired",
                f"instruction {self.terms.id}",
                f"it was valid until {valid.until.isoformat()}.",
                "ask the controller for a new version.",
            )


class TrustStore:
    """The controllers' public keys: `<root>/<controller>/keys/*.pub`.

    Args:
        flat: also take ``.pub`` files of `root` itself, for whatever controller: for a reader who
            names a folder with the one key that he was given.
    """

    def __init__(self, root: Path, *, flat: bool = False) -> None:
        self.root = root
        self._flat = flat

    def keys_for(self, controller: str) -> list[PublicKey]:
        """The keys trusted for a controller.

        Raises:
            Refused: controller-unknown, when there is none.
        """
        own = self.root / controller / "keys"
        folder = self.root if self._flat and not own.is_dir() else own
        keys = [signing.load_public(path) for path in sorted(folder.glob("*.pub"))]
        keys = [key for key in keys if key.algorithm == "ed25519"]
        if not keys:
            raise Refused(
                "controller-unknown",
                f"controller {controller}",
                f"no trusted key of this controller is in {own}.",
                "put the public key there that the controller gave you in person (a .pub file).",
            )
        return keys


def verify(envelope: bytes, trust: TrustStore, now: datetime | None) -> VerifiedInstruction:
    """Check a signed instruction.

    The order: the envelope's form; whose it claims to be; the signature, with that controller's
    trusted keys; the document, field by field; the validity window.

    Args:
        now: None leaves the validity window out, for acts that must still be possible after it
            (confirming, deleting, reading evidence).

    Raises:
        Refused: envelope-malformed, controller-unknown, signer-not-trusted, signature-invalid,
            signature-missing, instruction-invalid, instruction-not-yet-valid, instruction-expired.
    """
    unverified = signing.unverified_payload(envelope, PAYLOAD_TYPE, "the instruction's signature")
    keys = trust.keys_for(_claimed_controller(unverified))
    payload = signing.open_envelope(envelope, PAYLOAD_TYPE, keys, "the instruction's signature")
    verified = VerifiedInstruction(parse(payload), digest_of(payload), envelope)
    if now is not None:
        verified.require_valid(now)
    return verified


def read_signed(path: Path) -> bytes:
    """The envelope beside an instruction file, after checking that it signs that very file.

    Raises:
        UsageError: the file cannot be read.
        Refused: instruction-unsigned, or instruction-changed when the file is not what was signed.
    """
    text = read(path)
    try:
        envelope = envelope_path(path).read_bytes()
    except OSError:
        raise Refused(
            "instruction-unsigned",
            str(path),
            f"there is no signature beside it ({envelope_path(path).name}).",
            "have the controller sign it: remit instruction sign FILE --key KEY.",
        ) from None
    if signing.unverified_payload(envelope, PAYLOAD_TYPE, str(envelope_path(path))) != text:
        raise Refused(
            "instruction-changed",
            str(path),
            "the file is not the one that was signed.",
            "restore the signed text, or have the new one signed as a new version.",
        )
    return envelope


def envelope_path(path: Path) -> Path:
    """Where the signature of an instruction file is kept."""
    return path.with_name(path.name + ENVELOPE_SUFFIX)


def _claimed_controller(text: bytes) -> str:
    try:
        name = load(text)["controller"]["name"]
    except (NotPlainYaml, KeyError, TypeError):
        name = None
    if not isinstance(name, str) or not re.fullmatch(r"[a-z0-9][a-z0-9-]{1,62}", name):
        raise invalid("controller.name", "it names no controller.")
    return name
