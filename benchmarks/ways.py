"""One way of doing the job, in a process of its own: prints seconds, peak memory and rows as JSON.

    python -m benchmarks.ways WAY URL FOLDER

Imports are done before the clock starts, and counted apart.
"""

from __future__ import annotations

import importlib
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

SCOPE = "FROM results WHERE result_date >= '2021-01-01' AND result_date < '2026-01-01'"
COLUMNS = (
    "result_id, patient_id, site_code, loinc_code, value_numeric, value_text, unit, "
    "reference_low, reference_high, abnormal, result_date, validated_at"
)
Job = Callable[[], int]


def floor(url: str, _: Path) -> Job:
    """psql's binary copy to nowhere: as fast as the server sends."""

    def job() -> int:
        copy = f"\\copy (SELECT {COLUMNS} {SCOPE}) TO '/dev/null' (FORMAT binary)"
        done = subprocess.run(["psql", url, "-c", copy], check=True, capture_output=True, text=True)
        return int(done.stdout.split()[-1])

    return job


def naive(url: str, folder: Path) -> Job:
    """pandas, GX on pandas, a plain Parquet file, Fernet: whole, and plaintext on disk."""
    import great_expectations as gx
    import pandas as pd
    import sqlalchemy as sa
    from cryptography.fernet import Fernet

    def job() -> int:
        engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
        frame = pd.read_sql(f"SELECT {COLUMNS} {SCOPE}", engine)
        context = gx.get_context(mode="ephemeral")
        batch = context.data_sources.add_pandas("p").add_dataframe_asset("a")
        definition = batch.add_batch_definition_whole_dataframe("b")
        suite = gx.ExpectationSuite(name="s", expectations=_rules())
        result = definition.get_batch({"dataframe": frame}).validate(suite)
        if not result.success:
            raise SystemExit("the naive way's rules fail")
        plain = folder / "naive.parquet"
        frame.astype({"result_id": str, "patient_id": str}).to_parquet(plain)
        (folder / "naive.enc").write_bytes(
            Fernet(Fernet.generate_key()).encrypt(plain.read_bytes())
        )
        plain.unlink()
        return len(frame)

    return job


def _rules() -> list[object]:
    import great_expectations.expectations as gxe

    nullable = {"value_numeric", "value_text", "validated_at"}
    rules: list[object] = [
        gxe.ExpectColumnValuesToNotBeNull(column=name)
        for name in COLUMNS.split(", ")
        if name not in nullable
    ]
    return [
        *rules,
        gxe.ExpectColumnValuesToBeUnique(column="result_id"),
        gxe.ExpectColumnValuesToMatchRegex(column="loinc_code", regex="^[0-9]{1,5}-[0-9]$"),
    ]


def remit(url: str, folder: Path, *, validated: bool = False) -> Job:
    """This project: extract and encrypt, and with `validated` judge as well."""
    from remit.testing.world import World

    for module in ["adbc_driver_postgresql.dbapi", "pyarrow.parquet"]:
        importlib.import_module(module)
    for module in ["duckdb", "great_expectations.expectations"] if validated else []:
        importlib.import_module(module)

    def everything(fields: dict) -> None:
        fields["tables"] = fields["tables"][:1]
        fields["expectations"] = fields["expectations"][:1]
        rows = fields["tables"][0]["rows"]
        rows["window"] |= {"from": "2021-01-01", "to": "2026-01-01"}
        rows["maximum"] = 1_000_000_000
        del rows["sites"]

    world = World(folder, source_url=url)
    run = world.open_run(edit=everything)
    steps = world.steps(run)
    steps["plan"]()

    def job() -> int:
        steps["extract"]()
        if validated:
            steps["validate"]()
        return sum(file["rows"] for file in run.story.last("extracted")["files"])

    return job


WAYS: dict[str, Callable[[str, Path], Job]] = {
    "floor": floor,
    "extract and encrypt": remit,
    "extract, encrypt and validate": lambda url, folder: remit(url, folder, validated=True),
    "naive": naive,
}


def main() -> None:
    """Run one way."""
    way, url, folder = sys.argv[1:]
    began = time.perf_counter()
    job = WAYS[way](url, Path(folder))
    ready = time.perf_counter()
    rows = job()
    done = time.perf_counter()
    who = resource.RUSAGE_CHILDREN if way == "floor" else resource.RUSAGE_SELF
    peak = resource.getrusage(who).ru_maxrss / 1024
    figures = {"rows": rows, "seconds": done - ready, "setup": ready - began, "peak_mb": peak}
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
