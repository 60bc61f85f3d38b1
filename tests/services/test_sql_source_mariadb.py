"""MariaDB as a source through DB-API, on a real server, with both drivers."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import mysql.connector
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from remit.adapters.sql_source import Database, open_database, open_source
from remit.columns import ColumnType
from remit.errors import Refused, RemitError, Unavailable, UsageError
from remit.ports import Membership, Relation, SemiJoin, Source, TableQuery, Totals, Window
from remit.testing.mariadb import MariaDBServer, connect

pytestmark = pytest.mark.slow

NAME = "Lis é"
UUID = "123e4567-e89b-12d3-a456-426614174000"
HOSTILE = [
    "it's",
    'dou"ble',
    "back`tick",
    "'; DROP TABLE patient; --",
    "') OR ('1'='1",
    "\\' OR 1=1 -- ",
    "back\\slash",
    "\\",
    "/*! comment */",
    "# comment",
    "-- comment",
    "DELIMITER //",
    "100%",
    "%s %(name)s %%",
    ":name ?1 $1 @x",
    "__[POSTCOMPILE_param_1]",
    "line\nbreak\r\ttab\x1a",
    "Liège Œuvre Ä",
    "\u0435\u0301 cyrillic",
    "\u02bc OR 1=1",
    "\u202epatient",
    "{0} {x}",
    "concat",
    "a",
    "A",
    "á",
    "a ",
    "",
    " ",
]


@pytest.fixture(scope="module")
def server() -> Iterator[MariaDBServer]:
    with MariaDBServer() as running:
        yield running


@pytest.fixture(scope="module")
def url(server: MariaDBServer) -> str:
    return server.create_database(NAME)


@pytest.fixture(scope="module")
def admin(url: str) -> Iterator[Any]:
    connection = connect(url)
    yield connection
    connection.close()


@pytest.fixture
def db(admin: Any) -> Iterator[Any]:
    """A cursor in the database, whose tables are dropped afterwards; invalid dates may be stored."""
    with admin.cursor() as cursor:
        cursor.execute("SET sql_mode = 'ALLOW_INVALID_DATES', time_zone = '+00:00'")
        yield cursor
        cursor.execute("SET foreign_key_checks = 0")
        cursor.execute(
            "SELECT table_type, table_name FROM information_schema.tables"
            " WHERE table_schema = DATABASE() ORDER BY table_type = 'BASE TABLE'"
        )
        for kind, name in cursor.fetchall():
            quoted = name.replace("`", "``")
            cursor.execute(f"DROP {'VIEW' if kind == 'VIEW' else 'TABLE'} `{quoted}`")
        cursor.execute("SET foreign_key_checks = 1")


def connector(url: str) -> Source:
    """The source through MySQL's own driver, set up as badly as a hook can."""
    parts = urlsplit(url)
    arguments = {
        "host": parts.hostname,
        "port": parts.port,
        "user": parts.username,
        "password": parts.password,
        "database": unquote(parts.path[1:]),
        "charset": "latin1",
        "sql_mode": "ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PAD_CHAR_TO_FULL_LENGTH",
        "time_zone": "+05:00",
        "init_command": "SET SESSION sql_select_limit = 1,"
        " system_versioning_asof = '2001-01-01 00:00:00'",
    }
    return open_database(Database(lambda: mysql.connector.connect(**arguments), "mysql", "here"))


@pytest.fixture(params=["pymysql", "connector"])
def source(request: pytest.FixtureRequest, url: str) -> Source:
    return open_source(url) if request.param == "pymysql" else connector(url)


def query(table: str, *columns: str, **limits: Any) -> TableQuery:
    pairs = (column.rsplit(" ", 1) for column in columns)
    return TableQuery(table, tuple((n, ColumnType.parse(t)) for n, t in pairs), **limits)


def listed(column: str, kind: str, *values: str) -> Membership:
    return Membership(column, values, ColumnType.parse(kind))


def through(own: str, keys: TableQuery) -> SemiJoin:
    pairs = (column.rsplit(" ", 1) for column in own.split(", "))
    return SemiJoin(tuple((n, ColumnType.parse(t)) for n, t in pairs), keys)


def read(source: Source, asked: TableQuery) -> list[dict[str, Any]]:
    expected = pa.schema([(name, kind.arrow()) for name, kind in asked.columns])
    with source.snapshot() as snapshot:
        batches = list(snapshot.stream(asked))
        assert all(batch.schema.equals(expected, check_metadata=True) for batch in batches)
        rows = [row for batch in batches for row in batch.to_pylist()]
        assert snapshot.count(asked) == len(rows)
    return rows


