"""Keys of other tables, among which rows are found: exact, by the declared types, NULL never found.

A key of several columns becomes one text from which each of them could be read again, so that
unlike keys never become the same. The keys are sorted once; a batch is looked up by binary search,
without a table of hashes that would be built anew for each batch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from remit.columns import ColumnType
from remit.errors import Refused
from remit.ports import Snapshot, TableQuery

Columns = Sequence[tuple[str, ColumnType]]

MOST_KEYS = 10_000_000
"""How many distinct keys of another table are held in memory; a uuid takes 44 bytes, sorting twice more."""

_UNSORTED = 1 << 20
"""How many keys are gathered before those that come again are dropped."""


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


def stream_exactly(snapshot: Snapshot, query: TableQuery) -> Iterator[pa.RecordBatch]:
    """The rows of a query, in exactly the columns and types asked for.

    Raises:
        Refused: columns-outside-remit; what the source refuses.
    """
    for batch in snapshot.stream(query):
        require_columns(query.table, batch, query)
        yield batch


@dataclass(frozen=True, slots=True)
class Pairing:
    """Which columns of one table are found in which of another, in the same order.

    Attributes:
        own: of the table whose rows are found.
        other: of the table whose keys they are found among; types are the same, or whole numbers.
    """

    own: Columns
    other: Columns

    def __post_init__(self) -> None:
        if not self.own or len(self.own) != len(self.other):
            raise ValueError("keys are compared column by column")

    def own_keys(self, rows: pa.RecordBatch) -> pa.Array:
        """The key of each row of the first table; NULL where any of its columns is."""
        return self._keys(rows, self.own)

    def other_keys(self, rows: pa.RecordBatch) -> pa.Array:
        """The same of the second table, so that equal keys have equal values."""
        return self._keys(rows, self.other)

    def _keys(self, rows: pa.RecordBatch, columns: Columns) -> pa.Array:
        alike = [
            mine == theirs for (_, mine), (_, theirs) in zip(self.own, self.other, strict=True)
        ]
        parts = [
            _comparable(rows.column(name), same)
            for (name, _), same in zip(columns, alike, strict=True)
        ]
        return parts[0] if len(parts) == 1 else _joined(parts)


class KeyGatherer:
    """Gathers the distinct keys of one table.

    Args:
        place: the table, as refusals name it.
    """

    def __init__(self, place: str) -> None:
        self._place = place
        self._distinct: list[pa.Array] = []
        self._new: list[pa.Array] = []
        self._held = self._waiting = 0

    def add(self, keys: pa.Array) -> None:
        """Take more keys.

        Raises:
            Refused: there are too many (membership-too-large).
        """
        self._new.append(keys.drop_null())
        self._waiting += len(self._new[-1])
        if self._waiting > max(_UNSORTED, self._held):
            self._settle()

    def keys(self) -> pa.Array | None:
        """The distinct keys; None when nothing was added. Raises like `add`."""
        self._settle()
        return self._distinct[0] if self._distinct else None

    def _settle(self) -> None:
        if self._new:
            together = pa.chunked_array([*self._distinct, *self._new])
            self._distinct, self._new = [pc.unique(together)], []
            self._held, self._waiting = len(self._distinct[0]), 0
        if self._held > MOST_KEYS:
            raise Refused(
                "membership-too-large",
                self._place,
                f"more than {MOST_KEYS} of its keys are needed to check rows, too many to hold.",
                "narrow the limits on the tables, or split the instruction by period.",
            )


class KeySet:
    """Finds rows by their keys.

    Args:
        keys: made by `Pairing.other_keys`, in any order; None is none at all.
    """

    def __init__(self, pairing: Pairing, keys: pa.Array | None) -> None:
        self._pairing = pairing
        self._sorted = None if keys is None else keys.take(pc.array_sort_indices(keys))

    def holds(self, rows: pa.RecordBatch) -> pa.BooleanArray:
        """True for each row whose key is among them."""
        if self._sorted is None or len(self._sorted) == 0:
            return pa.repeat(False, rows.num_rows)
        sought = self._pairing.own_keys(rows)
        places = pc.search_sorted(self._sorted, sought)
        last = pa.scalar(len(self._sorted) - 1, pa.uint64())
        nearest = self._sorted.take(pc.min_element_wise(places, last, skip_nulls=False))
        return pc.fill_null(pc.equal(nearest, sought), False)


def _comparable(column: pa.Array, alike: bool) -> pa.Array:
    """Values of a type that can be sorted, equal where the column's are, and only there."""
    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_decimal(kind) or not alike:
        # Decimals of one type have one text per value, and whole numbers of any type the same.
        return column.cast(pa.large_string())
    if pa.types.is_floating(kind):
        # By their bits: -0.0 is 0.0, and one NaN is like another, as databases have it.
        unsigned = pc.add(column, 0.0)
        return pc.if_else(pc.is_nan(unsigned), float("nan"), unsigned).view(pa.int64())
    if pa.types.is_timestamp(kind):
        return column.view(pa.int64())
    return column


def _joined(parts: Sequence[pa.Array]) -> pa.Array:
    """One text for all: each part behind its length, so that no two tuples have the same text."""
    pieces = []
    for part in parts:
        words = part.cast(pa.large_string())
        pieces += [pc.binary_length(words).cast(pa.large_string()), words]
    return pc.binary_join_element_wise(*pieces, pa.scalar(":", pa.large_string()))
