"""What a log of many runs has beside them: alerts of those that something is wrong with, and orphans.

Both were made for real, by a pass of supervision, by the desk and by a sweep, and are written again under
other names. Alerts of what is overdue are open; of the others one in ten is, one in ten is acknowledged,
and the rest are closed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from remit.alerts.desk import Desk
from remit.alerts.model import ALERTS
from remit.alerts.supervise import supervise
from remit.custody.story import ORPHANS
from remit.custody.sweep import sweep
from remit.evidence import EvidenceLog, Fact, Record
from remit.testing.channels import Postbox
from remit.testing.world import World, by

_AT_ONCE = 1000
_ORPHANS = 1000
_WRONG = ("stopped", "refused", "overdue")
_REASON = "Looked into with the laboratory, which corrects it at its source."

Patterns = dict[str, list[list[Record]]]
"""Of each kind of run the alerts, each as its records."""


def fill_registers(log: EvidenceLog, world: World, runs: Sequence[tuple[str, str]]) -> None:
    """Append them.

    Args:
        runs: names of runs, and of which kind each is.
    """
    patterns, acts = _alerts(world)
    facts = [fact for run, kind in runs for fact in _alerts_of(run, kind, patterns, acts)]
    for at in range(0, len(facts), _AT_ONCE):
        log.append_all(facts[at : at + _AT_ONCE], "os:benchmark")
    log.append_all(list(_orphans(world)), "os:benchmark")


def _alerts(world: World) -> tuple[Patterns, dict[str, Record]]:
    """A week later, when what waits for a receipt is overdue; and how a person acknowledges and closes."""
    world.clock.advance(days=8)
    supervise(world.deployment(), [Postbox()], "os:benchmark", timedelta(minutes=5))
    desk = Desk(world.deployment(), "os:benchmark")
    one = next(alert for alert in desk.alerts() if alert.run == "real-stopped-0").id
    for act in (desk.acknowledge, desk.close):
        act(one, by("Camille Moreau"), _REASON)
    records = world.deployment().log.records(ALERTS)
    acts = {one.kind: one for one in records if one.kind in ("acknowledged", "closed")}
    told = [one for one in records if one.kind in ("alerted", "escalated")]
    raised = {one.data["alert"]: one.data["run"] for one in told if one.kind == "alerted"}
    patterns = {
        kind: [
            [one for one in told if one.data["alert"] == alert]
            for alert, run in raised.items()
            if run == f"real-{kind}-0"
        ]
        for kind in _WRONG
    }
    return patterns, acts


def _alerts_of(run: str, kind: str, patterns: Patterns, acts: dict[str, Record]) -> Iterator[Fact]:
    for number, pattern in enumerate(patterns.get(kind, ())):
        name = hashlib.sha256(f"{run} {number}".encode()).hexdigest()[:16]
        records = [*pattern, *(acts[act] for act in _acts_on(name, kind))]
        for one in records:
            yield Fact(ALERTS, one.kind, _of(one.data, name, run), None)


def _of(data: dict[str, Any], alert: str, run: str) -> dict[str, Any]:
    about = {"run": run, "about": f"run {run}"} if "run" in data else {}
    return data | {"alert": alert} | about


def _acts_on(name: str, kind: str) -> tuple[str, ...]:
    if kind == "overdue" or (last := int(name, 16) % 10) == 0:
        return ()
    return ("acknowledged",) if last == 1 else ("acknowledged", "closed")


def _orphans(world: World) -> Iterator[Fact]:
    """Half of what was found is gone again."""
    (world.landing_path / "left-behind").mkdir()
    (world.landing_path / "left-behind" / "file").write_text("nothing")
    sweep(world.deployment(), "os:benchmark", world.landing)
    (found,) = world.deployment().log.records(ORPHANS)
    (one,) = found.data["found"]
    for number in range(_ORPHANS):
        again = one | {"name": f"(not shown, sha256 {number:016x})"}
        yield Fact(ORPHANS, "orphans", {"found": [again]}, None)
        if number % 2:
            yield Fact(ORPHANS, "swept", {"removed": [again]}, None)
