"""Extract: oblige ourselves to delete, then read what the plan allows into encrypted files."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from remit.errors import Refused, Unavailable
from remit.operators.base import StepOperator
from remit.operators.connections import resolve
from remit.operators.telling import logged

if TYPE_CHECKING:
    from airflow.sdk import Context
    from airflow.sdk.types import Logger

    from remit.custody import Run

_SECONDS_BETWEEN_REPORTS = 15.0
_SLACK = timedelta(minutes=10)


class ExtractOperator(StepOperator):
    """Records the duty to delete, then extracts, encrypted before the first byte is written.

    Args:
        source_conn_id: the connection of the controller's database; the one that was planned.
        in_pieces: whether an `ExtractPieceOperator` of the same group, mapped over the plan, reads
            what the plan divides. This task then keeps the state of the source open, in the
            triggerer, and gathers the pieces; it holds no worker meanwhile.
        poke_interval: seconds between two looks whether every piece is there.
        longest: how long a state of the source is kept open at most.
    """

    intent = (
        "Records by when every copy must be deleted, then extracts the allowed columns of the rows "
        "in scope, encrypted before anything is written."
    )

    def __init__(
        self,
        *,
        source_conn_id: str,
        in_pieces: bool = False,
        poke_interval: float = 1,
        longest: timedelta = timedelta(hours=4),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.source_conn_id = source_conn_id
        self.in_pieces = in_pieces
        self.poke_interval = poke_interval
        self.longest = longest
        self._principal = ""
        self._event: dict[str, Any] | None = None

    def perform(self, context: Context) -> None:
        """Note in whose name the triggerer records, then take the step."""
        self._principal = self.principal(context)
        super().perform(context)

    def step(self, run: Run) -> None:
        """Extract from the source that was planned, or have it extracted in pieces."""
        from remit.custody import Divided
        from remit.wiring import open_source

        if self._event is not None:
            self._require_begun(run, self._event)
        if self._event is not None or _all_staged(run):
            Divided(run).gather()
            return
        if self.in_pieces and run.pieces() and not run.story.has("extracted"):
            self._hold(run)
        run.extract(open_source(f"conn:{self.source_conn_id}", resolve), Telling(self.log))

    def gather(self, context: Context, event: dict[str, Any]) -> None:
        """Gather the pieces; the event only wakes the task, and says what went wrong."""
        self._event = event
        self.execute(context)

    def _require_begun(self, run: Run, event: dict[str, Any]) -> None:
        """Fail as the triggerer did, unless `Divided.gather` can say what is to be done."""
        if event["refusal"]:
            raise Refused.from_json(event["refusal"])
        if event["failure"]:
            self.log.warning("The state was not held to the end: %s", logged(event["failure"]))
            if not run.story.has("piece"):
                raise Unavailable(f"run {run.id}", "the state of the source was not held open.")

    def _hold(self, run: Run) -> None:
        from remit.custody import Divided
        from remit.operators.state_trigger import StateTrigger

        self.log.info("The triggerer keeps a state of the source open until every piece is read.")
        limit = self.longest.total_seconds()
        trigger = StateTrigger(
            self.source_conn_id,
            run.id,
            self._principal,
            self.poke_interval,
            limit,
            Divided(run).divisions(),
        )
        self.defer(trigger=trigger, method_name="gather", timeout=self.longest + _SLACK)


def _all_staged(run: Run) -> bool:
    """Whether every piece is staged, as when the task died while it gathered them."""
    from remit.custody import Divided

    story = run.story
    return story.has("divided") and not story.has("extracted") and Divided(run).missing() == []


class Telling:
    """Says now and then how far it is."""

    def __init__(self, log: Logger) -> None:
        self._log = log
        self._said = time.monotonic()

    def __call__(self, table: str, rows: int) -> None:
        """See `remit.ports.Progress`."""
        if time.monotonic() - self._said >= _SECONDS_BETWEEN_REPORTS:
            self._said = time.monotonic()
            self._log.info("%s: %d rows so far", logged(table), rows)
