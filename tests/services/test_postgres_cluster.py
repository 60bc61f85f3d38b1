"""A real PostgreSQL server of our own, with a laboratory in it, and nothing left afterwards."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest

from remit.errors import Unavailable, UsageError
from remit.testing import postgres
from remit.testing.laboratory import BOUNDARIES, TABLES, Laboratory
from remit.testing.postgres import PostgresCluster

SMALL = Laboratory(patients=100)
FROM_SQLITE: dict[str, Callable[[Any], object]] = {
    "UUID": UUID,
    "TEXT": str,
    "INTEGER": int,
    "BOOLEAN": bool,
    "DATE": date.fromisoformat,
    "TIMESTAMP WITH TIME ZONE": datetime.fromisoformat,
    "DECIMAL(12,4)": lambda number: Decimal(str(number)),
}


@pytest.fixture(scope="module")
def cluster() -> Iterator[PostgresCluster]:
    with PostgresCluster() as running:
        yield running


@pytest.fixture(scope="module")
def laboratory(cluster: PostgresCluster) -> str:
    url = cluster.create_database("lis")
    SMALL.write_postgres(url)
    return url


def ask(url: str, query: str) -> list[Any]:
    with psycopg.connect(url) as connection:
        return connection.execute(query.encode()).fetchall()


def pid_of(cluster: PostgresCluster) -> int:
    return int((cluster.directory / "data" / "postmaster.pid").read_text().split()[0])


def gone(pid: int) -> bool:
    """Whether the process ended; one that waits for its parent to take note has."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return True
    return stat.rpartition(")")[2].split()[0] == "Z"


def test_the_server_is_private(cluster: PostgresCluster) -> None:
    settings = dict(
        ask(
            cluster.url,
            "SELECT name, setting FROM pg_settings WHERE name IN "
            "('listen_addresses', 'fsync', 'unix_socket_directories', 'password_encryption')",
        )
    )
    assert settings == {
        "listen_addresses": "127.0.0.1",
        "fsync": "off",
        "unix_socket_directories": str(cluster.directory),
        "password_encryption": "scram-sha-256",
    }
    methods = ask(cluster.url, "SELECT DISTINCT auth_method FROM pg_hba_file_rules")
    assert methods == [("scram-sha-256",)]
    assert cluster.directory.stat().st_mode & 0o077 == 0
    assert not (cluster.directory / "password").exists()
    assert cluster.log.exists()


def test_the_server_does_not_run_as_root(cluster: PostgresCluster) -> None:
    assert Path(f"/proc/{pid_of(cluster)}").stat().st_uid != 0


def test_another_password_is_refused(cluster: PostgresCluster) -> None:
    scheme, _, rest = cluster.url.partition("://")
    where = rest.partition("@")[2]
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(f"{scheme}://remit:wrong@{where}")


def test_two_servers_have_their_own_place_and_password(cluster: PostgresCluster) -> None:
    with PostgresCluster() as other:
        assert other.port != cluster.port
        assert other.directory != cluster.directory
        assert other.url.split("@")[0] != cluster.url.split("@")[0]
        assert ask(other.url, "SELECT 1") == [(1,)]


def test_a_database_of_any_name_once(cluster: PostgresCluster) -> None:
    url = cluster.create_database('labo "é"/x')
    assert ask(url, "SELECT current_database()") == [('labo "é"/x',)]
    with pytest.raises(UsageError):
        cluster.create_database('labo "é"/x')


def test_types_are_the_real_ones(laboratory: str) -> None:
    found = ask(
        laboratory,
        """SELECT table_name, column_name, data_type, numeric_precision, numeric_scale,
        is_nullable FROM information_schema.columns WHERE table_schema = 'public'
        ORDER BY table_name, ordinal_position""",
    )
    names = {"timestamptz": "timestamp with time zone", "numeric(12,4)": "numeric"}
    expected = [
        (table.name, column.name, names.get(column.type, column.type), column.nullable)
        for table in sorted(TABLES.values(), key=lambda table: table.name)
        for column in table.columns
    ]
    assert [(row[0], row[1], row[2], row[5] == "YES") for row in found] == expected
    assert {row[3:5] for row in found if row[2] == "numeric"} == {(12, 4)}
    indexes = ask(laboratory, "SELECT indexname FROM pg_indexes WHERE schemaname = 'public'")
    assert {("results_result_date",), ("samples_collected_at",)} <= set(indexes)


