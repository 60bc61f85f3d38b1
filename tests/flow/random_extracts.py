"""Extracts of random cases, staged, encrypted and read back, from sources that may leave limits out."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
from random_remits import Case, Left, arrow_name, leaves_out, leaving

from remit.adapters.folder import FolderStore
from remit.adapters.key_stores import open_key_store
from remit.adapters.pseudonym_folder import FolderPseudonymKeys, new_secret
from remit.extract import extract
from remit.instruction import Instruction, VerifiedInstruction
from remit.ports import Snapshot, Source, TableQuery, Totals
from remit.seal import staging_opener
from remit.sealed_parquet import FileContext, dataset
from remit.signing import PublicKey
from remit.table_writer import StagedFile, Staging
from remit.testing.world import World

Extract = dict[str, tuple[StagedFile, pa.Table]]


class Processor:
    """Extracts one case after another, and reads what was staged with the staging key."""

    def __init__(self, root: Path) -> None:
        world = World(root, patients=1)
        self._base = world.controller.fields(world.parties)
        self._store = FolderStore(root / "staging")
        self._keys = open_key_store(f"keyring:{root}/keyring", root, None, str)
        folder = root / "pseudonyms"
        folder.mkdir()
        self._checks = {name: new_secret(folder / f"{name}.key") for name in ("ids", "objections")}
        self.secrets = {
            name: bytes.fromhex((folder / f"{name}.key").read_text()) for name in self._checks
        }
        self._key = PublicKey("x25519", self._keys.create("case"))
        self._staging = Staging(self._store, self._key, FolderPseudonymKeys(folder))
        self._runs = (f"run-{number}" for number in itertools.count())

    def terms(self, case: Case) -> Instruction:
        fields = case.fields(self._base, self.secrets, self._checks)
        return Instruction.model_validate_json(json.dumps(fields))

    def extract(self, case: Case, source: Source) -> Extract:
        """Raises what `remit.extract` raises; then nothing of the refused table is staged."""
        run, terms = next(self._runs), self.terms(case)
        instruction = VerifiedInstruction(terms, "sha256:" + 64 * "0", b"")
        try:
            staged = extract(instruction, run, source, self._staging, lambda _table, _rows: None)
            return {file.table: (file, self._read(instruction, run, file)) for file in staged.files}
        finally:
            for left in self._store.list(run):
                self._store.remove(left.path)

    def _read(self, instruction: VerifiedInstruction, run: str, file: StagedFile) -> pa.Table:
        opener = staging_opener(self._keys, "case", self._key)
        with self._store.open(f"{run}/{file.name}") as opened:
            context = FileContext(instruction.digest, run, file.name)
            return dataset(opened, opener, context).to_table()

    def require_exact(self, case: Case, found: Extract) -> None:
        """What left is what the oracle says: columns, types, rows, values, and the counts."""
        assert list(found) == [table["name"] for table in case.tables]
        for table in case.tables:
            file, read = found[table["name"]]
            rows, suppressed = leaving(case, table, self.secrets["ids"])
            columns = table["columns"]
            assert read.schema.names == [column["name"] for column in columns]
            assert [str(kind) for kind in read.schema.types] == list(map(arrow_name, columns))
            left = zip(*(column.to_pylist() for column in read.columns), strict=True)
            assert Counter(left) == Counter(rows)
            assert (file.rows, file.suppressed) == (len(rows), suppressed)


class CarelessSource:
    """A source that changes what it is asked before it answers, or what it answers."""

    def __init__(
        self,
        source: Source,
        asked: Callable[[TableQuery], TableQuery] = lambda query: query,
        answered: Callable[[TableQuery, pa.RecordBatch], pa.RecordBatch] = lambda _, batch: batch,
    ) -> None:
        self._source, self._asked, self._answered = source, asked, answered
        self.label, self.describe, self.sql = source.label, source.describe, source.sql
        self.account = source.account

    @contextmanager
    def snapshot(self) -> Iterator[CarelessSource]:
        with self._source.snapshot() as self._snapshot:
            yield self

    def count(self, query: TableQuery) -> int:
        snapshot: Snapshot = self._snapshot
        return snapshot.count(self._asked(query))

    def totals(self, query: TableQuery, summed: Any) -> Totals:
        return Totals(self.count(query), {})

    def divide(self, query: TableQuery, parts: int) -> list[Any]:
        return []

    def stream(self, query: TableQuery) -> Iterator[pa.RecordBatch]:
        for batch in self._snapshot.stream(self._asked(query)):
            yield self._answered(query, batch)


def leaving_out(source: Source, left: Left) -> CarelessSource:
    """The source, which applies every limit but those."""
    return CarelessSource(source, lambda query: _without(query, left))


def _without(query: TableQuery, left: Left, deep: bool = False) -> TableQuery:
    def applied(*columns: str) -> bool:
        return not leaves_out(left, query.table, columns, deep)

    return replace(
        query,
        window=query.window if query.window and applied(query.window.column) else None,
        memberships=tuple(one for one in query.memberships if applied(one.column)),
        through=tuple(
            replace(join, keys=_without(join.keys, left, True))
            for join in query.through
            if applied(*(name for name, _ in join.columns))
        ),
    )
