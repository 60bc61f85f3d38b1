"""Observations of a public data set, one row per attribute: as CSV, and in PostgreSQL, with the same outcome.

The files are Synthea's; where they are is said by REMIT_SYNTHEA, or they are beside the repository.
"""

from __future__ import annotations

import csv
import os
import shutil
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest

from remit import signing
from remit.adapters.folder import FolderStore
from remit.errors import Refused
from remit.receive import Delivery
from remit.testing.canaries import find_planted
from remit.testing.postgres import PostgresCluster
from remit.testing.world import World

pytestmark = pytest.mark.slow

BESIDE = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "synthea"
FILES = Path(os.environ.get("REMIT_SYNTHEA") or BESIDE)
CODES = ["8302-2", "29463-7", "8867-4"]
FORM: dict[str, Any] = {
    "kind": "csv",
    "encoding": "utf-8",
    "separator": ",",
    "decimal_mark": ".",
    "timestamps": "yyyy-MM-ddTHH:mm:ss",
    "files": [
        {"table": "observations", "file": "observations.csv"},
        {"table": "patients", "file": "patients.csv"},
    ],
}
TABLE: dict[str, Any] = {
    "name": "observations",
    "rows": {
        "window": {
            "column": "DATE",
            "type": "timestamptz",
            "from": "2015-01-01T00:00:00Z",
            "to": "2100-01-01T00:00:00Z",
        },
        "codes": {"column": "CODE", "in": CODES},
        "through": [{
            "table": "patients",
            "join": [{"column": "PATIENT", "to": "Id", "type": "uuid"}],
            "only": [{"column": "STATE", "in": ["Massachusetts"]}],
        }],
        "maximum": 5000,
    },
    "columns": [
        {"name": "DATE", "type": "timestamptz", "category": "health", "purpose": "Order of values"},
        {"name": "PATIENT", "type": "uuid", "category": "administrative", "purpose": "Link to the record"},
        {"name": "CODE", "type": "string", "category": "health", "purpose": "What was measured"},
        {"name": "VALUE", "type": "decimal(10,4)", "category": "health", "purpose": "The measured value"},
        {"name": "UNITS", "type": "string", "category": "health", "purpose": "Unit of the value"},
    ],
}  # fmt: skip
NAMES = [column["name"] for column in TABLE["columns"]]


@pytest.fixture(scope="module", autouse=True)
def _present() -> None:
    if not (FILES / "observations.csv").is_file():
        pytest.skip("Synthea's files are not here; REMIT_SYNTHEA names their folder")


