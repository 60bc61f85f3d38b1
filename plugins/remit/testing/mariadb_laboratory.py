"""Writes the synthetic laboratory to a MariaDB database."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from itertools import islice
from uuid import UUID

from remit.testing.laboratory import TABLES, Laboratory, Table
from remit.testing.laboratory.schema import Row
from remit.testing.mariadb import connect

_TYPES = {
    "uuid": "uuid",
    "integer": "int",
    "boolean": "boolean",
    "date": "date",
    "timestamptz": "timestamp(6)",
    "numeric(12,4)": "decimal(12,4)",
}
_ROWS = 2000


def write_mariadb(url: str, laboratory: Laboratory) -> None:
    """Make the laboratory's tables in the database of a ``mysql://`` url."""
    with closing(connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute("SET time_zone = '+00:00'")
        for table in TABLES.values():
            cursor.execute(_ddl(table))
            cursor.execute("START TRANSACTION")
            rows = (tuple(map(_stored, row)) for row in laboratory.rows(table.name))
            marks = ", ".join(["%s"] * len(table.columns))
            for some in _in_lots(rows):
                cursor.executemany(f"INSERT INTO {table.name} VALUES ({marks})", some)
            cursor.execute("COMMIT")


def _ddl(table: Table) -> str:
    # A text that is a key must have a length.
    lines = [
        column.ddl(_TYPES.get(column.type, "varchar(64)" if column.key else "text"))
        for column in table.columns
    ]
    indices = [f"INDEX ({name})" for name in table.indexed]
    return f"CREATE TABLE {table.name} ({', '.join([*lines, *indices])})"


def _stored(value: object) -> object:
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None)
    return value


def _in_lots(rows: Iterator[Row]) -> Iterable[list[Row]]:
    while lot := list(islice(rows, _ROWS)):
        yield lot
