"""A table in which every column of every declared type holds values that are found wherever they go.

Each value starts with digits that stand nowhere else, in every spelling that a program gives it. Of
a boolean nothing can be told apart: there are two of them.
"""

from __future__ import annotations

import base64
import hashlib
import sqlite3
import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import yaml

TABLE = "canaries"

_WITHHELD = "86753098"  # what a value starts with that is not instructed
_PURPOSE = "To be looked for afterwards, wherever it must not be"
# Name, declared type, PostgreSQL's and SQLite's.
_COLUMNS = (
    ("whole", "integer", "bigint", "BIGINT"),
    ("amount", "decimal(15,4)", "numeric(15,4)", "DECIMAL(15,4)"),
    ("ratio", "double", "double precision", "DOUBLE"),
    ("label", "string", "text", "TEXT"),
    ("ident", "uuid", "uuid", "UUID"),
    ("day", "date", "date", "DATE"),
    ("moment", "timestamp", "timestamp", "TIMESTAMP"),
    ("instant", "timestamptz", "timestamptz", "TIMESTAMPTZ"),
    ("flag", "boolean", "boolean", "BOOLEAN"),
    ("remarks", "string", "text", "TEXT"),
    ("withheld", "string", "text", "TEXT"),
)
COLUMNS = {name: declared for name, declared, _, _ in _COLUMNS if name != "withheld"}
"""The columns that are instructed, and their declared types."""

_WORDS = (
    "prélèvement hémolysé à recontrôler demain bilan lipidique jeûne respecté tube citraté".split()
)
_MONTHS = {"1731-04": "1731, 4", "1732-05": "1732, 5", "1733-06": "1733, 6"}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Row = tuple[int, Decimal, float, str, UUID, date, datetime, datetime, bool, str, str]


def rows(count: int) -> Iterator[Row]:
    """The rows, the same each time; the same number of them on each day."""
    return (_row(i, count) for i in range(count))


def _row(i: int, count: int) -> Row:
    noise = hashlib.md5(b"%d" % i, usedforsecurity=False).digest()
    words = " ".join(_WORDS[byte % len(_WORDS)] for byte in noise)
    passed = timedelta(seconds=i, microseconds=i)
    return (
        8_675_309_100_000_000 + i,
        Decimal(867_530_920_000_000 + 37 * i).scaleb(-4),
        86_753_093 + (i + 1) / 2**18,
        f'Canari "é" 86753094-{i:06}',
        UUID(f"86753095-{noise.hex()[:4]}-4{noise.hex()[4:7]}-8{noise.hex()[7:10]}-{i:012x}"),
        date(1731, 4, 1 + i * 30 // count),
        datetime(1732, 5, 1) + passed,
        datetime(1733, 6, 1, tzinfo=UTC) + passed,
        i % 2 == 0,
        f"86753096 {words} {noise.hex()[:3]}",
        f"{_WITHHELD} {words}",
    )


def traces(count: int, of: int = 1) -> Iterator[str | bytes]:
    """What tells a value, as text or in the memory of a program, for `find_planted`.

    Args:
        count: how many rows there are.
        of: the binary forms are given for one row of so many only.
    """
    for digit in range(1, 9):
        start = f"8675309{digit}"
        yield start
        # Whatever stands before it, one of three groups of six bytes is encoded as a whole.
        yield from (base64.b64encode(start[at : at + 6].encode()) for at in range(3))
    yield from ("8.675309", "8,675,309", "86,753,09")
    for iso, arguments in _MONTHS.items():
        yield from (f"{iso}-", f"date({arguments}, ", f"datetime({arguments}, ")
    for i in range(0, count, of):
        yield from _binary(_row(i, count))


def _binary(row: Row) -> Iterator[bytes]:
    whole, amount, ratio, _, ident, day, moment, instant, *_ = row
    yield struct.pack("<q", whole)
    yield struct.pack(">q", whole)
    yield int(amount.scaleb(4)).to_bytes(16, "little")
    yield struct.pack("<d", ratio)
    yield struct.pack(">d", ratio)
    yield ident.bytes
    for at in (moment.replace(tzinfo=UTC), instant):
        yield struct.pack("<q", (at - _EPOCH) // timedelta(microseconds=1))
    yield struct.pack("<i", (day - _EPOCH.date()).days) * 4  # neighbours share the day


def write_sqlite(path: Path, count: int) -> None:
    """Add the table to an SQLite file, which is made if need be."""
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(_ddl(3))
        marks = ", ".join("?" for _ in _COLUMNS)
        insert = f"INSERT INTO {TABLE} VALUES ({marks})"
        database.executemany(insert, map(_for_sqlite, rows(count)))


def write_postgres(url: str, count: int) -> None:
    """Add the table to a PostgreSQL database."""
    import psycopg  # not at the top: SQLite needs no driver

    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute(_ddl(2).encode())
        with cursor.copy(f"COPY {TABLE} FROM STDIN".encode()) as copy:
            for row in rows(count):
                copy.write_row(row)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"ANALYZE {TABLE}".encode())


def instructing(
    include: Path, rules: Sequence[dict[str, Any]], treatment: str = "count"
) -> Callable[[dict[str, Any]], None]:
    """That the table leaves, and no other, judged by these rules.

    Args:
        include: the processor's include folder; gets the rules.
        rules: each with id, type and kwargs.
        treatment: what becomes of direct identifiers in the remarks.
    """
    columns: list[dict[str, Any]] = [
        {"name": name, "type": declared, "category": "health", "purpose": _PURPOSE}
        for name, declared in COLUMNS.items()
    ]
    columns[-1] |= {
        "free_text": "Without the remarks a canary in a sentence could not be looked for",
        "identifiers": {"treatment": treatment, "kinds": ["nir", "email", "phone", "iban"]},
    }
    window = {"column": "day", "type": "date", "from": "1731-01-01", "to": "1732-01-01"}
    suite = [rule | {"reason": "to be judged with canaries in its reach"} for rule in rules]

    def edit(fields: dict[str, Any]) -> None:
        path = include / "expectations" / "canaries.yaml"
        path.write_text(yaml.safe_dump({"name": TABLE, "expectations": suite}), "utf-8")
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        limits = {"window": window, "maximum": 1_000_000}
        fields["tables"] = [{"name": TABLE, "rows": limits, "columns": columns}]
        fields["expectations"] = [{"table": TABLE, "file": path.name, "sha256": digest}]

    return edit


def _ddl(place: int) -> str:
    lines = ", ".join(f"{column[0]} {column[place]}" for column in _COLUMNS)
    return f"CREATE TABLE {TABLE} ({lines})"


def _for_sqlite(row: Row) -> tuple[object, ...]:
    return tuple(
        float(value)
        if isinstance(value, Decimal)
        else str(value)
        if isinstance(value, UUID | date)
        else value
        for value in row
    )
