"""Receipts that came by HTTP, in a folder of REMIT_HOME, until a step has looked at them.

They hold names, counts and digests. What was looked at is in the evidence, and removed here.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from remit import canonical
from remit.adapters.folder import FolderStore, translating_os

_WAKE = "wake"
_MOST = 32


class FolderInbox:
    """See `remit.ports.Inbox`: a folder for each run, a file for each envelope, named by its digest."""

    def __init__(self, root: Path) -> None:
        self._store = FolderStore(root)

    def keep(self, run: str, envelope: bytes) -> bool:
        """See `remit.ports.Inbox`; one that is there already is not kept twice."""
        name = f"{run}/{_named(envelope)}"
        if self._store.exists(name):
            return True
        if len(self._files(run)) >= _MOST:
            return False
        self._write(name, envelope)
        return True

    def of(self, run: str) -> list[bytes]:
        """See `remit.ports.Inbox`."""
        found = []
        for path in self._files(run):
            try:
                file = self._store.open(f"{run}/{path.name}")
            except FileNotFoundError:
                continue  # another step has looked at it
            with file, translating_os(str(path)):
                found.append(file.read())
        return found

    def exists(self, run: str) -> bool:
        """See `remit.ports.Inbox`."""
        return self._store.exists(f"{run}/{_WAKE}") or bool(self._files(run))

    def wake(self, run: str) -> None:
        """See `remit.ports.Inbox`."""
        if not self._store.exists(f"{run}/{_WAKE}"):
            self._write(f"{run}/{_WAKE}", b"")

    def clear(self, run: str, seen: Collection[bytes]) -> None:
        """See `remit.ports.Inbox`."""
        for name in map(_named, seen):
            if self._store.exists(f"{run}/{name}"):
                self._store.remove(f"{run}/{name}")

    def rest(self, run: str) -> None:
        """See `remit.ports.Inbox`."""
        if self._store.exists(f"{run}/{_WAKE}"):
            self._store.remove(f"{run}/{_WAKE}")

    def _files(self, run: str) -> list[Path]:
        with translating_os(self._store.label):
            return sorted((self._store.root / run).glob("[0-9a-f]*.dsse.json"))

    def _write(self, name: str, data: bytes) -> None:
        draft = self._store.create(name)
        draft.write(data)
        draft.publish()


def _named(envelope: bytes) -> str:
    return f"{canonical.sha256(envelope).removeprefix('sha256:')}.dsse.json"
