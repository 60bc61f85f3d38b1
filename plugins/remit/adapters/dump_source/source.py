"""A dump as a source: what it has, and the rows in scope, kept as they are parsed."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from remit.adapters.dump_source.files import DumpFileReader, require_private
from remit.adapters.dump_source.snapshot import DumpSnapshot, said
from remit.adapters.dump_source.tables import TextTable, text_table
from remit.columns import ColumnType
from remit.dumped import DumpedFile
from remit.errors import Refused, Unavailable, UsageError, translating
from remit.instruction.dump import Dump, DumpFile
from remit.ports import STRING, Account, Relation, SourceColumn, TableQuery

Needed = Mapping[Relation, Mapping[str, ColumnType]]
_NATIVE = "text in a file"


class DumpSource:
    """A dump; see `remit.ports.Source` and `remit.dumped.DumpedSource`.

    Args:
        path: the folder, or the one file that is used of it.
        label: its URL.
        form: how it is to be read, once that is declared.
        needed: of each table, the columns that the instruction needs.
    """

    def __init__(
        self, path: Path, *, label: str, form: Dump | None = None, needed: Needed | None = None
    ) -> None:
        self.label = label
        self._path, self._form, self._needed = path, form, needed or {}
        self._known: dict[str, DumpedFile] = {}

    def declared(self, form: Dump, needed: Needed) -> DumpSource:
        """The same dump in a declared form."""
        return DumpSource(self._path, label=self.label, form=form, needed=needed)

    def describe(self, schemas: Collection[str] = ()) -> Mapping[Relation, Sequence[SourceColumn]]:  # noqa: ARG002
        """The files that are there; columns of those alone that the instruction names.

        Raises:
            Refused: dump-undeclared, dump-exposed, dump-encoding, dump-malformed.
            Unavailable: a file cannot be read.
        """
        found: dict[Relation, list[SourceColumn]] = {}
        for relation, file in self._present().items():
            if relation not in self._needed:
                found[relation] = []
                continue
            with closing(self._opened(file)) as reader:
                names = text_table(self._declared(), file, reader).names()
            found[relation] = self._columns(relation, names)
        return found

    def account(self, relations: Collection[Relation]) -> Account:  # noqa: ARG002
        """None: a file is read by whoever can open it."""
        return Account(None, (), {})

    @contextmanager
    def snapshot(self, shared: str | None = None) -> Iterator[DumpSnapshot]:
        """The files as they are now; that they stay so is seen at the end of each pass.

        Raises:
            Refused, Unavailable: as `describe`.
        """
        if shared is not None:
            raise UsageError("a dump in files has no state that other connections could share.")
        form, readers = self._declared(), {}
        with ExitStack() as held:
            tables: dict[Relation, TextTable] = {}
            for relation, file in self._present().items():
                if relation in self._needed:
                    reader = held.enter_context(closing(self._opened(file)))
                    readers[relation] = reader
                    tables[relation] = text_table(form, file, reader)
            yield DumpSnapshot(form, tables, {r: one.name for r, one in readers.items()})

    def sql(self, query: TableQuery) -> str:
        """What is read of which file, in words."""
        files = {Relation(None, file.table): file.file for file in self._declared().files}
        return said(query, files.get(query.relation, query.table))

    def files(self) -> list[DumpedFile]:
        """The files declared that are there, each read for its digest; see `DumpedSource`."""
        for file in self._present().values():
            with closing(self._opened(file)) as reader:
                self._known[file.file] = reader.fingerprint()
        return list(self._known.values())

    def _opened(self, file: DumpFile) -> DumpFileReader:
        return DumpFileReader(self._place(file), self._known.get(file.file))

    def _place(self, file: DumpFile) -> Path:
        folder = self._path if self._path.is_dir() else self._path.parent
        return folder.absolute() / file.file

    def _present(self) -> dict[Relation, DumpFile]:
        if not self._path.exists():
            raise Unavailable(self.label, "there is no such folder or file.")
        one = None if self._path.is_dir() else self._path.name
        if one is not None:
            require_private(self._path)
        chosen = [file for file in self._declared().files if one in (None, file.file)]
        with translating(OSError, into=lambda _: Unavailable(self.label, "cannot be looked into.")):
            there = [file for file in chosen if self._place(file).exists()]
        for file in there:  # those that are not read are copies too
            require_private(self._place(file))
        return {Relation(None, file.table): file for file in there}

    def _declared(self) -> Dump:
        if self._form is None:
            raise Refused(
                "dump-undeclared",
                self.label,
                "the source is a dump in files, and the instruction does not declare its form.",
                "have the controller declare it in the instruction's dump, in a new version.",
            )
        return self._form

    def _columns(self, relation: Relation, names: Sequence[str]) -> list[SourceColumn]:
        """The columns; unnamed where one is missing: a first line of values must be shown nowhere."""
        needed = self._needed[relation]
        known = needed.keys() <= set(names)
        return [
            SourceColumn(
                name if known or name in needed else f"column {number}",
                _NATIVE,
                needed.get(name, STRING),
                nullable=True,
            )
            for number, name in enumerate(names, 1)
        ]
