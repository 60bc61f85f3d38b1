"""PostgreSQL as a source, on a real server."""

from __future__ import annotations

import time
import traceback
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote, urlsplit

import psycopg
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

from remit.adapters.sql_source import open_source
from remit.columns import ColumnType
from remit.errors import Refused, RemitError, Unavailable
from remit.ports import Account, Membership, Relation, SemiJoin, Source, TableQuery, Window
from remit.testing.postgres import PostgresCluster

HOSTILE = [
    "it's",
    'dou"ble',
    "'; DROP TABLE patient; --",
    '"; DROP TABLE patient; --',
    "') OR ('1'='1",
    "' OR 1=1 --",
    "/* comment */",
    "$$; DROP TABLE patient; $$",
    "back\\slash",
    "\\' OR 1=1 --",
    "\\",
    "\\.",
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
    "{0} {x}",
    "",
    " ",
    "a",
    "A",
]

Database = psycopg.Connection[tuple[Any, ...]]


@pytest.fixture(scope="module")
def cluster() -> Iterator[PostgresCluster]:
    with PostgresCluster() as running:
        yield running


@pytest.fixture(scope="module")
def url(cluster: PostgresCluster) -> str:
    return cluster.create_database("Lis é")


@pytest.fixture(scope="module")
def admin(url: str) -> Iterator[Database]:
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def db(admin: Database) -> Iterator[Database]:
    """The database with an empty schema `public`."""
    yield admin
    admin.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")


@pytest.fixture(scope="module")
def source(url: str) -> Source:
    return open_source(url)


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


def run(db: Database, text: str) -> None:
    db.execute(text)


def store(db: Database, native: str, *values: str) -> None:
    """A table t of one column x, of SQL expressions."""
    run(db, f"CREATE TABLE t (x {native})")
    for value in values:
        run(db, f"INSERT INTO t VALUES ({value})")


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
    "smallint": "integer",
    "integer": "integer",
    "bigint": "integer",
    "numeric(12,4)": "decimal(12,4)",
    "numeric(5,0)": "decimal(5,0)",
    "numeric": "any decimal",
    "numeric(39,2)": None,
    "numeric(3,5)": None,
    "numeric(5,-2)": None,
    "real": "double",
    "double precision": "double",
    "text": "string",
    "character varying": "string",
    "character varying(20)": "string",
    "character(3)": "string",
    "boolean": "boolean",
    "date": "date",
    "timestamp without time zone": "timestamp",
    "timestamp(3) without time zone": "timestamp",
    "timestamp with time zone": "timestamptz",
    "timestamp(0) with time zone": "timestamptz",
    "uuid": "uuid",
    "json": None,
    "jsonb": None,
    "bytea": None,
    "integer[]": None,
    "character varying(5)[]": None,
    "interval": None,
    "time without time zone": None,
    '"char"': None,
    "name": None,
    "bit(3)": None,
    "money": None,
    "inet": None,
}


def test_maps_native_types(db: Database, source: Source) -> None:
    columns = ", ".join(f"c{i} {native}" for i, native in enumerate(NATIVE))
    run(db, f"CREATE TABLE t ({columns})")
    described = source.describe()[Relation(None, "t")]
    assert {column.native_type: column.type for column in described} == {
        native: ColumnType("decimal")
        if declared == "any decimal"
        else declared and ColumnType.parse(declared)
        for native, declared in NATIVE.items()
    }


def test_types_of_the_users_own_are_none_whatever_they_are_called(
    db: Database, source: Source
) -> None:
    run(
        db,
        "CREATE TYPE sex AS ENUM ('m', 'f'); CREATE DOMAIN \"integer\" AS text;"
        ' CREATE DOMAIN "text" AS pg_catalog.text;'
        " CREATE COLLATION loose"
        " (provider = icu, locale = 'und-u-ks-level2', deterministic = false);"
        ' CREATE TABLE t (a sex, b public."integer", c public."text",'
        " d pg_catalog.text COLLATE loose)",
    )
    assert [column.type for column in source.describe()[Relation(None, "t")]] == [None] * 4


