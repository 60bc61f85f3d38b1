"""The check of what was read: each row held to the instruction, as if the source had filtered nothing.

Guarantee: a batch that `RemitCheck.admit` gives has exactly the columns asked for, and only rows
inside window, lists, membership and ceiling, of data subjects who are not on the suppress list; free
text in it was treated as instructed.
Not guaranteed: that the keys of another table are right; they come from the same snapshot, and the
other table's own limits are checked in the same way when they are read.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import replace
from itertools import chain

import pyarrow as pa

from remit.columns import ColumnType
from remit.errors import Refused
from remit.free_text import FreeText, ScannedColumn
from remit.instruction import Table
from remit.key_sets import KeyGatherer, KeySet, Pairing, require_columns, stream_exactly
from remit.ports import SemiJoin, Snapshot, TableQuery
from remit.row_limits import in_list, in_window, listed
from remit.suppression import SubjectFilter


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

    def __init__(self, name: str, query: TableQuery, keys: Sequence[KeySet] = ()) -> None:
        """Prepare the check.

        Args:
            name: the table, as refusals name it.
            keys: for each entry of `query.through`, the keys that are in scope there; see `load`.
        """
        if len(keys) != len(query.through):
            raise ValueError("membership through another table is checked with that table's keys")
        self._name, self._query, self._keys = name, query, keys
        self._listed = [listed(membership) for membership in query.memberships]

    @classmethod
    def load(cls, name: str, query: TableQuery, snapshot: Snapshot) -> ScopeCheck:
        """The check, with the keys read from the snapshot that the rows come from.

        Raises:
            Refused: row-outside-remit, columns-outside-remit, membership-too-large.
        """
        return cls(name, query, [_keys(join, snapshot) for join in query.through])

    def widened(self, *extra: tuple[str, ColumnType]) -> TableQuery:
        """The query with the columns that the limits need, and `extra`, behind its own."""
        query, names = self._query, {name for name, _ in self._query.columns}
        needed = query.limit_columns() | dict(extra)
        more = tuple(item for item in needed.items() if item[0] not in names)
        return replace(query, columns=query.columns + more)

    def require(self, batch: pa.RecordBatch) -> None:
        """Refuse (row-outside-remit) a batch with a row outside any limit."""
        query = self._query
        if query.window:
            self._require(in_window(batch, query.window), query.window.column)
        for membership, values in zip(query.memberships, self._listed, strict=True):
            self._require(in_list(batch, membership, values), membership.column)
        for join, keys in zip(query.through, self._keys, strict=True):
            self._require(keys.holds(batch), ", ".join(name for name, _ in join.columns))

    def _require(self, inside: pa.BooleanArray, column: str) -> None:
        outside = len(inside) - inside.true_count
        if outside:
            raise Refused(
                "row-outside-remit",
                f"{self._name}.{column}",
                f"{outside} of {len(inside)} rows read are outside what was instructed.",
                "nothing was kept; the source did not limit rows as asked: find out why.",
            )


class RemitCheck:
    """Checks batches of one table against the instruction."""

    def __init__(
        self,
        table: Table,
        snapshot: Snapshot | None = None,
        subjects: SubjectFilter | None = None,
        texts: FreeText | None = None,
    ) -> None:
        """Prepare the check.

        Args:
            table: the table's part of the instruction.
            snapshot: where the keys of other tables are read, if membership leads through any.
            subjects: says whose rows may leave, where there is a suppress list.
            texts: looks through free text, where that is instructed.

        Raises:
            Refused: as `ScopeCheck.load`.
        """
        self._table, query = table, table.query()
        self._names = [name for name, _ in query.columns]
        self._subjects, self._texts = subjects, texts
        if snapshot is None:
            self._scope = ScopeCheck(table.name, query)
        else:
            self._scope = ScopeCheck.load(table.name, query, snapshot)
        needed = [one.columns.items() for one in (subjects, texts) if one]
        self._asked = self._scope.widened(*chain.from_iterable(needed))
        self.rows = 0
        self.suppressed = 0

    def anew(self) -> RemitCheck:
        """The same check, that has seen no row; it shares the keys that were read for it."""
        other = copy(self)
        other.rows = other.suppressed = 0
        other._texts = self._texts.anew() if self._texts else None
        return other

    @property
    def scanned(self) -> tuple[ScannedColumn, ...]:
        """What was found in free text so far."""
        return self._texts.scanned() if self._texts else ()

    def query(self) -> TableQuery:
        """The table's query with the columns that the checks need, which are dropped afterwards."""
        return self._asked

    def admit(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The batch with only the allowed columns, of the rows that are not suppressed.

        Raises:
            Refused: columns-outside-remit, row-outside-remit or rows-over-maximum; those of
                `FreeText.apply`.
        """
        require_columns(self._table.name, batch, self._asked)
        self._scope.require(batch)
        self.rows += batch.num_rows
        if self.rows > self._table.rows.maximum:
            raise over_maximum(self._table, self.rows)
        kept = self._without_suppressed(batch)
        if self._texts:
            kept = self._texts.apply(kept)
        return kept.select(self._names)

    def _without_suppressed(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        if self._subjects is None:
            return batch
        kept = batch.filter(self._subjects.kept(batch))
        self.suppressed += batch.num_rows - kept.num_rows
        return kept


def _keys(join: SemiJoin, snapshot: Snapshot) -> KeySet:
    """The keys in scope of another table, each row of it checked against that table's limits."""
    check = ScopeCheck.load(join.keys.table, join.keys, snapshot)
    pairing = Pairing(join.columns, join.keys.columns)
    gathered = KeyGatherer(join.keys.table)
    for batch in stream_exactly(snapshot, check.widened()):
        check.require(batch)
        gathered.add(pairing.other_keys(batch))
    return KeySet(pairing, gathered.keys())
