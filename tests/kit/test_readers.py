"""docs/readers.md: its lines are run, and its matrix is what they give."""

from __future__ import annotations

import math
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import duckdb  # noqa: TID253
import pandas as pd  # noqa: TID253
import polars as pl
import pyarrow as pa
import pytest

from remit.testing.sample_delivery import ROWS, TYPES, make_sample

PAGE = Path(__file__).resolve().parents[2] / "docs" / "readers.md"
MATRIX = re.compile(r"(?<=<!-- matrix -->\n).*?(?=<!-- end of matrix -->)", re.DOTALL)
TECHNICAL = [name for name, (_, category) in TYPES.items() if category == "technical"]
HEAD = "| reader | version | exact types | but | only the key's own columns | bounded memory |"

BOUNDED = {
    "pyarrow: batches": "for batch in table.batches(): n += batch.num_rows",
    "pyarrow: dataset": """
for batch in table.dataset().scanner(batch_readahead=1, fragment_readahead=1).to_reader():
    n += batch.num_rows
""",
    "DuckDB: over a stream": """
import duckdb
stream = table.reader()
query = "SELECT count(*), sum(a_decimal), max(a_string) FROM stream"
n = duckdb.connect(config={"temp_directory": ""}).sql(query).fetchall()[0][0]
""",
    "Polars: a batch at a time": """
import polars
for batch in table.batches():
    n += polars.DataFrame(batch).height
""",
}
"""The readers that stream, and how each is made to read everything."""

ALLOWED_MB = 64
RECEIVE = "n = table.rows; table._delivery.reconcile(table._key)"

SCRIPT = """
import re, sys
from pathlib import Path
from remit.target import open_delivery

home, code = Path(sys.argv[1]), sys.argv[2]
trust = home / "include/controllers/durand/keys"
delivery = open_delivery(home / "landing/sample", home / "target/recipient.pem", trust)
table, n = delivery.tables["every_type"], 0
exec(code)
# Not getrusage: it begins with what the process had that started this one.
peak = int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
print(n, peak // 1024)
"""


def lines() -> dict[str, str]:
    """The code below each reader's heading."""
    return dict(re.findall(r"^### ([^\n]+)\n.*?```python\n(.*?)```", PAGE.read_text(), re.M | re.S))


@dataclass
class Found:
    """What a reader gave: for each column its values, as Python has them, and its type there."""

    values: dict[str, list[Any]]
    types: dict[str, str]


def run(code: str, table: Any) -> Found:
    names: dict[str, Any] = {"table": table}
    exec(code, names)  # noqa: S102  (the lines of the page)
    return found(names["rows"])


def found(rows: Any) -> Found:
    if isinstance(rows, pa.RecordBatchReader):
        rows = rows.read_all()
    if isinstance(rows, Iterator):
        parts = [found(part) for part in rows]
        values = {name: [v for p in parts for v in p.values[name]] for name in parts[0].values}
        return Found(values, parts[0].types)
    if isinstance(rows, (pa.Table, pa.RecordBatch)):
        return Found(rows.to_pydict(), {f.name: str(f.type) for f in rows.schema})
    if isinstance(rows, pl.DataFrame):
        types = {name: str(kind) for name, kind in rows.schema.items()}
        return Found(rows.to_dict(as_series=False), types)
    if isinstance(rows, duckdb.DuckDBPyRelation):
        types = dict(zip(rows.columns, map(str, rows.types), strict=True))
        columns = zip(*rows.fetchall(), strict=True)
        return Found(dict(zip(types, map(list, columns), strict=True)), types)
    types = {str(name): str(kind) for name, kind in rows.dtypes.items()}
    return Found({n: [plain(v, types[n]) for v in rows[n]] for n in types}, types)


def plain(value: Any, kind: str) -> Any:
    """A value of pandas' as Python has it; NaN is NULL only where no double can be meant."""
    if value is None or value is pd.NaT or value is pd.NA:
        return None
    if isinstance(value, float) and math.isnan(value):
        return value if kind.startswith("float") else None
    if isinstance(value, pd.Timestamp):
        return value.to_pydatetime(warn=False)
    return value.item() if hasattr(value, "item") else value


def is_exact(values: list[Any], name: str) -> bool:
    want = [row[list(TYPES).index(name)] for row in ROWS]
    return list(map(form, values)) == list(map(form, want))


def form(value: Any) -> tuple[type, Any, str]:
    """What tells a value apart, -0.0 and NULL included; instants are equal whatever their zone."""
    return type(value), value, str(value) if isinstance(value, float) else ""


def row_of(reader: str, code: str, sample: Any) -> str:
    read = run(code, sample.table())
    changed = [name for name in TYPES if not is_exact(read.values[name], name)]
    but = ", ".join(f"{TYPES[name][0]} as {read.types[name]}" for name in changed)
    own = list(run(code, sample.table(sample.registry)).values) == TECHNICAL
    number = ".".join(version(reader.partition(":")[0].lower()).split(".")[:2])
    exact = f"{len(TYPES) - len(changed)} of {len(TYPES)}" if changed else "all"
    cells = [reader, number, exact, but, "yes" if own else "no"]
    return "| " + " | ".join([*cells, "yes" if reader in BOUNDED else "no"]) + " |"


def test_the_matrix_is_what_the_lines_give(sample) -> None:
    rows = [row_of(reader, code, sample) for reader, code in lines().items()]
    matrix = "\n".join([HEAD, "|---|---|---|---|---|---|", *rows]) + "\n"

    [documented] = MATRIX.findall(PAGE.read_text())
    assert documented == matrix, f"docs/readers.md should have:\n{matrix}"


def test_every_bounded_reader_is_one_of_the_page() -> None:
    assert BOUNDED.keys() <= lines().keys()


@pytest.mark.parametrize("reader", [name for name in lines() if name.startswith("DuckDB")])
def test_duckdb_is_given_nowhere_to_write(reader: str) -> None:
    assert 'config={"temp_directory": ""}' in lines()[reader]


# --- bounded memory ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    folder = tmp_path_factory.mktemp("memory")
    homes = {rows: folder / str(rows) for rows in (240_000, 1_200_000)}
    for rows, home in homes.items():
        make_sample(home, rows)
    return homes


@pytest.mark.parametrize("code", [*BOUNDED.values(), RECEIVE], ids=[*BOUNDED, "remit receive"])
def test_five_times_the_rows_take_no_more_memory(homes: dict[int, Path], code: str) -> None:
    peaks = []
    for rows, home in homes.items():
        line = [sys.executable, "-c", SCRIPT, str(home), code]
        done = subprocess.run(line, capture_output=True, text=True, check=True)
        read, peak = map(int, done.stdout.split())
        assert read == rows
        peaks.append(peak)

    assert peaks[1] - peaks[0] < ALLOWED_MB, peaks
