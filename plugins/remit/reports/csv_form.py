"""Tables as CSV (RFC 4180) that a spreadsheet shows and never executes."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any

from remit.errors import one_line
from remit.reports.tables import Table

_BOM = "\ufeff"
_ACTIVE = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What makes a spreadsheet take a cell for a formula, in any of them; some fold the wide forms."""


def csv_bytes(table: Table, rows: Iterable[Mapping[str, Any]]) -> bytes:
    """The table with a head of the columns' keys, in UTF-8 with its mark, by which spreadsheets know it.

    A text that would be taken for a formula begins with an apostrophe; several values of a cell are
    apart by ``; ``; what is not there is an empty cell.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([column.key for column in table.columns])
    for row in rows:
        writer.writerow([cell(row.get(column.key)) for column in table.columns])
    return (_BOM + text.getvalue()).encode()


def cell(value: Any) -> str:
    """A value as a cell."""
    text = "; ".join(map(str, value)) if isinstance(value, list) else str(value)
    if value is None:
        return ""
    active = text.startswith(_ACTIVE) or text.lstrip().startswith(_ACTIVE)
    return ("'" if active else "") + one_line(text)