def found(source: Source, table: str, **limits: Any) -> list[int]:
    return sorted(row["id"] for row in read(source, query(table, "id integer", **limits)))


def store(db: Any, native: str, *values: str) -> None:
    db.execute(f"CREATE TABLE t (x {native})")
    for value in values:
        db.execute(f"INSERT INTO t VALUES ({value})")


def fill(db: Any, table: str, columns: str, *rows: Any) -> None:
    db.execute(f"CREATE TABLE {table} (id int, {columns})")
    for number, row in enumerate(rows):
        values = (number, *(row if isinstance(row, tuple) else (row,)))
        db.execute(f"INSERT INTO {table} VALUES ({', '.join(['%s'] * len(values))})", values)


def shown(error: BaseException) -> str:
    return str(error) + repr(error) + "".join(traceback.format_exception(error))


def refusal(source: Source, asked: TableQuery) -> Refused:
    with source.snapshot() as snapshot, pytest.raises(Refused) as caught:
        list(snapshot.stream(asked))
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return caught.value


# --- schema -----------------------------------------------------------------------------------

NATIVE = {
    "tinyint(4)": "integer",
    "tinyint(1)": "boolean",
    "tinyint(1) unsigned": "integer",
    "bit(1)": "boolean",
    "bit(4)": None,
    "smallint(6)": "integer",
    "mediumint(9)": "integer",
    "int(11)": "integer",
    "int(8) unsigned zerofill": "integer",
    "bigint(20) unsigned": "integer",
    "year(4)": "integer",
    "decimal(12,4)": "decimal(12,4)",
    "decimal(39,2)": None,
    "float": "double",
    "double": "double",
    "char(4)": "string",
    "varchar(20)": "string",
    "text": "string",
    "longtext": "string",
    "enum('a','b')": "string",
    "set('a','b')": None,
    "varchar(9) character set latin1": "string",
    "varchar(8) character set ascii": None,
    "varchar(9) character set sjis": None,
    "binary(3)": None,
    "blob": None,
    "date": "date",
    "datetime(6)": "timestamp",
    "timestamp(3)": "timestamptz",
    "time": None,
    "uuid": "uuid",
    "inet6": None,
    "point": None,
}


def test_maps_native_types(db: Any, source: Source) -> None:
    columns = ", ".join(f"c{i} {native} NULL" for i, native in enumerate(NATIVE))
    db.execute(f"CREATE TABLE t ({columns})")
    described = source.describe()[Relation(None, "t")]
    found = dict(zip(NATIVE, described, strict=True))
    assert {native: column.type for native, column in found.items()} == {
        native: declared and ColumnType.parse(declared) for native, declared in NATIVE.items()
    }
    assert found["decimal(12,4)"].native_type == "decimal(12,4)"


def test_keys_tables_and_views_are_described_by_their_exact_names(db: Any, source: Source) -> None:
    db.execute("CREATE TABLE kind (id int PRIMARY KEY)")
    db.execute("CREATE TABLE pair (a int, b int, PRIMARY KEY (a, b))")
    db.execute(
        "CREATE TABLE `Résultat` (id int PRIMARY KEY, Kind int, a int, b int,"
        " FOREIGN KEY (Kind) REFERENCES kind (id), FOREIGN KEY (a, b) REFERENCES pair (a, b))"
    )
    db.execute("CREATE VIEW v AS SELECT id FROM kind")
    described = source.describe([NAME, "lis é", "absent"])
    assert {r.table for r in described if r.schema is None} == {"kind", "pair", "Résultat", "v"}
    assert {r.schema for r in described} == {None, NAME}
    assert [(c.name, c.primary, c.references, c.nullable) for c in described[(None, "Résultat")]] == [
        ("id", True, None, False), ("Kind", False, "kind", True), ("a", False, None, True),
        ("b", False, None, True),
    ]  # fmt: skip
    assert refusal(source, query("résultat", "id integer")).code == "column-missing"
    assert refusal(source, query("Résultat", "kind integer")).code == "column-missing"