def test_describes_tables_and_views_of_one_schema(db: Database, source: Source, url: str) -> None:
    run(
        db,
        'CREATE TABLE "Result" ("Site" text NOT NULL, site int, gone int, id int PRIMARY KEY);'
        ' ALTER TABLE "Result" DROP COLUMN gone;'
        ' CREATE VIEW v AS SELECT "Site" FROM "Result";'
        ' CREATE MATERIALIZED VIEW m AS SELECT site FROM "Result";'
        " CREATE TABLE parts (at date) PARTITION BY RANGE (at);"
        " CREATE SEQUENCE counter; CREATE INDEX ON parts (at);"
        ' CREATE SCHEMA "O\'Lab"; CREATE TABLE "O\'Lab".other (x date)',
    )
    try:
        described = {relation.table: columns for relation, columns in source.describe().items()}
        assert sorted(described) == ["Result", "m", "parts", "v"]
        assert [(c.name, c.nullable) for c in described["Result"]] == [
            ("Site", False),
            ("site", True),
            ("id", False),
        ]
        assert [c.type for c in described["v"]] == [ColumnType("string")]
        elsewhere = open_source(f"{url}?schema={quote(chr(39).join(['O', 'Lab']))}")
        assert elsewhere.describe().keys() == {Relation(None, "other")}
        assert read(elsewhere, query("other", "x date")) == []
    finally:
        run(db, 'DROP SCHEMA "O\'Lab" CASCADE')


# --- values -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("native", "declared", "stored", "expected"),
    [
        ("numeric(12,4)", "decimal(12,4)", "-12345678.0625", Decimal("-12345678.0625")),
        ("numeric(12,4)", "decimal(12,4)", "0.0001", Decimal("0.0001")),
        ("numeric(38,10)", "decimal(38,10)", f"{'9' * 28}.0123456789", None),
        ("numeric", "decimal(9,7)", "1e-7", Decimal("0.0000001")),
        ("numeric", "decimal(12,3)", "100000000", Decimal("100000000.000")),
        ("smallint", "integer", "-32768", -32768),
        ("integer", "integer", "2147483647", 2**31 - 1),
        ("bigint", "integer", "9223372036854775807", 2**63 - 1),
        ("double precision", "double", "5e-324", 5e-324),
        ("double precision", "double", "0.1::float8 + 0.2::float8", 0.1 + 0.2),
        ("real", "double", "1.5", 1.5),
        ("text", "string", "'0012'", "0012"),
        ("text", "string", "''", ""),
        ("text", "string", "'NA'", "NA"),
        ("text", "string", "'Liège Ä œ \U0001f9ea'", "Liège Ä œ \U0001f9ea"),
        ("varchar(5)", "string", "'é'", "é"),
        ("char(4)", "string", "'ab'", "ab"),
        ("char(4)", "string", "' a\u00e9'", " a\u00e9"),
        ("boolean", "boolean", "true", True),
        ("date", "date", "'0001-01-01'", date(1, 1, 1)),
        ("date", "date", "'9999-12-31'", date(9999, 12, 31)),
        (
            "timestamp",
            "timestamp",
            "'2024-03-31 02:30:00.123456'",
            datetime(2024, 3, 31, 2, 30, 0, 123456),
        ),
        ("timestamp", "timestamp", "'9999-12-31 23:59:59.999999'", datetime.max),
        (
            "timestamptz",
            "timestamptz",
            "'2024-01-01 00:30+01'",
            datetime(2023, 12, 31, 23, 30, tzinfo=UTC),
        ),
        (
            "timestamptz",
            "timestamptz",
            "'2024-03-31 03:00 Europe/Paris'",
            datetime(2024, 3, 31, 1, tzinfo=UTC),
        ),
        (
            "uuid",
            "uuid",
            "'123E4567-E89B-12D3-A456-426614174000'",
            "123e4567-e89b-12d3-a456-426614174000",
        ),
    ],
)
def test_value_arrives_exactly(
    db: Database, source: Source, native: str, declared: str, stored: str, expected: Any
) -> None:
    store(db, native, stored, "NULL")
    rows = read(source, query("t", f"x {declared}"))
    assert rows == [{"x": Decimal(stored) if expected is None else expected}, {"x": None}]


