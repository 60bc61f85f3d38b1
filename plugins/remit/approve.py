"""Approve: four eyes before anything is delivered, where the instruction asks for them.

Guarantee: an answer counts only if it chose the very words that this question put, was given in
time, by the account of a person whom the instruction lets approve, who neither wrote the DAG nor
started the run. No answer is no approval.
Not guaranteed: that the DAG names its author truly, or that an account was used by its person.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from remit.accounts import folded, is_nobodys
from remit.errors import Refused
from remit.evidence import parse_timestamp, timestamp
from remit.instruction import Instruction
from remit.instruction.parties import Authorised
from remit.people import Identity, require_person


@dataclass(frozen=True, slots=True)
class Origin:
    """Who may not approve a run: whoever wrote its DAG or started it.

    Attributes:
        authors: the DAG's owners, as it names them.
        trigger: the user who started the run; None where Airflow names none.
        unattended: whether a run of its kind starts by itself, so that nobody is named rightly.
    """

    authors: tuple[str, ...]
    trigger: str | None
    unattended: bool = False

    def as_json(self) -> dict[str, Any]:
        """As evidence has it."""
        return {"authors": list(self.authors), "trigger": self.trigger}


@dataclass(frozen=True, slots=True)
class Question:
    """What was asked, of whom, until when.

    Attributes:
        number: drawn once for a manifest, for Airflow keeps the words of what is asked again.
        manifest, instruction: digests of what would be delivered, and under what.
        at: when it was asked, the last time.
        until: before this an answer counts.
        assigned: account and name of each person who may answer.
        reference: where Airflow keeps the question.
    """

    number: str
    manifest: str
    instruction: str
    at: datetime
    until: datetime
    assigned: tuple[tuple[str, str], ...]
    authors: tuple[str, ...]
    trigger: str | None
    reference: str

    @property
    def approval(self) -> str:
        """The words that approve; they fit nothing but this question."""
        return f"Approve {self._what()}"

    @property
    def disapproval(self) -> str:
        """The words that forbid the delivery."""
        return f"Do not deliver {self._what()}"

    def _what(self) -> str:
        return f"{self.manifest.removeprefix('sha256:')[:16]} (question {self.number})"

    def as_json(self) -> dict[str, Any]:
        """As evidence has it."""
        return {
            "question": self.number,
            "manifest": self.manifest,
            "instruction": self.instruction,
            "asked_at": timestamp(self.at),
            "until": timestamp(self.until),
            "assigned": [{"account": account, "name": name} for account, name in self.assigned],
            "authors": list(self.authors),
            "trigger": self.trigger,
            "reference": self.reference,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Question:
        """Read what `as_json` gave."""
        return cls(
            number=data["question"],
            manifest=data["manifest"],
            instruction=data["instruction"],
            at=parse_timestamp(data["asked_at"]),
            until=parse_timestamp(data["until"]),
            assigned=tuple((one["account"], one["name"]) for one in data["assigned"]),
            authors=tuple(data["authors"]),
            trigger=data["trigger"],
            reference=data["reference"],
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """What Airflow has as the answer.

    Attributes:
        account, name: id and name of the user, by the auth manager; None where it was no user's.
        chosen: the words that were chosen.
        at: when.
    """

    account: str | None
    name: str | None
    chosen: tuple[str, ...]
    at: datetime


def approvers(terms: Instruction, origin: Origin) -> list[Authorised]:
    """The persons who may approve this run.

    Raises:
        Refused: approval-author-unknown, approval-trigger-unknown, approval-impossible.
    """
    _require_known(terms, origin)
    able = [
        person
        for person in terms.contacts.may("approve")
        if person.account and not _is_any(_names(person), [*origin.authors, origin.trigger])
    ]
    if not able:
        raise Refused(
            "approval-impossible",
            f"instruction {terms.id}",
            "everybody who may approve wrote this DAG or started this run.",
            "have another person start a new run, or the controller name another who may approve.",
        )
    return able


def require_answer(
    terms: Instruction, question: Question, answer: Answer
) -> tuple[Identity, Authorised]:
    """The person who answered, if the answer is one to this question, in time, by one who may.

    Raises:
        Refused: approval-unattributed, approval-not-assigned, approval-by-author,
            approval-by-trigger, approval-answer-differs, approval-timed-out; those of
            `require_person`.
    """
    if answer.account is None:
        raise Refused(
            "approval-unattributed",
            _place(question),
            "the answer is no user's: a task, a default or a timeout gave it.",
            "clear the task, and have one of those who were asked answer in Airflow.",
        )
    identity = Identity(answer.account, "airflow")
    person = require_person(terms, identity, "approve")
    require_four_eyes(person, question, answer.name)
    if answer.account not in {account for account, _ in question.assigned}:
        raise Refused(
            "approval-not-assigned",
            _place(question),
            f"{person.name} was not asked.",
            f"one of {_asked(question)} can answer; clear the task to ask again.",
        )
    _require_words(question, answer)
    if answer.at >= question.until:
        raise timed_out(question)
    return identity, person


def require_four_eyes(person: Authorised, question: Question, also: str | None = None) -> None:
    """Refuse (approval-by-author, approval-by-trigger) who wrote the DAG, or started the run.

    Args:
        also: another name that the person goes by.
    """
    names = _names(person) | ({folded(also)} if also else set())
    seen = "so that one pair of eyes alone would have seen it."
    way_out = f"another person must approve: {_asked(question)}."
    if _is_any(names, question.authors):
        what = f"{person.name} wrote the DAG, {seen}"
        raise Refused("approval-by-author", _place(question), what, way_out)
    if _is_any(names, [question.trigger]):
        what = f"{person.name} started the run, {seen}"
        raise Refused("approval-by-trigger", _place(question), what, way_out)


def timed_out(question: Question) -> Refused:
    """The refusal of a run for which nobody answered in time."""
    return Refused(
        "approval-timed-out",
        _place(question),
        f"nobody approved it until {timestamp(question.until)}.",
        "start a new run when somebody is there to approve it.",
    )


def _require_words(question: Question, answer: Answer) -> None:
    if answer.chosen not in ((question.approval,), (question.disapproval,)):
        what = "the answer is to another question, of another run or manifest."
    elif answer.at < question.at:
        what = f"the answer was given before it was asked, at {timestamp(question.at)}."
    else:
        return
    raise Refused(
        "approval-answer-differs",
        _place(question),
        what,
        "find out who put it there, and whether the machines' clocks agree; clear the task to ask again.",
    )


def _require_known(terms: Instruction, origin: Origin) -> None:
    """Refuse to ask where it cannot be told who must not answer."""
    shared = terms.contacts.shared_accounts
    if not origin.authors or any(is_nobodys(author, shared) for author in origin.authors):
        raise Refused(
            "approval-author-unknown",
            f"instruction {terms.id}",
            "it asks for four eyes, and the DAG does not name a person as its owner.",
            'write its author into the DAG: default_args={"owner": ACCOUNT}.',
        )
    named = origin.trigger is not None and not is_nobodys(origin.trigger, shared)
    if not named and (origin.trigger is not None or not origin.unattended):
        raise Refused(
            "approval-trigger-unknown",
            f"instruction {terms.id}",
            "it asks for four eyes, and no person is known to have started this run "
            f"({origin.trigger or 'nobody is named'}).",
            "start the run by a person's own account, or by its schedule.",
        )


def _names(person: Authorised) -> set[str]:
    """Every name that a login or a DAG may call a person by."""
    names = (person.account, person.name, person.email)
    return {folded(name) for name in names if name}


def _is_any(names: set[str], others: Iterable[str | None]) -> bool:
    return not names.isdisjoint(folded(other) for other in others if other)


def _place(question: Question) -> str:
    return f"manifest {question.manifest[:23]}…"


def _asked(question: Question) -> str:
    return ", ".join(name for _, name in question.assigned)
