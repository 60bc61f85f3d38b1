"""Approval in custody: asked once for a manifest, judged when answered, judged again when used.

Guarantee: where the instruction asks for approval nothing is delivered unless the evidence has one
that fits the manifest, by a person who may give it. One refused or not given in time ends the run.
Not guaranteed: that whoever holds the processor's key recorded it as Airflow had it.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, NoReturn

from remit import canonical
from remit.approve import (
    Answer,
    Origin,
    Question,
    approvers,
    require_answer,
    require_four_eyes,
    timed_out,
)
from remit.custody.confirmation import ConfirmedRun
from remit.errors import Refused
from remit.evidence import parse_timestamp, timestamp
from remit.instruction import Instruction, VerifiedInstruction
from remit.people import Identity, as_record, require_person


class ApprovedRun(ConfirmedRun):
    """A run that may need a person's approval before it is delivered."""

    def ask(self, origin: Origin, reference: str) -> Question | None:
        """Record the question that is to be put; None where there is none, or it is answered.

        Args:
            origin: who may not answer.
            reference: where Airflow will keep the question.

        Raises:
            Refused: approval-timed-out; those of `approvers`.
        """
        with self.step("approve", after="sealed"):
            instruction = self.instruction()
            rule = instruction.terms.approval
            if rule is None or not self._is_open(instruction):
                return None
            question = self._question(instruction, rule.within, origin, reference)
            if self.deployment.clock() >= question.until:
                self._end(timed_out(question))
            self.record("asked", question.as_json())
            return self.asked(reference)

    def asked(self, reference: str) -> Question | None:
        """The question that was last put there."""
        found = [Question.from_json(data) for data in self._records_of("asked")]
        return next((one for one in reversed(found) if one.reference == reference), None)

    def take_answer(
        self, question: Question, answer: Answer | None, origin: Origin | None = None
    ) -> bool | None:
        """Record what was answered.

        Args:
            answer: None where Airflow has none.
            origin: who may not answer by now: the DAG may name another author than when it was asked.

        Returns:
            Whether it was news; None while an answer may still come.

        Raises:
            Refused: approval-denied and approval-timed-out, which end the run; those of
                `require_answer`, after which it can be asked again until the time is over.
        """
        with self.step("approve", after="sealed"):
            instruction = self.instruction()
            if not self._is_open(instruction):
                return False
            if answer is None:
                if self.deployment.clock() < question.until:
                    return None
                self._end(timed_out(question))
            if origin is not None:
                question = replace(question, authors=(*question.authors, *origin.authors))
            self._take(instruction, question, answer)
            return True

    def require_approved(self, instruction: VerifiedInstruction) -> None:
        """Refuse to deliver what needs an approval, and has none that holds now.

        Raises:
            Refused: approval-missing, approval-other-manifest; those of `require_person` and
                `require_four_eyes`.
        """
        if instruction.terms.approval is None:
            return
        given = self._records_of("approved")
        if not given:
            raise Refused(
                "approval-missing",
                f"run {self.id}",
                "its instruction asks for a person's approval, and the evidence has none.",
                "run it in Airflow, where the task approve asks for it; nothing is delivered before.",
            )
        pinned = (canonical.sha256(self.story.manifest_envelope), instruction.digest)
        fitting = [one for one in given if (one["manifest"], one["instruction"]) == pinned]
        question = self._put(fitting[-1]) if fitting else None
        if question is None:
            raise Refused(
                "approval-other-manifest",
                f"run {self.id}",
                "what was approved is not what would be delivered.",
                "clear the task approve, so that it asks again.",
            )
        _require_stands(instruction.terms, question, fitting[-1])

    def _put(self, given: Mapping[str, Any]) -> Question | None:
        """The question that an approval answers, as it was put."""
        asked = self.asked(given["reference"])
        fits = asked is not None and asked.number == given["question"]
        return asked if fits else None

    def _is_open(self, instruction: VerifiedInstruction) -> bool:
        """Whether somebody is to be asked."""
        if instruction.terms.approval is None or self.story.has("delivered"):
            return False
        try:
            self.require_approved(instruction)
        except Refused:
            return True
        return False

    def _question(
        self, instruction: VerifiedInstruction, within: timedelta, origin: Origin, reference: str
    ) -> Question:
        able = approvers(instruction.terms, origin)
        manifest, now = canonical.sha256(self.story.manifest_envelope), self.deployment.clock()
        before = [d for d in self._records_of("asked") if d["manifest"] == manifest]
        if before:  # asking again gives no more time
            number, until = before[0]["question"], parse_timestamp(before[0]["until"])
        else:
            number, until = secrets.token_hex(8), self._until(within, now)
        return Question(
            number=number,
            manifest=manifest,
            instruction=instruction.digest,
            at=now,
            until=until,
            assigned=tuple((str(person.account), person.name) for person in able),
            authors=origin.authors,
            trigger=origin.trigger,
            reference=reference,
        )

    def _until(self, within: timedelta, now: datetime) -> datetime:
        """When the time is over, were it asked now for the first time."""
        obligation = self.story.obligation()
        return min(now + within, obligation.due) if obligation else now

    def _take(self, instruction: VerifiedInstruction, question: Question, answer: Answer) -> None:
        try:
            identity, person = require_answer(instruction.terms, question, answer)
        except Refused as refusal:
            if refusal.code == "approval-timed-out":
                self._end(refusal)
            raise
        told = {
            "question": question.number,
            "manifest": question.manifest,
            "instruction": question.instruction,
            "identity": as_record(identity, person),
            "answered_at": timestamp(answer.at),
            "reference": question.reference,
        }
        if answer.chosen == (question.approval,):
            self.record("approved", told)
            return
        self.record("disapproved", told)
        self._end(
            Refused(
                "approval-denied",
                f"run {self.id}",
                f"{person.name} does not let it be delivered.",
                "ask this person why; start a new run once the reason is dealt with.",
            )
        )

    def _end(self, refusal: Refused) -> NoReturn:
        """End the run with a refusal."""
        with self.recorded("approve", ends=True):
            raise refusal

    def _records_of(self, kind: str) -> list[Mapping[str, Any]]:
        return [record.data for record in self.story.records if record.kind == kind]


def _require_stands(terms: Instruction, question: Question, given: Mapping[str, Any]) -> None:
    """Judge once more what was recorded: whose it was, and when."""
    who = given["identity"]
    person = require_person(terms, Identity(who["account"], "airflow"), "approve")
    require_four_eyes(person, question)
    if who["via"] != "airflow" or who["account"] not in dict(question.assigned):
        raise Refused(
            "approval-not-assigned",
            f"manifest {question.manifest[:23]}…",
            f"{person.name} was not asked in Airflow.",
            "clear the task approve, so that it asks again.",
        )
    if parse_timestamp(given["answered_at"]) >= question.until:
        raise timed_out(question)
