"""Secrets of pseudonyms in a folder: one private file per name, made at the controller.

A file holds 64 lower-case hexadecimal digits and a newline: 32 random bytes. A secret is used only
when it is the one whose check value the controller signed, and is never shown.
"""

from __future__ import annotations

import hmac
import os
import re
import secrets
from collections.abc import Callable
from pathlib import Path

from remit.adapters.folder import translating_os
from remit.errors import Refused, UsageError
from remit.private_files import read_private
from remit.pseudonyms import SECRET_BYTES, check_value, mac_under

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{1,62}")
_SECRET = re.compile(rb"([0-9a-f]{64})\n?")


class FolderPseudonymKeys:
    """The folder that holds NAME.key for each pseudonym key; see `remit.ports.PseudonymKeys`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def mac(self, name: str, check: str) -> Callable[[bytes], bytes]:
        """See `remit.ports.PseudonymKeys`.

        Raises:
            Refused: pseudonym-key-missing, pseudonym-key-differs or key-file-open.
            Unavailable: the folder cannot be read just now.
        """
        if not _NAME.fullmatch(name):
            raise ValueError("names of pseudonym keys are lower-case letters, digits and hyphens")
        secret = self._secret(name)
        if not hmac.compare_digest(check_value(secret).encode(), check.encode()):
            raise _differs(name, "its check value is not the one instructed")
        return mac_under(secret)

    def _secret(self, name: str) -> bytes:
        where = f"pseudonym key {name}"
        with translating_os(where):
            try:
                return _read(self._folder / f"{name}.key")
            except (FileNotFoundError, NotADirectoryError, PermissionError):
                raise Refused(
                    "pseudonym-key-missing",
                    where,
                    f"there is no file {name}.key that this account can read.",
                    f"put the secret that the controller handed over into {self._folder}, mode 0600.",
                ) from None
            except ValueError:
                raise _differs(name, "its file does not hold 64 hexadecimal digits") from None


def new_secret(path: Path) -> str:
    """Make a secret: `path` (mode 0600), and `path` + ``.check`` with its check value.

    Returns:
        The check value.

    Raises:
        UsageError: one of the files exists already, or cannot be written.
    """
    secret = secrets.token_bytes(SECRET_BYTES)
    check = check_value(secret)
    try:
        _write_new(path, f"{secret.hex()}\n", 0o600)
        try:
            _write_new(path.with_name(path.name + ".check"), f"{check}\n", 0o644)
        except OSError:
            path.unlink()  # nobody could tell what to instruct
            raise
    except OSError as error:
        raise UsageError(f"cannot write a new secret at {path}: {error.strerror}.") from None
    return check


def load_mac(path: Path) -> Callable[[bytes], bytes]:
    """HMAC-SHA-256 under the secret in a file, for who made it.

    Raises:
        UsageError: no such file, or not a secret.
        Refused: key-file-open, when others than its owner can use the file, or it is not ours.
    """
    try:
        return mac_under(_read(path))
    except OSError as error:
        raise UsageError(f"cannot read the secret {path}: {error.strerror}.") from None
    except ValueError:
        raise UsageError(
            f"{path} does not hold a pseudonym key (remit keys new pseudonym OUT)."
        ) from None


def _read(path: Path) -> bytes:
    match = _SECRET.fullmatch(read_private(path, 2 * SECRET_BYTES + 1))
    if match is None:
        raise ValueError("not a secret")
    return bytes.fromhex(match[1].decode())


def _differs(name: str, what: str) -> Refused:
    return Refused(
        "pseudonym-key-differs",
        f"pseudonym key {name}",
        f"{what}, so its pseudonyms would match nothing.",
        "get the right secret from the controller, or have the check value of this one instructed.",
    )


def _write_new(path: Path, line: str, mode: int) -> None:
    # O_EXCL: a secret that exists is never overwritten, not even by a mistyped path.
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as file:
        file.write(line)
