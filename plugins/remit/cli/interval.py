"""A data interval, as the command line gives it."""

from __future__ import annotations

import argparse
import re
from datetime import datetime

from remit.instruction.forms import MOMENT
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
