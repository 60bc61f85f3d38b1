"""Validate: judge the encrypted extract by the expectations that the instruction pins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from remit.operators.base import StepOperator

if TYPE_CHECKING:
    from remit.custody import Run


class ValidateOperator(StepOperator):
    """Judges every rule; one that fails, or cannot be judged, ends the run."""

    intent = (
        "Judges the extract by the rules that the instruction pins. The report has counts, never "
        "values. A rule that does not hold ends the run, and what was extracted is deleted."
    )

    def step(self, run: Run) -> None:
        """Judge."""
        from remit.wiring import open_judge

        run.validate(open_judge())
