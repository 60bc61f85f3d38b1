"""Rows of a dump that meet a query's limits: each is held to them as it is parsed, and then let go."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from remit.adapters.dump_source.tables import Texts, TextTable
from remit.adapters.dump_source.values import Misread, Values
from remit.ahead import ahead
from remit.columns import ColumnType
from remit.errors import Refused
from remit.instruction.dump import Dump
from remit.key_sets import KeyGatherer, KeySet, Pairing
from remit.ports import Part, Relation, SemiJoin, TableQuery, Totals
from remit.row_limits import in_list, in_window, listed


class DumpSnapshot:
    """The files of one dump, as long as they are open; see `remit.ports.Snapshot`."""

    def __init__(
        self, form: Dump, tables: Mapping[Relation, TextTable], files: Mapping[Relation, str]
    ) -> None:
        self._tables, self._files = tables, files
        self._values = Values(form)
        # Each set of keys is a pass over a file; counting and reading need the same.
        self._keys: dict[SemiJoin, KeySet] = {}

    def count(self, query: TableQuery) -> int:
        """Rows that meet the limits. Raises: Refused, Unavailable."""
        return sum(rows.num_rows for rows in self.stream(replace(query, columns=())))

    def totals(self, query: TableQuery, summed: Sequence[str]) -> Totals:
        """Their number, and exact sums. Raises: Refused, Unavailable."""
        declared = dict(query.columns)
        asked = replace(query, columns=tuple((name, declared[name]) for name in summed))
        rows, sums = 0, dict.fromkeys(summed, Decimal(0))
        for batch in self.stream(asked):
            rows += batch.num_rows
            for name in summed:
                sums[name] += _sum(batch.column(name))
        return Totals(rows, sums)

    def divide(self, query: TableQuery, parts: int) -> list[Part]:  # noqa: ARG002
        """Nothing: a file is read from its beginning to its end."""
        return []

    def share(self) -> None:
        """None: there is nothing that another connection could open."""

    def stream(self, query: TableQuery) -> Iterator[pa.RecordBatch]:
        """Those rows.

        Raises:
            Refused: column-missing, value-not-of-type, dump-encoding, dump-malformed, dump-changed.
            Unavailable: a file cannot be read.
        """
        names = [name for name, _ in query.columns]
        needed = dict.fromkeys((*names, *query.limit_columns()))
        table, file = self._present(query, needed)
        limits = _Limits(query, [self._key_set(join) for join in query.through])
        with ahead(lambda: table.rows(needed)) as portions:
            for texts in portions:
                reading = _Reading(texts, self._values, query.table, file)
                yield reading.batch(query.columns, limits.inside(reading))

    def _key_set(self, join: SemiJoin) -> KeySet:
        if join not in self._keys:
            pairing = Pairing(join.columns, join.keys.columns)
            gathered = KeyGatherer(join.keys.table)
            for batch in self.stream(join.keys):
                gathered.add(pairing.other_keys(batch))
            self._keys[join] = KeySet(pairing, gathered.keys())
        return self._keys[join]

    def _present(self, query: TableQuery, needed: Mapping[str, None]) -> tuple[TextTable, str]:
        table = self._tables.get(query.relation)
        if table is None or not needed.keys() <= set(table.names()):
            raise Refused(
                "column-missing",
                query.table,
                "the dump has no such file, or not every column asked for.",
                "plan again: the dump is not what the instruction was made for.",
            )
        return table, self._files[query.relation]


class _Limits:
    """The limits of one query."""

    def __init__(self, query: TableQuery, keys: Sequence[KeySet]) -> None:
        self._query, self._keys = query, keys
        self._listed = [listed(membership) for membership in query.memberships]

    def inside(self, reading: _Reading) -> pa.BooleanArray:
        """True for each row that meets all of them."""
        query, inside = self._query, pa.repeat(True, reading.rows)
        batch = reading.batch(tuple(query.limit_columns().items()), None)
        if query.window:
            inside = pc.and_(inside, in_window(batch, query.window))
        for membership, values in zip(query.memberships, self._listed, strict=True):
            inside = pc.and_(inside, in_list(batch, membership, values))
        for keys in self._keys:
            inside = pc.and_(inside, keys.holds(batch))
        return inside


class _Reading:
    """Texts being read as values; the ones of rows outside the limits never are."""

    def __init__(self, texts: Texts, values: Values, table: str, file: str) -> None:
        self._texts, self._values = texts, values
        self._table, self._file = table, file
        self.rows = texts.rows.num_rows

    def batch(
        self, columns: Sequence[tuple[str, ColumnType]], inside: pa.BooleanArray | None
    ) -> pa.RecordBatch:
        """These columns of the rows inside; of all, where nothing is said."""
        whole = inside is None or inside.true_count == self.rows
        rows = self.rows if inside is None else inside.true_count
        if not columns:
            # Without columns a batch could not have rows; what counts them is never kept.
            return pa.RecordBatch.from_struct_array(pa.array([{}] * rows, pa.struct([])))
        fields = [pa.field(name, declared.arrow()) for name, declared in columns]
        arrays = [
            self._read(name, declared, None if whole else inside) for name, declared in columns
        ]
        return pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields))

    def _read(self, name: str, declared: ColumnType, inside: pa.BooleanArray | None) -> pa.Array:
        texts = self._texts.rows.column(name)
        try:
            return self._values.read(texts if inside is None else texts.filter(inside), declared)
        except Misread as found:
            row = found.row if inside is None else pc.indices_nonzero(inside)[found.row].as_py()
        article = "an" if declared.name == "integer" else "a"
        raise Refused(
            "value-not-of-type",
            f"{self._table}.{name}, {self._file} line {self._texts.line_of(row)}",
            f"the column holds something that is not {article} {declared} as the dump writes it.",
            "declare the type and form that it has, or have the value corrected at the source.",
        )


def _sum(values: pa.Array) -> Decimal:
    if pa.types.is_decimal(values.type):
        values = values.cast(pa.decimal256(76, values.type.scale))
    else:
        values = values.cast(pa.decimal128(38, 0))
    return pc.sum(values).as_py() or Decimal(0)


def said(query: TableQuery, file: str) -> str:
    """What is read of a file, in the words of a statement."""
    lines = [f"READ {', '.join(name for name, _ in query.columns) or 'no column'}", f"FROM {file}"]
    limits = list(_said_limits(query))
    return "\n".join(
        [*lines, *(f"{'AND' if n else 'WHERE'} {one}" for n, one in enumerate(limits))]
    )


def _said_limits(query: TableQuery) -> Iterator[str]:
    if window := query.window:
        yield f"{window.column} from {window.start} to before {window.end}"
    for membership in query.memberships:
        yield f"{membership.column} one of {', '.join(membership.values)}"
    for join in query.through:
        own = ", ".join(name for name, _ in join.columns)
        other = ", ".join(name for name, _ in join.keys.columns)
        within = " and ".join(_said_limits(join.keys))
        yield f"{own} found as {other} in {join.keys.table} with {within}"
