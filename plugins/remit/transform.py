"""Transform: what a controller has done to each value before it leaves, batch by batch.

Guarantee: a column leaves with exactly the values and the type that its transformation defines
(docs/transformations.md), or the batch is refused; no refusal shows a value.
Not guaranteed: that a coarser value, or a pseudonym, cannot be traced to a person.
The caller must have checked before that the rows are within the instruction: limits and suppress
list speak of values as the source has them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from functools import partial
from typing import assert_never

import pyarrow as pa
import pyarrow.compute as pc

from remit.columns import ColumnType
from remit.errors import Refused, translating
from remit.instruction import Column, Instruction, Table
from remit.instruction.transformations import (
    Constant,
    Empty,
    Generalise,
    Keep,
    Pseudonym,
    Truncate,
)
from remit.ports import PseudonymKeys
from remit.pseudonyms import canonical_text

Mac = Callable[[bytes], bytes]
Step = Callable[[pa.Array], pa.Array]
_POSTCODE = re.compile(r" *([0-9]{5}) *")
_CORSICA = {"200": "2A", "201": "2A", "202": "2B", "206": "2B"}


class Transformer:
    """Carries out the transformations of one table.

    Attributes:
        schema: the columns that leave, in the instruction's order.
    """

    def __init__(self, table: Table, terms: Instruction, keys: PseudonymKeys) -> None:
        """Find out how each column is transformed.

        Raises:
            Refused: a pseudonym key is missing, or is not the one instructed.
        """
        self.schema = pa.schema([(c.name, c.delivered.arrow()) for c in table.columns])
        self._name = table.name
        self._read = pa.schema([(c.name, c.declared.arrow()) for c in table.columns])
        self._steps = [_step(column, terms, keys) for column in table.columns]

    def apply(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The batch as it leaves.

        Args:
            batch: the table's columns in their declared types, in the instruction's order.

        Raises:
            Refused: columns-outside-remit, value-without-band or value-not-of-type.
        """
        if not batch.schema.remove_metadata().equals(self._read):
            raise Refused(
                "columns-outside-remit",
                self._name,
                "other columns or types came to be transformed than are instructed.",
                "nothing was kept; plan again to see what changed at the source.",
            )
        arrays = [
            self._done(step, array, name)
            for step, array, name in zip(self._steps, batch.columns, self._read.names, strict=True)
        ]
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)

    def _done(self, step: Step, array: pa.Array, column: str) -> pa.Array:
        def into(error: BaseException) -> Refused:
            place = f"{self._name}.{column}"
            return _bandless(place) if isinstance(error, _BandlessError) else _misfit(place)

        # ValueError, of which Arrow's are a kind: their texts hold values.
        with translating(ValueError, pa.ArrowException, into=into):
            return step(array)


_UUID = re.compile(rb"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")


class SuppressList:
    """Data subjects whose rows never leave, known by keyed hashes of their ids alone."""

    def __init__(self, subjects: Iterable[str], mac: Mac) -> None:
        """Take the list.

        Args:
            subjects: HMAC-SHA-256 of each id's canonical text, in hex.
            mac: that function, under the key that the instruction names for the list.
        """
        self._listed = frozenset(map(bytes.fromhex, subjects))
        self._mac = mac

    def allowed(self, subjects: pa.Array, declared: ColumnType) -> pa.BooleanArray:
        """True for each row that may leave, in the order of the rows.

        A row whose subject is missing (NULL, or blank) may not: nobody can tell whose it is.

        Raises:
            ValueError: values of the type name nobody (`remit.pseudonyms.require_text`).
        """

        def judged(texts: Sequence[bytes]) -> pa.Array:
            return pa.array([self._is_allowed(text) for text in texts], pa.bool_())

        return pc.fill_null(_per_value(subjects, declared, judged), False)

    def _is_allowed(self, text: bytes) -> bool:
        # Columns of fixed width pad an id with blanks, and a uuid kept as text may be in either case:
        # whoever listed it may have written it otherwise. To leave out one more is the safe mistake.
        bare = text.strip()
        forms = {text, bare}
        if _UUID.fullmatch(bare):
            forms |= {bare.lower(), bare.upper()}
        return bool(bare) and not any(self._mac(form) in self._listed for form in forms)


