"""The SELECTs, generated with SQLAlchemy: every name quoted, every value a literal.

Literals, because ADBC streams by COPY only without parameters. Every column is qualified with its
table: SQLite reads a bare "name" that is no column as the text 'name'.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql import quoted_name

from remit.columns import ColumnType
from remit.errors import Refused
from remit.ports import Membership, TableQuery, Window

Value = sa.ColumnElement[Any]
Condition = sa.ColumnElement[bool]

_WINDOW_TYPES = ("date", "timestamp", "timestamptz")


class Statements(ABC):
    """The statements of one dialect, over the tables of `schema` where it has schemas."""

    dialect: sa.Dialect
    max_name_bytes: int | None = None

    def __init__(self, schema: str | None = None) -> None:
        self._schema = schema

    def select(self, query: TableQuery) -> str:
        """The rows, their columns in order.

        Raises:
            Refused: a name or code that SQL cannot hold (name-invalid), or a bound that is not of
                the window's type (window-invalid).
        """
        return self.render(self._rows(query))

    def count(self, query: TableQuery) -> str:
        """The number of those rows. Raises like `select`."""
        table = self._table(query)
        counted = sa.select(sa.func.count()).select_from(table).where(*self._limits(query, table))
        return self.render(counted)

    def render(self, statement: sa.ClauseElement) -> str:
        """The statement's text, values as literals."""
        compiled = statement.compile(dialect=self.dialect, compile_kwargs={"literal_binds": True})
        return str(compiled)

    def _rows(self, query: TableQuery) -> sa.Select[Any]:
        table = self._table(query)
        values = [
            self._value(table.c[name], declared).label(quoted_name(name, quote=True))
            for name, declared in query.columns
        ]
        return sa.select(*values).select_from(table).where(*self._limits(query, table))

    def _table(self, query: TableQuery) -> sa.TableClause:
        names = [name for name, _ in query.columns]
        names += [query.window.column] if query.window else []
        names += [membership.column for membership in query.memberships]
        return sa.table(
            self._name(query.table),
            *(sa.column(self._name(name)) for name in dict.fromkeys(names)),
            schema=self._name(self._schema) if self._schema else None,
        )

    def _name(self, name: str) -> quoted_name:
        size = len(_encoded(name, "a name"))
        # PostgreSQL cuts longer names, which could then be another column's.
        if not name or (self.max_name_bytes and size > self.max_name_bytes):
            raise _invalid("a name", "it is empty or longer than the database's names can be.")
        return quoted_name(name, quote=True)

    def _limits(self, query: TableQuery, table: sa.TableClause) -> Iterable[Condition]:
        if query.window:
            yield from self._window(table.c[query.window.column], query.window)
        for membership in query.memberships:
            yield self._membership(table.c[membership.column], membership)

    def _membership(self, column: Value, membership: Membership) -> Condition:
        for value in membership.values:
            _encoded(value, membership.column)
        if not membership.values:
            return sa.false()
        # Each value its own literal: SQLAlchemy expands a plain list by replacing text afterwards.
        return self._as_text(column).in_([_text(value) for value in membership.values])

    def _as_text(self, column: Value) -> Value:
        # As text whatever the column is: an integer column would match '01' with 1, a citext 'A'
        # with 'a'. On text columns the cast costs nothing and PostgreSQL still uses an index.
        return sa.cast(column, sa.Text)

    @abstractmethod
    def _value(self, column: Value, declared: ColumnType) -> Value:
        """The column as it is to be read."""

    @abstractmethod
    def _window(self, column: Value, window: Window) -> Iterable[Condition]:
        """At or after the start, before the end."""


class PostgresStatements(Statements):
    """PostgreSQL, with standard_conforming_strings on (the session sees to it)."""

    max_name_bytes = 63

    def __init__(self, schema: str | None = None) -> None:
        super().__init__(schema)
        # Not the default pyformat, which doubles every percent sign.
        self.dialect = postgresql.base.PGDialect(paramstyle="named")  # type: ignore[no-untyped-call]
        self.dialect._backslash_escapes = False  # SQLAlchemy would set it from a connection

    def _value(self, column: Value, declared: ColumnType) -> Value:
        return sa.cast(column, sa.Text) if declared.name == "uuid" else column

    def _window(self, column: Value, window: Window) -> Iterable[Condition]:
        zoned = window.type.name == "timestamptz"
        kind = sa.Date() if window.type.name == "date" else sa.TIMESTAMP(timezone=zoned)
        start, end = (sa.cast(_text(bound), kind) for bound in bounds(window))
        return column >= start, column < end