@pytest.mark.parametrize(
    ("native", "declared", "stored"),
    [
        ("numeric(12,4)", "decimal(12,4)", "'NaN'"),
        ("numeric", "decimal(12,4)", "'Infinity'"),
        ("numeric", "decimal(12,4)", "'-Infinity'"),
        ("numeric", "decimal(12,3)", "7.1255"),
        ("numeric", "decimal(12,3)", "1234567890.5"),
        ("date", "date", "'infinity'"),
        ("date", "date", "'-infinity'"),
        ("date", "date", "'0044-03-15 BC'"),
        ("date", "date", "'0001-12-31 BC'"),
        ("date", "date", "'10000-01-01'"),
        ("date", "date", "'5874897-12-31'"),
        ("timestamp", "timestamp", "'infinity'"),
        ("timestamp", "timestamp", "'-infinity'"),
        ("timestamp", "timestamp", "'0044-03-15 BC'"),
        ("timestamp", "timestamp", "'10000-01-01'"),
        ("timestamp", "timestamp", "'294276-12-31'"),
        ("timestamptz", "timestamptz", "'infinity'"),
        ("timestamptz", "timestamptz", "'9999-12-31 23:00:00-05'"),
        ("text", "integer", "'4242'"),
        ("text", "decimal(12,3)", "'42.42'"),
        ("text", "date", "'2024-01-01'"),
        ("text", "uuid", "'not-a-uuid-marker'"),
        ("integer", "string", "41986"),
        ("integer", "double", "41986"),
        ("date", "timestamp", "'2024-01-01'"),
        ("timestamp", "timestamptz", "'2024-01-01'"),
        ("bytea", "string", "'marker'"),
        ("json", "string", "'\"marker\"'"),
        ("text[]", "string", "'{marker}'"),
    ],
)
def test_refuses_value_that_does_not_fit_without_showing_it(
    db: Database, source: Source, native: str, declared: str, stored: str
) -> None:
    store(db, native, "NULL", stored)
    refused = refusal(source, query("t", f"x {declared}"))
    assert (refused.code, refused.where) == ("value-not-of-type", "t.x")
    assert stored.strip("'\"{}") not in shown(refused)


@given(value=st.decimals(places=10, allow_nan=False, min_value=-(10**27), max_value=10**27))
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_decimals_arrive_exactly(db: Database, source: Source, value: Decimal) -> None:
    db.execute("DROP TABLE IF EXISTS t; CREATE TABLE t (x numeric(38,10))")
    db.execute("INSERT INTO t VALUES (%s)", (value,))
    assert read(source, query("t", "x decimal(38,10)")) == [{"x": value}]


def test_types_hold_where_first_batches_are_null(db: Database, source: Source) -> None:
    run(db, "CREATE TABLE t (id int, s text, n numeric(5,2), u uuid)")
    run(db, "INSERT INTO t SELECT g FROM generate_series(1, 200000) AS g")
    run(db, "INSERT INTO t VALUES (0, '007', 1.25, '123e4567-e89b-12d3-a456-426614174000')")
    with source.snapshot() as snapshot:
        batches = list(
            snapshot.stream(query("t", "id integer", "s string", "n decimal(5,2)", "u uuid"))
        )
    assert len(batches) > 1
    assert max(batch.nbytes for batch in batches) < 32 << 20
    assert sum(batch.num_rows for batch in batches) == 200_001
    last = batches[-1].to_pylist()[-1]
    assert (last["s"], last["n"]) == ("007", Decimal("1.25"))


