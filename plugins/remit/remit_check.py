"""The check of what was read: each row held to the instruction, as if the source had filtered nothing.

Guarantee: a batch that `RemitCheck.admit` gives has exactly the columns asked for, and only rows
inside window, lists, membership and ceiling, of data subjects who are not on the suppress list.
Not guaranteed: that the keys of another table are right; they come from the same snapshot, and the
other table's own limits are checked in the same way when they are read.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from remit.columns import ColumnType
from remit.errors import Refused
from remit.instruction import Table
from remit.key_sets import count_found
from remit.ports import Membership, SemiJoin, Snapshot, TableQuery, Window
from remit.suppression import SubjectFilter

MOST_KEYS = 20_000_000
"""How many keys of another table are held in memory for one membership."""


def over_maximum(table: Table, rows: int) -> Refused:
    """The refusal of more rows than the instruction's ceiling."""
    return Refused(
        "rows-over-maximum",
        table.name,
        f"{rows} rows are in scope, the instruction allows at most {table.rows.maximum}.",
        "narrow the window or sites, or ask the controller to raise the table's maximum.",
    )


class ScopeCheck:
    """Holds batches to the limits of one query."""

    def __init__(self, name: str, query: TableQuery, keys: Sequence[pa.Table] = ()) -> None:
        """Prepare the check.

        Args:
            name: the table, as refusals name it.
            keys: for each entry of `query.through`, the keys that are in scope there; see `load`.
        """
        if len(keys) != len(query.through):
            raise ValueError("membership through another table is checked with that table's keys")
        self._name, self._query, self._keys = name, query, keys

    @classmethod
    def load(cls, name: str, query: TableQuery, snapshot: Snapshot) -> ScopeCheck:
        """The check, with the keys read from the snapshot that the rows come from.

        Raises:
            Refused: row-outside-remit, membership-too-large.
        """
        return cls(name, query, [_keys(join, snapshot) for join in query.through])

    def widened(self, *extra: tuple[str, ColumnType]) -> TableQuery:
        """The query with the columns that the limits need, and `extra`, behind its own."""
        query, names = self._query, {name for name, _ in self._query.columns}
        needed = query.limit_columns() | dict(extra)
        columns = query.columns + tuple(item for item in needed.items() if item[0] not in names)
        return TableQuery(
            query.table, columns, query.window, query.memberships, query.through, query.schema
        )

    def require(self, batch: pa.RecordBatch) -> None:
        """Refuse (row-outside-remit) a batch with a row outside any limit."""
        query = self._query
        if query.window:
            self._require(_in_window(batch, query.window), query.window.column)
        for membership in query.memberships:
            self._require(_is_member(batch, membership), membership.column)
        for join, keys in zip(query.through, self._keys, strict=True):
            names = [name for name, _ in join.columns]
            found = count_found(batch.select(names), keys)
            self._require_all(found, batch.num_rows, ", ".join(names))

    def _require(self, inside: pa.BooleanArray, column: str) -> None:
        self._require_all(pc.sum(inside).as_py() or 0, len(inside), column)

    def _require_all(self, inside: int, rows: int, column: str) -> None:
        if inside != rows:
            raise Refused(
                "row-outside-remit",
                f"{self._name}.{column}",
                f"{rows - inside} of {rows} rows read are outside what was instructed.",
                "nothing was kept; the source did not limit rows as asked: find out why.",
            )


class RemitCheck:
    """Checks batches of one table against the instruction."""

    def __init__(
        self,
        table: Table,
        snapshot: Snapshot | None = None,
        subjects: SubjectFilter | None = None,
    ) -> None:
        """Prepare the check.

        Args:
            table: the table's part of the instruction.
            snapshot: where the keys of other tables are read, if membership leads through any.
            subjects: says whose rows may leave, where there is a suppress list.
        """
        self._table, self._query = table, table.query()
        self._subjects = subjects
        if snapshot is None:
            self._scope = ScopeCheck(table.name, self._query)
        else:
            self._scope = ScopeCheck.load(table.name, self._query, snapshot)
        self.rows = 0
        self.suppressed = 0

    def query(self) -> TableQuery:
        """The table's query with the columns that the checks need, which are dropped afterwards."""
        return self._scope.widened(*(self._subjects.columns.items() if self._subjects else ()))

    def admit(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The batch with only the allowed columns, of the rows that are not suppressed.

        Raises:
            Refused: columns-outside-remit, row-outside-remit or rows-over-maximum.
        """
        require_columns(self._table.name, batch, self.query())
        self._scope.require(batch)
        self.rows += batch.num_rows
        if self.rows > self._table.rows.maximum:
            raise over_maximum(self._table, self.rows)
        return self._without_suppressed(batch).select([name for name, _ in self._query.columns])

    def _without_suppressed(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        if self._subjects is None:
            return batch
        kept = batch.filter(self._subjects.kept(batch))
        self.suppressed += batch.num_rows - kept.num_rows
        return kept


def require_columns(name: str, batch: pa.RecordBatch, query: TableQuery) -> None:
    """Refuse (columns-outside-remit) a batch of other columns or types than were asked for."""
    expected = pa.schema([(column, kind.arrow()) for column, kind in query.columns])
    if not batch.schema.remove_metadata().equals(expected):
        raise Refused(
            "columns-outside-remit",
            name,
            "the source returned other columns or types than were asked for.",
            "nothing was kept; plan again to see what changed at the source.",
        )


def _keys(join: SemiJoin, snapshot: Snapshot) -> pa.Table:
    """The distinct keys in scope of another table, each row checked against that table's limits."""
    check = ScopeCheck.load(join.keys.table, join.keys, snapshot)
    names = [name for name, _ in join.keys.columns]
    schema = pa.schema([(name, kind.arrow()) for name, kind in join.keys.columns])
    parts, rows, query = [schema.empty_table()], 0, check.widened()
    for batch in snapshot.stream(query):
        require_columns(join.keys.table, batch, query)
        check.require(batch)
        rows += batch.num_rows
        if rows > MOST_KEYS:
            raise Refused(
                "membership-too-large",
                join.keys.table,
                f"more than {MOST_KEYS} of its rows are in scope, too many to check membership by.",
                "narrow the limits on that table, or split the instruction by period.",
            )
        parts.append(pa.Table.from_batches([batch.select(names)]))
    keys = pa.concat_tables(parts)
    return keys.group_by(names).aggregate([]).combine_chunks()


def _in_window(batch: pa.RecordBatch, window: Window) -> pa.BooleanArray:
    column, kind = batch.column(window.column), window.type.arrow()
    start, end = (pa.scalar(text).cast(kind) for text in (window.start, window.end))
    inside = pc.and_(pc.greater_equal(column, start), pc.less(column, end))
    return pc.fill_null(inside, False)


def _is_member(batch: pa.RecordBatch, membership: Membership) -> pa.BooleanArray:
    values = pa.array(membership.values, pa.string()).cast(membership.type.arrow())
    return pc.is_in(batch.column(membership.column), values, skip_nulls=True)
