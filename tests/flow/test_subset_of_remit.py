"""What leaves is the remit exactly: with SQL and check, by the SQL alone, and never more by the check alone.

Random relations, instructions and rows (`random_remits`), extracted from SQLite, encrypted, staged
and read back. An oracle in plain Python says what may leave.
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from remit.adapters.sql_source import open_source
from remit.errors import Refused
from remit.remit_check import ScopeCheck

_spec = spec_from_file_location("random_remits", Path(__file__).with_name("random_remits.py"))
assert _spec
assert _spec.loader
remits = sys.modules.setdefault(_spec.name, module_from_spec(_spec))
_spec.loader.exec_module(remits)

pytestmark = pytest.mark.slow
# By the text of a time, SQLite finds only what is written alike.
CASES = remits.cases(tuple(t for t in remits.POOL if not t.startswith("timestamp")), "main")


def thoroughly(examples: int) -> settings:
    return settings(
        max_examples=examples,
        derandomize=True,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


NATIVE = {"integer": "BIGINT", "string": "TEXT", "double": "DOUBLE PRECISION"}


def write(path: Path, case: Any) -> str:
    """The relations as an SQLite file, whose columns have values spelled in several ways."""
    path.unlink(missing_ok=True)
    with sqlite3.connect(path) as database:
        for name, relation in case.relations.items():
            columns = ", ".join(
                f"{quoted(column)} {NATIVE.get(declared, declared)}"
                for column, declared in relation.columns.items()
            )
            database.execute(f"CREATE TABLE {quoted(name)} ({columns})")
            marks = ", ".join("?" for _ in relation.columns)
            database.executemany(
                f"INSERT INTO {quoted(name)} VALUES ({marks})",
                [
                    [stored(row[column], declared, number) for column, declared in relation.columns.items()]
                    for number, row in enumerate(relation.rows)
                ],
            )
    database.close()
    return f"sqlite:///{path}"


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def stored(value: Any, declared: str, number: int) -> Any:
    """What SQLite stores of a value; the row's number decides how it is spelled."""
    if isinstance(value, bool):
        return ([0, "false", "0"], [1, "TRUE", "1"])[value][number % 3]
    if isinstance(value, Decimal):
        return str(value) if number % 2 else float(value) if value % 1 else int(value)
    if declared == "uuid" and value is not None:
        return value.upper() if number % 2 else value
    if declared == "timestamptz" and value is not None:
        zone = (UTC, timezone(timedelta(hours=2)), timezone(-timedelta(hours=3, minutes=30)))[number % 3]
        return value.astimezone(zone).isoformat(" " if number % 2 else "T")
    if isinstance(value, datetime):
        return value.isoformat(" " if number % 2 else "T")
    return value.isoformat() if isinstance(value, date) else value
