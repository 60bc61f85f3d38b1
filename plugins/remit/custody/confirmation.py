"""Confirm: look for what the target says, in the ways and to the level that the instruction takes.

Guarantee: a run is confirmed only by `_confirmed`, which holds what was found to the instructed
level. What does not confirm keeps every copy until the maximum age, and may be followed by something
that does. What comes after a confirmation never undoes it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from remit import canonical
from remit.custody.answers import read_control
from remit.custody.guard import Landing
from remit.custody.person_acts import ActedOnRun
from remit.errors import Refused, RemitError, Unavailable, UsageError
from remit.evidence import timestamp
from remit.instruction import VerifiedInstruction
from remit.instruction.confirmation import Confirmation, Level, Way
from remit.manifest import CONTROL, RECEIPT, Manifest, open_manifest
from remit.people import Identity
from remit.ports import Inbox, LandingZone, Source, StatusServer
from remit.ways import Finding, audit_table, bulk_submit, control_file


@dataclass(frozen=True, slots=True)
class TargetSystems:
    """Opens what is the target's, by the ids of connections that an instruction names."""

    database: Callable[[str], Source]
    status_server: Callable[[str], StatusServer]


def _unreachable(connection: str) -> Any:
    raise UsageError(f"conn:{connection} of the target cannot be reached from here.")


NO_SYSTEMS = TargetSystems(_unreachable, _unreachable)


_OUTCOMES = {
    "audit-table-failed": "negative",
    "audit-table-differs": "unreconciled",
    "submission-failed": "negative",
    "submission-unreadable": "unverified",
    "control-file-differs": "unreconciled",
    "control-file-invalid": "unverified",
}


