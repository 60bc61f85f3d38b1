"""How long a pass of supervision takes over a log of many runs, on SQLite.

    python -m benchmarks.supervision [--runs 10000] [--alerts 1000] [--extra 0]
                                     [--out benchmarks/supervision.json]

One run is taken to its confirmation for real; the others are its records under names of their own, so
that each has its instruction, plan, report, manifest and receipt. One in ten is not deleted yet. Alerts
are of refusals, each told to its owner. `--extra` adds records that supervision has no interest in.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import sys
import tempfile
import time
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

from remit.alerts.supervise import Passed, supervise
from remit.custody import Deployment
from remit.evidence import Fact
from remit.testing.channels import Postbox
from remit.testing.world import World

_AT_ONCE = 2000
_REFUSAL = {
    "step": "seal",
    "refusal": {"code": "step-out-of-order", "where": "run", "message": "m.", "way_out": "w."},
    "ends_run": False,
}


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.supervision")
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--alerts", type=int, default=1000)
    parser.add_argument("--extra", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/supervision.json"))
    options = parser.parse_args()
    report = {
        "command": "python -m benchmarks.supervision " + " ".join(sys.argv[1:]),
        "machine": {
            "python": platform.python_version(),
            "processor": platform.machine(),
            "cores": os.cpu_count(),
        },
        "figures": _measured(options.runs, options.alerts, options.extra),
    }
    print(report["figures"], file=sys.stderr)
    options.out.write_text(json.dumps(report, indent=2) + "\n")


def _measured(runs: int, alerts: int, extra: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        world = World(Path(folder))
        deployment, facts = world.deployment(), _pattern(world)
        _append(deployment, _copies(facts, runs, alerts))
        _append(deployment, (Fact("piece-run", "piece", {"n": n}, None) for n in range(extra)))
        figures: dict[str, Any] = {"runs": runs, "alerts": alerts}
        figures["records"] = deployment.log.ledger.state()[0]
        first = _timed(figures, "first_seconds", world)
        assert first.verified
        assert len(first.raised) == alerts
        _timed(figures, "second_seconds", world)
        idle = [_timed(figures, "idle_seconds", world) for _ in range(3)]
        assert not any(one.raised or one.verified for one in idle)
        _append(deployment, _copies(facts, 100, 1, "new"))
        assert len(_timed(figures, "hundred_new_runs_seconds", world).raised) == 1
        world.clock.advance(days=1, seconds=1)
        assert _timed(figures, "daily_seconds", world).verified
        figures["peak_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        return figures


def _timed(figures: dict[str, Any], name: str, world: World) -> Passed:
    """A pass as a process of its own makes it: everything is opened anew."""
    began = time.perf_counter()
    every = timedelta(minutes=5)
    passed = supervise(world.deployment(), [Postbox()], "os:benchmark", every)
    figures[name] = round(time.perf_counter() - began, 2)
    return passed


def _pattern(world: World) -> list[tuple[str, Any]]:
    run = world.open_run("first-run")
    world.deliver(run)
    world.ingest(run)
    run.confirm(world.landing())
    run.delete(world.landing)
    return [(record.kind, record.data) for record in run.story.records]


def _copies(
    facts: list[tuple[str, Any]], runs: int, alerts: int, name: str = "copy"
) -> Iterable[Fact]:
    for number in range(runs):
        run = f"{name}-{number:06d}"
        for kind, data in facts:
            if kind != "deleted" or number % 10:
                yield Fact(run, kind, _later(data), None)
        if number < alerts:
            yield Fact(run, "refused", _REFUSAL, None)


def _later(data: Any) -> Any:
    """What is not deleted is not due during the measurement."""
    return {**data, "due": "2999-01-01T00:00:00Z"} if "due" in data else data


def _append(deployment: Deployment, facts: Iterable[Fact]) -> None:
    some: list[Fact] = []
    for fact in facts:
        some.append(fact)
        if len(some) == _AT_ONCE:
            deployment.log.append_all(some, "test")
            some = []
    if some:
        deployment.log.append_all(some, "test")


if __name__ == "__main__":
    main()
