"""A supervisor: opens the deployment each time, and tells when even that cannot be done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

from remit.alerts import emergency, heartbeat
from remit.alerts.conditions import Condition
from remit.alerts.supervise import Passed, supervise
from remit.alerts.telling import Teller
from remit.custody import Deployment
from remit.errors import EvidenceBroken, Unavailable
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
        return supervise(opened(), channels, by, every, also)
    except (EvidenceBroken, Unavailable) as error:
        now, teller = clock(), Teller(channels)
        emergency.declare(notes, error, now, teller)
        goes_on = [emergency.go_on(notes, one, now, teller) for one in emergency.going_on(notes)]
        heartbeat.beat(notes, by, now, every)
        return Passed(emergencies=goes_on)