def rows_of(name: str) -> list[dict[str, str]]:
    with (FILES / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def by_hand() -> list[tuple[str, ...]]:
    """In scope, by a reading that has nothing of ours."""
    patients = {row["Id"] for row in rows_of("patients.csv") if row["STATE"] == "Massachusetts"}
    return sorted(
        (row["DATE"].rstrip("Z").replace("T", " "), *(row[name] for name in NAMES[1:]))
        for row in rows_of("observations.csv")
        if row["DATE"] >= "2015" and row["CODE"] in CODES and row["PATIENT"] in patients
    )  # fmt: skip


def instruct(fields: dict[str, Any]) -> None:
    fields["tables"], fields["expectations"] = [TABLE], []


@pytest.fixture
def as_csv(tmp_path: Path) -> World:
    folder = tmp_path / "csv" / "dump"
    folder.mkdir(mode=0o700, parents=True)
    for file in FORM["files"]:
        path = folder / file["file"]
        shutil.copyfile(FILES / path.name, path)
        path.chmod(0o600)
    return World(folder.parent, 5, str(folder))


@pytest.fixture(scope="module")
def cluster() -> Iterator[PostgresCluster]:
    with PostgresCluster() as running:
        yield running


@pytest.fixture
def in_postgres(tmp_path: Path, cluster: PostgresCluster) -> World:
    url = cluster.create_database("synthea")
    types = {"DATE": "timestamptz", "PATIENT": "uuid", "Id": "uuid", "VALUE": "numeric(10,4)"}
    with psycopg.connect(url) as connection:
        for name in ("observations", "patients"):
            rows = rows_of(f"{name}.csv")
            columns = ", ".join(f'"{c}" {types.get(c, "text")}' for c in rows[0])
            connection.execute(f"CREATE TABLE {name} ({columns})".encode())
            marks = ", ".join(["%s"] * len(rows[0]))
            numeric = [r for r in rows if r.get("TYPE", "numeric") == "numeric"]
            with connection.cursor() as cursor:
                cursor.executemany(
                    f"INSERT INTO {name} VALUES ({marks})".encode(),
                    [[value or None for value in row.values()] for row in numeric],
                )
    (tmp_path / "postgres").mkdir(mode=0o700)
    return World(tmp_path / "postgres", 5, url)


def delivered(world: World, edit: Callable[[dict[str, Any]], None]) -> list[tuple[str, ...]]:
    run = world.open_run(edit=edit)
    folder = world.deliver(run)
    key = signing.load_recipient(str(world.root / "target" / "recipient.pem"))
    delivery = Delivery.open(FolderStore(folder), "", world.settings.trust())
    [entry] = delivery.opened.manifest.files
    with delivery.file(entry, key) as opened:
        rows = [row for batch in opened.batches() for row in batch.to_pylist()]
    return sorted(tuple(str(row[name]) for name in NAMES) for row in rows)


def plain(rows: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    return [(row[0][:19], *row[1:3], f"{Decimal(row[3]):.4f}", row[4]) for row in rows]


def test_observations_leave_for_the_listed_codes_alone_from_csv_and_from_a_database(
    as_csv: World, in_postgres: World
) -> None:
    def from_dump(fields: dict[str, Any]) -> None:
        instruct(fields)
        fields["dump"] = FORM

    from_csv, from_postgres = delivered(as_csv, from_dump), delivered(in_postgres, instruct)

    assert plain(from_csv) == plain(from_postgres) == plain(by_hand()) != []
    assert {row[2] for row in from_csv} == set(CODES)
    names = [row["LAST"] for row in rows_of("patients.csv") if len(row["LAST"]) >= 8]
    written = [path for path in as_csv.root.iterdir() if path.name != "dump"]
    assert find_planted(written, [*names, *(row["SSN"] for row in rows_of("patients.csv"))]) == []


def test_observations_without_codes_are_refused(as_csv: World) -> None:
    def without_codes(fields: dict[str, Any]) -> None:
        instruct(fields)
        fields["dump"] = FORM
        rows = {name: rule for name, rule in TABLE["rows"].items() if name != "codes"}
        value = [c | ({"type": "string"} if c["name"] == "VALUE" else {}) for c in TABLE["columns"]]
        fields["tables"] = [TABLE | {"rows": rows, "columns": value}]

    run = as_csv.open_run(edit=without_codes)

    with pytest.raises(Refused, match="codes-missing"):
        as_csv.steps(run)["plan"]()


def test_value_that_is_no_number_is_refused_with_its_line(as_csv: World) -> None:
    """Answers of questionnaires are texts: 'Yes' is no decimal, and is not shown."""

    def smoking(fields: dict[str, Any]) -> None:
        instruct(fields)
        fields["dump"] = FORM
        codes = {"codes": {"column": "CODE", "in": ["72166-2"]}}
        fields["tables"] = [TABLE | {"rows": TABLE["rows"] | codes}]

    run = as_csv.open_run(edit=smoking)
    as_csv.steps(run)["plan"]()

    with pytest.raises(Refused) as caught:
        as_csv.steps(run)["extract"]()

    assert caught.value.code == "value-not-of-type"
    assert "observations.VALUE, observations.csv line" in caught.value.where
    assert "smoker" not in str(caught.value)
