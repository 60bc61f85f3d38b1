"""The names of the person whom a row is about, found in its own table or through others.

Guarantee: of other tables no more is asked for than what the rows in scope lead to. Where several
persons are reached, the names of all of them are given.
"""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from remit.errors import Refused
from remit.instruction.subjects import DataSubject, SubjectNames, SubjectStep
from remit.key_sets import MOST_KEYS, Pairing, stream_exactly
from remit.ports import SemiJoin, Snapshot, TableQuery

_UNSORTED = 1 << 20
_SCHEMA = ("key", "names")


def step_of_way(
    step: SubjectStep, rest: DataSubject | SubjectNames, scope: TableQuery
) -> tuple[Pairing, TableQuery]:
    """How rows in scope lead to the step's table, and what is asked of that one to go on.

    Args:
        rest: the way from there.
        scope: the rows that lead there.
    """
    own = tuple((join.column, join.own) for join in step.join)
    other = tuple((join.to, join.other) for join in step.join)
    led_to = SemiJoin(other, replace(scope, columns=own))
    columns = tuple((dict(other) | rest.own_columns()).items())
    schema, table = step.there
    return Pairing(own, other), TableQuery(table, columns, through=(led_to,), schema=schema)


class RowNames:
    """Gives for each row of one table the names of its person.

    Attributes:
        columns: those of the table that it needs, with their types.
    """

    def __init__(self, names: SubjectNames, snapshot: Snapshot, scope: TableQuery) -> None:
        """Read the names that this table's rows lead to.

        Args:
            snapshot: the one that the rows come from.
            scope: the rows of the table that are in scope.

        Raises:
            Refused, Unavailable: the source cannot give them, or they are too many to hold.
        """
        self._snapshot = snapshot
        self._names = names.columns
        self.columns = names.own_columns()
        self._reached = self._read(names, scope)

    def of(self, batch: pa.RecordBatch) -> list[pa.Array]:
        """The names of each row's person, in the order of the rows; a value may hold a line each."""
        return self._of(batch, self._reached)

    def _of(self, batch: pa.RecordBatch, reached: _KeyedNames | None) -> list[pa.Array]:
        if reached is None:
            return [batch.column(name) for name in self._names]
        return [reached.of(batch)]

    def _read(self, names: SubjectNames, scope: TableQuery) -> _KeyedNames | None:
        """The names by the keys that rows in scope lead by; None where the rows have them."""
        if not names.through:
            return None
        rest = names.model_copy(update={"through": names.through[1:]})
        pairing, query = step_of_way(names.through[0], rest, scope)
        further = self._read(rest, query)
        gathered = _Gatherer(query.table)
        for batch in stream_exactly(self._snapshot, query):
            gathered.add(pairing.other_keys(batch), self._of(batch, further))
        return _KeyedNames(pairing, gathered.pairs())


class _Gatherer:
    """Gathers distinct pairs of key and name."""

    def __init__(self, place: str) -> None:
        self._place = place
        self._pairs: list[pa.Table] = []
        self._waiting = self._held = 0

    def add(self, keys: pa.Array, names: list[pa.Array]) -> None:
        """Take the keys of more rows, with their names."""
        for column in names:
            pairs = pa.table([keys, column], names=_SCHEMA).drop_null()
            self._pairs.append(pairs)
            self._waiting += len(pairs)
        if self._waiting > max(_UNSORTED, self._held):
            self._settle()

    def pairs(self) -> pa.Table | None:
        """The distinct pairs; None when nothing was added."""
        self._settle()
        return self._pairs[0] if self._pairs else None

    def _settle(self) -> None:
        if self._pairs:
            together = pa.concat_tables(self._pairs)
            self._pairs = [together.group_by([*_SCHEMA]).aggregate([]).select(_SCHEMA)]
            self._held, self._waiting = len(self._pairs[0]), 0
        if self._held > MOST_KEYS:
            raise Refused(
                "membership-too-large",
                self._place,
                f"more than {MOST_KEYS} of its names are needed to look for them, too many to hold.",
                "narrow the limits on the tables, or split the instruction by period.",
            )


class _KeyedNames:
    """Finds names by key: the keys sorted, and for each a text with a name a line."""

    def __init__(self, pairing: Pairing, pairs: pa.Table | None) -> None:
        self._pairing = pairing
        self._keys: pa.Array = pa.array([], pa.string())
        if pairs is None or len(pairs) == 0:
            return
        listed = pairs.group_by("key").aggregate([("names", "list")]).combine_chunks()
        names = pc.binary_join(listed.column("names_list").chunk(0), "\n")
        keys = listed.column("key").chunk(0)
        order = pc.array_sort_indices(keys)
        self._keys, self._names = keys.take(order), names.take(order)

    def of(self, rows: pa.RecordBatch) -> pa.Array:
        """The names of each row; NULL where its key leads to none."""
        if len(self._keys) == 0:
            return pa.nulls(rows.num_rows, pa.string())
        sought = self._pairing.own_keys(rows)
        places = pc.search_sorted(self._keys, sought)
        last = pa.scalar(len(self._keys) - 1, pa.uint64())
        places = pc.min_element_wise(places, last, skip_nulls=False)
        there = pc.equal(self._keys.take(places), sought)
        return pc.if_else(pc.fill_null(there, False), self._names.take(places), None)
