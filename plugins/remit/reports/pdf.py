"""A report as PDF, for an auditor: tagged (PDF/UA-1), with the checkpoint on every page.

The typesetter gets a template of ours and data; it reads no other file and no system font, so that the
same report is the same bytes everywhere.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from remit.errors import Unavailable, UsageError
from remit.instruction.plain_language.voice import Language
from remit.reports.printable import printable
from remit.reports.state import Report
from remit.reports.tables import STATES, TABLES, Column, Table
from remit.reports.words import CONTENTS, LEAD, PAGE, TITLE, evidence_line, facts, said

_TIME = re.compile(r"\b(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\dZ)")
MOST_RUNS = 2_000
"""So many rows a table may have; a layout of more takes gigabytes. A period makes it fewer."""
_SECONDS = 180
# Each thread of a large machine would take address space, of which there is a bound.
_ENVIRONMENT = {"RAYON_NUM_THREADS": "2", "MALLOC_ARENA_MAX": "2"}


def pdf_bytes(report: Report, language: Language, most: int = MOST_RUNS) -> bytes:
    """The whole report.

    Args:
        most: so many rows of a table at most.

    Raises:
        UsageError: a table has more.
        Unavailable: it takes more time or memory than it may.
    """
    for name, rows in report.rows.items():
        if len(rows) > most:
            raise UsageError(
                f"the report has {len(rows)} {name}, and can print {most}; give a period or a controller."
            )
    data = {
        "title": said(TITLE, language),
        "author": ", ".join(one["legal_name"] for one in report.processors),
        "language": language.value,
        "evidence": evidence_line(report, language),
        "page": said(PAGE, language),
        "contents": said(CONTENTS, language),
        "lead": [said(words, language) for words in LEAD],
        "facts": facts(report, language),
        "sections": [_section(table, report.rows[table.name], language) for table in TABLES],
    }
    return _typeset(_printable(data), report)


def _typeset(data: Any, report: Report) -> bytes:
    """Have a process of its own set it, which sees nothing of our memory and environment."""
    moment = f"{int(report.as_of.timestamp())}\n"
    program = Path(__file__).with_name("typeset.py")
    try:
        done = subprocess.run(  # noqa: S603 - ours, with nothing of others in the command
            [sys.executable, "-I", str(program)],
            input=(moment + json.dumps(data, ensure_ascii=False)).encode(),
            capture_output=True,
            timeout=_SECONDS,
            check=True,
            env=_ENVIRONMENT,
        )
    except (OSError, subprocess.SubprocessError):
        raise Unavailable(
            "the printed report",
            "it could not be set within its bounds of time and memory; a shorter period may be.",
        ) from None
    return done.stdout


def _section(table: Table, rows: Iterable[Mapping[str, Any]], language: Language) -> dict[str, Any]:
    columns = [column for column in table.columns if column.width]
    shown = [[_shown(row[column.key], column, language) for column in columns] for row in rows]
    return {
        "title": said((table.en, table.fr), language),
        "none": said(table.none, language),
        "count": str(len(shown)),
        "heads": [said((column.en, column.fr), language) for column in columns],
        "widths": [column.width for column in columns],
        "rows": shown,
    }


def _shown(value: Any, column: Column, language: Language) -> str:
    if value is None:
        return ""
    if column.key == "state" and value in STATES:
        return said(STATES[value], language)
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return _TIME.sub(r"\1 \2", text)  # so that a line may end between day and time


def _printable(data: Any) -> Any:
    """Every text of the data as the font can show it."""
    if isinstance(data, str):
        return printable(data)
    if isinstance(data, dict):
        return {key: _printable(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_printable(value) for value in data]
    return data