def test_text_of_a_latin1_server_arrives_in_utf8(cluster: PostgresCluster) -> None:
    with psycopg.connect(cluster.url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0")
    url = urlsplit(cluster.url)._replace(path="/latin").geturl()
    with psycopg.connect(url, autocommit=True, client_encoding="UTF8") as connection:
        store(connection, "text", "'Liège'", "'a'")
    latin = open_source(url)
    assert read(latin, query("t", "x string", memberships=(Membership("x", ("Liège",)),))) == [
        {"x": "Liège"}
    ]
    asked = query("t", "x string", memberships=(Membership("x", ("a", "\u02bc OR 1=1")),))
    with latin.snapshot() as snapshot, pytest.raises(Refused):  # the server cannot hold the code
        snapshot.count(asked)


# --- limits -----------------------------------------------------------------------------------


def test_window_is_half_open_across_mixed_offsets(db: Database, source: Source) -> None:
    run(db, "CREATE TABLE t (id serial, at timestamptz)")
    for text in (
        "2023-12-31T23:59:59.999999Z",
        "2024-01-01T00:00:00Z",
        "2024-01-01T00:59:59+01:00",
        "2024-01-01T01:00:00+01:00",
        "2024-06-30 23:59:59.999999+00:00",
        "2024-07-01T00:00:00Z",
        "infinity",
        None,
    ):
        db.execute("INSERT INTO t (at) VALUES (%s)", (text,))
    bounds = ("2024-01-01T00:00:00Z", "2024-07-01T02:00:00+02:00")
    asked = query("t", "id integer", window=window("at", "timestamptz", *bounds))
    assert [row["id"] for row in read(source, asked)] == [2, 4, 5]


@pytest.mark.parametrize(("native", "kind"), [("date", "date"), ("timestamp", "timestamp")])
def test_window_on_date_and_naive_timestamp(
    db: Database, source: Source, native: str, kind: str
) -> None:
    store(db, native, "'2023-12-31'", "'2024-01-01'", "'2024-01-31'", "'2024-02-01'", "NULL")
    asked = query("t", f"x {kind}", window=window("x", kind, "2024-01-01", "2024-02-01"))
    assert len(read(source, asked)) == 2


def test_all_limits_apply_together(db: Database, source: Source) -> None:
    run(
        db,
        "CREATE TABLE t (id int, site text, code varchar(5), at date);"
        " INSERT INTO t VALUES (0, 'A', 'x', '2024-01-01'), (1, 'A', 'x', '2023-01-01'),"
        " (2, 'B', 'x', '2024-01-01'), (3, 'A', 'y', '2024-01-01'), (4, NULL, 'x', '2024-01-01')",
    )
    asked = query(
        "t",
        "id integer",
        window=window("at", "date", "2024-01-01", "2025-01-01"),
        memberships=(Membership("site", ("A", "C")), Membership("code", ("x",))),
    )
    assert read(source, asked) == [{"id": 0}]


def test_empty_membership_gives_no_rows_and_no_limits_all(db: Database, source: Source) -> None:
    store(db, "text", "'a'", "''", "NULL")
    assert read(source, query("t", "x string", memberships=(Membership("x", ()),))) == []
    assert len(read(source, query("t", "x string"))) == 3
    with source.snapshot() as snapshot:
        assert snapshot.count(TableQuery("t", ())) == 3


@pytest.mark.parametrize(
    ("native", "declared"),
    [
        ("integer", "string"),
        ("numeric", "string"),
        ("uuid", "string"),
        ("text", "integer"),
        ("text", "uuid"),
        ("double precision", "integer"),  # 2^53 + 1 would be compared as 2^53
        ("numeric", "integer"),
        ("integer", "decimal(9,0)"),
        ("citext", "string"),
        ("text COLLATE loose", "string"),
    ],
)
def test_list_over_a_column_of_another_type_is_refused(
    db: Database, source: Source, native: str, declared: str
) -> None:
    run(
        db,
        "CREATE DOMAIN citext AS text; CREATE COLLATION loose"
        " (provider = icu, locale = 'und-u-ks-level2', deterministic = false)",
    )
    store(db, native)
    value = "123e4567-e89b-12d3-a456-426614174000" if declared == "uuid" else "1"
    listed = Membership("x", (value,), ColumnType.parse(declared))
    for limits in ({"memberships": (listed,)}, {"through": (found_in_itself(declared),)}):
        with source.snapshot() as snapshot, pytest.raises(Refused) as caught:
            snapshot.count(TableQuery("t", (), **limits))
        assert (caught.value.code, caught.value.where) == ("value-not-of-type", "t.x")


def found_in_itself(declared: str) -> SemiJoin:
    return SemiJoin((("x", ColumnType.parse(declared)),), query("t", f"x {declared}"))


@pytest.mark.parametrize("native", ["text", "varchar(9)"])
def test_membership_can_use_an_index(db: Database, source: Source, native: str) -> None:
    store(db, native)
    run(db, "CREATE INDEX ON t (x); SET enable_seqscan TO off")
    asked = query("t", "x string", memberships=(Membership("x", ("a", "b")),))
    steps = db.execute("EXPLAIN " + source.sql(asked)).fetchall()
    run(db, "RESET enable_seqscan")
    assert any("Index" in step[0] for step in steps)


def test_operators_of_other_schemas_are_not_picked(db: Database, source: Source) -> None:
    store(db, "text", "'a'", "'b'")
    run(
        db,
        "CREATE FUNCTION always(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT true';"
        " CREATE OPERATOR = (FUNCTION = always, LEFTARG = text, RIGHTARG = text);"
        ' ALTER DATABASE "Lis é" SET search_path TO public, pg_catalog',
    )
    try:
        asked = query("t", "x string", memberships=(Membership("x", ("a",)),))
        assert read(source, asked) == [{"x": "a"}]
    finally:
        run(db, 'ALTER DATABASE "Lis é" RESET search_path')


# --- injection --------------------------------------------------------------------------------


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("conforming", ["on", "off"])
def test_hostile_code_matches_itself_alone(
    db: Database, source: Source, value: str, conforming: str
) -> None:
    db.execute("CREATE TABLE patient (x text)")
    db.cursor().executemany("INSERT INTO patient VALUES (%s)", [(each,) for each in HOSTILE])
    run(db, f'ALTER DATABASE "Lis é" SET standard_conforming_strings TO {conforming}')
    try:
        asked = query("patient", "x string", memberships=(Membership("x", (value, "absent")),))
        assert read(source, asked) == [{"x": value}]
        assert len(read(source, query("patient", "x string"))) == len(HOSTILE)
    finally:
        run(db, 'ALTER DATABASE "Lis é" RESET standard_conforming_strings')


@pytest.mark.parametrize("name", [name for name in HOSTILE if name.strip()])
def test_hostile_names_name_tables_and_columns(db: Database, source: Source, name: str) -> None:
    quoted = sql.Identifier(name)
    db.execute("CREATE TABLE patient (x text)")
    code = sql.Identifier(f"{name}2")
    db.execute(sql.SQL("CREATE TABLE {} ({} date, {} text)").format(quoted, quoted, code))
    for day, value in (("2024-01-01", name), ("2023-01-01", name), ("2024-01-01", "no")):
        values = (sql.Literal(day), sql.Literal(value))
        db.execute(sql.SQL("INSERT INTO {} VALUES ({}, {})").format(quoted, *values))
    asked = query(
        name,
        f"{name} date",
        window=window(name, "date", "2024-01-01", "2025-01-01"),
        memberships=(Membership(f"{name}2", (name,)),),
    )
    assert read(source, asked) == [{name: date(2024, 1, 1)}]
    assert [column.name for column in source.describe()[Relation(None, name)]] == [name, f"{name}2"]
    assert source.describe().keys() == {Relation(None, "patient"), Relation(None, name)}


@pytest.mark.parametrize("name", [name for name in HOSTILE if name.strip()])
def test_hostile_name_of_nothing_is_refused(db: Database, source: Source, name: str) -> None:
    db.execute("CREATE TABLE patient (x text)")
    for asked in (query("patient", f"{name} string"), query(f"no {name}", "x string")):
        assert refusal(source, asked).code == "column-missing"


@given(values=st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))))
@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_membership_literals_round_trip(db: Database, source: Source, values: list[str]) -> None:
    decoys = {each + "'" for each in values} | {each.swapcase() for each in values} | {"a", ""}
    db.execute("DROP TABLE IF EXISTS t; CREATE TABLE t (x text)")
    db.cursor().executemany("INSERT INTO t VALUES (%s)", [(v,) for v in {*values, *decoys}])
    asked = query("t", "x string", memberships=(Membership("x", tuple(values)),))
    assert {row["x"] for row in read(source, asked)} == set(values)


