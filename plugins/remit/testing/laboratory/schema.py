"""The tables, and how each database declares and stores their columns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

Row = tuple[Any, ...]
"""One row: `UUID`, `Decimal`, `date`, aware `datetime`, `bool`, `int`, `str` and None."""

_SQLITE = {
    "uuid": "UUID",
    "text": "TEXT",
    "integer": "INTEGER",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "timestamptz": "TIMESTAMP WITH TIME ZONE",
    "numeric(12,4)": "DECIMAL(12,4)",
}

_TO_SQLITE: dict[str, Callable[[Any], object]] = {
    "uuid": UUID.__str__,
    "boolean": int,
    "date": date.isoformat,
    "timestamptz": datetime.isoformat,
    "numeric(12,4)": Decimal.__float__,
}


@dataclass(frozen=True, slots=True)
class Column:
    """A column; `type` is PostgreSQL's name for it."""

    name: str
    type: str
    nullable: bool = False
    key: bool = False

    def ddl(self, type_name: str) -> str:
        """Its line of the CREATE TABLE statement."""
        required = "" if self.nullable else " NOT NULL"
        return f"{self.name} {type_name}{required}{' PRIMARY KEY' if self.key else ''}"


@dataclass(frozen=True, slots=True)
class Table:
    """A table and the columns that get an index of their own."""

    name: str
    columns: tuple[Column, ...]
    indexed: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The columns' names, in order."""
        return tuple(column.name for column in self.columns)

    def sqlite_ddl(self) -> str:
        """The CREATE TABLE statement for SQLite."""
        return self._ddl([column.ddl(_SQLITE[column.type]) for column in self.columns])

    def postgres_ddl(self) -> str:
        """The CREATE TABLE statement for PostgreSQL."""
        return self._ddl([column.ddl(column.type) for column in self.columns])

    def index_ddl(self) -> Iterator[str]:
        """The CREATE INDEX statements, the same for both."""
        for column in self.indexed:
            yield f"CREATE INDEX {self.name}_{column} ON {self.name} ({column})"

    def for_sqlite(self, rows: Iterable[Row]) -> Iterator[Row]:
        """The rows, with the types that SQLite lacks as text, whole numbers and floats."""
        places = [
            (place, _TO_SQLITE[column.type])
            for place, column in enumerate(self.columns)
            if column.type in _TO_SQLITE
        ]
        for row in rows:
            values = list(row)
            for place, convert in places:
                if values[place] is not None:
                    values[place] = convert(values[place])
            yield tuple(values)

    def _ddl(self, lines: list[str]) -> str:
        return f"CREATE TABLE {self.name} (\n    " + ",\n    ".join(lines) + "\n)"


def _table(name: str, lines: str, *, indexed: tuple[str, ...] = ()) -> Table:
    """Read one column per line: ``name type [key|null]``."""
    columns = []
    for line in lines.strip().splitlines():
        column, kind, *rest = line.split()
        columns.append(Column(column, kind, nullable="null" in rest, key="key" in rest))
    return Table(name, tuple(columns), indexed)


_ALL = (
    _table("sites", "site_code text key\nname text\ncity text\nfiness text"),
    _table(
        "prescribers",
        """
        prescriber_id integer key
        rpps text
        last_name text
        first_name text
        speciality text
        phone text
        """,
    ),
    _table(
        "patients",
        """
        patient_id uuid key
        nir text
        last_name text
        first_name text
        birth_date date
        sex text
        address text
        postal_code text
        city text
        phone text
        email text
        portal_login text
        portal_password text
        site_code text
        registered_at timestamptz
        deceased boolean
        notes text null
        """,
    ),
    _table(
        "samples",
        """
        sample_id integer key
        patient_id uuid
        site_code text
        prescriber_id integer
        collected_at timestamptz
        received_at timestamptz null
        tube text
        urgent boolean
        fasting boolean null
        """,
        indexed=("collected_at",),
    ),
    _table(
        "results",
        """
        result_id uuid key
        sample_id integer
        patient_id uuid
        site_code text
        loinc_code text
        value_numeric numeric(12,4) null
        value_text text null
        unit text
        reference_low numeric(12,4)
        reference_high numeric(12,4)
        abnormal boolean
        result_date date
        validated_at timestamptz null
        comment text null
        """,
        indexed=("result_date",),
    ),
    _table(
        "observation_history",
        """
        observation_id integer key
        patient_id uuid
        site_code text
        observed_at timestamptz
        code text
        value text
        """,
    ),
)

TABLES: dict[str, Table] = {table.name: table for table in _ALL}
"""The tables by name, parents before children."""
