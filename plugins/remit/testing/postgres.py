"""A private PostgreSQL server for tests: made when asked for, gone afterwards."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from remit.errors import RemitError, Unavailable, UsageError, translating

_PACKAGED = Path("/usr/lib/postgresql")
_PROGRAMS = ("initdb", "pg_ctl", "postgres")
_USER = "remit"
_ATTEMPTS = 3
_NOT_RUNNING = 3  # what `pg_ctl status` answers then

_SETTINGS = """
listen_addresses = '127.0.0.1'
unix_socket_directories = '{sockets}'
fsync = off
synchronous_commit = off
full_page_writes = off
timezone = 'UTC'
log_timezone = 'UTC'
"""


class PostgresCluster:
    """A PostgreSQL server of one's own, as a context manager.

    It listens on 127.0.0.1 alone, on a free port, wants a random password (SCRAM-SHA-256) and
    keeps everything in one temporary directory, which goes with it. It trades safety against
    crashes for speed. If this process is killed, the server stays: it is a daemon.

    Args:
        timeout: seconds that making, starting or stopping it may each take.

    Attributes:
        url: ``postgresql://user:password@127.0.0.1:port/postgres``, while it runs.
        port: where it listens.
        directory: the temporary directory.
        log: the server's log, in that directory. It may hold rows and statements.
    """

    url: str
    port: int
    directory: Path
    log: Path

    def __init__(self, *, timeout: float = 60) -> None:
        self._timeout = timeout
        self._password = secrets.token_urlsafe(24)
        self._programs = find_programs()
        self._account = _account() if os.geteuid() == 0 else None

    def __enter__(self) -> Self:
        """Make and start the server.

        Raises:
            Unavailable: it could not be made, or was not ready in time.
        """
        self.directory = Path(tempfile.mkdtemp(prefix="remit-pg-"))
        self.log = self.directory / "server.log"
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
        """Make a database; its url.

        Raises:
            UsageError: there is one of that name.
            Unavailable: the server does not answer, or fails.
        """
        import psycopg  # not at the top: only this method needs a driver
        from psycopg import sql

        with (
            translating(psycopg.Error, into=_translate),
            psycopg.connect(self.url, autocommit=True) as connection,
        ):
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return self._url(name)

    @property
    def _limit(self) -> tuple[str, str]:
        """Has pg_ctl give up before it is cut off, so that it says why."""
        return "-t", str(max(int(self._timeout) - 5, 1))

    @property
    def _data(self) -> Path:
        return self.directory / "data"

    def _url(self, database: str) -> str:
        where = f"127.0.0.1:{self.port}/{quote(database, safe='')}"
        return f"postgresql://{_USER}:{self._password}@{where}"

    def _make(self) -> None:
        secret = self.directory / "password"
        with os.fdopen(os.open(secret, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(self._password)
        if self._account:
            os.chown(secret, *self._account)
        self._require(
            "initdb",
            *("-D", str(self._data), "-U", _USER, "--pwfile", str(secret)),
            *("-A", "scram-sha-256", "-E", "UTF8", "--locale", "C", "--no-sync"),
        )
        secret.unlink()
        with (self._data / "postgresql.conf").open("a", encoding="utf-8") as file:
            file.write(_SETTINGS.format(sockets=str(self.directory).replace("'", "''")))

    def _start(self) -> None:
        """Start it, again on another port where somebody was faster to take the free one."""
        command = ("start", "-D", str(self._data), "-l", str(self.log), "-w")
        for attempt in range(1, _ATTEMPTS + 1):
            self.port = _free_port()
            options = ("-o", f"-p {self.port}")
            if attempt == _ATTEMPTS:
                self._require("pg_ctl", *command, *self._limit, *options)
            elif self._run("pg_ctl", *command, *self._limit, *options) == 0:
                break
        self.url = self._url("postgres")

    def _remove(self) -> None:
        """Stop the server if it runs, then remove the directory.

        Raises:
            Unavailable: it does not stop; the directory stays then.
        """
        for mode in ("fast", "immediate"):
            if not self._running():
                break
            self._run("pg_ctl", "stop", "-D", str(self._data), "-m", mode, "-w", *self._limit)
        if self._running():
            raise Unavailable("postgresql", f"the server in {self.directory} does not stop")
        shutil.rmtree(self.directory)

    def _running(self) -> bool:
        if not (self._data / "postmaster.pid").exists():
            return False
        return self._run("pg_ctl", "status", "-D", str(self._data)) != _NOT_RUNNING

    def _require(self, program: str, *arguments: str) -> None:
        """Run a program that has to succeed.

        Raises:
            Unavailable: it did not. Its last line is quoted: nobody's data is there yet.
        """
        code = self._run(program, *arguments)
        if code:
            lines = self._output.read_text(errors="replace").strip().splitlines() or [""]
            raise Unavailable("postgresql", f"{program} ended with {code}: {lines[-1]}")

    def _run(self, program: str, *arguments: str) -> int:
        """Run a program of the server's as a user that is not root; its exit code."""
        user, group = self._account or (None, None)
        kept = ("PATH", "LD_LIBRARY_PATH")
        environment = {name: os.environ[name] for name in kept if name in os.environ}
        # A file, not a pipe: the daemon would inherit the pipe and keep it open.
        with (
            translating(OSError, subprocess.TimeoutExpired, into=_not_run),
            self._output.open("wb") as output,
        ):
            return subprocess.run(  # noqa: S603 - the server's own programs, by path
                [self._programs / program, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self.directory,
                env=environment | {"LC_ALL": "C"},
                user=user,
                group=group,
                extra_groups=None if user is None else [],
                timeout=self._timeout,
                check=False,
            ).returncode

    @property
    def _output(self) -> Path:
        return self.directory / "output.txt"


def find_programs() -> Path:
    """The directory of the server's programs: on PATH, or else the newest that is packaged.

    Raises:
        UsageError: there is none.
    """
    on_path = shutil.which("initdb")
    packaged = sorted(_PACKAGED.glob("*/bin"), key=_version, reverse=True)
    candidates = ([Path(on_path).resolve().parent] if on_path else []) + packaged
    for directory in candidates:
        if all((directory / program).exists() for program in _PROGRAMS):
            return directory
    raise UsageError(
        "the programs of a PostgreSQL server are not installed; "
        "install them with: apt-get install postgresql"
    )


def _version(directory: Path) -> tuple[int, ...]:
    parts = directory.parent.name.split(".")
    return tuple(int(part) for part in parts if part.isdecimal())


def _account() -> tuple[int, int]:
    """Whom the server runs as when this runs as root, whom PostgreSQL refuses to serve."""
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return entry.pw_uid, entry.pw_gid
    raise UsageError(
        "run as a user other than root: PostgreSQL refuses root, and there is no other"
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _not_run(error: BaseException) -> RemitError:
    return Unavailable("postgresql", f"a program was not run to its end ({type(error).__name__})")


def _translate(error: BaseException) -> RemitError:
    import psycopg

    if isinstance(error, psycopg.errors.DuplicateDatabase):
        return UsageError("there is a database of that name already")
    return Unavailable("postgresql", f"no database was made ({type(error).__name__})")
