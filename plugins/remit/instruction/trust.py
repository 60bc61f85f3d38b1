"""The controller's instruction: what it says, and the only way to hold one that binds.

Guarantee: a `VerifiedInstruction` was signed by trusted keys of every controller that it names, as
many of each as it must have, is well formed with no field unknown, and was valid at the time given.
It is made by `verify` alone.
Not guaranteed: that the instruction is lawful or wise; that is the controller's judgement.
The caller must let only the controller's own people put keys into the trust folder.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from remit import signing
from remit.errors import Refused, Unavailable
from remit.instruction.model import Instruction
from remit.instruction.plain_yaml import NotPlainYaml, json_of
from remit.instruction.reading import digest_of, invalid, parse, read
from remit.signing import PublicKey

PAYLOAD_TYPE = "application/vnd.remit.instruction+yaml"
_WHERE = "the instruction's signature"
ENVELOPE_SUFFIX = ".dsse.json"


@dataclass(frozen=True, slots=True)
class VerifiedInstruction:
    """An instruction that binds: made by `verify` alone, after every check passed."""

    terms: Instruction
    digest: str
    envelope: bytes

    @property
    def processor_keys(self) -> list[PublicKey]:
        """The keys with which the processor may sign manifests and evidence."""
        return self.terms.processor.signing_keys

    def narrowed(self, terms: Instruction) -> VerifiedInstruction:
        """The same signed text, with terms that allow less (`remit.instruction.interval`)."""
        return replace(self, terms=terms)

    def require_started(self, now: datetime) -> None:
        """Refuse (instruction-not-yet-valid) before the validity window."""
        if now < self.terms.valid.start:
            raise Refused(
                "instruction-not-yet-valid",
                f"instruction {self.terms.id}",
                f"it is valid from {self.terms.valid.start.isoformat()}.",
                "wait until then, or ask the controller for an instruction that is valid now.",
            )

    def require_unexpired(self, now: datetime) -> None:
        """Refuse (instruction-expired) after the validity window."""
        if now >= self.terms.valid.until:
            raise Refused(
                "instruction-expired",
                f"instruction {self.terms.id}",
                f"it was valid until {self.terms.valid.until.isoformat()}.",
                "ask the controller for a new version.",
            )


class TrustStore:
    """The controllers' public keys: `<root>/<controller>/keys/*.pub`.

    A file `<root>/<controller>/threshold` says how many of them must sign an instruction.

    Args:
        flat: also take ``.pub`` files of `root` itself, or `root` as such a file, for whatever
            controller: for a reader who names the one key that he was given, or its folder.
    """

    def __init__(self, root: Path, *, flat: bool = False) -> None:
        self.root = root
        self._flat = flat

    def is_flat(self, controller: str) -> bool:
        """Whether the keys are those of a folder that does not tell controllers apart."""
        return self._flat and not (self.root / controller / "keys").is_dir()

    def threshold(self, controller: str) -> int:
        """How many of the controller's keys must sign: the file `threshold` beside its keys, else 1.

        Raises:
            Refused: controller-unknown, when the file does not say a number.
            Unavailable: it is there, but cannot be read.
        """
        path = self._folder(controller) / "threshold"
        try:
            path.lstat()  # a link that leads nowhere stands for a number that we do not know
        except (FileNotFoundError, NotADirectoryError):
            return 1
        except OSError as error:
            raise Unavailable(str(path), f"it cannot be read ({error.strerror}).") from None
        try:
            text = path.read_bytes().decode("ascii", "replace").strip()
        except OSError as error:
            raise Unavailable(str(path), f"it cannot be read ({error.strerror}).") from None
        if not re.fullmatch(r"[1-9][0-9]?", text):
            raise Refused(
                "controller-unknown",
                str(path),
                "it does not say how many of the controller's keys must sign.",
                "write one whole number from 1 to 99 into it, or remove it for one signature.",
            )
        return int(text)

    def keys_for(self, controller: str) -> list[PublicKey]:
        """The keys trusted for a controller.

        Raises:
            Refused: controller-unknown, when there is none.
            Unavailable: the folder or a file in it cannot be read.
        """
        own = self.root / controller / "keys"
        folder = self.root if self.is_flat(controller) else own
        alone = self._flat and folder.is_file()
        keys = [signing.load_public(one) for one in ([folder] if alone else _public_files(folder))]
        keys = [key for key in keys if key.algorithm == "ed25519"]
        if not keys:
            raise Refused(
                "controller-unknown",
                f"controller {controller}",
                f"no trusted key of this controller is in {own}.",
                "put the public key there that the controller gave you in person (a .pub file).",
            )
        return keys

    def _folder(self, controller: str) -> Path:
        return self.root if self.is_flat(controller) else self.root / controller


def _public_files(folder: Path) -> list[Path]:
    """The ``.pub`` files of a folder, each of which can be read; none where there is no folder."""
    try:
        paths = sorted(path for path in folder.iterdir() if path.name.endswith(".pub"))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise Unavailable(str(folder), f"it cannot be read ({error.strerror}).") from None
    for path in paths:
        try:
            path.read_bytes()
        except OSError as error:
            raise Unavailable(str(path), f"it cannot be read ({error.strerror}).") from None
    return paths


def verify(envelope: bytes, trust: TrustStore, now: datetime | None) -> VerifiedInstruction:
    """Check a signed instruction.

    The order: the envelope's form; whose it claims to be; the signatures, with those controllers'
    trusted keys; the document, field by field; enough signatures of each; the validity window.

    Args:
        now: None leaves the validity window out, for acts that must still be possible after it
            (confirming, deleting, reading evidence).

    Raises:
        Refused: envelope-malformed, controller-unknown, signer-not-trusted, signature-invalid,
            signature-missing, instruction-invalid, instruction-not-yet-valid, instruction-expired.
    """
    unverified = signing.unverified_payload(envelope, PAYLOAD_TYPE, _WHERE)
    keys = {name: trust.keys_for(name) for name in claimed_controllers(unverified)}
    everybody = [key for own in keys.values() for key in own]
    payload = signing.open_envelope(envelope, PAYLOAD_TYPE, everybody, _WHERE)
    verified = VerifiedInstruction(parse(payload), digest_of(payload), envelope)
    _require_signatures(verified, keys, trust)
    if now is not None:
        verified.require_started(now)
        verified.require_unexpired(now)
    return verified


def _require_signatures(
    verified: VerifiedInstruction, keys: dict[str, list[PublicKey]], trust: TrustStore
) -> None:
    """Each controller signs with as many of its keys as it asks for, or as the trust folder does."""
    for controller, signed, needed in _signatures(verified, keys, trust, ()):
        if signed < needed:
            raise Refused(
                "signature-missing",
                f"controller {controller}",
                f"{signed} of the {needed} signatures that it must have are there.",
                "have it signed with another key: remit instruction sign FILE --key KEY.",
            )


def require_other_signatures(
    verified: VerifiedInstruction, trust: TrustStore, revoked: Collection[str]
) -> None:
    """Refuse (controller-key-revoked) an instruction that needs the signature of a revoked key.

    Args:
        revoked: ids of keys whose signatures count no more.
    """
    if signing.signers_of(verified.envelope, PAYLOAD_TYPE, _WHERE).isdisjoint(revoked):
        return
    keys = {one.name: trust.keys_for(one.name) for one in verified.terms.controllers}
    for controller, signed, needed in _signatures(verified, keys, trust, revoked):
        if signed < needed:
            raise Refused(
                "controller-key-revoked",
                f"controller {controller}",
                f"{signed} of the {needed} signatures that it must have are there without that of a "
                "revoked key.",
                "have the controller sign it with another key: remit instruction sign FILE --key KEY.",
            )


def _signatures(
    verified: VerifiedInstruction,
    keys: dict[str, list[PublicKey]],
    trust: TrustStore,
    without: Collection[str],
) -> Iterator[tuple[str, int, int]]:
    """For each controller, how many of its own keys signed, and how many must have.

    Args:
        without: ids of keys whose signatures do not count.
    """
    signers = signing.signers_of(verified.envelope, PAYLOAD_TYPE, _WHERE) - set(without)
    owners = Counter(name for own in keys.values() for name in {key.key_id for key in own})
    for controller in verified.terms.controllers:
        own = {key.key_id for key in keys[controller.name]}
        if not trust.is_flat(controller.name):  # a key that two share is nobody's own signature
            own = {key for key in own if owners[key] == 1}
        needed = max(controller.signatures, trust.threshold(controller.name))
        yield controller.name, len(signers & own), needed


def signers(envelope: bytes) -> set[str]:
    """The ids of the keys that signed an envelope that was verified when it was received.

    Raises:
        Refused: envelope-malformed.
    """
    return signing.signers_of(envelope, PAYLOAD_TYPE, _WHERE)


def payload_of(envelope: bytes) -> bytes:
    """The text in an envelope that was verified when it was received.

    Raises:
        Refused: envelope-malformed.
    """
    return signing.unverified_payload(envelope, PAYLOAD_TYPE, _WHERE)


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


def claimed_controllers(text: bytes) -> list[str]:
    """The controllers that a text names, before any trust in it.

    Raises:
        Refused: instruction-invalid, when it names none.
    """
    return claimed_key(text)[0]


def claimed_key(text: bytes) -> tuple[list[str], object]:
    """The controllers that a text names, and what it has for an id, before any trust in it.

    Raises:
        Refused: instruction-invalid, when it names no controller.
    """
    try:
        fields = json.loads(json_of(text))
        names = [party["name"] for party in [fields["controller"], *_joint(fields)]]
    except NotPlainYaml as error:
        line, column = error.place
        raise invalid(f"(whole document), line {line}, column {column}", error.message) from None
    except (KeyError, TypeError):
        names = []
    for name in names:
        if not isinstance(name, str) or not re.fullmatch(r"[a-z0-9][a-z0-9-]{1,62}", name):
            names = []
    if not names:
        raise invalid("controller.name", "it names no controller.")
    return names, fields.get("id")


def _joint(fields: dict[str, object]) -> list[dict[str, str]]:
    joint = fields.get("joint_controllers", [])
    if not isinstance(joint, list):
        raise TypeError
    return joint
