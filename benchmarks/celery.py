"""One run's pieces over one Celery worker and over two: `python -m benchmarks.celery`.

    python -m benchmarks.celery [--rows 3000000] [--rows-per-piece 250000] [--rounds 1] [--cores 0.4]

Each worker runs one task at a time on a core of its own; PostgreSQL, the S3 API (moto's server) and
the rest of Airflow run where they can. With `--cores`, a worker gets so much of a core and no more, so
that two of them, the source and Airflow fit on the machine, as they would on machines of their own.
Printed are the seconds from the division of the tables, when pieces can be read, to the record "extracted",
those since the plan, and the ratios.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from contextlib import ExitStack, suppress
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any

import psycopg

from benchmarks.quota import quota
from remit.evidence import Record
from remit.testing.celery import CeleryAirflow
from remit.testing.celery_home import MIGRATION
from remit.testing.laboratory import Laboratory

_PATIENTS = 1000
_MULTIPLIED = """
INSERT INTO results
SELECT gen_random_uuid(), sample_id, patient_id, site_code, loinc_code, value_numeric, value_text,
       unit, reference_low, reference_high, abnormal, result_date, validated_at, comment
FROM results, generate_series(2, {times});
ANALYZE
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.celery")
    parser.add_argument("--rows", type=int, default=3_000_000)
    parser.add_argument("--rows-per-piece", type=int, default=250_000)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--cores", type=float, help="how much of a core a worker gets")
    options = parser.parse_args()
    figures: dict[int, list[dict[str, Any]]] = {1: [], 2: []}
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "home"
        with CeleryAirflow(root, options.rows_per_piece, everything) as airflow:
            fill(airflow.source_url, options.rows)
            airflow.ready()
            for _ in range(options.rounds):
                for workers in figures:
                    figures[workers].append(measured(airflow, workers, options.cores))
                    print(workers, json.dumps(figures[workers][-1]), flush=True)
    for since in ("since_divided", "since_planned"):
        one, two = (median(run[since] for run in found) for found in figures.values())
        print(f"{since}: one worker {one:.0f} s, two workers {two:.0f} s, {one / two:.2f} times")


def everything(fields: dict[str, Any]) -> None:
    """Instruct all sites and five years."""
    for table, zone in zip(fields["tables"], ("", "T00:00:00Z"), strict=True):
        rows = table["rows"]
        rows["window"] |= {"from": f"2021-01-01{zone}", "to": f"2026-01-01{zone}"}
        rows["sites"]["in"] = ["LYO1", "LYO2", "LIL1", "BRE1", "PAR1", "MAR1"]
        rows["maximum"] = 100_000_000


def fill(url: str, rows: int) -> None:
    """About so many results."""
    Laboratory(patients=_PATIENTS).write_postgres(url)
    with psycopg.connect(url) as connection:
        connection.execute(_MULTIPLIED.format(times=max(2, rows // (20 * _PATIENTS))))


def measured(airflow: CeleryAirflow, workers: int, cores: float | None) -> dict[str, Any]:
    """Extract once, over so many workers; what comes after the extract is cut off."""
    names = [f"worker-{number}" for number in range(1, workers + 1)]
    with ExitStack() as held:
        for core, name in enumerate(names):
            airflow.start_worker(name, core)
            if cores:
                group = held.enter_context(quota(name, cores))
                held.callback(time.sleep, 1)  # a group goes once its last process is gone
                group.write_text(str(airflow.processes[name]))
        for name in names:
            held.callback(airflow.kill, name)
            airflow.await_worker(name)
        return _extracted(airflow)


def _extracted(airflow: CeleryAirflow) -> dict[str, Any]:
    before = spent(airflow)
    run = airflow.api.trigger(MIGRATION)
    airflow.wait(lambda: done(airflow, run), "the extract is gathered", 900)
    pieces = [
        one
        for (task, _), one in airflow.api.tasks(MIGRATION, run).items()
        if task == "extract_piece"
    ]
    after = spent(airflow)
    airflow.api.fail(MIGRATION, run)
    story = airflow.story()
    planned, divided, extracted = (
        next(record for record in story.records if record.kind == kind)
        for kind in ("planned", "divided", "extracted")
    )
    return {
        "rows": sum(file["rows"] for file in extracted.data["files"]),
        "pieces": len(pieces),
        "in_pieces": [round(one["duration"], 1) for one in pieces],
        "since_divided": (at(extracted) - at(divided)).total_seconds(),
        "since_planned": (at(extracted) - at(planned)).total_seconds(),
        "cpu_seconds": {name: round(after[name] - before[name], 1) for name in after},
        "by": sorted({one["hostname"] for one in pieces}),
    }


def at(record: Record) -> datetime:
    """When it was recorded."""
    return datetime.fromisoformat(record.at)


def spent(airflow: CeleryAirflow) -> dict[str, float]:
    """CPU seconds so far of each part, of this process with its S3 API, and of the whole machine."""
    tick, parts = os.sysconf("SC_CLK_TCK"), {pid: name for name, pid in airflow.processes.items()}
    found = dict.fromkeys(parts.values(), 0.0) | {"s3": sum(os.times()[:2])}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(FileNotFoundError, ProcessLookupError):
            fields = path.read_text().rpartition(")")[2].split()
            mother, session = int(fields[1]), int(fields[3])
            name = parts.get(session) or parts.get(mother) or parts.get(int(path.parent.name))
            if name:
                found[name] += sum(map(int, fields[11:15])) / tick
    busy = Path("/proc/stat").read_text().split()[1:9]
    idle = int(busy[3]) + int(busy[4])
    return found | {"machine": (sum(map(int, busy)) - idle) / tick}


def done(airflow: CeleryAirflow, run: str) -> bool:
    """Whether the extract's task has ended."""
    state = airflow.api.tasks(MIGRATION, run).get(("extract", -1), {}).get("state")
    if state == "failed":
        raise SystemExit("the extract failed")
    return state == "success"


if __name__ == "__main__":
    main()
