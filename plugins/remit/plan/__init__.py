"""Plan: what would leave under an instruction, what stays, what is refused, before anything moves.

Guarantee: a plan is made from the instruction and the live schema alone, and reads no row's values,
only counts. `Plan.require_clean` is the one gate to extraction.
Not guaranteed: that the source still looks so when it is extracted; extract checks what it reads.
"""

from remit.plan.account import require_account
from remit.plan.differences import Difference, differences
from remit.plan.dump import as_declared
from remit.plan.making import Circumstances, make_plan
from remit.plan.model import ColumnPlan, Drift, Plan, TablePlan

__all__ = [
    "Circumstances",
    "ColumnPlan",
    "Difference",
    "Drift",
    "Plan",
    "TablePlan",
    "as_declared",
    "differences",
    "make_plan",
    "require_account",
]
