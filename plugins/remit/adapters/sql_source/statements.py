"""The SELECTs, generated with SQLAlchemy: every name quoted, every value a literal.

Literals, because ADBC streams by COPY only without parameters. Every column is qualified with its
table: a bare name that is no column of an inner query's table could be one of the outer query's,
and SQLite reads a bare "name" that is no column at all as the text 'name'.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql import quoted_name

from remit.columns import ColumnType
from remit.errors import Refused
from remit.ports import Membership, Part, SemiJoin, TableQuery, Window

Value = sa.ColumnElement[Any]
Condition = sa.ColumnElement[bool]

_WINDOW_TYPES = ("date", "timestamp", "timestamptz")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Statements(ABC):
    """The statements of one dialect, over the tables of `schema` where a query names none."""

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
        table = self._table(query)
        columns = ",\n       ".join(
            f"{self.render(self._value(table.c[name], declared))} AS {self._quoted(name)}"
            for name, declared in query.columns
        )
        # A line for each column: people read it in the plan.
        one: Value = sa.literal_column("1")
        rest = self.render(sa.select(one).select_from(table).where(*self._limits(query, table)))
        return f"SELECT {columns}{rest.removeprefix('SELECT 1')}"

    def _quoted(self, name: str) -> str:
        return self.dialect.identifier_preparer.quote_identifier(self._name(name))

    def count(self, query: TableQuery) -> str:
        """The number of those rows. Raises like `select`."""
        return self.totals(query, ())

    def totals(self, query: TableQuery, summed: Sequence[str]) -> str:
        """The number of those rows, and the sums of columns as text. Raises like `select`."""
        table = self._table(query)
        values = [sa.func.count(), *(self._sum(table.c[name]) for name in summed)]
        counted = sa.select(*values).select_from(table).where(*self._limits(query, table))
        return self.render(counted)

    def render(self, statement: sa.ClauseElement) -> str:
        """The statement's text, values as literals."""
        compiled = statement.compile(dialect=self.dialect, compile_kwargs={"literal_binds": True})
        return str(compiled)

    def literal(self, value: str, where: str = "a name") -> str:
        """A text as it is written in SQL. Raises: Refused (name-invalid)."""
        encoded(value, where)
        return self.render(text(value))

    def _rows(self, query: TableQuery) -> sa.Select[Any]:
        table = self._table(query)
        values = [
            self._value(table.c[name], declared).label(quoted_name(name, quote=True))
            for name, declared in query.columns
        ]
        return sa.select(*values).select_from(table).where(*self._limits(query, table))

    def _table(self, query: TableQuery) -> sa.TableClause:
        names = [*(name for name, _ in query.columns), *query.limit_columns()]
        schema = query.schema or self._schema
        return sa.table(
            self._name(query.table),
            *(sa.column(self._name(name)) for name in dict.fromkeys(names)),
            schema=self._name(schema) if schema else None,
        )

    def _name(self, name: str) -> quoted_name:
        size = len(encoded(name, "a name"))
        # PostgreSQL cuts longer names, which could then be another column's.
        if not name or (self.max_name_bytes and size > self.max_name_bytes):
            raise _invalid("a name", "it is empty or longer than the database's names can be.")
        return quoted_name(name, quote=True)

    def _limits(self, query: TableQuery, table: sa.TableClause) -> Iterable[Condition]:
        if query.window:
            yield from self._window(table.c[query.window.column], query.window)
        for membership in query.memberships:
            yield self._membership(table.c[membership.column], membership)
        for join in query.through:
            yield self._semi_join(table, join)
        if query.part:
            yield from self._part(query, query.part, table)

    def _part(
        self,
        query: TableQuery,
        part: Part,
        table: sa.TableClause,  # noqa: ARG002  (dialects that can, need it)
    ) -> Iterable[Condition]:
        raise ValueError(f"{query.table} cannot be read in parts by {part.by} in this dialect")

    def _sum(self, column: Value) -> Value:
        return sa.cast(sa.func.sum(column), sa.Text)

    def _membership(self, column: Value, membership: Membership) -> Condition:
        kind, where = membership.type, membership.column
        values = [self._literal(value, kind, where) for value in membership.values]
        if not values:
            return sa.false()
        # Each value its own literal: SQLAlchemy expands a plain list by replacing text afterwards.
        return self._listed(column, kind).in_(values)

    def _semi_join(self, table: sa.TableClause, join: SemiJoin) -> Condition:
        """Found among the keys; the inner query is complete in itself, and a NULL is never found."""
        kinds, others = ([_compared(k) for _, k in c] for c in (join.columns, join.keys.columns))
        if not kinds or kinds != others:
            raise ValueError("a semi-join compares columns with keys of the same types")
        other = self._table(join.keys)
        own = [self._key(table.c[name], kind) for name, kind in join.columns]
        keys = [self._key(other.c[name], kind) for name, kind in join.keys.columns]
        found = sa.select(*keys).select_from(other).where(*self._limits(join.keys, other))
        compared = own[0] if len(own) == 1 else sa.tuple_(*own)
        return compared.in_(found.correlate(None))

    def _literal(self, value: str, declared: ColumnType, where: str) -> Value:
        encoded(value, where)
        if declared.name == "string":
            return text(value)
        if declared.name == "uuid":
            if _UUID.fullmatch(value) is None:
                raise _invalid(where, "it is no uuid in lower case with its four hyphens.")
            return self._uuid(value)
        if declared.name == "boolean":
            if value not in ("true", "false"):
                raise _invalid(where, "it is neither true nor false.")
            return self._boolean(value == "true")
        if (declared.name, declared.scale) not in (("integer", 0), ("decimal", 0)):
            raise _invalid(where, f"rows are not listed by a {declared}.")
        return self._whole(_whole(value, where))

    @abstractmethod
    def _value(self, column: Value, declared: ColumnType) -> Value:
        """The column as it is to be read."""

    @abstractmethod
    def _listed(self, column: Value, declared: ColumnType) -> Value:
        """The column as it is compared, exactly, with literals of its declared type."""

    @abstractmethod
    def _key(self, column: Value, declared: ColumnType) -> Value:
        """The column as it is compared, exactly, with another table's of the same declared type."""

    @abstractmethod
    def _uuid(self, value: str) -> Value:
        """A literal for `_listed`."""

    @abstractmethod
    def _boolean(self, value: bool) -> Value:
        """A literal for `_listed`."""

    @abstractmethod
    def _whole(self, value: int) -> Value:
        """A literal for `_listed`."""

    @abstractmethod
    def _window(self, column: Value, window: Window) -> Iterable[Condition]:
        """At or after the start, before the end."""


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


