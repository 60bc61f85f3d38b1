"""Metrics arrive by statsd and by OpenTelemetry, at real listeners, and say numbers alone."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from remit.alerts.supervise import Passed, supervise
from remit.metrics import METRICS, figures, measure
from remit.ports import Rule, Verdict
from remit.testing.metrics_receivers import OtlpReceiver, StatsdListener
from remit.testing.world import World


class Agreeable:
    engine = "a test's judge, of nothing"

    def check(self, rules: list[Rule]) -> None:
        """Every rule will do."""

    def judge(self, extract: Any, rules: list[Rule], others: Any = None) -> list[Verdict]:
        return [Verdict(rule.id, rule.type, (), success=True) for rule in rules]


MIGRATION = """
import sys
from types import SimpleNamespace
from airflow.dag_processing.dagbag import DagBag
from remit import metrics

metrics.begin()
dag = DagBag(sys.argv[1] + "/quick_migration.py").dags["quick_migration"]
for step in "plan extract validate seal deliver".split():
    dag.get_task(f"migration.{step}").execute({"run_id": "m", "ti": SimpleNamespace(map_index=-1)})
"""
PASS = """
from remit import metrics
from remit.operators.connections import resolve_stored
from remit.provider import run_cli
from types import SimpleNamespace

try:
    run_cli(SimpleNamespace(version=False, arguments=["supervise"]))
except SystemExit as ended:
    assert ended.code in (0, 4), ended.code  # nobody is told, for want of channels
"""
AGAIN = """
from remit.wiring import Settings, open_ledger

metrics.count(kept.record() for kept in open_ledger(Settings.from_environment()).kept())
"""


def work(code: str, airflow_home: Path, settings: dict[str, str]) -> None:
    home = {
        "AIRFLOW_HOME": str(airflow_home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(airflow_home / "dags"),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{airflow_home}/airflow.db",
    }
    subprocess.run(
        [sys.executable, "-c", code, str(airflow_home / "dags")],
        env={**os.environ, **home, **settings},
        check=True,
        capture_output=True,
        timeout=120,
    )


def ours(values: dict[str, float]) -> dict[str, float]:
    return {
        name.removeprefix("airflow."): value
        for name, value in values.items()
        if name.startswith("airflow.remit.")
    }


def require_delivered(values: dict[str, float]) -> None:
    """They say that one run was delivered and waits, and that nothing is wrong."""
    steps = "opened extracted validated sealed delivered".split()
    counted = {f"remit.runs.{step}": 1.0 for step in steps}
    assert set(values) <= set(METRICS)
    assert counted.items() <= values.items()
    assert values["remit.rows.extracted"] > 100
    assert values["remit.evidence.records"] > 5
    assert values["remit.deletions.pending"] == 1
    assert values["remit.runs.waiting_receipt"] == 1
    assert values["remit.alerts.open.critical"] == 0
    assert values["remit.supervision.passed"] == 1


@pytest.mark.slow
def test_statsd_gets_them(
    connected: Callable[..., World], airflow_home: Callable[[], Path]
) -> None:
    connected()
    with StatsdListener() as listener:
        port = {"AIRFLOW__METRICS__STATSD_PORT": str(listener.port)}
        settings = {"STATSD_ON": "True", "STATSD_HOST": "127.0.0.1"}
        on = {f"AIRFLOW__METRICS__{name}": value for name, value in settings.items()}
        work(MIGRATION + PASS, airflow_home(), {**on, **port})

    require_delivered(ours(listener.values))


@pytest.mark.slow
def test_opentelemetry_gets_them_with_no_attributes(
    connected: Callable[..., World], airflow_home: Callable[[], Path]
) -> None:
    world = connected()
    world.deliver(world.open_run(), Agreeable())
    with OtlpReceiver() as receiver:
        settings = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint}
        work(PASS + AGAIN, airflow_home(), {"AIRFLOW__METRICS__OTEL_ON": "True", **settings})

    require_delivered(ours(receiver.values))
    named = [receiver.attributes[f"airflow.{name}"] for name in ours(receiver.values)]
    assert set().union(*named) == set()


def gauges(world: World, days: float) -> dict[str, int]:
    """What a pass so many days later measures."""
    world.clock.advance(days=days)
    deployment = world.deployment()
    passed = supervise(deployment, [], "test")
    assert passed.survey is not None
    return figures(passed, passed.survey, deployment.clock())


def test_figures_follow_the_duties(make_world: Callable[[str], World]) -> None:
    world = make_world("world")
    run = world.open_run()
    world.deliver(run, Agreeable())

    delivered = gauges(world, 0)
    late = gauges(world, 30)

    assert set(late) == {name for name, metric in METRICS.items() if metric.kind == "gauge"}
    assert delivered["remit.runs.waiting_receipt"] == 1
    assert delivered["remit.deletions.pending"] == 1
    assert (late["remit.deletions.due"], late["remit.deletions.overdue"]) == (1, 1)
    assert late["remit.alerts.open.critical"] >= 1
    assert delivered["remit.evidence.records"] > 5


def test_a_pass_that_could_not_look_measures_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.sdk.observability import stats

    monkeypatch.setattr(stats, "gauge", lambda *_: pytest.fail("it was measured"))
    measure(Passed(busy=True), datetime.now(UTC))
