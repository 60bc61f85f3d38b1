"""Rows found by their keys in another table's: exact, by the declared types, NULL never found."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

_PLACE = "__remit_row__"
_WHOLE = pa.decimal128(38, 0)


def count_found(rows: pa.RecordBatch, keys: pa.Table) -> int:
    """How many rows have their key among `keys`.

    Args:
        rows: the key columns alone, in the order of those of `keys`.
        keys: distinct keys.
    """
    own, others = aligned(rows, keys)
    if own.num_columns == 1:
        values = others.column(0).combine_chunks()
        return int(pc.sum(pc.is_in(own.column(0), values, skip_nulls=True)).as_py() or 0)
    found = own.join(
        others, own.column_names, others.column_names, join_type="left semi", use_threads=False
    )
    return int(found.num_rows)


def looked_up(rows: pa.RecordBatch, keys: pa.Table, verdicts: pa.Array) -> pa.BooleanArray:
    """Each row's verdict, in the order of the rows; False where its key is not among `keys`."""
    own, others = aligned(rows, keys)
    if own.num_columns == 1:
        values = others.column(0).combine_chunks()
        places = pc.index_in(own.column(0).combine_chunks(), values, skip_nulls=True)
        return pc.fill_null(verdicts.take(places), False)
    own = own.append_column(_PLACE, pa.array(range(own.num_rows), pa.int64()))
    names = own.column_names[:-1]
    others = others.append_column("verdict", verdicts)
    joined = own.join(
        others, names, others.column_names[:-1], join_type="left outer", use_threads=False
    ).sort_by(_PLACE)
    return pc.fill_null(joined.column("verdict").combine_chunks(), False)


def aligned(rows: pa.RecordBatch, keys: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Both, with unlike types of whole numbers made one."""
    own, others = pa.Table.from_batches([rows]), keys
    for place, (mine, theirs) in enumerate(zip(rows.schema.types, keys.schema.types, strict=True)):
        if mine != theirs:
            own, others = _as_whole(own, place), _as_whole(others, place)
    return own, others


def _as_whole(table: pa.Table, place: int) -> pa.Table:
    field = table.schema.field(place)
    return table.set_column(place, field.name, table.column(place).cast(_WHOLE))
