"""What a source that is a dump in files has beside what `remit.ports.Source` asks of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from remit.columns import ColumnType
from remit.ports import Relation, Source


@dataclass(frozen=True, slots=True)
class DumpedFile:
    """A file of a dump, as it was found."""

    path: str
    size: int
    sha256: str

    def as_json(self) -> dict[str, Any]:
        """The file as evidence gives it."""
        return {"path": self.path, "size": self.size, "sha256": self.sha256}


@runtime_checkable
class DumpedSource(Protocol):
    """A dump, of which nothing can be read before its form is declared."""

    def declared(self, form: Any, needed: Mapping[Relation, Mapping[str, ColumnType]]) -> Source:
        """The same dump in the form of an instruction's `dump`.

        Args:
            needed: of each table that the instruction names, the columns that it needs, which have no
                types of their own, as what it declares them.
        """

    def files(self) -> Sequence[DumpedFile]:
        """The files declared that are there, read or not, each with its digest."""
