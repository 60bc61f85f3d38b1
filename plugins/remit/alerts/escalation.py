"""Escalation: every tier whose time has come is told, the oldest first, and it is recorded.

Of a grave alert that everybody was told of and nobody takes up, the last of its chain is reminded daily.

Guarantee: what is due is found from the records and the clock alone, whoever looks and however late;
a notice is sent before that is recorded, so that a process that dies in between sends it again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from remit.alerts.model import ALERTS, REMINDED, Alert
from remit.alerts.notices import late_by, notice_of
from remit.alerts.telling import Teller
from remit.evidence import EvidenceLog


class Due(NamedTuple):
    """A tier of an alert whose time has come; `failed` if it was tried before in vain."""

    at: datetime
    alert: Alert
    tier: int
    failed: bool


class Escalated(NamedTuple):
    """What came of one: `told` as the channels had it."""

    due: Due
    told: bool
    said: str


def due_of(alerts: Sequence[Alert], now: datetime) -> list[Due]:
    """Every tier that is due and not told, the longest due first."""
    return sorted((due for alert in alerts for due in _due(alert, now)), key=lambda due: due.at)


def _due(alert: Alert, now: datetime) -> Iterator[Due]:
    if alert.state != "open":
        return
    tried = {one.tier: one.told for one in alert.told if one.round == alert.round}
    for tier in (*range(len(alert.chain)), *_reminder(alert, now)):
        at = alert.since + alert.step(tier).after
        if at <= now and not tried.get(tier, False):
            yield Due(at, alert, tier, failed=tier in tried)


def _reminder(alert: Alert, now: datetime) -> Iterator[int]:
    """The newest that is due, once the chain is over: of days in which nobody looked there is one."""
    last = len(alert.chain) - 1
    if alert.reminds and (days := (now - alert.since - alert.chain[last].after) // REMINDED) > 0:
        yield last + days


def escalate(log: EvidenceLog, due: Due, teller: Teller, by: str, now: datetime) -> Escalated:
    """Tell one tier. That it could not be told is recorded once, and once that it was at last."""
    outcome = teller.tell(notice_of(due.alert, due.tier, due.at, now))
    if outcome.told or not due.failed:
        person = due.alert.step(due.tier)
        data = {
            "alert": due.alert.id,
            "tier": due.tier,
            "round": due.alert.round,
            "name": person.name,
            "email": person.email,
            "late": late_by(due.at, now),
            "told": outcome.told,
            "outcome": outcome.said,
        }
        log.append(ALERTS, "escalated", data, by, step=None)
    return Escalated(due, outcome.told, outcome.said)
