"""A supervisor: opens the deployment each time, and tells when even that cannot be done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from remit.alerts import emergency, heartbeat
from remit.alerts.conditions import Condition
from remit.alerts.model import ALERTS
from remit.alerts.supervise import Passed, supervise
from remit.alerts.telling import Teller
from remit.custody import Deployment
from remit.errors import EvidenceBroken, Unavailable
from remit.evidence import timestamp
from remit.ports import Channel, Clock, Notes


def watch(
    opened: Callable[[], Deployment],
    notes: Notes,
    channels: Sequence[Channel],
    by: str,
    clock: Clock,
    every: timedelta | None = None,
    also: Sequence[Condition] = (),
) -> Passed:
    """Look once; a ledger that is broken or away is told of through the channels.

    Args:
        opened: opens the deployment, whose `notes` are these.
        also: as for `supervise`; told of once the ledger is there.

    Raises:
        Unavailable: the folder of notes does not answer.
        Refused, UsageError: the deployment's settings are wrong.
    """
    try:
        passed = supervise(opened(), channels, by, every, also)
    except (EvidenceBroken, Unavailable) as error:
        now = clock()
        heartbeat.beat(notes, by, now, every)
        return _told(error, notes, channels, now, since=now)
    if passed.busy and (since := _hanging_since(notes, clock())) is not None:
        what = f"another supervisor is at work, and has not ended since {timestamp(since)}."
        return _told(Unavailable(ALERTS, what), notes, channels, clock(), since)
    return passed


def _told(
    error: EvidenceBroken | Unavailable,
    notes: Notes,
    channels: Sequence[Channel],
    now: datetime,
    since: datetime,
) -> Passed:
    """Tell of what the log cannot record."""
    emergency.declare(notes, error, since)
    teller, found = Teller(channels), emergency.going_on(notes)
    return Passed(emergencies=[emergency.go_on(notes, one, now, teller) for one in found])


def _hanging_since(notes: Notes, now: datetime) -> datetime | None:
    """When anybody looked last, if that is too long ago to leave it to the one that is at work."""
    passes = heartbeat.last_passes(notes)
    return passes[0].at if passes and now - passes[0].at > heartbeat.PATIENCE else None
