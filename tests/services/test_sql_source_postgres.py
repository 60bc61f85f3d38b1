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
    "\uff02; DROP TABLE patient; --",
    "p\u0430tient",
    "pati\u200bent",
    "\ufeffpatient",
    "\u202epatient",
    "patient",
    "x); DELETE FROM patient; --",
    "concat",
    "quote_literal",
    "x" * 61,
    "\u00e9" * 30,
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


def test_domains_are_what_they_are_made_of_whatever_they_are_called(
    db: Database, source: Source
) -> None:
    run(
        db,
        "CREATE COLLATION loose"
        " (provider = icu, locale = 'und-u-ks-level2', deterministic = false);"
        " CREATE TYPE sex AS ENUM ('m', 'f'); CREATE TYPE citext AS (x pg_catalog.text);"
        ' CREATE DOMAIN "integer" AS pg_catalog.text NOT NULL;'
        ' CREATE DOMAIN inner_id AS numeric(12,2); CREATE DOMAIN "uuid" AS inner_id;'
        " CREATE DOMAIN lax AS pg_catalog.text COLLATE loose;"
        ' CREATE TABLE t (a sex, b public."integer", c public."uuid", d lax, e citext,'
        " f pg_catalog.text COLLATE loose)",
    )
    found = {column.name: column for column in source.describe()[Relation(None, "t")]}
    assert {name: str(column.type) for name, column in found.items()} == {
        "a": "string", "b": "string", "c": "decimal(12,2)", "d": "None", "e": "None", "f": "None",
    }  # fmt: skip
    assert (found["b"].native_type, found["b"].nullable) == ("text", False)
    assert (found["c"].native_type, found["c"].nullable) == ("numeric(12,2)", True)


def test_values_of_domains_and_enums_arrive_exactly(db: Database, source: Source) -> None:
    run(
        db,
        "CREATE TYPE sex AS ENUM ('m', 'f'); CREATE DOMAIN money2 AS numeric(12,2);"
        " CREATE DOMAIN moment AS timestamptz; CREATE TABLE t (a sex, b money2, c moment);"
        " INSERT INTO t VALUES ('f', 1.50, '2024-01-01 00:00:00+01'), ('m', NULL, NULL)",
    )
    asked = query(
        "t", "a string", "b decimal(12,2)", "c timestamptz",
        memberships=(Membership("a", ("f",)),),
    )  # fmt: skip
    assert read(source, asked) == [
        {"a": "f", "b": Decimal("1.50"), "c": datetime(2023, 12, 31, 23, tzinfo=UTC)}
    ]


def test_keys_are_described(db: Database, source: Source) -> None:
    run(
        db,
        "CREATE TABLE kind (id int PRIMARY KEY); CREATE TABLE pair (a int, b int, PRIMARY KEY (a, b));"
        " CREATE TABLE t (id int PRIMARY KEY, kind int REFERENCES kind, a int, b int,"
        " FOREIGN KEY (a, b) REFERENCES pair)",
    )
    found = source.describe()
    assert [(c.name, c.primary, c.references) for c in found[Relation(None, "t")]] == [
        ("id", True, None), ("kind", False, "kind"), ("a", False, None), ("b", False, None),
    ]  # fmt: skip
    assert all(column.primary for column in found[Relation(None, "pair")])


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


def test_describes_other_schemas_where_they_are_asked_for(db: Database, source: Source) -> None:
    run(
        db,
        'CREATE TABLE t (x date); CREATE SCHEMA "O\'Lab"; CREATE TABLE "O\'Lab".t (y text);'
        " CREATE SCHEMA other; CREATE TABLE other.t (z text)",
    )
    try:
        assert source.describe().keys() == {Relation(None, "t")}
        described = source.describe(["O'Lab", "public", "absent", "x" * 64, "PUBLIC", "public "])
        assert {relation: columns[0].name for relation, columns in described.items()} == {
            Relation(None, "t"): "x",
            Relation("public", "t"): "x",
            Relation("O'Lab", "t"): "y",
        }
        assert read(source, query("t", "y string", schema="O'Lab")) == []
        assert refusal(source, query("t", "y string", schema="other")).code == "column-missing"
        assert Relation("pg_catalog", "pg_class") in source.describe(["pg_catalog"])
    finally:
        run(db, 'DROP SCHEMA "O\'Lab", other CASCADE')


