"""The statements in MariaDB's dialect, which MySQL shares."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.sql.functions import Function

from remit.adapters.sql_source.statements import Condition, Statements, Value, bounds, text
from remit.columns import ColumnType
from remit.ports import Membership, Window


class MariaDBStatements(Statements):
    """MariaDB, with backslash escapes on and backticks as quotes (the session sees to it).

    Every value is read as the bytes of its text, so that no driver converts it. Texts are compared
    as the bytes of their UTF-8: collations fold case and accents, and leave blanks at the end out.
    The source has made sure that all columns are of the declared types.
    """

    def __init__(self) -> None:
        super().__init__()
        # Not the default format, which doubles every percent sign.
        self.dialect = mysql.base.MySQLDialect(paramstyle="named")

    def _value(self, column: Value, declared: ColumnType) -> Value:
        if declared.name == "string":
            return _utf8(column)
        if declared.name == "uuid":  # whose own bytes are not its text
            return _bytes(_cast(column, "CHAR"))
        if declared.name == "boolean":  # a bit's own bytes are not its text either
            return _bytes(column + sa.literal_column("0"))
        if declared.name == "double":  # a float would be written with six digits
            return _bytes(_cast(column, "DOUBLE"))
        if declared.name == "timestamptz":  # the session's time zone is UTC
            return _bytes(sa.func.concat(column, text("+00:00")))
        return _bytes(column)

    def _membership(self, column: Value, membership: Membership) -> Condition:
        exact = super()._membership(column, membership)
        if membership.type.name != "string" or not all(map(_plain, membership.values)):
            return exact
        # What is equal byte for byte is equal in every collation, which is what an index knows.
        likely = column.in_([text(value) for value in membership.values])
        return sa.and_(likely, exact) if membership.values else exact

    def _listed(self, column: Value, declared: ColumnType) -> Value:
        return self._key(column, declared)

    def _key(self, column: Value, declared: ColumnType) -> Value:
        return _utf8(column) if declared.name == "string" else column

    def _sum(self, column: Value) -> Value:
        return _bytes(sa.func.sum(column))

    def _uuid(self, value: str) -> Value:
        return text(value)

    def _boolean(self, value: bool) -> Value:
        return sa.literal_column(str(int(value)))

    def _whole(self, value: int) -> Value:
        return sa.literal_column(str(value))

    def _window(self, column: Value, window: Window) -> Iterable[Condition]:
        start, end = (_moment(bound, window.type) for bound in bounds(window))
        return column >= start, column < end


def _moment(bound: str, declared: ColumnType) -> Value:
    if declared.name == "date":
        return sa.literal_column(f"DATE '{bound}'")
    moment = datetime.fromisoformat(bound).replace(tzinfo=None)
    return sa.literal_column(f"TIMESTAMP '{moment.isoformat(sep=' ')}'")


def _plain(value: str) -> bool:
    """Whether every character set has it, so that the server converts the literal, not the column."""
    return value.isascii() and value.isprintable()


def _utf8(column: Value) -> Value:
    return _bytes(sa.func.convert(column.op("USING")(sa.literal_column("utf8mb4"))))


def _bytes(value: Value) -> Value:
    return _cast(value, "BINARY")


def _cast(value: Value, kind: str) -> Value:
    return Function("CAST", value.op("AS")(sa.literal_column(kind)))
