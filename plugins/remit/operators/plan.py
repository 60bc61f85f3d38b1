"""Plan: verify the instruction, open the run, hold the instruction against the live source."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from remit.operators.base import StepOperator
from remit.operators.connections import resolve
from remit.operators.origin import origin_of

if TYPE_CHECKING:
    from airflow.sdk import Context

    from remit.approve import Origin
    from remit.custody import Run
    from remit.instruction.interval import Interval


class PlanOperator(StepOperator):
    """Verifies the instruction, pins the run to it, and records what would leave.

    Args:
        instruction: the instruction's file, its signature beside it; a relative path is looked
            for beside the deployment's `include` folder.
        source_conn_id: the connection of the controller's database.
        landing_conn_id: the connection of the target's landing zone.
    """

    intent = (
        "Verifies the controller's signed instruction, opens the run under it, and lists what "
        "would leave and what is withheld. Nothing is read but the schema and counts."
    )

    def __init__(
        self, *, instruction: str, source_conn_id: str, landing_conn_id: str, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.do_xcom_push = True  # the numbers of the pieces, for the tasks that extract them
        self.instruction = instruction
        self.source_conn_id = source_conn_id
        self.landing_conn_id = landing_conn_id
        self._interval: Interval | None = None
        self._origin: Origin | None = None
        self._pieces: list[int] = []

    def execute(self, context: Context) -> list[int]:
        """Plan; the numbers of the pieces, if it takes more than one task to extract them."""
        super().execute(context)
        return self._pieces

    def perform(self, context: Context) -> None:
        """Note the DAG run's data interval and who is behind it, then take the step."""
        self._interval = data_interval(context)
        self._origin = origin_of(self, context)
        super().perform(context)

    def step(self, run: Run) -> None:
        """Open the run, then plan."""
        from remit.wiring import Settings, open_judge, open_landing, open_source

        path = instruction_file(Settings.from_environment().include, self.instruction)
        self.log.info("Asked for by %s", path)
        source = open_source(f"conn:{self.source_conn_id}", resolve)
        landing = f"conn:{self.landing_conn_id}"  # by this the deletion DAG finds it again
        run.open_file(path, source.label, landing, self._interval)
        with run.recorded("plan"):  # a zone that is refused before it is connected to
            zone = open_landing(landing, resolve)
        run.plan(source, zone, open_judge(), self._origin)
        self._pieces = run.pieces()


def data_interval(context: Context) -> Interval | None:
    """The DAG run's data interval; None for a run that was triggered without one."""
    from remit.instruction.interval import Interval

    start, end = context.get("data_interval_start"), context.get("data_interval_end")
    return Interval(start, end) if start is not None and end is not None else None


def instruction_file(include: Path, instruction: str) -> Path:
    """The file of an instruction, as the DAG's author and the deployment's settings name it."""
    return include.parent / instruction
