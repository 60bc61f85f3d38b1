"""Extract: the rows and columns of the plan, encrypted before the first write.

Guarantee: what is written was checked again after it was read: the exact columns and types, each
row inside its limits, no more rows than the ceiling, as many as the source counted in the same
snapshot, with the sums that the source found; rows of suppressed data subjects are gone, no text of
which anything leaves looks like a credential, and the instructed transformations are done. A file
appears under its name only when all of it passed.
Not guaranteed: that the source filtered anything; the checks here do not rely on it.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, nullcontext
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from remit.ahead import ahead
from remit.errors import Refused
from remit.free_text import free_text
from remit.instruction import Table, VerifiedInstruction
from remit.pieces import Piece, divide, pieces_wanted, summable
from remit.ports import Part, Progress, Snapshot, Source, Totals
from remit.remit_check import RemitCheck, over_maximum
from remit.sealed_parquet import FileContext
from remit.suppression import subject_filter
from remit.table_writer import StagedFile, Staging, Standing, TableWriter

MOST_LANES = 4

_WORTH_A_LANE = 250_000
"""Rows of a table from which on it is read in as many pieces as there are lanes."""


@dataclass(frozen=True, slots=True)
class StagedExtract:
    """A run's files in staging, readable by the recipients and, until sealed, the staging key.

    Attributes:
        reconciled: for each table, the columns whose sums the source found as well.
    """

    run: str
    files: tuple[StagedFile, ...]
    reconciled: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class StagedPiece:
    """One piece in staging, and what was read for it; the sums are for comparing, not for keeping."""

    file: StagedFile
    read: Totals


def extract(
    instruction: VerifiedInstruction,
    run: str,
    source: Source,
    staging: Staging,
    progress: Progress,
    lanes: int = 2,
    standing: Standing = nullcontext,
    rows_per_piece: int | None = None,
) -> StagedExtract:
    """Read, check, transform, encrypt and stage every table of the instruction, from one snapshot.

    Args:
        lanes: how many connections may read pieces at once, where the source shares a snapshot.
        standing: asked before a file is begun and published.
        rows_per_piece: about how many rows of a large table one piece has; None for the default.

    Raises:
        Refused: something read is outside the remit; no file of that table is left.
        Unavailable: source or staging gave out.
    """
    terms, lanes = instruction.terms, min(lanes, MOST_LANES)
    with source.snapshot() as snapshot:
        expected = {table.name: counted(table, snapshot) for table in terms.tables}
        wanted = {
            name: max(
                pieces_wanted(totals.rows, rows_per_piece, len(terms.tables)),
                lanes if totals.rows >= _WORTH_A_LANE else 1,
            )
            for name, totals in expected.items()
        }
        pieces = divide(terms, snapshot, wanted)
        extractor = Extractor(instruction, run, staging, progress, standing)
        large = len(pieces) > len(terms.tables)  # else another connection costs more than it gains
        shared = snapshot.share() if large and lanes > 1 else None
        if shared is None:
            staged = [extractor.extract(piece, snapshot) for piece in pieces]
        else:
            staged = _in_lanes(extractor, pieces, snapshot, source, shared, lanes)
    reconciled = {}
    for table in terms.tables:
        read = [one.read for one in staged if one.file.table == table.name]
        reconciled[table.name] = reconcile(table, expected[table.name], read)
    return StagedExtract(run, tuple(one.file for one in staged), reconciled)


class Extractor:
    """Extracts pieces of one run, from connections that see one state of the source."""

    def __init__(
        self,
        instruction: VerifiedInstruction,
        run: str,
        staging: Staging,
        progress: Progress,
        standing: Standing = nullcontext,
    ) -> None:
        """Prepare.

        Args:
            standing: holds the run while a file is begun or published.
        """
        self._instruction, self._run, self._staging = instruction, run, staging
        self._progress, self._standing = progress, standing
        self._checks: dict[str, RemitCheck] = {}
        self._loading = threading.Lock()
        self.stopped = threading.Event()

    def extract(self, piece: Piece, snapshot: Snapshot) -> StagedPiece:
        """Stage one piece."""
        terms = self._instruction.terms
        table = terms.table(piece.table)
        check = self._check(table, snapshot)
        context = FileContext(self._instruction.digest, self._run, piece.file)
        writer = TableWriter(terms, table, context, self._staging, self._standing)
        sums = _Sums(table)
        query = replace(check.query(), part=piece.part)
        with closing(writer), ahead(lambda: snapshot.stream(query)) as batches:
            for batch in batches:
                if self.stopped.is_set():
                    raise _StoppedError
                admitted = check.admit(batch)
                sums.add(batch)
                writer.write(admitted)
                self._progress(str(piece), check.rows)
            read = Totals(check.rows, sums.found)
            return StagedPiece(writer.finish(check.suppressed, check.scanned), read)

    def _check(self, table: Table, snapshot: Snapshot) -> RemitCheck:
        """The table's check; the keys of other tables that it needs are read once."""
        with self._loading:
            if table.name not in self._checks:
                terms = self._instruction.terms
                subjects = subject_filter(terms, table, self._staging.pseudonyms, snapshot)
                small = terms.reporting.small_counts
                texts = free_text(table, snapshot, table.query(), small)
                self._checks[table.name] = RemitCheck(table, snapshot, subjects, texts)
            return self._checks[table.name].anew()


