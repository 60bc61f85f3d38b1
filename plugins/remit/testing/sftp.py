"""A private SFTP server for tests: OpenSSH's sshd, with its own keys, on 127.0.0.1.

A second one, in this process, lets strangers in, which sshd does not do for an account of one's own.
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import asyncssh

from remit.errors import UsageError

_CONFIG = """
ListenAddress 127.0.0.1:{port}
PidFile none
{host_keys}
AuthorizedKeysFile {folder}/authorized_keys
AuthenticationMethods publickey
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
StrictModes no
MaxStartups 100
Subsystem sftp internal-sftp
"""
_KINDS = {"ed25519": "ssh-ed25519", "ecdsa": "ecdsa-sha2-nistp256", "rsa": "ssh-rsa"}


class SftpServer:
    """A server with one account, as a context manager.

    Attributes:
        user: the account: whoever runs this, or ``nobody`` if that is root.
        zone: the account's folder, the landing zone's path.
        key: the private key's file. fingerprint: of the Ed25519 host key, as ssh-keygen -l has it.
        fingerprints: of every host key.
    """

    port: int
    zone: Path
    fingerprint: str

    def __init__(self, kinds: tuple[str, ...] = ("ed25519",)) -> None:
        self._kinds = kinds
        self.fingerprints: dict[str, str] = {}
        self._process: subprocess.Popen[bytes] | None = None
        self._account = pwd.getpwuid(os.getuid() or pwd.getpwnam("nobody").pw_uid)
        self.user = self._account.pw_name

    def __enter__(self) -> Self:
        """Make keys and start the server.

        Raises:
            UsageError: there is no sshd here, or it does not start.
        """
        program = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/usr/bin")
        if program is None:
            raise UsageError("sshd is not installed; install openssh-server.")
        self._folder = Path(tempfile.mkdtemp(prefix="remit-sftp-"))
        self._folder.chmod(0o711)  # the account reads its own files below
        self.port = _free_port()
        self._write(self._folder)
        if os.getuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)  # where sshd puts its children
        self._command = [program, "-D", "-e", "-f", str(self._folder / "sshd_config")]
        self._start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop the server and forget what was in it."""
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def stop(self) -> None:
        """Stop the server."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)

    def rekey(self) -> None:
        """Start the server again where it was, with other host keys."""
        self._make_host_keys()
        self._start()

    def url(self, port: int | None = None, **parts: str) -> str:
        """The landing zone's URL.

        Args:
            port: of a proxy before the server. parts: ``user``, ``path`` or ``key`` in place of its own.
        """
        user, path = parts.get("user", self.user), parts.get("path", str(self.zone))
        key = parts.get("key", str(self.key))
        return f"sftp://{user}@127.0.0.1:{port or self.port}{path}?key=file:{key}"

    def _write(self, folder: Path) -> None:
        self.zone = folder / "zone"
        self.zone.mkdir(mode=0o770)
        os.chown(self.zone, self._account.pw_uid, self._account.pw_gid)
        self.key = folder / "client"
        key = asyncssh.generate_private_key("ssh-ed25519")
        _write_private(self.key, key)
        authorized = folder / "authorized_keys"
        authorized.write_bytes(key.export_public_key())
        authorized.chmod(0o644)
        lines = "\n".join(f"HostKey {folder}/host_{kind}" for kind in self._kinds)
        text = _CONFIG.format(port=self.port, folder=folder, host_keys=lines)
        (folder / "sshd_config").write_text(text)
        self._make_host_keys()

    def _make_host_keys(self) -> None:
        for kind in self._kinds:
            key = asyncssh.generate_private_key(_KINDS[kind])
            _write_private(self._folder / f"host_{kind}", key)
            self.fingerprints[kind] = key.get_fingerprint()
        self.fingerprint = self.fingerprints[self._kinds[0]]

    def _start(self) -> None:
        with (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen(self._command, stderr=log)  # noqa: S603 - our own arguments
        for _ in range(100):
            with socket.socket() as trial:
                if trial.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            if self._process.poll() is not None:
                break
            time.sleep(0.05)
        self.stop()
        raise UsageError(f"sshd did not start: {(self._folder / 'log').read_text()}")


@contextmanager
def open_to(strangers: dict[str, str | None]) -> Iterator[tuple[int, str]]:
    """A server that lets these accounts in, with no authentication (None) or with a password.

    Yields its port and the fingerprint of its host key. It serves no files.
    """
    from remit.adapters.sftp import background

    key = asyncssh.generate_private_key("ssh-ed25519")

    class Server(asyncssh.SSHServer):
        def begin_auth(self, username: str) -> bool:
            return strangers.get(username, "no") is not None

        def password_auth_supported(self) -> bool:
            return True

        def validate_password(self, username: str, password: str) -> bool:
            return strangers.get(username) == password

    async def listen() -> Any:
        return await asyncssh.listen("127.0.0.1", 0, server_factory=Server, server_host_keys=[key])

    server = background.run(listen(), 10)
    try:
        yield server.get_port(), key.get_fingerprint()
    finally:
        background.loop().call_soon_threadsafe(server.close)


def _write_private(path: Path, key: asyncssh.SSHKey) -> None:
    path.touch(0o600)
    path.write_bytes(key.export_private_key())


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as trial:
        return int(trial.getsockname()[1])