class ConfirmedRun(ActedOnRun):
    """A run that the target can confirm."""

    def confirm(
        self, landing: LandingZone, systems: TargetSystems = NO_SYSTEMS, by: Identity | None = None
    ) -> bool | None:
        """Look once: None when there is nothing to judge yet, False when it was confirmed before.

        Args:
            by: who stands for a control file.

        Raises:
            Refused: what the target said does not confirm; receipt-contradicts, receipt-late,
                those of `remit.people.require_person`.
            UsageError: a person is named, and control files are not taken.
        """
        landing = self.zone(lambda _: landing)
        self.note_late(landing)
        with self.step("confirm", after="delivered", landing=lambda _: landing):
            before = self.story.has("confirmed")
            # What is there is accepted whatever became of the instruction: it proves what happened.
            accepted = not before and self._look(landing, systems, by)
            again = before and self._takes_receipts()
            contradiction = self.receipts_after(landing) if again else None
            if not before and not accepted:
                self._require_still_in_force("confirm", lambda _: landing)
        if contradiction is not None:
            raise contradiction  # out here, since it has its own record
        return False if before else accepted or None

    def note_late(self, landing: LandingZone) -> None:
        """Refuse (receipt-late) and record a receipt of a run that ended without one."""
        if not self._ended_unconfirmed() or not self._takes_receipts():
            return
        with self.locked():
            if self._ended_unconfirmed():
                self.receipts_too_late(landing)

    def look_before_deletion(self, landing: Landing) -> None:
        """Take in what receipts are there: nothing looks at the landing zone after the deletion.

        Whatever they say, and whatever becomes of looking at them, keeps no copy from being deleted.
        """
        story = self.story
        if not story.has("delivered") or story.has("stopped"):
            return
        accepted = story.last("confirmed").get("receipt") if story.has("confirmed") else None
        try:
            zone = self.zone(landing)
            if all(accepted == envelope.decode("latin-1") for envelope in self.envelopes(zone)):
                return  # nothing, or what is known: without verifying the instruction once more
        except (Refused, Unavailable, UsageError):
            return  # the removal tells it; the deletion stays due meanwhile, and looks again then
        try:
            with self.recorded("confirm"):
                if not self._takes_receipts():
                    return
                if story.has("confirmed"):
                    self.receipts_after(zone)
                else:
                    self._accept_receipt(self.instruction(), zone)
        except (Refused, Unavailable):
            return  # it is recorded
        except RemitError:
            raise
        except Exception:  # noqa: BLE001 - recorded as interrupted; what others wrote keeps no copy
            return

    def _has_receipt(self, landing: Landing) -> bool:
        """Whether the run was confirmed after all; what is no true receipt confirms nothing."""
        if not self.story.has("delivered"):
            return False
        try:
            with self.recorded("confirm"):
                if not self._takes_receipts():
                    return False
                return self._accept_receipt(self.instruction(), self.zone(landing))
        except Refused:
            return False  # it is recorded

    def _look(self, landing: LandingZone, systems: TargetSystems, by: Identity | None) -> bool:
        """Each way in its order; the first that has an answer decides."""
        instruction = self.instruction()
        ways = instruction.terms.confirmation.by
        if by is not None and "control_file" not in ways:
            raise UsageError("a person stands for a control file; the instruction takes none.")
        who = self.require_person(by, "confirm") if by is not None else None
        for way in ways:
            try:
                if self._accept(way, instruction, landing, systems, who):
                    return True
            except Refused as refusal:
                self._note(way, refusal)
                raise
        return False

    def _note(self, way: Way, refusal: Refused) -> None:
        """Record once what an answer says that no receipt gives; receipts are recorded as read."""
        outcome = _OUTCOMES.get(refusal.code)
        if outcome is not None:
            digest = canonical.sha256(canonical.dumps(refusal.as_json()))
            self.note_answer(way, outcome, digest)

    def _accept(
        self,
        way: Way,
        instruction: VerifiedInstruction,
        landing: LandingZone,
        systems: TargetSystems,
        who: Mapping[str, Any] | None,
    ) -> bool:
        if way == "receipt":
            return self._accept_receipt(instruction, landing)
        if way == "control_file":
            return self._accept_control_file(instruction, landing, who)
        manifest, rule = self._manifest(instruction), instruction.terms.confirmation
        if rule.audit_table is not None and way == "audit_table":
            source = systems.database(rule.audit_table.connection)
            found = audit_table.look(source, rule.audit_table, manifest)
        elif rule.bulk_submit is not None:
            server = systems.status_server(rule.bulk_submit.connection)
            found = bulk_submit.look(server, rule.bulk_submit, manifest)
        return found is not None and self._accept_finding(instruction, found, None)

    def _accept_receipt(self, instruction: VerifiedInstruction, landing: LandingZone) -> bool:
        """Accept the receipt that was signed last; False when there is none."""
        answers = self.receipts(landing)
        self.answered(answer for answer in answers if answer.refusal is not None)
        if answers and (refusal := answers[-1].refusal) is not None:
            self.deployment.inbox.clear(self.id, [answer.envelope for answer in answers])
            raise refusal
        if not answers or (receipt := answers[-1].receipt) is None:
            return False
        fields = {
            "receipt": answers[-1].envelope.decode(),
            "receipt_id": receipt.receipt,
            "principal": receipt.principal,
        }
        rows = receipt.rows["accepted"]
        self._confirmed(instruction, "receipt", receipt.level, rows, answers[-1].digest, fields)
        if self.deployment.inbox.exists(self.id):
            self.deployment.inbox.wake(self.id)  # who waits no longer finds the envelope
        self.deployment.inbox.clear(self.id, [answer.envelope for answer in answers])
        return True

    def _accept_control_file(
        self,
        instruction: VerifiedInstruction,
        landing: LandingZone,
        who: Mapping[str, Any] | None,
    ) -> bool:
        """Accept a control file for which a person stands; without one the wait goes on."""
        data = read_control(landing, self.id)
        if data is None:
            return False
        found = control_file.read(data, self._manifest(instruction))
        who = who or self.require_vouched(found.digest)
        if who is not None:
            accepted = self._accept_finding(instruction, found, who)
            self.deployment.inbox.wake(self.id)
            return accepted
        self.note_answer("control_file", "unsigned", found.digest)
        return False

    def _accept_finding(
        self, instruction: VerifiedInstruction, found: Finding, who: Mapping[str, Any] | None
    ) -> bool:
        fields = {"said": dict(found.said), "principal": instruction.terms.target.name}
        if who is not None:
            fields |= {"principal": who["person"], "identity": who["identity"]}
        self._confirmed(instruction, found.way, found.level, found.rows, found.digest, fields)
        return True

    def _confirmed(
        self,
        instruction: VerifiedInstruction,
        way: Way,
        level: Level | str,
        rows: int,
        digest: str,
        fields: dict[str, Any],
    ) -> None:
        """Record the confirmation, which brings the deletion forward."""
        now, terms = self.deployment.clock(), instruction.terms
        if way not in terms.confirmation.by or level < terms.confirmation.level:
            raise Refused(
                "confirmation-level",
                f"{way} of run {self.id}",
                f"it shows {level}, and the instruction asks for {terms.confirmation.level}.",
                "the copies are kept until their maximum age; have the target show more.",
            )
        obligation = self.story.obligation()
        told = {
            "way": way,
            "level": level,
            "rows": rows,
            "digest": digest,
            "late": obligation is not None and now >= obligation.due,
            "due": timestamp(now + terms.retention.after_confirmation),
            "reason": "confirmed by the target",
        }
        self.record("confirmed", told | fields)

    def _ended_unconfirmed(self) -> bool:
        story = self.story
        ended = story.has("deleted") or story.has("stopped")
        return story.has("delivered") and ended and not story.has("confirmed")

    def _takes_receipts(self) -> bool:
        return "receipt" in self.instruction().terms.confirmation.by

    def _manifest(self, instruction: VerifiedInstruction) -> Manifest:
        return open_manifest(self.story.manifest_envelope, instruction)


@dataclass(frozen=True, slots=True)
class Watch:
    """What somebody who waits for a run looks for: an answer, without judging it.

    Attributes:
        ways: those of the rule's ways that something may come by.
        tables: the names of the tables that leave.
    """

    run: str
    rule: Confirmation
    ways: Collection[str]
    tables: Collection[str]

    def is_answered(self, landing: LandingZone, inbox: Inbox, systems: TargetSystems) -> bool:
        """Whether the step would find something to judge.

        Raises:
            Unavailable: nothing is there as far as can be seen, but something does not answer.
        """
        silent: Unavailable | None = None
        if inbox.exists(self.run):
            return True
        for way in self.ways:
            try:
                if self._is_there(way, landing, systems):
                    return True
            except Unavailable as error:
                silent = error
        if silent is not None:
            raise silent
        return False

    def _is_there(self, way: str, landing: LandingZone, systems: TargetSystems) -> bool:
        if way == "receipt":
            return landing.exists(f"{self.run}/{RECEIPT}")
        if way == "control_file":
            return landing.exists(f"{self.run}/{CONTROL}")
        if way == "audit_table" and (table := self.rule.audit_table) is not None:
            source = systems.database(table.connection)
            return audit_table.has_answer(source, table, self.run, self.tables)
        if (server := self.rule.bulk_submit) is not None:
            asked = systems.status_server(server.connection)
            return bulk_submit.has_answer(asked, server, self.run)
        return False
