"""Delete: execute every obligation that is due, of whatever run, whatever became of its DAG."""

from __future__ import annotations

from typing import TYPE_CHECKING

from remit.errors import Refused, Unavailable
from remit.operators.base import RemitOperator
from remit.operators.connections import resolve
from remit.operators.failures import in_words
from remit.operators.telling import tell_records

if TYPE_CHECKING:
    from airflow.sdk import Context

    from remit.ports import LandingZone


class DeleteOperator(RemitOperator):
    """Executes all that is due; one that fails does not keep the others from being executed."""

    intent = (
        "Executes every deletion that is due: removes the copies, looks again, and signs a "
        "certificate. What is due follows from the evidence alone, not from any DAG."
    )

    def perform(self, context: Context) -> None:
        """Execute each, then fail if any failed."""
        from remit.custody import execute_due
        from remit.wiring import open_landing

        def landing(spec: str) -> LandingZone:
            return open_landing(spec, resolve)

        failed: dict[str, Exception] = {}
        deleted = 0
        for one in execute_due(self.deployment(), self.principal(context), landing):
            deleted += one.deleted
            self.log.info("Run %s (remit evidence show %s)", one.run, one.run)
            tell_records(self.log, one.records)
            if one.error is not None:
                failed[one.run] = one.error
                self.log.error("Run %s is NOT deleted. %s", one.run, in_words(one.error))
        self.log.info("%d were due, %d of them deleted.", deleted + len(failed), deleted)
        if failed:
            raise _incomplete(failed)


def _incomplete(failed: dict[str, Exception]) -> Exception:
    runs = f"runs {', '.join(failed)}"
    if any(isinstance(error, Unavailable) for error in failed.values()):
        return Unavailable(runs, "not deleted, for the reasons above; they stay due.")
    return Refused(
        "deletion-incomplete",
        runs,
        "not deleted, for the reasons above; they stay due.",
        "deal with the reasons; the next run of this DAG tries again.",
    )