# --- snapshots --------------------------------------------------------------------------------


def test_rows_inserted_meanwhile_are_not_seen(db: Database, source: Source) -> None:
    store(db, "text", "'a'")
    asked = query("t", "x string")
    with source.snapshot() as snapshot:
        db.execute("INSERT INTO t VALUES ('b')")
        assert snapshot.count(asked) == 1
        db.execute("INSERT INTO t VALUES ('c')")
        assert sum(batch.num_rows for batch in snapshot.stream(asked)) == 1
    assert len(read(source, asked)) == 3


def test_snapshot_cannot_write(db: Database, source: Source) -> None:
    run(
        db,
        "CREATE TABLE t (x text);"
        " CREATE FUNCTION sneak() RETURNS text LANGUAGE sql AS"
        " 'INSERT INTO public.t VALUES (''x'') RETURNING x';"
        " CREATE VIEW v AS SELECT public.sneak() AS x",
    )
    with source.snapshot() as snapshot, pytest.raises(RemitError):
        list(snapshot.stream(query("v", "x string")))
    assert read(source, query("t", "x string")) == []


@pytest.mark.parametrize("leave", ["half-read", "error", "refused"])
def test_connection_is_gone_after_the_snapshot(db: Database, source: Source, leave: str) -> None:
    run(db, "CREATE TABLE t (id int, x text)")
    run(db, "INSERT INTO t SELECT g, repeat('x', 100) FROM generate_series(1, 200000) AS g")
    kept = []

    def use() -> None:
        with source.snapshot() as snapshot:
            kept.append(snapshot.stream(query("t", "id integer", "x string")))
            next(kept[0])
            if leave == "error":
                raise KeyError
            if leave == "refused":
                list(snapshot.stream(query("t", "x integer")))

    if leave == "half-read":
        use()
        with pytest.raises(RemitError):
            next(kept[0])
    else:
        with pytest.raises((KeyError, Refused)):
            use()
    assert connections_left(db) == 0


