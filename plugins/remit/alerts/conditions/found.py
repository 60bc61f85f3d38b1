"""What a condition is, and what it is looked for in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from remit.alert_kinds import Severity
from remit.alerts.memory import Memory
from remit.alerts.watched import Watched
from remit.custody import Survey


class Condition(NamedTuple):
    """Something that an alert is raised for.

    Attributes:
        about: the place; never a value of a data subject.
        seq: the record that it was found in; None for what goes on until somebody ends it.
        severity: None for that of its kind.
    """

    kind: str
    about: str
    message: str
    way_out: str
    run: str | None = None
    seq: int | None = None
    severity: Severity | None = None
    of: Watched | None = None


@dataclass(frozen=True, slots=True)
class Looking:
    """What is looked for in places and by the clock.

    Attributes:
        instructions: those in force.
    """

    now: datetime
    memory: Memory
    survey: Survey
    instructions: list[Watched]
