"""A landing zone on an SFTP server.

Guarantee: a delivery appears under its name whole, or not at all; what an earlier try sent is compared
with what is read back, and not sent again. Nothing is sent to a server that lets strangers in, or
by an account that is nobody's own.
"""

from __future__ import annotations

import secrets
import stat
from collections.abc import Mapping
from pathlib import PurePosixPath

import asyncssh
from asyncssh import FXF_CREAT, FXF_EXCL, FXF_WRITE, SFTPClient

from remit import landing
from remit.adapters.resuming import resume
from remit.adapters.sftp.failures import said
from remit.adapters.sftp.files import RESUME, RemoteFile
from remit.adapters.sftp.place import SftpPlace
from remit.adapters.sftp.store import FILE_MODE, GONE, SftpStore
from remit.ports import LandingTerms, Outgoing

_NEVER_WRITABLE = (
    *GONE,
    asyncssh.SFTPPermissionDenied,
    asyncssh.SFTPWriteProtect,
    asyncssh.SFTPNotADirectory,
)
_STRANGERS = ("anonymous", "ftp")


class SftpLanding(SftpStore):
    """Implements `remit.ports.LandingZone` on an SFTP server."""

    transport = "sftp"

    def __init__(self, place: SftpPlace) -> None:
        super().__init__(place)
        self._terms = LandingTerms()
        self.specification = place.specification

    def bind(self, terms: LandingTerms) -> None:
        """See `remit.ports.LandingZone`; without a host key nothing is connected to."""
        if terms.endpoint != self._session.pin:
            self._session.close()
        self._terms, self._session.pin = terms, terms.endpoint

    def endpoint(self) -> str | None:
        """See `remit.ports.LandingZone`: the host key, which each connection is held to."""
        return self._session.require_pinned()

    def preflight(self, room: int = 0) -> None:
        """Make the zone if only its last folder is missing, and try it.

        Raises:
            Refused: landing-host-key-unpinned, landing-host-key-differs, landing-account-shared,
                landing-anonymous, landing-unwritable, landing-open, landing-full.
        """
        self._session.require_pinned()
        user = self._place.user
        landing.require_named(self.label, [user], self._terms.shared)
        for name in (user, *_STRANGERS):
            if self._session.is_open_to(name):
                raise landing.anonymous(self.label, f"whoever says to be {name} is let in")
        with self._translated("."):
            try:
                self._try_a_file()
            except _NEVER_WRITABLE as error:
                raise landing.unwritable(self.label, said(error)) from None
            if (self._mode(self._root) or 0) & stat.S_IWOTH:
                raise landing.writable_by_all(self.label)
            free = self._do(lambda sftp: _free(sftp, str(self._root)))
        landing.require_room(self.label, free, room)

    def publish(self, folder: str, files: Mapping[str, Outgoing]) -> None:
        """See `remit.ports.LandingZone`: written beside, then renamed as a whole."""
        partial = self._partial(folder)
        expected = {f"{partial.name}/{name}" for name in files}
        for left in self.list(folder):
            if left.path.startswith(f"{folder}/") or left.path == folder:
                raise landing.conflict(self.label, folder)
            if left.path not in expected:
                self.remove(left.path)
        with self._translated(folder):
            self._make_folder(partial)
            for name, file in files.items():
                self._send(file, partial / name)
            self._do(lambda sftp: sftp.rename(str(partial), str(self._at(folder))))

    def _send(self, file: Outgoing, path: PurePosixPath) -> None:
        mode = self._mode(path)
        if mode is not None and not stat.S_ISREG(mode):  # a link would lead the bytes elsewhere
            self._do(lambda sftp: sftp.remove(str(path)))
        with (
            file.open() as source,
            RemoteFile(self._session, str(path), RESUME, FILE_MODE) as there,
        ):
            resume(source, there)

    def _try_a_file(self) -> None:
        if self._mode(self._root) is None:
            self._make_folder(self._root)
        trial = str(self._root / f".remit-{secrets.token_hex(8)}")
        RemoteFile(self._session, trial, FXF_WRITE | FXF_CREAT | FXF_EXCL, 0o600).close()
        self._do(lambda sftp: sftp.remove(trial))


async def _free(sftp: SFTPClient, path: str) -> int | None:
    """Bytes that may still be written; None where the server cannot tell."""
    try:
        disk = await sftp.statvfs(path)
    except asyncssh.SFTPOpUnsupported:
        return None
    return int(disk.bavail) * int(disk.frsize)
