"""Deliver: publish the sealed files and the signed manifest at the landing zone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from remit.operators.base import StepOperator
from remit.operators.connections import resolve

if TYPE_CHECKING:
    from remit.custody import Run


class DeliverOperator(StepOperator):
    """Publishes at the landing zone that the run was opened with."""

    intent = (
        "Puts the sealed files, the instruction and the signed manifest at the target's landing "
        "zone; who begins at the manifest sees all of them or none."
    )

    def step(self, run: Run) -> None:
        """Publish."""
        from remit.wiring import open_landing

        with run.recorded("deliver"):  # the connection may be another one by now
            zone = open_landing(run.landing(), resolve)
        run.deliver(zone)
