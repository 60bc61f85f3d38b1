"""The whole flow as one task group: plan, extract, validate, seal, approve, deliver, confirm."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Self

from airflow.sdk import TaskGroup

from remit.operators.approve import ApproveOperator
from remit.operators.base import refusal_of_query
from remit.operators.confirm import ConfirmOperator
from remit.operators.deliver import DeliverOperator
from remit.operators.extract import ExtractOperator
from remit.operators.piece import ExtractPieceOperator
from remit.operators.plan import PlanOperator
from remit.operators.seal import SealOperator
from remit.operators.validate import ValidateOperator


class ControlledMigration(TaskGroup):
    """One migration under one instruction; no step can be left out.

    Deletion is not among the steps: the DAG `remit_deletion` does it, so that nothing which
    happens to this DAG can prevent it.

    Args:
        instruction: the signed instruction's file; relative to the folder that `include` is in.
        source_conn_id: the controller's database, a connection of any type whose hook is one for
            databases; for a dump in files, a connection of type fs.
        landing_conn_id: the target's landing zone, a connection of type fs, aws or sftp.
        group_id: the group's name in the DAG.
        poke_interval: seconds between two looks for the receipt.
        retries: how often a step that found something unavailable is tried again; what is
            refused is never tried again.
        retry_delay: the first wait, doubled each time up to an hour.
    """

    def __new__(cls, *_: Any, **arguments: Any) -> Self:
        """Refuse a query before Python looks for arguments that are missing or unknown."""
        refusal = refusal_of_query(cls.__name__, arguments)
        if refusal is not None:
            raise refusal
        return super().__new__(cls)

    def __init__(
        self,
        *,
        instruction: str,
        source_conn_id: str,
        landing_conn_id: str,
        group_id: str = "migration",
        poke_interval: float = 60,
        retries: int = 5,
        retry_delay: timedelta = timedelta(minutes=1),
    ) -> None:
        super().__init__(group_id=group_id, tooltip="A controlled migration")
        again: dict[str, Any] = {
            "retries": retries,
            "retry_delay": retry_delay,
            "retry_exponential_backoff": 2.0,
            "max_retry_delay": timedelta(hours=1),
            # A step after a failed one would be refused; this shows it in the grid as well.
            "trigger_rule": "all_success",
        }
        with self:
            plan = PlanOperator(
                task_id="plan",
                instruction=instruction,
                source_conn_id=source_conn_id,
                landing_conn_id=landing_conn_id,
                **again,
            )
            # Airflow cannot map within a mapped group, which the policy refuses with our words.
            if next(self.iter_mapped_task_groups(), None) is None:
                # Skipped where the plan has one piece a table, which `extract` reads itself.
                ExtractPieceOperator.partial(
                    task_id="extract_piece", source_conn_id=source_conn_id, **again
                ).expand(piece=plan.output)
            (
                plan
                >> ExtractOperator(
                    task_id="extract", source_conn_id=source_conn_id, in_pieces=True, **again
                )
                >> ValidateOperator(task_id="validate", **again)
                >> SealOperator(task_id="seal", **again)
                >> ApproveOperator(task_id="approve", **again)
                >> DeliverOperator(task_id="deliver", **again)
                >> ConfirmOperator(task_id="confirm", poke_interval=poke_interval, **again)
            )
