"""Records that pages ask for again and again: read once, and then only what is new in the log.

Nothing is kept that could say otherwise than the log: when its records are not those that were
read, as after a restore, all is read anew.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Sequence

from remit.evidence import Kept, Ledger, Record
from remit.reviewer.reading import size_of

_FAR = 5000
"""So many new records are looked through; past more, those under the names are asked for."""


class Following:
    """The records under some names, in order, as they are in the log now."""

    def __init__(self, log: Ledger, names: Collection[str]) -> None:
        self._log, self._names = log, frozenset(names)
        self._records: list[Record] = []
        self._size = 0
        self._last: Kept | None = None
        self._alone = threading.Lock()

    def records(self) -> Sequence[Record]:
        """The records under the names.

        Raises:
            EvidenceBroken: one of them is damaged.
            Unavailable: the ledger does not answer.
        """
        with self._alone:
            size = size_of(self._log)
            if not self._caught_up(size):
                self._read(size)
            return self._records

    def _caught_up(self, size: int) -> bool:
        if self._last is None or not 0 <= size - self._size <= _FAR:
            return False
        found = self._log.page(self._size - 2, size, _FAR + 1)
        if not found or found[0] != self._last:
            return False
        new = [kept.record() for kept in found[1:] if kept.run in self._names]
        self._records = [*self._records, *new] if new else self._records
        self._last, self._size = found[-1], size
        return True

    def _read(self, size: int) -> None:
        self._last = None  # should one be damaged, all is read again next time
        found = [kept for name in self._names for kept in self._log.kept(name) if kept.seq < size]
        self._records = [kept.record() for kept in sorted(found)]
        newest = self._log.page(size - 2, size, 1)
        self._last, self._size = (newest[0] if newest else None), size
