"""What every page says at its top while something is wrong that nobody may overlook.

Asked for each page: it reads what is new in the log, and three small notes.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from remit.alert_kinds import GRAVE
from remit.alerts import emergency
from remit.alerts.heartbeat import PATIENCE, last_look, last_passes
from remit.board import BeingRead
from remit.errors import EvidenceBroken, RemitError
from remit.evidence import timestamp
from remit.ports import Notes
from remit.reviewer.access import Reader
from remit.reviewer.alerting import open_alerts
from remit.wiring import Settings, clock, open_notes


class Line(NamedTuple):
    """One line of the banner.

    Attributes:
        words: of which it consists; `places` fills them.
        path: where it leads.
    """

    words: str
    path: str
    places: dict[str, object]


def banner(reader: Reader) -> list[Line]:
    """What this reader is to see on every page; what cannot be found out is a line as well."""
    now = clock()
    try:
        return [*_emergencies(now), *_silence(now), *_alerts(reader)]
    except EvidenceBroken:
        return [Line("broken", "/alerts/evidence-broken", {})]
    except BeingRead:
        return [Line("reading", "/alerts", {})]
    except RemitError:
        return [Line("unknown", "/alerts", {})]


def _notes() -> Notes:
    return open_notes(Settings.from_environment())


def _emergencies(now: datetime) -> list[Line]:
    going_on = [one for one in emergency.going_on(_notes()) if one.is_felt(now)]
    words = {emergency.BROKEN: "broken", emergency.AWAY: "away"}
    return [Line(words[one.kind], f"/alerts/{one.kind}", {}) for one in going_on]


def _silence(now: datetime) -> list[Line]:
    """Whether anybody looked lately; of one supervisor among several that is silent there is an alert."""
    passes = last_passes(_notes())
    since = last_look(passes, now)
    if since is None:
        return [Line("never", "/alerts", {})]
    expected = [one.every for one in passes if one.every is not None]
    if now - since <= max(PATIENCE, 3 * min(expected, default=PATIENCE / 3)):
        return []
    return [Line("silent", "/alerts", {"since": timestamp(since)})]


def _alerts(reader: Reader) -> list[Line]:
    found = sum(1 for one in open_alerts(reader, GRAVE) if one.id not in emergency.PATIENCE)
    if not found:
        return []
    return [Line("one" if found == 1 else "some", "/alerts?show=grave", {"count": found})]
