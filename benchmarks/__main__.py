"""`make bench`: this project beside the floor, a script by hand and the naive way, interleaved.

    python -m benchmarks [--rows 1500000 15000000] [--rounds 3] [--naive-rounds 1]
                         [--out benchmarks/results.json] [--page docs/benchmarks.md]

On a real PostgreSQL that it starts. Medians and ratios; peak memory of the process; the machine's
details. Half of each table's rows are in scope.
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

from benchmarks.database import fill
from benchmarks.page import write_page
from benchmarks.ways import WAYS
from remit.testing.postgres import PostgresCluster

WINDOW = ("2023-07-01", "2026-01-01")
INCREMENT = ("2024-03-05", "2024-03-06")
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
    parser.add_argument("--rows", type=int, nargs="+", default=[1_500_000, 15_000_000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--naive-rounds", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results.json"))
    parser.add_argument("--page", type=Path, default=Path("docs/benchmarks.md"))
    options = parser.parse_args()
    tables = {}
    for rows in options.rows:
        with PostgresCluster(timeout=120) as cluster:
            url = cluster.create_database("lis")
            fill(url, rows)
            tables[str(rows)] = _report(_measured(url, options))
            increments = _increments(url)
    report = {
        "command": "python -m benchmarks " + " ".join(sys.argv[1:]),
        "machine": _machine(),
        "tables": tables,
        "increment": increments,
        "start_up_seconds": _start_ups(),
    }
    options.out.write_text(json.dumps(report, indent=2) + "\n")
    write_page(report, options.page)


def _measured(url: str, options: argparse.Namespace) -> dict[str, list[dict]]:
    figures: dict[str, list[dict]] = {way: [] for way in WAYS}
    for number in range(options.rounds):
        for way in WAYS:
            if way == "naive" and number >= options.naive_rounds:
                continue
            figures[way].append(_measure(way, url, WINDOW))
            print(f"round {number + 1}: {way}: {figures[way][-1]}", file=sys.stderr, flush=True)
    return {way: rounds for way, rounds in figures.items() if rounds}


def _measure(way: str, url: str, window: tuple[str, str]) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "benchmarks.ways", way, url, folder, *window]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def _increments(url: str) -> dict[str, dict]:
    """A night's rows, with imports and everything else that a process costs."""
    found = {}
    for way in ("extract and encrypt", "extract, encrypt and validate", "naive"):
        rounds = []
        for _ in range(3):
            began = time.perf_counter()
            one = _measure(way, url, INCREMENT)
            rounds.append(one | {"process": time.perf_counter() - began})
        found[way] = {
            "rows": rounds[0]["rows"],
            "process_seconds": round(median(one["process"] for one in rounds), 2),
            "work_seconds": round(median(one["seconds"] for one in rounds), 2),
        }
    return found


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
    least = median(one["seconds"] for one in figures["floor"])
    ways = {}
    for way, rounds in figures.items():
        seconds = median(one["seconds"] for one in rounds)
        ways[way] = {
            "rounds": len(rounds),
            "rows": rounds[0]["rows"],
            "seconds": round(seconds, 2),
            "times_floor": round(seconds / least, 2),
            "krows_per_second": round(rounds[0]["rows"] / seconds / 1000),
            "peak_mb": round(max(one["peak_mb"] for one in rounds)),
        }
    return ways


def _machine() -> dict:
    return {
        "python": platform.python_version(),
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "system": platform.system(),
    }


if __name__ == "__main__":
    main()
