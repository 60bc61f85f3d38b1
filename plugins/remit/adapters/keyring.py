"""Staging keys in a folder: one file per run, mode 0600, overwritten before it is removed.

Not guaranteed: that a file system or disk which keeps old blocks (snapshots, copy on write, flash)
forgets the overwritten ones; use a token or a key service where that matters.
"""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from remit import hpke
from remit.adapters.folder import translating_os
from remit.errors import Refused


class FolderKeyStore:
    """The keyring folder; its owner alone may enter it."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def create(self, name: str) -> bytes:
        """See `remit.ports.KeyStore`."""
        with translating_os("the keyring"):
            self._root.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._root.chmod(0o700)
            if not self._path(name).exists():
                self._write(name, X25519PrivateKey.generate())
            return self._load(name).public_key().public_bytes_raw()

    def open(self, name: str, sealed: bytes, info: bytes) -> bytes:
        """See `remit.ports.KeyStore`."""
        return hpke.unseal(sealed, self._load(name), info)

    def exists(self, name: str) -> bool:
        """See `remit.ports.KeyStore`."""
        with translating_os("the keyring"):
            return self._path(name).exists() or self._partial(name).exists()

    def destroy(self, name: str) -> None:
        """See `remit.ports.KeyStore`."""
        with translating_os("the keyring"):
            for path in (self._path(name), self._partial(name)):
                if path.exists():
                    self._destroy(path)

    def _destroy(self, path: Path) -> None:
        with path.open("r+b") as file:
            file.write(bytes(path.stat().st_size))
            file.flush()
            os.fsync(file.fileno())
        path.unlink()
        self._sync()

    def _partial(self, name: str) -> Path:
        return self._path(name).with_suffix(".partial")

    def _path(self, name: str) -> Path:
        if not name.replace("-", "").isalnum():
            raise ValueError("key names are letters, digits and hyphens")
        return self._root / f"{name}.key"

    def _load(self, name: str) -> X25519PrivateKey:
        try:
            return X25519PrivateKey.from_private_bytes(self._path(name).read_bytes())
        except (OSError, ValueError):
            raise Refused(
                "staging-key-gone",
                f"staging key {name}",
                "it was destroyed, so what is staged can no longer be read by the processor.",
                "if the run was not sealed, run anew; what is staged is deleted when due.",
            ) from None

    def _write(self, name: str, private: X25519PrivateKey) -> None:
        # Under a hidden name first: a kill must not leave half a key under the real one.
        hidden = self._partial(name)
        hidden.unlink(missing_ok=True)
        handle = os.open(hidden, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(private.private_bytes_raw())
            file.flush()
            os.fsync(file.fileno())
        hidden.rename(self._path(name))
        self._sync()

    def _sync(self) -> None:
        handle = os.open(self._root, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
