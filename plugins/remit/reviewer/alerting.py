"""Alerts as the pages show them: of one process, kept up with the log, and of them what a reader may see.

Who sees an alert:

    of a run           who may see the run
    any other          who may see what belongs to no DAG
    either             whom an instruction that it concerns names, and lets acknowledge: they are told
                       of it anyway, and could not answer for what they may not read
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from remit.alerts.desk import emergencies
from remit.alerts.model import ALERTS, SEVERITIES, Alert
from remit.alerts.persons import answering, keys_of, may_acknowledge
from remit.alerts.projection import KINDS_KEPT, project
from remit.custody import REGISTER
from remit.evidence import Ledger, Record
from remit.instruction import Instruction
from remit.people import Identity
from remit.reviewer import boards
from remit.reviewer.access import Reader
from remit.reviewer.following import Following
from remit.reviewer.reading import ledger
from remit.wiring import Settings, clock, open_notes

_AT_ONCE = 200
_SOON = timedelta(minutes=5)
"""So much later a version of an instruction that begins may be seen to name other persons."""
_NEVER = datetime.min.replace(tzinfo=UTC)


class Board:
    """All alerts of a deployment, and who answers for them."""

    def __init__(self, log: Ledger) -> None:
        self._following = Following(log, (ALERTS, REGISTER))
        self._alone = threading.Lock()
        self._read: Sequence[Record] | None = None
        self._alerts: list[Alert] = []
        self._answering: list[Instruction] = []
        self._good = (_NEVER, _NEVER)

    def alerts(self, now: datetime) -> list[Alert]:
        """Every alert that the log has, the worst open one first.

        Raises:
            EvidenceBroken, Unavailable: as the ledger.
        """
        with self._alone:
            self._look(now)
            return self._alerts

    def answering(self, now: datetime) -> list[Instruction]:
        """The instructions whose persons answer for alerts today."""
        with self._alone:
            self._look(now)
            return self._answering

    def story(self, alert: str) -> list[Record]:
        """The records of one alert, in order."""
        records = self._following.records()
        return [r for r in records if r.run == ALERTS and r.data.get("alert") == alert]

    def _look(self, now: datetime) -> None:
        """Take in what is new, or what only the clock changes."""
        records, (since, until) = self._following.records(), self._good
        if records is self._read and since <= now < until:
            return
        of_alerts = (r for r in records if r.run == ALERTS and r.kind in KINDS_KEPT)
        self._alerts = sorted(project(of_alerts, now), key=_rank)
        self._answering = answering((r for r in records if r.run == REGISTER), now)
        self._read, self._good = records, (now, min(_changes(self._alerts, now)))


def _changes(alerts: Iterable[Alert], now: datetime) -> Iterator[datetime]:
    """When acknowledgements end; and soon, for versions of instructions that begin."""
    yield now + _SOON
    for one in alerts:
        if one.state == "acknowledged" and one.acknowledged and one.acknowledged.until:
            yield one.acknowledged.until


def board() -> Board:
    """The deployment's alerts.

    Raises:
        Unavailable: as `remit.reviewer.reading.ledger`.
    """
    ledger()  # before anything is kept: there may be none yet
    return _board(Settings.from_environment())


@lru_cache(maxsize=1)
def _board(_: Settings) -> Board:
    return Board(ledger())


def all_alerts() -> list[Alert]:
    """Whoever may see them: what cannot be recorded first, then open ones, the worst and oldest first."""
    now = clock()
    felt = emergencies(open_notes(Settings.from_environment()), now)
    return [*felt, *board().alerts(now)]


def open_alerts(reader: Reader, severities: Collection[str] = SEVERITIES) -> list[Alert]:
    """The open ones of these severities that a reader may see."""
    found = [one for one in all_alerts() if one.state == "open" and one.severity in severities]
    return list(seen_of(reader, found))


def alerts_of(run: str) -> list[Alert]:
    """Every alert of a run, for who was found to may see the run."""
    return [alert for alert in board().alerts(clock()) if alert.run == run]


def seen_of(reader: Reader, alerts: Sequence[Alert]) -> Iterator[Alert]:
    """Those of some alerts that a reader may see, in their order; no more is asked than is taken."""
    if not alerts:
        return
    named = _named(reader)
    for some in (alerts[at : at + _AT_ONCE] for at in range(0, len(alerts), _AT_ONCE)):
        runs = opened_by(one.run for one in some if one.run is not None)
        by = [runs.get(one.run) if one.run is not None else None for one in some]
        for alert, shown in zip(some, reader.seen(by), strict=True):
            if shown or alert.instruction in named or (alert.instruction is None and named):
                yield alert


def sees_runs(reader: Reader, alerts: Sequence[Alert]) -> list[bool]:
    """Of each alert, whether its run may be seen as well."""
    runs = opened_by(one.run for one in alerts if one.run is not None)
    seen = dict(zip(runs, reader.seen(runs.values()), strict=True))
    return [one.run is not None and seen[one.run] for one in alerts]


def opened_by(runs: Iterable[str]) -> dict[str, str | None]:
    """By whom each run was opened; None for one that was not.

    Raises:
        BeingRead, EvidenceBroken, Unavailable: as `remit.board.Board.find`, if any run is asked for.
    """
    asked = list(dict.fromkeys(runs))
    return boards.board().opened_by(asked) if asked else {}


def answers_for(reader: Reader, alert: Alert) -> bool:
    """Whether an instruction names the reader to acknowledge this one."""
    named = _named(reader)
    return alert.instruction in named or (alert.instruction is None and bool(named))


def _named(reader: Reader) -> frozenset[str]:
    """The instructions that name the reader's account for it."""
    identity = Identity(str(reader.user.get_id()), "airflow")  # as `acts.identity_of`
    found = (one for one in board().answering(clock()) if may_acknowledge(one, identity))
    return frozenset(key for one in found for key in keys_of(one))


def _rank(alert: Alert) -> tuple[int, int, float]:
    """Open first, by severity and then age; what was acknowledged, and what is closed, the newest first."""
    if alert.state == "open":
        return 0, -SEVERITIES.index(alert.severity), alert.raised_at.timestamp()
    acted = alert.closed or alert.acknowledged
    since = acted.at if acted else alert.raised_at
    return (1 if alert.state == "acknowledged" else 2), 0, -since.timestamp()