def text(value: str) -> sa.BindParameter[str]:
    """A text literal."""
    return sa.literal(value, sa.String())


def encoded(value: str, where: str) -> bytes:
    """Its UTF-8.

    Raises:
        Refused: it holds a NUL or half a surrogate pair (name-invalid).
    """
    try:
        data = value.encode()
    except UnicodeEncodeError:
        raise _invalid(where, "it is not valid Unicode.") from None
    if b"\0" in data:
        raise _invalid(where, "it holds a NUL character.")
    return data


def _bound(moment: str, declared: ColumnType) -> str:
    if declared.name not in _WINDOW_TYPES:
        raise ValueError
    if declared.name == "date":
        return date.fromisoformat(moment).isoformat()
    parsed = datetime.fromisoformat(moment)
    zoned = parsed.tzinfo is not None
    if parsed.microsecond or zoned != (declared.name == "timestamptz"):
        raise ValueError
    return (parsed.astimezone(UTC) if zoned else parsed).isoformat()


def _compared(declared: ColumnType) -> ColumnType:
    """What a key is compared as: all whole numbers alike, whatever holds them."""
    whole = declared.name == "decimal" and declared.scale == 0
    return ColumnType("integer") if whole else declared


def _whole(value: str, where: str) -> int:
    """The number, if the text is just how it is written: no other text may stand for it."""
    number: int | None
    try:
        number = int(value)
    except ValueError:  # no number, or one of thousands of digits
        number = None
    if number is None or str(number) != value:
        raise _invalid(where, "it is no whole number in plain decimal digits.")
    return number


def _invalid(where: str, message: str) -> Refused:
    return Refused(
        "name-invalid",
        where,
        f"a name or code cannot be written in SQL: {message}",
        "correct the name or code in the instruction.",
    )
