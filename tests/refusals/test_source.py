"""What the sources refuse, and when they only do not answer."""

from __future__ import annotations

import socket
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from remit.columns import ColumnType
from remit.errors import Unavailable
from remit.ports import Membership, SemiJoin, Source, TableQuery, Window
from remit.testing.postgres import PostgresCluster
from remit.wiring import open_source

TEXT, DATE = ColumnType("string"), ColumnType("date")


def read(source: Source, query: TableQuery) -> None:
    with source.snapshot() as snapshot:
        for _ in snapshot.stream(query):
            pass


@pytest.fixture
def sqlite(tmp_path: Path) -> Source:
    with sqlite3.connect(tmp_path / "lis.sqlite") as database:
        database.execute("CREATE TABLE t (a TEXT, d DATE)")
        database.execute("INSERT INTO t VALUES ('x', '2024-01-01')")
        database.execute("CREATE VIEW broken AS SELECT json_extract(a, '$') AS a FROM t")
    return open_source(f"sqlite:///{tmp_path / 'lis.sqlite'}")


@pytest.fixture(scope="module")
def cluster() -> Iterator[PostgresCluster]:
    with PostgresCluster() as running:
        yield running


@pytest.fixture(scope="module")
def postgres(cluster: PostgresCluster) -> Source:
    url = cluster.create_database("lis")
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE t (a text, d date)")
        connection.execute("INSERT INTO t VALUES ('x', '2024-01-01')")
        connection.execute("CREATE TABLE closed (a text)")
        connection.execute("CREATE VIEW broken AS SELECT (1 / (length(a) - 1))::text AS a FROM t")
        connection.execute("CREATE ROLE reader LOGIN PASSWORD 'reader'")
        connection.execute("GRANT SELECT ON t, broken TO reader")
    return open_source(f"postgresql://reader:reader@127.0.0.1:{cluster.port}/lis")


@pytest.fixture(params=["sqlite", "postgres"])
def source(request: pytest.FixtureRequest) -> Source:
    return request.getfixturevalue(request.param)


@pytest.mark.vector("source-denied")
def test_table_that_the_account_may_not_read(postgres, refuses) -> None:
    with refuses(at="closed", saying="may not read the table"):
        read(postgres, TableQuery("closed", (("a", TEXT),)))


@pytest.mark.vector("column-missing")
@pytest.mark.parametrize(("table", "column"), [("t", "b"), ("gone", "a")])
def test_schema_that_changed_after_the_plan(source, refuses, table, column) -> None:
    with refuses(at=table, saying="is not there"):
        read(source, TableQuery(table, ((column, TEXT),)))


@pytest.mark.vector("source-query-failed")
def test_view_that_cannot_be_evaluated(source, refuses) -> None:
    with refuses(at="broken", saying="cannot answer the query"):
        read(source, TableQuery("broken", (("a", TEXT),)))


@pytest.mark.vector("value-not-of-type")
def test_text_that_is_no_uuid(source, refuses) -> None:
    with refuses(at="t.a", saying="not a uuid"):
        read(source, TableQuery("t", (("a", ColumnType("uuid")),)))


@pytest.mark.vector("value-not-of-type")
def test_list_over_values_of_another_type(source, refuses) -> None:
    listed = Membership("a", ("1",), ColumnType("integer"))

    with refuses(at="t.a", saying="not an integer"):
        read(source, TableQuery("t", (("d", DATE),), None, (listed,)))


@pytest.mark.vector("value-not-of-type")
def test_key_of_another_type_than_the_rows_are_found_by(source, refuses) -> None:
    keys = TableQuery("t", (("a", DATE),))

    with refuses(at="t.a", saying="not a date"):
        read(source, TableQuery("t", (("a", TEXT),), through=(SemiJoin((("d", DATE),), keys),)))