def department_of(postcode: str) -> str | None:
    """The French department of a postcode of five digits; None where it tells none."""
    match = _POSTCODE.fullmatch(postcode)
    if match is None:
        return None
    three = match[1][:3]
    two = three[:2]
    if two == "20":
        return _CORSICA.get(three)
    if two in ("97", "98"):
        return three
    return two if "01" <= two <= "95" else None


class _BandlessError(ValueError):
    """A value has no band."""


def _step(column: Column, terms: Instruction, keys: PseudonymKeys) -> Step:
    declared, asked = column.declared, column.transformation
    match asked:
        case Keep():
            return _kept
        case Pseudonym():
            mac = keys.mac(asked.key, terms.pseudonym_check(asked.key))
            return partial(_per_value, declared=declared, function=partial(_digests, mac=mac))
        case Generalise():
            return _generalise(asked, declared)
        case Truncate():
            return partial(pc.utf8_slice_codeunits, start=0, stop=asked.length)
        case Constant():
            text = pa.scalar(asked.value, pa.string())
            return lambda array: pa.repeat(text, len(array))
        case Empty():
            return lambda array: pa.nulls(len(array), array.type)
        case _:
            assert_never(asked)


def _generalise(asked: Generalise, declared: ColumnType) -> Step:
    if asked.to in ("month", "year"):
        return partial(_floored, unit=asked.to)
    if asked.to == "department":
        return _departments
    if asked.width is None:
        raise ValueError("a band has a width")
    bands = {"integer": _whole_bands, "double": _double_bands, "decimal": _decimal_bands}
    return partial(_banded, bands[declared.name], asked.width)


def _kept(array: pa.Array) -> pa.Array:
    return array


def _per_value(
    array: pa.Array, declared: ColumnType, function: Callable[[Sequence[bytes]], pa.Array]
) -> pa.Array:
    """The function's results for each row, of texts that are each given to it once."""
    encoded = array.dictionary_encode()
    texts = canonical_text(encoded.dictionary, declared).cast(pa.binary()).to_pylist()
    return function(texts).take(encoded.indices)


def _digests(texts: Sequence[bytes], mac: Mac) -> pa.StringArray:
    return pa.array([mac(text).hex() for text in texts], pa.string())


def _floored(array: pa.Array, unit: str) -> pa.Array:
    if pa.types.is_date(array.type):
        return pc.floor_temporal(array, unit=unit)
    # Without its zone, which is UTC, a moment needs no time zone database.
    return pc.floor_temporal(array.view(pa.timestamp("us")), unit=unit).view(array.type)


def _departments(array: pa.Array) -> pa.StringArray:
    encoded = array.dictionary_encode()
    found = [department_of(postcode) for postcode in encoded.dictionary.to_pylist()]
    return pa.array(found, pa.string()).take(encoded.indices)


def _banded(bands: Callable[[pa.Array, int], pa.Array], width: int, array: pa.Array) -> pa.Array:
    try:
        return bands(array, width)
    except pa.ArrowException:
        raise _BandlessError from None


def _whole_bands(array: pa.Array, width: int) -> pa.Array:
    above = pc.modulo(array, pa.scalar(width, pa.int64()))
    return pc.subtract_checked(array, above)


def _double_bands(array: pa.Array, width: int) -> pa.Array:
    # A width is whole, so a number and its floor have the same band. Both casts are exact or fail.
    return _whole_bands(pc.floor(array).cast(pa.int64()), width).cast(array.type)


def _decimal_bands(array: pa.Array, width: int) -> pa.Array:
    # 256 bits: the lower end of a negative band may have a digit more; the cast back refuses it.
    wide = array.cast(pa.decimal256(array.type.precision, array.type.scale))
    above = pc.modulo(wide, pa.scalar(Decimal(width), pa.decimal256(16, 0)))
    return pc.subtract(wide, above).cast(array.type)


def _bandless(place: str) -> Refused:
    return Refused(
        "value-without-band",
        place,
        "a number has no band: it is infinite or not a number, or the band begins outside the "
        "column's type.",
        "have the number corrected at the source, or another width or transformation instructed.",
    )


def _misfit(place: str) -> Refused:
    return Refused(
        "value-not-of-type",
        place,
        "the column holds something that its transformation cannot take.",
        "have the value corrected at the source, or the column's type or transformation changed.",
    )
