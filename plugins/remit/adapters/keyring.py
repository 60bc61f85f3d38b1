"""Staging keys in a folder: one file per run, mode 0600, encrypted, overwritten before it is removed.

A file is one line that names the key that it is encrypted under, then the encrypted private half.
What encrypts is a `Wrapping`: a secret of the deployment's, or a key service with a key for each run.

Not guaranteed: that a file system or disk which keeps old blocks (snapshots, copy on write, flash)
forgets the overwritten ones; use a token or a key service where that matters.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple, Protocol

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from remit import hpke
from remit.adapters.folder import FolderStore, translating_os
from remit.errors import Refused

_LARGEST = 1 << 16


class Wrapped(NamedTuple):
    """An encrypted private half.

    Attributes:
        key: one line of ASCII that tells the wrapping which key it is under.
        secret: the ciphertext.
    """

    key: str
    secret: bytes


class Wrapping(Protocol):
    """Encrypts the private halves that the folder keeps, each bound to its name."""

    label: str
    """What encrypts, without credentials."""

    def wrap(self, name: str, private: bytes) -> Wrapped:
        """Encrypt a new private half."""

    def unwrap(self, name: str, wrapped: Wrapped) -> bytes:
        """Decrypt it. Raises ValueError when it was changed, renamed, or is under another key."""

    def forget(self, key: str) -> None:
        """Destroy the key of that line, if it is this run's own. One already gone is no error."""


class FolderKeyStore:
    """The keyring folder; its owner alone may enter it."""

    def __init__(self, root: Path, wrapping: Wrapping) -> None:
        self._root = root
        self._wrapping = wrapping
        self._folder = FolderStore(root)
        self.label = f"{wrapping.label} in {root}"

    def claim(self) -> str:
        """See `remit.ports.KeyStore`; the folder's own name."""
        return self._folder.claim()

    def identity(self) -> str | None:
        """See `remit.ports.KeyStore`."""
        return self._folder.identity()

    def create(self, name: str) -> bytes:
        """See `remit.ports.KeyStore`."""
        with translating_os("the keyring"):
            self._root.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._root.chmod(0o700)
            kept = self._read(self._path(name))
            if kept is None or _is_overwritten(kept):
                self.destroy(name)  # to the end, what a killed process began
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

    def names(self) -> list[str]:
        """See `remit.ports.KeyStore`."""
        with translating_os("the keyring"):
            if not self._root.exists():
                return []
            kept = [path for path in self._root.iterdir() if path.suffix in (".key", ".partial")]
            return sorted({path.stem for path in kept if _is_name(path.stem)})

    def _destroy(self, path: Path) -> None:
        kept = self._read(path)
        with path.open("r+b") as file:
            if kept is not None:
                file.seek(len(kept.key) + 1)  # the line stays until that key is gone as well
            file.write(bytes(path.stat().st_size - file.tell()))
            file.flush()
            os.fsync(file.fileno())
        if kept is not None:
            self._wrapping.forget(kept.key)
        path.unlink()
        self._sync()

    def _partial(self, name: str) -> Path:
        return self._path(name).with_suffix(".partial")

    def _path(self, name: str) -> Path:
        if not _is_name(name):
            raise ValueError("key names are letters, digits and hyphens")
        return self._root / f"{name}.key"

    def _read(self, path: Path) -> Wrapped | None:
        """What a file holds; None without it, or where its line is not whole."""
        try:
            with path.open("rb") as file:
                line, end, secret = file.read(_LARGEST).partition(b"\n")
        except FileNotFoundError:
            return None
        return Wrapped(line.decode("ascii", "replace"), secret) if end and line.isascii() else None

    def _load(self, name: str) -> X25519PrivateKey:
        with translating_os("the keyring"):
            kept = self._read(self._path(name))
            if kept is None and self._path(name).exists():
                raise _unreadable(name)
        if kept is None or _is_overwritten(kept):
            raise gone(name)
        try:
            return X25519PrivateKey.from_private_bytes(self._wrapping.unwrap(name, kept))
        except ValueError:
            raise _unreadable(name) from None

    def _write(self, name: str, private: X25519PrivateKey) -> None:
        wrapped = self._wrapping.wrap(name, private.private_bytes_raw())
        # Under a hidden name first: a kill must not leave half a key under the real one.
        hidden = self._partial(name)
        handle = os.open(hidden, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(wrapped.key.encode("ascii") + b"\n" + wrapped.secret)
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


def _is_name(name: str) -> bool:
    return name.replace("-", "").isalnum()


def gone(name: str) -> Refused:
    """The refusal for a staging key that is not there."""
    return Refused(
        "staging-key-gone",
        f"staging key {name}",
        "it was destroyed, so what is staged can no longer be read by the processor.",
        "if the run was not sealed, run anew; what is staged is deleted when due.",
    )


def _unreadable(name: str) -> Refused:
    return Refused(
        "staging-key-unreadable",
        f"staging key {name}",
        "its file does not decrypt: it was changed or renamed, or the keyring's secret is another one.",
        "give the secret that it was made with (REMIT_KEYRING_SECRET); without it, run anew.",
    )


def _is_overwritten(kept: Wrapped) -> bool:
    return not any(kept.secret)
