"""The statements in SQLite's dialect, whose columns hold anything whatever they are declared as."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite
from sqlalchemy.sql import quoted_name

from remit.adapters.sql_source.statements import Condition, Statements, Value, bounds, text
from remit.columns import ColumnType
from remit.ports import Membership, TableQuery, Window

# Text that is no UTF-8, so that it fits no declared type: how a value of another storage class
# is refused. SQLite columns hold anything, and the driver would show a blob as text.
_MISFIT: Value = sa.literal_column("CAST(x'ff' AS TEXT)")
_STORAGE = {
    "integer": ("integer",),
    "boolean": ("integer", "text"),
    "double": ("real", "integer"),
    "decimal": ("integer", "text"),
}
_HEX = "[0-9a-f]"
_UUID = "-".join(_HEX * digits for digits in (8, 4, 4, 4, 12))
_DAY = "[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]"


class Suspect(NamedTuple):
    """A column whose value decides over rows, and the condition that it holds one of no use."""

    column: str
    declared: ColumnType
    misplaced: Condition


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

    def misplaced(
        self, query: TableQuery, keys: tuple[tuple[str, ColumnType], ...] = ()
    ) -> tuple[list[Suspect], str]:
        """For each column that decides over rows, how many hold something that is not of its type.

        A comparison would leave such rows out unsaid. Counted are the rows that meet every limit,
        or do not only because of such a value.

        Args:
            keys: columns that rows of another table are found by, which decide as well.

        Returns:
            The columns, and the statement whose one row has a count for each.
        """
        table = self._table(query)
        suspects = [self._suspect(table, name, kind) for name, kind in keys]
        limits: list[Condition] = []
        for met, doubtful in self._judged(query, table):
            limits.append(sa.or_(met, *(suspect.misplaced for suspect in doubtful)))
            suspects += doubtful
        if not suspects:
            return [], ""
        counts = [
            sa.func.count(sa.case((one.misplaced, sa.literal_column("1")))) for one in suspects
        ]
        return suspects, self.render(sa.select(*counts).select_from(table).where(*limits))

    def _judged(
        self, query: TableQuery, table: sa.TableClause
    ) -> Iterator[tuple[Condition, list[Suspect]]]:
        """Each limit with the columns that it depends on."""
        if query.window:
            column = table.c[query.window.column]
            suspect = Suspect(query.window.column, query.window.type, _no_time(column))
            yield sa.and_(*self._window(column, query.window)), [suspect]
        for one in query.memberships:
            yield self._membership(table.c[one.column], one), self._doubtful(table, one)
        for join in query.through:
            yield (
                self._semi_join(table, join),
                [self._suspect(table, name, kind) for name, kind in join.columns],
            )

    def _doubtful(self, table: sa.TableClause, membership: Membership) -> list[Suspect]:
        if membership.type.name == "string":  # compared as text whatever is stored
            return []
        return [self._suspect(table, membership.column, membership.type)]

    def _suspect(self, table: sa.TableClause, name: str, declared: ColumnType) -> Suspect:
        column = table.c[name]
        nothing = self._key(column, declared).is_(None)
        return Suspect(name, declared, sa.and_(column.is_not(None), nothing))

    def _value(self, column: Value, declared: ColumnType) -> Value:
        storage = _STORAGE.get(declared.name, ("text",))
        kind = sa.func.typeof(column)
        read = sa.cast(column, sa.REAL if declared.name == "double" else sa.Text)
        cases: list[tuple[Condition, Value]] = [
            (kind.in_([text(n) for n in ("null", *storage)]), read)
        ]
        if declared.name == "decimal":
            cases.append((_told_apart(column), _digits(column)))
        return sa.case(*cases, else_=_MISFIT)

    def _listed(self, column: Value, declared: ColumnType) -> Value:
        if declared.name != "string":
            return self._key(column, declared)
        # As text whatever is stored: a number 1 would match '01'. The collation by name: a column
        # declared NOCASE would match 'a' with 'A'.
        return _bytewise(sa.cast(column, sa.Text))

    def _key(self, column: Value, declared: ColumnType) -> Value:
        """The value if it is of its type, else NULL; of no affinity, so that nothing is converted."""
        kind = sa.func.typeof(column)
        if declared.name == "integer":
            return sa.case((kind == text("integer"), column))
        if declared.name == "double":
            return sa.case((kind.in_([text("real"), text("integer")]), column))
        if declared.name == "decimal":
            return sa.case((kind == text("integer"), column), (_told_apart(column), column))
        if declared.name == "boolean":
            return _yes_or_no(column)
        words, form = _written(column, declared)
        is_text = kind == text("text")
        return _bytewise(sa.case((sa.and_(is_text, form) if form is not None else is_text, words)))

    def _uuid(self, value: str) -> Value:
        return text(value)

    def _boolean(self, value: bool) -> Value:
        return sa.literal_column(str(int(value)))

    def _whole(self, value: int) -> Value:
        # SQLite rounds a literal of more than 64 bits. No column holds such a number unless 15
        # digits name it; a text, which equals no number, stands for one that does not exist.
        exact = -(2**63) <= value < 2**63 or len(str(abs(value)).rstrip("0")) <= 15
        return sa.literal_column(str(value)) if exact else text(str(value))

    def _sum(self, column: Value) -> Value:
        high, low = column.op(">>")(sa.text("32")), column.op("&")(sa.text("4294967295"))
        halves = [sa.cast(sa.func.sum(half), sa.Text) for half in (high, low)]
        return halves[0].op("||")(text(":")).op("||")(halves[1])

    def _window(self, column: Value, window: Window) -> Iterable[Condition]:
        # As instants: the texts have mixed offsets, so they do not sort by time.
        start, end = (sa.func.unixepoch(text(bound)) for bound in bounds(window))
        moment = sa.func.unixepoch(column)
        return moment >= start, moment < end


def _yes_or_no(column: Value) -> Value:
    stored = sa.func.typeof(column).in_([text("integer"), text("text")])
    said = sa.func.lower(sa.cast(column, sa.Text))
    yes, no = (
        said.in_([text(word) for word in words]) for words in (("1", "true"), ("0", "false"))
    )
    return sa.case(
        (sa.and_(stored, yes), sa.literal_column("1")),
        (sa.and_(stored, no), sa.literal_column("0")),
    )


def _written(column: Value, declared: ColumnType) -> tuple[Value, Condition | None]:
    """The text of a value, and the form that it must have; times are compared as they are written."""
    words: Value = sa.cast(column, sa.Text)
    if declared.name == "uuid":
        words = sa.func.lower(words)
        return words, words.op("GLOB")(text(_UUID))
    if declared.name == "date":
        return words, words.op("GLOB")(text(_DAY))
    if declared.name in ("timestamp", "timestamptz"):
        return words, sa.not_(_no_time(column))
    return words, None


def _bytewise(words: Value) -> Value:
    return words.op("COLLATE")(sa.literal_column("BINARY"))


def _digits(column: Value) -> Value:
    return sa.func.printf(text("%.15g"), column)


def _told_apart(column: Value) -> Condition:
    """A decimal kept as REAL is exact if 15 digits, what a double can tell apart, name it."""
    real = sa.func.typeof(column) == text("real")
    return sa.and_(real, sa.cast(_digits(column), sa.REAL) == column)


def _no_time(column: Value) -> Condition:
    """Unixepoch gives NULL, takes a number for a Julian day, or 'now' for the time of the reading."""
    return sa.and_(
        column.is_not(None),
        sa.or_(
            column.op("NOT GLOB")(text("[0-9][0-9][0-9][0-9]-*")),
            sa.func.unixepoch(column).is_(None),
        ),
    )
