"""A folder on an SFTP server as a store.

Guarantee: a file appears under its name whole, or not at all; what a killed process leaves behind is
listed with the rest.
"""

from __future__ import annotations

import contextlib
import io
import secrets
import stat
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import BinaryIO, TypeVar, cast

import asyncssh
from asyncssh import SFTPAttrs, SFTPClient

from remit.adapters.sftp.failures import translated
from remit.adapters.sftp.files import READ, RemoteFile, SftpDraft, SftpReader
from remit.adapters.sftp.place import SftpPlace
from remit.adapters.sftp.session import Session
from remit.errors import Refused, Unavailable
from remit.ports import Lock, StoredFile

T = TypeVar("T")
GONE = (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath)
IDENTITY = ".remit/store"
FILE_MODE, FOLDER_MODE = 0o640, 0o770  # the target, of the zone's group, adds its receipt
_BUFFER = 256 << 10


class SftpStore:
    """Implements `remit.ports.Store` on asyncssh."""

    def __init__(self, place: SftpPlace) -> None:
        self._place = place
        self._root = PurePosixPath(place.path)
        self._session = Session(place)
        self.label = place.label

    def create(self, path: str) -> SftpDraft:
        """See `remit.ports.Store`."""
        with self._translated(path):
            self._make_folder(self._at(path).parent)
            where = f"{self.label}/{path}"
            return SftpDraft(self._session, self._at(path), FILE_MODE, where)

    def open(self, path: str) -> BinaryIO:
        """See `remit.ports.Store`."""
        file = None
        with self._translated(path), contextlib.suppress(*GONE):
            file = RemoteFile(self._session, str(self._at(path)), READ)
        if file is None:
            raise FileNotFoundError(path)
        reader = SftpReader(file, f"{self.label}/{path}")
        return cast(BinaryIO, io.BufferedReader(reader, _BUFFER))

    def exists(self, path: str) -> bool:
        """See `remit.ports.Store`."""
        with self._translated(path):
            return self._mode(self._at(path)) is not None

    def list(self, prefix: str) -> list[StoredFile]:
        """See `remit.ports.Store`; an interrupted `publish` is listed too."""
        with self._translated(prefix):
            tops = (self._at(prefix), self._partial(prefix)) if prefix else (self._root,)
            if self._mode(self._root) is None:
                raise Unavailable(self.label, "the folder is not there.")
            found = self._do(lambda sftp: _all_below(sftp, tops))
        return [self._stored(path, attributes) for path, attributes in found]

    def remove(self, path: str) -> None:
        """See `remit.ports.Store`.

        Raises:
            Refused: copy-not-deleted, when the server forbids it.
        """
        target = self._at(path)
        with self._translated(path):
            try:
                self._do(lambda sftp: _remove(sftp, target, self._root))
            except asyncssh.SFTPPermissionDenied:
                raise Refused(
                    "copy-not-deleted",
                    f"{self.label}/{path}",
                    "the server forbids to delete it.",
                    "give the account the right to delete there; the deletion stays due.",
                ) from None

    def lock(self, path: str) -> Lock | None:  # noqa: ARG002
        """See `remit.ports.Store`; the protocol tells of no locks."""
        return None

    def claim(self) -> str:
        """See `remit.ports.Store`."""
        if self.identity() is None:
            draft = self.create(IDENTITY)
            try:
                draft.write(secrets.token_hex(16).encode())
                draft.publish()
            except Unavailable:
                draft.discard()
                if self.identity() is None:  # else somebody named it first
                    raise
        return self.identity() or ""

    def identity(self) -> str | None:
        """See `remit.ports.Store`."""
        try:
            with self.open(IDENTITY) as file:
                return file.read(64).decode("ascii", "replace")
        except FileNotFoundError:
            return None

    # --- inside -------------------------------------------------------------------------------

    def _do(self, work: Callable[[SFTPClient], Awaitable[T]]) -> T:
        return self._session.do(work)

    def _stored(self, path: PurePosixPath, attributes: SFTPAttrs) -> StoredFile:
        seconds = attributes.mtime
        written = None if seconds is None else datetime.fromtimestamp(seconds, UTC)
        return StoredFile(str(path.relative_to(self._root)), int(attributes.size or 0), written)

    def _mode(self, path: PurePosixPath) -> int | None:
        """The file's type and mode; None where there is none."""
        try:
            return int(self._do(lambda sftp: sftp.lstat(str(path))).permissions or 0)
        except GONE:
            return None

    def _make_folder(self, folder: PurePosixPath) -> None:
        """Make a folder and those above it up to the root, with our mode whatever the umask."""
        if self._mode(folder) is not None:
            return
        if folder != self._root:
            self._make_folder(folder.parent)
        try:
            self._do(lambda sftp: sftp.mkdir(str(folder)))
        except asyncssh.SFTPFailure:
            if self._mode(folder) is None:
                raise
            return  # somebody else made it meanwhile
        inherited = (self._mode(folder) or 0) & stat.S_ISGID
        attributes = SFTPAttrs(permissions=inherited | FOLDER_MODE)
        self._do(lambda sftp: sftp.setstat(str(folder), attributes))

    def _at(self, path: str) -> PurePosixPath:
        if ".." in PurePosixPath(path).parts or path.startswith("/"):
            raise Refused(
                "path-outside-store",
                self.label,
                "a path leads out of the store.",
                "this is a defect or an attack; look at the run's evidence.",
            )
        return self._root / path

    def _partial(self, folder: str) -> PurePosixPath:
        return self._at(f".{folder}.partial")

    def _translated(self, path: str) -> AbstractContextManager[None]:
        return translated(f"{self.label}/{path}")


async def _all_below(
    sftp: SFTPClient, tops: tuple[PurePosixPath, ...]
) -> list[tuple[PurePosixPath, SFTPAttrs]]:
    return [each for top in tops for each in await _below(sftp, top)]


async def _below(sftp: SFTPClient, top: PurePosixPath) -> list[tuple[PurePosixPath, SFTPAttrs]]:
    """Everything below that is not a folder, with what the server says of it; a link is itself."""
    found, left = [], [top]
    while left:
        path = left.pop()
        try:
            attributes = await sftp.lstat(str(path))
            if stat.S_ISDIR(attributes.permissions or 0):
                names = {str(entry.filename) for entry in await sftp.readdir(str(path))}
                left += [path / name for name in sorted(names - {".", ".."}, reverse=True)]
            else:
                found.append((path, attributes))
        except GONE:
            continue  # it went, or got its name, while it was listed
    return found


async def _remove(sftp: SFTPClient, target: PurePosixPath, root: PurePosixPath) -> None:
    """Remove a file, and the folders that this leaves empty."""
    with contextlib.suppress(*GONE):
        await sftp.remove(str(target))
    folder = target.parent
    while folder != root:
        try:
            left = await sftp.listdir(str(folder))
        except GONE:
            left = []
        else:
            if set(left) - {".", ".."}:
                return
            await sftp.rmdir(str(folder))
        folder = folder.parent
