"""A folder as a store.

Guarantee: a file appears under its name whole and durable, or not at all; what a killed process
leaves behind is listed with the rest.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from remit.adapters.open_folder import OpenFolder
from remit.errors import Refused, RemitError, Unavailable, translating
from remit.ports import Lock, StoredFile

_BUFFER = 1 << 20
_IDENTITY = ".remit/store"
_LONGEST_NAME = 64


class FolderStore:
    """Staging in a folder; private to its owner."""

    _folder_mode = 0o700
    _file_mode = 0o600

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.label = str(self.root)

    def create(self, path: str) -> FolderDraft:
        """See `remit.ports.Store`."""
        *folders, name = self._parts(path)
        with self._translated(path):
            return FolderDraft(self._made(folders), name, self._file_mode, self.label)

    def open(self, path: str) -> BinaryIO:
        """See `remit.ports.Store`; what is no plain file, or is behind a link, is `Unavailable`."""
        *folders, name = self._parts(path)
        with self._translated(path):
            try:
                with OpenFolder(self.root, folders) as folder:
                    return folder.open(name)
            except FileNotFoundError:
                pass
        raise FileNotFoundError(path)

    def exists(self, path: str) -> bool:
        """See `remit.ports.Store`."""
        *folders, name = self._parts(path)
        with self._translated(path):
            try:
                with OpenFolder(self.root, folders) as folder:
                    return folder.look(name) is not None
            except FileNotFoundError:
                return False

    def list(self, prefix: str) -> list[StoredFile]:
        """See `remit.ports.Store`; an interrupted `publish` is listed too."""
        self._parts(prefix)  # refused first of all, whether the store is there or not
        with self._translated(prefix):
            if not self.root.is_dir():
                raise Unavailable(self.label, "the folder is not there (not mounted?).")
            tops = (prefix, partial_of(prefix)) if prefix else ("",)
            found = [each for top in tops for each in self._below(top)]
        return [StoredFile(path, each.st_size, _written(each)) for path, each in found]

    def remove(self, path: str) -> None:
        """See `remit.ports.Store`; a link is removed itself, and none is followed to a file."""
        *folders, name = self._parts(path)
        gone = contextlib.suppress(FileNotFoundError)
        with self._translated(path), gone, OpenFolder(self.root) as folder:
            with gone:  # with folders of its own
                for each in folders:
                    folder.down(each)
                folder.unlink(name)
            folder.leave_empty()
            folder.sync()

    def lock(self, path: str) -> Lock | None:  # noqa: ARG002
        """See `remit.ports.Store`; a folder locks nothing."""
        return None

    def claim(self) -> str:
        """See `remit.ports.Store`."""
        if self.identity() is None:
            draft = self.create(_IDENTITY)
            try:
                draft.write(secrets.token_hex(16).encode())
                draft.publish()
            except Unavailable:
                draft.discard()
                raise
        return self.identity() or ""

    def identity(self) -> str | None:
        """See `remit.ports.Store`."""
        try:
            file = self.open(_IDENTITY)
        except FileNotFoundError:
            return None
        with file, self._translated(_IDENTITY):
            return file.read(_LONGEST_NAME).decode("ascii", "replace")

    def _below(self, top: str) -> Iterator[tuple[str, os.stat_result]]:
        """Everything in a folder that is not a folder; what is no folder is itself."""
        *folders, name = self._parts(top) or ("",)
        try:
            folder = OpenFolder(self.root, folders)
        except FileNotFoundError:
            return
        with folder:
            found = folder.look(name) if name else None
            if found is not None and not stat.S_ISDIR(found.st_mode):
                yield top, found
                return
            if found is not None:
                folder.down(name)
            if found is not None or not name:
                yield from folder.files_below()

    def _parts(self, path: str) -> tuple[str, ...]:
        parts = PurePosixPath(path).parts
        if ".." in parts or path.startswith("/"):
            raise Refused(
                "path-outside-store",
                self.label,
                "a path leads out of the store.",
                "this is a defect or an attack; look at the run's evidence.",
            )
        return parts

    def _made(self, folders: Sequence[str]) -> OpenFolder:
        """A folder, and those above it up to the root, with our mode whatever the umask."""
        if not self.root.is_dir():
            self.root.mkdir(parents=True, exist_ok=True)
            inherited = self.root.stat().st_mode & stat.S_ISGID
            self.root.chmod(inherited | self._folder_mode)
        folder = OpenFolder(self.root)
        for name in folders:
            folder.make(name, self._folder_mode)
        return folder

    def _translated(self, path: str) -> AbstractContextManager[None]:
        return translating_os(f"{self.label}/{path}")


class FolderDraft:
    """A file that has no name yet but a hidden one; it keeps the folder."""

    def __init__(self, folder: OpenFolder, name: str, mode: int, store: str) -> None:
        self._folder, self._name, self._store = folder, name, store
        self._hidden = f".{name}.{secrets.token_hex(4)}.partial"
        self._file = folder.create(self._hidden, mode, _BUFFER)

    def write(self, data: bytes) -> int:
        """See `remit.ports.Draft`."""
        with translating_os(f"{self._store}/{self._name}"):
            return self._file.write(data)

    def publish(self) -> None:
        """See `remit.ports.Draft`."""
        with translating_os(f"{self._store}/{self._name}"):
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            self._folder.rename(self._hidden, self._name)
            self._folder.sync()
        self._folder.close()

    def discard(self) -> None:
        """See `remit.ports.Draft`. A full disk fails the last flush; the file goes all the same."""
        with contextlib.suppress(OSError):  # it is closed even if what is buffered has no room
            self._file.close()
        if self._folder.handle >= 0:  # else it is published, or discarded already
            self._folder.unlink(self._hidden)
            self._folder.close()


def partial_of(folder: str) -> str:
    """Where a delivery is until it has its name."""
    return f".{folder}.partial"


def _written(found: os.stat_result) -> datetime | None:
    try:
        return datetime.fromtimestamp(found.st_mtime, UTC)
    except (ValueError, OverflowError, OSError):
        return None  # a year that no calendar has: whoever owns a file can give it any time


def translating_os(where: str) -> AbstractContextManager[None]:
    """OSErrors as `Unavailable`, with the reason that the system names."""

    def into(error: BaseException) -> RemitError:
        return Unavailable(where, f"{reason_of(error)}.")

    return translating(OSError, into=into)


def reason_of(error: BaseException) -> str:
    """The reason that the system names."""
    # strerror alone: the exception's own text would add paths of the caller's.
    number = getattr(error, "errno", None)
    return os.strerror(number) if number else "the file system failed"
