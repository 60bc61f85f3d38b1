"""Pieces: what one file of an extract holds, that is a table, or a part of a large one.

Guarantee: the pieces of a table are all of its rows, each once, as far as the source honours the
bounds that it made itself; how many rows were read is compared with the source's count besides.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from remit.instruction import Instruction, Table
from remit.ports import Part, Snapshot

ROWS_PER_PIECE = 1_000_000
"""A piece takes seconds; what a worker that dies has to do again is one of them."""

MOST_PIECES = 1000
"""Of all tables together: Airflow maps a task over 1,024 at most, by default."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One file's rows: the whole table when `part` is None, else part `number` of `of`."""

    table: str
    file: str
    number: int = 1
    of: int = 1
    part: Part | None = None

    def __str__(self) -> str:
        return self.table if self.part is None else f"{self.table} {self.number}/{self.of}"

    def as_json(self) -> dict[str, Any]:
        """The piece as evidence gives it."""
        fields: dict[str, Any] = {name: getattr(self, name) for name in self.__slots__}
        return fields | {"part": self.part.as_json() if self.part else None}

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Piece:
        """Read what `as_json` gave."""
        part = Part(**fields["part"]) if fields["part"] else None
        return cls(**{**fields, "part": part})


def pieces_wanted(rows: int, each: int | None = None, tables: int = 1) -> int:
    """In how many pieces a table of so many rows in scope is best read.

    Args:
        each: about how many rows a piece has; None for `ROWS_PER_PIECE`.
        tables: how many tables share the pieces that there may be.
    """
    return max(1, min(-(-rows // (each or ROWS_PER_PIECE)), MOST_PIECES // tables))


def divide(terms: Instruction, snapshot: Snapshot, wanted: Mapping[str, int]) -> list[Piece]:
    """The pieces of every table, in the instruction's order.

    Args:
        wanted: for each table, about how many pieces; a source that cannot divide gives one.
    """
    stems, pieces = file_stems(terms), []
    for table in terms.tables:
        count = wanted[table.name]
        parts = snapshot.divide(table.query(), count) if count > 1 else []
        if len(parts) < 2:
            pieces.append(Piece(table.name, file_name(stems[table.name])))
            continue
        pieces += [
            Piece(table.name, file_name(stems[table.name], n), n, len(parts), part)
            for n, part in enumerate(parts, 1)
        ]
    return pieces


def file_stems(terms: Instruction) -> dict[str, str]:
    """What the files of each table are called: the table's own name where that is a plain word."""
    return {
        table.name: table.name
        if re.fullmatch(r"[a-z0-9_]{1,64}", table.name)
        else f"table-{number}"
        for number, table in enumerate(terms.tables, 1)
    }


def file_name(stem: str, number: int | None = None) -> str:
    """A file's name in staging and delivery."""
    return f"{stem}.parquet" if number is None else f"{stem}-part-{number:04d}.parquet"


def is_whole(stem: str, names: Sequence[str]) -> bool:
    """Whether the names are those of all files of one table, in order."""
    parts = [file_name(stem, number) for number in range(1, len(names) + 1)]
    return list(names) == [file_name(stem)] or (len(names) > 1 and list(names) == parts)


def summable(table: Table) -> list[str]:
    """The columns whose sums are reconciled with the source."""
    return [c.name for c in table.columns if c.declared.name in ("integer", "decimal")]
