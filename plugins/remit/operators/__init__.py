"""remit in Airflow: the whole migration as a task group, or one operator for each step.

Importing this imports Airflow's SDK and nothing heavy: the domain is imported inside tasks, so
that parsing a DAG stays quick.
"""

from remit.operators.approve import ApproveOperator
from remit.operators.confirm import ConfirmOperator
from remit.operators.delete import DeleteOperator
from remit.operators.deliver import DeliverOperator
from remit.operators.due import ListDueOperator
from remit.operators.extract import ExtractOperator
from remit.operators.late import deadline
from remit.operators.migration import ControlledMigration
from remit.operators.piece import ExtractPieceOperator
from remit.operators.plan import PlanOperator
from remit.operators.seal import SealOperator
from remit.operators.supervise import SuperviseOperator
from remit.operators.sweep import SweepOperator
from remit.operators.validate import ValidateOperator

__all__ = [
    "ApproveOperator",
    "ConfirmOperator",
    "ControlledMigration",
    "DeleteOperator",
    "DeliverOperator",
    "ExtractOperator",
    "ExtractPieceOperator",
    "ListDueOperator",
    "PlanOperator",
    "SealOperator",
    "SuperviseOperator",
    "SweepOperator",
    "ValidateOperator",
    "deadline",
]
