"""A private Redis for tests: made when asked for, gone afterwards."""

from __future__ import annotations

import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from remit.errors import Unavailable, UsageError


@contextmanager
def redis(folder: Path) -> Iterator[str]:
    """A Redis of one's own, in memory alone; its URL.

    Raises:
        UsageError: it is not installed.
        Unavailable: it does not start.
    """
    program = shutil.which("redis-server")
    if program is None:
        raise UsageError(
            "redis-server is not installed; install it with: apt-get install redis-server"
        )
    folder.mkdir(mode=0o700)
    port, password = free_port(), secrets.token_urlsafe(24)
    settings = f"bind 127.0.0.1\nport {port}\nrequirepass {password}\nsave ''\ndir {folder}\n"
    (folder / "redis.conf").write_text(settings)
    with (folder / "redis.log").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - by path
            [program, folder / "redis.conf"], stdout=log, stderr=log, start_new_session=True
        )
    try:
        _await_port(port, process)
        yield f"redis://:{password}@127.0.0.1:{port}/0"
    finally:
        process.terminate()
        process.wait(10)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _await_port(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        if process.poll() is not None:
            break
        time.sleep(0.05)
    raise Unavailable("redis-server", "it did not start")
