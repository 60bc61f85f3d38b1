"""Whether what a query names is there, asked before it is run.

PostgreSQL reads ``t.concat``, where no column has that name, as the function concat called with the
whole row, and SQLite knows a rowid, and names in any case: a column that is not at the source must
not be asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from remit.adapters.sql_source.conform import misfit
from remit.columns import ColumnType
from remit.errors import Refused
from remit.ports import Relation, SourceColumn, TableQuery

Columns = tuple[tuple[str, ColumnType], ...]
Live = Mapping[str, SourceColumn]
"""The columns of a relation by name; empty where there is no such relation."""


def require_present(query: TableQuery, live: Callable[[Relation], Live]) -> None:
    """Refuse (column-missing) a relation or column that is not there, by its exact name."""
    for asked, _ in touched(query):
        columns = live(asked.relation)
        names = {name for name, _ in asked.columns} | asked.limit_columns().keys()
        if not columns or not names <= columns.keys():
            raise absent(asked.table)


def require_types(query: TableQuery, live: Callable[[Relation], Live]) -> None:
    """Refuse (value-not-of-type) a column that decides over rows and is not of the declared type.

    A comparison with a value of another type could be one of rounded or folded values. Decimals may
    differ in precision; no comparison rounds them.
    """
    for asked, keys in touched(query):
        columns = live(asked.relation)
        for name, declared in (*_deciding(asked), *keys):
            kind = columns[name].type
            if kind is None or kind.name != declared.name:
                raise misfit(f"{asked.table}.{name}", declared)


def require_decimals(query: TableQuery, live: Live) -> None:
    """Refuse (value-not-of-type) a decimal that is none at the source, where it is read as text."""
    for name, declared in query.columns:
        kind = live[name].type
        if declared.name == "decimal" and (kind is None or kind.name != "decimal"):
            raise misfit(f"{query.table}.{name}", declared)


def touched(query: TableQuery, keys: Columns = ()) -> Iterator[tuple[TableQuery, Columns]]:
    """The query, and those of the tables that it leads through, each with the keys found there."""
    yield query, keys
    for join in query.through:
        yield from touched(join.keys, join.keys.columns)


def _deciding(query: TableQuery) -> Iterator[tuple[str, ColumnType]]:
    """The columns of each limit, one that serves several limits several times."""
    if query.window:
        yield query.window.column, query.window.type
    for membership in query.memberships:
        yield membership.column, membership.type
    for join in query.through:
        yield from join.columns


def absent(table: str) -> Refused:
    """The refusal of a query for what is not there."""
    return Refused(
        "column-missing",
        table,
        "the table, or one of the columns asked for, is not there.",
        "plan again: the source's schema is not what the instruction was made for.",
    )
