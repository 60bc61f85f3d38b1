"""Opening a token: one session for one operation, one at a time in a process.

Guarantee: no text of the token's module, no PIN and no key is in an exception that leaves here.
A wrong PIN is a `UsageError`, which nothing tries again: tokens lock after a few wrong ones.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from remit.errors import RemitError, Unavailable, UsageError, translating
from remit.private_files import read_private
from remit.tokens.uri import TokenUri

if TYPE_CHECKING:
    import pkcs11

_LONGEST_PIN = 255
_WRONG = {
    "PinIncorrect": "does not accept the PIN",
    "PinInvalid": "does not accept the PIN",
    "PinLenRange": "does not accept the PIN",
    "PinExpired": "wants its PIN changed",
    "PinLocked": "is locked after too many wrong PINs",
    "UserPinNotInitialized": "has no PIN of a user yet",
    "MechanismInvalid": "cannot do X25519 or Ed25519 in the way that remit asks for",
    "MechanismParamInvalid": "cannot do X25519 or Ed25519 in the way that remit asks for",
    "MultipleTokensReturned": "is not the only one of its label: give its serial too",
    "MultipleObjectsReturned": "has several keys of that name: give the key's id too",
    "TokenWriteProtected": "is write-protected",
}


class _Process:
    """What this process has of PKCS#11; a forked child begins anew, as the standard demands."""

    def __init__(self) -> None:
        self.forget()
        os.register_at_fork(after_in_child=self.forget)

    def forget(self) -> None:
        """Start with nothing."""
        self.turn = threading.RLock()  # login is the application's, not the session's
        self.initialised: set[str] = set()

    def module(self, path: str) -> Any:
        """The module, initialised in this very process."""
        import pkcs11

        loaded = path in pkcs11._loaded
        module = pkcs11.lib(path)
        if loaded and path not in self.initialised:
            module.reinitialize()
        self.initialised.add(path)
        return module


_process = _Process()


class Token:
    """A token that is logged in to for one operation and then left."""

    def __init__(self, uri: TokenUri) -> None:
        self.uri = uri

    def serial(self) -> str:
        """The token's serial number.

        Raises:
            UsageError, Unavailable, Refused: see `session`.
        """
        with _process.turn, self._translated():
            return str(self._token().serial.decode("ascii", "replace"))

    @contextmanager
    def session(self) -> Iterator[pkcs11.Session]:
        """A session with the user logged in, for reading and writing.

        Raises:
            UsageError: the module or the PIN's file cannot be read, or the PIN is wrong.
            Unavailable: there is no such token just now, or it fails.
            Refused: key-file-open, for a PIN's file that others can use.
        """
        pin = self._pin()
        with _process.turn, self._translated():
            token = self._token()
            with token.open(rw=True, user_pin=pin) as session:
                yield session

    def _token(self) -> Any:
        serial = self.uri.serial.encode() if self.uri.serial is not None else None
        module = _process.module(str(self.uri.module))
        return module.get_token(token_label=self.uri.token, token_serial=serial)

    def _pin(self) -> str:
        path = self.uri.pin
        try:
            pin = read_private(path, _LONGEST_PIN).decode().removesuffix("\n")
        except OSError as error:
            raise UsageError(f"cannot read the PIN's file {path}: {error.strerror}.") from None
        except ValueError:
            pin = ""
        if not pin:
            raise UsageError(f"{path} does not hold a PIN.")
        return pin

    @contextmanager
    def _translated(self) -> Iterator[None]:
        if not self.uri.module.is_file():
            raise UsageError(f"there is no PKCS#11 module {self.uri.module}.")
        try:
            import pkcs11
        except ImportError:
            raise UsageError("tokens need python-pkcs11: pip install python-pkcs11.") from None
        with translating(pkcs11.PKCS11Error, into=self._said):
            yield

    def _said(self, error: BaseException) -> RemitError:
        name = type(error).__name__
        if name in _WRONG:
            return UsageError(f"{self.uri} {_WRONG[name]} ({name}).")
        if name == "PKCS11Error":
            return UsageError(f"{self.uri.module} cannot be used as a PKCS#11 module.")
        if name == "NoSuchToken":
            return Unavailable(str(self.uri), "its module knows no such token (not plugged in?).")
        return Unavailable(str(self.uri), f"it failed ({name}).")
