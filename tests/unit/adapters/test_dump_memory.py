"""A dump of any size is read in the same memory."""

from __future__ import annotations

import gzip
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

READING = """
import resource, sys
from remit.adapters.dump_source import open_dump
from remit.columns import ColumnType
from remit.instruction.dump import Dump
from remit.ports import Membership, Relation, TableQuery

types = {"id": "integer", "nom": "string", "valeur": "decimal(12,4)", "jour": "date", "site": "string"}
typed = {name: ColumnType.parse(kind) for name, kind in types.items()}
form = {"kind": "csv", "encoding": "iso-8859-1", "separator": ";", "decimal_mark": ",",
        "dates": "dd/MM/yyyy", "files": [{"table": "r", "file": "r.csv.gz"}]}
source = open_dump(sys.argv[1]).declared(Dump.model_validate(form), {Relation(None, "r"): typed})
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
before = peak()
with source.snapshot() as snapshot:
    scope = (Membership("site", ("LYO1",)),)
    query = TableQuery("r", tuple(typed.items()), memberships=scope)
    rows = sum(batch.num_rows for batch in snapshot.stream(query))
print(rows, peak() - before)
"""
ROWS = 1_000_000


def test_dump_of_three_hundred_megabytes_is_streamed(tmp_path: Path) -> None:
    folder = tmp_path / "dump"
    folder.mkdir(mode=0o700)
    excess = ";".join(["texte \xe9crit dont personne n'a besoin"] * 7)
    portion = "".join(
        f"{n};Nom\xe9 {n};{n},25;{n % 28 + 1:02d}/01/2024;{'LYO1' if n % 2 else 'PAR1'};{excess}\n"
        for n in range(10_000)
    ).encode("latin-1")
    assert len(portion) * ROWS // 10_000 > 290_000_000
    with gzip.open(folder / "r.csv.gz", "wb", compresslevel=1) as file:
        file.write(b"id;nom;valeur;jour;site;a;b;c;d;e;f;g\n")
        for _ in range(ROWS // 10_000):
            file.write(portion)
    (folder / "r.csv.gz").chmod(0o600)

    done = subprocess.run(
        [sys.executable, "-c", READING, str(folder)], capture_output=True, check=True, text=True
    )

    rows, growth = map(int, done.stdout.split())
    assert rows == ROWS // 2
    assert growth < 200
    assert [path.name for path in folder.iterdir()] == ["r.csv.gz"]
