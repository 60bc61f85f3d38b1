"""All runs as far as the log was read, and what is damaged of it."""

from __future__ import annotations

from dataclasses import dataclass
from sys import intern
from typing import Any

from remit.board.instructed import Instructed
from remit.board.learning import IGNORED, LEARNT, TIMED, learn
from remit.board.reading import fields_of, require_intact, time_of
from remit.board.summary import RunSummary, made_by
from remit.custody.story import REGISTER, is_run
from remit.custody.survey import AFTER_DUTY
from remit.errors import EvidenceBroken
from remit.evidence import Kept

KINDS = LEARNT | {"received"}
"""What is read of the log."""


@dataclass(frozen=True, slots=True)
class Damaged:
    """A run that cannot be told, or the register of instructions.

    Attributes:
        where, message: what does not hold, and at which record.
        by: the principal who opened the run; empty where that is not known.
    """

    run: str
    where: str
    message: str
    by: str

    @property
    def dag(self) -> str | None:
        """The DAG that made the run, as far as that is known."""
        return made_by(self.by)[0]


class Runs:
    """What the records taken in come to; records are given in the order of the log.

    Attributes:
        known: every run of which something is known, in the order of their first records.
        instructions: the versions received, by digest.
        dags: the runs that each DAG run made.
        damaged: what cannot be told, by run, or by the register's name.
    """

    def __init__(self) -> None:
        self.known: dict[str, RunSummary] = {}
        self.instructions: dict[str, Instructed] = {}
        self.dags: dict[tuple[str, str], list[str]] = {}
        self.damaged: dict[str, Damaged] = {}

    def take_in(self, kept: Kept) -> None:
        """Learn from one record; one that is damaged makes its run damaged, and no other."""
        if kept.run in self.damaged or kept.kind in IGNORED or kept.kind not in KINDS:
            return
        try:
            require_intact(kept)
            if kept.run == REGISTER:
                self._receive(kept)
            elif is_run(kept.run):
                self._learn(kept)
        except EvidenceBroken as error:
            self._damage(kept.run, error)
        except (KeyError, TypeError, ValueError, AttributeError):
            where = f"record {kept.seq}"
            self._damage(kept.run, EvidenceBroken(where, "it does not say what it must."))

    def opened_by(self, run: str) -> str | None:
        """The principal who opened a run; None for one that was not, or of which that is damaged."""
        found = self.known.get(run) or self.damaged.get(run)
        return found.by or None if found is not None else None

    def _receive(self, kept: Kept) -> None:
        data = fields_of(kept)["data"]
        named = data["instruction"]
        controllers = tuple(intern(str(name)) for name in data["controllers"])
        one = Instructed(str(named["id"]), int(named["version"]), str(named["digest"]), controllers)
        self.instructions.setdefault(one.digest, one)

    def _learn(self, kept: Kept) -> None:
        fields = fields_of(kept) if kept.kind not in TIMED else {}
        at, data = time_of(kept), fields.get("data")
        summary = self.known.get(kept.run)
        if summary is None:
            summary = self.known[kept.run] = RunSummary(kept.run, kept.seq, at)
        if kept.kind == "opened":
            summary.instruction = self._instructed(kept, data)
            self._open(summary, str(fields["by"]))
        learn(summary, kept.kind, kept.seq, at, data)
        if kept.kind in AFTER_DUTY and not summary.obliged:
            # It would be on no list of what must go.
            raise EvidenceBroken(
                f"record {kept.seq}", "the record of its duty to delete is missing."
            )

    def _open(self, summary: RunSummary, by: str) -> None:
        summary.open(by)
        if summary.dag is not None and summary.dag_run is not None:
            self.dags.setdefault((summary.dag, summary.dag_run), []).append(summary.run)

    def _instructed(self, kept: Kept, data: Any) -> Instructed:
        found = self.instructions.get(str(data["instruction"]["digest"]))
        if found is None:
            raise EvidenceBroken(
                f"record {kept.seq}", "the register does not have its instruction."
            )
        return found

    def _damage(self, run: str, error: EvidenceBroken) -> None:
        """What was learnt of it before would pass for the whole."""
        summary = self.known.pop(run, None)
        by = summary.by if summary is not None else ""
        self.damaged[run] = Damaged(run, error.where, error.message, by)
