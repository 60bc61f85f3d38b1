"""Dividing a table into parts, and what is read of all of it: arithmetic that sources share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from remit.adapters.sql_source.conform import misfit
from remit.adapters.sql_source.statements import bounds
from remit.ports import Part, TableQuery, Totals, Window


def contiguous(by: str, inner: Sequence[str]) -> list[Part]:
    """Parts that meet at the bounds given, and are open at both ends."""
    ends = [None, *inner, None]
    return [Part(by, start, end) for start, end in pairwise(ends)]


def cuts(window: Window, parts: int) -> list[str]:
    """The bounds between equal parts of a window, in whole days of a date, else whole seconds.

    Raises:
        Refused: a bound is not of the window's type (window-invalid).
    """
    reader = date if window.type.name == "date" else datetime
    start, end = (reader.fromisoformat(bound) for bound in bounds(window))
    unit = timedelta(days=1) if window.type.name == "date" else timedelta(seconds=1)
    steps = (end - start) // unit
    inner = sorted({steps * number // parts for number in range(1, parts)} - {0})
    return [(start + step * unit).isoformat() for step in inner]


def totals(query: TableQuery, rows: int, sums: Mapping[str, str | None]) -> Totals:
    """What a statement's one row says.

    Raises:
        Refused: a sum is no number (value-not-of-type): a NaN is among what is summed.
    """
    found = {}
    for name, text in sums.items():
        found[name] = Decimal(text or 0)
        if not found[name].is_finite():
            raise misfit(f"{query.table}.{name}", dict(query.columns)[name])
    return Totals(rows, found)
