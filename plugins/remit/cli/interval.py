"""Times and data intervals, as the command line gives them."""

from __future__ import annotations

import argparse
import re
from datetime import UTC, datetime, timedelta

from pydantic import TypeAdapter, ValidationError

from remit.instruction.forms import MOMENT, Duration
from remit.instruction.interval import Interval


def read_interval(given: str) -> Interval:
    """``START/END``, each to the second and with an offset from UTC, as the command line gives it.

    Raises:
        ArgumentTypeError: it is not of that form.
    """
    bounds = given.split("/")
    try:
        if len(bounds) == 2 and all(re.fullmatch(MOMENT, bound, re.ASCII) for bound in bounds):
            return Interval(*map(datetime.fromisoformat, bounds))
    except ValueError:  # of the form, but no such time, or without an offset
        pass
    raise argparse.ArgumentTypeError("must be START/END, each such as 2026-01-01T02:00:00+01:00")


def read_since(text: str) -> datetime:
    """A time with its offset from UTC."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise argparse.ArgumentTypeError("a time such as 2026-01-31T08:30:00+01:00")
    return moment.astimezone(UTC).replace(microsecond=0)


def read_duration(text: str) -> timedelta:
    """A positive time such as ``PT5M``."""
    try:
        found = TypeAdapter(Duration).validate_python(text)
    except ValidationError:
        found = timedelta(0)
    if found <= timedelta(0):
        raise argparse.ArgumentTypeError("a time such as PT5M (five minutes) or PT1H")
    return found
