"""Airflow's own application and a viewer's browser at it, and how long that waits."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from benchmarks.many_runs import DAGS
from remit.evidence import EvidenceLog

_SETBACK = {"step": "delete", "where": "landing", "why": "It does not answer."}


def browser(folder: Path) -> Any:
    """A viewer's browser at Airflow's own application."""
    home = folder / "airflow"
    os.environ |= {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(Path(__file__).resolve().parents[1] / "plugins"),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
        "AIRFLOW__API__SECRET_KEY": "1" * 64,
        "AIRFLOW__API_AUTH__JWT_SECRET": "0" * 64,
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "vera:viewer",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
        "REMIT_HOME": str(folder / "home"),
        "REMIT_INCLUDE": str(folder / "world" / "include"),
    }
    from airflow.api_fastapi.app import create_app, get_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
    from airflow.models.dag import DagModel
    from airflow.models.dagbundle import DagBundleModel
    from airflow.utils.db import initdb
    from airflow.utils.session import create_session
    from starlette.testclient import TestClient

    initdb()
    with create_session() as session:
        session.merge(DagBundleModel(name="benchmark"))
        session.flush()
        for number in range(DAGS):
            dag = f"nightly_{number:02}"
            session.merge(DagModel(dag_id=dag, bundle_name="benchmark", fileloc="/dags/it.py"))
    client = TestClient(create_app(apps="core"), follow_redirects=False)
    token = get_auth_manager().generate_jwt(SimpleAuthManagerUser(username="vera", role="VIEWER"))
    client.cookies.set("_token", token, path="/")
    return client


def first(asking: Any, path: str, times: int) -> dict[str, Any]:
    """The first answer after a start, for which a browser asks again and again while evidence is read."""
    before, took, read = peak_mb(), list[float](), 0
    for _ in range(times):
        began = time.perf_counter()
        while (answer := asking.get(path)).status_code == 503:
            read += 1
            time.sleep(0.2)
        took.append(time.perf_counter() - began)
    assert answer.status_code in (200, 303), (path, answer.status_code)
    return {
        "first_s": round(took[0], 2),
        "again_s": round(median(took[1:] or took), 2),
        "being_read": read,
        "kilobytes": round(len(answer.content) / 1024),
        "memory_mb": {"before": before, "after": peak_mb(), "typesetting": _children_mb()},
    }


def measured(asking: Any, path: str, log: EvidenceLog, requests: int) -> dict[str, Any]:
    """A page that is asked for again and again, while the log grows."""
    turn = iter(range(requests))

    def ask() -> Any:
        answer = asking.get(path)
        assert answer.status_code in (200, 303), (path, answer.status_code)
        return answer

    def grow() -> None:
        if next(turn) % 10 == 0:
            log.append("nightly-00-00000000", "interrupted", _SETBACK, "os:benchmark", step=None)

    asking.get(path)
    return timed(ask, requests, grow)


def timed(
    ask: Callable[[], Any], times: int, before: Callable[[], None] = lambda: None
) -> dict[str, Any]:
    """How long each time takes; what is done before is not counted."""
    took = []
    for _ in range(times):
        before()
        began = time.perf_counter()
        answer = ask()
        took.append((time.perf_counter() - began) * 1000)
    return {
        "median_ms": round(median(took), 1),
        "p95_ms": round(quantiles(took, n=20)[-1], 1),
        "most_ms": round(max(took), 1),
        "kilobytes": round(len(answer.content) / 1024),
    }


def peak_mb() -> int:
    """The most memory that this process has had."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def _children_mb() -> int:
    return round(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)
