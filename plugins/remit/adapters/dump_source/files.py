"""The files of a dump: private, opened once, the same bytes in each pass, unpacked on the way."""

from __future__ import annotations

import hashlib
import os
import stat
import zlib
from collections.abc import Iterator
from pathlib import Path

from remit.dumped import DumpedFile
from remit.errors import Refused, RemitError, Unavailable, translating

CHUNK = 1 << 21
_UNPACKED = 4 << 20
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def require_private(path: Path) -> None:
    """Refuse a file that somebody else than its owner can read, or put another in the place of.

    Raises:
        Refused: dump-exposed.
        Unavailable: it is not there.
    """
    with translating(OSError, into=lambda _: Unavailable(path.name, "the file is not there.")):
        file, folder = path.lstat(), path.parent.stat()
    if not stat.S_ISREG(file.st_mode):
        raise _exposed(path, "it is a link or no file, so that another can be put in its place.")
    if file.st_nlink != 1:
        raise _exposed(
            path, "it has another name as well (a hard link), under which it would stay."
        )
    if file.st_mode & _OTHERS:
        raise _exposed(path, "the file can be opened by others than its owner.")
    if folder.st_mode & (stat.S_IRWXO | stat.S_IWGRP):
        raise _exposed(path, "its folder is open to everybody, or can be written by a group.")


class DumpFileReader:
    """One file of a dump, open; see `chunks`.

    Args:
        known: what the file was when it was taken up; None to learn it in the first whole pass.
    """

    def __init__(self, path: Path, known: DumpedFile | None = None) -> None:
        require_private(path)
        self.name = path.name
        self._path, self._known = path, known
        with translating(OSError, into=self._unreadable):
            fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        self._file = os.fdopen(fd, "rb", buffering=0)
        self._opened = self._state()

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def fingerprint(self) -> DumpedFile:
        """Path, size and digest; the file is read for it once, unless a pass told them before."""
        if self._known is None:
            for _ in self._stored():
                pass
        assert self._known is not None  # noqa: S101  (a whole pass sets it)
        return self._known

    def chunks(self) -> Iterator[bytes]:
        """The bytes from the beginning, unpacked.

        Raises:
            Refused: dump-changed, at the end; dump-malformed, where it cannot be unpacked.
        """
        stored = self._stored()
        return _unpacked(stored, self.name) if self.name.endswith(".gz") else stored

    def _stored(self) -> Iterator[bytes]:
        digest, place = hashlib.sha256(), 0
        with translating(OSError, into=self._unreadable):
            while chunk := os.pread(self._file.fileno(), CHUNK, place):
                digest.update(chunk)
                place += len(chunk)
                yield chunk
        read = DumpedFile(str(self._path), place, digest.hexdigest())
        self._known = self._known or read
        if read != self._known or self._state() != self._opened:
            raise Refused(
                "dump-changed",
                self.name,
                "the file is not what it was when it was taken up.",
                "let the tool that writes it end first, then start a new run.",
            )

    def _state(self) -> tuple[int, int]:
        with translating(OSError, into=self._unreadable):
            found = os.fstat(self._file.fileno())
        return found.st_size, found.st_mtime_ns

    def _unreadable(self, _: BaseException) -> RemitError:
        return Unavailable(self.name, "the file cannot be read.")


def _unpacked(stored: Iterator[bytes], name: str) -> Iterator[bytes]:
    """What gzip packed, of one member or several; zlib checks each member's checksum."""
    member = zlib.decompressobj(31)
    with translating(zlib.error, into=lambda _: _damaged(name)):
        for chunk in stored:
            left = chunk
            while left:
                if member.eof:
                    member = zlib.decompressobj(31)
                yield member.decompress(left, _UNPACKED)
                left = member.unused_data if member.eof else member.unconsumed_tail
        while not member.eof:
            if not (rest := member.decompress(b"", _UNPACKED)):
                raise _damaged(name)
            yield rest


def _damaged(name: str) -> Refused:
    return Refused(
        "dump-malformed",
        name,
        "it ends in .gz, but it is cut short, damaged or not packed.",
        "have it written again, and compare its size with the tool's.",
    )


def _exposed(path: Path, why: str) -> Refused:
    return Refused(
        "dump-exposed",
        path.name,
        why,
        "let the account that runs remit own it: chmod 700 the folder and 600 the file.",
    )
