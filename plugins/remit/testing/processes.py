"""The processes of an Airflow on this machine, each of which is started and killed at will."""

from __future__ import annotations

import json
import secrets
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack

from remit.errors import Unavailable
from remit.testing.airflow_api import AirflowApi
from remit.testing.demo_home import DemoHome, kill_session
from remit.testing.redis_server import free_port

COMPONENTS = {
    "api-server": (),
    "scheduler": ("--skip-serve-logs",),
    "dag-processor": (),
    "triggerer": ("--skip-serve-logs",),
}
SOON = {
    "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.2",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_SEC": "2",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "8",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "1",
    "AIRFLOW__TRIGGERER__JOB_HEARTBEAT_SEC": "1",
    "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "6",
}
"""Settings with which a process that is lost is noticed in seconds."""
_READY_SECONDS = 240.0


class AirflowProcesses:
    """What runs in a home, by name; each has a log of that name.

    Attributes:
        api: Airflow's REST API, once `served` gave its settings.
    """

    api: AirflowApi

    def __init__(self, home: DemoHome) -> None:
        self.home = home
        self._running: dict[str, tuple[subprocess.Popen[bytes], ExitStack]] = {}

    def served(self) -> dict[str, str]:
        """The settings of an API server on a free port of this machine, with `admin` as its user."""
        address, password = f"http://127.0.0.1:{free_port()}", secrets.token_urlsafe(12)
        self.home.passwords.parent.mkdir(parents=True, exist_ok=True)
        self.home.passwords.write_text(json.dumps({"admin": password}))
        self.api = AirflowApi(address, "admin", password)
        return {
            "AIRFLOW__API__BASE_URL": address,
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": address.rpartition(":")[2],
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{address}/execution/",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(self.home.passwords),
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin",
        }

    def await_dag(self, dag: str) -> None:
        """Wait until Airflow is healthy and knows a DAG. Raises: Unavailable."""
        self.wait(self.api.healthy, "Airflow is healthy", _READY_SECONDS)
        self.wait(lambda: self.api.has(dag), "the DAGs are parsed", _READY_SECONDS)

    def start(self, component: str) -> None:
        """Start a component of Airflow's, for the first time or again."""
        self.run(component, component, *COMPONENTS[component])

    def run(self, name: str, *command: str, **more: str) -> subprocess.Popen[bytes]:
        """Start a command of Airflow's. `more` is added to its environment."""
        return self.keep(name, "-m", "airflow", *command, **more)

    def keep(self, name: str, *arguments: str, **more: str) -> subprocess.Popen[bytes]:
        """Start a process of Python's, until it is killed."""
        with ExitStack() as held:
            running = self.home.running(*arguments, log=f"{name}.log", **more)
            process = held.enter_context(running)
            self._running[name] = (process, held.pop_all())
        return process

    def kill(self, name: str) -> None:
        """Kill a process with all that it started, as when its machine is lost."""
        process, held = self._running.pop(name)
        kill_session(process)
        held.close()

    def kill_all(self) -> None:
        """Kill whatever runs: nothing that it would save is kept."""
        for name in list(self._running):
            self.kill(name)

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
