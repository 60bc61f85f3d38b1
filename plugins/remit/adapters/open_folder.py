"""A folder held open, from which others are reached by one name at a time, never by a link.

Guarantee: below the root nothing is looked at, made or removed through a link, also when another
account puts one into the place of a folder at any moment.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Self

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
# O_NONBLOCK: to open a pipe must not wait for its writer.
_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


class OpenFolder:
    """A place at or below a root, which moves by `down` and `up`; one handle at any depth.

    Every method raises OSError; NotADirectoryError where a link stands for a folder.

    Attributes:
        handle: for `dir_fd`; another one after each move.
    """

    def __init__(self, root: Path, below: Iterable[str] = ()) -> None:
        self.handle = -1
        self.handle = os.open(root, _FOLDER)  # where the root leads is its owner's matter
        self._trail: list[tuple[str, tuple[int, int]]] = []
        try:
            for name in below:
                self.down(name)
        except OSError:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        """Let go of it."""
        handle, self.handle = self.handle, -1
        if handle >= 0:
            os.close(handle)

    @property
    def depth(self) -> int:
        """How many folders it is below the root."""
        return len(self._trail)

    def path_of(self, name: str) -> str:
        """A name here, as a path from the root."""
        return "/".join([*(folder for folder, _ in self._trail), name])

    def down(self, name: str) -> None:
        """Go into a folder."""
        here = _identity(self.handle)
        self._move(os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=self.handle))
        self._trail.append((name, here))

    def up(self) -> str:
        """Go back to the folder above; the name of the one that was left."""
        name, above = self._trail[-1]
        handle = os.open("..", _FOLDER, dir_fd=self.handle)
        if _identity(handle) != above:  # somebody moved the folder: its ".." is another one now
            os.close(handle)
            raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))
        self._trail.pop()
        self._move(handle)
        return name

    def make(self, name: str, mode: int) -> None:
        """Go into a folder, made with that mode, whatever the umask, if it is not there."""
        try:
            os.mkdir(name, 0o700, dir_fd=self.handle)
        except FileExistsError:
            self.down(name)
            return
        self.down(name)
        inherited = os.fstat(self.handle).st_mode & stat.S_ISGID  # a zone may be its group's
        os.fchmod(self.handle, inherited | mode)

    def names(self) -> list[str]:
        """All names here, sorted."""
        return sorted(os.listdir(self.handle))  # noqa: PTH208  (no path)

    def is_empty(self) -> bool:
        """Whether there is no name here."""
        with os.scandir(self.handle) as entries:
            return next(entries, None) is None

    def look(self, name: str) -> os.stat_result | None:
        """What has the name, a link as itself; None where nothing has."""
        try:
            return os.stat(name, dir_fd=self.handle, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def open(self, name: str) -> BinaryIO:
        """Read a plain file; of anything else ELOOP (a link), or EINVAL, at once."""
        handle = os.open(name, _READ, dir_fd=self.handle)
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            os.close(handle)
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        return os.fdopen(handle, "rb")

    def create(self, name: str, mode: int, buffering: int) -> BinaryIO:
        """Write a new file with that mode, whatever the umask."""
        handle = os.open(name, _CREATE, mode, dir_fd=self.handle)
        os.fchmod(handle, mode)
        return os.fdopen(handle, "wb", buffering=buffering)

    def rename(self, name: str, new: str) -> None:
        """Give a file or folder here another name here."""
        os.rename(name, new, src_dir_fd=self.handle, dst_dir_fd=self.handle)

    def unlink(self, name: str) -> None:
        """Remove a file, or a link itself; one already gone is no error."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name, dir_fd=self.handle)

    def leave_empty(self) -> None:
        """Go up as long as there is nothing here, and remove what was left."""
        while self.depth and self.is_empty():
            name = self.up()
            with contextlib.suppress(FileNotFoundError):
                os.rmdir(name, dir_fd=self.handle)

    def sync(self) -> None:
        """Make the names here durable."""
        os.fsync(self.handle)

    def files_below(self) -> Iterator[tuple[str, os.stat_result]]:
        """Everything below that is not a folder, by its path; a link is itself."""
        levels = [iter(self.names())]
        while levels:
            name = next(levels[-1], None)
            if name is None:
                levels.pop()
                if levels:
                    self.up()
                continue
            found = self.look(name)
            if found is None:
                continue  # it went, or got its name, while it was listed
            if not stat.S_ISDIR(found.st_mode):
                yield self.path_of(name), found
                continue
            with contextlib.suppress(FileNotFoundError):
                self.down(name)
                levels.append(iter(self._names_left()))

    def _names_left(self) -> list[str]:
        try:
            return self.names()
        except FileNotFoundError:
            return []  # removed since it was opened

    def _move(self, handle: int) -> None:
        os.close(self.handle)
        self.handle = handle


def _identity(handle: int) -> tuple[int, int]:
    found = os.fstat(handle)
    return found.st_dev, found.st_ino
