"""`remit supervise` and `remit alerts`."""

from __future__ import annotations

import argparse
import signal
import threading
from collections.abc import Iterable, Iterator
from typing import Any

from remit.alerts import heartbeat
from remit.alerts.desk import Desk
from remit.alerts.model import SEVERITIES, Alert
from remit.alerts.supervise import Passed
from remit.alerts.watch import watch
from remit.channels import Lookup, open_channels
from remit.cli.output import Output
from remit.cli.person import acting
from remit.custody import Deployment
from remit.errors import EvidenceBroken, Unavailable, one_line
from remit.evidence import timestamp
from remit.metrics import measure
from remit.wiring import Resolve, Settings, clock, open_deployment, open_notes, os_user


def supervise(options: argparse.Namespace, output: Output, resolve: Resolve) -> int:
    """Look once; or, with --every, until it is asked to end."""
    if options.every is None:
        passed = _pass(options, resolve)
        output.result(_fields(passed), _text(_lines(passed)))
        return _code(passed)
    ended = threading.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda *_: ended.set())
    while not ended.is_set():
        _look(options, output, resolve)
        ended.wait(options.every.total_seconds())
    output.note("Ended. Nobody looks any more, unless another supervisor does.")
    return 0


def _look(options: argparse.Namespace, output: Output, resolve: Resolve) -> None:
    """One of many passes: what does not answer is tried again at the next."""
    try:
        passed = _pass(options, resolve)
    except Unavailable as error:
        output.error(error)
        return
    if passed.raised or passed.escalated or passed.emergencies:
        output.result(_fields(passed), _text(_lines(passed)))


def _pass(options: argparse.Namespace, resolve: Resolve) -> Passed:
    settings = Settings.from_environment()

    def opened() -> Deployment:
        return open_deployment(settings, settings.trust(options.trust), resolve=resolve)

    channels = open_channels(settings, resolve)
    notes, by = open_notes(settings), f"os:{os_user()}"
    passed = watch(opened, notes, channels, by, clock, options.every)
    if isinstance(resolve, Lookup):  # there is an Airflow, whose settings say where metrics go
        measure(passed, clock())
    return passed


def _text(lines: Iterable[str]) -> str:
    """Each on a line of its own, whatever people wrote into it."""
    return "\n".join(map(one_line, lines))


def _code(passed: Passed) -> int:
    if any(one.kind == "evidence-broken" for one in passed.emergencies):
        return EvidenceBroken.exit_code
    return Unavailable.exit_code if passed.failed or passed.emergencies else 0


def _fields(passed: Passed) -> dict[str, Any]:
    return {
        "busy": passed.busy,
        "raised": [dict(alert.as_json()) for alert in passed.raised],
        "told": [
            {"alert": one.due.alert.id, "tier": one.due.tier, "by": one.said} for one in passed.told
        ],
        "failed": passed.failed,
        "emergencies": [
            {"kind": one.kind, "since": one.since, "where": one.where, "message": one.message}
            for one in passed.emergencies
        ],
        "verified": passed.verified,
    }


def _lines(passed: Passed) -> Iterator[str]:
    if passed.busy:
        yield "Another supervisor is at work."
        return
    for one in passed.emergencies:
        yield f"{one.kind.upper()} since {one.since}: {one.where}: {one.message}"
    for alert in passed.raised:
        yield f"{alert.id} {alert.severity}: {alert.title}: {alert.about}: {alert.message}"
    for done in passed.told:
        person = done.due.alert.step(done.due.tier)
        yield f"{done.due.alert.id}: {person.name} is {done.said}."
    yield from (f"NOT TOLD: {line}" for line in passed.failed)
    whole = " The whole log verifies." if passed.verified else ""
    yield f"{len(passed.raised)} alerts are new, {len(passed.told)} notices were sent.{whole}"


def alerts(options: argparse.Namespace, output: Output, resolve: Resolve) -> None:
    """List the alerts, the worst first."""
    deployment = _deployment(options, resolve)
    found = Desk(deployment, f"os:{os_user()}").alerts()
    shown = [alert for alert in found if alert.state != "closed" or not options.open]
    shown.sort(key=lambda one: (one.state == "closed", -SEVERITIES.index(one.severity)))
    passes = heartbeat.last_passes(deployment.notes)
    fields = {
        "alerts": [dict(alert.as_json()) for alert in shown],
        "supervision": [
            {
                "name": one.name,
                "at": timestamp(one.at),
                "silent": one.is_silent(deployment.clock()),
            }
            for one in passes
        ],
    }
    lines = [*(line for alert in shown for line in _shown(alert)), *_watching(deployment)]
    output.result(fields, _text(lines))


def acknowledge(options: argparse.Namespace, output: Output, resolve: Resolve) -> None:
    """Take an alert up, as a person whom the instruction names."""
    _act(options, output, resolve, "acknowledge")


def close(options: argparse.Namespace, output: Output, resolve: Resolve) -> None:
    """End an alert, as a person whom the instruction names."""
    _act(options, output, resolve, "close")


def _act(options: argparse.Namespace, output: Output, resolve: Resolve, act: str) -> None:
    desk = Desk(_deployment(options, resolve), f"os:{os_user()}")
    done = getattr(desk, act)(options.alert, acting(options), options.reason)
    output.result(dict(done.as_json()), _text(_shown(done)))


def _deployment(options: argparse.Namespace, resolve: Resolve) -> Deployment:
    settings = Settings.from_environment()
    return open_deployment(settings, settings.trust(options.trust), resolve=resolve)


def _shown(alert: Alert) -> Iterator[str]:
    owner = f"owner {alert.owner.name}" if alert.owner else "nobody owns it"
    yield f"{alert.id}  {alert.severity}, {alert.state}, {owner}, {timestamp(alert.raised_at)}"
    yield f"    {alert.title}: {alert.about}"
    yield f"    {alert.message}"
    if (by := alert.closed or alert.acknowledged) is not None:
        yield f"    {by.person} at {timestamp(by.at)}: {by.reason}"
    if alert.state != "closed":
        yield f"    Way out: {alert.way_out}"
    if alert.next_escalation is not None:
        yield f"    Next escalation: {timestamp(alert.next_escalation)}"
    if alert.told:
        yield f"    {_told(alert)}"


def _told(alert: Alert) -> str:
    last = alert.told[-1]
    if not last.told:
        return f"NOT TOLD: {last.person}: {last.outcome}"
    late = f", {last.late} s after its time" if last.late else ""
    return f"Told last: {alert.step(last.tier).name} at {timestamp(last.at)}{late}"


def _watching(deployment: Deployment) -> Iterator[str]:
    """When supervision looked last; the one line that must not be overlooked when it did not."""
    passes, now = heartbeat.last_passes(deployment.notes), deployment.clock()
    if not passes:
        yield "SUPERVISION HAS NEVER LOOKED: alerts are raised and told by it alone."
    for one in passes:
        if one.is_silent(now):
            yield f"SUPERVISION IS SILENT: {one.name} has not looked since {timestamp(one.at)}."
        else:
            yield f"{one.name} looked at {timestamp(one.at)}."
