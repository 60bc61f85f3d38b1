"""Confirm: wait for the target's receipt without holding a worker, then verify it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from remit.errors import Refused
from remit.operators.base import StepOperator
from remit.operators.connections import resolve

if TYPE_CHECKING:
    from airflow.sdk import Context

    from remit.custody import Run

_SLACK = timedelta(hours=1)


class ConfirmOperator(StepOperator):
    """Looks for what confirms; while nothing does, waits in the triggerer until the maximum age.

    Args:
        poke_interval: seconds between two looks.
    """

    intent = (
        "Waits for what the instruction takes as a confirmation, by default the target's signed "
        "receipt, and verifies it: key, digests, counts, nonce, and the proof that the target "
        "decrypted. What confirms brings deletion forward."
    )

    def __init__(self, *, poke_interval: float = 60, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.poke_interval = poke_interval

    def step(self, run: Run) -> None:
        """Look once, verify what is there, or wait for it."""
        from remit.wiring import clock, open_landing, open_target

        spec, obligation = run.landing(), run.story.obligation()
        landing = open_landing(spec, resolve)
        ended = run.story.has("confirmed") or run.story.has("stopped")
        if obligation is not None and obligation.done and not ended:
            run.note_late(landing)
            raise _overdue(run.id, obligation.due)
        # Before the look: what woke this task is looked at now, and whatever comes later wakes it again.
        run.deployment.inbox.rest(run.id)
        if run.confirm(landing, open_target(resolve)) is not None:
            run.deployment.inbox.rest(run.id)
            return
        if obligation is None or clock() >= obligation.due:
            raise _overdue(run.id, obligation.due if obligation else clock())
        self._wait(run, spec, obligation.due, obligation.due - clock())

    def execute_complete(self, context: Context, event: object = None) -> None:  # noqa: ARG002
        """Look again. The event only wakes the task; nothing in it is believed."""
        self.execute(context)

    def _wait(self, run: Run, landing: str, due: datetime, left: timedelta) -> None:
        from remit.operators.receipt_trigger import ReceiptTrigger

        self.log.info(
            "No confirmation yet. The triggerer looks every %g seconds until %s; no worker is held.",
            self.poke_interval,
            due.isoformat(timespec="seconds"),
        )
        if waits_for_person := run.awaits_person():
            self.log.warning(
                "A control file is there, which is not signed: a person stands for it on the run's page, "
                "or by remit confirm %s --by PERSON",
                run.id,
            )
        rule = run.instruction().terms.confirmation
        trigger = ReceiptTrigger(
            landing,
            run.id,
            self.poke_interval,
            due.isoformat(),
            rule=rule.model_dump(mode="json", by_alias=True),
            # To look for that file again would wake this task again at once.
            ways=[way for way in rule.by if way != "control_file" or not waits_for_person],
            tables=[table.name for table in run.instruction().terms.tables],
            endpoint=run.instruction().terms.security.endpoint,
        )
        # The timeout is for a triggerer that is down; the trigger itself ends at the due time.
        self.defer(trigger=trigger, method_name="execute_complete", timeout=left + _SLACK)


def _overdue(run: str, due: datetime) -> Refused:
    return Refused(
        "receipt-overdue",
        f"run {run}",
        f"nothing confirmed the delivery until {due.isoformat(timespec='seconds')}, the maximum age; "
        f"the DAG remit_deletion deletes every copy.",
        "ask the target what became of the delivery; start a new run to send it again.",
    )
