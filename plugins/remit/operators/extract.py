"""Extract: oblige ourselves to delete, then read what the plan allows into encrypted files."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from remit.operators.base import StepOperator
from remit.operators.connections import resolve

if TYPE_CHECKING:
    from remit.custody import Run

_SECONDS_BETWEEN_REPORTS = 15.0


class ExtractOperator(StepOperator):
    """Records the duty to delete, then extracts, encrypted before the first byte is written.

    Args:
        source_conn_id: the connection of the controller's database; the one that was planned.
    """

    intent = (
        "Records by when every copy must be deleted, then extracts the allowed columns of the rows "
        "in scope, encrypted before anything is written."
    )

    def __init__(self, *, source_conn_id: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.source_conn_id = source_conn_id

    def step(self, run: Run) -> None:
        """Extract from the source that was planned."""
        from remit.wiring import open_source

        run.extract(open_source(f"conn:{self.source_conn_id}", resolve), _Progress(self))


class _Progress:
    """Says now and then how far it is."""

    def __init__(self, operator: ExtractOperator) -> None:
        self._log = operator.log
        self._said = time.monotonic()

    def __call__(self, table: str, rows: int) -> None:
        """See `remit.ports.Progress`."""
        if time.monotonic() - self._said >= _SECONDS_BETWEEN_REPORTS:
            self._said = time.monotonic()
            self._log.info("%s: %d rows so far", table, rows)