class _StoppedError(Exception):
    """Another lane has failed."""


def _in_lanes(
    extractor: Extractor,
    pieces: Sequence[Piece],
    snapshot: Snapshot,
    source: Source,
    shared: str,
    lanes: int,
) -> list[StagedPiece]:
    """Each lane takes the next piece until there is none; the first failure stops them all."""
    waiting, staged = deque(enumerate(pieces)), {}

    def work(view: Snapshot) -> None:
        try:
            while not extractor.stopped.is_set() and (taken := _next(waiting)):
                staged[taken[0]] = extractor.extract(taken[1], view)
        except BaseException:
            extractor.stopped.set()
            raise

    def lane() -> None:
        with source.snapshot(shared) as view:
            work(view)

    with ThreadPoolExecutor(lanes - 1, "remit-lane") as pool:
        futures = [pool.submit(_guarded(lane, extractor.stopped)) for _ in range(lanes - 1)]
        errors = [_error_of(lambda: work(snapshot)), *(_error_of(f.result) for f in futures)]
    _raise_first([error for error in errors if error is not None])
    return [staged[number] for number in range(len(pieces))]


def _next(waiting: deque[tuple[int, Piece]]) -> tuple[int, Piece] | None:
    try:
        return waiting.popleft()
    except IndexError:
        return None


def _guarded(lane: Callable[[], None], stopped: threading.Event) -> Callable[[], None]:
    def run() -> None:
        try:
            lane()
        except BaseException:
            stopped.set()  # it may have failed before it took a piece
            raise

    return run


def _error_of(act: Callable[[], Any]) -> BaseException | None:
    try:
        act()
    except BaseException as error:  # noqa: BLE001  (raised by `_raise_first`)
        return error
    return None


def _raise_first(errors: Sequence[BaseException]) -> None:
    """Raise what went wrong, rather than that a lane was stopped by it."""
    for error in sorted(errors, key=lambda one: isinstance(one, _StoppedError)):
        raise error


def counted(table: Table, snapshot: Snapshot, part: Part | None = None) -> Totals:
    """What the source says of rows in scope. Raises: Refused (rows-over-maximum)."""
    expected = snapshot.totals(replace(table.query(), part=part), summable(table))
    require_ceiling(table, expected.rows)
    return expected


def require_ceiling(table: Table, rows: int) -> None:
    """Refuse (rows-over-maximum) more rows than the instruction allows of the table."""
    if rows > table.rows.maximum:
        raise over_maximum(table, rows)


def reconcile(table: Table, expected: Totals, read: Sequence[Totals]) -> tuple[str, ...]:
    """The columns whose sums agree, after the rows do.

    Raises:
        Refused: rows-not-reconciled, sums-not-reconciled.
    """
    rows = sum(totals.rows for totals in read)
    if rows != expected.rows:
        raise Refused(
            "rows-not-reconciled",
            table.name,
            f"{rows} rows were read where the source counted {expected.rows}.",
            "nothing was kept; extract again, and find out what changes rows meanwhile.",
        )
    for name, total in expected.sums.items():
        if sum(totals.sums[name] for totals in read) != total:
            raise Refused(
                "sums-not-reconciled",
                f"{table.name}.{name}",
                "the sum of what was read is not the one that the source found.",
                "nothing was kept; find out what changes values on the way.",
            )
    return tuple(expected.sums)


def _wide(kind: pa.DataType) -> pa.DataType:
    """A type in which no sum of a batch is cut; 128 bits, where they do, are quicker."""
    if not pa.types.is_decimal(kind):
        return pa.decimal128(38, 0)
    return pa.decimal256(76, kind.scale) if kind.precision > 28 else pa.decimal128(38, kind.scale)


class _Sums:
    """Adds up what was read, exactly."""

    def __init__(self, table: Table) -> None:
        self.found = {name: Decimal(0) for name in summable(table)}

    def add(self, batch: pa.RecordBatch) -> None:
        for name in self.found:
            column = batch.column(name)
            added = pc.sum(column.cast(_wide(column.type))).as_py()
            self.found[name] += added or 0
