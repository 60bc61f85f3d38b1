"""What a FHIR server says of a submission: the final status manifest of $bulk-submit-status.

Guarantee: a finding says that the server has ended the submission named as the run, and counts no
issue of severity error or fatal in any of its files of outcomes.
Not guaranteed: how many rows it took in; a status manifest counts issues, not rows.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from remit.errors import Refused
from remit.instruction.confirmation import BulkSubmit
from remit.manifest import Manifest
from remit.ports import StatusServer
from remit.ways import Finding

_BAD = ("fatal", "error")
_SEVERITIES = (*_BAD, "warning", "information", "success")


class _Read(BaseModel):
    """A part of somebody else's document: what is not known here is passed over."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)


class _Count(_Read):
    code: str
    count: int = Field(ge=0)


class _Outcomes(_Read):
    counts: list[_Count] = Field(alias="countSeverity", min_length=1)


class _Status(_Read):
    """The status manifest; drafts of the guide before 2026 called `outcome` `error`."""

    submission: str = Field(alias="submissionId")
    outcome: list[_Outcomes] = Field(default_factory=list)
    error: list[_Outcomes] = Field(default_factory=list)


def look(server: StatusServer, rule: BulkSubmit, manifest: Manifest) -> Finding | None:
    """Ask once; None while the server is still at work.

    Raises:
        Refused: submission-unreadable, submission-failed.
        Unavailable: the server does not answer, or not as the operation asks.
    """
    answer = server.status(rule.system, rule.value, manifest.run)
    if answer is None:
        return None
    status = _read(answer, manifest.run)
    counts = dict.fromkeys(_SEVERITIES, 0)
    for file in (*status.outcome, *status.error):
        for one in file.counts:
            if one.code not in counts:
                raise _unreadable("it counts issues of a severity that is not known")
            counts[one.code] += one.count
    if bad := {name: counts[name] for name in _BAD if counts[name]}:
        told = " and ".join(f"{count} of severity {name}" for name, count in bad.items())
        raise Refused(
            "submission-failed",
            f"submission {manifest.run}",
            f"the target's server counts issues: {told}.",
            "the copies are kept until their maximum age; settle with the target what was rejected.",
        )
    return Finding("bulk_submit", "L2", manifest.rows, {"issues": counts, "at": server.label})


def has_answer(server: StatusServer, rule: BulkSubmit, run: str) -> bool:
    """Whether the server has ended the submission."""
    return server.status(rule.system, rule.value, run) is not None


def _read(answer: Any, run: str) -> _Status:
    try:
        status = _Status.model_validate(answer)
    except ValidationError:
        raise _unreadable("it has not the form that the operation gives it") from None
    if status.submission != run:
        raise _unreadable("it is about another submission")
    return status


def _unreadable(what: str) -> Refused:
    return Refused(
        "submission-unreadable",
        "status manifest of the target's server",
        f"{what}, or a file of outcomes says no counts by severity.",
        "the copies are kept until their maximum age; have the target's server give the counts.",
    )
