"""How fast the reviewer's pages answer at 10,000 runs and a million records: `python -m benchmarks.pages`.

    python -m benchmarks.pages [--runs 10000] [--records 1000000] [--requests 40] [--keep FOLDER]
                               [--out benchmarks/pages.json] [--page docs/benchmarks.md]

The log is filled with the records of real runs under other names (`benchmarks.many_runs`), which is not what
is measured. Pages are asked of Airflow's own application, with its SimpleAuthManager and a viewer's cookie,
24 DAGs in its database; in this process, so without a network. Before every tenth request something is
appended to the log, as runs that go on do. A request is timed from asking to having the whole page.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import tempfile
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from benchmarks.__main__ import _machine
from benchmarks.many_runs import DAGS, Filling, fill
from remit import signing
from remit.adapters.ledger import SqlLedger
from remit.evidence import EvidenceLog
from remit.testing.world import World

LIMIT_MS = 300
_BEGIN, _END = "<!-- pages -->\n", "<!-- end of pages -->\n"


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pages")
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--requests", type=int, default=40)
    parser.add_argument("--keep", type=Path, help="a folder for the log, which is used again")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/pages.json"))
    parser.add_argument("--page", type=Path, default=Path("docs/benchmarks.md"))
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = options.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        log = _log(folder, options)
        report = {
            "command": "python -m benchmarks.pages " + " ".join(sys.argv[1:]),
            "machine": _machine(),
            "limit_ms": LIMIT_MS,
            **_measured(folder, log, options.requests),
        }
    options.out.write_text(json.dumps(report, indent=2) + "\n")
    _write_section(report, options.page)


def _log(folder: Path, options: argparse.Namespace) -> EvidenceLog:
    """The log, filled."""
    home, clock = folder / "home", Filling(datetime.now(UTC) - timedelta(days=365), [])
    there = (home / "evidence.sqlite").exists()
    if not there:
        (folder / "world").mkdir(parents=True)
        home.mkdir()
        world = World(folder / "world", patients=60)
        (world.settings.home / "keys").rename(home / "keys")
        (world.settings.home / "keys").symlink_to(home / "keys")
    signer = signing.load_signer(str(home / "keys" / "processor.pem"))
    ledger = SqlLedger(f"sqlite:///{home}/evidence.sqlite", home / "witness.dsse.json")
    log = EvidenceLog(ledger, signer, clock)
    if not there:
        fill(log, clock, world, options.runs, options.records)
    clock.now = datetime.now(UTC)
    return log


def _measured(folder: Path, log: EvidenceLog, requests: int) -> dict[str, Any]:
    browser = _browser(folder)
    before, began = _peak_mb(), time.perf_counter()
    reading = 0
    while browser.get("/remit/overview").status_code == 503:
        reading += 1
        time.sleep(0.2)
    first = time.perf_counter() - began
    pages = _pages(log)
    report = {
        "runs": sum(1 for _, run in log.ledger.runs() if ":" not in run),
        "records": log.ledger.state()[0],
        "first_answer_seconds": round(first, 1),
        "answers_being_read": reading,
        "memory_mb": {"before": before, "after_reading": _peak_mb()},
        "pages": {name: _timed(browser, path, log, requests) for name, path in pages.items()},
    }
    report["memory_mb"]["after_all"] = _peak_mb()
    return report


def _pages(log: EvidenceLog) -> dict[str, str]:
    runs = [run for _, run in log.ledger.runs() if run.startswith("nightly")]
    run = runs[len(runs) // 2]
    oldest = next(log.ledger.kept(runs[-60])).seq
    dag, dag_run = next(log.ledger.kept(run, ["opened"])).record().by[8:].split("/")
    return {
        "overview": "/remit/overview",
        "runs": "/remit/runs",
        "runs, narrowed": "/remit/runs?controller=durand&show=held",
        "runs, the last page": f"/remit/runs?before={oldest}",
        "a run": f"/remit/runs/{run}",
        "a run in French": f"/remit/runs/{run}?language=fr",
        "a document of it": f"/remit/runs/{run}/files/instruction.yaml",
        "its bundle": f"/remit/runs/{run}/bundle",
        "the tab of a DAG run": f"/remit/dag-run?dag={dag}&dag_run={dag_run}",
        "evidence": "/remit/evidence",
    }


def _timed(browser: Any, path: str, log: EvidenceLog, requests: int) -> dict[str, Any]:
    took = []
    for number in range(requests):
        if number % 10 == 0:
            log.append("nightly-00-00000000", "interrupted", _SETBACK, "os:benchmark", step=None)
        began = time.perf_counter()
        answer = browser.get(path)
        took.append((time.perf_counter() - began) * 1000)
        assert answer.status_code in (200, 303), (path, answer.status_code)
    return {
        "median_ms": round(median(took), 1),
        "p95_ms": round(quantiles(took, n=20)[-1], 1),
        "most_ms": round(max(took), 1),
        "kilobytes": round(len(answer.content) / 1024),
    }


_SETBACK = {"step": "delete", "where": "landing", "why": "It does not answer."}


def _browser(folder: Path) -> Any:
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


def _peak_mb() -> int:
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def _write_section(report: dict[str, Any], page: Path) -> None:
    """Replace what is between the section's markers."""
    head, _, rest = page.read_text().partition(_BEGIN)
    _, _, tail = rest.partition(_END)
    machine, memory = report["machine"], report["memory_mb"]
    lines = [
        f"Command: `{report['command'].strip()}`. Machine: {machine['cores']} cores, "
        f"{machine['processor']}, Python {machine['python']}. {report['runs']:,} runs, "
        f"{report['records']:,} records, SQLite.",
        "",
        f"First answer after a start: {report['first_answer_seconds']} s; until then the page says that the "
        f"evidence is being read. Memory of the process at its peak: {memory['before']} MB before, "
        f"{memory['after_reading']} MB after that, {memory['after_all']} MB in the end.",
        "",
        "| page | median, ms | 95 %, ms | longest, ms | KB |",
        "|---|---|---|---|---|",
        *(
            f"| {name} | {one['median_ms']} | {one['p95_ms']} | {one['most_ms']} "
            f"| {one['kilobytes']} |"
            for name, one in report["pages"].items()
        ),
    ]
    page.write_text(head + _BEGIN + "\n".join(lines) + "\n" + _END + tail)


if __name__ == "__main__":
    main()
