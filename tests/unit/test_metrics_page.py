"""docs/metrics.md says what is measured, and no more."""

from __future__ import annotations

import re
from pathlib import Path

from remit.alert_kinds import SEVERITIES
from remit.metrics import METRICS

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"


def test_every_metric_is_documented_as_it_is() -> None:
    rows = re.findall(r"^\| `([^`]+)` \| (\w+) \| (.+) \|$", PAGE.read_text("utf-8"), re.MULTILINE)

    assert rows == [(name, metric.kind, metric.meaning) for name, metric in METRICS.items()]


def test_names_are_such_as_every_backend_takes() -> None:
    for name in METRICS:
        assert re.fullmatch(r"remit(\.[a-z_]+)+", name), name
        assert len(f"airflow.{name}") < 64


def test_every_severity_has_a_gauge() -> None:
    assert {f"remit.alerts.open.{one}" for one in SEVERITIES} <= set(METRICS)
