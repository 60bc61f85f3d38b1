"""How fast the reviewer's pages answer at 10,000 runs and a million records: `python -m benchmarks.pages`.

    python -m benchmarks.pages [--runs 10000] [--records 1000000] [--requests 40] [--keep FOLDER]
                               [--out benchmarks/pages.json] [--page docs/benchmarks.md]

The log is filled with the records of real runs under other names (`benchmarks.many_runs`), which is not what
is measured. Pages are asked of Airflow's own application, with its SimpleAuthManager and a viewer's cookie,
24 DAGs in its database; in the process, so without a network. The viewer is named by the instructions, so
that the forms of acts are on the pages. Before every tenth request something is appended to the log, as
runs that go on do. A request is timed from asking to having the whole page. How long the first one takes
after a start is measured in a process of its own for each page, with every import and what is read once.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.__main__ import _machine
from benchmarks.many_runs import Filling, fill
from benchmarks.pages_asked import acts, exports, pages
from benchmarks.pages_browser import browser, first, measured, peak_mb, timed
from benchmarks.pages_section import write_section
from remit import signing
from remit.adapters.ledger import SqlLedger
from remit.evidence import EvidenceLog
from remit.testing.world import World

LIMIT_MS = 300


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pages")
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--requests", type=int, default=40)
    parser.add_argument("--keep", type=Path, help="a folder for the log, which is used again")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/pages.json"))
    parser.add_argument("--page", type=Path, default=Path("docs/benchmarks.md"))
    parser.add_argument("--first", nargs=2, metavar=("PATH", "TIMES"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.first:
        path, times = options.first
        print(json.dumps(first(browser(options.keep), path, int(times))))
        return
    with ExitStack() as stack:
        folder = options.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        log = _log(folder, options)
        before = os.getloadavg()
        report = {
            "command": _command(options),
            "machine": _machine(),
            "limit_ms": LIMIT_MS,
            "load_before": round(before[0], 1),
            **_measured(folder, log, options.requests),
        }
    options.out.write_text(json.dumps(report, indent=2) + "\n")
    write_section(report, options.page)


def _command(options: argparse.Namespace) -> str:
    """What measures the same again, wherever its files are."""
    asked = {"runs": 10_000, "records": 1_000_000, "requests": 40}
    changed = [
        f" --{name} {value}" for name in asked if (value := getattr(options, name)) != asked[name]
    ]
    return "python -m benchmarks.pages" + "".join(changed)


def _log(folder: Path, options: argparse.Namespace) -> EvidenceLog:
    """The log, filled."""
    home, clock = folder / "home", Filling(datetime.now(UTC) - timedelta(days=365), [])
    there = (home / "evidence.sqlite").exists()
    if not there:
        (folder / "world").mkdir(parents=True)
        home.mkdir()
        world = World(folder / "world", patients=60)
        (world.settings.home / "keys").rename(home / "keys")
        (world.settings.home / "keys").symlink_to(home / "keys")
    signer = signing.load_signer(str(home / "keys" / "processor.pem"))
    ledger = SqlLedger(f"sqlite:///{home}/evidence.sqlite", home / "witness.dsse.json")
    log = EvidenceLog(ledger, signer, clock)
    if not there:
        fill(log, clock, world, options.runs, options.records)
    clock.now = datetime.now(UTC)
    return log


def _measured(folder: Path, log: EvidenceLog, requests: int) -> dict[str, Any]:
    asked = pages(log)
    starts = {name: _in_a_process(folder, path, 1) for name, path in asked.items()}
    taken = {name: _in_a_process(folder, path, 3) for name, path in exports().items()}
    asking = browser(folder)
    before = peak_mb()
    first(asking, asked["overview"], 1)
    read = peak_mb()
    warm = {name: measured(asking, path, log, requests) for name, path in asked.items()}
    sent = {name: timed(act, requests) for name, act in acts(asking, log).items()}
    return {
        "runs": sum(1 for _, run in log.ledger.runs() if ":" not in run),
        "records": log.ledger.state()[0],
        "alerts": sum(1 for _ in log.ledger.kept("register:alerts", ["alerted"])),
        "memory_mb": {"before": before, "after_reading": read, "after_all": peak_mb()},
        "pages": {name: one | {"first_s": starts[name]["first_s"]} for name, one in warm.items()},
        "acts": sent,
        "exports": taken,
    }


def _in_a_process(folder: Path, path: str, times: int) -> dict[str, Any]:
    """The first answer, and further ones, of a server that has just started."""
    command = [sys.executable, "-m", "benchmarks.pages", "--keep", str(folder)]
    done = subprocess.run(
        [*command, "--first", path, str(times)], check=True, capture_output=True, text=True
    )
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


if __name__ == "__main__":
    main()
