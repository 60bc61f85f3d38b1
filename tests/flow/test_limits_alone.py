"""What leaves is a subset of the remit, always: by the SQL alone, and by the check alone.

Random rows and random limits over one small schema. An oracle in plain Python says which rows may
leave. Neither the statements nor the check know of it.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from remit.adapters.sql_source import open_source
from remit.errors import Refused
from remit.instruction import Table
from remit.ports import Snapshot, TableQuery, Totals
from remit.remit_check import RemitCheck

pytestmark = pytest.mark.slow
Row = dict[str, Any]
Database = dict[str, list[Row]]

SCHEMA = """
CREATE TABLE results (
  id INTEGER PRIMARY KEY, visit_id INTEGER, site TEXT, code TEXT, flag BOOLEAN, day DATE, value TEXT
);
CREATE TABLE visits (id DECIMAL(10,0), site TEXT, patient_id INTEGER, day DATE);
CREATE TABLE patients (id INTEGER, site TEXT, kind INTEGER);
"""
SITES = ("LYO1", "LYO2", "lyo1", "LYO1 ", "Été", "O'Brien", 'x" OR 1=1 --')
CODES = ("smoker", "hivStatus", "weight")
FIRST = date(2024, 1, 1)
DAYS = st.integers(0, 9).map(lambda number: (FIRST + timedelta(days=number)).isoformat())
KEYS = st.integers(0, 4)


def perhaps(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.none(), values, values, values)


def rows_of(**columns: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Row]]:
    return st.lists(st.fixed_dictionaries(columns), max_size=8)


DATABASES = st.fixed_dictionaries(
    {
        "results": rows_of(
            visit_id=perhaps(KEYS), site=perhaps(st.sampled_from(SITES)),
            code=perhaps(st.sampled_from(CODES)), flag=perhaps(st.integers(0, 1)),
            day=perhaps(DAYS), value=perhaps(st.text("ab'\\é", max_size=3)),
        ),
        "visits": rows_of(
            id=perhaps(KEYS), site=perhaps(st.sampled_from(SITES)), patient_id=perhaps(KEYS),
            day=perhaps(DAYS),
        ),
        "patients": rows_of(
            id=perhaps(KEYS), site=perhaps(st.sampled_from(SITES)), kind=perhaps(KEYS)
        ),
    }
)  # fmt: skip


@st.composite
def windows(draw: Callable[..., Any]) -> Row:
    start, end = sorted(draw(st.lists(st.integers(0, 10), min_size=2, max_size=2, unique=True)))
    bounds = [(FIRST + timedelta(days=number)).isoformat() for number in (start, end)]
    return {"column": "day", "type": "date", "from": bounds[0], "to": bounds[1]}


def lists(column: str, values: st.SearchStrategy[Any], kind: str = "string") -> Any:
    chosen = st.lists(values, min_size=1, max_size=3, unique=True)
    return chosen.map(lambda found: {"column": column, "type": kind, "in": found})


SITE = lists("site", st.sampled_from(SITES))
PATIENTS = st.fixed_dictionaries(
    {"table": st.just("patients"),
     "join": st.just([{"column": "patient_id", "to": "id", "type": "integer"}]),
     "sites": SITE},
    optional={"only": lists("kind", KEYS, "integer").map(lambda one: [one])},
)  # fmt: skip
JOINS = st.sampled_from(
    [
        [{"column": "visit_id", "type": "integer", "to": "id", "to_type": "decimal(10,0)"}],
        [{"column": "visit_id", "type": "integer", "to": "id", "to_type": "decimal(10,0)"},
         {"column": "site", "type": "string", "to": "site"}],
    ]
)  # fmt: skip
VISITS = st.fixed_dictionaries(
    {"table": st.just("visits"), "join": JOINS, "window": windows()},
    optional={"sites": SITE, "through": PATIENTS.map(lambda one: [one])},
)
SAME = st.fixed_dictionaries(  # the table itself: rows whose visit has a smoker's result
    {"table": st.just("results"),
     "join": st.just([{"column": "visit_id", "to": "visit_id", "type": "integer"}]),
     "codes": lists("code", st.sampled_from(CODES)), "window": windows()},
)  # fmt: skip
LIMITS = st.fixed_dictionaries(
    {"window": windows()},
    optional={
        "sites": SITE,
        "codes": lists("code", st.sampled_from(CODES)),
        "only": lists("flag", st.booleans(), "boolean").map(lambda one: [one]),
        "through": st.lists(st.one_of(VISITS, SAME), min_size=1, max_size=2),
    },
)


def table_of(limits: Row) -> Table:
    columns = [
        {"name": "id", "type": "integer", "category": "technical", "purpose": "Identity"},
        {"name": "value", "type": "string", "category": "health", "purpose": "The value"},
    ]
    fields = {"name": "results", "rows": {**limits, "maximum": 1000}, "columns": columns}
    return Table.model_validate_json(json.dumps(fields))


# --- the oracle ---------------------------------------------------------------------------------


def inside(row: Row, limits: Row, database: Database) -> bool:
    """Whether a row is within all limits, as docs/instruction.md says."""
    window = limits.get("window")
    if window and not (row["day"] and window["from"] <= row["day"] < window["to"]):
        return False
    rules = [limits.get("sites"), limits.get("codes"), *limits.get("only", [])]
    if any(rule and row[rule["column"]] not in rule["in"] for rule in rules):
        return False
    return all(found(row, other, database) for other in limits.get("through", []))


def found(row: Row, other: Row, database: Database) -> bool:
    pairs = [(join["column"], join["to"]) for join in other["join"]]
    return any(
        all(row[own] is not None and row[own] == there[to] for own, to in pairs)
        and inside(there, other, database)
        for there in database[other["table"]]
    )


def expected(limits: Row, database: Database) -> list[tuple[int, Any]]:
    return [
        (number, row["value"])
        for number, row in enumerate(database["results"])
        if inside(row, limits, database)
    ]


# --- what leaves --------------------------------------------------------------------------------


def write(path: Path, database: Database) -> str:
    path.unlink(missing_ok=True)
    with sqlite3.connect(path) as connection:
        connection.executescript(SCHEMA)
        for table, rows in database.items():
            for number, row in enumerate(rows):
                cells = {"id": number, **row} if table == "results" else row
                marks = ", ".join("?" for _ in cells)
                statement = f"INSERT INTO {table} ({', '.join(cells)}) VALUES ({marks})"
                connection.execute(statement, list(cells.values()))
    connection.close()
    return f"sqlite:///{path}"


def leaving(table: Table, snapshot: Snapshot) -> list[tuple[int, Any]]:
    """The rows as the extract would write them, checked."""
    check = RemitCheck(table, snapshot)
    batches = [check.admit(batch) for batch in snapshot.stream(check.query())]
    return pairs(batches)


def pairs(batches: list[pa.RecordBatch]) -> list[tuple[int, Any]]:
    return sorted((row["id"], row["value"]) for batch in batches for row in batch.to_pylist())


class Forgetful:
    """A source that does not filter as it is asked."""

    def __init__(self, snapshot: Snapshot, forget: Callable[[TableQuery], TableQuery]) -> None:
        self._snapshot, self._forget = snapshot, forget

    def count(self, query: TableQuery) -> int:
        return self._snapshot.count(self._forget(query))

    def totals(self, query: TableQuery, summed: Any) -> Totals:
        return Totals(self.count(query), {})

    def divide(self, query: TableQuery, parts: int) -> list[Any]:
        return []

    def stream(self, query: TableQuery) -> Iterator[pa.RecordBatch]:
        return self._snapshot.stream(self._forget(query))


FORGETTING: dict[str, Callable[[TableQuery], TableQuery]] = {
    "every limit": lambda query: replace(query, window=None, memberships=(), through=()),
    "windows": lambda query: replace(query, window=None),
    "lists": lambda query: replace(query, memberships=()),
    "membership": lambda query: replace(query, through=()),
}
THOROUGHLY = settings(
    max_examples=120,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@THOROUGHLY
@given(database=DATABASES, limits=LIMITS)
def test_what_leaves_is_the_remit_exactly(tmp_path: Path, database: Database, limits: Row) -> None:
    source = open_source(write(tmp_path / "d.sqlite", database))
    table = table_of(limits)

    with source.snapshot() as snapshot:
        rows = leaving(table, snapshot)
        counted = snapshot.count(table.query())

    assert rows == sorted(expected(limits, database))
    assert counted == len(rows)


@THOROUGHLY
@given(database=DATABASES, limits=LIMITS)
def test_the_sql_alone_gives_nothing_outside(
    tmp_path: Path, database: Database, limits: Row
) -> None:
    source = open_source(write(tmp_path / "d.sqlite", database))

    with source.snapshot() as snapshot:
        rows = pairs(list(snapshot.stream(table_of(limits).query())))

    assert rows == sorted(expected(limits, database))


@pytest.mark.parametrize("forgotten", FORGETTING)
@THOROUGHLY
@given(database=DATABASES, limits=LIMITS)
def test_the_check_alone_lets_nothing_outside_through(
    tmp_path: Path, forgotten: str, database: Database, limits: Row
) -> None:
    source = open_source(write(tmp_path / "d.sqlite", database))
    allowed = expected(limits, database)

    with source.snapshot() as snapshot:
        forgetful = Forgetful(snapshot, FORGETTING[forgotten])
        try:
            rows = leaving(table_of(limits), forgetful)
        except Refused as refusal:
            if refusal.code != "row-outside-remit":
                raise
            return
    assert rows == sorted(allowed)


def test_the_check_alone_refuses_what_the_oracle_does_not_allow(tmp_path: Path) -> None:
    row = {"visit_id": 1, "site": "LYO1", "code": "smoker", "flag": 1, "day": "2024-01-02",
           "value": "a"}  # fmt: skip
    visit = {"id": 1, "site": "LYO1", "patient_id": 1, "day": "2024-01-02"}
    limits = {
        "window": {"column": "day", "type": "date", "from": "2024-01-01", "to": "2024-01-05"},
        "through": [
            {"table": "visits",
             "join": [{"column": "visit_id", "type": "integer", "to": "id",
                       "to_type": "decimal(10,0)"}],
             "window": {"column": "day", "type": "date", "from": "2024-01-01",
                        "to": "2024-01-05"}}
        ],
    }  # fmt: skip
    late = {**visit, "id": 2, "day": "2024-02-01"}
    database = {"results": [row, {**row, "visit_id": 2}], "visits": [visit, late], "patients": []}
    source = open_source(write(tmp_path / "d.sqlite", database))

    for forgotten in ("every limit", "membership", "windows"):
        with source.snapshot() as snapshot, pytest.raises(Refused, match="row-outside-remit"):
            leaving(table_of(limits), Forgetful(snapshot, FORGETTING[forgotten]))
