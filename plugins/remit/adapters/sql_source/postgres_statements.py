"""The statements in PostgreSQL's dialect."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from remit.adapters.sql_source.statements import Condition, Statements, Value, bounds, text
from remit.columns import ColumnType
from remit.ports import Window

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
        return sa.cast(column, sa.Text) if declared.name == "uuid" else column

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
        zoned = window.type.name == "timestamptz"
        kind = sa.Date() if window.type.name == "date" else sa.TIMESTAMP(timezone=zoned)
        start, end = (sa.cast(text(bound), kind) for bound in bounds(window))
        return column >= start, column < end