def test_schema_whose_name_the_server_would_cut_is_not_another(
    db: Database, source: Source
) -> None:
    name = "s" * 63
    run(db, f"CREATE SCHEMA {name}; CREATE TABLE {name}.t (x text)")
    try:
        assert source.describe([name + "s"]) == {}
        assert source.account([Relation(name + "s", "t")]).readable == {}
        with source.snapshot() as snapshot, pytest.raises(Refused) as caught:
            snapshot.count(query("t", "x string", schema=name + "s"))
        assert caught.value.code == "name-invalid"
    finally:
        run(db, f"DROP SCHEMA {name} CASCADE")


@pytest.mark.parametrize(
    "name", ["concat", "quote_literal", "row_to_json", "hash_record", "count", "text", "patient"]
)
def test_column_that_is_not_there_is_not_taken_for_a_function_of_the_whole_row(
    db: Database, source: Source, name: str
) -> None:
    run(db, "CREATE TABLE patient (x text, secret text)")
    run(db, "INSERT INTO patient VALUES ('a', 'marker')")
    for asked in (
        query("patient", f"{name} string"),
        query("patient", "x string", memberships=(Membership(name, ("a",)),)),
        query(
            "patient",
            "x string",
            through=(through("x string", query("patient", f"{name} string")),),
        ),
    ):
        assert refusal(source, asked).code == "column-missing"


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


def test_types_hold_where_first_batches_are_null(
    db: Database, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "remit.adapters.sql_source.postgres._OPTIONS",
        {"adbc.postgresql.batch_size_hint_bytes": str(1 << 20)},
    )
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
        "CREATE TYPE citext AS (x text); CREATE COLLATION loose"
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


# --- typed lists ------------------------------------------------------------------------------

UUID = "123e4567-e89b-12d3-a456-426614174000"
OTHER_UUID = "123e4567-e89b-12d3-a456-426614174001"


def listed(column: str, kind: str, *values: str) -> Membership:
    return Membership(column, values, ColumnType.parse(kind))


def fill(db: Database, table: str, columns: str, *rows: Any) -> None:
    """A table with the number of each row in `id`; a row of one value may be just the value."""
    run(db, f"CREATE TABLE {table} (id int, {columns})")
    for number, row in enumerate(rows):
        values = (number, *(row if isinstance(row, tuple) else (row,)))
        marks = sql.SQL(", ").join(map(sql.Literal, values))
        db.execute(sql.SQL("INSERT INTO {} VALUES ({})").format(sql.Identifier(table), marks))


def found(source: Source, table: str, **limits: Any) -> list[int]:
    """The numbers of the rows that are found."""
    return sorted(row["id"] for row in read(source, query(table, "id integer", **limits)))


@pytest.mark.parametrize(
    ("native", "kind", "values", "stored", "expected"),
    [
        ("integer", "integer", ["5", "-7"], [5, -7, 6, None, 50], [0, 1]),
        ("smallint", "integer", ["5", "70000"], [5, 4464], [0]),
        ("bigint", "integer", [str(2**63 - 1)], [2**63 - 1, 2**63 - 2], [0]),
        ("bigint", "integer", [str(-(2**63))], [-(2**63), -(2**63) + 1], [0]),
        ("integer", "integer", [str(2**63), "9" * 300], [2**31 - 1, -1], []),
        ("numeric(9,0)", "decimal(9,0)", ["5"], [5, 6, None], [0]),
        ("numeric", "decimal(38,0)", ["1" + 18 * "0" + "1"], [10**19, 10**19 + 1], [1]),
        ("numeric", "decimal(9,0)", ["5"], ["5.5", "5.0", "NaN"], [1]),
        ("boolean", "boolean", ["true"], [True, False, None], [0]),
        ("boolean", "boolean", ["true", "false"], [True, False, None], [0, 1]),
        ("uuid", "uuid", [UUID], [UUID.upper(), OTHER_UUID, None], [0]),
        ("text", "string", ["5", "a"], ["5", "05", "A", "a "], [0]),
        ("char(4)", "string", ["ab"], ["ab", "abc", "AB"], [0]),
        ("char(4)", "string", ["ab "], ["ab", "abc"], []),
    ],
)
def test_list_is_compared_exactly_in_its_type(
    db: Database,
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
    ("native", "kind", "value"),
    [("integer", "integer", "5"), ("numeric(9,0)", "decimal(9,0)", "5"), ("uuid", "uuid", UUID)],
)
def test_typed_list_can_use_an_index(
    db: Database, source: Source, native: str, kind: str, value: str
) -> None:
    store(db, native)
    listing = listed("x", kind, value)
    assert uses_index(db, source, query("t", f"x {kind}", memberships=(listing,)), "t")


