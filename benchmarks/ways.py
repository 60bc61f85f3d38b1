"""One way of doing the job, in a process of its own: prints seconds, peak memory and rows as JSON.

    python -m benchmarks.ways WAY URL FOLDER FROM UNTIL

Imports are done before the clock starts, and counted apart.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import yaml

from benchmarks import by_hand
from benchmarks.rules import RULES, suite

COLUMNS = (
    "result_id, patient_id, site_code, loinc_code, value_numeric, value_text, unit, "
    "reference_low, reference_high, abnormal, result_date, validated_at"
)
Job = Callable[[], int]
Window = tuple[str, str]


def scope(window: Window) -> str:
    """The rows in scope, in SQL."""
    return f"FROM results WHERE result_date >= '{window[0]}' AND result_date < '{window[1]}'"


def floor(url: str, _: Path, window: Window) -> Job:
    """psql's binary copy to nowhere: as fast as the server sends."""

    def job() -> int:
        copy = f"\\copy (SELECT {COLUMNS} {scope(window)}) TO '/dev/null' (FORMAT binary)"
        done = subprocess.run(["psql", url, "-c", copy], check=True, capture_output=True, text=True)
        return int(done.stdout.split()[-1])

    return job


def naive(url: str, folder: Path, window: Window) -> Job:
    """pandas, GX on pandas, a plain Parquet file, Fernet: whole, and plaintext on disk."""
    import great_expectations as gx
    import pandas as pd
    import sqlalchemy as sa
    from cryptography.fernet import Fernet

    def job() -> int:
        engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
        frame = pd.read_sql(f"SELECT {COLUMNS} {scope(window)}", engine)
        frame = frame.astype({"result_id": str, "patient_id": str})
        _require_rules(gx, frame)
        plain = folder / "naive.parquet"
        frame.to_parquet(plain)
        (folder / "naive.enc").write_bytes(
            Fernet(Fernet.generate_key()).encrypt(plain.read_bytes())
        )
        plain.unlink()
        return len(frame)

    return job


def _require_rules(gx, frame) -> None:
    from great_expectations.expectations.expectation_configuration import (
        ExpectationConfiguration,
    )

    context = gx.get_context(mode="ephemeral")
    batch = context.data_sources.add_pandas("p").add_dataframe_asset("a")
    definition = batch.add_batch_definition_whole_dataframe("b")
    rules = [ExpectationConfiguration(kind, kwargs).to_domain_obj() for kind, kwargs in RULES]
    expectations = gx.ExpectationSuite(name="s", expectations=rules)
    if not definition.get_batch({"dataframe": frame}).validate(expectations).success:
        raise SystemExit("the naive way's rules fail")


def hand(url: str, folder: Path, window: Window, *, validated: bool = False) -> Job:
    """The best script by hand: see `benchmarks.by_hand`."""
    for module in ["adbc_driver_postgresql.dbapi", "pyarrow.parquet", "psycopg", "duckdb"]:
        importlib.import_module(module)

    def job() -> int:
        rows, key = by_hand.extract(url, scope(window), folder)
        if validated:
            by_hand.judge(folder, key)
        return rows

    return job


def remit(url: str, folder: Path, window: Window, *, validated: bool = False) -> Job:
    """This project: extract and encrypt, and with `validated` judge as well."""
    from remit.testing.world import World

    for module in ["adbc_driver_postgresql.dbapi", "pyarrow.parquet"]:
        importlib.import_module(module)
    for module in ["duckdb", "great_expectations.expectations"] if validated else []:
        importlib.import_module(module)
    world = World(folder / "world", source_url=url)
    text = yaml.safe_dump(suite()).encode()

    def everything(fields: dict) -> None:
        fields["tables"] = fields["tables"][:1]
        pinned = fields["expectations"][0] | {"sha256": hashlib.sha256(text).hexdigest()}
        fields["expectations"] = [pinned | {"file": "benchmark.yaml"}]
        rows = fields["tables"][0]["rows"]
        rows["window"] |= {"from": window[0], "to": window[1]}
        rows["maximum"] = 1_000_000_000
        del rows["sites"]

    suites = world.settings.include / "expectations"
    suites.mkdir(parents=True, exist_ok=True)
    (suites / "benchmark.yaml").write_bytes(text)
    run = world.open_run(edit=everything)
    steps = world.steps(run)
    steps["plan"]()

    def job() -> int:
        steps["extract"]()
        if validated:
            steps["validate"]()
        return sum(file["rows"] for file in run.story.last("extracted")["files"])

    return job


WAYS: dict[str, Callable[[str, Path, Window], Job]] = {
    "floor": floor,
    "by hand": hand,
    "extract and encrypt": remit,
    "by hand, with raw SQL rules": lambda *given: hand(*given, validated=True),
    "extract, encrypt and validate": lambda *given: remit(*given, validated=True),
    "naive": naive,
}


def main() -> None:
    """Run one way."""
    way, url, folder, start, until = sys.argv[1:]
    began = time.perf_counter()
    job = WAYS[way](url, Path(folder), (start, until))
    ready = time.perf_counter()
    rows = job()
    done = time.perf_counter()
    who = resource.RUSAGE_CHILDREN if way == "floor" else resource.RUSAGE_SELF
    used = resource.getrusage(who)
    figures = {
        "rows": rows,
        "seconds": done - ready,
        "setup": ready - began,
        "peak_mb": used.ru_maxrss / 1024,
        "cpu": used.ru_utime + used.ru_stime,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
