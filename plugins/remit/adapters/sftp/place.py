"""Where an SFTP landing zone is, and the key that opens it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from urllib.parse import parse_qs, quote, unquote, urlsplit

import asyncssh

from remit.errors import UsageError, translating
from remit.private_files import read_private

_FORM = (
    "a landing zone by SFTP is sftp://USER@HOST:PORT/PATH?key=file:PATH "
    "(special characters percent-encoded; no password: the key alone opens it)."
)
_MOST = 64 << 10  # bytes of a key's file
_NO_KEY = "it is not a private key that OpenSSH knows, or its passphrase is wrong."


@dataclass(frozen=True, slots=True)
class SftpPlace:
    """A folder on an SFTP server.

    Attributes:
        path: the folder, absolute, as the server shows it to the account.
        key_file: the private key's file; None where `key` is the key's own text.
    """

    user: str
    host: str
    path: str
    port: int = 22
    key_file: str | None = None
    key: str | None = field(default=None, repr=False)
    passphrase: str | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, url: str) -> Self:
        """Read ``sftp://USER@HOST:PORT/PATH?key=file:PATH``.

        Raises:
            UsageError: it has another form, or a password. No part of it is repeated.
        """
        with translating(ValueError, into=lambda _: UsageError(_FORM)):
            parts = urlsplit(url)
            given = parse_qs(parts.query, strict_parsing=True) if parts.query else {}
            host, port, user = parts.hostname, parts.port, unquote(parts.username or "")
        key = given.get("key", [""])
        path = unquote(parts.path)
        known = set(given) == {"key"} and len(key) == 1 and key[0].startswith("file:/")
        if parts.scheme != "sftp" or not known or parts.fragment or parts.password is not None:
            raise UsageError(_FORM)
        key_file = key[0].removeprefix("file:").removeprefix("//")
        return cls.checked(cls(user, host or "", path, port or 22, key_file))

    @classmethod
    def checked(cls, place: Self) -> Self:
        """The place, if each part has its form.

        Raises:
            UsageError: one has not. It is not repeated.
        """
        folder = place.path.startswith("/") and ".." not in place.path.split("/")
        if not re.fullmatch(r"[^\s/:@]+", place.user) or not place.host or not folder:
            raise UsageError(_FORM)
        return place

    @property
    def label(self) -> str:
        """The place, without the key."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"sftp://{self.user}@{host}:{self.port}{self.path.rstrip('/')}"

    @property
    def specification(self) -> str:
        """The URL that `parse` reads; of a place whose key is no file, what must be added is missing."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        place = f"{quote(self.user, safe='')}@{host}:{self.port}{quote(self.path)}"
        return f"sftp://{place}" + (f"?key=file:{quote(self.key_file)}" if self.key_file else "")

    def private_key(self) -> asyncssh.SSHKey:
        """The key.

        Raises:
            UsageError: there is none, or it cannot be read.
            Refused: key-file-open, when others than its owner can use the file, or it is not ours.
        """
        where = self.key_file or f"the key of {self.label}"
        try:
            text = self.key if self.key_file is None else _read(Path(self.key_file))
            return asyncssh.import_private_key(text or "", self.passphrase)
        except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError, ValueError):
            raise UsageError(f"{where}: {_NO_KEY}") from None


def _read(path: Path) -> bytes:
    try:
        return read_private(path, _MOST)
    except OSError as error:
        raise UsageError(f"cannot read the private key {path}: {error.strerror}.") from None
