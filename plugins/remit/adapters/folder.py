"""A folder as a store.

Guarantee: a file appears under its name whole and durable, or not at all; what a killed process
leaves behind is listed with the rest.
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from remit.errors import Refused, RemitError, Unavailable, translating
from remit.ports import Lock, StoredFile

_BUFFER = 1 << 20
_IDENTITY = ".remit/store"


class FolderStore:
    """Staging in a folder; private to its owner."""

    _folder_mode = 0o700
    _file_mode = 0o600

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.label = str(self.root)

    def create(self, path: str) -> FolderDraft:
        """See `remit.ports.Store`."""
        with self._translated(path):
            self._make_folder(self._at(path).parent)
            return FolderDraft(self._at(path), self._file_mode, self.label)

    def open(self, path: str) -> BinaryIO:
        """See `remit.ports.Store`."""
        if not self.exists(path):
            raise FileNotFoundError(path)
        with self._translated(path):
            return self._at(path).open("rb")

    def exists(self, path: str) -> bool:
        """See `remit.ports.Store`."""
        with self._translated(path):
            return self._at(path).exists()

    def list(self, prefix: str) -> list[StoredFile]:
        """See `remit.ports.Store`; an interrupted `publish` is listed too."""
        with self._translated(prefix):
            tops = (self._at(prefix), self._partial(prefix)) if prefix else (self.root,)
            if not self.root.is_dir():
                raise Unavailable(self.label, "the folder is not there (not mounted?).")
            paths = [path for top in tops for path in files_below(top)]
            return [file for path in paths if (file := self._stored(path)) is not None]

    def remove(self, path: str) -> None:
        """See `remit.ports.Store`."""
        with self._translated(path):
            target = self._at(path)
            target.unlink(missing_ok=True)
            folder = target.parent
            while folder != self.root and not (folder.is_dir() and any(folder.iterdir())):
                if folder.is_dir():
                    folder.rmdir()
                folder = folder.parent
            if folder.is_dir():
                sync_folder(folder)

    def lock(self, path: str) -> Lock | None:  # noqa: ARG002
        """See `remit.ports.Store`; a folder locks nothing."""
        return None

    def claim(self) -> str:
        """See `remit.ports.Store`."""
        with self._translated(_IDENTITY):
            self._make_folder((self.root / _IDENTITY).parent)
            if self.identity() is None:
                draft = FolderDraft(self.root / _IDENTITY, self._file_mode, self.label)
                try:
                    draft.write(secrets.token_hex(16).encode())
                    draft.publish()
                except Unavailable:
                    draft.discard()
                    raise
        return self.identity() or ""

    def identity(self) -> str | None:
        """See `remit.ports.Store`."""
        with self._translated(_IDENTITY):
            try:
                return (self.root / _IDENTITY).read_text("ascii")
            except FileNotFoundError:
                return None

    def _stored(self, path: Path) -> StoredFile | None:
        try:
            found = path.lstat()
        except FileNotFoundError:
            return None  # it went, or got its name, while it was listed
        written = datetime.fromtimestamp(found.st_mtime, UTC)
        return StoredFile(str(path.relative_to(self.root)), found.st_size, written)

    def _at(self, path: str) -> Path:
        target = self.root / path
        if ".." in Path(path).parts or Path(path).is_absolute():
            raise Refused(
                "path-outside-store",
                self.label,
                "a path leads out of the store.",
                "this is a defect or an attack; look at the run's evidence.",
            )
        return target

    def _partial(self, folder: str) -> Path:
        return self._at(f".{folder}.partial")

    def _make_folder(self, folder: Path) -> None:
        """Make a folder and those above it up to the root, with our mode whatever the umask."""
        if folder != self.root and not folder.parent.is_dir():
            self._make_folder(folder.parent)
        if not folder.is_dir():
            folder.mkdir(parents=True, exist_ok=True)
            inherited = folder.stat().st_mode & stat.S_ISGID  # a zone may be shared by its group
            folder.chmod(inherited | self._folder_mode)

    def _translated(self, path: str) -> AbstractContextManager[None]:
        return translating_os(f"{self.label}/{path}")


class FolderDraft:
    """A file that has no name yet but a hidden one."""

    def __init__(self, path: Path, mode: int, store: str) -> None:
        self._path, self._store = path, store
        self._hidden = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
        self._file = _create(self._hidden, mode)

    def write(self, data: bytes) -> int:
        """See `remit.ports.Draft`."""
        with translating_os(f"{self._store}/{self._path.name}"):
            return self._file.write(data)

    def publish(self) -> None:
        """See `remit.ports.Draft`."""
        with translating_os(f"{self._store}/{self._path.name}"):
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            self._hidden.rename(self._path)
            sync_folder(self._path.parent)

    def discard(self) -> None:
        """See `remit.ports.Draft`. A full disk fails the last flush; the file goes all the same."""
        try:
            self._file.close()
        except OSError:
            os.truncate(self._hidden, 0)
        self._hidden.unlink(missing_ok=True)


def _create(path: Path, mode: int) -> BinaryIO:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    os.fchmod(handle, mode)  # whatever the umask
    return os.fdopen(handle, "wb", buffering=_BUFFER)


def files_below(top: Path) -> Iterator[Path]:
    """Everything below a folder that is not a folder; a link is itself, not what it leads to."""
    if top.is_symlink() or (top.exists() and not top.is_dir()):
        yield top
        return
    if not top.exists():
        return
    for folder, _, _ in os.walk(top, onerror=_raise):
        for entry in sorted(Path(folder).iterdir()):
            if entry.is_symlink() or not entry.is_dir():
                yield entry


def _raise(error: OSError) -> None:
    raise error  # os.walk would pass over a folder that it cannot read


def sync_folder(folder: Path) -> None:
    """Make the names in it durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


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