# --- values -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("native", "declared", "stored", "expected"),
    [
        ("decimal(12,4)", "decimal(12,4)", "-12345678.0625", Decimal("-12345678.0625")),
        ("decimal(38,10)", "decimal(38,10)", f"{'9' * 28}.0123456789", None),
        ("decimal(8,2) zerofill", "decimal(8,2)", "12.5", Decimal("12.50")),
        ("decimal(8,2)", "decimal(12,3)", "12.5", Decimal("12.500")),
        ("bigint", "integer", "-9223372036854775808", -(2**63)),
        ("bigint unsigned", "integer", "9223372036854775807", 2**63 - 1),
        ("int(8) zerofill", "integer", "42", 42),
        ("year", "integer", "2024", 2024),
        ("tinyint(1)", "boolean", "1", True),
        ("bit(1)", "boolean", "b'0'", False),
        ("double", "double", "5e-324", 5e-324),
        ("double", "double", "-1.7976931348623157e308", -1.7976931348623157e308),
        ("double", "double", "0.1e0 + 0.2e0", 0.1 + 0.2),
        ("float", "double", "0.1", 0.10000000149011612),
        ("varchar(9)", "string", "'0012'", "0012"),
        ("varchar(9)", "string", "''", ""),
        ("varchar(9)", "string", "'a\\0b '", "a\0b "),
        ("char(4)", "string", "'ab'", "ab"),
        ("text", "string", "'Liège Ä œ \U0001f9ea'", "Liège Ä œ \U0001f9ea"),
        ("varchar(9) character set latin1", "string", "'Liège€'", "Liège€"),
        ("varchar(9) character set latin1", "string", "x'81e9'", "\x81é"),
        ("varchar(9) character set utf8mb3", "string", "'é œ'", "é œ"),
        ("enum('0','01')", "string", "'01'", "01"),
        ("json", "string", "'[1.50]'", "[1.50]"),
        ("date", "date", "'9999-12-31'", date(9999, 12, 31)),
        ("datetime(6)", "timestamp", "'9999-12-31 23:59:59.999999'", datetime.max),
        ("datetime", "timestamp", "'2024-03-31 02:30:00'", datetime(2024, 3, 31, 2, 30)),
        (
            "timestamp(6) NULL",
            "timestamptz",
            "'2024-03-31 02:30:00.123456'",
            datetime(2024, 3, 31, 2, 30, 0, 123456, tzinfo=UTC),
        ),
        ("uuid", "uuid", f"'{UUID.upper()}'", UUID),
    ],
)
def test_value_arrives_exactly(
    db: Any, source: Source, native: str, declared: str, stored: str, expected: Any
) -> None:
    store(db, native, stored, "NULL")
    rows = read(source, query("t", f"x {declared}"))
    assert rows == [{"x": Decimal(stored) if expected is None else expected}, {"x": None}]


@pytest.mark.parametrize(
    ("native", "declared", "stored"),
    [
        ("date", "date", "'0000-00-00'"),
        ("date", "date", "'2041-00-00'"),
        ("date", "date", "'2041-02-31'"),
        ("date", "date", "'0000-04-01'"),
        ("datetime", "timestamp", "'0000-00-00 00:00:00'"),
        ("datetime", "timestamp", "'2041-02-31 10:00:00'"),
        ("timestamp NULL", "timestamptz", "0"),
        ("bigint unsigned", "integer", "9223372036854775808"),
        ("tinyint(1)", "boolean", "42"),
        ("tinyint(1)", "boolean", "-1"),
        ("decimal(12,4)", "decimal(12,3)", "7.1255"),
        ("decimal(12,4)", "decimal(5,4)", "4242.5"),
        ("time", "string", "'-838:59:59'"),
        ("time", "integer", "'26:41:42'"),
        ("varchar(9)", "integer", "'4242'"),
        ("varchar(9)", "date", "'2041-01-01'"),
        ("int", "string", "41986"),
        ("int", "double", "41986"),
        ("tinyint(1)", "integer", "1"),
        ("date", "timestamp", "'2041-01-01'"),
        ("datetime", "timestamptz", "'2041-01-01 00:00:00'"),
        ("timestamp NULL", "timestamp", "'2037-01-01 00:00:00'"),
        ("bit(4)", "integer", "b'1001'"),
        ("blob", "string", "'marker'"),
        ("inet6", "string", "'2001:db8::4142'"),
        ("varchar(9) character set ascii", "string", "x'4142e9'"),
    ],
)
def test_refuses_value_that_does_not_fit_without_showing_it(
    db: Any, source: Source, native: str, declared: str, stored: str
) -> None:
    store(db, native, "NULL", stored)
    refused = refusal(source, query("t", f"x {declared}"))
    assert (refused.code, refused.where) == ("value-not-of-type", "t.x")
    assert len(stored) < 3 or stored.strip("'") not in shown(refused)


