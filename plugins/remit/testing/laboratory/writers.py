"""Writes the laboratory to a database, one row at a time."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from remit.errors import RemitError, Unavailable, UsageError, translating
from remit.testing.laboratory.schema import TABLES, Row, Table

if TYPE_CHECKING:
    import psycopg

Rows = Callable[[str], Iterable[Row]]
"""Gives the rows of the table of that name."""

_CACHE_KIB = 128 * 1024


def write_sqlite(path: Path, rows: Rows) -> None:
    """Make the database at `path`.

    Raises:
        UsageError: something is there already.
    """
    if path.exists():
        raise UsageError(f"{path.name} exists already; the laboratory is written to a new file")
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as database:
            _fill_sqlite(database, rows)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _fill_sqlite(database: sqlite3.Connection, rows: Rows) -> None:
    # Half a file is removed anyway, so nothing is kept to undo or survive a crash.
    database.execute("PRAGMA journal_mode = OFF")
    database.execute("PRAGMA synchronous = OFF")
    database.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
    database.execute("BEGIN")
    for table in TABLES.values():
        database.execute(table.sqlite_ddl())
        marks = ", ".join("?" for _ in table.columns)
        insert = f"INSERT INTO {table.name} VALUES ({marks})"  # a name of ours
        database.executemany(insert, table.for_sqlite(rows(table.name)))
        for statement in table.index_ddl():
            database.execute(statement)
    database.execute("COMMIT")


def write_postgres(url: str, schema: str, rows: Rows) -> None:
    """Make the tables in `schema`, which is created if need be, in one transaction.

    Raises:
        UsageError: a table is there already.
        Unavailable: the server does not answer, or fails.
    """
    import psycopg  # not at the top: a laboratory in SQLite needs no driver
    from psycopg import sql

    with translating(psycopg.Error, into=_translate), psycopg.connect(url) as connection:
        name = sql.Identifier(schema)
        connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(name))
        connection.execute(sql.SQL("SET LOCAL search_path TO {}").format(name))
        for table in TABLES.values():
            _fill_postgres(connection, table, rows(table.name))


def _fill_postgres(
    connection: psycopg.Connection[tuple[object, ...]], table: Table, rows: Iterable[Row]
) -> None:
    connection.execute(table.postgres_ddl().encode())
    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY {table.name} FROM STDIN".encode()) as copy,
    ):
        for row in rows:
            copy.write_row(row)
    for statement in table.index_ddl():
        connection.execute(statement.encode())


def _translate(error: BaseException) -> RemitError:
    import psycopg

    if isinstance(error, psycopg.errors.DuplicateTable):
        return UsageError("the schema holds a table of the laboratory already")
    return Unavailable("postgresql", f"the laboratory was not written ({type(error).__name__})")