@pytest.mark.vector("column-missing")
def test_table_that_rows_are_found_in_and_that_is_gone(source, refuses) -> None:
    keys = TableQuery("gone", (("a", TEXT),))

    with refuses(at="gone", saying="is not there"):
        read(source, TableQuery("t", (("a", TEXT),), through=(SemiJoin((("a", TEXT),), keys),)))


@pytest.mark.vector("column-missing")
@pytest.mark.parametrize("column", ["concat", "rowid", "A"])
def test_column_that_a_database_would_read_as_something_else(source, refuses, column) -> None:
    with refuses(at="t", saying="is not there"):
        read(source, TableQuery("t", ((column, TEXT),)))


@pytest.mark.vector("window-invalid")
@pytest.mark.parametrize(
    ("kind", "start"),
    [("date", "yesterday"), ("timestamp", "2024-01-01T00:00:00.5"), ("string", "a")],
)
def test_bound_that_is_not_of_the_windows_type(source, refuses, kind, start) -> None:
    window = Window("d", ColumnType(kind), start, "2025-01-01")

    with refuses(at="d", saying="a bound of the window is not"):
        read(source, TableQuery("t", (("a", TEXT),), window))


@pytest.mark.vector("name-invalid")
@pytest.mark.parametrize("name", ["", "t\0", "\ud800"])
def test_name_that_sql_cannot_hold(source, refuses, name) -> None:
    with refuses(at="a name", saying="cannot be written in SQL"):
        read(source, TableQuery(name, (("a", TEXT),)))


@pytest.mark.vector("name-invalid")
def test_code_that_sql_cannot_hold(source, refuses) -> None:
    query = TableQuery("t", (("a", TEXT),), None, (Membership("a", ("x\0",)),))

    with refuses(at="a", saying="NUL"):
        read(source, query)


@pytest.mark.vector("name-invalid")
@pytest.mark.parametrize(
    ("kind", "value", "saying"),
    [
        ("integer", "1 OR 1=1", "no whole number"),
        ("uuid", "x", "no uuid"),
        ("date", "x", "by a date"),
    ],
)
def test_listed_value_that_is_not_of_its_type(source, refuses, kind, value, saying) -> None:
    query = TableQuery("t", (), None, (Membership("a", (value,), ColumnType.parse(kind)),))

    with refuses(at="a", saying=saying):
        read(source, query)


@pytest.mark.vector("name-invalid")
def test_name_that_postgresql_would_cut(postgres, refuses) -> None:
    with refuses(at="a name", saying="longer than the database's names"):
        read(postgres, TableQuery("t", (("a" * 64, TEXT),)))


# --- unavailable: worth a retry, exit 4, and nothing is stopped -----------------------------------


def test_database_file_that_is_gone(world, cli, left_nothing) -> None:
    (world.root / "lis.sqlite").unlink()

    code, answer = cli("plan", world.instruct(), "--source", world.source_url)

    assert code == 4
    assert answer["error"] == {"where": world.source_url, "message": "no such file"}
    left_nothing(world)


def test_file_that_is_no_database(tmp_path) -> None:
    (tmp_path / "lis.sqlite").write_text("Nom;Prénom\n" * 1000)

    with pytest.raises(Unavailable, match="not an SQLite database"):
        open_source(f"sqlite:///{tmp_path / 'lis.sqlite'}").describe()


def test_port_that_is_closed(world, cli) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        url = f"postgresql://remit:s3cret@127.0.0.1:{port}/lis"
        code, answer = cli("plan", world.instruct(), "--source", url)

    assert code == 4
    assert "connection refused" in answer["error"]["message"]
    assert "s3cret" not in str(answer)


def test_source_that_goes_away_during_extraction_can_be_tried_again(world, up_to) -> None:
    run = up_to(world, "plan")
    (world.root / "lis.sqlite").rename(world.root / "away")

    with pytest.raises(Unavailable):
        run.extract(world.source(), lambda *_: None)
    assert run.story.records[-1].kind == "interrupted"
    (world.root / "away").rename(world.root / "lis.sqlite")

    assert run.extract(world.source(), lambda *_: None) is True
