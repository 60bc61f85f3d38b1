"""The rows of what belongs to no run: orphans, and alerts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from datetime import datetime
from typing import Any

from remit.custody.orphans import WHY
from remit.custody.processing_record import Extent
from remit.custody.story import ORPHANS
from remit.errors import EvidenceBroken
from remit.evidence import Ledger, Record, parse_timestamp

Row = dict[str, Any]
ALERTS = "register:alerts"
_Found = dict[str, Row]


def orphan_rows(ledger: Ledger, size: int, runs: Collection[str] | None) -> list[Row]:
    """What sweeps found, each finding once, and when it was removed.

    Args:
        size: only of records up to this place in the log.
        runs: only what carries one of these runs' names, if they are given.
    """
    found: list[Row] = []
    there: dict[tuple[str, str, str], Row] = {}

    def take(record: Record) -> None:
        removed = record.kind == "swept"
        for one in record.data["removed" if removed else "found"]:
            key = (one["place"], one["name"], one["why"])
            if removed and key in there:
                there.pop(key)["removed_at"] = record.at
            elif not removed and key not in there:
                there[key] = _orphan(one, record.at)
                found.append(there[key])

    _read(ledger, ORPHANS, ("orphans", "swept"), size, take)
    return [row for row in found if runs is None or row["name"] in runs]


def _orphan(one: Any, at: str) -> Row:
    fields = {name: one[name] for name in ("place", "name", "files", "size", "oldest")}
    return fields | {"why": WHY[one["why"]], "found_at": at, "removed_at": None}


def alert_rows(ledger: Ledger, size: int, as_of: datetime, extent: Extent) -> list[Row]:
    """The alerts raised in the period, and all that are not closed, with who acted on each."""
    found: _Found = {}
    _read(
        ledger,
        ALERTS,
        ("alerted", "escalated", "acknowledged", "closed"),
        size,
        lambda record: _take_alert(found, record),
    )
    return list(_asked(found, as_of, extent))


def _asked(found: _Found, as_of: datetime, extent: Extent) -> Iterator[Row]:
    for row in found.values():
        controllers, quiet_until = row.pop("controllers"), row.pop("quiet_until")
        if row["state"] == "acknowledged" and parse_timestamp(quiet_until) <= as_of:
            row["state"] = "open"  # nobody closed it, so that it counts again
        asked = extent.has(row["raised_at"]) or row["state"] != "closed"
        if asked and extent.concerns(controllers):
            yield row


def _take_alert(found: _Found, record: Record) -> None:
    data, name = record.data, record.data["alert"]
    if record.kind == "alerted":
        known = ("alert", "severity", "kind", "about", "run", "controllers")
        began = {"raised_at": record.at, "state": "open", "told": 0, "quiet_until": None}
        found[name] = {key: data[key] for key in known} | began | _no_acts()
    elif record.kind == "escalated":
        found[name]["told"] += bool(data["told"])
    else:
        found[name] |= {
            "state": record.kind,
            "quiet_until": data["until"] if record.kind == "acknowledged" else None,
            f"{record.kind}_at": record.at,
            f"{record.kind}_by": data["name"],
            f"{record.kind}_because": data["reason"],
        }


def _no_acts() -> Row:
    return {f"{act}_{what}": None for act in ("acknowledged", "closed") for what in _OF_AN_ACT}


_OF_AN_ACT = ("at", "by", "because")


def _read(
    ledger: Ledger, name: str, kinds: Collection[str], size: int, take: Callable[[Record], None]
) -> None:
    """Take the records under a name in; one that is damaged is never told around."""
    for kept in ledger.kept(name, kinds):
        if kept.seq >= size:
            return
        record = kept.record()
        try:
            take(record)
        except (KeyError, TypeError, ValueError, AttributeError):
            raise EvidenceBroken(f"record {record.seq}", "it is not what remit writes.") from None