def test_every_value_equals_that_in_sqlite(laboratory: str, tmp_path: Path) -> None:
    SMALL.write_sqlite(tmp_path / "lis.sqlite")
    with closing(sqlite3.connect(tmp_path / "lis.sqlite")) as database:
        for table in TABLES.values():
            query = f"SELECT * FROM {table.name} ORDER BY {table.columns[0].name}"
            types = [row[2] for row in database.execute(f"PRAGMA table_info({table.name})")]
            expected = [
                tuple(
                    None if value is None else FROM_SQLITE[kind](value)
                    for kind, value in zip(types, row, strict=True)
                )
                for row in database.execute(query)
            ]
            if table.columns[0].type == "text":
                query += ' COLLATE "C"'
            assert ask(laboratory, query) == expected


def test_a_window_takes_what_lies_in_it(laboratory: str) -> None:
    start, end = (datetime.fromisoformat(f"{year}-01-01T00:00:00+01:00") for year in (2024, 2025))
    counted = ask(
        laboratory,
        f"""SELECT count(*) FROM samples WHERE collected_at >= '{start.isoformat()}'
        AND collected_at < '{end.isoformat()}'""",
    )
    place = TABLES["samples"].names.index("collected_at")
    moments = [row[place] for row in SMALL.rows("samples")]
    assert set(BOUNDARIES) <= set(moments)
    assert counted == [(sum(start <= moment < end for moment in moments),)]


def test_tables_are_never_written_over_but_another_schema_will_do(laboratory: str) -> None:
    with pytest.raises(UsageError):
        SMALL.write_postgres(laboratory)
    tiny = Laboratory(patients=1, results_per_patient=1)
    tiny.write_postgres(laboratory, schema='Autre "labo"')
    assert ask(laboratory, 'SELECT count(*) FROM "Autre ""labo""".patients') == [(1,)]
    assert ask(laboratory, "SELECT count(*) FROM patients") == [(100,)]


def test_errors_of_the_driver_are_not_shown(cluster: PostgresCluster) -> None:
    url = cluster.url.rpartition("/")[0] + "/missing"
    with pytest.raises(Unavailable) as caught:
        SMALL.write_postgres(url)
    assert "missing" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_nothing_is_left_afterwards() -> None:
    with PostgresCluster() as cluster:
        directory, port, pid = cluster.directory, cluster.port, pid_of(cluster)
        assert not gone(pid)
        connection = psycopg.connect(cluster.url)  # one that is still open does not hold it up
    connection.close()
    assert gone(pid)
    assert not directory.exists()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)


def fail_inside(seen: list[PostgresCluster]) -> None:
    with PostgresCluster() as cluster:
        seen.append(cluster)
        raise KeyError("the test's own")


def test_nothing_is_left_after_a_failure_inside() -> None:
    seen: list[PostgresCluster] = []
    with pytest.raises(KeyError):
        fail_inside(seen)
    assert not seen[0].directory.exists()


def test_a_server_that_died_is_cleared_away() -> None:
    with PostgresCluster() as cluster:
        pid = pid_of(cluster)
        os.kill(pid, signal.SIGKILL)
        deadline = time.monotonic() + 10
        while not gone(pid) and time.monotonic() < deadline:
            time.sleep(0.02)
    assert not cluster.directory.exists()


def test_a_server_that_cannot_start_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        monkeypatch.setattr(postgres, "_free_port", lambda: taken.getsockname()[1])
        cluster = PostgresCluster()
        with pytest.raises(Unavailable, match="pg_ctl ended with 1"):
            cluster.__enter__()
    assert not cluster.directory.exists()


def test_a_port_taken_meanwhile_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ports = iter([taken.getsockname()[1], postgres._free_port()])
        monkeypatch.setattr(postgres, "_free_port", lambda: next(ports))
        with PostgresCluster() as cluster:
            assert ask(cluster.url, "SELECT 1") == [(1,)]


def test_a_missing_server_names_the_package(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(postgres, "_PACKAGED", tmp_path)
    with pytest.raises(UsageError, match="apt-get install postgresql"):
        PostgresCluster()


def test_the_newest_packaged_server_is_taken(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for version, programs in (("9.6", 3), ("15", 3), ("17", 3), ("18", 1)):
        (tmp_path / version / "bin").mkdir(parents=True)
        for program in ("initdb", "pg_ctl", "postgres")[:programs]:
            (tmp_path / version / "bin" / program).touch()
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(postgres, "_PACKAGED", tmp_path)
    assert postgres.find_programs() == tmp_path / "17" / "bin"
