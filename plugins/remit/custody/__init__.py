"""Custody: what happened to a run, and which step may come next. See `remit.custody.run`."""

from remit.custody.arrivals import key_of
from remit.custody.confirmation import TargetSystems, Watch
from remit.custody.deletion import Execution, execute, execute_due, shuffled, to_execute
from remit.custody.deployment import Deployment
from remit.custody.divided import Divided
from remit.custody.entries import Entry, entries_of, require_in_force, require_receivable
from remit.custody.key_acts import revoke, rotate
from remit.custody.key_impact import impact
from remit.custody.keys import require_keys_stand, revoked_keys
from remit.custody.register import Register, with_arrivals
from remit.custody.run import Run, run_id
from remit.custody.story import ORPHANS, REGISTER, Obligation, Story, is_run, stories
from remit.custody.survey import Survey, due, survey
from remit.custody.sweep import Swept, sweep
from remit.custody.telling import state_of, suspension, told_of
from remit.custody.withdrawal import withdrawn

__all__ = [
    "ORPHANS",
    "REGISTER",
    "Deployment",
    "Divided",
    "Entry",
    "Execution",
    "Obligation",
    "Register",
    "Run",
    "Story",
    "Survey",
    "Swept",
    "TargetSystems",
    "Watch",
    "due",
    "entries_of",
    "execute",
    "execute_due",
    "impact",
    "is_run",
    "key_of",
    "require_in_force",
    "require_keys_stand",
    "require_receivable",
    "revoke",
    "revoked_keys",
    "rotate",
    "run_id",
    "shuffled",
    "state_of",
    "stories",
    "survey",
    "suspension",
    "sweep",
    "to_execute",
    "told_of",
    "with_arrivals",
    "withdrawn",
]
