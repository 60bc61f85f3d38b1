"""From a task in Airflow to its place on the reviewer's pages.

The run's id follows from the DAG run and the task's group, so the API server makes the link itself, for tasks
that have not begun, failed or were killed as well; nothing is handed on by XCom. The links are Airflow's
own addresses, as its pages resolve them, whatever host and path they are served from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from airflow.sdk import BaseOperatorLink

from remit import operators
from remit.operators.base import RemitOperator, StepOperator, run_name

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator
    from airflow.sdk.types import TaskInstanceKey

_SECTIONS = {
    "PlanOperator": "scope",
    "ExtractPieceOperator": "scope",
    "ExtractOperator": "scope",
    "ValidateOperator": "validation",
    "SealOperator": "story",
    "ApproveOperator": "approval",
    "DeliverOperator": "receipt",
    "ConfirmOperator": "receipt",
}
"""The section of a run's page that tells what a step did."""

_PAGES = {"ListDueOperator": "overview#clocks", "DeleteOperator": "overview#overdue"}


def _operators(kind: type[Any]) -> list[type[BaseOperator]]:
    known = vars(operators).values()
    return [one for one in known if isinstance(one, type) and issubclass(one, kind)]


class RunLink(BaseOperatorLink):
    """To the section of the run's page that tells what the step did."""

    operators: ClassVar[list[type[BaseOperator]]] = _operators(StepOperator)

    @property
    def name(self) -> str:
        """The button's name."""
        return "remit: this run"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """The address below Airflow's own."""
        run = run_name(operator, {"run_id": ti_key.run_id})
        return f"remit/runs/{run}#{_SECTIONS.get(operator.task_type, '')}".rstrip("#")


class DeletionLink(BaseOperatorLink):
    """To what is due, from the tasks that delete."""

    operators: ClassVar[list[type[BaseOperator]]] = [
        one for one in _operators(RemitOperator) if one.__name__ in _PAGES
    ]

    @property
    def name(self) -> str:
        """The button's name."""
        return "remit: what is due"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:  # noqa: ARG002
        """The address below Airflow's own."""
        return f"remit/{_PAGES[operator.task_type]}"
