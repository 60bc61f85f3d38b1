"""Writes the laboratory as the old system's vendor would: everything, as text, in ISO-8859-1.

What that encoding lacks, such as a dash of its own, becomes a question mark, as it did there.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import IO, Any

from remit.testing.laboratory.schema import TABLES, Row

Rows = Callable[[str], Iterable[Row]]
"""Gives the rows of the table of that name."""

_FORM: dict[str, Any] = {
    "encoding": "iso-8859-1",
    "decimal_mark": ",",
    "dates": "dd/MM/yyyy",
    "timestamps": "yyyy-MM-ddTHH:mm:ss",
    "true_text": "O",
    "false_text": "N",
}


def write_csv(folder: Path, rows: Rows, *, packed: bool = False) -> dict[str, Any]:
    """One file for each table, fields with a semicolon between.

    Args:
        packed: whether the files are gzipped.

    Returns:
        What an instruction's `dump` says of it.
    """
    files = []
    for name in TABLES:
        file = f"{name}.csv.gz" if packed else f"{name}.csv"
        with _new_file(folder / file) as text:
            out = csv.writer(text, delimiter=";", lineterminator="\r\n")
            out.writerow(TABLES[name].names)
            out.writerows([*map(_written, row)] for row in rows(name))
        files.append({"table": name, "file": file})
    return {"kind": "csv", "separator": ";", **_FORM, "files": files}


def write_fixed(folder: Path, rows: Rows) -> dict[str, Any]:
    """One file for each table, each column as wide as its widest value, numbers to the right.

    Returns:
        What an instruction's `dump` says of it.
    """
    return {"kind": "fixed", **_FORM, "files": [_fixed(folder, name, rows) for name in TABLES]}


def _fixed(folder: Path, name: str, rows: Rows) -> dict[str, Any]:
    names = TABLES[name].names
    widths = [max(map(len, column)) for column in zip(*_lines(name, rows), strict=True)]
    numbers = [column.type.startswith("numeric") for column in TABLES[name].columns]
    with _new_file(folder / f"{name}.txt") as text:
        for row in _lines(name, rows):
            cells = zip(row, widths, numbers, strict=True)
            text.write("".join(c.rjust(w) if n else c.ljust(w) for c, w, n in cells) + "\n")
    columns, start = [], 1
    for column, width, number in zip(names, widths, numbers, strict=True):
        padding = "left" if number else "right"
        columns.append({"name": column, "start": start, "width": width, "padding": padding})
        start += width
    return {"table": name, "file": f"{name}.txt", "line": start - 1, "columns": columns}


def _lines(name: str, rows: Rows) -> Iterator[list[str]]:
    for row in rows(name):
        yield [" ".join(_written(value).split()) for value in row]


def _new_file(path: Path) -> IO[str]:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.touch(mode=0o600, exist_ok=False)
    if path.suffix == ".gz":
        return gzip.open(path, "wt", encoding="iso-8859-1", errors="replace", newline="")
    return path.open("w", encoding="iso-8859-1", errors="replace", newline="")


def _written(value: object) -> str:
    if isinstance(value, bool):
        return str(_FORM["true_text" if value else "false_text"])
    if isinstance(value, datetime):  # which is a date too
        return value.isoformat(timespec="microseconds")
    if isinstance(value, date):
        return f"{value:%d/%m/%Y}"
    if isinstance(value, Decimal):
        return str(value).replace(".", ",")
    return "" if value is None else str(value)
