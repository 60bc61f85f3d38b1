"""A folder with all the parties of the demo in it, and an Airflow that is the processor's.

laboratory/lis.sqlite    the controller's database (or a PostgreSQL elsewhere)
controller/              the controller's private key
target/                  the target's private keys and database; made by the target's own process
landing/                 where deliveries are put
processor/               include/ remit/ airflow/ tmp/ logs/: all that the processor writes
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from remit import signing
from remit.errors import Unavailable, UsageError
from remit.testing.controller import Controller, Edit, Parties

REPOSITORY = Path(__file__).resolve().parents[3]
_MARKER = ".remit-demo"
_STOP_SECONDS = 10.0
_SECRETS = {
    "fernet.key": "AIRFLOW__CORE__FERNET_KEY",
    "jwt.key": "AIRFLOW__API_AUTH__JWT_SECRET",
    "session.key": "AIRFLOW__API__SECRET_KEY",
}


@dataclass
class DemoHome:
    """The places below `root`.

    Attributes:
        source: the database as an Airflow connection's fields.
        settings: added to the environment of the processor's processes.
    """

    root: Path
    source: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)

    def make(self) -> None:
        """Make the folder anew.

        Raises:
            UsageError: something else is in it; or this is no checkout, so there are no DAGs.
        """
        if not (REPOSITORY / "dags").is_dir():
            raise UsageError("the demo needs the project's checkout, for its dags folder.")
        if self.root.exists() and any(self.root.iterdir()):
            if not self.made:
                raise UsageError(f"{self.root} is not a demo's; it is not removed.")
            shutil.rmtree(self.root)
        self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        (self.root / _MARKER).touch()
        for place in (self.laboratory, self.landing, self.tmp, self.logs, self.remit / "keys"):
            place.mkdir(parents=True, mode=0o700)
        for name in _SECRETS:
            (self.remit / "keys" / name).write_text(_random_key())

    @property
    def made(self) -> bool:
        """Whether `make` was here before."""
        return (self.root / _MARKER).exists()

    def instruct(self, edit: Edit | None = None) -> Path:
        """Make every party's keys, each its own, and have the controller sign the instruction.

        Args:
            edit: changes the instruction's fields before they are signed.
        """
        signing.new_key("signing", self.remit / "keys" / "processor.pem")
        self.python("-m", "remit.testing.target", "init", str(self.target))
        return self.controller.instruct(self.parties, edit=edit)

    @property
    def controller(self) -> Controller:
        """Who instructs; its key is made when it is first asked for."""
        return Controller(self.include, self.root / "controller")

    @property
    def parties(self) -> Parties:
        """The public keys of whoever has one."""
        places = {
            "processor": self.remit / "keys" / "processor.pem.pub",
            "target": self.target / "recipient.pem.pub",
            "target_receipt": self.target / "receipts.pem.pub",
        }
        return Parties(**{name: str(signing.load_public(path)) for name, path in places.items()})

    @property
    def laboratory(self) -> Path:
        """The controller's."""
        return self.root / "laboratory"

    @property
    def target(self) -> Path:
        """The target's own."""
        return self.root / "target"

    @property
    def landing(self) -> Path:
        """The landing zone."""
        return self.root / "landing"

    @property
    def processor(self) -> Path:
        """Everything that the processor writes, its landing zone apart."""
        return self.root / "processor"

    @property
    def include(self) -> Path:
        """Instructions, expectations, and the controller's public key."""
        return self.processor / "include"

    @property
    def remit(self) -> Path:
        """REMIT_HOME."""
        return self.processor / "remit"

    @property
    def airflow(self) -> Path:
        """AIRFLOW_HOME."""
        return self.processor / "airflow"

    @property
    def passwords(self) -> Path:
        """The passwords of Airflow's users, as its SimpleAuthManager reads them."""
        return self.airflow / "passwords.json"

    @property
    def tmp(self) -> Path:
        """Temporary files of the processor's processes, so that they can be looked through."""
        return self.processor / "tmp"

    @property
    def logs(self) -> Path:
        """What the processor's processes print."""
        return self.processor / "logs"

    @property
    def environment(self) -> dict[str, str]:
        """The environment of the processor's processes; nothing of another Airflow in it."""
        kept = {n: v for n, v in os.environ.items() if not n.startswith(("AIRFLOW", "REMIT_"))}
        landing = {"conn_type": "fs", "extra": {"path": str(self.landing)}}
        plugins = str(REPOSITORY / "plugins")
        return kept | {
            "AIRFLOW_HOME": str(self.airflow),
            "AIRFLOW__CORE__DAGS_FOLDER": str(REPOSITORY / "dags"),
            "AIRFLOW__CORE__PLUGINS_FOLDER": plugins,
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            **{_SECRETS[name]: (self.remit / "keys" / name).read_text() for name in _SECRETS},
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{self.airflow}/airflow.db",
            "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
            "AIRFLOW_CONN_DURAND_LIS": json.dumps(self.source),
            "AIRFLOW_CONN_KALISIL_LANDING": json.dumps(landing),
            "REMIT_HOME": str(self.remit),
            "REMIT_INCLUDE": str(self.include),
            "PYTHONPATH": os.pathsep.join([plugins, str(REPOSITORY / "config")]),
            "TMPDIR": str(self.tmp),
            "NO_COLOR": "1",
            **self.settings,
        }

    def python(self, *arguments: str, log: str = "commands.log") -> str:
        """Run Python as the processor does; its standard output.

        Raises:
            Unavailable: it failed; the log has what it said.
        """
        path = self.logs / log
        with path.open("ab") as errors:
            done = subprocess.run(  # noqa: S603 - this very Python
                [sys.executable, *arguments],
                env=self.environment,
                stdout=subprocess.PIPE,
                stderr=errors,
                check=False,
            )
            errors.write(done.stdout)
        if done.returncode:
            what = " ".join(arguments[:3])
            raise Unavailable(what, f"it ended with {done.returncode}; see {path}")
        return done.stdout.decode()

    @contextmanager
    def running(self, *arguments: str, log: str, **more: str) -> Iterator[subprocess.Popen[bytes]]:
        """Run Python beside this process, in a session of its own that ends with the block.

        Args:
            more: added to the environment.
        """
        with (self.logs / log).open("ab") as output:
            process = subprocess.Popen(  # noqa: S603 - this very Python
                [sys.executable, *arguments],
                env=self.environment | more,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            yield process
        finally:
            _end_session(process)

    def serve_target(self, deliveries: int, seconds: float) -> tuple[str, ...]:
        """The arguments with which the target takes in what is delivered."""
        places = ("--landing", str(self.landing), "--trust", str(self.include / "controllers"))
        often = ("--deliveries", str(deliveries), "--seconds", str(seconds))
        return ("-m", "remit.testing.target", "serve", str(self.target), *places, *often)


def _end_session(process: subprocess.Popen[bytes]) -> None:
    """Stop the process and whatever it started: Airflow's components leave children behind."""
    until = time.monotonic() + _STOP_SECONDS
    for stop in (signal.SIGTERM, signal.SIGKILL):
        for pid in _session(process.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, stop)
        while _session(process.pid) and time.monotonic() < until:
            process.poll()
            time.sleep(0.05)
    process.wait()


def kill_session(process: subprocess.Popen[bytes]) -> None:
    """Kill the process and whatever it started at once, as when its machine is lost."""
    while found := _session(process.pid):
        for pid in found:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.poll()
        time.sleep(0.01)


def _session(leader: int) -> list[int]:
    """The processes of a session that was started here."""
    found = []
    for name in (path.name for path in Path("/proc").iterdir()):
        with suppress(ProcessLookupError):
            if name.isdigit() and os.getsid(int(name)) == leader:
                found.append(int(name))
    return found


def sqlite_connection(path: Path) -> dict[str, Any]:
    """The fields of an Airflow connection to an SQLite file."""
    return {"conn_type": "sqlite", "host": str(path.absolute())}


def postgres_connection(url: str) -> dict[str, Any]:
    """The fields of an Airflow connection to a PostgreSQL database."""
    parts = urlsplit(url)
    return {
        "conn_type": "postgres",
        "host": parts.hostname,
        "port": parts.port,
        "schema": parts.path.removeprefix("/"),
        "login": unquote(parts.username or ""),
        "password": unquote(parts.password or ""),
    }


def _random_key() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
