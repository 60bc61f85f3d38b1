"""What asyncssh raises, as remit's errors, without the texts of either server or library."""

from __future__ import annotations

from contextlib import AbstractContextManager

import asyncssh

from remit.adapters.folder import reason_of
from remit.errors import RemitError, Unavailable, translating

KINDS = (asyncssh.Error, OSError, TimeoutError)

_SAID: tuple[tuple[type[BaseException], str], ...] = (
    (TimeoutError, "the server does not answer in time"),
    (asyncssh.PermissionDenied, "the server does not accept the account's key"),
    (asyncssh.SFTPNoSuchFile, "there is no such file or folder"),
    (asyncssh.SFTPPermissionDenied, "the server denies access"),
    (asyncssh.SFTPNoSpaceOnFilesystem, "there is no room left"),
    (asyncssh.SFTPQuotaExceeded, "there is no room left"),
    (asyncssh.SFTPOpUnsupported, "the server cannot do what a landing zone needs"),
    (asyncssh.SFTPNoConnection, "the connection was lost"),
    (asyncssh.SFTPConnectionLost, "the connection was lost"),
    (asyncssh.SFTPError, "the server failed"),
    (asyncssh.KeyExchangeFailed, "no common encryption was found with the server"),
    (asyncssh.ConnectionLost, "the connection was lost"),
    (asyncssh.Error, "the server ended the connection"),
)


def translated(where: str) -> AbstractContextManager[None]:
    """Errors of asyncssh as `Unavailable`.

    Args:
        where: the zone, or a file in it.
    """

    def into(error: BaseException) -> RemitError:
        return Unavailable(where, f"{said(error)}.")

    return translating(*KINDS, into=into)


def said(error: BaseException) -> str:
    """What may be said of it."""
    for kind, text in _SAID:
        if isinstance(error, kind):
            return f"{text} ({type(error).__name__})"
    return f"the server cannot be reached ({reason_of(error)})"


def is_broken(error: BaseException) -> bool:
    """Whether the connection is of no more use, rather than one request refused."""
    lost = (asyncssh.SFTPNoConnection, asyncssh.SFTPConnectionLost, asyncssh.SFTPBadMessage)
    return not isinstance(error, asyncssh.SFTPError) or isinstance(error, lost)
