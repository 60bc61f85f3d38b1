"""What a person does to a run that was opened: hold its deletion, release it, stand for a control file.

Guarantee: only a person whom the run's instruction names does it, under this person's name. No place
that holds data is reached: whoever writes evidence can take a person's word, and the step that
confirms looks itself whether it is about what the target wrote.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from remit.custody.answers import AnsweredRun
from remit.custody.story import Story
from remit.errors import Refused, one_line
from remit.evidence import timestamp
from remit.instruction import vague
from remit.people import Identity, require_person

LONGEST_REASON = 2000
"""So many characters a reason may have."""


class ActedOnRun(AnsweredRun):
    """A run that persons act on."""

    def hold(self, identity: Identity, reason: str, until: datetime) -> None:
        """Suspend deletion until a date, in the name of a person.

        Raises:
            Refused: hold-too-long, hold-past, reason-missing, run-ended, run-unknown; those of
                `remit.people.require_person`.
        """
        with self.locked():
            self.require_known()
            with self.recorded("hold"):
                who = self.require_person(identity, "hold")
                if self.story.has("deleted"):
                    raise Refused(
                        "run-ended",
                        f"run {self.id}",
                        "its copies are deleted, so there is nothing to hold.",
                        "look at its deletion certificate (remit evidence show).",
                    )
                self.require_holdable(until)
                said = self._reason(reason)
            self.record("held", {"reason": said, "until": timestamp(until), **who})

    def release(self, identity: Identity, reason: str) -> None:
        """End every hold on the run, in the name of a person.

        Raises:
            Refused: not-held, reason-missing, run-unknown; those of `remit.people.require_person`.
        """
        with self.locked():
            self.require_known()
            with self.recorded("release"):
                who = self.require_person(identity, "hold")
                self.require_held(self.story)
                said = self._reason(reason)
            self.record("released", {"reason": said, **who})

    def stand_for(self, identity: Identity, digest: str) -> None:
        """Record that a person stands for the control file that was found; this confirms nothing yet.

        Whoever waits is woken; the step takes this word if the file is still the same.

        Args:
            digest: of what the file says, as it was recorded when it was found.

        Raises:
            Refused: control-file-not-found, run-unknown; those of `remit.people.require_person`.
        """
        with self.locked():
            self.require_known()
            with self.recorded("confirm"):
                who = self.require_person(identity, "confirm")
                if not can_be_vouched(self.story, digest):
                    raise Refused(
                        "control-file-not-found",
                        f"run {self.id}",
                        "no control file of this digest waits for a person.",
                        "open the run's page again, and see what was found.",
                    )
            self.record("vouched", {"way": "control_file", "digest": digest, **who})
            self.deployment.inbox.wake(self.id)

    def awaits_person(self) -> bool:
        """Whether a control file was found for which nobody stood yet."""
        return bool(unvouched(self.story))

    def require_vouched(self, digest: str) -> Mapping[str, Any] | None:
        """Who stood for a control file, judged once more: whether this person may.

        Raises:
            Refused: those of `remit.people.require_person`.
        """
        given = vouched(self.story, digest)
        if given is not None:
            identity = Identity(given["identity"]["account"], "airflow")
            require_person(self.instruction().terms, identity, "confirm")
        return given

    def _reason(self, reason: str) -> str:
        """A reason as evidence has it.

        Raises:
            Refused: reason-missing.
        """
        said = one_line(" ".join(reason.split()))
        try:
            vague.require_filled(said)
        except vague.SaysNothing:
            said = ""
        if not said or len(reason) > LONGEST_REASON:
            raise Refused(
                "reason-missing",
                f"run {self.id}",
                "the reason says nothing, or is longer than 2000 characters.",
                "say in a sentence why the deletion waits, or goes on.",
            )
        return said


def can_be_vouched(story: Story, digest: str) -> bool:
    """Whether a control file of this digest was found, and may still confirm the run."""
    over = any(story.has(kind) for kind in ("confirmed", "stopped", "deleted"))
    return not over and digest in _unsigned(story)


def unvouched(story: Story) -> list[str]:
    """The digests of the control files that were found and for which nobody stood yet, in order."""
    return [digest for digest in _unsigned(story) if vouched(story, digest) is None]


def vouched(story: Story, digest: str) -> Mapping[str, Any] | None:
    """Who stood for a control file last, as evidence has it; None if nobody did."""
    given = [one.data for one in story.records if one.kind == "vouched"]
    return next((one for one in reversed(given) if one["digest"] == digest), None)


def _unsigned(story: Story) -> list[str]:
    return [
        str(record.data["digest"])
        for record in story.records
        if record.kind == "answered" and record.data["outcome"] == "unsigned"
    ]
