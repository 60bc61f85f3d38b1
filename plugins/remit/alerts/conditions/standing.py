"""What is looked for in places and by the clock; it holds until somebody ends it."""

from __future__ import annotations

from collections.abc import Iterator

from remit.alerts.conditions import answers, copies, keys
from remit.alerts.conditions.found import Condition, Looking


def standing(looking: Looking) -> Iterator[Condition]:
    """Every condition that holds now."""
    yield from answers.missing(looking)
    yield from copies.overdue(looking)
    yield from keys.expiring(looking)
