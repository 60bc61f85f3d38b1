"""Supervision: one pass over what is new in the evidence, and over what is due by the clock.

Guarantee: a pass raises an alert for each condition once, and tells every tier whose time has come,
whoever looks, however late, and however often it is cut short. Two may look at the same time: one
waits for the other's next time. What could not be sent is tried again at the next pass; that nobody
took it is in the evidence. Evidence that does not verify is told of without the log.
Not guaranteed: that somebody looks. `remit.alerts.heartbeat` tells when nobody did; have two look that
do not depend on each other (docs/supervision.md).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from remit.alerts import emergency, heartbeat
from remit.alerts.checking import check
from remit.alerts.conditions import LOOKED_AT, Condition, Looking, look_at, standing
from remit.alerts.emergency import Emergency
from remit.alerts.escalation import Escalated, due_of, escalate
from remit.alerts.memory import Memory, digest_of
from remit.alerts.model import ALERTS, Alert
from remit.alerts.projection import alerts_in
from remit.alerts.raising import new_of, record_alerts
from remit.alerts.telling import Teller
from remit.alerts.watched import Watched, everybody, in_force
from remit.custody import Deployment, Survey, survey
from remit.errors import EvidenceBroken, Unavailable
from remit.evidence import timestamp
from remit.ports import Channel, Notes
from remit.records import Checkpoint

_PAGE = 2000
_SEEN = "seen"


@dataclass(slots=True)
class Passed:
    """What came of a pass.

    Attributes:
        busy: whether another supervisor was at work, so that this one left it to that.
        raised: the alerts that are new.
        escalated: each tier that was due, and what came of telling it.
        emergencies: what the log cannot record.
        verified: whether all of the log was checked.
        survey: of the duties to delete; None where another looked, or the log could not be read.
        alerts: every alert, as they were when the telling began.
        records: of the log, so far as it was looked at.
    """

    busy: bool = False
    raised: list[Alert] = field(default_factory=list)
    escalated: list[Escalated] = field(default_factory=list)
    emergencies: list[Emergency] = field(default_factory=list)
    verified: bool = False
    survey: Survey | None = None
    alerts: list[Alert] = field(default_factory=list)
    records: int = 0

    @property
    def told(self) -> list[Escalated]:
        """Those of whom somebody took the notice."""
        return [one for one in self.escalated if one.told]

    @property
    def failed(self) -> list[str]:
        """What could not be told, and why; it is tried again at the next pass."""
        lines = [
            f"alert {one.due.alert.id}, tier {one.due.tier}: {one.said}"
            for one in self.escalated
            if not one.told
        ]
        return lines + [line for one in self.emergencies for line in emergency.failures(one)]


def supervise(
    deployment: Deployment,
    channels: Sequence[Channel],
    by: str,
    every: timedelta | None = None,
    also: Sequence[Condition] = (),
) -> Passed:
    """Look once: raise what is new, tell what is due.

    Args:
        channels: by which notices leave; with none, everything is recorded and nobody is told.
        by: the principal who looks.
        every: how often it looks; its silence is noticed then. None for one that looks once.
        also: what whoever looks has found elsewhere, such as in Airflow.

    Raises:
        Unavailable: the ledger, or the folder of notes, does not answer. See `remit.alerts.watch`.
    """
    try:
        with deployment.log.ledger.lock(ALERTS):
            return _Pass(deployment, channels, by, also).run(every)
    except Unavailable as error:
        if error.where != ALERTS:
            raise
        return Passed(busy=True)


class _Pass:
    def __init__(
        self,
        deployment: Deployment,
        channels: Sequence[Channel],
        by: str,
        also: Sequence[Condition],
    ) -> None:
        self._deployment, self._by, self._also = deployment, by, also
        self._log, self._notes = deployment.log, deployment.notes
        self._teller = Teller(channels)
        self._broken: list[EvidenceBroken] = []
        self._passed = Passed()

    def run(self, every: timedelta | None) -> Passed:
        now = self._deployment.clock()
        silences = list(heartbeat.silences(self._notes, self._by, now))
        memory = remembered(self._notes, self._log.ledger.name)
        try:
            self._passed.verified = check(self._log, self._notes, memory, now)
            if self._passed.verified:  # all is looked at anew, should the notes have been wrong
                memory = Memory(self._log.ledger.name)
        except EvidenceBroken as error:
            self._broken.append(error)
        try:
            self._look(memory, now, silences)
        except EvidenceBroken as error:
            self._broken.append(error)
        self._tell_emergencies(now)
        heartbeat.beat(self._notes, self._by, now, every)
        return self._passed

    def _look(self, memory: Memory, now: datetime, silences: list[Condition]) -> None:
        before = memory.seen
        found = [*self._also, *silences, *self._in_records(memory)]
        known = in_force(memory.instructions.values(), now)
        everyone = known or list(memory.instructions.values())
        emergency.note_contacts(self._notes, everybody(everyone))
        surveyed = survey(self._log, now)
        self._broken += surveyed.damaged.values()
        found += [*standing(Looking(now, memory, surveyed, known)), *self._over()]
        alerts = alerts_in(self._log.ledger, now)
        new = [(n, self._placed(one, memory)) for n, one in new_of(found, alerts, memory.log)]
        if new:
            record_alerts(self._log, new, everyone, self._by)
            names = {name for name, _ in new}
            alerts = alerts_in(self._log.ledger, self._deployment.clock())
            self._passed.raised = [alert for alert in alerts if alert.id in names]
        if memory.seen != before:
            self._notes.write(_SEEN, memory.as_json())
        self._passed.survey, self._passed.alerts = surveyed, alerts
        self._passed.records = memory.seen
        now = self._deployment.clock()
        for due in due_of(alerts, now):
            done = escalate(self._log, due, self._teller, self._by, now)
            self._passed.escalated.append(done)

    def _in_records(self, memory: Memory) -> Iterator[Condition]:
        """What the records that are new raise; one that is damaged hides no other."""
        newest = self._log.newest_checkpoint()
        size = Checkpoint.unverified(newest, "the newest checkpoint").size if newest else 0
        while records := self._log.ledger.page(memory.seen - 1, size, _PAGE):
            for kept in records:
                if kept.kind not in LOOKED_AT:
                    continue
                try:
                    yield from look_at(kept.record(), memory)
                except EvidenceBroken as error:
                    self._broken.append(error)
            memory.seen, memory.digest = records[-1].seq + 1, digest_of(records[-1].body)

    def _placed(self, one: Condition, memory: Memory) -> Condition:
        """With its instruction, where its run is deleted and so no longer remembered."""
        if one.run is None or one.of is not None:
            return one
        return one._replace(of=self._instruction_of(one.run, memory))

    def _instruction_of(self, run: str, memory: Memory) -> Watched | None:
        for kept in self._log.ledger.kept(run, ["opened"]):
            return memory.instructions.get(kept.record().data["instruction"]["digest"])
        return None

    def _over(self) -> list[Condition]:
        """What could not be recorded while it went on; the log says now that it was so."""
        ended = [one for one in emergency.going_on(self._notes) if self._is_over(one)]
        return [
            Condition(
                one.kind,
                f"the evidence log since {one.since}",
                f"From {one.since} on: {one.where}: {one.message} It was found whole again at "
                f"{timestamp(self._deployment.clock())}.",
                "find out what happened; compare with checkpoints kept elsewhere (remit evidence "
                "verify --all --checkpoint FILE).",
            )
            for one in ended
            if one.is_felt(self._deployment.clock())
        ]

    def _is_over(self, one: Emergency) -> bool:
        return not self._broken and (one.kind == emergency.AWAY or self._passed.verified)

    def _tell_emergencies(self, now: datetime) -> None:
        if self._broken:
            emergency.declare(self._notes, self._broken[0], now)
        for one in emergency.going_on(self._notes):
            if self._is_over(one):
                emergency.over(self._notes, one.kind)
            else:
                gone_on = emergency.go_on(self._notes, one, now, self._teller)
                self._passed.emergencies.append(gone_on)


def remembered(notes: Notes, log: str) -> Memory:
    """What was seen of this very log; nothing, where that cannot be told."""
    try:
        memory = Memory.from_json(notes.read(_SEEN))
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        return Memory(log)
    return memory if memory.log == log else Memory(log)