def connections_left(db: Database) -> int:
    """Our connections; the server takes a moment to notice that one has gone."""
    left = -1
    for _ in range(100):
        [(left,)] = db.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'remit'"
        ).fetchall()
        if left == 0:
            break
        time.sleep(0.05)
    return left


# --- failures ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"netloc": "remit:{password}@127.0.0.1:1"}, "connection refused"),
        ({"netloc": "remit:{password}@no-such-host.invalid:{port}"}, "unknown host"),
        ({"netloc": "remit:wrong-pass-marker@127.0.0.1:{port}"}, "wrong user or password"),
        ({"netloc": "nobody-marker:{password}@127.0.0.1:{port}"}, "wrong user or password"),
        ({"path": "/absent"}, "no such database or user"),
        ({"query": "sslmode=require"}, "TLS could not be agreed"),
        ({"query": "sslmode=nonsense"}, "no connection"),
    ],
)
def test_no_connection_is_unavailable_without_password(
    url: str, change: dict[str, str], reason: str
) -> None:
    parts = urlsplit(url)
    password = parts.password or ""
    filled = {
        part: text.format(password=password, port=parts.port) for part, text in change.items()
    }
    source = open_source(parts._replace(**filled).geturl())
    with pytest.raises(Unavailable, match=reason) as caught:
        source.describe()
    assert caught.value.where == source.label
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    for secret in (password, "pass-marker", "nobody-marker"):
        assert secret not in shown(caught.value) + source.label


