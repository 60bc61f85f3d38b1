"""The receipts of a run that are there now: each judged, and recorded once, whatever it says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from remit import canonical
from remit.confirm import Receipt, outcome_of, read_receipt, require_confirming
from remit.custody.bounds import BoundRun
from remit.custody.keys import require_receipt_key_stands
from remit.errors import Refused
from remit.instruction.confirmation import Way
from remit.manifest import CONTROL, RECEIPT, open_manifest
from remit.ports import LandingZone
from remit.ways.control_file import CONTROL_LIMIT

RECEIPT_LIMIT = 1 << 20


@dataclass(frozen=True, slots=True)
class Answer:
    """A receipt that was found.

    Attributes:
        receipt: what it says; None where it is not shown to be the target's.
        refusal: why it does not confirm; None where it does.
        outcome: in a word, as evidence has it.
    """

    envelope: bytes
    receipt: Receipt | None
    refusal: Refused | None
    outcome: str

    @property
    def digest(self) -> str:
        """By this the very same receipt is known again."""
        return canonical.sha256(self.envelope)

    @property
    def issued(self) -> str:
        """When the target signed it; what is not the target's comes before everything."""
        return self.receipt.issued_at if self.receipt else ""


class AnsweredRun(BoundRun):
    """A run that can tell what the target's receipts say."""

    def receipts(self, landing: LandingZone) -> list[Answer]:
        """Every receipt that is there, judged, the one that was signed last at the end."""
        found = map(self._judged, self.envelopes(landing))
        return sorted(found, key=lambda answer: answer.issued)

    def envelopes(self, landing: LandingZone) -> list[bytes]:
        """What is at the landing zone and in the inbox, each once, unread."""
        zone = read_bounded(landing, f"{self.id}/{RECEIPT}", RECEIPT_LIMIT)
        found = [*([zone] if zone is not None else []), *self.deployment.inbox.of(self.id)]
        return list(dict.fromkeys(found))

    def answered(self, answers: Iterable[Answer]) -> None:
        """Record what does not confirm; each receipt once for each thing that became of it."""
        for answer in answers:
            signed = answer.receipt is not None
            self.note_answer(
                "receipt",
                answer.outcome,
                answer.digest,
                rows=answer.receipt.rows if answer.receipt else None,
                # Only where the target signed it: others could put anything there.
                receipt=answer.envelope.decode() if signed else None,
            )

    def note_answer(
        self,
        way: Way,
        outcome: str,
        digest: str,
        rows: Mapping[str, int] | None = None,
        receipt: str | None = None,
    ) -> None:
        """Record what an answer came to, once."""
        told = {
            (record.data["digest"], record.data["outcome"])
            for record in self.story.records
            if record.kind == "answered"
        }
        if (digest, outcome) not in told:
            fields = {"way": way, "outcome": outcome, "digest": digest, "receipt": receipt}
            self.record("answered", fields | {"rows": dict(rows) if rows is not None else None})

    def receipts_after(self, landing: LandingZone) -> Refused | None:
        """Record what receipts came after one was accepted; the refusal of one that contradicts it."""
        accepted = self.story.last("confirmed").get("receipt")
        found = [
            replace(answer, outcome=_after(answer))
            for answer in self.receipts(landing)
            if accepted is None or answer.envelope != accepted.encode()
        ]
        self.answered(found)
        self.deployment.inbox.clear(self.id, [answer.envelope for answer in found])
        if any(answer.outcome == "contradictory" for answer in found):
            return Refused(
                "receipt-contradicts",
                f"run {self.id}",
                "the target confirmed the delivery, and then signed a receipt that does not.",
                "the confirmation and the deletion stand, and both receipts are in the evidence; ask "
                "the target which is true, and start a new run if data are missing there.",
            )
        return None

    def receipts_too_late(self, landing: LandingZone) -> None:
        """Refuse (receipt-late) and record a true receipt of a run that ended without one."""
        late = [
            replace(answer, outcome="late") if answer.refusal is None else answer
            for answer in self.receipts(landing)
        ]
        self.answered(late)
        self.deployment.inbox.clear(self.id, [answer.envelope for answer in late])
        if any(answer.outcome == "late" for answer in late):
            raise Refused(
                "receipt-late",
                f"run {self.id}",
                "the target confirmed the delivery after the run had ended without a receipt.",
                "it is in the evidence and changes nothing else; before the data are sent again, ask "
                "the target whether it still needs them.",
            )

    def _judged(self, envelope: bytes) -> Answer:
        instruction, receipt = self.instruction(), None
        sent = self.story.manifest_envelope
        manifest = open_manifest(sent, instruction)
        try:
            said = read_receipt(envelope, instruction)
            require_receipt_key_stands(said, self.revoked_keys())
            receipt = (
                said  # shown to be the target's only now: a thief of its key could sign as well
            )
            digest, now = canonical.sha256(sent), self.deployment.clock()
            require_confirming(receipt, instruction, manifest, digest, now)
        except Refused as refusal:
            outcome = outcome_of(receipt, refusal) if receipt else "unverified"
            return Answer(envelope, receipt, refusal, outcome)
        return Answer(envelope, receipt, None, "ingested")


def _after(answer: Answer) -> str:
    """What a receipt is beside one that was accepted before."""
    if answer.refusal is None:
        return "duplicate"
    of_this = answer.outcome not in ("other-run", "replayed", "unverified")
    return "contradictory" if of_this else answer.outcome


def read_bounded(landing: LandingZone, path: str, limit: int) -> bytes | None:
    """A file of the target's, cut above the limit, so that a longer one is not of its form."""
    try:
        with landing.open(path) as file:
            return file.read(limit)
    except FileNotFoundError:
        return None


def read_control(landing: LandingZone, run: str) -> bytes | None:
    """The control file; None when there is none."""
    return read_bounded(landing, f"{run}/{CONTROL}", CONTROL_LIMIT)
