"""What leaves is the remit exactly: by SQL and check, by the SQL alone; by the check alone, never more.

Random relations, instructions and rows, extracted from SQLite. An oracle in plain Python says what
may leave (`random_remits`).
"""

from __future__ import annotations

import sqlite3
import sys
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from remit.adapters.sql_source import open_source
from remit.columns import ColumnType
from remit.errors import Refused
from remit.ports import Membership, SemiJoin, TableQuery
from remit.remit_check import ScopeCheck

sys.path.append(str(Path(__file__).parent))
remits, extracts = import_module("random_remits"), import_module("random_extracts")

pytestmark = pytest.mark.slow
# SQLite finds a time by its text, so only one that is written alike.
CASES = remits.cases(tuple(t for t in remits.POOL if not t.startswith("timestamp")), "main")


def examples(number: int) -> settings:
    return settings(
        max_examples=number,
        derandomize=True,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


@pytest.fixture(scope="module")
def processor(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return extracts.Processor(tmp_path_factory.mktemp("processor"))


@examples(80)
@given(case=CASES)
def test_what_leaves_is_the_remit_exactly(tmp_path: Path, processor: Any, case: Any) -> None:
    found = processor.extract(case, open_source(write(tmp_path / "d.sqlite", case)))

    processor.require_exact(case, found)


@examples(80)
@given(case=CASES)
def test_the_sql_alone_gives_the_remit_exactly(tmp_path: Path, processor: Any, case: Any) -> None:
    source = open_source(write(tmp_path / "d.sqlite", case))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ScopeCheck, "require", lambda *_: None)
        found = processor.extract(case, source)

    processor.require_exact(case, found)


@examples(60)
@given(case=CASES, data=st.data())
def test_the_check_alone_refuses_whenever_a_row_outside_is_read(
    tmp_path: Path, processor: Any, case: Any, data: Any
) -> None:
    source = open_source(write(tmp_path / "d.sqlite", case))
    one = data.draw(st.sampled_from(remits.limits_of(case) or [remits.EVERYTHING]))

    for left in (remits.EVERYTHING, one):
        careless = extracts.leaving_out(source, left)
        if remits.reads_outside(case, left):
            with pytest.raises(Refused) as caught:
                processor.extract(case, careless)
            assert caught.value.code == "row-outside-remit"
        else:
            processor.require_exact(case, processor.extract(case, careless))


CHANGES = {
    "one more": lambda batch: batch.append_column("nir", pa.nulls(batch.num_rows, pa.string())),
    "one less": lambda batch: batch.select(batch.schema.names[1:]),
    "one twice": lambda batch: batch.select([*batch.schema.names, batch.schema.names[0]]),
    "other order": lambda batch: batch.select([*batch.schema.names[1:], batch.schema.names[0]]),
    "other name": lambda batch: batch.rename_columns([f"{name}2" for name in batch.schema.names]),
    "other type": lambda batch: batch.set_column(
        0, batch.schema.names[0], pa.nulls(batch.num_rows, pa.large_string())
    ),
}


@examples(60)
@given(case=CASES, data=st.data())
def test_other_columns_than_were_asked_for_are_refused_of_whatever_is_read(
    tmp_path: Path, processor: Any, case: Any, data: Any
) -> None:
    relation = data.draw(st.sampled_from(sorted(remits.relations_read(case))))
    change = CHANGES[data.draw(st.sampled_from(sorted(CHANGES)))]

    changed = 0

    def answered(query: TableQuery, batch: pa.RecordBatch) -> pa.RecordBatch:
        nonlocal changed
        other = change(batch) if query.table == relation else batch
        changed += other.schema != batch.schema  # one column has no other order
        return other

    source = open_source(write(tmp_path / "d.sqlite", case))
    try:
        processor.extract(case, extracts.CarelessSource(source, answered=answered))
        code = None
    except Refused as refusal:
        code = refusal.code
    assert (code, changed) in [("columns-outside-remit", 1), (None, 0)]


# --- keys of other tables -------------------------------------------------------------------------

KEY, WORDS = ColumnType("integer"), ColumnType("string")
PATIENTS = TableQuery("patients", (("id", WORDS),), memberships=(Membership("site", ("7",), KEY),))
RESULTS = TableQuery("results", (), through=(SemiJoin((("patient", WORDS),), PATIENTS),))


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """Two tables, of which one has more keys than come in a batch."""
    with sqlite3.connect(tmp_path / "many.sqlite") as database:
        database.executescript(
            "CREATE TABLE patients (id TEXT, site INTEGER); CREATE TABLE results (patient TEXT);"
            " WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 100000)"
            " INSERT INTO patients SELECT 'P' || n, 7 FROM n;"
            " INSERT INTO results SELECT id FROM patients UNION ALL SELECT id FROM patients;"
            " INSERT INTO patients VALUES ('P0', 8); INSERT INTO results VALUES ('P0');"
        )
    database.close()
    return tmp_path / "many.sqlite"


def test_all_keys_are_read_before_the_rows(many: Path) -> None:
    read = []
    with open_source(f"sqlite:///{many}").snapshot() as snapshot:
        check = ScopeCheck.load("results", RESULTS, snapshot)
        for batch in snapshot.stream(check.widened()):
            check.require(batch)
            read.append(batch.num_rows)
        assert sum(read) == snapshot.count(RESULTS) == 200_000
    assert len(read) > 3


@pytest.mark.parametrize(
    ("change", "code", "where"),
    [
        ("UPDATE patients SET id = x'ff' WHERE id = 'P99999'", "value-not-of-type", "patients.id"),
        ("UPDATE patients SET site = 'x' WHERE id = 'P99999'", "value-not-of-type", "patients.site"),
        ("ALTER TABLE patients RENAME COLUMN site TO town", "column-missing", "patients"),
        ("ALTER TABLE patients RENAME TO persons", "column-missing", "patients"),
    ],
)  # fmt: skip
def test_failure_while_keys_are_read_names_their_table(
    many: Path, change: str, code: str, where: str
) -> None:
    with sqlite3.connect(many) as database:
        database.execute(change)
    database.close()

    with open_source(f"sqlite:///{many}").snapshot() as snapshot, pytest.raises(Refused) as caught:
        ScopeCheck.load("results", RESULTS, snapshot)
    assert (caught.value.code, caught.value.where) == (code, where)


# --- an SQLite file whose values are spelled in several ways --------------------------------------

NATIVE = {"integer": "BIGINT", "string": "TEXT", "double": "DOUBLE PRECISION"}
ZONES = (UTC, timezone(timedelta(hours=2)), timezone(-timedelta(hours=3, minutes=30)))


def write(path: Path, case: Any) -> str:
    path.unlink(missing_ok=True)
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA synchronous = OFF")
        for name, relation in case.relations.items():
            declared = [f"{quoted(c)} {NATIVE.get(t, t)}" for c, t in relation.columns.items()]
            database.execute(f"CREATE TABLE {quoted(name)} ({', '.join(declared)})")
            marks = ", ".join("?" for _ in relation.columns)
            database.executemany(
                f"INSERT INTO {quoted(name)} VALUES ({marks})",
                [
                    [stored(row[column], number) for column in relation.columns]
                    for number, row in enumerate(relation.rows)
                ],
            )
    database.close()
    return f"sqlite:///{path}"


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def stored(value: Any, number: int) -> Any:
    """What the file holds of a value; the row's number decides how it is spelled."""
    if isinstance(value, bool):
        return ((0, "false", "0"), (1, "TRUE", "1"))[value][number % 3]
    if isinstance(value, Decimal):
        return str(value) if number % 2 else float(value) if value % 1 else int(value)
    if isinstance(value, datetime):
        value = value.astimezone(ZONES[number % 3]) if value.tzinfo else value
        return value.isoformat(" " if number % 2 else "T")
    if isinstance(value, date):
        return value.isoformat()
    return value.upper() if value in remits.POOL["uuid"] and number % 2 else value
