"""A private MariaDB server for tests: made when asked for, gone afterwards."""

from __future__ import annotations

import importlib
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, unquote, urlsplit

from remit.errors import RemitError, Unavailable, UsageError, translating

_PACKAGED = ("/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin")
_USER = "remit"
_ATTEMPTS = 3

_SETTINGS = """[mariadbd]
datadir={directory}/data
tmpdir={directory}
socket={directory}/socket
pid-file={directory}/pid
log-error={directory}/server.log
bind-address=127.0.0.1
port={port}
character-set-server=utf8mb4
collation-server=utf8mb4_general_ci
innodb-buffer-pool-size=32M
innodb-log-file-size=8M
innodb-flush-log-at-trx-commit=0
innodb-doublewrite=0
innodb-use-native-aio=0
skip-name-resolve
"""


class MariaDBServer:
    """A MariaDB server of one's own, as a context manager.

    It listens on 127.0.0.1 alone, on a free port, wants a random password and keeps everything in
    one temporary directory, which goes with it. It trades safety against crashes for speed.

    Args:
        timeout: seconds that it may take to be made, to start or to stop.

    Attributes:
        url: ``mysql://remit:password@127.0.0.1:port/remit``, an account with every right, while it runs.
        port: where it listens.
        directory: the temporary directory.
    """

    url: str
    port: int
    directory: Path

    def __init__(self, *, timeout: float = 60) -> None:
        self._timeout = timeout
        self._password = secrets.token_urlsafe(24)
        self._programs = find_programs()
        self._account = _account() if os.geteuid() == 0 else None
        self._server: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        """Make and start the server.

        Raises:
            Unavailable: it could not be made, or was not ready in time.
        """
        self.directory = Path(tempfile.mkdtemp(prefix="remit-maria-"))
        try:
            if self._account:
                os.chown(self.directory, *self._account)
            self._make()
            self._start()
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop the server and remove all of it."""
        self._remove()

    def create_database(self, name: str) -> str:
        """Make a database; its url."""
        quoted = name.replace("`", "``")
        with closing(connect(self.url)) as connection, connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE `{quoted}`")
        return self._url(name)

    def _url(self, database: str) -> str:
        where = f"127.0.0.1:{self.port}/{quote(database, safe='')}"
        return f"mysql://{_USER}:{self._password}@{where}"

    def _make(self) -> None:
        self._configure(0)
        install = self._spawn(
            "mariadb-install-db",
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
            "--skip-name-resolve",
        )
        with translating(subprocess.TimeoutExpired, into=_not_run):
            code = install.wait(self._timeout)
        if code:
            raise Unavailable("mariadb", f"mariadb-install-db ended with {code}")

    def _start(self) -> None:
        """Start it, again on another port where somebody was faster to take the free one."""
        first = self.directory / "first.sql"
        first.touch(0o600)
        first.write_text(
            f"CREATE DATABASE {_USER};"
            f"CREATE USER {_USER}@'127.0.0.1' IDENTIFIED BY '{self._password}';"
            f"GRANT ALL ON *.* TO {_USER}@'127.0.0.1' WITH GRANT OPTION;"
            "DROP USER root@localhost;".replace(";", ";\n")
        )
        if self._account:
            os.chown(first, *self._account)
        for _ in range(_ATTEMPTS):
            self.port = _free_port()
            self._configure(self.port)
            self.url = self._url(_USER)
            self._server = self._spawn("mariadbd", f"--init-file={first}")
            if self._ready():
                first.unlink()
                return
        raise Unavailable("mariadb", "the server does not start")

    def _configure(self, port: int) -> None:
        settings = _SETTINGS.format(directory=self.directory, port=port)
        (self.directory / "my.cnf").write_text(settings)

    def _ready(self) -> bool:
        """Whether it answers; False if it ends before."""
        assert self._server is not None  # noqa: S101
        until = time.monotonic() + self._timeout
        while self._server.poll() is None:
            try:
                connect(self.url).close()
            except _failures():
                if time.monotonic() > until:
                    raise Unavailable("mariadb", "the server does not answer in time") from None
                time.sleep(0.05)
            else:
                return True
        return False

    def _remove(self) -> None:
        """Stop the server if it runs, then remove the directory."""
        if self._server is not None:
            self._server.terminate()
            try:
                self._server.wait(self._timeout)
            except subprocess.TimeoutExpired:
                self._server.kill()
                self._server.wait()
        shutil.rmtree(self.directory)

    def _spawn(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        """Start a program of the server's as a user that is not root."""
        user, group = self._account or (None, None)
        with (
            translating(OSError, into=_not_run),
            (self.directory / "output.txt").open("ab") as output,
        ):
            return subprocess.Popen(  # noqa: S603 - the server's own programs, by path
                [self._programs[program], f"--defaults-file={self.directory}/my.cnf", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self.directory,
                env={"PATH": os.pathsep.join(_PACKAGED) + ":/bin:/sbin", "LC_ALL": "C"},
                user=user,
                group=group,
                extra_groups=None if user is None else [],
            )


def connect(url: str, **options: Any) -> Any:
    """A connection of PyMySQL's to the database of a ``mysql://`` url, in autocommit mode."""
    pymysql = importlib.import_module("pymysql")  # only what writes to the server needs it
    parts = urlsplit(url)
    return pymysql.connect(
        host=parts.hostname,
        port=parts.port or 3306,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        database=unquote(parts.path[1:]),
        charset="utf8mb4",
        autocommit=True,
        **options,
    )


def find_programs() -> dict[str, Path]:
    """The server's programs: on PATH, or where Debian has them.

    Raises:
        UsageError: there are none.
    """
    places = os.pathsep.join([os.environ.get("PATH", ""), *_PACKAGED])
    found = {name: shutil.which(name, path=places) for name in ("mariadbd", "mariadb-install-db")}
    if not all(found.values()):
        raise UsageError(
            "the programs of a MariaDB server are not installed; "
            "install them with: apt-get install mariadb-server"
        )
    return {name: Path(path) for name, path in found.items() if path}


def _account() -> tuple[int, int]:
    """Whom the server runs as when this runs as root."""
    for name in ("mysql", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return entry.pw_uid, entry.pw_gid
    raise UsageError("run as a user other than root: there is no other for the server")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _failures() -> tuple[type[Exception], ...]:
    return (importlib.import_module("pymysql").MySQLError, OSError)


def _not_run(error: BaseException) -> RemitError:
    return Unavailable("mariadb", f"a program was not run to its end ({type(error).__name__})")
