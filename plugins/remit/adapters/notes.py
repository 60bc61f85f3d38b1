"""Notes of supervision, in a folder of REMIT_HOME."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from remit.adapters.folder import FolderStore, translating_os

_SUFFIX = ".json"


class FolderNotes:
    """See `remit.ports.Notes`: a file for each note, whole or not there."""

    def __init__(self, root: Path) -> None:
        self._store = FolderStore(root)

    def read(self, name: str) -> Any:
        """See `remit.ports.Notes`."""
        try:
            file = self._store.open(name + _SUFFIX)
        except FileNotFoundError:
            return None
        with file, translating_os(self._store.label):
            text = file.read()
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return None

    def write(self, name: str, note: Any) -> None:
        """See `remit.ports.Notes`."""
        draft = self._store.create(name + _SUFFIX)
        draft.write(json.dumps(note, sort_keys=True).encode())
        draft.publish()

    def remove(self, name: str) -> None:
        """See `remit.ports.Notes`."""
        if self._store.exists(name + _SUFFIX):
            self._store.remove(name + _SUFFIX)

    def names(self) -> list[str]:
        """See `remit.ports.Notes`."""
        with translating_os(self._store.label):
            found = sorted(self._store.root.glob(f"[a-z]*{_SUFFIX}"))
        return [path.name.removesuffix(_SUFFIX) for path in found]
