"""What the evidence log is made of: records, their places, and the checkpoints signed over them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple, Self

from securesystemslib.signer import Signer

from remit import canonical, signing
from remit.errors import EvidenceBroken, Refused
from remit.signing import PublicKey

CHECKPOINT_TYPE = "application/vnd.remit.checkpoint+json"


@dataclass(frozen=True, slots=True)
class Record:
    """What happened: one canonical JSON object, the leaf of the tree.

    Attributes:
        seq: place in the log, from 0.
        run: the run it belongs to, and `step` its place within that run, from 0.
        kind: such as ``extracted``.
        at: when, ISO 8601 in UTC.
        by: the principal who did it.
        data: digests, counts, names of columns; never a value of a data subject.
    """

    seq: int
    run: str
    step: int
    kind: str
    at: str
    by: str
    data: Any

    def body(self) -> bytes:
        """The canonical bytes that are hashed and kept."""
        return canonical.dumps({name: getattr(self, name) for name in self.__slots__})

    @property
    def place(self) -> tuple[int, str, int, str]:
        """What it is found by."""
        return self.seq, self.run, self.step, self.kind

    @classmethod
    def parse(cls, body: bytes, where: str) -> Self:
        """Read a kept record.

        Raises:
            EvidenceBroken: the bytes are not a record in canonical form.
        """
        try:
            record = cls(**canonical.loads(body))
        except (ValueError, TypeError):
            record = None
        if record is None or not record._well_formed():
            raise EvidenceBroken(where, "the record was changed: it is no longer well formed.")
        return record

    def _well_formed(self) -> bool:
        places = {type(self.seq), type(self.step)}
        texts = {type(text) for text in (self.run, self.kind, self.at, self.by)}
        return places == {int} and texts == {str}


class Kept(NamedTuple):
    """A record as a ledger keeps it: its bytes, and the places by which it is found.

    `nodes` are the tree's nodes that it completes, as `remit.merkle.nodes_text` writes them.
    """

    seq: int
    run: str
    step: int
    kind: str
    body: bytes
    nodes: str

    def record(self) -> Record:
        """The record, in its place.

        Raises:
            EvidenceBroken: its bytes are damaged, or say another place.
        """
        record = Record.parse(self.body, f"record {self.seq}")
        if record.place != self[:4]:
            raise EvidenceBroken(
                f"record {self.seq}", "it is not in its place: records were moved or reordered."
            )
        return record


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The state of the log at a size: the root over the first `size` records."""

    log: str
    size: int
    root: str
    at: str

    def sign(self, signer: Signer) -> bytes:
        """The DSSE envelope that is kept and handed out."""
        body = canonical.dumps({name: getattr(self, name) for name in self.__slots__})
        return signing.sign(body, CHECKPOINT_TYPE, signer)

    @classmethod
    def unverified(cls, envelope: bytes, where: str) -> Self:
        """What an envelope says, whoever wrote it.

        Raises:
            EvidenceBroken: it is not well formed.
        """
        try:
            payload = signing.unverified_payload(envelope, CHECKPOINT_TYPE, where)
            return cls(**canonical.loads(payload))
        except (Refused, ValueError, TypeError):
            raise EvidenceBroken(where, "it was changed: it is no longer well formed.") from None

    @classmethod
    def open(cls, envelope: bytes, keys: Sequence[PublicKey], where: str) -> Self:
        """Verify a checkpoint's signature and read it.

        Raises:
            EvidenceBroken: it was changed, or another key signed it.
        """
        try:
            fields = canonical.loads(signing.open_envelope(envelope, CHECKPOINT_TYPE, keys, where))
            return cls(**fields)
        except Refused as error:
            raise EvidenceBroken(where, error.message) from None
        except (ValueError, TypeError):
            raise EvidenceBroken(where, "the checkpoint is not well formed.") from None


def timestamp(moment: datetime) -> str:
    """ISO 8601 in UTC to the second, as all of remit's documents write it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_timestamp(text: str) -> datetime:
    """The inverse of `timestamp`."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
