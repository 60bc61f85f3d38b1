"""From texts to the declared Arrow types: exactly, or not at all.

Each type has one form of text, so that nothing is read that was not meant: no hexadecimal or padded
integer, no exponent in a decimal, no infinity, no day that rolls over.
"""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc

from remit.columns import ColumnType
from remit.instruction.dump import Dump

_HYPHENS = (8, 13, 18, 23)
_HEX = b"0123456789abcdef"
_YEAR_0001_US = -62_135_596_800_000_000
_YEAR_10000_US = 253_402_300_800_000_000
_YEAR_0001, _YEAR_10000 = -719_162, 2_932_897
_OFFSET = r"(Z|[+-]\d\d(:?\d\d)?)"


class Misread(Exception):
    """A text is not of its declared type.

    Args:
        row: its place among the texts given.
    """

    def __init__(self, row: int) -> None:
        super().__init__()
        self.row = row


class Values:
    """Reads texts as the dump's form says.

    Args:
        form: the form of the dump.
    """

    def __init__(self, form: Dump) -> None:
        self._mark = form.decimal_mark.encode()
        self._days, self._moments = form.dates, form.timestamps
        self._true, self._false = form.true_text, form.false_text

    def read(self, texts: pa.StringArray, declared: ColumnType) -> pa.Array:
        """The values. Raises: Misread."""
        reader = getattr(self, f"_{declared.name}")
        try:
            return reader(texts, declared)
        except (pa.ArrowException, ValueError):
            row = _first_bad(texts, lambda some: reader(some, declared))
        raise Misread(row)

    def _string(self, texts: pa.StringArray, _: ColumnType) -> pa.Array:
        return texts

    def _integer(self, texts: pa.StringArray, declared: ColumnType) -> pa.Array:
        return _same_text(texts, texts.cast(declared.arrow()))

    def _decimal(self, texts: pa.StringArray, declared: ColumnType) -> pa.Array:
        plain = self._pointed(texts, b"0123456789-")
        if pc.any(pc.ends_with(plain, ".")).as_py():
            raise ValueError
        numbers = plain.cast(declared.arrow())
        return numbers if declared.scale else _same_text(plain, numbers)

    def _double(self, texts: pa.StringArray, declared: ColumnType) -> pa.Array:
        numbers = self._pointed(texts, b"0123456789-+eE").cast(declared.arrow())
        if pc.all(pc.is_finite(numbers)).as_py() is False:
            raise ValueError
        return numbers

    def _boolean(self, texts: pa.StringArray, _: ColumnType) -> pa.Array:
        true = pc.equal(texts, self._true)
        if pc.all(pc.or_(true, pc.equal(texts, self._false))).as_py() is False:
            raise ValueError
        return true

    def _uuid(self, texts: pa.StringArray, _: ColumnType) -> pa.Array:
        lower = pc.ascii_lower(texts)
        lengths = pc.min_max(pc.binary_length(lower)).as_py()
        if lengths["min"] is None:
            return lower
        data, count = _data(lower), len(lower) - lower.null_count
        places = all(data[place::36] == b"-" * count for place in _HYPHENS)
        if (lengths["min"], lengths["max"]) != (36, 36) or not places:
            raise ValueError
        if data.translate(None, _HEX) != b"-" * (4 * count):
            raise ValueError
        return lower

    def _date(self, texts: pa.StringArray, declared: ColumnType) -> pa.Array:
        return _once_each(texts, lambda some: _in_years(self._dates(some, declared)))

    def _dates(self, texts: pa.StringArray, declared: ColumnType) -> pa.Array:
        return _rearranged(texts, self._days, "").cast(declared.arrow())

    def _timestamp(self, texts: pa.StringArray, declared: ColumnType) -> pa.Array:
        return _in_years(_rearranged(texts, self._moments, "").cast(declared.arrow()))

    def _timestamptz(self, texts: pa.StringArray, declared: ColumnType) -> pa.Array:
        return _in_years(_rearranged(texts, self._moments, _OFFSET).cast(declared.arrow()))

    def _pointed(self, texts: pa.StringArray, allowed: bytes) -> pa.StringArray:
        """The texts with a decimal point; none but these characters and the declared mark."""
        data = _data(texts)
        if data.translate(None, allowed + self._mark):
            raise ValueError
        if self._mark == b".":
            return texts
        return _with_data(texts, data.replace(self._mark, b"."))


