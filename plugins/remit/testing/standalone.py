"""Airflow with remit's DAGs on this machine alone, to look around in: `make up`.

`airflow standalone` is not used: its scheduler and triggerer serve logs on every interface.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NoReturn

from remit.errors import RemitError, Unavailable
from remit.testing.controller import four_eyes
from remit.testing.demo_home import DemoHome, sqlite_connection
from remit.testing.laboratory import Laboratory
from remit.testing.sample_runs import SampleRuns

USERS = {"admin": "admin", "alice": "user", "bruno": "user", "vera": "viewer"}
_COMPONENTS = (
    ("api-server",),
    ("scheduler", "--skip-serve-logs"),
    ("dag-processor",),
    ("triggerer", "--skip-serve-logs"),
)
_READY_SECONDS = 240.0
_YEAR = 365 * 86400.0


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m remit.testing.standalone")
    parser.add_argument("--home", type=Path, default=Path(".airflow"), help="kept between starts")
    parser.add_argument("--port", type=int, default=8080, help="another free one if it is taken")
    parser.add_argument("--patients", type=int, default=2000)
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, _stop)
    home = DemoHome(options.home.absolute())
    try:
        prepare(home, options.patients)
        with airflow(home, options.port) as (address, passwords):
            _tell(address, passwords)
            while True:
                time.sleep(1)
    except RemitError as error:
        _say(f"Not started: {error}")
        return error.exit_code
    except KeyboardInterrupt:
        _say("\nStopped.")
        return 0


def prepare(home: DemoHome, patients: int) -> None:
    """Make laboratory, keys, instruction and Airflow's database, unless they are there."""
    home.source = sqlite_connection(home.laboratory / "lis.sqlite")
    if home.passwords.exists():  # the last that is made
        return
    _say(f"Preparing {home.root} ...")
    home.make()
    Laboratory(patients=patients).write_sqlite(home.laboratory / "lis.sqlite")
    home.instruct(four_eyes)
    initdb = ("-c", "from airflow.utils.db import initdb; initdb()")
    with home.running(*initdb, log="airflow.log") as made:  # each takes about as long
        SampleRuns(home).make()
        if made.wait():
            raise Unavailable("Airflow's database", f"it was not made; see {home.logs}")
    home.passwords.write_text(json.dumps({name: secrets.token_urlsafe(9) for name in USERS}))


def _tell(address: str, passwords: dict[str, str]) -> None:
    _say(f"\nAirflow is at {address}")
    for name, password in passwords.items():
        _say(f"  {name:<6} {password}   ({USERS[name]})")
    _say(f"remit's pages are there under Browse, and alone at {address}/remit/")
    _say("They have runs in every state, and alerts as soon as supervision has looked.")
    _say("Start the DAG durand_migration: Alice or Bruno, whoever did not, approves its delivery.")
    _say("Ctrl-C stops everything.")


@contextmanager
def airflow(home: DemoHome, port: int) -> Iterator[tuple[str, dict[str, str]]]:
    """Airflow and the target, running; the address and everyone's password."""
    port = port if _free(port) else _free_port()
    address = f"http://127.0.0.1:{port}"
    settings = {
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__BASE_URL": address,
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{address}/execution/",
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(f"{n}:{r}" for n, r in USERS.items()),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home.passwords),
    }
    with ExitStack() as stack:
        stack.enter_context(_alone(home.root))
        stack.enter_context(home.running(*home.serve_target(1_000_000, _YEAR), log="target.log"))
        components = [
            stack.enter_context(
                home.running("-m", "airflow", *command, log=f"{command[0]}.log", **settings)
            )
            for command in _COMPONENTS
        ]
        stack.callback(_ask_to_end, components)
        _say("Starting Airflow ...")
        _await_health(f"{address}/api/v2/monitor/health", components, home.logs)
        yield address, json.loads(home.passwords.read_text())


def _ask_to_end(components: list[subprocess.Popen[bytes]]) -> None:
    """All at once: each takes seconds to end."""
    for component in components:
        component.terminate()


@contextmanager
def _alone(root: Path) -> Iterator[None]:
    """Two Airflows of one folder would share its database."""
    with (root / ".running").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Unavailable(
                str(root), "an Airflow is running from this folder already."
            ) from None
        yield


def _await_health(url: str, components: list[subprocess.Popen[bytes]], logs: Path) -> None:
    until = time.monotonic() + _READY_SECONDS
    while time.monotonic() < until:
        if any(component.poll() is not None for component in components):
            raise Unavailable("Airflow", f"a component ended; see {logs}")
        if _healthy(url):
            return
        time.sleep(0.5)
    raise Unavailable("Airflow", f"it was not ready in {_READY_SECONDS:g} seconds; see {logs}")


def _healthy(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - our own address
            parts = json.load(answer)
    except (urllib.error.URLError, TimeoutError, ConnectionError, ValueError):
        return False
    wanted = ("metadatabase", "scheduler", "triggerer", "dag_processor")
    return all((parts.get(part) or {}).get("status") == "healthy" for part in wanted)


def _free(port: int) -> bool:
    with socket.socket() as probe:
        return port != 0 and probe.connect_ex(("127.0.0.1", port)) != 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _stop(*_: object) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    raise SystemExit(main())
