"""Which pages are asked for, and which acts are sent."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from remit.evidence import EvidenceLog

_TOKEN = re.compile(r'name="token" value="([0-9a-f]+)"')
_OWN = {"origin": "http://testserver", "sec-fetch-site": "same-origin"}
_WHY = "A complaint of the laboratory is being looked into."


def pages(log: EvidenceLog) -> dict[str, str]:
    """Every page, by what the table calls it."""
    runs = [run for _, run in log.ledger.runs() if run.startswith("nightly")]
    run = runs[len(runs) // 2]
    oldest = next(log.ledger.kept(runs[-60])).seq
    alerts = [one.record().data for one in log.ledger.kept("register:alerts", ["alerted"])]
    alert, of = alerts[len(alerts) // 2]["alert"], "controller=durand&id=site-000"
    dag, dag_run = next(log.ledger.kept(run, ["opened"])).record().by[8:].split("/")
    return {
        "overview": "/remit/overview",
        "runs": "/remit/runs",
        "runs, narrowed": "/remit/runs?controller=durand&show=held",
        "runs, the last page": f"/remit/runs?before={oldest}",
        "a run": f"/remit/runs/{run}",
        "a run in French": f"/remit/runs/{run}?language=fr",
        "a run with the forms of acts": f"/remit/runs/{_waiting(log)}",
        "a document of it": f"/remit/runs/{run}/files/instruction.yaml",
        "its bundle": f"/remit/runs/{run}/bundle",
        "the tab of a DAG run": f"/remit/dag-run?dag={dag}&dag_run={dag_run}",
        "its verification in the browser": f"/remit/verify?run={run}",
        "its breach draft": f"/remit/breach?run={run}",
        "evidence": "/remit/evidence",
        "evidence of a run": f"/remit/evidence?run={run}",
        "alerts": "/remit/alerts",
        "alerts, open and grave": "/remit/alerts?show=grave",
        "alerts, the last page": f"/remit/alerts?number={len(alerts) // 50}",
        "one alert": f"/remit/alerts/{alert}",
        "erasures": "/remit/erasures",
        "erasures, further back": f"/remit/erasures?before={oldest + 20_000}",
        "orphans": "/remit/orphans",
        "instructions": "/remit/instructions",
        "one instruction": f"/remit/instruction?{of}&version=1",
        "two versions compared": f"/remit/instruction/differences?{of}&old=1&new=2",
        "the record (Art. 30(2))": "/remit/record",
    }


def exports() -> dict[str, str]:
    """Files that an auditor takes along."""
    table = "/remit/record/table?table="
    month = (datetime.now(UTC) - timedelta(days=30)).date()
    return {
        "runs, CSV": f"{table}runs&format=csv",
        "runs, JSON": f"{table}runs&format=json",
        "erasures, CSV": f"{table}erasures&format=csv",
        "alerts, CSV": f"{table}alerts&format=csv",
        "instructions, CSV": f"{table}instructions&format=csv",
        "the printed report of a month, PDF": f"/remit/record/report?since={month}",
    }


def acts(browser: Any, log: EvidenceLog) -> dict[str, Callable[[], Any]]:
    """What the viewer does by forms, who is named for it."""
    run = _waiting(log)
    token = _TOKEN.search(browser.get(f"/remit/runs/{run}").text)
    assert token is not None
    opened = [one.record().data["alert"] for one in log.ledger.kept("register:alerts", ["alerted"])]
    done = {one.record().data["alert"] for one in log.ledger.kept("register:alerts", ["closed"])}
    alerts, days = iter([one for one in opened if one not in done]), count(1)

    def send(path: str, **fields: str) -> Any:
        fields |= {"token": token[1], "reason": _WHY}
        answer = browser.post(path, data=fields, headers=_OWN)
        assert answer.status_code == 303, (path, answer.status_code)
        return answer

    def hold() -> Any:
        until = datetime.now(UTC).date() + timedelta(days=next(days) % 20 + 1)
        return send(f"/remit/runs/{run}/hold", until=str(until))

    return {
        "a deletion is held": hold,
        "an alert is acknowledged": lambda: send(f"/remit/alerts/{next(alerts)}/acknowledge"),
    }


def _waiting(log: EvidenceLog) -> str:
    """A run whose copies are still there."""
    gone = {one.run for one in log.ledger.kept(kinds=["deleted"])}
    return next(one.run for one in log.ledger.kept(kinds=["delivered"]) if one.run not in gone)
