"""Alerts as the records of `register:alerts` tell them; nothing else is kept of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from remit.alerts.model import ALERTS, Act, Alert, Told
from remit.alerts.watched import chain_of
from remit.errors import EvidenceBroken
from remit.evidence import Ledger, Record, parse_timestamp

KINDS_KEPT = ("alerted", "escalated", "acknowledged", "closed")


def alerts_in(ledger: Ledger, now: datetime) -> list[Alert]:
    """Every alert that was ever raised, in that order, as it is now.

    Raises:
        EvidenceBroken: a record is not what remit writes.
    """
    return project((kept.record() for kept in ledger.kept(ALERTS, KINDS_KEPT)), now)


def project(records: Iterable[Record], now: datetime) -> list[Alert]:
    """Put alerts together from their records, in order."""
    found: dict[str, Alert] = {}
    told: dict[str, list[Told]] = {}
    for record in records:
        try:
            _take(record, found, told)
        except (KeyError, TypeError, ValueError, AttributeError):
            where = f"record {record.seq}"
            raise EvidenceBroken(where, "it is not what remit writes of an alert.") from None
    return [_as_of(replace(one, told=tuple(told[one.id])), now) for one in found.values()]


def _take(record: Record, found: dict[str, Alert], told: dict[str, list[Told]]) -> None:
    name = str(record.data["alert"])
    if record.kind == "alerted":
        found[name], told[name] = _raised(record), []
    elif record.kind == "escalated":
        told[name].append(_told(record))
    elif record.kind == "acknowledged":
        of = found[name]
        found[name] = replace(of, acknowledged=_act(record), round=of.round + 1)
    elif record.kind == "closed":
        found[name] = replace(found[name], closed=_act(record), state="closed")


def _raised(record: Record) -> Alert:
    data = record.data
    of = data["instruction"]
    return Alert(
        id=data["alert"],
        kind=data["kind"],
        severity=data["severity"],
        about=data["about"],
        run=data["run"],
        instruction=of["key"] if of else None,
        controllers=tuple(data["controllers"]),
        seq=data["record"],
        raised_at=parse_timestamp(record.at),
        state="open",
        message=data["message"],
        way_out=data["way_out"],
        chain=chain_of(data["chain"]),
        digest=of["digest"] if of else None,
    )


def _told(record: Record) -> Told:
    data = record.data
    return Told(
        tier=data["tier"],
        person=data["email"],
        at=parse_timestamp(record.at),
        outcome=data["outcome"],
        round=data["round"],
        late=data["late"],
        told=data["told"],
    )


def _act(record: Record) -> Act:
    data = record.data
    until = data.get("until")
    return Act(
        person=data["name"],
        account=data["account"],
        at=parse_timestamp(record.at),
        reason=data["reason"],
        until=parse_timestamp(until) if until else None,
    )


def _as_of(alert: Alert, now: datetime) -> Alert:
    if alert.state == "closed":
        return alert
    quiet = alert.acknowledged.until if alert.acknowledged else None
    if quiet is not None and now < quiet:
        return replace(alert, state="acknowledged", next_escalation=quiet)
    step = alert.upcoming
    return replace(alert, next_escalation=alert.since + step.after if step else None)
