"""Keys and instructions that reach their end while runs go on under them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from remit.alerts.conditions.found import Condition, Looking
from remit.evidence import parse_timestamp, timestamp

AHEAD = timedelta(days=30)
"""So long before its end a key or an instruction is told of."""


def expiring(looking: Looking) -> Iterator[Condition]:
    """By the dates of the instructions in force."""
    for one in looking.instructions:
        about = f"instruction {one.id} version {one.version}"
        if one.keys_until is not None and one.keys_until - looking.now <= AHEAD:
            yield Condition(
                "keys-expiring",
                about,
                f"Its keys are to be changed by {timestamp(one.keys_until)}.",
                "make the next keys (docs/keys-rotation.md), and have the controller sign a version "
                "that names them and a later date.",
                of=one,
            )
        last = looking.memory.past_of(one).last
        goes_on = bool(last) and looking.now - parse_timestamp(last) <= AHEAD
        if goes_on and one.until - looking.now <= AHEAD:
            yield Condition(
                "instruction-ending",
                about,
                f"It ends at {timestamp(one.until)}, and a run was opened under it at {last}.",
                "ask the controller for the next version, or let the runs end.",
                of=one,
            )