def test_text_too_long_to_be_sent_is_refused_where_the_server_would_make_it_null(
    db: Any, source: Source
) -> None:
    store(db, "longtext character set latin1", "repeat(_latin1 x'e9', 9000000)", "'a'")
    refused = refusal(source, query("t", "x string"))
    assert (refused.code, refused.where) == ("source-query-failed", "t")
    assert "warnings" in refused.message


def test_versioned_table_gives_its_present_rows(db: Any, source: Source) -> None:
    db.execute("CREATE TABLE t (x int) WITH SYSTEM VERSIONING")
    db.execute("INSERT INTO t VALUES (1), (2)")
    db.execute("UPDATE t SET x = 3 WHERE x = 2")
    assert [row["x"] for row in read(source, query("t", "x integer"))] == [1, 3]


def test_canary_in_every_type_shows_in_no_error(db: Any, source: Source) -> None:
    canary = "canary-91827364"
    db.execute("CREATE TABLE t (s varchar(40), d decimal(20,4), b bigint unsigned, e date)")
    db.execute(
        f"INSERT INTO t VALUES ('{canary}', 91827364.9182, 9918273649182736491, '9182-02-31')"
    )
    for column, declared in (("s", "date"), ("d", "decimal(9,2)"), ("b", "integer"), ("e", "date")):
        assert "9182" not in shown(refusal(source, query("t", f"{column} {declared}")))


@given(
    value=st.floats(allow_nan=False, allow_infinity=False),
    exact=st.decimals(places=10, allow_nan=False, min_value=-(10**27), max_value=10**27),
)
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_numbers_arrive_exactly(db: Any, url: str, value: float, exact: Decimal) -> None:
    db.execute("CREATE OR REPLACE TABLE t (x double, y decimal(38,10))")
    db.execute("INSERT INTO t VALUES (%s, %s)", (value, exact))
    assert read(open_source(url), query("t", "x double", "y decimal(38,10)")) == [
        {"x": value, "y": exact}
    ]


def test_sums_are_exact(db: Any, source: Source) -> None:
    db.execute("CREATE TABLE t (a bigint, b decimal(38,10))")
    top = Decimal("9" * 28 + ".9999999999")
    for _ in range(3):
        db.execute("INSERT INTO t VALUES (%s, %s), (NULL, NULL)", (2**63 - 1, top))
    asked = query("t", "a integer", "b decimal(38,10)")
    with source.snapshot() as snapshot:
        exact = {"a": Decimal(3 * (2**63 - 1)), "b": Decimal("2" + "9" * 28 + ".9999999997")}
        assert snapshot.totals(asked, ["a", "b"]) == Totals(6, exact)
        none = query("t", "a integer", memberships=(listed("a", "integer", "7"),))
        assert snapshot.totals(none, ["a"]) == Totals(0, {"a": Decimal(0)})


# --- limits -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("native", "kind", "values", "stored", "expected"),
    [
        ("int", "integer", ["5", "-7"], [5, -7, 6, None, 50], [0, 1]),
        ("bigint", "integer", [str(2**63 - 1), "9" * 60], [2**63 - 1, 2**63 - 2], [0]),
        ("decimal(38,0)", "decimal(38,0)", [str(10**19 + 1)], [10**19, 10**19 + 1], [1]),
        ("boolean", "boolean", ["true"], [1, 0, None], [0]),
        ("bit(1)", "boolean", ["false"], [1, 0, None], [1]),
        ("uuid", "uuid", [UUID], [UUID.upper(), UUID[:-1] + "1", None], [0]),
        ("varchar(9)", "string", ["5", "a"], ["5", "05", "A", "a ", "á", "a"], [0, 5]),
        ("varchar(9)", "string", ["é"], ["e", "é", "E", "é ", "É"], [1]),
        ("varchar(9)", "string", [""], ["", " ", "\0"], [0]),
        ("varchar(9) character set latin1", "string", ["é", "€"], ["e", "é", "€"], [1, 2]),
        ("varchar(9) character set latin1", "string", ["\U0001f9ea", "a"], ["a", "?"], [0]),
        ("varchar(9) collate utf8mb4_bin", "string", ["a"], ["a ", "a"], [1]),
        ("char(4)", "string", ["ab"], ["ab", "abc", "AB"], [0]),
        ("char(4)", "string", ["ab "], ["ab", "abc"], []),
        ("enum('a','A2','1')", "string", ["1", "a"], ["a", "A2", "1"], [0, 2]),
    ],
)
def test_list_is_compared_exactly_in_its_type(
    db: Any,
    source: Source,
    native: str,
    kind: str,
    values: list[str],
    stored: list[Any],
    expected: list[int],
) -> None:
    fill(db, "t", f"x {native}", *stored)
    assert found(source, "t", memberships=(listed("x", kind, *values),)) == expected


