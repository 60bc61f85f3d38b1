"""An extract whose pieces are read by tasks of their own, on any machine, from one shared state.

One process holds the state open (`Divided.open`); others extract a piece each (`Divided.piece`);
then the first gathers them (`Divided.gather`). A piece that is killed is extracted again, alone. If
the process that holds the state dies, the state is gone with it, and every piece is read anew.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

from remit.custody.run import Run
from remit.errors import Refused, Unavailable
from remit.extract import Extractor, StagedPiece, counted, reconcile, require_ceiling
from remit.instruction import Table, VerifiedInstruction
from remit.pieces import Piece, divide
from remit.ports import Progress, Snapshot, Source, Totals
from remit.signing import PublicKey
from remit.table_writer import Staging


class Divided:
    """The extract step of one run, divided into pieces."""

    def __init__(self, run: Run) -> None:
        self._run = run

    @contextmanager
    def open(self, source: Source) -> Iterator[None]:
        """Divide the tables, and hold open the state that every piece is read from.

        Raises:
            Refused, Unavailable: as `Run.extract`.
        """
        run = self._run
        run.require_known()
        terms = run.instruction().terms
        with source.snapshot() as snapshot:
            # In this state, so that no table can be rewritten under it; and before the run is held,
            # for it may take long.
            rows = {table.name: snapshot.count(table.query()) for table in terms.tables}
            with run.step("extract", after="planned", stops=True, waits=True):
                _, staging = run.begin_extract(source)
                for table in terms.tables:
                    require_ceiling(table, rows[table.name])
                plan = run.story.last("planned")["plan"]
                planned = {one["name"]: one["pieces"] for one in plan["tables"]}
                pieces = divide(terms, snapshot, planned)
                shared = snapshot.share()
                if shared is None:
                    raise Unavailable(source.label, "it no longer shares its state.")
                run.record(
                    "divided",
                    {
                        "division": secrets.token_hex(8),
                        "state": shared,
                        "rows": rows,
                        "pieces": [piece.as_json() for piece in pieces],
                        "staging_key": str(staging.key),
                    },
                )
            yield

    def piece(self, number: int, source: Source, progress: Progress) -> bool | None:
        """Extract one piece.

        Args:
            number: counted over all tables, from 1.

        Returns:
            Whether it did anything new; None while no state is held open to read it from.
        """
        run = self._run
        with run.step("extract", after="planned", stops=True, waits=True):
            if not run.story.has("divided"):
                return None
            if not self.missing():
                return False
            division = run.story.last("divided")
            instruction = run.instruction()
            run.require_planned_source(source)
        with ExitStack() as held:
            try:
                snapshot = held.enter_context(source.snapshot(division["state"]))
            except Unavailable:
                return None  # what is staged from it goes for nothing; another state is to come
            held.enter_context(run.deployment.log.ledger.lock(f"{run.id}-piece-{number}"))
            if number > len(division["pieces"]) or number in self._staged(division):
                return False
            staged, sums = self._extract(instruction, division, number, snapshot, progress)
            with self._standing(division, number):
                data = {"division": division["division"], "number": number}
                run.record(
                    "piece", data | {"file": staged.file.as_json(), "reconciled": list(sums)}
                )
        return True

    def divisions(self) -> int:
        """How often the run's tables were divided."""
        return sum(record.kind == "divided" for record in self._run.story.records)

    def missing(self) -> list[int] | None:
        """The pieces that are not staged yet; None when the run has ended."""
        story = self._run.story
        if story.has("stopped") or story.has("deleted"):
            return None
        division = story.last("divided")
        staged = self._staged(division)
        return [n for n in range(1, len(division["pieces"]) + 1) if n not in staged]

    def gather(self) -> bool:
        """Record the extract, once every piece of one division is staged.

        Raises:
            Refused: pieces-missing, which does not end the run; rows-not-reconciled, rows-over-maximum.
        """
        run = self._run
        with run.step("extract", after="divided", stops=True, waits=True):
            if run.story.has("extracted"):
                return False
            division = run.story.last("divided")
            with run.recorded("extract"):  # it ends nothing: the pieces may be extracted again
                _require_none(run.id, self.missing() or [], len(division["pieces"]))
            pieces = [record for _, record in sorted(self._staged(division).items())]
            terms = run.instruction().terms
            reconciled = {table.name: _gathered(table, division, pieces) for table in terms.tables}
            files = [piece["file"] for piece in pieces]
            run.record_extracted(files, reconciled, PublicKey.parse(division["staging_key"]))
            return True

    def _staged(self, division: Mapping[str, Any]) -> dict[int, Any]:
        return {
            record.data["number"]: record.data
            for record in self._run.story.records
            if record.kind == "piece" and record.data["division"] == division["division"]
        }

    def _extract(
        self,
        instruction: VerifiedInstruction,
        division: Mapping[str, Any],
        number: int,
        snapshot: Snapshot,
        progress: Progress,
    ) -> tuple[StagedPiece, tuple[str, ...]]:
        run, piece = self._run, Piece.from_json(division["pieces"][number - 1])
        table = instruction.terms.table(piece.table)
        key = PublicKey.parse(division["staging_key"])
        staging = Staging(run.deployment.staging, key, run.deployment.pseudonyms)
        standing = partial(self._standing, division, number)
        extractor = Extractor(instruction, run.id, staging, progress, standing)
        try:
            expected = counted(table, snapshot, piece.part)
            staged = extractor.extract(piece, snapshot)
            return staged, reconcile(table, expected, [staged.read])
        except Exception:
            # Told while the run is held; it ends by it, unless it has ended already.
            with run.locked_soon(), run.recorded("extract", ends=self._goes_on(division)):
                raise

    @contextmanager
    def _standing(self, division: Mapping[str, Any], number: int) -> Iterator[None]:
        """Hold the run while it goes on by this division, and nobody else has staged the piece."""
        run = self._run
        with run.locked_soon():
            run.require_standing("divided")
            if run.story.last("divided")["division"] != division["division"]:
                raise Unavailable(f"run {run.id}", "its tables were divided anew meanwhile.")
            if number in self._staged(division):
                raise Unavailable(f"run {run.id}", f"another task staged piece {number} meanwhile.")
            yield

    def _goes_on(self, division: Mapping[str, Any]) -> bool:
        """Whether the run still extracts by this division, so that a refusal ends it."""
        story = self._run.story
        over = any(story.has(kind) for kind in ("extracted", "stopped", "deleted"))
        return not over and bool(story.last("divided")["division"] == division["division"])


def _gathered(table: Table, division: Mapping[str, Any], pieces: list[Any]) -> tuple[str, ...]:
    """The columns whose sums every piece reconciled, after the rows of all are those counted."""
    own = [piece for piece in pieces if piece["file"]["table"] == table.name]
    read = sum(piece["file"]["rows"] + piece["file"]["suppressed"] for piece in own)
    require_ceiling(table, read)
    reconcile(table, Totals(division["rows"][table.name], {}), [Totals(read, {})])
    return tuple(own[0]["reconciled"])


def _require_none(run: str, missing: list[int], pieces: int) -> None:
    if missing:
        raise Refused(
            "pieces-missing",
            f"run {run}",
            f"{len(missing)} of its {pieces} pieces are not staged from the state that was held open, "
            "and it is held open no longer.",
            "clear the tasks that extract pieces, all of them, together with this one; every piece is "
            "then read anew.",
        )
