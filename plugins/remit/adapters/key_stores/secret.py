"""The keyring's own wrapping: AES-256-GCM under a key that scrypt derives from a secret.

What it protects: copies and backups of the keyring that do not hold the secret as well.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from remit.adapters.folder import translating_os
from remit.adapters.keyring import Wrapped
from remit.errors import Refused, UsageError
from remit.private_files import read_private

_SHORTEST, _LONGEST = 16, 4096  # bytes
_NONCE = 12


class KeyringSecret:
    """Where the secret is: a private file, a connection's password, or the default file.

    Only the default file is made when it is missing; another one that is not there is a mistake.
    """

    def __init__(self, spec: str | None, default: Path, password: Callable[[str], str]) -> None:
        kind, _, place = (spec or f"file:{default}").partition(":")
        if kind not in ("file", "conn") or (kind == "file" and not place.startswith("/")):
            raise UsageError("REMIT_KEYRING_SECRET is file:PATH, an absolute one, or conn:ID.")
        self._connection = place if kind == "conn" else None
        self._path, self._is_default = Path(place), spec is None
        self._password = password

    def read(self, *, make: bool = False) -> bytes:
        """The secret.

        Args:
            make: whether the default file is made if it is missing.

        Raises:
            Refused: keyring-secret-unusable, key-file-open.
            Unavailable, UsageError: the connection cannot be looked up.
        """
        if self._connection is not None:
            where = f"connection {self._connection}"
            return _long_enough(self._password(self._connection).encode(), where)
        with translating_os("the keyring's secret"):
            if make and self._is_default and not self._path.exists():
                _make(self._path)
            try:
                content = read_private(self._path, _LONGEST)
            except (FileNotFoundError, NotADirectoryError, PermissionError, ValueError):
                content = b""
        return _long_enough(content.removesuffix(b"\n"), str(self._path))


class SecretWrapping:
    """Wraps under the keyring's secret; see `remit.adapters.keyring.Wrapping`."""

    label = "keyring"

    def __init__(self, secret: KeyringSecret) -> None:
        self._secret = secret
        self._derived: dict[tuple[bytes, bytes], AESGCM] = {}

    def wrap(self, name: str, private: bytes) -> Wrapped:
        """Encrypt under a fresh salt."""
        line, nonce = f"scrypt:{secrets.token_hex(16)}", secrets.token_bytes(_NONCE)
        cipher = self._cipher(line, self._secret.read(make=True))
        return Wrapped(line, nonce + cipher.encrypt(nonce, private, _bound(line, name)))

    def unwrap(self, name: str, wrapped: Wrapped) -> bytes:
        """Decrypt with the salt that the line gives."""
        nonce, text = wrapped.secret[:_NONCE], wrapped.secret[_NONCE:]
        cipher = self._cipher(wrapped.key, self._secret.read())
        try:
            return cipher.decrypt(nonce, text, _bound(wrapped.key, name))
        except InvalidTag:
            raise ValueError("it does not decrypt") from None

    def forget(self, key: str) -> None:
        """Nothing: the secret is the deployment's, and the salt is none."""

    def _cipher(self, line: str, secret: bytes) -> AESGCM:
        kind, _, salt = line.partition(":")
        if kind != "scrypt" or len(salt) != 32:
            raise ValueError("another form")
        known = (bytes.fromhex(salt), secret)
        if known not in self._derived:  # it takes a tenth of a second, and a run opens many keys
            derived = Scrypt(salt=known[0], length=32, n=1 << 15, r=8, p=1).derive(secret)
            self._derived = {known: AESGCM(derived)}
        return self._derived[known]


def _bound(line: str, name: str) -> bytes:
    return f"{line}\n{name}".encode()


def _make(path: Path) -> None:
    """32 random bytes in hex; of several processes at once, the first one's stays."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    hidden = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    handle = os.open(hidden, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_hex(32).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            path.hardlink_to(hidden)
        except FileExistsError:
            return
        _sync(path.parent)
    finally:
        hidden.unlink()


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _long_enough(secret: bytes, where: str) -> bytes:
    if len(secret) < _SHORTEST:
        raise Refused(
            "keyring-secret-unusable",
            where,
            f"it is not there, cannot be read, or is shorter than {_SHORTEST} bytes.",
            "put the keyring's secret there (openssl rand -hex 32), in a file with mode 0600.",
        )
    return secret
