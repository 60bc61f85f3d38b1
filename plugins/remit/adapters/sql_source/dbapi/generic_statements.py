"""The statements in any dialect of SQLAlchemy's, executed with bound values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from remit.adapters.sql_source.statements import Condition, Statements, Value, bounds
from remit.columns import ColumnType
from remit.errors import Refused
from remit.ports import SemiJoin, TableQuery, Window


class GenericStatements(Statements):
    """Any database. How it compares texts is not known: it may fold case or leave blanks out.

    A list of texts can therefore give too many rows, which the check of what was read refuses.
    Rows that are found by texts in another table cannot be checked so, and are refused here.
    """

    def __init__(self, dialect: sa.Dialect) -> None:
        super().__init__()
        self.dialect = dialect

    def rows(self, query: TableQuery) -> sa.Select[Any]:
        """The rows, their columns in order. Raises: Refused."""
        return self._rows(query)

    def sums(self, query: TableQuery, summed: Sequence[str]) -> sa.Select[Any]:
        """Their number and the sum of each column, None of nothing. Raises: Refused."""
        table = self._table(query)
        sums = [sa.func.sum(table.c[name]) for name in summed]
        values: list[Value] = [sa.func.count(), *sums]
        counted = sa.select(*values).select_from(table)
        return counted.where(*self._limits(query, table))

    def _semi_join(self, table: sa.TableClause, join: SemiJoin) -> Condition:
        if any(kind.name == "string" for _, kind in join.columns):
            raise Refused(
                "source-query-failed",
                str(table.name),
                "rows are found by a text, and how this database compares texts is not known.",
                "limit the rows by columns of other types.",
            )
        return super()._semi_join(table, join)

    def _value(self, column: Value, declared: ColumnType) -> Value:  # noqa: ARG002
        return column

    def _listed(self, column: Value, declared: ColumnType) -> Value:  # noqa: ARG002
        return column

    def _key(self, column: Value, declared: ColumnType) -> Value:  # noqa: ARG002
        return column

    def _uuid(self, value: str) -> Value:
        return sa.literal(UUID(value), sa.Uuid())

    def _boolean(self, value: bool) -> Value:
        return sa.literal(value, sa.Boolean())

    def _whole(self, value: int) -> Value:
        return sa.literal(value, sa.BigInteger())

    def _window(self, column: Value, window: Window) -> Iterable[Condition]:
        start, end = (_moment(bound, window.type) for bound in bounds(window))
        return column >= start, column < end


def _moment(bound: str, declared: ColumnType) -> Value:
    if declared.name == "date":
        return sa.literal(date.fromisoformat(bound), sa.Date())
    zoned = declared.name == "timestamptz"
    return sa.literal(datetime.fromisoformat(bound), sa.DateTime(timezone=zoned))