def test_list_can_use_an_index(db: Any, source: Source) -> None:
    db.execute("CREATE TABLE t (x varchar(9), INDEX by_x (x))")
    db.execute("INSERT INTO t SELECT seq FROM seq_1_to_2000")
    db.execute(
        "EXPLAIN " + source.sql(query("t", "x string", memberships=(listed("x", "string", "5"),)))
    )
    assert "by_x" in str(db.fetchall())


@pytest.mark.parametrize(
    ("kind", "native", "start", "end", "expected"),
    [
        ("date", "date", "2024-01-01", "2024-02-01", [1, 2]),
        ("timestamp", "datetime", "2024-01-01T00:00:00", "2024-02-01T00:00:00", [1, 2]),
        (
            "timestamptz",
            "timestamp NULL",
            "2024-01-01T01:00:00+01:00",
            "2024-01-31T19:00:00-05:00",
            [1, 2],
        ),
    ],
)
def test_window_is_half_open(
    db: Any, source: Source, kind: str, native: str, start: str, end: str, expected: list[int]
) -> None:
    days = ["2023-12-31", "2024-01-01", "2024-01-31", "2024-02-01", None]
    fill(db, "t", f"x {native}", *days)
    limit = Window("x", ColumnType.parse(kind), start, end)
    assert found(source, "t", window=limit) == expected


@pytest.mark.parametrize(
    ("kind", "native", "own", "other_native", "keys", "expected"),
    [
        ("integer", "smallint", [5, 6, None, -7], "bigint", [5, 5, None, -7], [0, 3]),
        ("integer", "bigint", [2**53, 2**53 + 1], "bigint", [2**53 + 1], [1]),
        ("string", "varchar(9)", ["5", "05", "a", "A", "a "], "text", ["05", "a"], [1, 2]),
        ("string", "varchar(9) character set latin1", ["é", "e"], "text", ["é"], [0]),
        ("string", "varchar(9)", ["e\u0301", "\u00e9"], "text", ["\u00e9"], [1]),
        ("uuid", "uuid", [UUID, UUID[:-1] + "1"], "uuid", [UUID.upper()], [0]),
        (
            "decimal(9,2)",
            "decimal(9,2)",
            ["5", "5.25", "5.3"],
            "decimal(9,3)",
            ["5.25", "5"],
            [0, 1],
        ),
        ("double", "double", [0.1, 0.2], "double", [0.1], [0]),
        ("boolean", "boolean", [1, 0, None], "bit(1)", [1, None], [0]),
        ("date", "date", ["2024-01-01", "2024-01-02"], "date", ["2024-01-02"], [1]),
    ],
)
def test_row_is_found_by_a_key_that_is_exactly_its_own(
    db: Any,
    source: Source,
    kind: str,
    native: str,
    own: list[Any],
    other_native: str,
    keys: list[Any],
    expected: list[int],
) -> None:
    fill(db, "t", f"x {native}", *own)
    fill(db, "k", f"y {other_native}, ok text", *((key, "yes") for key in keys))
    db.execute("INSERT INTO k SELECT id, x, 'no' FROM t")
    allowed = query("k", f"y {kind}", memberships=(Membership("ok", ("yes",)),))
    assert found(source, "t", through=(through(f"x {kind}", allowed),)) == expected


random_rows = st.lists(
    st.tuples(
        st.one_of(st.none(), st.integers(-1, 1)),
        st.one_of(st.none(), st.sampled_from(["", " ", "a", "A", "a ", "0", "00", "'", "\\", "é"])),
        st.one_of(st.none(), st.dates(date(2024, 1, 1), date(2024, 1, 4))),
    ),
    max_size=8,
)


