"""Which rows of a batch are inside a window or a list, by the declared types; NULL never is."""

from __future__ import annotations

from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from remit.ports import Membership, Window


def in_window(batch: pa.RecordBatch, window: Window) -> pa.BooleanArray:
    """True for each row whose column is in [start, end)."""
    column, kind = batch.column(window.column), window.type.arrow()
    start, end = (pa.scalar(text).cast(kind) for text in (window.start, window.end))
    inside = pc.and_(pc.greater_equal(column, start), pc.less(column, end))
    return pc.fill_null(inside, False)


def in_list(batch: pa.RecordBatch, membership: Membership, values: pa.Array) -> pa.BooleanArray:
    """True for each row whose column is one of `values`, made by `listed`."""
    return pc.is_in(batch.column(membership.column), values, skip_nulls=True)


def listed(membership: Membership) -> pa.Array:
    """The values listed, without those that no value of the type can be."""
    kind = membership.type
    if kind.name == "integer":
        numbers = [int(value) for value in membership.values]
        return pa.array([n for n in numbers if -(2**63) <= n < 2**63], kind.arrow())
    if kind.name == "decimal":
        texts = [text for text in membership.values if len(text.lstrip("-")) <= kind.precision]
        return pa.array(list(map(Decimal, texts)), kind.arrow())
    return pa.array(membership.values, pa.string()).cast(kind.arrow())
