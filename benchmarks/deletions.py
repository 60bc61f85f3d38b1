"""How long it takes to execute many due obligations: staging in a folder, both kinds of ledgers.

    python -m benchmarks.deletions [--obligations 10000] [--others 0] [--ledger sqlite postgres]
                                   [--out benchmarks/deletions.json]

One run is extracted for real; the others are its copies under names of their own, each with its
staged files and its staging key. What is measured is `remit delete --due`: the survey of the
evidence, then each obligation: the key destroyed, the copies found, recorded, removed and looked for
again, a certificate signed and recorded, each record durable before the next.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from remit.custody import Deployment, Run, execute_due
from remit.custody.survey import survey
from remit.evidence import Fact
from remit.instruction import read_signed
from remit.testing.postgres import PostgresCluster
from remit.testing.world import World
from remit.wiring import open_deployment


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.deletions")
    parser.add_argument("--obligations", type=int, default=10_000)
    parser.add_argument("--others", type=int, default=0, help="runs in the log that are done")
    parser.add_argument("--ledger", nargs="+", default=["sqlite", "postgres"])
    parser.add_argument("--out", type=Path, default=Path("benchmarks/deletions.json"))
    options = parser.parse_args()
    figures = {}
    for kind in options.ledger:
        figures[kind] = _measured(kind, options.obligations, options.others)
        print(kind, figures[kind], file=sys.stderr, flush=True)
    report = {
        "command": "python -m benchmarks.deletions " + " ".join(sys.argv[1:]),
        "machine": {
            "python": platform.python_version(),
            "processor": platform.machine(),
            "cores": os.cpu_count(),
        },
        "ledgers": figures,
    }
    options.out.write_text(json.dumps(report, indent=2) + "\n")


def _measured(kind: str, obligations: int, others: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder, _ledger(kind) as url:
        world = World(Path(folder))
        settings = replace(world.settings, ledger=url) if url else world.settings
        deployment = open_deployment(settings, now=world.clock)
        copies = _fill(world, deployment, obligations, others)
        world.clock.advance(days=8)
        began = time.perf_counter()
        found = survey(deployment.log, world.clock())
        surveyed = time.perf_counter() - began
        assert len(found.due) == obligations
        began = time.perf_counter()
        done = list(execute_due(deployment, "benchmark", world.landing))
        seconds = time.perf_counter() - began
        assert all(one.deleted for one in done)
        assert len(done) == obligations
        assert deployment.staging.list("") == [
            file for file in deployment.staging.list("") if file.path.startswith(".remit/")
        ]
        records = sum(1 for _ in deployment.log.kept())
    return {
        "obligations": obligations,
        "copies": copies,
        "records": records,
        "survey_seconds": round(surveyed, 2),
        "seconds": round(seconds, 1),
        "ms_each": round(seconds / obligations * 1000, 2),
    }


@contextmanager
def _ledger(kind: str) -> Iterator[str]:
    if kind == "sqlite":
        yield ""
        return
    with PostgresCluster(timeout=120) as cluster:
        yield cluster.create_database("ledger")


def _fill(world: World, deployment: Deployment, obligations: int, others: int) -> int:
    """Make the runs; how many copies the due ones have."""
    run = Run("first-run", deployment, "benchmark")
    run.open(read_signed(world.instruct()), world.source().label, str(world.landing_path))
    steps = world.steps(run)
    steps["plan"]()
    steps["extract"]()
    pattern = run.story.records
    staging = Path(deployment.staging.label)
    keyring = world.settings.home / "keyring"
    files = deployment.staging.list(run.id)
    names = [f"copy-{number:06d}" for number in range(obligations - 1)]
    for name in names:
        shutil.copytree(staging / run.id, staging / name)
        # Its file is what a deletion handles; to make 10,000 keys takes a quarter of an hour.
        shutil.copyfile(keyring / f"{run.id}.key", keyring / f"{name}.key")
    facts = [(record.kind, record.data) for record in pattern]
    _append(deployment, names, facts)
    ends = [("deleting", {"copies": []}), ("deleted", {"certificate": "x" * 1500, "copies": 2})]
    _append(deployment, [f"done-{number:07d}" for number in range(others)], [*facts, *ends])
    return len(files) * obligations


def _append(deployment: Deployment, names: list[str], facts: list[tuple[str, Any]]) -> None:
    for start in range(0, len(names), 1000):
        some = names[start : start + 1000]
        every = [Fact(name, *fact, None) for name in some for fact in facts]
        deployment.log.append_all(every, "benchmark")


if __name__ == "__main__":
    main()
