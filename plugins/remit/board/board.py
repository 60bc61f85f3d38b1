"""The board itself: kept up to the log's end, whoever asks, and read anew when it cannot be."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from copy import copy
from datetime import datetime
from typing import TypeVar

from remit.board.duties import Duties, duties
from remit.board.overview import Overview, overview
from remit.board.query import Choices, Found, Query, Readable, choices, find
from remit.board.state import KINDS, Damaged, Runs
from remit.board.summary import RunSummary
from remit.errors import EvidenceBroken, RemitError, Unavailable, describe_unexpected
from remit.evidence import Checkpoint, Ledger

_Answer = TypeVar("_Answer")

_WINDOW = 8192
"""So many places in the log are looked at in one query, which keeps nobody from appending for long."""

_AT_ONCE = 2000
"""So many new records at most are read by who asks; more are read in the background meanwhile."""


class BeingRead(Unavailable):
    """The evidence is still being read; nothing is shown until all of it is.

    Attributes:
        done, total: how many places of the log were looked at, of how many.
    """

    def __init__(self, where: str, done: int, total: int) -> None:
        super().__init__(where, f"the evidence is being read: {done} of {total} records.")
        self.done, self.total = done, total


class Board:
    """All runs of a log, for any number of threads that ask.

    Every question first takes in what was appended since the last one, so an answer is never older than the
    question.
    """

    def __init__(self, ledger: Ledger, patience: float = 2.0) -> None:
        """Nothing is read yet.

        Args:
            patience: how many seconds a question waits for the reading of many records.
        """
        self._ledger, self._patience = ledger, patience
        self._lock = threading.Lock()
        self._runs, self._read = Runs(), 0
        self._seen: Checkpoint | None = None
        self._reader: threading.Thread | None = None
        self._failure: RemitError | None = None

    def start(self) -> None:
        """Begin to read, in the background."""
        with self._lock:
            self._begin_reading()

    def find(self, query: Query, now: datetime) -> Found:
        """A page of the runs that a query asks for, the newest first.

        Raises:
            BeingRead: not all of the log was read yet.
            EvidenceBroken: the log was cut short or replaced.
            Unavailable: the ledger does not answer.
        """
        return self._ask(lambda runs: find(runs, query, now))

    def overview(self, readable: Readable, now: datetime) -> Overview:
        """What a reviewer looks at first; raises as `find`.

        Args:
            readable: the DAGs whose runs may be seen, and None for the runs that no DAG made.
        """
        return self._ask(lambda runs: overview(runs, readable, now))

    def duties(
        self, readable: Readable, now: datetime, most: int, before: int | None = None
    ) -> Duties:
        """What must go, and what is gone; as `remit.board.duties.duties`. Raises as `find`."""
        return self._ask(lambda runs: duties(runs, readable, now, most, before))

    def opened_by(self, names: Iterable[str]) -> dict[str, str | None]:
        """By whom each run was opened; None where that cannot be told. Raises as `find`."""
        return self._ask(lambda runs: {name: runs.opened_by(name) for name in names})

    def choices(self, readable: Readable) -> Choices:
        """By what the runs can be narrowed; raises as `find`."""
        return self._ask(lambda runs: choices(runs, readable))

    def run(self, run: str) -> RunSummary | Damaged | None:
        """One run; None where the log has none of that name. Raises as `find`."""
        return self._ask(lambda runs: runs.damaged.get(run) or copy(runs.known.get(run)))

    def dags(self) -> set[str | None]:
        """Every DAG that made a run, and None where other runs are there. Raises as `find`."""
        return self._ask(
            lambda runs: (
                {run.dag for run in runs.known.values()}
                | {one.dag for one in runs.damaged.values()}
            )
        )

    def of_dag_run(self, dag: str, dag_run: str) -> list[str]:
        """The names of the runs that a DAG run made, in the order of their opening. Raises as `find`."""
        return self._ask(lambda runs: list(runs.dags.get((dag, dag_run), ())))

    # --- inside -------------------------------------------------------------------------------

    def _ask(self, question: Callable[[Runs], _Answer]) -> _Answer:
        """Answer from a state that is as new as the question."""
        reader = self._catch_up()
        if reader is not None:
            reader.join(self._patience)
            if (reader := self._catch_up()) is not None:
                raise BeingRead(self._ledger.label, self._read, max(self._read, self._size()))
        with self._lock:
            return question(self._runs)

    def _catch_up(self) -> threading.Thread | None:
        """Take in what is new; give the thread that does so, where that is much."""
        with self._lock:
            if self._reader is not None:
                return self._reader
            if self._failure is not None:
                failure, self._failure = self._failure, None
                raise failure
            try:
                size = self._size()
                if size - self._read > _AT_ONCE:
                    return self._begin_reading()
                while self._read < size:
                    self._take_in(size)
            except RemitError:
                self._forget()
                raise
        return None

    def _begin_reading(self) -> threading.Thread:
        if self._reader is None:
            self._reader = threading.Thread(target=self._read_all, name="remit board", daemon=True)
            self._reader.start()
        return self._reader

    def _read_all(self) -> None:
        """Read to the log's end, window by window."""
        try:
            while self._read < (size := self._size()):
                self._take_in(size)
        except RemitError as error:
            self._fail(error.with_traceback(None))
        except Exception as error:  # noqa: BLE001 - whoever asks is told, and it is begun anew
            self._fail(Unavailable(self._ledger.label, describe_unexpected(error)))
        finally:
            with self._lock:
                self._reader = None

    def _fail(self, error: RemitError) -> None:
        self._failure = error
        self._forget()

    def _forget(self) -> None:
        """What was read in part would say otherwise than the log."""
        self._runs, self._read = Runs(), 0

    def _take_in(self, size: int) -> None:
        """The next window of the log, up to its size."""
        end = min(self._read + _WINDOW, size)
        for kept in self._ledger.page(self._read - 1, end, _WINDOW, KINDS):
            self._runs.take_in(kept)
        self._read = end

    def _size(self) -> int:
        """How many records the log has; it never has fewer than it had.

        Raises:
            EvidenceBroken: it was cut short, or another one is in its place.
        """
        # The witness first: it follows the log, and must not have overtaken what is read before it.
        witness = self._checkpoint(self._ledger.witnessed())
        newest = self._checkpoint(self._ledger.checkpoint())
        for earlier in (witness, self._seen or newest):
            follows = newest.size > earlier.size or newest == earlier
            if newest.log != self._ledger.name or not follows:
                raise EvidenceBroken(
                    f"record {newest.size}",
                    f"the log was cut short or replaced: it had {earlier.size} records.",
                )
        self._seen = newest
        return newest.size

    def _checkpoint(self, envelope: bytes | None) -> Checkpoint:
        if envelope is None:
            return Checkpoint(self._ledger.name, 0, "", "")
        found = Checkpoint.unverified(envelope, "the newest checkpoint")
        if type(found.size) is not int:
            raise EvidenceBroken("the newest checkpoint", "it says no size.")
        return found