@given(
    rows=random_rows,
    keys=random_rows,
    codes=st.sets(st.sampled_from(["", "a", "A ", "0", "'", "\\", "é", "%"]), max_size=4),
    ends=st.tuples(st.integers(1, 4), st.integers(1, 4)),
)
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_limits_give_the_rows_of_a_comparison_by_hand(
    db: Any, url: str, rows: Any, keys: Any, codes: set[str], ends: tuple[int, int]
) -> None:
    db.execute("DROP TABLE IF EXISTS t, k")
    fill(db, "t", "a bigint, b varchar(3), d date", *rows)
    fill(db, "k", "a int, b text, d date", *keys)
    source = open_source(url)
    start, end = (date(2024, 1, day) for day in ends)
    limit = Window("d", ColumnType("date"), start.isoformat(), end.isoformat())
    inside = [n for n, row in enumerate(rows) if row[2] and start <= row[2] < end]
    assert found(source, "t", window=limit) == inside
    codes_listed = listed("b", "string", *sorted(codes))
    assert found(source, "t", memberships=(codes_listed,)) == [
        n for n, row in enumerate(rows) if row[1] in codes
    ]
    inner = query("k", "a integer", "b string", memberships=(codes_listed,), window=limit)
    others = [k[:2] for k in keys if k[1] in codes and k[2] and start <= k[2] < end]
    assert found(source, "t", through=(through("a integer, b string", inner),)) == [
        n for n, row in enumerate(rows) if None not in row[:2] and row[:2] in others
    ]


@pytest.mark.parametrize("value", HOSTILE)
def test_hostile_code_matches_itself_alone(db: Any, source: Source, value: str) -> None:
    db.execute("CREATE TABLE patient (x varchar(60))")
    db.executemany("INSERT INTO patient VALUES (%s)", [(each,) for each in HOSTILE])
    asked = query("patient", "x string", memberships=(Membership("x", (value, "absent")),))
    assert read(source, asked) == [{"x": value}]
    assert len(read(source, query("patient", "x string"))) == len(HOSTILE)


@pytest.mark.parametrize("name", [n for n in HOSTILE if n.strip() == n and n not in ("", "A", "á")])
def test_hostile_names_name_tables_and_columns(db: Any, source: Source, name: str) -> None:
    quoted = name.replace("`", "``").replace("%", "%%")
    db.execute("CREATE TABLE patient (x text)")
    asked = query(name, f"{name} date", memberships=(Membership(f"{name}3", (name,)),))
    assert refusal(source, asked).code == "column-missing"
    db.execute(f"CREATE TABLE `{quoted}` (`{quoted}` date, `{quoted}3` text)".replace("%%", "%"))
    db.execute(f"INSERT INTO `{quoted}` VALUES ('2024-01-01', %s), ('2024-01-02', 'no')", (name,))
    assert read(source, asked) == [{name: date(2024, 1, 1)}]
    assert read(source, query("patient", "x string")) == []


# --- snapshots --------------------------------------------------------------------------------


def test_tables_read_one_after_the_other_are_of_one_state(db: Any, source: Source) -> None:
    db.execute("CREATE TABLE t (x int) AS SELECT seq AS x FROM seq_1_to_40000")
    db.execute("CREATE TABLE later (x int)")
    with source.snapshot() as snapshot:
        db.execute("INSERT INTO later VALUES (1)")
        stream = snapshot.stream(query("t", "x integer"))
        first = next(stream).num_rows
        db.execute("UPDATE t SET x = -1")
        db.execute("INSERT INTO t VALUES (-1)")
        rest = [value for batch in stream for value in batch.column(0).to_pylist()]
        assert first + len(rest) == 40_000
        assert -1 not in rest
        assert snapshot.count(query("later", "x integer")) == 0
    assert len(read(source, query("later", "x integer"))) == 1


def test_table_that_is_changed_meanwhile_is_not_read_as_it_is_now(db: Any, source: Source) -> None:
    store(db, "int", "1")
    with source.snapshot() as snapshot:
        db.execute("ALTER TABLE t ADD COLUMN y int, ALGORITHM=COPY")
        with pytest.raises(Unavailable):
            list(snapshot.stream(query("t", "x integer")))


def test_snapshot_cannot_write_and_is_not_shared(db: Any, source: Source) -> None:
    store(db, "int", "1")
    with source.snapshot() as snapshot:
        assert snapshot.share() is None
        assert snapshot.divide(query("t", "x integer"), 4) == []
        with pytest.raises(RemitError):
            snapshot._session.rows("DELETE FROM t")  # type: ignore[attr-defined]
    assert len(read(source, query("t", "x integer"))) == 1
    with pytest.raises(UsageError, match="share"), source.snapshot("elsewhere"):
        pass