@pytest.fixture
def guest(admin: Database, url: str) -> Iterator[str]:
    admin.execute("CREATE ROLE guest LOGIN PASSWORD 'guest:p/w@%'")
    parts = urlsplit(url)
    yield parts._replace(netloc=f"guest:guest%3Ap%2Fw%40%25@127.0.0.1:{parts.port}").geturl()
    admin.execute("DROP OWNED BY guest; DROP ROLE guest")


def test_table_that_may_not_be_read_is_refused(db: Database, guest: str) -> None:
    run(db, "CREATE TABLE t (x text, y text); GRANT USAGE ON SCHEMA public TO guest")
    refused = refusal(open_source(guest), query("t", "x string"))
    assert (refused.code, refused.where) == ("source-denied", "t")
    run(db, "GRANT SELECT (x) ON t TO guest")
    assert read(open_source(guest), query("t", "x string")) == []
    assert refusal(open_source(guest), query("t", "y string")).code == "source-denied"


@pytest.mark.parametrize(
    "asked",
    [
        query("absent", "x string"),
        query("t", "absent string"),
        query("T", "x string"),
        query("t", "X string"),
        query("t", "x string", memberships=(Membership("absent", ("a",)),)),
    ],
)
def test_missing_table_or_column_is_refused(
    db: Database, source: Source, asked: TableQuery
) -> None:
    store(db, "text")
    refused = refusal(source, asked)
    assert (refused.code, refused.where) == ("column-missing", asked.table)


FAILING = {
    "1 / (150000 - g)": (Refused, "source-query-failed"),
    "('marker' || g)::int": (Refused, "source-query-failed"),
    "pg_cancel_backend(pg_backend_pid())::int + 0 * g": (Unavailable, "57014"),
    "pg_terminate_backend(pg_backend_pid())::int + 0 * g": (Unavailable, "08006"),
}


@pytest.mark.parametrize("expression", FAILING)
def test_failure_amid_the_stream_is_told_apart(
    db: Database, source: Source, expression: str
) -> None:
    kind, said = FAILING[expression]
    guarded = f"CASE WHEN g >= 150000 THEN {expression} ELSE 1 END"
    run(
        db,
        f"CREATE VIEW v AS SELECT {guarded} AS x, repeat('x', 100) AS y"
        " FROM generate_series(1, 200000) AS g",
    )
    with source.snapshot() as snapshot:
        stream = snapshot.stream(query("v", "x integer", "y string"))
        assert next(stream).num_rows > 0
        with pytest.raises(kind, match=said) as caught:
            list(stream)
    assert caught.value.__cause__ is None
    assert "marker" not in shown(caught.value)


def test_server_that_dies_amid_the_stream_is_unavailable() -> None:
    with PostgresCluster() as doomed:
        with psycopg.connect(doomed.url, autocommit=True) as connection:
            run(
                connection,
                "CREATE VIEW v AS SELECT g, repeat('x', 100) AS x"
                " FROM generate_series(1, 2000000) AS g",
            )
        source = open_source(doomed.url)
        with source.snapshot() as snapshot:
            stream = snapshot.stream(query("v", "g integer", "x string"))
            assert next(stream).num_rows > 0
            doomed._run("pg_ctl", "stop", "-D", str(doomed._data), "-m", "immediate", "-w")
            with pytest.raises(Unavailable) as caught:
                list(stream)
        assert caught.value.where == source.label
        with pytest.raises(Unavailable, match="connection refused"):
            source.describe()
