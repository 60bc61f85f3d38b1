"""`make bench`: this project beside the floor and the naive way, interleaved, on a real PostgreSQL.

    python -m benchmarks [--patients 75000] [--rounds 3] [--out benchmarks/results.json]

Medians and ratios; peak memory of the process; the machine's details. 20 results a patient.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from benchmarks.ways import WAYS
from remit.testing.laboratory import Laboratory
from remit.testing.postgres import PostgresCluster

START_UPS = {
    "python": "pass",
    "import remit.operators (what parsing a DAG costs beside Airflow itself)": "import airflow.sdk;"
    "import time; began = time.perf_counter(); import remit.operators;"
    "print(time.perf_counter() - began)",
    "import great_expectations (the validate task alone)": "import time;"
    "began = time.perf_counter(); import great_expectations.expectations;"
    "print(time.perf_counter() - began)",
}


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("--patients", type=int, default=75_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results.json"))
    options = parser.parse_args()
    figures: dict[str, list[dict]] = {way: [] for way in WAYS}
    with PostgresCluster() as cluster:
        url = cluster.create_database("lis")
        Laboratory(patients=options.patients).write_postgres(url)
        for number in range(options.rounds):
            for way in WAYS:
                figures[way].append(_measure(way, url))
                print(f"round {number + 1}: {way}: {figures[way][-1]}", file=sys.stderr)
    report = _report(figures) | {"start_up_seconds": _start_ups()}
    options.out.write_text(json.dumps(report, indent=2) + "\n")
    print(_table(report))


def _measure(way: str, url: str) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "benchmarks.ways", way, url, folder]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def _start_ups() -> dict[str, float]:
    found = {}
    for name, code in START_UPS.items():
        began = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", code], check=True, capture_output=True, text=True
        )
        lines = done.stdout.split()
        found[name] = round(float(lines[-1]) if lines else time.perf_counter() - began, 2)
    return found


def _report(figures: dict[str, list[dict]]) -> dict:
    floor = median(one["seconds"] for one in figures["floor"])
    ways = {}
    for way, rounds in figures.items():
        seconds = median(one["seconds"] for one in rounds)
        ways[way] = {
            "rows": rounds[0]["rows"],
            "seconds": round(seconds, 2),
            "times_floor": round(seconds / floor, 2),
            "krows_per_second": round(rounds[0]["rows"] / seconds / 1000),
            "peak_mb": round(max(one["peak_mb"] for one in rounds)),
        }
    machine = {
        "python": platform.python_version(),
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "system": platform.system(),
    }
    return {
        "command": "python -m benchmarks " + " ".join(sys.argv[1:]),
        "machine": machine,
        "ways": ways,
    }


def _table(report: dict) -> str:
    lines = ["| way | rows | s | x floor | krows/s | peak MB |", "|---|---|---|---|---|---|"]
    for way, one in report["ways"].items():
        lines.append(
            f"| {way} | {one['rows']} | {one['seconds']} | {one['times_floor']} "
            f"| {one['krows_per_second']} | {one['peak_mb']} |"
        )
    lines += [f"{name}: {seconds} s" for name, seconds in report["start_up_seconds"].items()]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
