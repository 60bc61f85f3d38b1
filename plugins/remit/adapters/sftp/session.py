"""Connections to the very server that is instructed: as our account, and as a stranger.

Guarantee: nothing is authenticated to, or asked of, a server whose host key is not the pinned one.
The account is opened by its key alone: no password, no agent, no file of a user's own settings.
"""

from __future__ import annotations

import logging
import threading
import weakref
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import asyncssh

from remit.adapters.sftp import background
from remit.adapters.sftp.failures import is_broken, translated
from remit.adapters.sftp.place import SftpPlace
from remit.errors import Refused

T = TypeVar("T")
PATIENCE = 60.0
"""Seconds that a server may take for one request, or for one block of a file."""

_CONNECT = 30.0
_PREFIX = "SHA256:"
# A server shows one of its host keys, the first kind that the client asks for.
_KINDS = (
    ["ssh-ed25519"],
    ["ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"],
    ["rsa-sha2-512", "rsa-sha2-256"],
)


class Session:
    """A connection that is made when it is needed, and made again when it broke."""

    def __init__(self, place: SftpPlace) -> None:
        logging.getLogger("asyncssh").setLevel(logging.WARNING)  # below, it names every path
        self._place = place
        self._guard = threading.RLock()
        self._open: tuple[asyncssh.SSHClientConnection, asyncssh.SFTPClient] | None = None
        self.pin: str | None = None

    def require_pinned(self) -> str:
        """The host key that is instructed.

        Raises:
            Refused: landing-host-key-unpinned.
        """
        if not (self.pin or "").startswith(_PREFIX):
            raise Refused(
                "landing-host-key-unpinned",
                self._place.label,
                "the instruction names no host key of this server, so any server could pass for it.",
                "have security.endpoint instructed: SHA256:..., as ssh-keygen -l prints of the host key.",
            )
        return str(self.pin)

    def do(self, work: Callable[[asyncssh.SFTPClient], Awaitable[T]]) -> T:
        """Have the server do something.

        Raises:
            Refused: landing-host-key-unpinned, landing-host-key-differs, key-file-open.
            Unavailable: no connection can be had.
            SFTPError, OSError: of the work.
        """
        with self._guard:
            sftp = self._connected()
            try:
                return background.run(work(sftp), PATIENCE)
            except BaseException as error:
                if is_broken(error):
                    self.close()
                raise

    def close(self) -> None:
        """End the connection, if there is one."""
        with self._guard:
            if self._open is not None:
                _end(self._open[0])
                self._open = None

    def is_open_to(self, user: str) -> bool:
        """Whether the server lets somebody in who has nothing but a name, or an empty password.

        Raises:
            Refused: landing-host-key-unpinned, landing-host-key-differs.
            Unavailable: it could not be tried, so that it is not known.
        """
        methods = "password,keyboard-interactive"
        with translated(self._place.label):
            try:
                made = self._connect(
                    username=user, password="", client_keys=None, preferred_auth=methods
                )
            except asyncssh.PermissionDenied:
                return False
        _end(made)
        return True

    def _connected(self) -> asyncssh.SFTPClient:
        if self._open is None:
            self.require_pinned()
            with translated(self._place.label):
                made = self._connect(
                    username=self._place.user,
                    client_keys=[self._place.private_key()],
                    preferred_auth="publickey",
                    disable_trivial_auth=True,
                )
                weakref.finalize(self, _end, made)
                starting = made.start_sftp_client(path_errors="surrogateescape")
                self._open = made, background.run(starting, _CONNECT)
        return self._open[1]

    def _connect(self, **whom: Any) -> asyncssh.SSHClientConnection:
        """Connect to the server that has the pinned key, asking for each kind of key in turn."""
        seen: list[str] = []
        untold: list[list[str]] = list(_KINDS)
        failed: Exception | None = None
        for _ in range(2):  # sshd hangs up where it has no key of a kind, as a bad network may
            for kinds in list(untold):
                try:
                    return self._connect_by(kinds, seen, whom)
                except asyncssh.HostKeyNotVerifiable:
                    untold.remove(kinds)
                except (
                    asyncssh.KeyExchangeFailed,
                    asyncssh.ConnectionLost,
                    ConnectionError,
                ) as error:
                    failed = error
            if not seen and failed is not None:
                raise failed
        raise Refused(
            "landing-host-key-differs",
            self._place.label,
            f"the server's host keys ({', '.join(seen)}) are not the one that is instructed.",
            "find out whose server answers there; have a new host key instructed if it was changed.",
        )

    def _connect_by(
        self, kinds: list[str], seen: list[str], whom: dict[str, Any]
    ) -> asyncssh.SSHClientConnection:
        pin = self.require_pinned()
        connecting = asyncssh.connect(
            self._place.host,
            self._place.port,
            client_factory=lambda: _Pinned(pin, seen),
            server_host_key_algs=kinds,
            known_hosts=([], [], []),  # none but the pinned one, which the factory checks
            x509_trusted_certs=None,
            config=None,
            agent_path=None,
            compression_algs=None,
            connect_timeout=10,
            login_timeout=_CONNECT,
            keepalive_interval=15,
            **whom,
        )
        return background.run(connecting, _CONNECT)


class _Pinned(asyncssh.SSHClient):
    def __init__(self, pin: str, seen: list[str]) -> None:
        self._pin, self._seen = pin, seen

    def validate_host_public_key(self, *shown_by: Any) -> bool:
        """Host, address, port, and the key, which alone counts."""
        shown = shown_by[-1].get_fingerprint()
        self._seen.append(shown)
        return bool(shown == self._pin)


def _end(connection: asyncssh.SSHClientConnection) -> None:
    background.loop().call_soon_threadsafe(connection.abort)
