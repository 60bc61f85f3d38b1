"""Custody: what happened to a run, and which step may come next. See `remit.custody.run`."""

from remit.custody.deletion import Execution, execute_due
from remit.custody.guard import Deployment
from remit.custody.run import Run, run_id
from remit.custody.story import Obligation, Story, due, stories

__all__ = [
    "Deployment",
    "Execution",
    "Obligation",
    "Run",
    "Story",
    "due",
    "execute_due",
    "run_id",
    "stories",
]
