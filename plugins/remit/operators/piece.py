"""Extract a piece: one file's rows of a large extract, mapped over the pieces of the plan."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from remit.errors import Unavailable
from remit.operators.base import StepOperator
from remit.operators.connections import resolve
from remit.operators.extract import Telling

if TYPE_CHECKING:
    from remit.custody import Run

_SECONDS_TO_WAIT = 120.0


class ExtractPieceOperator(StepOperator):
    """Extracts one piece from the state that the extract task holds open in the triggerer.

    Args:
        source_conn_id: the connection of the controller's database; the one that was planned.
        piece: the piece's number, from the plan.
    """

    intent = (
        "Extracts one piece of a large extract, encrypted before anything is written. All pieces "
        "are read from one state of the source, which the task before keeps open."
    )

    def __init__(self, *, source_conn_id: str, piece: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.source_conn_id = source_conn_id
        self.piece = piece

    @classmethod
    def partial(cls, **arguments: Any) -> Any:
        """As Airflow has it: a piece is a part of one run, so it may be mapped."""
        return BaseOperator.partial.__func__(cls, **arguments)  # type: ignore[attr-defined]

    def step(self, run: Run) -> None:
        """Extract the piece, once the tables are divided."""
        from remit.custody import Divided
        from remit.wiring import open_source

        source = open_source(f"conn:{self.source_conn_id}", resolve)
        divided, ends = Divided(run), time.monotonic() + _SECONDS_TO_WAIT
        while divided.piece(self.piece, source, Telling(self.log)) is None:
            # A state that is gone comes back only with another task, which may need this worker.
            if run.story.has("divided") or time.monotonic() > ends:
                raise Unavailable(
                    f"run {run.id}",
                    "no state of its source is held open, or it cannot be reached; is a triggerer "
                    "running, and the task that extracts deferred?",
                )
            time.sleep(1)