@pytest.mark.parametrize("engine", ["MyISAM", "Aria", "MEMORY"])
def test_engine_without_snapshots_is_refused(db: Any, source: Source, engine: str) -> None:
    db.execute(f"CREATE TABLE t (id int, x int) ENGINE={engine}")
    db.execute("CREATE TABLE good (x int)")
    refused = refusal(source, query("t", "x integer"))
    assert (refused.code, refused.where) == ("source-no-snapshot", "t")
    assert engine in refused.message
    led = query("good", "x integer", through=(through("x integer", query("t", "x integer")),))
    assert refusal(source, led).code == "source-no-snapshot"


def test_view_is_refused_since_its_tables_are_not_known(db: Any, source: Source) -> None:
    store(db, "int", "1")
    db.execute("CREATE VIEW v AS SELECT x FROM t")
    assert refusal(source, query("v", "x integer")).code == "source-no-snapshot"


@pytest.mark.parametrize("leave", ["half-read", "error"])
def test_connection_is_gone_after_the_snapshot(db: Any, source: Source, leave: str) -> None:
    db.execute("CREATE TABLE t (x text) AS SELECT repeat('x', 100) AS x FROM seq_1_to_100000")
    kept = []

    def use() -> None:
        with source.snapshot() as snapshot:
            kept.append(snapshot.stream(query("t", "x string")))
            next(kept[0])
            if leave == "error":
                raise KeyError

    if leave == "error":
        with pytest.raises(KeyError):
            use()
    else:
        use()
        with pytest.raises(RemitError):
            list(kept[0])
    assert connections_left(db) == 0


def connections_left(db: Any) -> int:
    """Connections besides the test's own; the server takes a moment to notice that one has gone."""
    left = -1
    for _ in range(100):
        db.execute(
            "SELECT count(*) FROM information_schema.processlist"
            " WHERE user = 'remit' AND id <> CONNECTION_ID()"
        )
        [(left,)] = db.fetchall()
        if left == 0:
            break
        time.sleep(0.05)
    return left


MEASURE = """
import json, resource, sys
from remit.adapters.sql_source import open_source
from remit.columns import ColumnType as C
from remit.ports import TableQuery
import pymysql.cursors
source = open_source(sys.argv[1])
columns = {"id": "integer", "s": "string", "n": "decimal", "at": "timestamptz"}
def peak(table, *names):
    kinds = tuple((n, C.parse("decimal(12,4)") if n == "n" else C(columns[n])) for n in names)
    rows = 0
    with source.snapshot() as snapshot:
        for batch in snapshot.stream(TableQuery(table, kinds)):
            rows += batch.num_rows
    return rows, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
peak("few", *columns)
print(json.dumps([peak("few", *columns), peak("many", *columns), peak("large", "id", "s")]))
"""


def test_memory_stays_flat_with_many_rows_and_with_large_texts(db: Any, url: str) -> None:
    row = (
        "SELECT seq AS id, concat('name ', seq, repeat('x', 150)) AS s, CAST(seq / 7 AS"
        " decimal(12,4)) AS n, TIMESTAMP'2024-01-01 00:00:00' AS at FROM"
    )
    shape = "(id int, s text, n decimal(12,4), at timestamp)"
    db.execute(f"CREATE TABLE few {shape} AS {row} seq_1_to_40000")
    db.execute(f"CREATE TABLE many {shape} AS {row} seq_1_to_300000")
    db.execute(
        "CREATE TABLE large (id int, s longtext) AS"
        " SELECT seq AS id, repeat('x', 1048576) AS s FROM seq_1_to_200"
    )
    run = subprocess.run(
        [sys.executable, "-c", MEASURE, url], capture_output=True, text=True, check=True,
        env={"PYTHONPATH": str(Path(__file__).parents[2] / "plugins")},
    )  # fmt: skip
    (few, base), (many, after), (large, most) = json.loads(run.stdout)
    assert (few, many, large) == (40_000, 300_000, 200)
    assert after < base * 1.1 + 10
    assert most < base + 60  # of 200 MB of texts; a batch of 8 MB is held in a few forms


# --- account and failures ---------------------------------------------------------------------


