"""What supervision has seen so far, so that a pass reads only what is new.

It follows from the evidence: lost, or of another log, it is made anew by reading that from its start.
An alert is raised once in any case, for its id follows from what it is about. Nothing here ends an
alert or keeps one from being raised twice: a memory that lies can only hide what it says was looked
at, and so all is looked at again once a day.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import TypeAdapter

from remit import canonical
from remit.alerts.watched import Watched
from remit.custody import is_run
from remit.errors import Refused
from remit.evidence import Record, parse_timestamp, timestamp

KEPT = 20
"""How many earlier runs of an instruction the usual number of rows is taken from."""

_ACTS = ("opened", "planned", "extracted", "sealed", "delivered")


@dataclass(slots=True)
class OpenRun:
    """A run whose copies are not deleted yet.

    Attributes:
        of: its instruction's digest.
        waits: since when it waits for the target; None before delivery and after the answer.
        covered: the last record of the run that raised what a refusal right after it says again.
    """

    of: str
    rows: int = 0
    waits: str | None = None
    covered: int = -2


@dataclass(slots=True)
class Past:
    """What earlier runs of one instruction were like.

    Attributes:
        rows: of the last confirmed ones, the newest last.
        acted: who, or which source and landing zone, to the first run that had it.
        last: when the newest was opened.
    """

    rows: list[int] = field(default_factory=list)
    acted: dict[str, str] = field(default_factory=dict)
    last: str = ""


@dataclass(slots=True)
class Memory:
    """See the module.

    Attributes:
        log: the log's own name. seen: how many of its records were looked at.
        digest: of the last of them, by which a log that was rewritten is noticed.
    """

    log: str
    seen: int = 0
    digest: str = ""
    instructions: dict[str, Watched] = field(default_factory=dict)
    runs: dict[str, OpenRun] = field(default_factory=dict)
    past: dict[str, Past] = field(default_factory=dict)

    def of_run(self, run: str) -> Watched | None:
        """The instruction of a run that is open."""
        known = self.runs.get(run)
        return self.instructions.get(known.of) if known else None

    def past_of(self, one: Watched) -> Past:
        """What earlier runs of the instruction were like, whatever the version."""
        return self.past.setdefault(one.key, Past())

    def learn(self, record: Record) -> None:
        """Take a record in, after it was looked at."""
        if record.kind in ("received", "revoked", "opened"):
            self._learn_instruction(record)
        if is_run(record.run):
            self._learn_run(record)

    def _learn_instruction(self, record: Record) -> None:
        digest = str(record.data["instruction"]["digest"])
        if record.kind == "revoked":
            if (known := self.instructions.get(digest)) is not None:
                ended = min(timestamp(known.until), record.at)
                fields = known.as_json() | {"revoked": True, "until": ended}
                self.instructions[digest] = Watched.from_json(fields)
        elif digest not in self.instructions:
            try:
                self.instructions[digest] = Watched.of_envelope(record.data["envelope"], digest)
            except Refused:
                return  # of an earlier form: its alerts go to everybody of the deployment

    def _learn_run(self, record: Record) -> None:
        run, data = record.run, record.data
        if record.kind == "opened":
            self.runs[run] = OpenRun(str(data["instruction"]["digest"]))
        if (known := self.runs.get(run)) is None:
            return
        if record.kind == "extracted":
            known.rows = rows_of(data)
        elif record.kind == "delivered":
            known.waits = record.at
        elif record.kind in ("confirmed", "stopped"):
            known.waits = None
        if (one := self.of_run(run)) is not None:
            self._learn_past(self.past_of(one), known, record)
        if record.kind == "deleted":
            del self.runs[run]

    def _learn_past(self, past: Past, run: OpenRun, record: Record) -> None:
        for one in acted_in(record):
            past.acted.setdefault(one, record.run)
        if record.kind == "opened":
            past.last = record.at
        elif record.kind == "confirmed":
            past.rows = [*past.rows, run.rows][-KEPT:]

    def as_json(self) -> dict[str, Any]:
        """As it is noted."""
        return {
            "log": self.log,
            "seen": self.seen,
            "digest": self.digest,
            "instructions": [one.as_json() for one in self.instructions.values()],
            "runs": {run: [o.of, o.rows, o.waits, o.covered] for run, o in self.runs.items()},
            "past": {key: [p.rows, p.acted, p.last] for key, p in self.past.items()},
        }

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Memory:
        """Read what `as_json` gave.

        Raises:
            KeyError, TypeError, ValueError, AttributeError, OverflowError: it gave something else.
        """
        instructions = [Watched.from_json(one) for one in fields["instructions"]]
        found: Memory = _FORM.validate_python(
            {
                "log": fields["log"],
                "seen": fields["seen"],
                "digest": fields["digest"],
                "instructions": {one.digest: one for one in instructions},
                "runs": {run: _named(OpenRun, one) for run, one in fields["runs"].items()},
                "past": {key: _named(Past, one) for key, one in fields["past"].items()},
            }
        )
        moments = [*(o.waits for o in found.runs.values()), *(p.last for p in found.past.values())]
        for moment in moments:
            if moment:
                parse_timestamp(moment)
        if not 0 <= found.seen < 2**62:
            raise ValueError
        return found


_FORM = TypeAdapter(Memory)


def _named(kind: type[OpenRun | Past], values: Sequence[Any]) -> dict[str, Any]:
    """A thing's fields by their names."""
    return dict(zip(kind.__slots__, values, strict=True))


def digest_of(body: bytes) -> str:
    """By this a record is known again."""
    return canonical.sha256(body)


def rows_of(data: Mapping[str, Any]) -> int:
    """How many rows an extract has."""
    return sum(int(file["rows"]) for file in data["files"])


def acted_in(record: Record) -> list[str]:
    """Who acted in a step of a run, and between which places it goes."""
    if record.kind not in _ACTS:
        return []
    found = [f"principal {principal_of(record.by)}"]
    if record.kind == "opened":
        found += [f"source {record.data['source']}", f"landing zone {record.data['landing']}"]
    if record.kind == "planned" and (account := record.data["plan"]["account"]) is not None:
        found.append(f"account {account} at the source")
    return found


def principal_of(by: str) -> str:
    """Who acts, without the name of the single DAG run."""
    return by.partition("/")[0] if by.startswith("airflow:") else by
