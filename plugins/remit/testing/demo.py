"""The main job, end to end, through Airflow: `python -m remit.testing.demo`.

It makes every party anew in one folder, runs the migration's DAG and the deletion's, while the
target answers in a process of its own, then checks what must hold. It ends with 0 only if all does.
"""

from __future__ import annotations

import argparse
import json
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NoReturn

from remit.errors import RemitError, Unavailable
from remit.manifest import RECEIPT
from remit.testing.canaries import find_planted
from remit.testing.demo_home import (
    REPOSITORY,
    DemoHome,
    postgres_connection,
    sqlite_connection,
)
from remit.testing.laboratory import Laboratory
from remit.testing.postgres import PostgresCluster

STORY = (
    "opened planned obliged extracted validated sealing sealed delivering delivered confirmed "
    "deleting deleted"
).split()
MOST_SECONDS = 900.0


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m remit.testing.demo")
    parser.add_argument("--source", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--patients", type=int, default=2000)
    parser.add_argument("--home", type=Path, default=Path(".demo"), help="removed and made anew")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, _stop)
    began = time.monotonic()
    try:
        with ExitStack() as stack:
            good = Demo(options.home.absolute(), options.patients).run(options.source, stack)
    except RemitError as error:
        say(f"\nThe demo stopped: {error}")
        return error.exit_code
    except KeyboardInterrupt:
        say("\nInterrupted; everything that was started is stopped.")
        return 130
    say(f"\n{'All of it holds' if good else 'NOT all of it holds'}; {_since(began)} in all.")
    return 0 if good else 1


