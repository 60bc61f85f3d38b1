"""Earlier plans, as the evidence has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from remit.errors import Refused
from remit.evidence import Ledger, Record, of_kinds

PlanOfRun = tuple[str, Mapping[str, Any]]
"""A run and its plan, as `Plan.as_json` gives it."""

_ENDS = ("stopped", "deleted")


def previous_plan(
    ledger: Ledger, instruction: tuple[str, str], source: str, but: str = ""
) -> PlanOfRun | None:
    """The newest plan under any version of an instruction on a source; None when there is none.

    Args:
        instruction: its controller's name, and its id.
        but: a run that does not count, because it is the one being planned.
    """
    for record in of_kinds(ledger, "planned", newest_first=True):
        plan = record.data["plan"]
        named = plan["instruction"]
        same = ((named["controller"], named["id"]), plan["source"]) == (instruction, source)
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
    ledger: Ledger, instruction: tuple[str, str], source: str, interval: Mapping[str, str], run: str
) -> str | None:
    """The run that took rows of the instruction and source for a part of the interval before `run`.

    Rows are taken when extraction begins: a run that was only opened or planned stands in nobody's
    way. A run that ended without being confirmed took nothing: its copies are deleted. Of two that
    begin at once, the one that comes first in the evidence has the rows.
    """
    same: set[str] = set()
    takers: dict[str, None] = {}
    confirmed: set[str] = set()
    for record in of_kinds(ledger, "opened", "obliged", "confirmed", "refused", *_ENDS):
        if record.kind == "opened":
            opened, own = record.data, record.data["interval"]
            named = (opened["controller"], opened["instruction"]["id"])
            asked = (named, opened["source"]) == (instruction, source)
            if own and asked and own["start"] < interval["end"] and interval["start"] < own["end"]:
                same.add(record.run)
        elif record.kind == "obliged" and record.run in same:
            takers[record.run] = None
        elif record.kind == "confirmed":
            confirmed.add(record.run)
        elif _has_ended(record) and record.run not in confirmed:
            takers.pop(record.run, None)
    first = next(iter(takers), None)
    return None if first == run else first


def _has_ended(record: Record) -> bool:
    return record.kind in _ENDS or (record.kind == "refused" and bool(record.data["ends_run"]))
