"""A database that is known only through SQLAlchemy's dialect: here a PostgreSQL, through psycopg."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from remit.adapters.sql_source import Database, open_database
from remit.columns import ColumnType
from remit.errors import Refused, Unavailable, UsageError
from remit.ports import Membership, Relation, SemiJoin, Source, TableQuery, Totals, Window
from remit.testing.postgres import PostgresCluster

pytestmark = pytest.mark.slow

UUID = "123e4567-e89b-12d3-a456-426614174000"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with PostgresCluster() as running:
        yield running.create_database("lis")


@pytest.fixture
def db(url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection
        connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")


@pytest.fixture
def source(url: str) -> Source:
    return open_database(Database(lambda: psycopg.connect(url), "postgresql+psycopg", "db://here"))


def query(table: str, *columns: str, **limits: Any) -> TableQuery:
    pairs = (column.rsplit(" ", 1) for column in columns)
    return TableQuery(table, tuple((n, ColumnType.parse(t)) for n, t in pairs), **limits)


def read(source: Source, asked: TableQuery) -> list[dict[str, Any]]:
    with source.snapshot() as snapshot:
        rows = [row for batch in snapshot.stream(asked) for row in batch.to_pylist()]
        assert snapshot.count(asked) == len(rows)
    return rows


COLUMNS = (
    ("b boolean", "boolean", "true", True),
    ("i bigint", "integer", "9223372036854775807", 2**63 - 1),
    ("f double precision", "double", "5e-324", 5e-324),
    ("n numeric(12,4)", "decimal(12,4)", "-12345678.0625", Decimal("-12345678.0625")),
    ("s text", "string", "'007 é%s'", "007 é%s"),
    ("d date", "date", "'9999-12-31'", date(9999, 12, 31)),
    ("t timestamp", "timestamp", "'2024-03-31 02:30:00.123456'",
     datetime(2024, 3, 31, 2, 30, 0, 123456)),
    ("z timestamptz", "timestamptz", "'2024-01-01 00:30+01'",
     datetime(2023, 12, 31, 23, 30, tzinfo=UTC)),
    ("u uuid", "uuid", f"'{UUID.upper()}'", UUID),
)  # fmt: skip


def test_every_type_is_described_and_arrives_exactly(
    db: psycopg.Connection[Any], source: Source
) -> None:
    ddl = ", ".join(column for column, *_ in COLUMNS)
    values = ", ".join(stored for _, _, stored, _ in COLUMNS)
    db.execute(f"CREATE TABLE t ({ddl}, x interval, c char(4))".encode())
    db.execute(f"INSERT INTO t VALUES ({values}); INSERT INTO t DEFAULT VALUES".encode())
    names = [column.split()[0] for column, *_ in COLUMNS]
    described = {c.name: str(c.type) for c in source.describe()[Relation(None, "t")]}
    expected = {n: kind for n, (_, kind, _, _) in zip(names, COLUMNS, strict=True)}
    assert described == {**expected, "x": "None", "c": "None"}
    asked = query("t", *(f"{n} {kind}" for n, kind in expected.items()))
    first, second = read(source, asked)
    assert first == {n: value for n, (*_, value) in zip(names, COLUMNS, strict=True)}
    assert set(second.values()) == {None}
    with source.snapshot() as snapshot:
        sums = {"i": Decimal(2**63 - 1), "n": Decimal("-12345678.0625")}
        assert snapshot.totals(asked, ["i", "n"]) == Totals(2, sums)


@pytest.mark.parametrize(
    ("native", "declared", "stored"),
    [
        ("numeric(12,4)", "decimal(12,3)", "7.1255"),
        ("numeric(12,4)", "decimal(12,4)", "'NaN'"),
        ("date", "date", "'infinity'"),
        ("timestamp", "timestamp", "'294276-12-31'"),
        ("text", "integer", "'4242'"),
        ("timestamp", "timestamptz", "'2041-01-01'"),
        ("interval", "string", "'41 days'"),
    ],
)
def test_what_does_not_fit_is_refused_without_showing_it(
    db: psycopg.Connection[Any], source: Source, native: str, declared: str, stored: str
) -> None:
    db.execute(f"CREATE TABLE t (x {native}); INSERT INTO t VALUES ({stored})".encode())
    with source.snapshot() as snapshot, pytest.raises((Refused, Unavailable)) as caught:
        list(snapshot.stream(query("t", f"x {declared}")))
    assert stored.strip("'") not in str(caught.value)
    assert caught.value.__cause__ is None


def test_limits_hold(db: psycopg.Connection[Any], source: Source) -> None:
    db.execute(
        "CREATE TABLE t (id int, site text, at timestamptz, who uuid); INSERT INTO t VALUES"
        f" (1, 'A', '2024-01-01', '{UUID}'), (2, 'a', '2024-01-01', '{UUID}'),"
        f" (3, 'A', '2025-01-01', '{UUID}'), (4, 'A', '2024-01-01', NULL);"
        f" CREATE TABLE k (who uuid, site text); INSERT INTO k VALUES ('{UUID}', 'A')".encode()
    )
    at = Window("at", ColumnType("timestamptz"), "2024-01-01T00:00:00Z", "2024-02-01T00:00:00Z")
    keys = SemiJoin((("who", ColumnType("uuid")),), query("k", "who uuid"))
    limits = {"window": at, "memberships": (Membership("site", ("A", "'")),), "through": (keys,)}
    assert read(source, query("t", "id integer", **limits)) == [{"id": 1}]
    texts = SemiJoin((("site", ColumnType("string")),), query("k", "site string"))
    with pytest.raises(Refused, match="how this database compares texts"):
        read(source, query("t", "id integer", through=(texts,)))


def test_rows_written_meanwhile_are_not_seen_and_batches_are_bounded(
    db: psycopg.Connection[Any], source: Source
) -> None:
    db.execute("CREATE TABLE t AS SELECT repeat('x', 100000) AS x FROM generate_series(1, 300)")
    with source.snapshot() as snapshot:
        assert snapshot.share() is None
        assert snapshot.count(query("t", "x string")) == 300
        db.execute("INSERT INTO t VALUES ('late')")
        batches = list(snapshot.stream(query("t", "x string")))
    assert sum(batch.num_rows for batch in batches) == 300
    assert max(batch.nbytes for batch in batches) < 16 << 20


def test_account_counts_as_one_that_may_do_anything(source: Source) -> None:
    account = source.account([])
    assert account.name == "remit"
    assert "may hold any right" in account.powers[0]


def test_missing_column_and_no_connection_are_told(
    db: psycopg.Connection[Any], source: Source
) -> None:
    db.execute("CREATE TABLE t (x text)")
    for asked in (query("T", "x string"), query("t", "X string"), query("absent", "x string")):
        with pytest.raises(Refused, match="column-missing"):
            read(source, asked)

    def fail() -> Any:
        raise psycopg.OperationalError("password hidden-marker")

    gone = open_database(Database(fail, "postgresql+psycopg", "db://gone"))
    with pytest.raises(Unavailable) as caught:
        gone.describe()
    assert "marker" not in str(caught.value)


def test_database_without_a_dialect_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="no dialect"):
        open_database(Database(lambda: None, "nosuchdb", "nosuchdb://here"))


def test_dialect_without_a_consistent_state_is_refused() -> None:
    source = open_database(Database(lambda: sqlite3.connect(":memory:"), "sqlite", "lite"))
    with pytest.raises(Refused, match="source-no-snapshot"), source.snapshot():
        pass
