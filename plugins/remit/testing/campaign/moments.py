"""Moments of a process: each time it is about to change something, or has recorded something.

Counted by Python's audit events (files opened for writing, renamed, removed, connections made) and
around each write of a draft and each record of evidence; so a process can be struck at any of them, and
an undisturbed run says how many there are.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
from typing import Any

_CHANGING = {
    "os.rename",
    "os.remove",
    "os.mkdir",
    "os.rmdir",
    "os.chmod",
    "os.truncate",
    "sqlite3.connect",
    "socket.connect",
    "fcntl.flock",
}
_WRITING = os.O_WRONLY | os.O_RDWR


class Moments:
    """Counts moments, and acts at one of them.

    Attributes:
        count: how many there were so far.
    """

    def __init__(self, strike_at: int | None, strike: Callable[[], None]) -> None:
        self.count = 0
        self._at, self._strike, self._within = strike_at, strike, False
        sys.addaudithook(self._heard)
        from remit.adapters.folder import FolderDraft
        from remit.evidence import EvidenceLog

        self._around(FolderDraft, "write")
        self._around(EvidenceLog, "append")

    def _heard(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in _CHANGING or (event == "open" and _writes(arguments)):
            self._tick()

    def _around(self, owner: type, name: str) -> None:
        function = getattr(owner, name)

        @functools.wraps(function)
        def counted(*arguments: Any, **named: Any) -> Any:
            self._tick()
            result = function(*arguments, **named)
            self._tick()
            return result

        setattr(owner, name, counted)

    def _tick(self) -> None:
        if self._within:
            return  # of what the strike itself does
        self.count += 1
        if self.count == self._at:
            self._within = True
            self._strike()
            self._within = False


def _writes(arguments: tuple[Any, ...]) -> bool:
    _, _, flags = arguments
    return bool(flags & _WRITING) if isinstance(flags, int) else False
