"""Metrics arrive by statsd and by OpenTelemetry, at real listeners, and say numbers alone."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from remit.channels.metrics import METRICS, figures
from remit.custody import survey
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
from airflow.dag_processing.dagbag import DagBag
from remit.channels import metrics

metrics.begin()
assert DagBag(sys.argv[1]).dags["quick_migration"].test().state == "success"
"""
PASS = """
from remit.channels import metrics
from remit.custody import survey
from remit.wiring import Settings, clock, open_deployment

metrics.begin()
log = open_deployment(Settings.from_environment()).log
gauges = metrics.figures(survey(log, clock()), clock(), {"critical": 2}, log.ledger.state()[0])
metrics.emit(gauges)
"""
AGAIN = """
metrics.count(kept.record() for kept in log.ledger.kept())
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


def expected(values: dict[str, float], prefix: str = "airflow.") -> None:
    ours = {k.removeprefix(prefix): v for k, v in values.items() if k.startswith(f"{prefix}remit.")}
    steps = "opened extracted validated sealed delivered confirmed".split()
    counted = {f"remit.runs.{step}": 1.0 for step in steps}
    assert set(ours) <= set(METRICS)
    assert counted.items() <= ours.items()
    assert ours["remit.rows.extracted"] > 100
    assert ours["remit.evidence.records"] > 10
    assert ours["remit.deletions.pending"] + ours["remit.deletions.due"] == 1
    assert ours["remit.runs.waiting_receipt"] == 0
    assert ours["remit.alerts.open.critical"] == 2
    assert ours["remit.alerts.open.info"] == 0
    assert ours["remit.supervision.passed"] == 1


@pytest.mark.slow
def test_statsd_gets_them(
    connected: Callable[..., World],
    start_target: Callable[[World], None],
    airflow_home: Callable[[], Path],
) -> None:
    start_target(connected())
    with StatsdListener() as listener:
        settings = {
            "STATSD_ON": "True",
            "STATSD_HOST": "127.0.0.1",
            "STATSD_PORT": str(listener.port),
        }
        work(
            MIGRATION + PASS,
            airflow_home(),
            {f"AIRFLOW__METRICS__{name}": value for name, value in settings.items()},
        )

    expected(listener.values)


@pytest.mark.slow
def test_opentelemetry_gets_them_with_no_attributes(
    connected: Callable[..., World], airflow_home: Callable[[], Path]
) -> None:
    world = connected()
    run = world.open_run()
    world.deliver(run, Agreeable())
    world.ingest(run)
    run.confirm(world.landing())
    with OtlpReceiver() as receiver:
        settings = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint}
        work(PASS + AGAIN, airflow_home(), {"AIRFLOW__METRICS__OTEL_ON": "True", **settings})

    expected(receiver.values)
    ours = {n: names for n, names in receiver.attributes.items() if n.startswith("airflow.remit.")}
    assert set().union(*ours.values()) == set()


def test_figures_follow_the_duties(make_world: Callable[[str], World]) -> None:
    world = make_world("world")
    run = world.open_run()
    for name in ("plan", "extract"):
        world.steps(run, Agreeable())[name]()
    log, now = world.deployment().log, world.clock()

    def measured(days: float) -> dict[str, int]:
        at = now + timedelta(days=days)
        return figures(survey(log, at), at, {}, log.ledger.state()[0])

    assert measured(0)["remit.deletions.pending"] == 1
    assert measured(0)["remit.deletions.due"] == 0
    late = measured(30)
    assert (late["remit.deletions.due"], late["remit.deletions.overdue"]) == (1, 1)
    assert set(late) == {name for name, metric in METRICS.items() if metric.kind == "gauge"}


def test_a_run_that_waits_is_counted_as_such() -> None:
    def story(*kinds: str) -> Any:
        return SimpleNamespace(has=kinds.__contains__)

    stories = {
        "a": story("sealed"),
        "b": story("sealed", "confirmed"),
        "c": story("sealed", "stopped"),
        "d": story(),
    }
    found: Any = SimpleNamespace(stories=stories, pending=[], due=[], locked=[], damaged={})

    assert figures(found, SimpleNamespace(), {}, 0)["remit.runs.waiting_receipt"] == 1  # type: ignore[arg-type]
