"""Suppression: rows of data subjects who are on the controller's list leave in no table.

Guarantee: a row is kept only if its data subject is known and not on the list; where the way to the
data subject leads through other tables, every subject found there must be. A row that leads to
nobody is left out: nobody can tell whose it is.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from remit.columns import ColumnType
from remit.instruction import Instruction, Table
from remit.instruction.tables import DataSubject, SubjectStep
from remit.key_sets import looked_up
from remit.ports import PseudonymKeys, Snapshot, TableQuery
from remit.transform import SuppressList

_VERDICT = "verdict"


class SubjectFilter:
    """Says of each row of one table whether its data subject may leave."""

    def __init__(self, subject: DataSubject, listed: SuppressList, snapshot: Snapshot) -> None:
        """Read what leads from this table's rows to data subjects.

        Args:
            snapshot: the one that the rows come from.

        Raises:
            Refused, Unavailable: the source cannot give it.
        """
        self._subject, self._listed = subject, listed
        self._type = ColumnType.parse(subject.type)
        self._keys = self._load(snapshot) if subject.through else None
        self.columns = subject.own_columns()

    def kept(self, batch: pa.RecordBatch) -> pa.BooleanArray:
        """True for each row that may leave, in the order of the rows."""
        if self._keys is None:
            return self._listed.allowed(batch.column(self._subject.column), self._type)
        return self._found(batch.select(list(self.columns)), self._keys)

    def _load(self, snapshot: Snapshot) -> pa.Table:
        """The first step's keys, each with its verdict."""
        steps, verdicts = self._subject.through or [], None
        for step, following in zip(reversed(steps), [None, *reversed(steps[1:])], strict=True):
            verdicts = self._load_step(snapshot, step, following, verdicts)
        if verdicts is None:
            raise ValueError("the way to the data subject has no step")
        return verdicts

    def _load_step(
        self,
        snapshot: Snapshot,
        step: SubjectStep,
        following: SubjectStep | None,
        verdicts: pa.Table | None,
    ) -> pa.Table:
        keys = {join.to: join.other for join in step.join}
        onward = (
            {join.column: join.own for join in following.join}
            if following
            else {self._subject.column: self._type}
        )
        columns = tuple((keys | onward).items())
        query = TableQuery(step.relation, columns, schema=step.schema_name)
        names = list(keys)
        schema = pa.schema([(name, keys[name].arrow()) for name in names])
        parts = [schema.append(pa.field(_VERDICT, pa.bool_())).empty_table()]
        for batch in snapshot.stream(query):
            if verdicts is None:
                kept = self._listed.allowed(batch.column(self._subject.column), self._type)
            else:
                kept = self._found(batch.select(list(onward)), verdicts)
            found = pa.Table.from_batches([batch.select(names)]).append_column(_VERDICT, kept)
            parts.append(found)
        together = pa.concat_tables(parts).group_by(names).aggregate([(_VERDICT, "all")])
        return together.rename_columns([*names, _VERDICT]).combine_chunks()

    def _found(self, rows: pa.RecordBatch, keys: pa.Table) -> pa.BooleanArray:
        verdicts = keys.column(_VERDICT).combine_chunks()
        return pc.fill_null(looked_up(rows, keys.drop_columns([_VERDICT]), verdicts), False)


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
    return SubjectFilter(table.data_subject, SuppressList(terms.suppress.subjects, mac), snapshot)
