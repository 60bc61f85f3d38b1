"""Airflow's REST API, as far as tests and benchmarks of whole deployments need it."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from datetime import datetime
from typing import Any
from urllib.parse import quote

from remit.errors import Unavailable

_PARTS = ("metadatabase", "scheduler", "triggerer", "dag_processor")


class AirflowApi:
    """A user's view of an Airflow that runs at an address of this machine."""

    def __init__(self, address: str, user: str, password: str) -> None:
        self._address = address
        self._login = {"username": user, "password": password}
        self._token = ""

    def healthy(self) -> bool:
        """Whether every part is there."""
        found = self._asked("GET", "/api/v2/monitor/health") or {}
        return all((found.get(part) or {}).get("status") == "healthy" for part in _PARTS)

    def heartbeat(self, part: str) -> datetime | None:
        """When a part, such as ``scheduler``, was last known to be there."""
        found = self._asked("GET", "/api/v2/monitor/health") or {}
        at = (found.get(part) or {}).get(f"latest_{part}_heartbeat")
        return datetime.fromisoformat(at) if at else None

    def has(self, dag: str) -> bool:
        """Whether a DAG was parsed."""
        return self._asked("GET", f"/api/v2/dags/{dag}") is not None

    def pause(self, dag: str, *, paused: bool) -> None:
        """Have no new run of a DAG start, or start again."""
        self._ask("PATCH", f"/api/v2/dags/{dag}", is_paused=paused)

    def running(self, dag: str) -> set[str]:
        """The runs of a DAG in which a task runs, or is about to, as far as Airflow knows."""
        asked = f"/api/v2/dags/{dag}/dagRuns/~/taskInstances?state=running&state=queued"
        return {str(one["dag_run_id"]) for one in self._ask("GET", asked)["task_instances"]}

    def trigger(self, dag: str) -> str:
        """Start a DAG; the id of its run."""
        return str(
            self._ask("POST", f"/api/v2/dags/{dag}/dagRuns", logical_date=None)["dag_run_id"]
        )

    def state(self, dag: str, run: str) -> str:
        """How a run is."""
        return str(self._ask("GET", self._run(dag, run))["state"])

    def tasks(self, dag: str, run: str) -> dict[tuple[str, int], dict[str, Any]]:
        """The tasks of a run, by task id without its group and number of the mapped one or -1."""
        found = self._ask("GET", f"{self._run(dag, run)}/taskInstances?limit=200")
        return {
            (one["task_id"].split(".")[-1], one["map_index"]): one
            for one in found["task_instances"]
        }

    def tries(self, dag: str, run: str, task: str, number: int) -> list[dict[str, Any]]:
        """Every try of a mapped task, the present one last."""
        place = f"{self._run(dag, run)}/taskInstances/{task}/{number}/tries"
        return list(self._ask("GET", place)["task_instances"])

    def fail(self, dag: str, run: str) -> None:
        """Mark a run as failed, which ends its tasks."""
        self._ask("PATCH", self._run(dag, run), state="failed")

    def clear(self, dag: str, run: str, tasks: list[str]) -> None:
        """Have tasks and all after them run again."""
        self._ask(
            "POST",
            f"/api/v2/dags/{dag}/clearTaskInstances",
            dry_run=False,
            dag_run_id=run,
            task_ids=tasks,
            include_downstream=True,
            only_failed=False,
            reset_dag_runs=True,
        )

    def _run(self, dag: str, run: str) -> str:
        return f"/api/v2/dags/{dag}/dagRuns/{quote(run, safe='')}"

    def _ask(self, method: str, path: str, **fields: Any) -> Any:
        """Ask until it answers: a loaded machine's server may miss a moment."""
        until = time.monotonic() + 30
        while (found := self._asked(method, path, **fields)) is None:
            if time.monotonic() > until:
                raise Unavailable("Airflow", f"{method} {path} is not answered")
            time.sleep(0.2)
        return found

    def _asked(self, method: str, path: str, **fields: Any) -> Any:
        try:
            if not self._token and not path.startswith("/api/v2/monitor"):
                self._token = self._send("POST", "/auth/token", self._login)["access_token"]
            return self._send(method, path, fields)
        except (urllib.error.URLError, TimeoutError, ConnectionError, ValueError):
            return None

    def _send(self, method: str, path: str, fields: dict[str, Any]) -> Any:
        asked = urllib.request.Request(  # noqa: S310 - our own address
            self._address + path,
            method=method,
            data=json.dumps(fields).encode() if fields else None,
            headers={"Content-Type": "application/json", "Authorization": f"Bearer {self._token}"},
        )
        with urllib.request.urlopen(asked, timeout=20) as answer:  # noqa: S310
            return json.load(answer)
