"""Airflow on its CeleryExecutor, all of real parts on this machine: for tests and benchmarks.

Redis is the broker; one PostgreSQL has Airflow's metadata, remit's ledger and the controller's
database; staging is in an S3 API. Scheduler, triggerer, API server, DAG processor and each worker
are processes of their own. Everything listens on 127.0.0.1 alone and is gone afterwards.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from remit.custody import Story, stories
from remit.errors import Unavailable
from remit.evidence import EvidenceLog
from remit.signing import load_signer
from remit.testing.airflow_api import AirflowApi
from remit.testing.celery_home import DAGS, MIGRATION, SETTINGS, CeleryHome
from remit.testing.controller import Edit
from remit.testing.demo_home import kill_session, postgres_connection
from remit.testing.postgres import PostgresCluster
from remit.testing.redis_server import free_port, redis
from remit.testing.s3 import S3Server
from remit.wiring import Settings, clock, open_ledger

BUCKET = "remit-staging"
_READY_SECONDS = 240.0
_YEAR = 365 * 86400.0

_COMPONENTS = {
    "api-server": (),
    "scheduler": ("--skip-serve-logs",),
    "dag-processor": (),
    "triggerer": ("--skip-serve-logs",),
}


class CeleryAirflow:
    """An Airflow whose workers are started and killed at will, as a context manager.

    Args:
        root: a folder that is not there yet; the logs of all processes are below it.
        rows_per_piece: about how many rows a piece of the controller's tables has.
        edit: changes the controller's instruction.

    Attributes:
        source_url: the controller's database, empty: fill it before the first DAG is triggered.
        api: Airflow's REST API.
        s3: the server that staging is in.
    """

    source_url: str
    api: AirflowApi

    def __init__(self, root: Path, rows_per_piece: int, edit: Edit | None = None) -> None:
        self.home, self.s3 = CeleryHome(root), S3Server()
        self._rows_per_piece, self._edit = rows_per_piece, edit
        self._running: dict[str, tuple[subprocess.Popen[bytes], ExitStack]] = {}
        self._held = ExitStack()

    def __enter__(self) -> Self:
        """Start everything but the workers; Airflow may take a while until it is `ready`.

        Raises:
            UsageError: a program is not installed.
            Unavailable: something could not be started.
        """
        with ExitStack() as held:
            self._start(held)
            self._held = held.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop everything that was started."""
        self._held.close()

    def ready(self) -> None:
        """Wait until Airflow is healthy and knows the DAGs. Raises: Unavailable."""
        self.wait(self.api.healthy, "Airflow is healthy", _READY_SECONDS)
        self.wait(lambda: self.api.has(MIGRATION), "the DAGs are parsed", _READY_SECONDS)

    def start_worker(self, name: str, core: int | None = None) -> None:
        """Start a worker that runs one task at a time.

        Args:
            name: begins with ``worker``; Airflow shows it as the host of its tasks.
            core: the only one that it may run on.
        """
        options = ("--concurrency", "1", "--celery-hostname", name, "--skip-serve-logs")
        pid = ("--pid", str(self.home.tmp / f"{name}.pid"))
        process = self._run(
            name, "celery", "worker", *options, *pid, "--without-mingle", **_named(name)
        )
        if core is not None:
            os.sched_setaffinity(process.pid, {core})  # before it has children

    def await_worker(self, name: str) -> None:
        """Wait until a worker takes tasks. Raises: Unavailable."""
        log = self.home.logs / f"{name}.log"
        self.wait(lambda: " ready." in log.read_text(errors="replace"), f"{name} is ready", 120)

    def start(self, component: str) -> None:
        """Start a component of Airflow's again."""
        self._run(component, component, *_COMPONENTS[component])

    def kill(self, name: str) -> None:
        """Kill a worker or component with all its processes, as when its machine is lost."""
        process, held = self._running.pop(name)
        kill_session(process)
        held.close()

    @property
    def workers(self) -> list[str]:
        """The names of the workers that were started and not killed."""
        return [name for name in self._running if name.startswith("worker")]

    @property
    def processes(self) -> dict[str, int]:
        """The process ids of what runs, PostgreSQL's among it."""
        pid = (self._cluster.directory / "data" / "postmaster.pid").read_text().split()[0]
        found = {name: process.pid for name, (process, _) in self._running.items()}
        return found | {"postgresql": int(pid)}

    def story(self) -> Story:
        """The newest run's evidence."""
        settings = Settings.from_environment(self.home.environment)
        log = EvidenceLog(open_ledger(settings), load_signer(settings.signing_key), clock)
        return stories(log.records())[-1]

    def wait(self, holds: Callable[[], bool], what: str, seconds: float) -> None:
        """Wait until something holds, while every process goes on.

        Raises:
            Unavailable: it does not in time, or a process ended.
        """
        until = time.monotonic() + seconds
        while not holds():
            ended = [
                name for name, (process, _) in self._running.items() if process.poll() is not None
            ]
            if ended or time.monotonic() > until:
                why = f"{ended[0]} ended" if ended else f"not so after {seconds:g} seconds: {what}"
                raise self._told(Unavailable("Airflow", f"{why}; see {self.home.logs}"))
            time.sleep(0.25)

    def _told(self, error: Unavailable) -> Unavailable:
        """The error with the end of every process's log, which is soon gone."""
        for log in sorted(self.home.logs.glob("*.log")):
            lines = log.read_text(errors="replace").splitlines()[-15:]
            error.add_note("\n".join([f"--- {log.name}", *lines]))
        return error

    def _kill_all(self) -> None:
        for name in list(self._running):  # nothing that they would save is kept
            self.kill(name)

    def _start(self, held: ExitStack) -> None:
        self.home.make()
        cluster = self._cluster = held.enter_context(PostgresCluster())
        held.enter_context(self.s3)
        self.source_url = cluster.create_database("lis")
        self.home.source = postgres_connection(self.source_url)
        broker = held.enter_context(redis(self.home.root / "redis"))
        self.home.settings = self._settings(broker, cluster)
        self.home.instruct(self._edit)
        self.home.python("-c", "from airflow.utils.db import initdb; initdb()", log="airflow.log")
        held.callback(self._kill_all)
        target = self.home.serve_target(1_000_000, _YEAR)
        self._keep("target", *target)
        for component in _COMPONENTS:
            self.start(component)

    def _settings(self, broker: str, cluster: PostgresCluster) -> dict[str, str]:
        address, password = f"http://127.0.0.1:{free_port()}", secrets.token_urlsafe(12)
        self.home.passwords.parent.mkdir(parents=True, exist_ok=True)
        self.home.passwords.write_text(json.dumps({"admin": password}))
        self.api = AirflowApi(address, "admin", password)
        dags = self.home.root / "dags"
        dags.mkdir()
        (dags / "celery_dags.py").write_text(DAGS)
        metadata = cluster.create_database("airflow").partition("://")[2]
        return (
            SETTINGS
            | self.s3.environment
            | {
                "AIRFLOW__API__BASE_URL": address,
                "AIRFLOW__API__PORT": address.rpartition(":")[2],
                "AIRFLOW__CELERY__BROKER_URL": broker,
                "AIRFLOW__CELERY__RESULT_BACKEND": f"db+postgresql+psycopg2://{metadata}",
                "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
                "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{address}/execution/",
                "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(self.home.passwords),
                "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"postgresql+psycopg2://{metadata}",
                "REMIT_LEDGER": cluster.create_database("ledger"),
                "REMIT_ROWS_PER_PIECE": str(self._rows_per_piece),
                "REMIT_STAGING": self.s3.create_bucket(BUCKET),
            }
        )

    def _run(self, name: str, *command: str, **more: str) -> subprocess.Popen[bytes]:
        return self._keep(name, "-m", "airflow", *command, **more)

    def _keep(self, name: str, *arguments: str, **more: str) -> subprocess.Popen[bytes]:
        with ExitStack() as held:
            running = self.home.running(*arguments, log=f"{name}.log", **more)
            process = held.enter_context(running)
            self._running[name] = (process, held.pop_all())
        return process


def _named(worker: str) -> Mapping[str, str]:
    name = "remit.testing.worker_name.worker_name"
    return {"AIRFLOW__CORE__HOSTNAME_CALLABLE": name, "REMIT_WORKER": worker}
