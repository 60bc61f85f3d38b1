"""SQLite as a source, on real files; and the statements of both dialects."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from remit.adapters.sql_source import open_source, sqlite
from remit.adapters.sql_source.postgres_statements import PostgresStatements
from remit.adapters.sql_source.sqlite_statements import SQLiteStatements
from remit.columns import ColumnType
from remit.errors import Refused, RemitError, Unavailable, UsageError
from remit.ports import Account, Membership, Relation, SemiJoin, Source, TableQuery, Window

pytestmark = pytest.mark.slow

SECRET = "s3cr3t/p@ss"

HOSTILE = [
    "it's",
    'dou"ble',
    "'; DROP TABLE patient; --",
    '"; DROP TABLE patient; --',
    "') OR ('1'='1",
    "' OR 1=1 --",
    "/* comment */",
    "back\\slash",
    "\\' OR 1=1 --",
    "\\",
    "100%",
    "%s %(name)s %%",
    ":name ?1 $1 @x",
    "__[POSTCOMPILE_param_1]",
    "line\nbreak\r\ttab",
    "Liège Œuvre Ä",
    "\u0435\u0301 cyrillic",
    "\u02bc OR 1=1",
    "\uff07 OR 1=1 --",
    "\u2018quoted\u2019",
    "\U0001f9ea",
    "\uff02; DROP TABLE patient; --",
    "p\u0430tient",
    "pati\u200bent",
    "\ufeffpatient",
    "\u202epatient",
    "patient",
    "x); DELETE FROM patient; --",
    "concat",
    "x" * 500,
    "{0} {x}",
    "",
    " ",
    "a",
    "A",
]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "lis.db"


@pytest.fixture
def db(file: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(file, isolation_level=None)
    connection.execute("PRAGMA synchronous = OFF")
    yield connection
    connection.close()


@pytest.fixture
def source(file: Path) -> Source:
    return open_source(f"sqlite:///{file}")


def query(table: str, *columns: str, **limits: Any) -> TableQuery:
    """``query("t", "a integer", "b decimal(12,3)")``."""
    pairs = (column.rsplit(" ", 1) for column in columns)
    return TableQuery(table, tuple((n, ColumnType.parse(t)) for n, t in pairs), **limits)


def window(column: str, kind: str, start: str, end: str) -> Window:
    return Window(column, ColumnType.parse(kind), start, end)


def read(source: Source, asked: TableQuery) -> list[dict[str, Any]]:
    """The rows; their number and types are checked on the way."""
    expected = pa.schema([(name, kind.arrow()) for name, kind in asked.columns])
    with source.snapshot() as snapshot:
        batches = list(snapshot.stream(asked))
        assert all(batch.schema.equals(expected, check_metadata=True) for batch in batches)
        rows = [row for batch in batches for row in batch.to_pylist()]
        assert snapshot.count(asked) == len(rows)
    return rows


def store(db: sqlite3.Connection, declared: str, *values: Any) -> None:
    db.execute(f"CREATE TABLE t (x {declared})")
    db.executemany("INSERT INTO t VALUES (?)", [(value,) for value in values])


@contextmanager
def other_process(file: Path, statement: str) -> Iterator[None]:
    """Has run a statement and stays connected.

    A process of its own: within one, SQLite's library and the driver's copy of it would not see
    each other's locks.
    """
    program = (
        "import sqlite3, sys; db = sqlite3.connect(sys.argv[1], isolation_level=None);"
        " db.execute(sys.argv[2]); print(flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", program, str(file), statement]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"\n"
        yield
        process.communicate()
    assert process.returncode == 0


def shown(error: BaseException) -> str:
    return str(error) + repr(error) + "".join(traceback.format_exception(error))


# --- URLs -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "mysql://u:{}@h/db",
        "oracle://u:{}@h/db",
        "{}",
        "",
        "sqlite://{}",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite:///x.db?mode=rwc",
        "postgresql:///db",
        "postgresql://u:{}@h",
        "postgresql://u:{}@h/",
        "postgresql://u:{}@h:port/db",
        "postgresql://u:{}@h/db?options=-csearch_path",
        "postgresql://u:{}@h/db?host=elsewhere",
        "postgresql://u:{}@h/db?{}",
        "postgresql://u:1/{}@h/db",
        "postgresql://u:1#{}@h/db",
        "postgresql://u:1?{}@h/db",
        "postgresql://u:{}@h/db?schema=a%00b",
        "postgresql://u:{}@[h/db",
    ],
)
def test_refuses_url_of_unknown_form_without_repeating_it(url: str) -> None:
    full = url.replace("{}", SECRET)
    with pytest.raises(UsageError) as caught:
        open_source(full)
    assert SECRET not in shown(caught.value)
    assert caught.value.__cause__ is None


def test_usage_error_names_known_schemes() -> None:
    with pytest.raises(UsageError, match=r"postgresql://.* sqlite:///"):
        open_source("oracle://host/db")


@pytest.mark.parametrize(
    ("url", "label"),
    [
        ("postgresql://u:p@db.example:5433/lis?schema=lab", "postgresql://db.example:5433/lis"),
        ("postgres://u:s3cr3t%2Fp%40ss@h/lis", "postgresql://h:5432/lis"),
        ("postgresql://u:p%20@[::1]:5432/l%20s", "postgresql://[::1]:5432/l%20s"),
        ("sqlite:///lis.db", f"sqlite:///{Path.cwd()}/lis.db"),
        ("sqlite:////var/lis.db", "sqlite:////var/lis.db"),
    ],
)
def test_label_has_neither_credentials_nor_parameters(url: str, label: str) -> None:
    source = open_source(url)
    assert source.label == label
    assert SECRET not in repr(source)


def test_opens_relative_path(
    db: sqlite3.Connection, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(db, "TEXT", "a")
    monkeypatch.chdir(file.parent)
    assert read(open_source(f"sqlite:///{file.name}"), query("t", "x string")) == [{"x": "a"}]


def test_opens_path_with_characters_special_in_uris(tmp_path: Path) -> None:
    path = tmp_path / "données #1 %41&.db"
    with sqlite3.connect(path) as db:
        store(db, "TEXT", "a")
    db.close()
    assert read(open_source(f"sqlite:///{path}"), query("t", "x string")) == [{"x": "a"}]


# --- schema -----------------------------------------------------------------------------------

NATIVE = {
    "integer": "INTEGER INT bigint SmallInt TINYINT INT8 INTEGER(4)",
    "decimal(12,3)": "DECIMAL(12,3) numeric(12,3) DECIMAL(_12_,_3_)",
    "decimal(9,0)": "NUMERIC(9)",
    "double": "REAL DOUBLE DOUBLE_PRECISION FLOAT",
    "string": "TEXT VARCHAR(20) VARCHAR_(20) CHAR(3) NVARCHAR(5) CHARACTER_VARYING(9) CLOB",
    "boolean": "BOOLEAN bool",
    "date": "DATE",
    "timestamp": "TIMESTAMP DATETIME TIMESTAMP_WITHOUT_TIME_ZONE",
    "timestamptz": "TIMESTAMPTZ TIMESTAMP_WITH_TIME_ZONE timestamp__with_time_zone",
    "uuid": "UUID",
    "": "BLOB JSON NUMERIC DECIMAL DECIMAL(39,1) DECIMAL(3,5) STRING TIME INTERVAL",
}


@pytest.mark.parametrize(
    ("native", "expected"),
    [(word.replace("_", " "), name) for name, words in NATIVE.items() for word in words.split()],
)
def test_maps_declared_type(
    db: sqlite3.Connection, source: Source, native: str, expected: str
) -> None:
    db.execute(f"CREATE TABLE t (x {native})")
    [column] = source.describe()[Relation(None, "t")]
    assert column.type == (ColumnType.parse(expected) if expected else None)
    assert column.native_type == native


def test_describes_tables_and_views_by_exact_name(db: sqlite3.Connection, source: Source) -> None:
    db.execute('CREATE TABLE "Résultat \'1\'" ("Site" TEXT NOT NULL, n INT, "n+1" INT AS (n + 1))')
    db.execute("CREATE VIEW v AS SELECT n, 'a' AS what FROM \"Résultat '1'\"")
    described = {relation.table: columns for relation, columns in source.describe().items()}
    assert sorted(described) == ["Résultat '1'", "v"]
    assert [(c.name, c.nullable) for c in described["Résultat '1'"]] == [
        ("Site", False),
        ("n", True),
        ("n+1", True),
    ]
    assert [(c.name, c.type) for c in described["v"]] == [
        ("n", ColumnType("integer")),
        ("what", None),
    ]


def test_describes_keys(db: sqlite3.Connection, source: Source) -> None:
    db.executescript(
        "CREATE TABLE kind (id INTEGER PRIMARY KEY); CREATE TABLE pair (a INT, b INT, PRIMARY KEY (a, b));"
        "CREATE TABLE t (id INTEGER PRIMARY KEY, kind INT REFERENCES kind (id), a INT, b INT,"
        " FOREIGN KEY (a, b) REFERENCES pair (a, b))"
    )
    found = source.describe()
    assert [(c.name, c.primary, c.references) for c in found[Relation(None, "t")]] == [
        ("id", True, None), ("kind", False, "kind"), ("a", False, None), ("b", False, None),
    ]  # fmt: skip
    assert all(column.primary for column in found[Relation(None, "pair")])


def test_describes_empty_database(db: sqlite3.Connection, source: Source) -> None:
    db.execute("VACUUM")
    assert source.describe() == {}


def test_describes_under_the_schemas_name_where_it_is_asked_for(
    db: sqlite3.Connection, source: Source
) -> None:
    db.execute("CREATE TABLE t (x TEXT)")
    described = source.describe(["main", "temp", "MAIN", "it's; --"])
    assert described.keys() == {Relation(None, "t"), Relation("main", "t")}
    assert described[Relation(None, "t")] == described[Relation("main", "t")]


def test_file_has_no_accounts(db: sqlite3.Connection, source: Source) -> None:
    db.execute("CREATE TABLE t (x TEXT)")
    assert source.account([Relation(None, "t")]) == Account(None, (), {})


def test_table_is_read_under_its_schemas_name(db: sqlite3.Connection, source: Source) -> None:
    store(db, "TEXT", "a", "b")
    asked = query("t", "x string", schema="main", memberships=(Membership("x", ("a",)),))
    assert read(source, asked) == [{"x": "a"}]


@pytest.mark.parametrize(
    "asked",
    [
        query("t", "rowid integer"),
        query("t", "X string"),
        query("T", "x string"),
        query("t", "x string", memberships=(Membership("oid", ("1",), ColumnType("integer")),)),
        query("t", "x string", window=window("_rowid_", "date", "2024-01-01", "2024-01-02")),
        query("sqlite_master", "sql string"),
        query("pragma_database_list", "file string"),
        query("t", "x string", schema="temp"),
        query("t", "x string", schema=""),
        query("t", "x string", schema='main"."t'),
    ],
)
def test_what_is_not_described_is_not_read(
    db: sqlite3.Connection, source: Source, asked: TableQuery
) -> None:
    store(db, "TEXT", "a")
    with source.snapshot() as snapshot:
        for attempt in (snapshot.count, lambda asked: list(snapshot.stream(asked))):
            with pytest.raises(Refused) as caught:
                attempt(asked)
            assert (caught.value.code, caught.value.where) == ("column-missing", asked.table)


# --- values -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("native", "declared", "stored", "expected"),
    [
        ("DECIMAL(12,3)", "decimal(12,3)", "7.125", Decimal("7.125")),
        ("DECIMAL(12,3)", "decimal(12,3)", 0.1, Decimal("0.100")),
        ("DECIMAL(12,3)", "decimal(12,3)", -123456789.123, Decimal("-123456789.123")),
        ("DECIMAL(12,3)", "decimal(12,3)", 5, Decimal("5.000")),
        ("DECIMAL(9,7)", "decimal(9,7)", 1e-7, Decimal("0.0000001")),
        ("TEXT", "decimal(38,10)", "1234567890123456789012345678.0123456789", None),
        ("INTEGER", "integer", 2**63 - 1, 2**63 - 1),
        ("INTEGER", "integer", -(2**63), -(2**63)),
        ("INTEGER", "integer", "7", 7),  # SQLite itself makes it a number
        ("REAL", "double", 0.1 + 0.2, 0.1 + 0.2),
        ("REAL", "double", 5e-324, 5e-324),
        ("REAL", "double", 3, 3.0),
        ("REAL", "double", float("inf"), float("inf")),
        ("TEXT", "string", "0012", "0012"),
        ("TEXT", "string", "", ""),
        ("TEXT", "string", "Liège Ä œ \U0001f9ea", "Liège Ä œ \U0001f9ea"),
        ("TEXT", "string", "a\0b", "a\0b"),
        ("TEXT", "string", "NA", "NA"),
        ("BOOLEAN", "boolean", 1, True),
        ("BOOLEAN", "boolean", "false", False),
        ("DATE", "date", "0001-01-01", date(1, 1, 1)),
        ("DATE", "date", "9999-12-31", date(9999, 12, 31)),
        (
            "TIMESTAMP",
            "timestamp",
            "2024-03-31 02:30:00.123456",
            datetime(2024, 3, 31, 2, 30, 0, 123456),
        ),
        (
            "TIMESTAMPTZ",
            "timestamptz",
            "2024-01-01T00:30:00+01:00",
            datetime(2023, 12, 31, 23, 30, tzinfo=UTC),
        ),
        (
            "TIMESTAMPTZ",
            "timestamptz",
            "2024-01-01 00:30:00Z",
            datetime(2024, 1, 1, 0, 30, tzinfo=UTC),
        ),
        (
            "UUID",
            "uuid",
            "123E4567-E89B-12D3-A456-426614174000",
            "123e4567-e89b-12d3-a456-426614174000",
        ),
    ],
)
def test_value_arrives_exactly(
    db: sqlite3.Connection,
    source: Source,
    native: str,
    declared: str,
    stored: Any,
    expected: Any,
) -> None:
    store(db, native, stored, None)
    [first, second] = read(source, query("t", f"x {declared}"))
    assert first["x"] == (Decimal(stored) if expected is None else expected)
    assert second["x"] is None


@pytest.mark.parametrize(
    ("native", "declared", "stored"),
    [
        ("DECIMAL(12,3)", "decimal(12,3)", "7.1255"),
        ("DECIMAL(12,3)", "decimal(12,3)", 1e-07),
        ("DECIMAL(12,3)", "decimal(12,3)", 1234567890.5),
        ("DECIMAL(18,3)", "decimal(18,3)", "123456789012345.678"),  # SQLite keeps a REAL
        ("DECIMAL(18,17)", "decimal(18,17)", 0.1 + 0.2),
        ("DECIMAL(12,3)", "decimal(12,3)", float("inf")),
        ("DECIMAL(12,3)", "decimal(12,3)", "marker-nan"),
        ("INTEGER", "integer", 1.5),
        ("INTEGER", "integer", "0x1F"),
        ("INTEGER", "integer", "marker"),
        ("INTEGER", "integer", ""),
        ("REAL", "double", "marker"),
        ("REAL", "double", b"marker"),
        ("TEXT", "string", b"marker"),
        ("BLOB", "string", 41986),
        ("BOOLEAN", "boolean", 2),
        ("BOOLEAN", "boolean", "marker"),
        ("DATE", "date", "2024-02-30"),
        ("DATE", "date", "0000-12-31"),
        ("DATE", "date", "31/01/2024"),
        ("DATE", "date", "2024-01-31T10:00:00"),
        ("DATE", "date", 20240131),
        ("TIMESTAMP", "timestamp", "2024-01-31T10:00:00Z"),
        ("TIMESTAMP", "timestamp", "2024-01-31T10:00:00.1234567"),
        ("TIMESTAMP", "timestamp", 1704067200),
        ("TIMESTAMPTZ", "timestamptz", "2024-01-31T10:00:00"),
        ("TIMESTAMPTZ", "timestamptz", "9999-12-31T23:00:00-05:00"),
        ("TIMESTAMPTZ", "timestamptz", "0001-01-01T01:00:00+05:00"),
        ("UUID", "uuid", "123e4567e89b12d3a456426614174000"),
        ("UUID", "uuid", "marker"),
        ("UUID", "uuid", "123e4567-e89b-12d3-a456-426614174000\n"),
    ],
)
@pytest.mark.parametrize("good_rows_before", [0, 5])
def test_refuses_value_that_does_not_fit_without_showing_it(
    db: sqlite3.Connection,
    source: Source,
    monkeypatch: pytest.MonkeyPatch,
    native: str,
    declared: str,
    stored: Any,
    good_rows_before: int,
) -> None:
    monkeypatch.setitem(sqlite._OPTIONS, "adbc.sqlite.query.batch_rows", "2")
    store(db, native, *[None] * good_rows_before, stored)
    with source.snapshot() as snapshot, pytest.raises(Refused) as caught:
        list(snapshot.stream(query("t", f"x {declared}")))
    assert (caught.value.code, caught.value.where) == ("value-not-of-type", "t.x")
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    text = stored.decode() if isinstance(stored, bytes) else str(stored)
    assert len(text) < 3 or text not in shown(caught.value)


def test_refuses_text_that_is_not_utf8(db: sqlite3.Connection, source: Source) -> None:
    db.execute("CREATE TABLE t (x TEXT)")
    db.execute("INSERT INTO t SELECT CAST(x'4c69e86765' AS TEXT)")
    with source.snapshot() as snapshot, pytest.raises(Refused) as caught:
        list(snapshot.stream(query("t", "x string")))
    assert caught.value.code == "value-not-of-type"


@given(value=st.floats(allow_nan=False))
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_doubles_arrive_bit_for_bit(db: sqlite3.Connection, source: Source, value: float) -> None:
    db.execute("DROP TABLE IF EXISTS t")
    store(db, "REAL", value)
    [row] = read(source, query("t", "x double"))
    assert row["x"].hex() == value.hex() or row["x"] == value == 0.0


@given(value=st.decimals(places=3, min_value=-(10**8), max_value=10**8))
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_decimals_kept_as_real_arrive_exactly(
    db: sqlite3.Connection, source: Source, value: Decimal
) -> None:
    db.execute("DROP TABLE IF EXISTS t")
    store(db, "DECIMAL(12,3)", str(value))
    assert read(source, query("t", "x decimal(12,3)")) == [{"x": value}]


def test_types_hold_where_first_batches_are_null(
    db: sqlite3.Connection, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sqlite._OPTIONS, "adbc.sqlite.query.batch_rows", "3")
    db.execute("CREATE TABLE t (s TEXT, d REAL, n DECIMAL(5,2), i INTEGER)")
    db.executemany("INSERT INTO t VALUES (?, ?, ?, ?)", [(None,) * 4] * 10)
    db.execute("INSERT INTO t VALUES ('007', 1.5, '1.25', 3)")
    rows = read(source, query("t", "s string", "d double", "n decimal(5,2)", "i integer"))
    assert len(rows) == 11
    assert rows[-1] == {"s": "007", "d": 1.5, "n": Decimal("1.25"), "i": 3}


def test_row_like_the_head_row_is_kept(db: sqlite3.Connection, source: Source) -> None:
    db.execute("CREATE TABLE t (s TEXT, d REAL)")
    db.execute("INSERT INTO t VALUES ('', 0.0)")
    assert read(source, query("t", "s string", "d double")) == [{"s": "", "d": 0.0}]


def test_refuses_when_the_first_row_is_not_the_head_row() -> None:
    batch = pa.record_batch({"s": ["a"], "d": [0.0]})
    with pytest.raises(Refused) as caught:
        sqlite._check_head(batch, query("t", "s string", "d double"))
    assert caught.value.code == "source-query-failed"


def test_batches_are_bounded_and_in_order_of_the_query(
    db: sqlite3.Connection, source: Source
) -> None:
    db.execute("CREATE TABLE t (a TEXT, b INTEGER, withheld TEXT)")
    db.execute(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 70000)"
        " INSERT INTO t SELECT 'x', i, 'no' FROM n"
    )
    with source.snapshot() as snapshot:
        batches = list(snapshot.stream(query("t", "b integer", "a string")))
    assert max(batch.num_rows for batch in batches) <= 65_536
    assert {tuple(batch.schema.names) for batch in batches} == {("b", "a")}
    assert sum(batch.num_rows for batch in batches) == 70_000


# --- limits -----------------------------------------------------------------------------------


@pytest.fixture
def moments(db: sqlite3.Connection) -> None:
    db.execute("CREATE TABLE t (id INTEGER, at TIMESTAMPTZ)")
    texts = [
        "2023-12-31T23:59:59.999999Z",
        "2024-01-01T00:00:00Z",
        "2024-01-01T00:59:59+01:00",
        "2024-01-01T01:00:00+01:00",
        "2023-12-31T19:00:00-05:00",
        "2023-12-31 18:59:59-05:00",
        "2024-06-30 23:59:59.999999+00:00",
        "2024-07-01T00:00:00Z",
        "2024-07-01T01:59:59+02:00",
        "2024-06-30T20:00:00-04:00",
        None,
    ]
    db.executemany("INSERT INTO t VALUES (?, ?)", enumerate(texts))


@pytest.mark.usefixtures("moments")
def test_window_is_half_open_across_mixed_offsets(source: Source) -> None:
    asked = query(
        "t",
        "id integer",
        window=window("at", "timestamptz", "2024-01-01T00:00:00Z", "2024-07-01T02:00:00+02:00"),
    )
    assert [row["id"] for row in read(source, asked)] == [1, 3, 4, 6, 8]


@pytest.mark.parametrize(
    ("native", "kind", "values"),
    [
        ("DATE", "date", ["2023-12-31", "2024-01-01", "2024-01-31", "2024-02-01"]),
        (
            "TIMESTAMP",
            "timestamp",
            [
                "2023-12-31 23:59:59.9999",
                "2024-01-01",
                "2024-01-31T23:59:59",
                "2024-02-01 00:00:00",
            ],
        ),
    ],
)
def test_window_on_date_and_naive_timestamp(
    db: sqlite3.Connection, source: Source, native: str, kind: str, values: list[str]
) -> None:
    store(db, native, *values, None)
    asked = query("t", f"x {kind}", window=window("x", kind, "2024-01-01", "2024-02-01"))
    assert len(read(source, asked)) == 2


@pytest.mark.parametrize(
    "value", ["31/01/2024", "2024-1-5", 1704067200, 2460311.5, "now", "2460311.5"]
)
def test_refuses_rows_whose_place_in_the_window_is_unknown(
    db: sqlite3.Connection, source: Source, value: Any
) -> None:
    store(db, "TIMESTAMP", "2024-01-05", value)
    asked = query("t", "x timestamp", window=window("x", "timestamp", "2024-01-01", "2024-02-01"))
    with source.snapshot() as snapshot:
        for attempt in (snapshot.count, lambda asked: list(snapshot.stream(asked))):
            with pytest.raises(Refused) as caught:
                attempt(asked)
            assert (caught.value.code, caught.value.where) == ("value-not-of-type", "t.x")


@pytest.mark.parametrize(
    ("kind", "bound"),
    [
        ("timestamptz", "2024-01-01T00:00:00"),
        ("timestamp", "2024-01-01T00:00:00Z"),
        ("timestamp", "2024-01-01T00:00:00.5"),
        ("date", "2024-01-01T00:00:00"),
        ("date", "x' OR 1=1 --"),
        ("timestamptz", "0001-01-01T00:00:00+05:00"),
        ("string", "a"),
    ],
)
def test_refuses_bound_that_is_not_of_the_type(kind: str, bound: str) -> None:
    asked = query("t", "x string", window=window("x", kind, bound, bound))
    for statements in (SQLiteStatements(), PostgresStatements("public")):
        with pytest.raises(Refused) as caught:
            statements.select(asked)
        assert (caught.value.code, caught.value.where) == ("window-invalid", "x")


def test_all_limits_apply_together(db: sqlite3.Connection, source: Source) -> None:
    db.execute("CREATE TABLE t (id INTEGER, site TEXT, code TEXT, at DATE)")
    rows = [
        (0, "A", "x", "2024-01-01"),
        (1, "A", "x", "2023-01-01"),
        (2, "B", "x", "2024-01-01"),
        (3, "A", "y", "2024-01-01"),
        (4, None, "x", "2024-01-01"),
    ]
    db.executemany("INSERT INTO t VALUES (?, ?, ?, ?)", rows)
    asked = query(
        "t",
        "id integer",
        window=window("at", "date", "2024-01-01", "2025-01-01"),
        memberships=(Membership("site", ("A", "C")), Membership("code", ("x",))),
    )
    assert read(source, asked) == [{"id": 0}]


def test_empty_membership_gives_no_rows(db: sqlite3.Connection, source: Source) -> None:
    store(db, "TEXT", "a", "", None)
    assert read(source, query("t", "x string", memberships=(Membership("x", ()),))) == []


def test_without_limits_gives_all_rows(db: sqlite3.Connection, source: Source) -> None:
    store(db, "TEXT", "a", "", None)
    assert len(read(source, query("t", "x string"))) == 3
    with source.snapshot() as snapshot:
        assert snapshot.count(TableQuery("t", ())) == 3


@pytest.mark.parametrize(
    "declared", ["TEXT COLLATE NOCASE", "TEXT COLLATE RTRIM", "INTEGER", "BLOB"]
)
def test_membership_compares_text_byte_by_byte(
    db: sqlite3.Connection, source: Source, declared: str
) -> None:
    store(db, declared, "a", "A", "a ", 1)
    for wanted, rows in {"a": 1, "A": 1, "1": 1, "01": 0, "1.0": 0}.items():
        asked = TableQuery("t", (), memberships=(Membership("x", (wanted,)),))
        with source.snapshot() as snapshot:
            assert snapshot.count(asked) == rows


# --- typed lists ------------------------------------------------------------------------------

UUID = "123e4567-e89b-12d3-a456-426614174000"
OTHER_UUID = "123e4567-e89b-12d3-a456-426614174001"


def listed(column: str, kind: str, *values: str) -> Membership:
    return Membership(column, values, ColumnType.parse(kind))


def fill(db: sqlite3.Connection, table: str, columns: str, *rows: Any) -> None:
    """A table with the number of each row in `id`; a row of one value may be just the value."""
    db.execute(f"CREATE TABLE {table} (id INTEGER, {columns})")
    for number, row in enumerate(rows):
        values = row if isinstance(row, tuple) else (row,)
        marks = ", ".join("?" for _ in values)
        db.execute(f"INSERT INTO {table} VALUES (?, {marks})", (number, *values))


def found(source: Source, table: str, **limits: Any) -> list[int]:
    """The numbers of the rows that are found."""
    return [row["id"] for row in read(source, query(table, "id integer", **limits))]


def refusal(source: Source, asked: TableQuery) -> Refused:
    with source.snapshot() as snapshot:
        with pytest.raises(Refused):
            snapshot.count(asked)
        with pytest.raises(Refused) as caught:
            list(snapshot.stream(asked))
    assert "marker" not in shown(caught.value)
    return caught.value


@pytest.mark.parametrize(
    ("native", "kind", "values", "stored", "expected"),
    [
        ("INTEGER", "integer", ["5", "-7"], [5, -7, 6, None, 50], [0, 1]),
        ("BLOB", "integer", ["5"], [5, 55], [0]),
        ("INTEGER", "integer", [str(2**63 - 1)], [2**63 - 1, 2**63 - 2], [0]),
        ("INTEGER", "integer", [str(-(2**63))], [-(2**63), -(2**63) + 1], [0]),
        ("INTEGER", "integer", [str(2**63)], [2**63 - 1, -(2**63)], []),
        ("INTEGER", "integer", [str(2**53)], [2**53, 2**53 + 1], [0]),
        ("DECIMAL(9,0)", "decimal(9,0)", ["5"], [5, 5.0, "5", 6, 5.5], [0, 1, 2]),
        ("REAL", "decimal(9,0)", ["5"], [5, 5.5, 6], [0]),
        ("DECIMAL(38,0)", "decimal(38,0)", ["1" + 19 * "0"], [1e19, 1e18], [0]),
        ("DECIMAL(38,0)", "decimal(38,0)", ["1" + 18 * "0" + "1"], [1e19, 1e18], []),
        ("UUID", "uuid", [UUID], [UUID, UUID.upper(), OTHER_UUID, None], [0, 1]),
        ("BOOLEAN", "boolean", ["true"], [1, 0, "true", "TRUE", "false", None], [0, 2, 3]),
        ("TEXT", "boolean", ["false", "true"], ["1", "0", "FALSE"], [0, 1, 2]),
        ("TEXT COLLATE NOCASE", "string", ["a"], ["a", "A", "a "], [0]),
        ("TEXT", "string", ["5"], ["5", "05", "5.0"], [0]),
    ],
)
def test_list_is_compared_exactly_in_its_type(
    db: sqlite3.Connection,
    source: Source,
    native: str,
    kind: str,
    values: list[str],
    stored: list[Any],
    expected: list[int],
) -> None:
    fill(db, "t", f"x {native}", *stored)
    assert found(source, "t", memberships=(listed("x", kind, *values),)) == expected


@pytest.mark.parametrize(
    ("native", "kind", "stored"),
    [
        ("TEXT", "integer", "5"),
        ("BOOLEAN", "boolean", 2),
        ("BOOLEAN", "boolean", "marker"),
        ("BLOB", "boolean", b"1"),
        ("INTEGER", "integer", "marker"),
        ("INTEGER", "integer", 5.5),
        ("REAL", "integer", 5),
        ("BLOB", "integer", b"5"),
        ("TEXT", "decimal(9,0)", "5"),
        ("DECIMAL(38,0)", "decimal(38,0)", 0.1 + 0.2),
        ("BLOB", "uuid", bytes(16)),
        ("UUID", "uuid", UUID.replace("-", "")),
        ("UUID", "uuid", UUID + "\n"),
        ("UUID", "uuid", "marker"),
    ],
)
def test_refuses_rows_of_which_it_is_unknown_whether_they_are_listed(
    db: sqlite3.Connection, source: Source, native: str, kind: str, stored: Any
) -> None:
    fill(db, "t", f"x {native}", None, stored)
    value = {"uuid": UUID, "boolean": "true"}.get(kind, "5")
    refused = refusal(source, query("t", "id integer", memberships=(listed("x", kind, value),)))
    assert (refused.code, refused.where) == ("value-not-of-type", "t.x")


def test_value_of_no_use_is_passed_over_only_where_another_limit_leaves_the_row_out(
    db: sqlite3.Connection, source: Source
) -> None:
    fill(db, "t", "n INTEGER, at DATE", (5, "2024-01-05"), ("no", "2023-01-01"), (6, "marker"))
    limits = {
        "window": window("at", "date", "2024-01-01", "2024-02-01"),
        "memberships": (listed("n", "integer", "5"),),
    }
    assert found(source, "t", **limits) == [0]
    db.execute("INSERT INTO t VALUES (3, 'no', 'marker')")  # neither limit leaves it out for sure
    assert refusal(source, query("t", "id integer", **limits)).code == "value-not-of-type"


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        *(("integer", value) for value in ("", "05", "+5", " 5", "5 ", "5.0", "5e0", "0x5", "-0")),
        *(("integer", value) for value in ("1_000", "\u0665", "\uff15", "5) OR (1=1", "9" * 5000)),
        ("decimal(9,0)", "5.5"),
        ("decimal(9,2)", "5"),
        ("double", "5"),
        ("date", "2024-01-01"),
        *(("boolean", value) for value in ("", "1", "TRUE", "yes", "true OR true")),
        ("uuid", UUID.upper()),
        ("uuid", UUID.replace("-", "")),
        ("uuid", f"{{{UUID}}}"),
        ("uuid", UUID + "\n"),
        ("uuid", UUID.replace("1", "\uff11")),
        ("uuid", "' OR 1=1 --"),
    ],
)
def test_refuses_listed_value_that_is_not_of_the_lists_type(kind: str, value: str) -> None:
    asked = TableQuery("t", (), memberships=(listed("x", kind, value),))
    for statements in (SQLiteStatements(), PostgresStatements("public")):
        with pytest.raises(Refused) as caught:
            statements.select(asked)
        assert (caught.value.code, caught.value.where) == ("name-invalid", "x")


# --- membership through other tables ----------------------------------------------------------


def through(own: str, keys: TableQuery) -> SemiJoin:
    """``through("a integer, b string", query(...))``: columns of the table that is limited."""
    pairs = (column.rsplit(" ", 1) for column in own.split(", "))
    return SemiJoin(tuple((n, ColumnType.parse(t)) for n, t in pairs), keys)


@pytest.mark.parametrize(
    ("kind", "native", "own", "other_native", "keys", "expected"),
    [
        ("integer", "INTEGER", [5, 6, None, -7], "INTEGER", [5, 5, None, -7], [0, 3]),
        ("integer", "INTEGER", [2**53, 2**53 + 1], "BLOB", [2**53 + 1], [1]),
        ("string", "TEXT", ["5", "05", "5.0"], "BLOB", ["05"], [1]),
        ("string", "BLOB", ["5", "05"], "TEXT", ["5"], [0]),
        ("string", "TEXT COLLATE NOCASE", ["a", "A", "a "], "TEXT", ["a"], [0]),
        ("string", "TEXT", ["a", "A", "a "], "TEXT COLLATE NOCASE", ["A"], [1]),
        ("string", "TEXT", ["a", "a "], "TEXT COLLATE RTRIM", ["a "], [1]),
        ("string", "TEXT", ["e\u0301", "\u00e9"], "TEXT", ["\u00e9"], [1]),
        ("string", "TEXT", ["", None], "TEXT", ["", None], [0]),
        ("uuid", "UUID", [UUID.upper(), UUID, OTHER_UUID], "TEXT", [UUID], [0, 1]),
        ("uuid", "UUID", [UUID], "UUID", [UUID.upper()], [0]),
        ("decimal(9,2)", "DECIMAL(9,2)", [5, 5.25, 5.3, 5.0], "REAL", [5.25, 5], [0, 1, 3]),
        ("double", "REAL", [0.1, 0.2, 1.0], "REAL", [0.1, 1], [0, 2]),
        ("boolean", "BOOLEAN", [1, 0, None, "true"], "BOOLEAN", ["TRUE", None], [0, 3]),
        ("date", "DATE", ["2024-01-01", "2024-01-02"], "DATE", ["2024-01-02"], [1]),
        ("timestamp", "TIMESTAMP", ["2024-01-01 00:00:00"], "TIMESTAMP", ["2024-01-01"], []),
    ],
)
def test_row_is_found_by_a_key_that_is_exactly_its_own(
    db: sqlite3.Connection,
    source: Source,
    kind: str,
    native: str,
    own: list[Any],
    other_native: str,
    keys: list[Any],
    expected: list[int],
) -> None:
    fill(db, "t", f"x {native}", *own)
    fill(db, "k", f"y {other_native}, ok TEXT", *((key, "yes") for key in keys))
    fill(db, "decoy", f"y {native}", *own)
    db.execute("INSERT INTO k SELECT id, y, 'no' FROM decoy")
    allowed = query("k", f"y {kind}", memberships=(Membership("ok", ("yes",)),))
    assert found(source, "t", through=(through(f"x {kind}", allowed),)) == expected


def test_whole_numbers_are_found_whatever_holds_them(
    db: sqlite3.Connection, source: Source
) -> None:
    fill(db, "t", "x INTEGER", 5, 6, 2**53, 2**53 + 1)
    fill(db, "k", "y DECIMAL(19,0)", 5.0, "7", float(2**53))
    keys = query("k", "y decimal(19,0)")
    assert found(source, "t", through=(through("x integer", keys),)) == [0, 2]
    back = query("t", "x integer")
    assert found(source, "k", through=(through("y decimal(19,0)", back),)) == [0, 2]


def test_composite_key_is_found_as_a_whole(db: sqlite3.Connection, source: Source) -> None:
    fill(db, "t", "a INTEGER, b TEXT", (1, "x"), (1, "y"), (2, "x"), (1, None), (None, "x"))
    fill(db, "k", "b TEXT, a INTEGER", ("x", 1), ("y", 2), (None, 1), ("x", None))
    keys = query("k", "a integer", "b string")
    assert found(source, "t", through=(through("a integer, b string", keys),)) == [0]


def test_membership_leads_through_tables_to_any_depth_and_through_the_table_itself(
    db: sqlite3.Connection, source: Source
) -> None:
    fill(db, "t", "parent INTEGER, site TEXT", (0, "A"), (0, "B"), (1, "A"), (2, "C"), (9, "A"))
    nested = query("t", "id integer", memberships=(Membership("site", ("A",)),))
    expected = {0: [0, 2, 4], 1: [0, 1, 3], 2: [0, 1, 2], 3: [0, 1, 2, 3]}
    assert found(source, "t", memberships=nested.memberships) == expected[0]
    for depth in (1, 2, 3):
        nested = query("t", "id integer", through=(through("parent integer", nested),))
        assert [row["id"] for row in read(source, nested)] == expected[depth]


def test_every_limit_of_the_other_table_holds(db: sqlite3.Connection, source: Source) -> None:
    fill(db, "t", "pid INTEGER", *range(6))
    fill(
        db,
        "p",
        "pid INTEGER, site TEXT, born DATE, kind INTEGER",
        (0, "A", "2024-01-05", 1),
        (1, "B", "2024-01-05", 1),
        (2, "A", "2023-01-05", 1),
        (3, "A", "2024-01-05", 2),
        (4, None, "2024-01-05", 1),
        (5, "A", None, 1),
    )
    keys = query(
        "p",
        "pid integer",
        window=window("born", "date", "2024-01-01", "2024-02-01"),
        memberships=(Membership("site", ("A",)), listed("kind", "integer", "1")),
    )
    assert found(source, "t", through=(through("pid integer", keys),)) == [0]
    assert found(source, "t", through=(through("pid integer", query("p", "pid integer")),)) == [
        *range(6)
    ]


@pytest.mark.parametrize(
    ("own", "key", "born", "where"),
    [
        (1, 1, "marker", "p.born"),
        (1, 1, 2460311, "p.born"),
        (1, "marker", "2024-01-05", "p.pid"),
        (1, 1.5, "2024-01-05", "p.pid"),
        ("marker", 1, "2024-01-05", "t.pid"),
        (b"1", 1, "2024-01-05", "t.pid"),
    ],
)
@pytest.mark.parametrize("depth", [1, 2])
def test_refuses_membership_that_cannot_be_told(
    db: sqlite3.Connection,
    source: Source,
    own: Any,
    key: Any,
    born: Any,
    where: str,
    depth: int,
) -> None:
    fill(db, "t", "pid INTEGER", 1, own)
    fill(db, "p", "pid INTEGER, born DATE", (1, "2024-01-05"), (key, born), (None, None))
    keys = query("p", "pid integer", window=window("born", "date", "2024-01-01", "2024-02-01"))
    asked = query("t", "id integer", through=(through("pid integer", keys),))
    if depth == 2:
        fill(db, "outer_t", "tid INTEGER", 0)
        asked = query("outer_t", "id integer", through=(through("tid integer", asked),))
    refused = refusal(source, asked)
    assert (refused.code, refused.where) == ("value-not-of-type", where)


@pytest.mark.parametrize(
    ("keys", "where"),
    [
        (query("gone", "pid integer"), "gone"),
        (query("p", "gone integer"), "p"),
        (query("p", "id integer", memberships=(Membership("gone", ("a",)),)), "p"),
        (query("p", "id integer", window=window("t", "date", "2024-01-01", "2024-01-02")), "p"),
        (
            query("p", "id integer", through=(through("gone integer", query("p", "id integer")),)),
            "p",
        ),
    ],
)
def test_column_that_the_other_table_lacks_is_not_taken_from_this_one(
    db: sqlite3.Connection, source: Source, keys: TableQuery, where: str
) -> None:
    fill(db, "t", "pid INTEGER, gone TEXT", (1, "a"))
    fill(db, "p", "pid INTEGER", 1)
    refused = refusal(source, query("t", "id integer", through=(through("pid integer", keys),)))
    assert (refused.code, refused.where) == ("column-missing", where)


def test_a_join_of_unlike_types_is_a_defect_of_the_caller() -> None:
    for own, key in (("x integer", "x string"), ("x integer", "x decimal(9,2)")):
        asked = TableQuery("t", (), through=(through(own, query("k", key)),))
        with pytest.raises(ValueError, match="same types"):
            SQLiteStatements().select(asked)
    for own in ("x string, y string", "x boolean"):
        asked = TableQuery("t", (), through=(through(own, query("k", "x string")),))
        with pytest.raises(ValueError, match="same types"):
            SQLiteStatements().select(asked)


keys_of_random_rows = st.lists(
    st.tuples(
        st.one_of(st.none(), st.integers(-1, 1)),
        st.one_of(st.none(), st.sampled_from(["", "a", "A", "a ", "0", "00", "'", "\u00e9"])),
    ),
    max_size=8,
)


@given(rows=keys_of_random_rows, keys=keys_of_random_rows, allowed=st.sets(st.integers(0, 7)))
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_rows_found_are_those_of_a_comparison_by_hand(
    db: sqlite3.Connection, source: Source, rows: Any, keys: Any, allowed: set[int]
) -> None:
    db.execute("DROP TABLE IF EXISTS t")
    db.execute("DROP TABLE IF EXISTS k")
    fill(db, "t", "a INTEGER, b TEXT COLLATE NOCASE", *rows)
    fill(db, "k", "a INTEGER, b TEXT", *keys)
    numbers = listed("id", "integer", *(str(number) for number in sorted(allowed)))
    inner = query("k", "a integer", "b string", memberships=(numbers,))
    by_hand = [
        number
        for number, row in enumerate(rows)
        if None not in row and row in [key for n, key in enumerate(keys) if n in allowed]
    ]
    assert found(source, "t", through=(through("a integer, b string", inner),)) == by_hand


# --- injection --------------------------------------------------------------------------------


@pytest.mark.parametrize("value", HOSTILE)
def test_hostile_code_matches_itself_alone(
    db: sqlite3.Connection, source: Source, value: str
) -> None:
    db.execute("CREATE TABLE patient (x TEXT)")
    db.executemany("INSERT INTO patient VALUES (?)", [(each,) for each in HOSTILE])
    db.execute("INSERT INTO patient VALUES (NULL)")
    asked = query("patient", "x string", memberships=(Membership("x", (value, "absent")),))
    assert read(source, asked) == [{"x": value}]
    assert len(read(source, query("patient", "x string"))) == len(HOSTILE) + 1


NAMES = [name for name in HOSTILE if name.strip() and name != "patient"]


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def untouched(db: sqlite3.Connection) -> bool:
    return db.execute("SELECT x FROM patient").fetchall() == [("kept",)]


@pytest.fixture
def patient(db: sqlite3.Connection) -> None:
    db.execute("CREATE TABLE patient (x TEXT)")
    db.execute("INSERT INTO patient VALUES ('kept')")


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("name", NAMES)
def test_hostile_names_name_tables_and_columns(
    db: sqlite3.Connection, source: Source, name: str
) -> None:
    table, other, code = quoted(name), quoted(f"{name}2"), quoted(f"{name}3")
    db.execute(f"CREATE TABLE {table} ({table} TEXT, {code} TEXT)")
    db.execute(f"CREATE TABLE {other} ({table} TEXT)")
    rows = [("2024-01-01", name), ("2024-01-02", name), ("2023-01-01", name), ("2024-01-01", "no")]
    db.executemany(f"INSERT INTO {table} VALUES (?, ?)", rows)
    db.executemany(f"INSERT INTO {other} VALUES (?)", [("2024-01-01",), ("2023-01-01",)])
    limits = {
        "window": window(name, "date", "2024-01-01", "2025-01-01"),
        "memberships": (Membership(f"{name}3", (name,)),),
    }
    asked = query(name, f"{name} string", **limits)
    assert read(source, asked) == [{name: "2024-01-01"}, {name: "2024-01-02"}]
    keys = query(f"{name}2", f"{name} string")
    joined = query(name, f"{name} string", through=(through(f"{name} string", keys),), **limits)
    assert read(source, joined) == [{name: "2024-01-01"}]
    described = source.describe([name, "main"])
    assert [c.name for c in described[Relation(None, name)]] == [name, f"{name}3"]
    tables = {"patient", name, f"{name}2"}
    assert described.keys() == {Relation(s, t) for s in (None, "main") for t in tables}
    assert untouched(db)


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("name", NAMES)
def test_hostile_name_of_nothing_is_refused(
    db: sqlite3.Connection, source: Source, name: str
) -> None:
    keys = query("patient", "x string")
    for asked in (
        query("patient", f"{name} string"),
        query(name, "x string"),
        query("patient", "x string", schema=name),
        query("patient", "x string", memberships=(Membership(name, ("a",)),)),
        query("patient", "x string", through=(through(f"{name} string", keys),)),
        query("patient", "x string", through=(through("x string", query(name, "x string")),)),
        query(
            "patient",
            "x string",
            through=(through("x string", query("patient", f"{name} string")),),
        ),
    ):
        assert refusal(source, asked).code == "column-missing"
    assert untouched(db)


@pytest.mark.parametrize("text", ["nul\0byte", "half \ud800 surrogate"])
def test_refuses_names_and_codes_that_sql_cannot_hold(text: str) -> None:
    for statements in (SQLiteStatements(), PostgresStatements("public")):
        for asked in (
            query(text, "x string"),
            query("t", f"{text} string"),
            query("t", "x string", memberships=(Membership("x", (text,)),)),
            query("t", "x string", memberships=(Membership(text, ("a",)),)),
            query("t", "x string", schema=text),
            query("t", "x string", through=(through(f"{text} string", query("t", "x string")),)),
            query("t", "x string", through=(through("x string", query(text, "x string")),)),
            query("t", "x string", through=(through("x string", query("t", f"{text} string")),)),
            query("t", "x string", window=window(text, "date", "2024-01-01", "2024-01-02")),
        ):
            with pytest.raises(Refused) as caught:
                statements.count(asked)
            assert caught.value.code == "name-invalid"
            assert "nul" not in shown(caught.value).replace("NUL", "")


def test_refuses_empty_name_and_name_that_postgres_would_cut() -> None:
    with pytest.raises(Refused):
        SQLiteStatements().select(query("", "x string"))
    PostgresStatements().select(query("é" * 31, "x string"))
    with pytest.raises(Refused) as caught:
        PostgresStatements().select(query("é" * 32, "x string"))
    assert caught.value.code == "name-invalid"


@given(values=st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))))
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_membership_literals_round_trip(
    db: sqlite3.Connection, source: Source, values: list[str]
) -> None:
    db.execute("DROP TABLE IF EXISTS t")
    decoys = {each + "'" for each in values} | {each.swapcase() for each in values} | {"a", ""}
    store(db, "TEXT", *sorted({*values, *decoys}))
    asked = query("t", "x string", memberships=(Membership("x", tuple(values)),))
    assert {row["x"] for row in read(source, asked)} == set(values)


def test_postgres_statement_reads_as_expected() -> None:
    asked = query(
        "Result",
        "id integer",
        "ref uuid",
        window=window("at", "timestamptz", "2024-01-01T00:00:00+01:00", "2024-02-01T00:00:00Z"),
        memberships=(Membership("site", ("A%", "O'Neil\\")),),
    )
    assert " ".join(PostgresStatements("lab").select(asked).split()) == (
        'SELECT "lab"."Result"."id" AS "id", "lab"."Result"."ref" AS "ref"'
        ' FROM "lab"."Result"'
        ' WHERE "lab"."Result"."at" >='
        " CAST('2023-12-31T23:00:00+00:00' AS TIMESTAMP WITH TIME ZONE)"
        ' AND "lab"."Result"."at" <'
        " CAST('2024-02-01T00:00:00+00:00' AS TIMESTAMP WITH TIME ZONE)"
        " AND CAST(\"lab\".\"Result\".\"site\" AS TEXT) IN ('A%', 'O''Neil\\')"
    )
    nothing = query("Result", "id integer", memberships=(Membership("site", ()),))
    assert PostgresStatements("lab").select(nothing).endswith("WHERE false")


def test_statement_for_the_reviewer_has_no_head_row(source: Source) -> None:
    asked = query("t", "x string", memberships=(Membership("x", ("a",)),))
    statement = source.sql(asked)
    assert "UNION" not in statement
    assert statement.startswith("SELECT CASE")
    assert statement.endswith("IN ('a')")


# --- snapshots and failures -------------------------------------------------------------------


def test_rows_inserted_meanwhile_are_not_seen(
    db: sqlite3.Connection, source: Source, file: Path
) -> None:
    db.execute("PRAGMA journal_mode = WAL")
    store(db, "TEXT", "a")
    db.close()
    asked = query("t", "x string")
    with source.snapshot() as snapshot:
        with other_process(file, "INSERT INTO t VALUES ('b')"):
            assert snapshot.count(asked) == 1
        with other_process(file, "INSERT INTO t VALUES ('c')"):
            assert sum(batch.num_rows for batch in snapshot.stream(asked)) == 1
    assert len(read(source, asked)) == 3


def test_writes_nothing_and_releases_its_lock_on_error(
    db: sqlite3.Connection, source: Source, file: Path
) -> None:
    store(db, "TEXT", *"abc")
    before = file.read_bytes()

    def fail_amid_stream() -> None:
        with source.snapshot() as snapshot:
            next(iter(snapshot.stream(query("t", "x string"))))
            raise KeyError

    with pytest.raises(KeyError):
        fail_amid_stream()
    assert file.read_bytes() == before
    assert [path.name for path in file.parent.iterdir()] == [file.name]
    db.execute("INSERT INTO t VALUES ('d')")  # no lock is left


def test_empty_result_has_the_right_schema(db: sqlite3.Connection, source: Source) -> None:
    db.execute("CREATE TABLE t (x DECIMAL(5,2))")
    assert read(source, query("t", "x decimal(5,2)")) == []


def test_missing_file_is_unavailable_and_not_made(source: Source, file: Path) -> None:
    with pytest.raises(Unavailable, match="no such file"):
        source.describe()
    assert not file.exists()


def test_file_that_is_no_database_is_unavailable(source: Source, file: Path) -> None:
    file.write_bytes(b"marker " * 1000)
    with pytest.raises(Unavailable, match="not an SQLite database"):
        source.describe()


def test_locked_database_is_unavailable(
    db: sqlite3.Connection, source: Source, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_MS", 20)
    store(db, "TEXT", "a")
    with (
        other_process(file, "BEGIN EXCLUSIVE"),
        pytest.raises(Unavailable, match="locked by another process") as caught,
        source.snapshot(),
    ):
        pass
    assert caught.value.where == source.label
    assert caught.value.__cause__ is None


def test_failing_view_is_refused_without_its_values(db: sqlite3.Connection, source: Source) -> None:
    marker = "not-json-marker"
    db.execute("CREATE TABLE t (x TEXT)")
    db.execute("INSERT INTO t VALUES (?)", (marker,))
    db.execute("CREATE VIEW v AS SELECT x FROM t WHERE json_extract(x, '$.a') = 1")
    with source.snapshot() as snapshot, pytest.raises(RemitError) as caught:
        list(snapshot.stream(query("v", "x string")))
    assert isinstance(caught.value, Refused)
    assert caught.value.code == "source-query-failed"
    assert marker not in shown(caught.value)