def uses_index(db: Database, source: Source, asked: TableQuery, table: str) -> bool:
    run(db, f"CREATE INDEX by_x ON {table} (x); SET enable_seqscan TO off")
    steps = db.execute(b"EXPLAIN " + source.sql(asked).encode()).fetchall()
    run(db, "RESET enable_seqscan; DROP INDEX by_x")
    return any("by_x" in step[0] for step in steps)


# --- membership through other tables ----------------------------------------------------------


def through(own: str, keys: TableQuery) -> SemiJoin:
    """``through("a integer, b string", query(...))``: columns of the table that is limited."""
    pairs = (column.rsplit(" ", 1) for column in own.split(", "))
    return SemiJoin(tuple((n, ColumnType.parse(t)) for n, t in pairs), keys)


@pytest.mark.parametrize(
    ("kind", "native", "own", "other_native", "keys", "expected"),
    [
        ("integer", "smallint", [5, 6, None, -7], "bigint", [5, 5, None, -7], [0, 3]),
        ("integer", "bigint", [2**53, 2**53 + 1], "bigint", [2**53 + 1], [1]),
        ("string", "text", ["5", "05", "a", "A", "a "], "varchar(9)", ["05", "a"], [1, 2]),
        ("string", "char(4)", ["ab", "abc"], "text", ["ab"], [0]),
        ("string", "char(4)", ["ab", "abc"], "text", ["ab  "], []),
        ("string", "char(4)", ["ab", "abc"], "char(9)", ["ab"], [0]),
        ("string", 'text COLLATE "C"', ["a", "A"], 'text COLLATE "POSIX"', ["a"], [0]),
        ("string", "text", ["e\u0301", "\u00e9"], "text", ["\u00e9"], [1]),
        ("string", "text", ["", None], "text", ["", None], [0]),
        ("uuid", "uuid", [UUID, OTHER_UUID], "uuid", [UUID.upper()], [0]),
        ("decimal(9,2)", "numeric(9,2)", ["5", "5.25", "5.3"], "numeric", ["5.250", "5"], [0, 1]),
        ("double", "double precision", [0.1, 0.2], "double precision", [0.1], [0]),
        ("boolean", "boolean", [True, False, None], "boolean", [True, None], [0]),
        ("date", "date", ["2024-01-01", "2024-01-02"], "date", ["2024-01-02"], [1]),
        (
            "timestamptz",
            "timestamptz",
            ["2024-01-01 00:00Z", "2024-01-01 01:00Z"],
            "timestamptz",
            ["2024-01-01 01:00+01"],
            [0],
        ),
    ],
)
def test_row_is_found_by_a_key_that_is_exactly_its_own(
    db: Database,
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
    run(db, "INSERT INTO k SELECT id, x, 'no' FROM t")
    allowed = query("k", f"y {kind}", memberships=(Membership("ok", ("yes",)),))
    assert found(source, "t", through=(through(f"x {kind}", allowed),)) == expected


def test_whole_numbers_are_found_whatever_holds_them(db: Database, source: Source) -> None:
    fill(db, "t", "x bigint", 5, 6, 2**53, 2**53 + 1)
    fill(db, "k", "y numeric(19,0)", 5, 7, 2**53)
    keys = query("k", "y decimal(19,0)")
    assert found(source, "t", through=(through("x integer", keys),)) == [0, 2]
    back = query("t", "x integer")
    assert found(source, "k", through=(through("y decimal(19,0)", back),)) == [0, 2]


def test_composite_key_is_found_as_a_whole(db: Database, source: Source) -> None:
    fill(db, "t", "a int, b text", (1, "x"), (1, "y"), (2, "x"), (1, None), (None, "x"))
    fill(db, "k", "b text, a int", ("x", 1), ("y", 2), (None, 1), ("x", None))
    keys = query("k", "a integer", "b string")
    assert found(source, "t", through=(through("a integer, b string", keys),)) == [0]


def test_membership_leads_through_tables_to_any_depth_and_through_the_table_itself(
    db: Database, source: Source
) -> None:
    fill(db, "t", "parent int, site text", (0, "A"), (0, "B"), (1, "A"), (2, "C"), (9, "A"))
    nested = query("t", "id integer", memberships=(Membership("site", ("A",)),))
    expected = {1: [0, 1, 3], 2: [0, 1, 2], 3: [0, 1, 2, 3]}
    for depth in (1, 2, 3):
        nested = query("t", "id integer", through=(through("parent integer", nested),))
        assert sorted(row["id"] for row in read(source, nested)) == expected[depth]


def test_every_limit_of_the_other_table_holds(db: Database, source: Source) -> None:
    fill(db, "t", "pid int", *range(6))
    run(db, "CREATE SCHEMA lab")
    try:
        run(
            db,
            "CREATE TABLE lab.p (pid int, site text, born date, kind int); INSERT INTO lab.p VALUES"
            " (0, 'A', '2024-01-05', 1), (1, 'B', '2024-01-05', 1), (2, 'A', '2023-01-05', 1),"
            " (3, 'A', '2024-01-05', 2), (4, NULL, '2024-01-05', 1), (5, 'A', NULL, 1)",
        )
        keys = query(
            "p",
            "pid integer",
            schema="lab",
            window=window("born", "date", "2024-01-01", "2024-02-01"),
            memberships=(Membership("site", ("A",)), listed("kind", "integer", "1")),
        )
        assert found(source, "t", through=(through("pid integer", keys),)) == [0]
    finally:
        run(db, "DROP SCHEMA lab CASCADE")


@pytest.mark.parametrize(
    ("keys", "where"),
    [
        (query("gone", "pid integer"), "gone"),
        (query("p", "gone integer"), "p"),
        (query("p", "id integer", schema="gone"), "p"),
        (query("p", "id integer", memberships=(Membership("gone", ("a",)),)), "p"),
        (
            query("p", "id integer", through=(through("gone integer", query("p", "id integer")),)),
            "p",
        ),
    ],
)
def test_column_that_the_other_table_lacks_is_not_taken_from_this_one(
    db: Database, source: Source, keys: TableQuery, where: str
) -> None:
    fill(db, "t", "pid int, gone int", (1, 1))
    fill(db, "p", "pid int", 1)
    refused = refusal(source, query("t", "id integer", through=(through("pid integer", keys),)))
    assert (refused.code, refused.where) == ("column-missing", where)


@pytest.mark.parametrize(
    ("kind", "native"),
    [("string", "varchar(9)"), ("string", "text"), ("integer", "int"), ("uuid", "uuid")],
)
def test_membership_through_another_table_can_use_its_index(
    db: Database, source: Source, kind: str, native: str
) -> None:
    run(db, f"CREATE TABLE t (x {native}); CREATE TABLE k (x {native})")
    run(db, "SET enable_hashjoin TO off; SET enable_mergejoin TO off; SET enable_material TO off")
    try:
        asked = query("t", f"x {kind}", through=(through(f"x {kind}", query("k", f"x {kind}")),))
        assert uses_index(db, source, asked, "k")
    finally:
        run(db, "RESET ALL")


keys_of_random_rows = st.lists(
    st.tuples(
        st.one_of(st.none(), st.integers(-1, 1)),
        st.one_of(st.none(), st.sampled_from(["", "a", "A", "a ", "0", "00", "'", "\u00e9"])),
    ),
    max_size=8,
)


@given(rows=keys_of_random_rows, keys=keys_of_random_rows, allowed=st.sets(st.integers(0, 7)))
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_rows_found_are_those_of_a_comparison_by_hand(
    db: Database, source: Source, rows: Any, keys: Any, allowed: set[int]
) -> None:
    run(db, "DROP TABLE IF EXISTS t, k")
    fill(db, "t", "a bigint, b varchar(3)", *rows)
    fill(db, "k", "a int, b text", *keys)
    numbers = listed("id", "integer", *(str(number) for number in sorted(allowed)))
    inner = query("k", "a integer", "b string", memberships=(numbers,))
    by_hand = [
        number
        for number, row in enumerate(rows)
        if None not in row and row in [key for n, key in enumerate(keys) if n in allowed]
    ]
    assert found(source, "t", through=(through("a integer, b string", inner),)) == by_hand


# --- account ----------------------------------------------------------------------------------


@pytest.fixture
def reader(admin: Database, url: str) -> Iterator[str]:
    """The URL of an account that can do nothing yet, in a database where PUBLIC cannot either."""
    run(admin, "CREATE ROLE reader LOGIN PASSWORD 'reader'")
    yield urlsplit(url)._replace(netloc=f"reader:reader@127.0.0.1:{urlsplit(url).port}").geturl()
    run(admin, "DROP OWNED BY reader; DROP ROLE reader")


TABLES = [Relation(None, "t"), Relation("public", "t"), Relation(None, "v"), Relation("lab", "t")]


def account_with(db: Database, url: str, *grants: str) -> Account:
    run(
        db,
        "CREATE TABLE t (a text, b text, gone text); ALTER TABLE t DROP COLUMN gone;"
        " CREATE VIEW v AS SELECT b FROM t; GRANT USAGE ON SCHEMA public TO reader",
    )
    for grant in grants:
        run(db, grant)
    return open_source(url).account([*TABLES, Relation(None, "absent"), Relation("absent", "t")])


def test_superuser_is_told_as_such_and_reads_all(db: Database, source: Source) -> None:
    run(db, "CREATE TABLE t (a text, b text)")
    account = source.account([Relation(None, "t"), Relation(None, "absent")])
    assert account == Account(
        "remit", ("is a superuser",), {Relation(None, "t"): frozenset({"a", "b"})}
    )


def test_account_that_can_only_read_has_no_powers(db: Database, reader: str) -> None:
    account = account_with(db, reader, "GRANT SELECT (a) ON t TO reader")
    assert account == Account(
        "reader",
        (),
        {
            Relation(None, "t"): frozenset("a"),
            Relation("public", "t"): frozenset("a"),
            Relation(None, "v"): frozenset(),
        },
    )


@pytest.mark.parametrize(
    ("grants", "columns"),
    [
        ([], ""),
        (["GRANT SELECT ON t TO reader"], "ab"),
        (["GRANT SELECT ON t TO PUBLIC"], "ab"),
        (["GRANT SELECT ON t TO reader", "REVOKE USAGE ON SCHEMA public FROM reader"], ""),
        (["CREATE ROLE team", "GRANT SELECT (b) ON t TO team", "GRANT team TO reader"], "b"),
    ],
)
def test_readable_are_the_columns_that_a_query_may_name(
    db: Database, reader: str, grants: list[str], columns: str
) -> None:
    try:
        account = account_with(db, reader, *grants)
        assert account.readable[Relation(None, "t")] == frozenset(columns)
        with psycopg.connect(reader, autocommit=True) as connection:
            for column in "ab":
                allowed = column in columns
                try:
                    connection.execute(
                        sql.SQL("SELECT {} FROM public.t").format(sql.Identifier(column))
                    )
                except psycopg.errors.InsufficientPrivilege:
                    assert not allowed
                else:
                    assert allowed
    finally:
        run(db, "DROP SCHEMA public CASCADE; CREATE SCHEMA public; DROP ROLE IF EXISTS team")


POWERS = {
    "ALTER ROLE reader CREATEDB": "may create databases",
    "ALTER ROLE reader CREATEROLE": "may create roles",
    "ALTER ROLE reader BYPASSRLS": "bypasses row security",
    "ALTER ROLE reader REPLICATION": "may replicate the whole server",
    "GRANT pg_read_all_data TO reader": "is a member of pg_read_all_data",
    "GRANT pg_write_all_data TO reader": "is a member of pg_write_all_data",
    "GRANT pg_execute_server_program TO reader": "is a member of pg_execute_server_program",
    "GRANT pg_read_server_files TO reader": "is a member of pg_read_server_files",
    "GRANT pg_write_server_files TO reader": "is a member of pg_write_server_files",
    "ALTER TABLE t OWNER TO reader": "owns t, public.t",
    "GRANT INSERT ON t TO reader": "may change t, public.t",
    "GRANT UPDATE (b) ON t TO reader": "may change t, public.t",
    "GRANT DELETE ON v TO reader": "may change v",
    "GRANT TRUNCATE ON t TO reader": "may change t, public.t",
    "GRANT CREATE ON SCHEMA public TO reader": "may create objects in the schema public",
    'ALTER DATABASE "Lis é" OWNER TO reader': "owns the database",
    "CREATE TABLE u (x text); GRANT SELECT (x) ON u TO reader": "may read other relations: public.u",
    "CREATE SCHEMA s; CREATE VIEW s.w AS SELECT 1 AS x; GRANT USAGE ON SCHEMA s TO reader;"
    " GRANT SELECT ON s.w TO PUBLIC": "may read other relations: s.w",
    "CREATE ROLE boss SUPERUSER; ALTER ROLE reader NOINHERIT; GRANT boss TO reader": (
        "may become the role boss, which is a superuser"
    ),
    "CREATE ROLE boss CREATEROLE BYPASSRLS; GRANT boss TO reader": (
        "may become the role boss, which may create roles and bypasses row security"
    ),
    "CREATE ROLE boss; ALTER ROLE reader NOINHERIT; GRANT boss TO reader": (
        "may become the role boss"
    ),
    "CREATE ROLE boss; ALTER TABLE t OWNER TO boss; GRANT boss TO reader": "owns t, public.t",
}


@pytest.mark.parametrize("grant", POWERS)
def test_power_beyond_reading_is_named(db: Database, reader: str, grant: str) -> None:
    try:
        assert POWERS[grant] in account_with(db, reader, grant).powers
    finally:
        run(
            db,
            'ALTER DATABASE "Lis é" OWNER TO remit; DROP SCHEMA public CASCADE; CREATE SCHEMA public;'
            " DROP SCHEMA IF EXISTS s CASCADE; DROP ROLE IF EXISTS boss",
        )


def test_account_that_is_switched_to_another_role_is_the_one_that_logged_in(
    db: Database, reader: str
) -> None:
    grants = (
        "CREATE ROLE boss; GRANT boss TO reader; ALTER ROLE reader NOINHERIT",
        "ALTER ROLE reader SET role TO boss",
        "GRANT USAGE ON SCHEMA public TO boss; GRANT SELECT (a) ON t TO boss",
        "GRANT SELECT (b) ON t TO reader",
    )
    try:
        account = account_with(db, reader, *grants)
        assert account.name == "reader"
        assert account.powers == ("may become the role boss",)
        assert account.readable[Relation(None, "t")] == frozenset("ab")
    finally:
        run(db, "DROP OWNED BY boss; DROP ROLE boss")


def test_many_relations_are_named_by_a_few_and_a_count(db: Database, reader: str) -> None:
    for number in range(5):
        run(db, f"CREATE TABLE t{number} (x text); GRANT INSERT ON t{number} TO reader")
    account = open_source(reader).account([Relation(None, f"t{n}") for n in range(5)])
    assert account.powers == ("may change t0, t1, t2 and 2 more",)


def test_nothing_asked_gives_the_account_alone(db: Database, reader: str) -> None:
    assert open_source(reader).account([]) == Account("reader", (), {})


def test_account_of_a_server_that_is_away_is_unavailable() -> None:
    with pytest.raises(Unavailable, match="connection refused"):
        open_source("postgresql://u:s3cret@127.0.0.1:1/lis").account([])


# --- size -------------------------------------------------------------------------------------


def test_a_hundred_and_fifty_tables_of_a_thousand_columns_are_described_and_counted(
    db: Database, source: Source
) -> None:
    columns = ", ".join(f"c{number} text" for number in range(1, 998))
    for number in range(150):
        run(db, f"CREATE TABLE t{number} (id int, site text, at date, {columns})")
        run(
            db,
            f"INSERT INTO t{number} (id, site, at) VALUES (1, 'A', '2024-01-05'), (2, 'B', NULL)",
        )
    described = source.describe(["public"])
    account = source.account(list(described))
    keys = query("t0", "id integer", memberships=(Membership("site", ("A",)),))
    limits = {
        "window": window("at", "date", "2024-01-01", "2025-01-01"),
        "memberships": (Membership("site", ("A",)),),
        "through": (through("id integer", keys),),
    }
    with source.snapshot() as snapshot:
        counts = [snapshot.count(query(f"t{n}", "c5 string", **limits)) for n in range(150)]
    assert counts == [1] * 150
    assert len(described) == len(account.readable) == 300
    assert sum(map(len, account.readable.values())) == 300_000
    assert sum(map(len, described.values())) == 300_000


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


NAMES = [name for name in HOSTILE if name.strip() and name != "patient"]


@pytest.fixture
def patient(db: Database) -> None:
    run(db, "CREATE TABLE patient (x text); INSERT INTO patient VALUES ('kept')")


def untouched(db: Database) -> bool:
    return db.execute("SELECT x FROM public.patient").fetchall() == [("kept",)]


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("name", NAMES)
def test_hostile_names_name_tables_and_columns(db: Database, source: Source, name: str) -> None:
    table, other, code = (sql.Identifier(name + end) for end in ("", "2", "3"))
    db.execute(sql.SQL("CREATE SCHEMA {}").format(table))
    try:
        create = "CREATE TABLE {0} ({0} date, {2} text); CREATE TABLE {0}.{1} ({0} date)"
        db.execute(sql.SQL(create).format(table, other, code))
        for day, value in (("2024-01-01", name), ("2024-01-02", name), ("2024-01-01", "no")):
            values = (sql.Literal(day), sql.Literal(value))
            db.execute(sql.SQL("INSERT INTO {} VALUES ({}, {})").format(table, *values))
        db.execute(sql.SQL("INSERT INTO {}.{} VALUES ('2024-01-01')").format(table, other))
        limits = {
            "window": window(name, "date", "2024-01-01", "2025-01-01"),
            "memberships": (Membership(f"{name}3", (name,)),),
        }
        found = read(source, query(name, f"{name} date", **limits))
        assert [row[name].day for row in found] == [1, 2]
        limits["through"] = (
            through(f"{name} date", query(f"{name}2", f"{name} date", schema=name)),
        )
        assert read(source, query(name, f"{name} date", **limits)) == [{name: date(2024, 1, 1)}]
        described = source.describe([name])
        expected = {Relation(None, "patient"), Relation(None, name), Relation(name, f"{name}2")}
        assert described.keys() == expected
        assert [c.name for c in described[Relation(None, name)]] == [name, f"{name}3"]
        assert source.account(expected).readable == {
            relation: frozenset(column.name for column in columns)
            for relation, columns in described.items()
        }
    finally:
        db.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(table))
    assert untouched(db)


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("name", NAMES)
def test_hostile_name_of_nothing_is_refused(db: Database, source: Source, name: str) -> None:
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
    assert source.account([Relation(None, name), Relation(name, "patient")]).readable == {}
    assert source.describe([name]).keys() == {Relation(None, "patient")}
    assert untouched(db)


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
    run(db, "CREATE TABLE k (x text)")
    led = query("t", "x string", through=(through("x string", query("k", "x string")),))
    assert "or one that its rows are found in" in refusal(open_source(guest), led).message


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
