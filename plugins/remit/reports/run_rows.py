"""The rows that a run gives: what it was, its duty to delete, and the holds on it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from remit.custody.processing_record import Extent
from remit.custody.story import Obligation, Story
from remit.evidence import Record, parse_timestamp, timestamp

Row = dict[str, Any]


class Instructed(NamedTuple):
    """What a run was opened under, as much as its rows tell."""

    controllers: tuple[str, ...]
    instruction: str
    version: int
    tables: int
    columns: int
    recipients: tuple[str, ...]


def is_asked(story: Story, extent: Extent) -> bool:
    """Whether the run was opened in the period."""
    return extent.has(next(record.at for record in story.records if record.kind == "opened"))


def run_row(story: Story, one: Instructed) -> Row:
    """What the run was and what left."""
    [opened, *_] = [record for record in story.records if record.kind == "opened"]
    interval = opened.data["interval"] or {}
    confirmed = story.last("confirmed") if story.has("confirmed") else {}
    return {
        "run": story.run,
        "controllers": list(one.controllers),
        "instruction": one.instruction,
        "version": one.version,
        "opened_at": opened.at,
        "opened_by": opened.by,
        "source": opened.data["source"],
        "landing": opened.data["landing"],
        "interval_start": interval.get("start"),
        "interval_end": interval.get("end"),
        "state": story.records[-1].kind,
        "tables": one.tables,
        "columns": one.columns,
        "rows": _rows(story),
        "recipients": list(one.recipients) if story.has("delivered") else [],
        "approved_by": [r.data["identity"]["name"] for r in story.records if r.kind == "approved"],
        "delivered_at": _at(story, "delivered"),
        "confirmed_at": _at(story, "confirmed"),
        "way": confirmed.get("way"),
        "level": confirmed.get("level"),
        "receipt": confirmed.get("receipt_digest"),
        "refusals": [r.data["refusal"]["code"] for r in story.records if r.kind == "refused"],
    }


def _rows(story: Story) -> int | None:
    if not story.has("extracted"):
        return None
    return sum(int(file["rows"]) for file in story.last("extracted")["files"])


def erasure_row(story: Story, one: Instructed, as_of: datetime) -> Row | None:
    """The duty to delete; None for a run that has none."""
    obligation = story.obligation()
    if obligation is None:
        return None
    deleted = story.last("deleted") if obligation.done else {}
    locked = obligation.locked if not obligation.done else None
    return {
        "run": story.run,
        "controllers": list(one.controllers),
        "state": _state(obligation, as_of),
        "due": timestamp(obligation.due),
        "reason": obligation.reason,
        "deleted_at": _at(story, "deleted"),
        "copies": deleted.get("copies"),
        "certificate": deleted.get("certificate_digest"),
        "locked_until": timestamp(locked.until) if locked and locked.until else None,
    }


def _state(obligation: Obligation, as_of: datetime) -> str:
    if obligation.done:
        return "deleted"
    if obligation.is_held(as_of):
        return "held"
    if not obligation.is_due(as_of):
        return "pending"
    return "locked" if obligation.is_locked(as_of) else "overdue"


def hold_rows(story: Story, one: Instructed, as_of: datetime) -> Iterator[Row]:
    """Every hold on the run, ended ones too; a release ends all that were there."""
    for number, record in enumerate(story.records):
        if record.kind != "held":
            continue
        later = story.records[number + 1 :]
        ended = next((r for r in later if r.kind in ("released", "deleted")), None)
        yield {
            "run": story.run,
            "controllers": list(one.controllers),
            "state": _hold_state(record, ended, as_of),
            "held_at": record.at,
            "until": record.data["until"],
            "person": record.data["person"],
            "reason": record.data["reason"],
            **_ending(ended),
        }


def _hold_state(held: Record, ended: Record | None, as_of: datetime) -> str:
    if ended is not None:
        return "ended"
    return "in-force" if as_of < parse_timestamp(held.data["until"]) else "expired"


def _ending(ended: Record | None) -> Row:
    if ended is None or ended.kind != "released":
        return {"ended_at": ended.at if ended else None, "ended_by": None, "ended_because": None}
    return {
        "ended_at": ended.at,
        "ended_by": ended.data["person"],
        "ended_because": ended.data["reason"],
    }


def _at(story: Story, kind: str) -> str | None:
    return next((record.at for record in story.records if record.kind == kind), None)
