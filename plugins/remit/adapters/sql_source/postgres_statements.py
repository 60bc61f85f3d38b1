"""The statements in PostgreSQL's dialect."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from remit.adapters.sql_source.statements import Condition, Statements, Value, bounds, text
from remit.columns import ColumnType
from remit.ports import Part, TableQuery, Window

# That of the database, which compares bytes: two columns of collations of their own have none in
# common. An index whose collation is the database's is still used.
_COLLATION: Value = sa.literal_column('pg_catalog."default"')


class PostgresStatements(Statements):
    """PostgreSQL, with standard_conforming_strings on (the session sees to it).

    The source has made sure that limits are of the declared types, so that whole numbers, uuids
    and times are compared on the bare column, with its index. Texts are compared as `text`, which
    costs an index of a char(n) column, whose own comparison leaves trailing blanks out.
    """

    max_name_bytes = 63

    def __init__(self, schema: str | None = None) -> None:
        super().__init__(schema)
        # Not the default pyformat, which doubles every percent sign.
        self.dialect = postgresql.base.PGDialect(paramstyle="named")  # type: ignore[no-untyped-call]
        self.dialect._backslash_escapes = False  # SQLAlchemy would set it from a connection

    def _value(self, column: Value, declared: ColumnType) -> Value:
        # Its text costs the server less than numeric's binary form, and the driver a third.
        return sa.cast(column, sa.Text) if declared.name == "decimal" else column

    def _part(self, query: TableQuery, part: Part, table: sa.TableClause) -> Iterable[Condition]:
        if part.by == "window" and query.window:
            kind, column = self._time(query.window), table.c[query.window.column]
            bounds: list[Value | None] = [
                sa.cast(text(bound), kind) if bound else None for bound in _ends(part)
            ]
        elif part.by == "blocks":
            column = sa.column("ctid", _selectable=table)
            bounds = [_first_of(bound) if bound else None for bound in _ends(part)]
        else:
            raise ValueError(f"{query.table} cannot be read in parts by {part.by}")
        if bounds[0] is not None:
            yield column >= bounds[0]
        if bounds[1] is not None:
            yield column < bounds[1]

    def _listed(self, column: Value, declared: ColumnType) -> Value:
        # On text columns the cast costs nothing, and an index is still used.
        return sa.cast(column, sa.Text) if declared.name == "string" else column

    def _key(self, column: Value, declared: ColumnType) -> Value:
        if declared.name != "string":
            return column
        return sa.cast(column, sa.Text).op("COLLATE")(_COLLATION)

    def _uuid(self, value: str) -> Value:
        return sa.cast(text(value), sa.UUID)

    def _boolean(self, value: bool) -> Value:
        return sa.literal_column(str(value).lower())

    def _whole(self, value: int) -> Value:
        return sa.literal_column(str(value))

    def _window(self, column: Value, window: Window) -> Iterable[Condition]:
        start, end = (sa.cast(text(bound), self._time(window)) for bound in bounds(window))
        return column >= start, column < end

    def _time(self, window: Window) -> sa.types.TypeEngine[Any]:
        zoned = window.type.name == "timestamptz"
        return sa.Date() if window.type.name == "date" else sa.TIMESTAMP(timezone=zoned)


def _ends(part: Part) -> tuple[str | None, str | None]:
    return part.start, part.end


def _first_of(block: str) -> Value:
    """Where a block of a table's file begins, as rows' own places are written."""
    return sa.literal_column(f"'({int(block)},0)'::pg_catalog.tid")