def _same_text(texts: pa.StringArray, numbers: pa.Array) -> pa.Array:
    """Refuses 007, 0x1F and -0: what would not come out as it went in is no number but a text."""
    if pc.all(pc.equal(numbers.cast(pa.string()), texts)).as_py() is False:
        raise ValueError
    return numbers


def _once_each(texts: pa.StringArray, read: Callable[[pa.Array], pa.Array]) -> pa.Array:
    """Days repeat: each is read once."""
    coded = texts.dictionary_encode()
    return read(coded.dictionary).take(coded.indices)


def _rearranged(texts: pa.StringArray, form: str, behind: str) -> pa.StringArray:
    """The texts as ISO 8601 has them; ValueError where one has not the form."""
    pattern, parts = form, []
    for sign, digits in (("yyyy", 4), ("MM", 2), ("dd", 2), ("HH", 2), ("mm", 2), ("ss", 2)):
        if sign in form:
            pattern = pattern.replace(sign, rf"(\d{{{digits}}})")
            parts.append(form.index(sign))
    order = sorted(parts)
    pattern = pattern.replace(".", r"\.")
    fraction = r"(\.\d{1,6})?" if form.endswith(":ss") else ""
    pattern = f"^{pattern}{fraction}{behind}$"
    if pc.all(pc.match_substring_regex(texts, pattern)).as_py() is False:
        raise ValueError
    if form.startswith("yyyy-MM-dd"):
        return texts
    groups = [order.index(part) + 1 for part in parts]
    iso = "-".join(rf"\{group}" for group in groups[:3])
    if groups[3:]:
        iso += " " + ":".join(rf"\{group}" for group in groups[3:])
        rest = len(groups)
        iso += "".join(rf"\{rest + 1 + more}" for more in range(bool(fraction) + bool(behind)))
    return pc.replace_substring_regex(texts, pattern, iso)


def _in_years(values: pa.Array) -> pa.Array:
    """Years 1 to 9999, which every reader can show."""
    day = pa.types.is_date(values.type)
    whole = values.view(pa.int32() if day else pa.int64())
    first, behind = (_YEAR_0001, _YEAR_10000) if day else (_YEAR_0001_US, _YEAR_10000_US)
    inside = pc.and_(pc.greater_equal(whole, first), pc.less(whole, behind))
    if pc.all(inside).as_py() is False:
        raise ValueError
    return values


def _data(texts: pa.StringArray) -> bytes:
    """The bytes of all values; a NULL has none."""
    _, offsets, data = texts.buffers()
    if data is None or not len(texts):
        return b""
    first, behind = _bounds(texts, offsets)
    values: bytes = data[first:behind].to_pybytes()
    return values


def _with_data(texts: pa.StringArray, data: bytes) -> pa.StringArray:
    """The same array over other bytes, as many."""
    if not data:
        return texts
    valid, offsets, _ = texts.buffers()
    first, _ = _bounds(texts, offsets)
    buffers = [valid, offsets, pa.py_buffer(bytes(first) + data)]
    return pa.Array.from_buffers(pa.string(), len(texts), buffers, offset=texts.offset)


def _bounds(texts: pa.StringArray, offsets: pa.Buffer) -> tuple[int, int]:
    """Where the bytes of the values begin and end."""
    places = pa.Int32Array.from_buffers(
        pa.int32(), len(texts) + 1, [None, offsets], offset=texts.offset
    )
    return places[0].as_py(), places[len(texts)].as_py()


def _first_bad(texts: pa.StringArray, read: Callable[[pa.Array], pa.Array]) -> int:
    """The first row that cannot be read, by halving."""
    low, high = 0, len(texts)
    while high - low > 1:
        middle = (low + high) // 2
        try:
            read(texts.slice(low, middle - low))
            low = middle
        except (pa.ArrowException, ValueError):
            high = middle
    return low
