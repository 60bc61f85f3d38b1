"""From what a driver gives to the declared Arrow types: exactly, or refused."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from remit.columns import ColumnType
from remit.errors import Refused
from remit.ports import TableQuery

_EPOCH = date(1970, 1, 1).toordinal()
_FIRST_DAY = date.min.toordinal() - _EPOCH
_LAST_DAY = date.max.toordinal() - _EPOCH
_DAY_US = 86_400_000_000
# A uuid's digits in groups of 8, 4, 4, 4 and 12, and its text with a hyphen between them.
_SAMPLE = 2048
_DIGITS = np.dtype([("a", "u8"), ("b", "u4"), ("c", "u4"), ("d", "u4"), ("e", "u8"), ("f", "u4")])
_TEXT = np.dtype(
    {
        "names": ["a", "1", "b", "2", "c", "3", "d", "4", "e", "f"],
        "formats": ["u8", "u1", "u4", "u1", "u4", "u1", "u4", "u1", "u8", "u4"],
    }
)
_UUID = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"


def conform(
    batch: pa.RecordBatch,
    query: TableQuery,
    arrives: Mapping[str, tuple[str, ...]],
    padded: Collection[str] = (),
) -> pa.RecordBatch:
    """The batch in the query's columns and declared types.

    Args:
        batch: the columns in the query's order.
        query: what was asked.
        arrives: for each declared type, the names of the types that its values may come in.
        padded: columns whose blanks at the end are the database's own filling, which is taken off.

    Raises:
        Refused: a value does not fit its declared type (value-not-of-type).
    """
    fields, arrays = [], []
    for index, (name, declared) in enumerate(query.columns):
        array = batch.column(index)
        if type_name(array.type) not in arrives[declared.name]:
            raise misfit(f"{query.table}.{name}", declared)
        try:
            exact = _exact(array, declared)
        except (pa.ArrowException, ValueError):
            raise misfit(f"{query.table}.{name}", declared) from None
        arrays.append(pc.ascii_rtrim(exact, " ") if name in padded else exact)
        fields.append(pa.field(name, declared.arrow()))
    return pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields))


def type_name(kind: pa.DataType) -> str:
    """The type's name; for a database's own type, such as numeric, the database's name for it."""
    return str(kind.extension_name if isinstance(kind, pa.BaseExtensionType) else kind)


def misfit(place: str, declared: ColumnType) -> Refused:
    """The refusal of a value, which is not shown."""
    article = "an" if declared.name == "integer" else "a"
    return Refused(
        "value-not-of-type",
        place,
        f"the column holds something that is not {article} {declared}.",
        "declare the type that the column has, or have the value corrected at the source.",
    )


def _exact(array: pa.Array, declared: ColumnType) -> pa.Array:
    """Cast; ValueError or an Arrow error if any value would change."""
    if isinstance(array.type, pa.UuidType):
        return _hyphenated(array.storage)
    array.validate(full=True)  # not done by casts, nor by the driver: UTF-8
    array = (
        _by_distinct(array, declared)
        if declared.name == "decimal"
        else array.cast(declared.arrow())
    )
    if declared.name == "uuid":
        array = pc.ascii_lower(array)
        if pc.all(pc.match_substring_regex(array, _UUID)).as_py() is False:
            raise ValueError
    if declared.name in ("date", "timestamp", "timestamptz"):
        _check_calendar(array)
    return array


def _by_distinct(array: pa.Array, declared: ColumnType) -> pa.Array:
    """Cast texts of numbers; where they repeat, as results of analyses do, each of them once."""
    sample = array.slice(0, _SAMPLE)
    if pc.count_distinct(sample).as_py() * 4 > len(sample):
        return array.cast(declared.arrow())
    encoded = array.dictionary_encode()
    return encoded.dictionary.cast(declared.arrow()).take(encoded.indices)


def _hyphenated(array: pa.FixedSizeBinaryArray) -> pa.StringArray:
    """The texts of uuids that come as 16 bytes; a NULL's bytes are written as they are, unseen."""
    rows = len(array)
    raw = memoryview(array.buffers()[1])[array.offset * 16 : (array.offset + rows) * 16]
    digits = np.frombuffer(raw.hex().encode(), _DIGITS)
    texts = np.empty(rows, _TEXT)
    for name in _TEXT.names or ():
        texts[name] = ord("-") if name.isdigit() else digits[name]
    ends = np.arange(rows + 1, dtype=np.int32) * 36
    valid = array.is_valid().buffers()[1] if array.null_count else None
    return pa.StringArray.from_buffers(rows, pa.py_buffer(ends), pa.py_buffer(texts), valid)


def _check_calendar(array: pa.Array) -> None:
    """Years 1 to 9999: what readers can show, and where the drivers' infinities are not."""
    is_date = pa.types.is_date(array.type)
    scale = 1 if is_date else _DAY_US
    extremes = pc.min_max(array.view(pa.int32() if is_date else pa.int64())).as_py()
    if extremes["min"] is None:
        return
    if extremes["min"] < _FIRST_DAY * scale or extremes["max"] >= (_LAST_DAY + 1) * scale:
        raise ValueError
