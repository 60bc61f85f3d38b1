"""Counts that need all rows at once, of values that repeat or are not found, in bounded memory.

Guarantee: the counts are exact. Equal values have equal hashes, so a value whose hash comes once is
unique; values whose hash comes again are compared as they are. Values are compared with the keys of
their own part of all hashes. Each pass decodes the columns concerned again and holds a part that
fits the budget. A hash never leaves memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from remit.adapters.gx.binding import common_type
from remit.adapters.gx.duck import VIEW, Duck, quoted

_Hashes = np.ndarray[Any, np.dtype[np.uint64]]

HASHES = 2_000_000
"""Hashes held at once, of 8 bytes."""

VALUES = 300_000
"""Values held at once by DuckDB, of some 200 bytes with what they are looked up by."""


def repeated(duck: Duck, columns: Sequence[str]) -> int:
    """Rows whose values in these columns, none of them missing, come in another row as well."""
    parts = _parts(duck.sources[VIEW].extract.rows, HASHES)
    return sum(
        _repeated_among(duck, columns, again[start : start + VALUES])
        for part in range(parts)
        for again in [_repeated_hashes(duck, columns, part, parts)]
        for start in range(0, len(again), VALUES)
    )


def not_found(duck: Duck, column: str, other: str, key: str) -> int:
    """Rows whose value in the column is none of the other extract's keys; a missing one is no value."""
    parts = _parts(duck.sources[other].extract.rows, VALUES)
    value, key = _alike(duck, column, other, key)
    missing = 0
    for part in range(parts):
        [(count,)] = duck.query(
            f"SELECT count(*) FROM (SELECT {value} AS value FROM {quoted(VIEW)} "  # noqa: S608
            f"WHERE {value} IS NOT NULL AND {_in_part(value, part, parts)}) ANTI JOIN "
            f"(SELECT {key} AS key FROM {quoted(other)} "
            f"WHERE {key} IS NOT NULL AND {_in_part(key, part, parts)}) ON value = key"
        ).rows
        missing += count
    return missing


def _alike(duck: Duck, column: str, other: str, key: str) -> tuple[str, str]:
    """Value and key, in one type: decimals of other digits have other hashes, though they are equal."""
    types = duck.sources[VIEW].types[column], duck.sources[other].types[key]
    names = quoted(column), quoted(key)
    if types[0] == types[1]:
        return names
    common = common_type(*types)
    return f"CAST({names[0]} AS {common})", f"CAST({names[1]} AS {common})"


def _repeated_hashes(duck: Duck, columns: Sequence[str], part: int, parts: int) -> _Hashes:
    """The hashes of one part that more than one row has."""
    names, present = _names(columns)
    seen = _Seen(min(HASHES, duck.sources[VIEW].extract.rows))
    for hashes in duck.numbers(
        f"SELECT hash({names}) FROM {quoted(VIEW)} "  # noqa: S608
        f"WHERE {present} AND {_in_part(names, part, parts)}"
    ):
        seen.add(hashes)
    return seen.again()


class _Seen:
    """Hashes, each held once when room gets scarce, and those of them that came again."""

    def __init__(self, room: int) -> None:
        self._held = np.empty(room, np.uint64)
        self._count = 0
        self._again = np.empty(0, np.uint64)

    def add(self, hashes: _Hashes) -> None:
        if self._count + len(hashes) > len(self._held):
            self._compact()
        if self._count + len(hashes) > len(self._held):  # the parts are not quite equal
            more = np.empty(self._count // 4 + len(hashes), np.uint64)
            self._held = np.concatenate([self._held[: self._count], more])
        self._held[self._count : self._count + len(hashes)] = hashes
        self._count += len(hashes)

    def again(self) -> _Hashes:
        self._compact()
        return self._again

    def _compact(self) -> None:
        held = self._held[: self._count]
        held.sort()
        again = held[1:][held[1:] == held[:-1]]
        if len(again):
            self._again = np.unique(np.concatenate([self._again, again]))
            once = np.unique(held)
            self._count = len(once)
            self._held[: self._count] = once


def _repeated_among(duck: Duck, columns: Sequence[str], hashes: _Hashes) -> int:
    names, present = _names(columns)
    [(count,)] = duck.query(
        f"SELECT coalesce(sum(n), 0)::BIGINT FROM (SELECT count(*) AS n FROM {quoted(VIEW)} "  # noqa: S608
        f"WHERE {present} AND hash({names}) IN (SELECT h FROM again) "
        f"GROUP BY {names} HAVING count(*) > 1)",
        again=pa.table({"h": hashes}),
    ).rows
    return int(count)


def _names(columns: Sequence[str]) -> tuple[str, str]:
    """The columns, and that none of them is missing, as SQL has it."""
    names = [quoted(column) for column in columns]
    return ", ".join(names), " AND ".join(f"{name} IS NOT NULL" for name in names)


def _parts(rows: int, held: int) -> int:
    return max(1, -(-rows // held))


def _in_part(names: str, part: int, parts: int) -> str:
    return "true" if parts == 1 else f"hash({names}) % {parts} = {part}"
