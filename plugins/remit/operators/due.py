"""List what is due: the runs whose copies the tasks that follow delete, one task for each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from remit.errors import UsageError
from remit.operators.base import RemitOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

    from remit.custody import Survey

# Airflow maps no task over more than [core] max_map_length, 1024 by default.
_MOST = 1000


class ListDueOperator(RemitOperator):
    """Gives the ids of the runs to act on, the longest overdue first.

    Among them are runs that wait for their receipt under an instruction that was withdrawn.

    Args:
        at_most: how many in one DAG run; the rest is left to the next one.
    """

    intent = (
        "Looks through the evidence for every deletion that is due, and for runs whose instruction "
        "was withdrawn. What is due follows from the evidence alone, not from any DAG."
    )

    def __init__(self, *, at_most: int = 200, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not 1 <= at_most <= _MOST:
            raise UsageError(f"at_most is a number of runs from 1 to {_MOST}.")
        self.do_xcom_push = True  # the ids of runs, and nothing else
        self.at_most = at_most
        self._runs: list[str] = []

    def execute(self, context: Context) -> list[str]:
        """List them."""
        super().execute(context)
        return self._runs

    def perform(self, context: Context) -> None:
        """Look through the evidence, and tell what is held, locked or damaged."""
        from remit.custody import shuffled, survey, to_execute, withdrawn

        deployment = self.deployment()
        found = survey(deployment.log, deployment.clock())
        stopping = withdrawn(deployment, self.principal(context), found)
        self._runs = to_execute(found, stopping, self.at_most, shuffled)
        self._tell(found, len(stopping))

    def _tell(self, found: Survey, stopping: int) -> None:
        from remit.custody import told_of

        for alarming, sentence in told_of(found):
            (self.log.warning if alarming else self.log.info)(sentence)
        self.log.info(
            "%d deletions are due, %d of them locked by a store for now; %d runs may have to be "
            "stopped; %d are damaged.",
            len(found.due) + len(found.locked), len(found.locked), stopping, len(found.damaged),
        )  # fmt: skip
        self.log.info("Acted on now: %d runs, one task each.", len(self._runs))
