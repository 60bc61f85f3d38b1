"""The evidence log at a million records: `python -m benchmarks.evidence`.

    python -m benchmarks.evidence [--records 1000000] [--appends 2000] [--ledgers sqlite postgresql]
                                  [--out benchmarks/evidence.json] [--page docs/benchmarks.md]

The log is filled with the records of a real run, again and again under other names, some hundreds under one
checkpoint; that is not what is measured. Then, at that size: single appends by one process, each durable
before the next, beside how long the disk takes to sync a few bytes; and the commands that read the
log, each in a process of its own. PostgreSQL is one that this starts, with its safety switched on.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import psycopg

from benchmarks.__main__ import _machine
from benchmarks.evidence_page import write_section
from remit import signing
from remit.adapters.ledger import SqlLedger
from remit.evidence import EvidenceLog, Fact, Record
from remit.ports import Rule, Verdict
from remit.testing.postgres import PostgresCluster
from remit.testing.world import World

RUN, BATCH = "durand-real", 50
_WATCH = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(round(used.ru_utime + used.ru_stime, 1), used.ru_maxrss)
"""
_SAFE = ("fsync", "synchronous_commit", "full_page_writes")


class Content:
    """A judge that finds nothing: validation is not the subject here."""

    engine = "a benchmark's judge"

    def check(self, rules: list[Rule]) -> None:
        """Every rule will do."""

    def judge(self, _: Any, rules: list[Rule], __: Any = None) -> list[Verdict]:
        """All is well."""
        return [Verdict(rule.id, rule.type, (), True) for rule in rules]


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.evidence")
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--appends", type=int, default=2000)
    parser.add_argument("--ledgers", nargs="+", default=["sqlite", "postgresql"])
    parser.add_argument("--out", type=Path, default=Path("benchmarks/evidence.json"))
    parser.add_argument("--page", type=Path, default=Path("docs/benchmarks.md"))
    options = parser.parse_args()
    report: dict[str, Any] = {
        "command": "python -m benchmarks.evidence " + " ".join(sys.argv[1:]),
        "machine": _machine(),
        "records": options.records,
        "ledgers": {},
    }
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "world").mkdir()
        world = World(Path(folder) / "world", patients=60)
        real = _real_run(world)
        report["bytes_per_record"] = sum(len(one.body()) for one in real) // len(real)
        for kind in options.ledgers:
            home = Path(folder) / kind
            shutil.copytree(world.root / "processor" / "keys", home / "keys")
            with _ledger(kind, home) as url:
                report["ledgers"][kind] = _measured(world, real, home, url, options)
            shutil.rmtree(home)
    options.out.write_text(json.dumps(report, indent=2) + "\n")
    write_section(report, options.page)


def _real_run(world: World) -> list[Record]:
    run = world.open_run(RUN)
    world.deliver(run, Content())
    world.ingest(run)
    run.confirm(world.landing())
    world.clock.advance(hours=2)
    run.delete(world.landing)
    return run.story.records


@contextmanager
def _ledger(kind: str, home: Path) -> Iterator[str]:
    if kind == "sqlite":
        yield f"sqlite:///{home}/evidence.sqlite"
        return
    with PostgresCluster(timeout=120) as cluster:
        with psycopg.connect(cluster.url, autocommit=True) as connection:
            for setting in _SAFE:
                connection.execute(f"ALTER SYSTEM SET {setting} = on")
            connection.execute("SELECT pg_reload_conf()")
        yield cluster.create_database("evidence")


def _measured(
    world: World, real: list[Record], home: Path, url: str, options: argparse.Namespace
) -> dict[str, Any]:
    signer = signing.load_signer(str(home / "keys" / "processor.pem"))
    log = EvidenceLog(SqlLedger(url, home / "witness.dsse.json"), signer, lambda: datetime.now(UTC))
    began = time.perf_counter()
    _fill(log, real, options.records)
    found: dict[str, Any] = {"fill_per_second": round(options.records / _since(began))}
    found |= _appends(log, real, home, options.appends)
    del log
    environment = os.environ | {
        "REMIT_HOME": str(home), "REMIT_LEDGER": url, "REMIT_INCLUDE": str(world.settings.include)
    }  # fmt: skip
    bundle = str(home / "run.remit.zip")
    for name, command in {
        "verify": ["evidence", "verify", "--all"],
        "export": ["evidence", "export", RUN, "--out", bundle],
        "verify the bundle": ["evidence", "verify", bundle],
        "show": ["evidence", "show"],
        "show a run": ["evidence", "show", RUN],
    }.items():
        found[name] = _process(command, environment)
        print(name, found[name], file=sys.stderr, flush=True)
    return found


def _fill(log: EvidenceLog, real: list[Record], count: int) -> None:
    runs = -(-count // len(real))
    for first in range(0, runs, BATCH):
        names = [f"durand-{number:07}" for number in range(first, min(first + BATCH, runs))]
        if first <= runs // 2 < first + BATCH:
            names[0] = RUN
        facts = [Fact(name, one.kind, one.data, one.step) for name in names for one in real]
        log.append_all(facts[: count - first * len(real)], "airflow:durand/scheduled")


def _appends(log: EvidenceLog, real: list[Record], home: Path, count: int) -> dict[str, Any]:
    syncs, took, used = [_sync(home)], [], time.process_time()
    for number in range(count):
        run, step = divmod(number, len(real))
        one, began = real[step], time.perf_counter()
        log.append(f"durand-single-{run}", one.kind, one.data, one.by, step=step)
        took.append(_since(began))
        if number % 100 == 0:
            before = time.process_time()
            syncs.append(_sync(home))
            used += time.process_time() - before
    return {
        "appends_per_second": round(count / sum(took)),
        "append_median_ms": round(median(took) * 1000, 2),
        "append_processor_ms": round((time.process_time() - used) / count * 1000, 2),
        "sync_median_ms": round(median(syncs), 2),
    }


def _sync(folder: Path) -> float:
    """Milliseconds that the disk takes to make a few bytes durable."""
    path = folder / "sync"
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(handle, bytes(100))
        began = time.perf_counter()
        os.fdatasync(handle)
        return _since(began) * 1000
    finally:
        os.close(handle)


def _process(command: list[str], environment: dict[str, str]) -> dict[str, float]:
    """Seconds by the clock and of the processors, and the largest process's memory."""
    began = time.perf_counter()
    # By way of a small process: what a child's peak begins with is that of the process it is forked from.
    done = subprocess.run(
        [sys.executable, "-c", _WATCH, sys.executable, "-m", "remit", *command],
        env=environment, check=True, capture_output=True, text=True,
    )  # fmt: skip
    used, peak = map(float, done.stdout.split())
    seconds = round(_since(began), 1)
    return {"seconds": seconds, "processor_seconds": used, "peak_mb": round(peak / 1024)}


def _since(began: float) -> float:
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