class Demo:
    """One run of the demo."""

    def __init__(self, root: Path, patients: int) -> None:
        self._home = DemoHome(root)
        self._laboratory = Laboratory(patients=patients)
        self._secrets: list[str] = []
        self._source_files = self._home.laboratory
        self._good = True

    def run(self, kind: str, stack: ExitStack) -> bool:
        """Everything, in order; whether all of it holds."""
        home = self._home
        with part(f"Prepare a laboratory of {self._laboratory.patients} patients ({kind})"):
            home.make()
            home.source = self._source(kind, stack)
        with part("Make everyone's keys; the controller signs its instruction"):
            home.instruct()
        with part("Prepare Airflow"):
            home.python("-c", "from airflow.utils.db import initdb; initdb()", log="airflow.log")
        target = stack.enter_context(
            home.running(*home.serve_target(1, MOST_SECONDS), log="target.log")
        )
        with part("Run the DAG durand_migration; the target answers in its own process"):
            self._run_dag("durand_migration", target)
        with part("Run the DAG remit_deletion"):
            self._run_dag("remit_deletion", target)
        run = self._tell()
        say("\nChecks")
        self._check_evidence(run)
        self._check_places(run)
        self._check_leaks()
        return self._good

    def _source(self, kind: str, stack: ExitStack) -> dict[str, Any]:
        if kind == "postgres":
            cluster = stack.enter_context(PostgresCluster())
            url, self._source_files = cluster.create_database("lis"), cluster.directory
            self._laboratory.write_postgres(url)
            fields = postgres_connection(url)
            self._secrets.append(fields["password"])
            return fields
        path = self._home.laboratory / "lis.sqlite"
        self._laboratory.write_sqlite(path)
        return sqlite_connection(path)

    def _run_dag(self, dag: str, target: subprocess.Popen[bytes]) -> None:
        """Run it through Airflow, in one process, for as long as the target is well."""
        home, until = self._home, time.monotonic() + MOST_SECONDS
        path = home.logs / f"{dag}.log"
        with home.running(str(REPOSITORY / "dags" / f"{dag}.py"), log=path.name) as process:
            while process.poll() is None:
                if target.poll() not in (None, 0):
                    raise Unavailable("the target", f"it gave up; see {home.logs / 'target.log'}")
                if time.monotonic() > until:
                    raise Unavailable(dag, f"it takes too long; see {path}")
                time.sleep(0.2)
        if process.returncode:
            for line in path.read_text(errors="replace").splitlines():
                if "[error" in line:
                    say(f"    {line.partition(']')[2].partition('[airflow')[0].strip()}")
            raise Unavailable(dag, f"it failed; see {path}")

    def _tell(self) -> str:
        """Print the run's story."""
        run = str(self._remit("evidence", "show")["runs"][0]["run"])
        records = self._remit("evidence", "show", run)["records"]
        say(f"\nThe story of run {run}")
        for record in records:
            say(f"  {record['title']}")
            for sentence in record["text"]:
                say(f"      {sentence}")
        kinds = [record["kind"] for record in records]
        self._check(kinds == STORY, "every step is in the evidence, in order, and no other")
        return run

    def _check_evidence(self, run: str) -> None:
        found = self._remit("evidence", "verify", "--all")
        # The run's, and the one by which the register received the instruction.
        self._check(found["records"] == len(STORY) + 1, f"all {found['records']} records verify")
        [controller] = self._remit("record")["controllers"]
        [received] = controller["instructions"]
        known = (received["state"], [entry["run"] for entry in received["runs"]])
        self._check(known == ("in force", [run]), "the record has the instruction and its run")
        bundle = str(self._home.processor / f"{run}.remit.zip")
        self._remit("evidence", "export", run, "--out", bundle)
        trust = str(self._home.include / "controllers")
        for found in self._remit("evidence", "verify", bundle, "--trust", trust)["proved"]:
            self._check(True, f"the exported bundle proves: {found['claim']}")

    def _check_places(self, run: str) -> None:
        home = self._home
        delivery = home.landing / run
        left = sorted(path.name for path in delivery.rglob("*") if path.is_file())
        self._check(left == [RECEIPT], "of the delivery, only the target's receipt is left")
        staged = list((home.remit / "staging").glob("*.parquet"))
        staged += list((home.remit / "staging" / run).rglob("*"))
        staged += list((home.remit / "keyring").glob("[!.]*"))
        self._check(not staged, "nothing is left in staging, and no staging key")
        with sqlite3.connect(home.airflow / "airflow.db") as database:
            pushed = set(database.execute("SELECT task_id, value FROM xcom"))
        only = {("migration.plan", "[]"), ("list_due", json.dumps([run])), ("list_due", "[]")}
        told = (
            "Airflow's XCom has the plan's empty list of pieces and the ids of runs to delete alone"
        )
        self._check(("list_due", json.dumps([run])) in pushed <= only, told)
        with sqlite3.connect(home.target / "kalisil.sqlite") as database:
            (rows,) = database.execute("SELECT count(*) FROM results").fetchone()
        self._check(rows > 0, f"the target has its {rows} results")

    def _check_leaks(self) -> None:
        home = self._home
        places = [home.processor, home.landing]
        files = [path for place in places for path in place.rglob("*") if path.is_file()]
        planted = {*self._laboratory.planted(), *self._secrets}
        control = find_planted([self._source_files], planted)
        self._check(
            bool(control), f"searching works: the source has {len(control)} planted strings"
        )
        found = find_planted(places, planted)
        for path, offset in found[:5]:
            say(f"    {path} at byte {offset}")
        self._check(
            not found, f"none of {len(planted)} planted strings is in {len(files)} files written"
        )

    def _remit(self, *arguments: str) -> Any:
        return json.loads(self._home.python("-m", "remit", *arguments, "--json"))

    def _check(self, holds: bool, what: str) -> None:
        say(f"  {'ok     ' if holds else 'FAILED '} {what}")
        self._good = self._good and holds


@contextmanager
def part(title: str) -> Iterator[None]:
    """A part of the demo with its heading and duration."""
    say(f"{title} ...", end=" ")
    began = time.monotonic()
    try:
        yield
    except BaseException:
        say("")
        raise
    say(_since(began))


def say(text: str, end: str = "\n") -> None:
    """Print, at once."""
    sys.stdout.write(text + end)
    sys.stdout.flush()


def _since(began: float) -> str:
    return f"{time.monotonic() - began:.1f} s"


def _stop(*_: object) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    raise SystemExit(main())