@pytest.fixture
def reader(db: Any, url: str) -> Iterator[str]:
    db.execute("CREATE USER reader@'127.0.0.1' IDENTIFIED BY 'reader:p/w@%'")
    parts = urlsplit(url)
    yield parts._replace(
        netloc=f"reader:{quote('reader:p/w@%', safe='')}@127.0.0.1:{parts.port}"
    ).geturl()
    db.execute("DROP USER reader@'127.0.0.1'")


def test_account_that_can_only_read_has_no_powers(db: Any, reader: str) -> None:
    db.execute("CREATE TABLE t (a int, b int)")
    db.execute("CREATE TABLE u (a int)")
    db.execute("GRANT SELECT (a) ON t TO reader@'127.0.0.1'")
    asked = [Relation(None, "t"), Relation(NAME, "u"), Relation(None, "absent")]
    account = open_source(reader).account(asked)
    assert (account.name, account.powers) == ("reader", ())
    assert account.readable == {Relation(None, "t"): frozenset({"a"})}


@pytest.mark.parametrize(
    ("grant", "power"),
    [
        ("INSERT, UPDATE (a) ON t", "holds INSERT, UPDATE on Lis é.t"),
        ("DROP ON `Lis é`.*", "holds DROP on the schema Lis é"),
        ("SUPER, FILE ON *.*", "holds FILE, SUPER on the whole server"),
        ("ALL ON `Lis é`.*", "holds ALL PRIVILEGES on the schema Lis é"),
        ("SELECT ON *.*", "may read other relations: the whole server"),
        ("SELECT ON u", "may read other relations: Lis é.u"),
        ("SELECT (a) ON u", "may read other relations: Lis é.u"),
        ("SELECT ON t", "may grant its rights on Lis é.t to others"),
        ("laboratory", "may become the role laboratory"),
        ("PROXY ON remit@'127.0.0.1'", "has a grant of a kind that is not known here"),
    ],
)
def test_power_beyond_reading_is_named(db: Any, reader: str, grant: str, power: str) -> None:
    db.execute("CREATE TABLE t (a int)")
    db.execute("CREATE TABLE u (a int)")
    db.execute("GRANT SELECT ON t TO reader@'127.0.0.1'")
    db.execute("CREATE ROLE laboratory")
    try:
        more = " WITH GRANT OPTION" if "grant" in power and "kind" not in power else ""
        db.execute(f"GRANT {grant} TO reader@'127.0.0.1'{more}")
        assert power in open_source(reader).account([Relation(None, "t")]).powers
    finally:
        db.execute("DROP ROLE laboratory")


def test_what_the_account_may_not_read_is_refused(db: Any, reader: str) -> None:
    db.execute("CREATE TABLE t (a int, b int)")
    db.execute("GRANT SELECT (a), INSERT (b) ON t TO reader@'127.0.0.1'")
    assert read(open_source(reader), query("t", "a integer")) == []
    refused = refusal(open_source(reader), query("t", "b integer"))
    assert (refused.code, refused.where) == ("source-denied", "t")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"netloc": "remit:{password}@127.0.0.1:1"}, "connection refused"),
        ({"netloc": "remit:wrong-pass-marker@127.0.0.1:{port}"}, "wrong user or password"),
        ({"path": "/absent"}, "no such database"),
    ],
)
def test_no_connection_is_unavailable_without_password(
    url: str, change: dict[str, str], reason: str
) -> None:
    parts = urlsplit(url)
    filled = {
        part: text.format(password=parts.password, port=parts.port) for part, text in change.items()
    }
    changed = parts._replace(**filled).geturl()
    for source in (open_source(changed), connector(changed)):
        with pytest.raises(Unavailable, match=reason) as caught:
            source.describe()
        assert caught.value.__cause__ is None
        assert caught.value.__suppress_context__
        for secret in (parts.password or "", "pass-marker"):
            assert secret not in shown(caught.value) + source.label


def test_query_that_is_cut_is_unavailable(db: Any, source: Source) -> None:
    db.execute("CREATE TABLE t (x text) AS SELECT repeat('x', 1000) AS x FROM seq_1_to_50000")
    with source.snapshot() as snapshot:
        stream = snapshot.stream(query("t", "x string"))
        next(stream)
        db.execute(
            "SELECT id FROM information_schema.processlist"
            " WHERE user = 'remit' AND id <> CONNECTION_ID()"
        )
        for (number,) in db.fetchall():
            db.execute(f"KILL {number}")
        with pytest.raises(Unavailable) as caught:
            list(stream)
    assert "xxx" not in shown(caught.value)
