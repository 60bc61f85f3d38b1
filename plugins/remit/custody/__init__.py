"""Custody: what happened to a run, and which step may come next. See `remit.custody.run`."""

from remit.custody.deletion import Execution, execute_due
from remit.custody.deployment import Deployment
from remit.custody.register import (
    Entry,
    Register,
    entries_of,
    key_of,
    require_in_force,
    require_receivable,
    with_arrivals,
)
from remit.custody.run import Run, run_id
from remit.custody.story import REGISTER, Obligation, Story, due, stories

__all__ = [
    "REGISTER",
    "Deployment",
    "Entry",
    "Execution",
    "Obligation",
    "Register",
    "Run",
    "Story",
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
