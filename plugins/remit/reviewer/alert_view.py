"""An alert as a page shows it: who was told when, who is told next, and what is late or could not be sent."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from fastapi import Request

from remit.alerts.heartbeat import PATIENCE
from remit.alerts.model import Alert, Told
from remit.evidence import timestamp
from remit.narrative.alerts import kind_words, severity_words
from remit.plan.words import voice_of
from remit.reviewer.access import Reader
from remit.reviewer.alerting import sees_runs
from remit.reviewer.rendering import language_of
from remit.wiring import clock

TONES = {"critical": "bad", "high": "bad", "warning": "waiting", "info": "quiet"}
STATES = {"open": "waiting", "acknowledged": "quiet", "closed": "good"}


class Sent(NamedTuple):
    """What came of telling somebody; `minutes` is how late, None when it was in time."""

    name: str
    at: str
    told: bool
    outcome: str
    minutes: int | None


class Next(NamedTuple):
    """Who is told when; `late` if that is past for longer than supervision may be silent."""

    name: str
    at: str
    late: bool


class Shown(NamedTuple):
    """An alert and what a page says of it.

    Attributes:
        title, severity: in the reader's language.
        linked: whether the reader may see its run.
        next: who is told next; None when nobody is left, or its escalation rests.
        rests_until: until when, for one that is acknowledged.
    """

    alert: Alert
    title: str
    severity: str
    tone: str
    state_tone: str
    raised_at: str
    linked: bool
    sent: list[Sent]
    next: Next | None
    rests_until: str | None

    @property
    def troubled(self) -> bool:
        """Whether something is late or could not be sent while it is open."""
        late = self.next is not None and self.next.late
        return self.alert.state == "open" and (late or any(not one.told for one in self.sent))


def shown_to(request: Request, reader: Reader, alerts: Sequence[Alert]) -> list[Shown]:
    """What a page says of some alerts, which the reader may see; for the macros of parts_alerts.html."""
    now, language = clock(), language_of(request)
    linked = zip(alerts, sees_runs(reader, alerts), strict=True)
    return [shown(one, now, language, linked=there) for one, there in linked]


def shown_of_run(request: Request, alerts: Sequence[Alert]) -> list[Shown]:
    """The same of a run's own alerts, on its page: nothing needs to be asked."""
    now, language = clock(), language_of(request)
    return [shown(one, now, language, linked=True) for one in alerts]


def shown(alert: Alert, now: datetime, language: str, *, linked: bool) -> Shown:
    """What a page says of an alert."""
    say = voice_of(language)
    until = alert.acknowledged.until if alert.acknowledged else None
    return Shown(
        alert=alert,
        title=kind_words(alert.kind, say),
        severity=severity_words(alert.severity, say),
        tone=TONES[alert.severity],
        state_tone=STATES[alert.state],
        raised_at=timestamp(alert.raised_at),
        linked=linked,
        sent=_sent(alert),
        next=_next(alert, now),
        rests_until=timestamp(until) if until and alert.state == "acknowledged" else None,
    )


def _sent(alert: Alert) -> list[Sent]:
    """The last that came of telling each person; a failure counts no more once it was sent."""
    top = len(alert.chain) - 1
    last = {(one.round, min(one.tier, top)): one for one in alert.told}
    return [_of(one, alert.step(one.tier).name) for one in last.values()]


def _of(one: Told, name: str) -> Sent:
    minutes = one.late // 60 if one.late >= PATIENCE.total_seconds() else None
    return Sent(name, timestamp(one.at), one.told, one.outcome, minutes)


def _next(alert: Alert, now: datetime) -> Next | None:
    step = alert.upcoming
    if alert.state != "open" or step is None:
        return None
    due = alert.since + step.after
    return Next(step.name, timestamp(due), late=now - due > PATIENCE)
