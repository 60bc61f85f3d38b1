"""Refusals: each one, worse if it ended the run or if a revoked key was used."""

from __future__ import annotations

from collections.abc import Iterator

from remit.alerts.conditions.found import Condition
from remit.alerts.memory import Memory
from remit.evidence import Record

_REVOKED = {
    "controller-key-revoked",
    "processor-key-revoked",
    "receipt-key-revoked",
    "recipient-key-revoked",
}
_DRIFTED = {"column-missing", "column-retyped", "table-missing"}
_NOT_THEIRS = {
    "act-not-allowed",
    "person-account-shared",
    "person-not-authorised",
    "person-not-proven",
}
_NOT_LOADED = {"receipt-overdue"}
_OF_DELETION = ("delete", "withdraw")


def refused(record: Record, memory: Memory) -> Iterator[Condition]:
    """A rule refused a step; what the record before it raised is not raised again."""
    data, known = record.data, memory.runs.get(record.run)
    refusal = data["refusal"]
    if known is not None and known.covered == record.step - 1:
        return
    if refusal["code"] == "copy-locked":
        return  # raised for as long as it lasts
    kind = _kind(refusal["code"], str(data["step"]))
    ends = kind == "refusal" and data["ends_run"]
    yield Condition(
        kind,
        f"run {record.run}",
        f"At {data['step']}: {refusal['code']} at {refusal['where']}: {refusal['message']}",
        refusal["way_out"],
        run=record.run,
        seq=record.seq,
        severity="high" if ends else None,
        of=memory.of_run(record.run),
    )


def invalid(record: Record, memory: Memory) -> Iterator[Condition]:
    """Rules do not hold on the extract, or could not be judged."""
    tables = [t["table"] for t in record.data["report"]["tables"] if t["failed"]]
    if (known := memory.runs.get(record.run)) is not None:
        known.covered = record.step
    yield Condition(
        "validation-failed",
        f"run {record.run}",
        f"Rules do not hold on {', '.join(tables)}, or could not be judged. The run is stopped.",
        "look at the report (remit evidence show RUN), have the source corrected or the rules, and "
        "start a new run.",
        run=record.run,
        seq=record.seq,
        of=memory.of_run(record.run),
    )


def _kind(code: str, step: str) -> str:
    if code in _REVOKED:
        return "key-revoked-used"
    if code in _DRIFTED:
        return "drift"
    if code in _NOT_THEIRS:
        return "unexpected-principal"
    if code in _NOT_LOADED:
        return "receipt-missing"
    return "deletion-failed" if step in _OF_DELETION and code.startswith("copy-") else "refusal"
