"""Recording alerts, each once: an id follows from what the alert is about."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from remit import canonical
from remit.alert_kinds import KINDS
from remit.alerts.conditions import Condition
from remit.alerts.model import ALERTS, Alert
from remit.alerts.watched import Watched, chain_json, everybody
from remit.evidence import EvidenceLog, Fact

_AT_ONCE = 200


def new_of(
    conditions: Iterable[Condition], alerts: Sequence[Alert], log: str
) -> Iterator[tuple[str, Condition]]:
    """Those that no alert was raised for, with their ids.

    What was found in a record is raised once. What goes on has one alert at a time: a new one is
    raised once the last was closed.
    """
    known = {alert.id for alert in alerts}
    times: dict[tuple[str, str], int] = {}
    still: set[tuple[str, str]] = set()
    for alert in alerts:
        if alert.seq is None:
            place = (alert.kind, alert.about)
            times[place] = times.get(place, 0) + 1
            if alert.state != "closed":
                still.add(place)
    for one in conditions:
        place = (one.kind, one.about)
        if one.seq is None and place in still:
            continue
        number = times.get(place, 0) if one.seq is None else 0
        name = id_of(log, one, number)
        if name not in known:
            known.add(name)
            yield name, one


def id_of(log: str, one: Condition, number: int) -> str:
    """What an alert is known by: 16 hex digits."""
    said = [log, one.kind, one.about, one.seq if one.seq is not None else -1 - number]
    return hashlib.sha256(canonical.dumps(said)).hexdigest()[:16]


def record_alerts(
    log: EvidenceLog,
    found: Sequence[tuple[str, Condition]],
    all_known: Sequence[Watched],
    by: str,
) -> None:
    """Record them, durably, before anybody is told.

    Args:
        all_known: whose people are told of what concerns the deployment.
    """
    for start in range(0, len(found), _AT_ONCE):
        some = found[start : start + _AT_ONCE]
        facts = [Fact(ALERTS, "alerted", _data(n, one, all_known), None) for n, one in some]
        log.append_all(facts, by)


def _data(name: str, one: Condition, all_known: Sequence[Watched]) -> dict[str, Any]:
    of = one.of
    among = [of] if of else list(all_known)
    return {
        "alert": name,
        "kind": one.kind,
        "severity": one.severity or KINDS[one.kind].severity,
        "about": one.about,
        "run": one.run,
        "record": one.seq,
        "instruction": _instruction(of) if of else None,
        "controllers": sorted({name for known in among for name in known.controllers}),
        "message": one.message,
        "way_out": one.way_out,
        "chain": chain_json(of.chain if of else everybody(all_known)),
    }


def _instruction(of: Watched) -> dict[str, Any]:
    return {"key": of.key, "id": of.id, "version": of.version, "digest": of.digest}
