"""Suppression: rows of data subjects who are on the controller's list leave in no table.

Guarantee: a row is kept only if its data subject is known and not on the list; where the way to the
data subject leads through other tables, every subject found there must be. A row that leads to
nobody is left out: nobody can tell whose it is. Of those other tables, no more is asked for than
what the rows in scope lead to.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from remit.columns import ColumnType
from remit.instruction import Instruction, Table
from remit.instruction.subjects import DataSubject
from remit.key_sets import KeyGatherer, KeySet, stream_exactly
from remit.ports import PseudonymKeys, Snapshot, TableQuery
from remit.subject_names import step_of_way
from remit.transform import SuppressList


class SubjectFilter:
    """Says of each row of one table whether its data subject may leave.

    Attributes:
        columns: those of the table that it needs, with their types.
    """

    def __init__(
        self, subject: DataSubject, listed: SuppressList, snapshot: Snapshot, scope: TableQuery
    ) -> None:
        """Read what leads from this table's rows to data subjects.

        Args:
            snapshot: the one that the rows come from.
            scope: the rows of the table that are in scope.

        Raises:
            Refused, Unavailable: the source cannot give it, or it is too much to hold.
        """
        self._subject, self._listed, self._snapshot = subject, listed, snapshot
        self._type = ColumnType.parse(subject.type)
        self.columns = subject.own_columns()
        self._allowed = self._reached(subject, scope)

    def kept(self, batch: pa.RecordBatch) -> pa.BooleanArray:
        """True for each row that may leave, in the order of the rows."""
        return self._judged(batch, self._allowed)

    def _judged(self, batch: pa.RecordBatch, allowed: KeySet | None) -> pa.BooleanArray:
        if allowed is None:
            return self._listed.allowed(batch.column(self._subject.column), self._type)
        return allowed.holds(batch)

    def _reached(self, subject: DataSubject, scope: TableQuery) -> KeySet | None:
        """The keys that lead from rows in scope to data subjects who may all leave.

        None at the end of the way, where the rows themselves name the data subject.
        """
        if not subject.through:
            return None
        step = subject.through[0]
        rest = subject.model_copy(update={"through": subject.through[1:]})
        pairing, query = step_of_way(step, rest, scope)
        further = self._reached(rest, query)
        seen, barred = KeyGatherer(query.table), KeyGatherer(query.table)
        for batch in stream_exactly(self._snapshot, query):
            keys = pairing.other_keys(batch)
            seen.add(keys)
            barred.add(keys.filter(pc.invert(self._judged(batch, further))))
        return KeySet(pairing, _without(seen.keys(), barred.keys()))


def _without(keys: pa.Array | None, barred: pa.Array | None) -> pa.Array | None:
    if keys is None or barred is None:
        return keys
    return keys.filter(pc.invert(pc.is_in(keys, barred)))


def subject_filter(
    terms: Instruction, table: Table, keys: PseudonymKeys, snapshot: Snapshot
) -> SubjectFilter | None:
    """The filter of a table; None without a suppress list, or where no row is about a person.

    Raises:
        Refused: pseudonym-key-missing, pseudonym-key-differs; those of reading the way.
    """
    if terms.suppress is None or table.data_subject is None:
        return None
    mac = keys.mac(terms.suppress.key, terms.pseudonym_check(terms.suppress.key))
    listed = SuppressList(terms.suppress.subjects, mac)
    return SubjectFilter(table.data_subject, listed, snapshot, table.query())
