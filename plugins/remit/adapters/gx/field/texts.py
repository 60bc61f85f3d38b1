"""What judges texts: functions over Arrow that say of each text whether it meets a rule.

A missing text has no answer (NULL). DuckDB calls them with some thousand rows at a time.
Import this only where rules are judged: it imports pyarrow.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from remit import clinical

Judge = Callable[..., "pa.BooleanArray"]
_REMEMBERED = 4096


def _untold(function: Judge) -> Judge:
    """Let an error leave without its text, and chained to nothing."""

    @wraps(function)
    def quiet(*arguments: pa.Array | pa.ChunkedArray) -> pa.BooleanArray:
        try:
            return function(*map(_whole, arguments))
        except Exception:  # noqa: BLE001, S110  (raised below, outside)
            pass
        raise RuntimeError("the function failed")

    return quiet


def _whole(texts: pa.Array | pa.ChunkedArray) -> pa.Array:
    if not isinstance(texts, pa.ChunkedArray):
        return texts
    found = texts.combine_chunks()
    return pa.concat_arrays(found.chunks) if isinstance(found, pa.ChunkedArray) else found


def _each_distinct(judge: Callable[[str], bool]) -> Judge:
    """Judge each distinct text of a batch once."""

    def judged(texts: pa.Array) -> pa.BooleanArray:
        encoded = texts.dictionary_encode()
        verdicts = pa.array(map(judge, encoded.dictionary.to_pylist()), pa.bool_())
        return verdicts.take(encoded.indices)

    return _untold(judged)


# Codes come back in each batch; what names a person is not remembered.
are_loinc = _each_distinct(lru_cache(_REMEMBERED)(clinical.is_loinc))
are_ucum = _each_distinct(lru_cache(_REMEMBERED)(clinical.is_ucum))
are_nir = _each_distinct(clinical.is_nir)


@_untold
def hold_no_identifiers(texts: pa.Array, kinds: pa.Array) -> pa.BooleanArray:
    """Whether no direct identifier is found.

    Args:
        kinds: those to look for, with commas between, the same in each row.
    """
    from remit import direct_identifiers

    if len(texts) == 0:
        return pa.array([], pa.bool_())
    return pc.invert(direct_identifiers.found(texts, kinds[0].as_py().split(",")))


@_untold
def hold_no_names(texts: pa.Array, names: pa.Array) -> pa.BooleanArray:
    """Whether none of the row's names is found.

    Args:
        names: lists of the row's names, as many in each row.
    """
    from remit import direct_identifiers

    if len(texts) == 0:
        return pa.array([], pa.bool_())
    flat, columns = names.flatten(), len(names[0])
    one_by_one = [flat.take(pa.array(range(first, len(flat), columns))) for first in range(columns)]
    return pc.invert(direct_identifiers.names_found(texts, one_by_one))


FUNCTIONS: dict[str, tuple[Judge, list[Any]]] = {
    "remit_loinc": (are_loinc, ["VARCHAR"]),
    "remit_ucum": (are_ucum, ["VARCHAR"]),
    "remit_nir": (are_nir, ["VARCHAR"]),
    "remit_no_identifiers": (hold_no_identifiers, ["VARCHAR", "VARCHAR"]),
    "remit_no_names": (hold_no_names, ["VARCHAR", "VARCHAR[]"]),
}
"""By their names in SQL, with the types of what they are given."""
