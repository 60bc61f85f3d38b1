"""The manifest: what a delivery is, signed by the processor, and how the target checks it.

A delivery is a folder at the landing zone: the encrypted files, ``instruction.dsse.json``, and
``manifest.dsse.json``. The instruction, signed by the controller, pins the processor's key, so the
controller's public key is all that a reader must bring along.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from securesystemslib.signer import Signer

from remit import canonical, signing
from remit.errors import Refused
from remit.instruction import (
    Instruction,
    TrustStore,
    VerifiedInstruction,
    columns_digest,
    verify,
)
from remit.pieces import file_stems, is_whole

PAYLOAD_TYPE = "application/vnd.remit.manifest+json"
MANIFEST = "manifest.dsse.json"
INSTRUCTION = "instruction.dsse.json"
RECEIPT = "receipt.dsse.json"
CONTROL = "control.txt"

Digest = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
Hex = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Count = Annotated[int, Field(ge=0, le=2**48)]  # so that sums stay numbers of JSON
FileName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]{1,80}\.parquet$")]
RunId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{1,100}$")]


class Document(BaseModel):
    """A signed JSON document: no unknown field, nothing converted."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class InstructionRef(Document):
    """Which instruction, exactly."""

    id: str
    version: int
    digest: Digest


class ManifestFile(Document):
    """One file of a delivery."""

    name: FileName
    table: str
    columns: Digest
    rows: Count
    size: Count
    sha256: Digest
    commitment: Digest


class IntervalRef(Document):
    """The run's data interval, where the instruction gives each run its own; ISO 8601 in UTC."""

    start: str
    end: str


class Manifest(Document):
    """A delivery; `nonce` makes its receipt unlike any other's."""

    run: RunId
    instruction: InstructionRef
    files: list[ManifestFile]
    recipients: dict[str, list[Hex]]
    nonce: Hex
    sealed_at: str
    checkpoint: str
    interval: IntervalRef | None

    @property
    def rows(self) -> int:
        """Rows of all files."""
        return sum(file.rows for file in self.files)


def key_ids(terms: Instruction) -> dict[str, list[str]]:
    """Each recipient's name, and the ids of the keys that its columns are sealed to."""
    return {r.name: [key.key_id for key in r.keys] for r in terms.recipients}


def sign_manifest(manifest: Manifest, signer: Signer) -> bytes:
    """The envelope that is delivered."""
    return signing.sign(canonical.dumps(manifest.model_dump()), PAYLOAD_TYPE, signer)


def open_manifest(envelope: bytes, instruction: VerifiedInstruction) -> Manifest:
    """Verify a manifest with the processor's keys that the instruction pins.

    Raises:
        Refused: the envelope's defects; manifest-invalid; manifest-mismatch.
    """
    payload = signing.open_envelope(
        envelope, PAYLOAD_TYPE, instruction.processor_keys, "the delivery's manifest"
    )
    manifest = parse_document(Manifest, payload, "manifest-invalid", "the delivery's manifest")
    _require_instructed(manifest, instruction)
    return manifest


def _require_instructed(manifest: Manifest, instruction: VerifiedInstruction) -> None:
    terms = instruction.terms
    if manifest.instruction.digest != instruction.digest:
        raise _mismatch("instruction.digest", "it was made under another instruction")
    _require_tables(manifest.files, terms)
    if manifest.recipients != key_ids(terms):
        raise _mismatch("recipients", "they are not the instructed ones")


def _require_tables(files: Sequence[ManifestFile], terms: Instruction) -> None:
    """Each table's files in the order of the tables, whole or in all its parts."""
    stems, left = file_stems(terms), list(files)
    for table in terms.tables:
        own = [file for file in left if file.table == table.name]
        if left[: len(own)] != own:
            raise _mismatch("files", "they are not the instructed tables in their order")
        left = left[len(own) :]
        digest = columns_digest(table)
        known = is_whole(stems[table.name], [file.name for file in own])
        if not known or any(file.columns != digest for file in own):
            raise _mismatch("files", "they are not the instructed tables and columns")
        if sum(file.rows for file in own) > table.rows.maximum:
            raise _mismatch("files", "there are more rows than instructed")
    if left:
        raise _mismatch("files", "they are not the instructed tables and columns")


def _mismatch(field: str, what: str) -> Refused:
    return Refused(
        "manifest-mismatch",
        f"manifest field {field}",
        f"{what}.",
        "refuse the delivery and tell the processor.",
    )


D = TypeVar("D", bound="Document")


def parse_document(kind: type[D], payload: bytes, code: str, where: str) -> D:
    """Read a signed document, naming the field that is wrong."""
    try:
        return kind.model_validate_json(payload)
    except ValidationError as error:
        field = ".".join(str(part) for part in error.errors(include_input=False)[0]["loc"])
    raise Refused(
        code,
        f"{where}, field {field}",
        "it is missing, unknown or not of its form.",
        "ask its author to make it again with a version of remit that knows this form.",
    )


@dataclass(frozen=True, slots=True)
class OpenedDelivery:
    """A delivery whose instruction and manifest verified; the files are not yet checked."""

    instruction: VerifiedInstruction
    manifest: Manifest
    manifest_digest: str


def open_delivery(instruction: bytes, manifest: bytes, trust: TrustStore) -> OpenedDelivery:
    """Verify from the controller's key down: instruction, then manifest.

    The validity window is not asked for: a delivery made in time may be read later.
    """
    verified = verify(instruction, trust, now=None)
    opened = open_manifest(manifest, verified)
    return OpenedDelivery(verified, opened, canonical.sha256(manifest))
