"""Supervise: look for what should raise an alert, and tell whom it is time to tell."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from remit.errors import EvidenceBroken, Unavailable, UsageError
from remit.metrics import measure
from remit.operators.base import RemitOperator
from remit.operators.connections import resolve
from remit.operators.telling import logged

if TYPE_CHECKING:
    from airflow.sdk import Context

    from remit.alerts.supervise import Passed


class SuperviseOperator(RemitOperator):
    """Raises alerts from the evidence and escalates those that nobody has acknowledged.

    Args:
        every: how often its DAG runs; when it does not, the other supervisor says so.
    """

    intent = (
        "Looks through what is new in the evidence, and through what is due, for anything that should "
        "raise an alert; tells its owner, and escalates what nobody has acknowledged."
    )

    def __init__(self, *, every: timedelta = timedelta(minutes=5), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if every <= timedelta(0):
            raise UsageError("every is a positive time, that of the DAG's schedule.")
        self.every = every

    def perform(self, context: Context) -> None:
        """Look once; fail if somebody could not be told, so that it shows and is tried again."""
        from remit.alerts.watch import watch
        from remit.channels import open_channels
        from remit.wiring import Settings, clock, open_notes

        settings = Settings.from_environment()
        channels, notes = open_channels(settings, resolve), open_notes(settings)
        by = self.principal(context)
        passed = watch(self.deployment, notes, channels, by, clock, self.every)
        measure(passed, clock())
        self._tell(passed)
        for one in passed.emergencies:
            kind = EvidenceBroken if one.kind == "evidence-broken" else Unavailable
            raise kind(one.where, one.message)
        if passed.failed and not channels:
            raise UsageError(
                "alerts wait for somebody to be told, and REMIT_ALERTS names no channel."
            )
        if passed.failed:
            raise Unavailable("alerts", f"{len(passed.failed)} notices could not be sent.")

    def _tell(self, passed: Passed) -> None:
        if passed.busy:
            self.log.info("Another supervisor is at work; this one leaves it to that.")
        for alert in passed.raised:
            write = self.log.error if alert.severity == "critical" else self.log.warning
            write(
                "%s: %s: %s: %s", alert.id, alert.title, logged(alert.about), logged(alert.message)
            )
        for done in passed.told:
            self.log.info("%s: tier %d is %s.", done.due.alert.id, done.due.tier, logged(done.said))
        for line in passed.failed:
            self.log.error("NOT TOLD: %s", logged(line))
        self.log.info(
            "%d alerts are new, %d notices were sent, %d could not be.",
            len(passed.raised), len(passed.told), len(passed.failed),
        )  # fmt: skip