# Text that is no UTF-8, so that it fits no declared type: how a value of another storage class
# is refused. SQLite columns hold anything, and the driver would show a blob as text.
_MISFIT: Value = sa.literal_column("CAST(x'ff' AS TEXT)")
_STORAGE = {
    "integer": ("integer",),
    "boolean": ("integer", "text"),
    "double": ("real", "integer"),
    "decimal": ("integer", "text"),
}


class SQLiteStatements(Statements):
    """SQLite, whose values come as text, save doubles, whose text would not be exact."""

    def __init__(self) -> None:
        super().__init__()
        self.dialect = sqlite.dialect(paramstyle="named")

    def stream(self, query: TableQuery) -> str:
        """`select` below a head row that gives the driver the columns' types.

        The driver takes the types from the first batch; a column that starts with NULLs would be
        an integer column, and fail later. Raises like `select`.
        """
        head: list[Value] = [
            sa.literal_column("0.0" if declared.name == "double" else "''").label(
                quoted_name(name, quote=True)
            )
            for name, declared in query.columns
        ]
        return self.render(sa.union_all(sa.select(*head), self._rows(query)))

    def misplaced(self, query: TableQuery, window: Window) -> str:
        """How many of the rows, but for the window, hold something that is no time there.

        Comparing would leave them out unsaid: unixepoch gives NULL for them, or takes a number
        for a Julian day, and 'now' for the time of the reading.
        """
        table = self._table(query)
        column = table.c[window.column]
        limits = [self._membership(table.c[one.column], one) for one in query.memberships]
        no_time = sa.or_(
            column.op("NOT GLOB")(_text("[0-9][0-9][0-9][0-9]-*")),
            sa.func.unixepoch(column).is_(None),
        )
        counted = sa.select(sa.func.count()).select_from(table)
        return self.render(counted.where(column.is_not(None), no_time, *limits))

    def _as_text(self, column: Value) -> Value:
        # The collation by name: a column declared NOCASE would match 'a' with 'A'.
        return super()._as_text(column).op("COLLATE")(sa.literal_column("BINARY"))

    def _value(self, column: Value, declared: ColumnType) -> Value:
        storage = _STORAGE.get(declared.name, ("text",))
        kind = sa.func.typeof(column)
        read = sa.cast(column, sa.REAL if declared.name == "double" else sa.Text)
        cases: list[tuple[Condition, Value]] = [
            (kind.in_([_text(name) for name in ("null", *storage)]), read)
        ]
        if declared.name == "decimal":
            # A decimal kept as REAL is exact if 15 digits, what a double can tell apart, name it.
            digits = sa.func.printf(_text("%.15g"), column)
            told_apart = sa.cast(digits, sa.REAL) == column
            cases.append((sa.and_(kind == _text("real"), told_apart), digits))
        return sa.case(*cases, else_=_MISFIT)

    def _window(self, column: Value, window: Window) -> Iterable[Condition]:
        # As instants: the texts have mixed offsets, so they do not sort by time.
        start, end = (sa.func.unixepoch(_text(bound)) for bound in bounds(window))
        moment = sa.func.unixepoch(column)
        return moment >= start, moment < end


def bounds(window: Window) -> tuple[str, str]:
    """The window's bounds, checked against its type and written in one way.

    Raises:
        Refused: a bound is not of the window's type (window-invalid).
    """
    try:
        return _bound(window.start, window.type), _bound(window.end, window.type)
    except (ValueError, OverflowError):
        raise Refused(
            "window-invalid",
            window.column,
            f"a bound of the window is not a {window.type} in whole seconds.",
            "give both bounds in ISO 8601, with an offset for timestamptz alone.",
        ) from None


def _bound(text: str, declared: ColumnType) -> str:
    if declared.name not in _WINDOW_TYPES:
        raise ValueError
    if declared.name == "date":
        return date.fromisoformat(text).isoformat()
    moment = datetime.fromisoformat(text)
    zoned = moment.tzinfo is not None
    if moment.microsecond or zoned != (declared.name == "timestamptz"):
        raise ValueError
    return (moment.astimezone(UTC) if zoned else moment).isoformat()


def _text(value: str) -> sa.BindParameter[str]:
    return sa.literal(value, sa.String())


def _encoded(text: str, where: str) -> bytes:
    """Its UTF-8.

    Raises:
        Refused: it holds a NUL or half a surrogate pair (name-invalid).
    """
    try:
        encoded = text.encode()
    except UnicodeEncodeError:
        raise _invalid(where, "it is not valid Unicode.") from None
    if b"\0" in encoded:
        raise _invalid(where, "it holds a NUL character.")
    return encoded


def _invalid(where: str, message: str) -> Refused:
    return Refused(
        "name-invalid",
        where,
        f"a name or code cannot be written in SQL: {message}",
        "correct the name or code in the instruction.",
    )
