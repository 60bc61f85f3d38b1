"""A landing zone in a folder, which the target reads through the folder's group.

Guarantee: a delivery appears under its name whole and durable, or not at all. Nobody but owner and
group can read what is published, as far as owner, group and mode say.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from remit import landing
from remit.adapters.folder import FolderStore, partial_of, reason_of
from remit.adapters.open_folder import OpenFolder
from remit.adapters.resuming import resume
from remit.errors import Unavailable
from remit.ports import LandingTerms, Outgoing

_NEVER_WRITABLE = {
    errno.EACCES,
    errno.EEXIST,
    errno.EPERM,
    errno.EROFS,
    errno.ENOENT,
    errno.ENOTDIR,
    errno.ENAMETOOLONG,
}


class FolderLanding(FolderStore):
    """Implements `remit.ports.LandingZone` on a folder."""

    transport = "folder"

    _folder_mode = 0o770  # the target, of the zone's group, adds its receipt to a delivery
    _file_mode = 0o640

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.specification = self.label

    def bind(self, terms: LandingTerms) -> None:
        """See `remit.ports.LandingZone`; a folder has no account but the process's own."""

    def endpoint(self) -> str | None:
        """See `remit.ports.LandingZone`: its own name."""
        return self.identity()

    def preflight(self, room: int = 0) -> None:
        """Make the zone if only its last folder is missing, and try it.

        Raises:
            Refused: landing-unwritable, landing-open, landing-anonymous, landing-full.
        """
        try:
            if not self.root.is_dir():
                self.root.mkdir()
                self.root.chmod(self._folder_mode)
            mode = self.root.stat().st_mode
            trial = self.root / f".remit-{secrets.token_hex(8)}"
            trial.touch(0o600)
            trial.unlink()
        except OSError as error:
            if error.errno not in _NEVER_WRITABLE:
                raise Unavailable(self.label, f"{reason_of(error)}.") from None
            raise landing.unwritable(self.label, reason_of(error)) from None
        if mode & stat.S_IWOTH:
            raise landing.writable_by_all(self.label)
        with self._translated("."):
            if mode & (stat.S_IROTH | stat.S_IXOTH) and _is_reached_by_all(self.root.resolve()):
                raise landing.anonymous(self.label, "anybody on the machine can look in")
            disk = os.statvfs(self.root)
        landing.require_room(self.label, disk.f_bavail * disk.f_frsize, room)

    def publish(self, folder: str, files: Mapping[str, Outgoing]) -> None:
        """See `remit.ports.LandingZone`: written beside, then renamed as a whole."""
        partial = partial_of(folder)
        with self._translated(folder):
            if any(True for _ in self._below(folder)):
                raise landing.conflict(self.label, folder)
            for left, _ in list(self._below(partial)):
                if left not in {f"{partial}/{name}" for name in files}:
                    self.remove(left)
            with self._made([partial]) as there:
                for name, file in files.items():
                    self._send(file, there, name)
                there.sync()
                there.up()
                there.rename(partial, folder)
                there.sync()

    def _send(self, file: Outgoing, folder: OpenFolder, name: str) -> None:
        with file.open() as source, _LocalPartial(folder, name, self._file_mode) as there:
            resume(source, there)


class _LocalPartial:
    """A file of our own in the partial folder; one that another account made is made anew."""

    def __init__(self, folder: OpenFolder, name: str, mode: int) -> None:
        found = folder.look(name)
        if found is not None and not _is_ours(found):
            folder.unlink(name)
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        self._handle = os.open(name, flags, mode, dir_fd=folder.handle)
        found = os.fstat(self._handle)
        if not _is_ours(found):  # put there since
            os.close(self._handle)
            raise OSError(errno.EPERM, os.strerror(errno.EPERM))
        os.fchmod(self._handle, mode)  # whatever the umask
        self.size = found.st_size

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            os.fsync(self._handle)
        finally:
            os.close(self._handle)

    def read_at(self, offset: int, size: int) -> bytes:
        return os.pread(self._handle, size, offset)

    def write_at(self, offset: int, data: bytes) -> None:
        with memoryview(data) as view:
            done = 0
            while done < len(data):
                done += os.pwrite(self._handle, view[done:], offset + done)

    def truncate(self, size: int) -> None:
        os.ftruncate(self._handle, size)


def _is_ours(found: os.stat_result) -> bool:
    return stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid() and found.st_nlink == 1


def _is_reached_by_all(folder: Path) -> bool:
    """Whether everybody may pass through each folder above."""
    return all(above.stat().st_mode & stat.S_IXOTH for above in folder.parents)
