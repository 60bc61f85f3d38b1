"""Files on an SFTP server: read anywhere, written under a hidden name."""

from __future__ import annotations

import contextlib
import io
import secrets
from pathlib import PurePosixPath
from typing import Any, Self, cast

import asyncssh
from asyncssh import FXF_CREAT, FXF_EXCL, FXF_READ, FXF_WRITE, SFTPAttrs

from remit.adapters.sftp.failures import KINDS, translated
from remit.adapters.sftp.session import Session


class RemoteFile:
    """An open file; see `remit.adapters.resuming.Partial`.

    Raises:
        SFTPError, OSError: as the server has it.
    """

    def __init__(self, session: Session, path: str, flags: int, mode: int | None = None) -> None:
        self._session = session
        self._file = session.do(
            lambda sftp: sftp.open(path, flags, encoding=None, block_size=_WIRE)
        )
        if mode is not None:  # whatever the server's umask
            attributes = SFTPAttrs(permissions=mode)
            session.do(lambda _: self._file.setstat(attributes))
        self.size = int(session.do(lambda _: self._file.stat()).size or 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.sync()
        self.close()

    def read_at(self, offset: int, size: int) -> bytes:
        """What is there."""
        return cast(bytes, self._session.do(lambda _: self._file.read(size, offset)))

    def write_at(self, offset: int, data: bytes) -> None:
        """Put all of it there."""
        self._session.do(lambda _: self._file.write(data, offset))

    def truncate(self, size: int) -> None:
        """Cut off what is behind."""
        self._session.do(lambda _: self._file.truncate(size))

    def sync(self) -> None:
        """Have it on the server's disk, where the server can do that."""
        with contextlib.suppress(asyncssh.SFTPOpUnsupported):
            self._session.do(lambda _: self._file.fsync())

    def close(self) -> None:
        """Give it back; a connection that is lost has done so."""
        with contextlib.suppress(*KINDS):
            self._session.do(lambda _: self._file.close())


class SftpReader(io.RawIOBase):
    """A file being read; seekable."""

    def __init__(self, file: RemoteFile, where: str) -> None:
        super().__init__()
        self._file, self._where, self._at = file, where, 0

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """Where the next byte is read."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move; asks nothing of the server."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._file.size}[whence]
        if start + offset < 0:
            raise ValueError("before the beginning of the file")
        self._at = start + offset
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer, or what the rest of the file fills of it."""
        with memoryview(buffer).cast("B") as view, translated(self._where):
            data = self._file.read_at(self._at, len(view))
            view[: len(data)] = data
        self._at += len(data)
        return len(data)

    def close(self) -> None:
        """Give it back."""
        if not self.closed:
            self._file.close()
        super().close()


class SftpDraft:
    """A file that has no name yet but a hidden one; see `remit.ports.Draft`."""

    def __init__(self, session: Session, path: PurePosixPath, mode: int, where: str) -> None:
        self._session, self._path, self._where = session, path, where
        self._hidden = str(path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial"))
        self._size = 0
        with translated(where):
            self._file = RemoteFile(session, self._hidden, FXF_WRITE | FXF_CREAT | FXF_EXCL, mode)

    def write(self, data: bytes) -> int:
        """Append bytes."""
        with translated(self._where):
            self._file.write_at(self._size, data)
        self._size += len(data)
        return len(data)

    def publish(self) -> None:
        """Give it its name, which must be free."""
        with translated(self._where):
            self._file.sync()
            self._file.close()
            self._session.do(lambda sftp: sftp.rename(self._hidden, str(self._path)))

    def discard(self) -> None:
        """Remove what was written."""
        self._file.close()
        # What made the caller give up is told, not this: what stays is listed as a copy.
        with contextlib.suppress(*KINDS):
            self._session.do(lambda sftp: sftp.remove(self._hidden))


READ = FXF_READ
RESUME = FXF_READ | FXF_WRITE | FXF_CREAT
_WIRE = 32 << 10  # bytes of one request; every server takes that many
