"""Airflow on its CeleryExecutor, all of real parts on this machine: for tests and benchmarks.

Redis is the broker; one PostgreSQL has Airflow's metadata, remit's ledger and the controller's
database; staging is in an S3 API. Scheduler, triggerer, API server, DAG processor and each worker
are processes of their own. Everything listens on 127.0.0.1 alone and is gone afterwards.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from remit.custody import Story, stories
from remit.evidence import EvidenceLog
from remit.signing import load_signer
from remit.testing.celery_home import DAGS, MIGRATION, SETTINGS
from remit.testing.controller import Edit
from remit.testing.demo_home import DemoHome, postgres_connection
from remit.testing.postgres import PostgresCluster
from remit.testing.processes import COMPONENTS, SOON, AirflowProcesses
from remit.testing.redis_server import redis
from remit.testing.s3 import S3Server
from remit.wiring import Settings, clock, open_ledger

BUCKET = "remit-staging"
_YEAR = 365 * 86400.0


class CeleryAirflow(AirflowProcesses):
    """An Airflow whose workers are started and killed at will, as a context manager.

    Args:
        root: a folder that is not there yet; the logs of all processes are below it.
        rows_per_piece: about how many rows a piece of the controller's tables has.
        edit: changes the controller's instruction.

    Attributes:
        source_url: the controller's database, empty: fill it before the first DAG is triggered.
        s3: the server that staging is in.
    """

    source_url: str

    def __init__(self, root: Path, rows_per_piece: int, edit: Edit | None = None) -> None:
        super().__init__(DemoHome(root))
        self.s3 = S3Server()
        self._rows_per_piece, self._edit = rows_per_piece, edit
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
        self.await_dag(MIGRATION)

    def start_worker(self, name: str, core: int | None = None) -> None:
        """Start a worker that runs one task at a time.

        Args:
            name: begins with ``worker``; Airflow shows it as the host of its tasks.
            core: the only one that it may run on.
        """
        options = ("--concurrency", "1", "--celery-hostname", name, "--skip-serve-logs")
        pid = ("--pid", str(self.home.tmp / f"{name}.pid"))
        process = self.run(
            name, "celery", "worker", *options, *pid, "--without-mingle", **_named(name)
        )
        if core is not None:
            os.sched_setaffinity(process.pid, {core})  # before it has children

    def await_worker(self, name: str) -> None:
        """Wait until a worker takes tasks. Raises: Unavailable."""
        log = self.home.logs / f"{name}.log"
        self.wait(lambda: " ready." in log.read_text(errors="replace"), f"{name} is ready", 120)

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
        held.callback(self.kill_all)
        target = self.home.serve_target(1_000_000, _YEAR)
        self.keep("target", *target)
        for component in COMPONENTS:
            self.start(component)

    def _settings(self, broker: str, cluster: PostgresCluster) -> dict[str, str]:
        dags = self.home.root / "dags"
        dags.mkdir()
        (dags / "celery_dags.py").write_text(DAGS)
        metadata = cluster.create_database("airflow").partition("://")[2]
        return (
            SETTINGS
            | SOON
            | self.served()
            | self.s3.environment
            | {
                "AIRFLOW__CELERY__BROKER_URL": broker,
                "AIRFLOW__CELERY__RESULT_BACKEND": f"db+postgresql+psycopg2://{metadata}",
                "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
                "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"postgresql+psycopg2://{metadata}",
                "REMIT_LEDGER": cluster.create_database("ledger"),
                "REMIT_ROWS_PER_PIECE": str(self._rows_per_piece),
                "REMIT_STAGING": self.s3.create_bucket(BUCKET),
            }
        )


def _named(worker: str) -> Mapping[str, str]:
    name = "remit.testing.worker_name.worker_name"
    return {"AIRFLOW__CORE__HOSTNAME_CALLABLE": name, "REMIT_WORKER": worker}
