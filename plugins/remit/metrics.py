"""What is counted and measured, through Airflow's own metrics: statsd, OpenTelemetry or none.

Guarantee: a metric's name is one of `METRICS`, it has no tags, and its value is a number of runs, rows,
records or alerts; so no person, controller or value of a data subject can be in one.
Not guaranteed: that anything arrives. Metrics are lost where nobody listens; alerts are not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal, NamedTuple

from remit.alert_kinds import SEVERITIES

if TYPE_CHECKING:  # operators are imported whenever a DAG is parsed
    from remit.alerts.supervise import Passed
    from remit.custody import Survey
    from remit.evidence import Record

OVERDUE = timedelta(hours=1)
"""So long after its time a deletion is overdue and not merely due: several runs of `remit_deletion`."""


class Metric(NamedTuple):
    """A gauge, as each pass of supervision finds it, or a counter, as tasks record it."""

    kind: Literal["gauge", "counter"]
    meaning: str


METRICS: dict[str, Metric] = {
    "remit.alerts.open.info": Metric("gauge", "alerts that are not closed, of this severity"),
    "remit.alerts.open.warning": Metric("gauge", "alerts that are not closed, of this severity"),
    "remit.alerts.open.high": Metric("gauge", "alerts that are not closed, of this severity"),
    "remit.alerts.open.critical": Metric("gauge", "alerts that are not closed, of this severity"),
    "remit.deletions.pending": Metric("gauge", "duties to delete that are not due yet, or held"),
    "remit.deletions.held": Metric("gauge", "of these, those that a person holds"),
    "remit.deletions.due": Metric("gauge", "deletions to execute now"),
    "remit.deletions.overdue": Metric("gauge", "of these, those due for more than an hour"),
    "remit.deletions.locked": Metric("gauge", "due deletions whose store keeps the copies"),
    "remit.runs.waiting_receipt": Metric(
        "gauge", "runs that are sealed, and neither confirmed nor stopped"
    ),
    "remit.runs.damaged": Metric("gauge", "runs whose evidence does not say whether to delete"),
    "remit.evidence.records": Metric("gauge", "records of the evidence log"),
    "remit.supervision.passed": Metric("counter", "passes of supervision that came to their end"),
    "remit.rows.extracted": Metric("counter", "rows extracted"),
    "remit.runs.opened": Metric("counter", "runs begun"),
    "remit.runs.extracted": Metric("counter", "runs extracted"),
    "remit.runs.validated": Metric("counter", "runs that passed validation"),
    "remit.runs.invalid": Metric("counter", "runs that failed validation"),
    "remit.runs.sealed": Metric("counter", "runs sealed"),
    "remit.runs.delivered": Metric("counter", "runs delivered"),
    "remit.runs.confirmed": Metric("counter", "runs confirmed"),
    "remit.runs.refused": Metric("counter", "refusals"),
    "remit.runs.interrupted": Metric("counter", "steps that something unavailable interrupted"),
    "remit.runs.stopped": Metric("counter", "runs stopped"),
    "remit.runs.deleted": Metric("counter", "runs whose copies were all deleted"),
    "remit.runs.undeleted": Metric("counter", "attempts to delete that left something"),
}


def begin() -> None:
    """Have metrics go where Airflow's settings say; in a process in which Airflow has not done so."""
    from airflow.sdk.configuration import conf
    from airflow.sdk.observability import stats
    from airflow.sdk.observability.metrics import stats_utils

    stats.initialize(
        factory=stats_utils.get_stats_factory(),
        export_legacy_names=conf.getboolean("metrics", "legacy_names_on"),
    )


def figures(passed: Passed, found: Survey, now: datetime) -> dict[str, int]:
    """The gauges that a pass of supervision gives, whose survey is `found`."""
    severities = Counter(alert.severity for alert in passed.alerts if alert.state != "closed")
    waiting = [
        story
        for story in found.stories.values()
        if story.has("sealed") and not story.has("confirmed") and not story.has("stopped")
    ]
    alerts = {f"remit.alerts.open.{name}": severities[name] for name in SEVERITIES}
    return alerts | {
        "remit.deletions.pending": len(found.pending),
        "remit.deletions.held": sum(1 for one in found.pending if one.is_held(now)),
        "remit.deletions.due": len(found.due),
        "remit.deletions.overdue": sum(1 for one in found.due if now - one.due > OVERDUE),
        "remit.deletions.locked": len(found.locked),
        "remit.runs.waiting_receipt": len(waiting),
        "remit.runs.damaged": len(found.damaged),
        "remit.evidence.records": passed.records,
    }


def measure(passed: Passed, now: datetime) -> None:
    """Send the gauges of a pass, and that it came to its end; nothing of one that could not look."""
    from airflow.sdk.observability import stats

    if passed.survey is None:
        return
    for name, value in figures(passed, passed.survey, now).items():
        stats.gauge(name, value)
    stats.incr("remit.supervision.passed")


def count(records: Iterable[Record]) -> None:
    """Count what a step has added to the evidence."""
    from airflow.sdk.observability import stats

    for record in records:
        name = f"remit.runs.{record.kind}"
        if name in METRICS:
            stats.incr(name)
        if record.kind == "extracted":
            rows = sum(int(file["rows"]) for file in record.data["files"])
            stats.incr("remit.rows.extracted", rows)
