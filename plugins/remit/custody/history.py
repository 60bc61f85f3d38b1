"""Earlier plans, as the evidence has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from remit.errors import Refused
from remit.evidence import Ledger, of_kinds

PlanOfRun = tuple[str, Mapping[str, Any]]
"""A run and its plan, as `Plan.as_json` gives it."""


def previous_plan(ledger: Ledger, instruction: str, source: str, but: str = "") -> PlanOfRun | None:
    """The newest plan under any version of an instruction on a source; None when there is none.

    Args:
        but: a run that does not count, because it is the one being planned.
    """
    for record in of_kinds(ledger, "planned", newest_first=True):
        plan = record.data["plan"]
        same = (plan["instruction"]["id"], plan["source"]) == (instruction, source)
        if same and record.run != but:
            return record.run, plan
    return None


def plan_of(ledger: Ledger, run: str) -> PlanOfRun:
    """The plan of a run.

    Raises:
        Refused: run-unknown, when the evidence has none.
    """
    for kept in ledger.kept(run, ["planned"]):
        return run, kept.record().data["plan"]
    raise Refused(
        "run-unknown",
        f"run {run}",
        "the evidence has no plan of a run of this id.",
        "list the runs with remit evidence show.",
    )


def overlapping_run(
    ledger: Ledger, instruction: str, source: str, interval: Mapping[str, str], but: str
) -> str | None:
    """A run that took rows of the same instruction and source for a part of the interval.

    One that ended without being confirmed does not count: what it took was deleted.
    """
    taken: set[str] = set()
    confirmed: set[str] = set()
    for record in of_kinds(ledger, "opened", "confirmed", "stopped", "deleted"):
        if record.kind == "opened" and record.run != but:
            opened, own = record.data, record.data["interval"]
            same = (opened["instruction"]["id"], opened["source"]) == (instruction, source)
            if own and same and own["start"] < interval["end"] and interval["start"] < own["end"]:
                taken.add(record.run)
        elif record.kind == "confirmed":
            confirmed.add(record.run)
        elif record.kind in ("stopped", "deleted") and record.run not in confirmed:
            taken.discard(record.run)
    return min(taken, default=None)
