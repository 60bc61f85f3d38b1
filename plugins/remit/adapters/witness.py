"""The newest checkpoint that this machine made, in a file apart from the log."""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from remit.adapters.folder import translating_os
from remit.records import Checkpoint

_NAME = "the witness checkpoint"


class Witness:
    """Never goes back to an older checkpoint, whoever of this machine is faster to keep one."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def exists(self) -> bool:
        """Whether there ever was a checkpoint."""
        return self._path.exists()

    def read(self) -> bytes | None:
        """The checkpoint, if there ever was one."""
        with translating_os(_NAME):
            try:
                return self._path.read_bytes()
            except FileNotFoundError:
                return None

    def keep(self, envelope: bytes) -> None:
        """Replace it, unless what is there is newer.

        Raises:
            EvidenceBroken: what is there is no checkpoint.
        """
        with self._alone():
            seen = self.read()
            if seen is not None and _size(seen) > _size(envelope):
                return  # who appended after us was faster to get here
            hidden = self._path.with_name(f".{self._path.name}.{secrets.token_hex(4)}")
            handle = os.open(hidden, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(envelope)
            hidden.replace(self._path)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with translating_os(_NAME):
            lock = self._path.with_name(f".{self._path.name}.lock")
            handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX)
                yield
            finally:
                os.close(handle)


@lru_cache(maxsize=4)
def _size(envelope: bytes) -> int:
    return Checkpoint.unverified(envelope, _NAME).size
