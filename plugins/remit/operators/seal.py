"""Seal: destroy the run's own key, so that only the recipients can open the files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from remit.operators.base import StepOperator

if TYPE_CHECKING:
    from remit.custody import Run


class SealOperator(StepOperator):
    """Checks who can open each column, destroys the staging key, signs the manifest."""

    intent = (
        "Checks that each column's key is wrapped to exactly the instructed recipients, destroys "
        "this deployment's own key to the files, and signs the delivery's manifest."
    )

    def step(self, run: Run) -> None:
        """Seal."""
        run.seal()
