"""Custody: what happened to a run, and which step may come next. See `remit.custody.run`."""

from remit.custody.arrivals import key_of
from remit.custody.confirmation import TargetSystems, Watch
from remit.custody.deletion import Execution, execute_due
from remit.custody.deployment import Deployment
from remit.custody.divided import Divided
from remit.custody.entries import Entry, entries_of, require_in_force, require_receivable
from remit.custody.register import Register, with_arrivals
from remit.custody.run import Run, run_id
from remit.custody.story import REGISTER, Obligation, Story, due, stories

__all__ = [
    "REGISTER",
    "Deployment",
    "Divided",
    "Entry",
    "Execution",
    "Obligation",
    "Register",
    "Run",
    "Story",
    "TargetSystems",
    "Watch",
    "due",
    "entries_of",
    "execute_due",
    "key_of",
    "require_in_force",
    "require_receivable",
    "run_id",
    "stories",
    "with_arrivals",
]
