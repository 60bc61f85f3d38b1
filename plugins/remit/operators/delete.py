"""Delete: execute one obligation that is due, of whatever run, whatever became of its DAG."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from remit.metrics import count
from remit.operators.base import RemitOperator
from remit.operators.connections import resolve
from remit.operators.telling import tell_next, tell_records

if TYPE_CHECKING:
    from airflow.sdk import Context

    from remit.ports import LandingZone


class DeleteOperator(RemitOperator):
    """Deletes every copy of one run, or stops the run if its instruction was withdrawn.

    Mapped over what `ListDueOperator` gives, so that each obligation has a task of its own: one that
    fails or hangs keeps no other from being executed.

    Args:
        due: the run's id.
    """

    intent = (
        "Executes the deletion of one run: destroys its staging key, removes the copies, looks again, "
        "and signs a certificate. A run whose instruction was withdrawn is stopped first."
    )

    def __init__(self, *, due: str = "", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.due = due

    @classmethod
    def partial(cls, **arguments: Any) -> Any:
        """As Airflow has it: each index is another run's obligation, so it may be mapped."""
        return BaseOperator.partial.__func__(cls, **arguments)  # type: ignore[attr-defined]

    def perform(self, context: Context) -> None:
        """Execute it, and tell it."""
        from remit.custody import Run, execute
        from remit.wiring import open_landing

        def landing(spec: str) -> LandingZone:
            return open_landing(spec, resolve)

        deployment, by = self.deployment(), self.principal(context)
        self.log.info("Run %s (remit evidence show %s)", self.due, self.due)
        done = execute(deployment, self.due, by, landing)
        tell_records(self.log, done.records)
        count(done.records)
        if done.error is not None:
            self.log.error("Run %s is NOT deleted.", self.due)
            raise done.error
        tell_next(self.log, Run(self.due, deployment, by).story.records)
