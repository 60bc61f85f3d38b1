"""What binds a run: its instruction, source, interval, dates and persons. One refusal each."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from remit.custody.attempts import attempts_recorded
from remit.custody.guard import Custodian
from remit.custody.history import overlapping_run
from remit.custody.story import Obligation, Story
from remit.errors import Refused
from remit.evidence import succession, timestamp
from remit.instruction import VerifiedInstruction
from remit.instruction.parties import Act
from remit.people import Identity, as_record, require_person
from remit.ports import Source

LONGEST_HOLD = timedelta(days=365)
_ATTEMPTS = {"hold": "hold a deletion", "confirm": "stand for a control file"}


class BoundRun(Custodian):
    """A run that can tell what it may not do."""

    def require_holdable(self, until: datetime) -> None:
        """Refuse (hold-too-long, hold-past) a hold that lasts for too long, or not at all."""
        if until <= self.deployment.clock():
            raise Refused(
                "hold-past",
                f"run {self.id}",
                f"a hold until {timestamp(until)} would have ended already.",
                "hold it until a date that is to come.",
            )
        obligation = self.story.obligation()
        latest = (obligation.due if obligation else self.deployment.clock()) + LONGEST_HOLD
        if until > latest:
            raise Refused(
                "hold-too-long",
                f"run {self.id}",
                f"no hold reaches beyond {timestamp(latest)}, a year after the deletion was due.",
                "hold it for less; what must be kept longer needs the controller's instruction.",
            )

    def require_person(self, identity: Identity, act: Act) -> dict[str, Any]:
        """The person who acts, for the record; refuse those of `remit.people.require_person`.

        Such a refusal is on record by the hour, not in the run each time: it is no step of it.
        """
        terms = self.instruction().terms
        try:
            with attempts_recorded(self.deployment, identity, _ATTEMPTS[act], self.id):
                person = require_person(terms, identity, act)
        except Refused as refusal:
            self._told = refusal
            raise
        return {"person": person.name, "identity": as_record(identity, person)}

    def require_held(self, story: Story) -> None:
        """Refuse (not-held) to end a hold that there is not."""
        hold = story.hold()
        if hold is None or hold.until <= self.deployment.clock():
            raise Refused(
                "not-held",
                f"run {self.id}",
                "no hold suspends its deletion"
                + (f"; the last one expired at {timestamp(hold.until)}." if hold else "."),
                "nothing to do; it is deleted when it is due.",
            )

    def require_due(self, obligation: Obligation) -> None:
        """Refuse (deletion-not-due, deletion-held) a deletion before its time."""
        now = self.deployment.clock()
        if obligation.is_due(now):
            return
        if now >= obligation.due:
            raise Refused(
                "deletion-held",
                f"run {self.id}",
                f"a hold suspends its deletion until {timestamp(obligation.held_until or now)}.",
                "it is deleted when the hold expires.",
            )
        raise Refused(
            "deletion-not-due",
            f"run {self.id}",
            f"its deletion is due at {timestamp(obligation.due)} ({obligation.reason}).",
            "nothing to do until then; a receipt brings it forward.",
        )

    def require_own_key(self, instruction: VerifiedInstruction) -> None:
        """Refuse (processor-key-differs) an instruction for another signing key than ours.

        What was sealed before our key was rotated may end under the new one.
        """
        allowed = instruction.processor_keys
        chain = succession(self.deployment.log.ledger)
        if self.story.has("sealing") and allowed[0] in chain.keys:
            allowed = chain.after(allowed).keys + allowed
        if self.own_key not in allowed:
            raise Refused(
                "processor-key-differs",
                "instruction field processor.signing_key",
                f"this deployment signs with another key ({self.own_key}), so nobody could verify.",
                "set REMIT_SIGNING_KEY to the instructed key, or have the new one instructed.",
            )

    def require_own_rows(self, instruction: VerifiedInstruction) -> None:
        """Refuse (interval-taken) rows that another run takes, by what this one was opened with."""
        opened = self.story.last("opened")
        self.require_own_interval(instruction, opened["source"], opened["interval"])

    def require_own_interval(
        self, instruction: VerifiedInstruction, source: str, interval: Mapping[str, str] | None
    ) -> None:
        """Refuse (interval-taken) rows that another run takes: each row is given once."""
        if interval is None:
            return
        ledger = self.deployment.log.ledger
        other = overlapping_run(ledger, instruction.terms.key, source, interval, self.id)
        if other is not None:
            raise Refused(
                "interval-taken",
                f"data interval {interval['start']}",
                f"run {other} takes rows of the same interval, which would be given twice.",
                f"go on with run {other} (clear its tasks, or name it: remit run --run); it no longer "
                "counts once its copies are deleted without a receipt.",
            )

    def require_planned_source(self, source: Source) -> None:
        """Refuse (run-pinned) another source than the one planned on."""
        if self.story.last("opened")["source"] != source.label:
            raise Refused(
                "run-pinned",
                f"source {source.label}",
                "it is not the source that this run was planned on.",
                "extract from the planned source; start a new run for a new one.",
            )

    def require_same(self, story: Story, pinned: tuple[object, ...]) -> None:
        """Refuse (run-pinned) to go on under anything else than the run was opened with."""
        opened = story.last("opened")
        digest = opened["instruction"]["digest"]
        if pinned != (digest, opened["source"], opened["landing"], opened["interval"]):
            raise Refused(
                "run-pinned",
                f"run {self.id}",
                "it was opened under another instruction, source, landing zone or data interval.",
                "start a new run for the new one.",
            )
