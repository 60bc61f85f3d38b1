"""What extraction refuses of what it reads, whatever the source was asked for."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from remit import signing
from remit.custody import Run
from remit.ports import TableQuery, Totals
from remit.sealed_parquet import FOOTER, EncryptedWriter, FileContext
from remit.testing.world import World

Change = Callable[[pa.RecordBatch], pa.RecordBatch]


class LyingSource:
    """The laboratory's database, but for what it makes of the rows of `results` and their count."""

    def __init__(
        self, source: Any, change: Change = lambda b: b, more: int = 0, sums: Any = None
    ) -> None:
        self._source, self._change, self._more, self._sums = source, change, more, sums
        self.label, self.describe, self.sql = source.label, source.describe, source.sql

    @contextmanager
    def snapshot(self) -> Iterator[LyingSource]:
        with self._source.snapshot() as self._snapshot:
            yield self

    def count(self, query: TableQuery) -> int:
        counted = self._snapshot.count(query)
        return counted + self._more if query.table == "results" else counted

    def totals(self, query: TableQuery, summed: Any) -> Totals:
        known = self._sums if query.table == "results" else None
        return Totals(self.count(query), known or {})

    def divide(self, query: TableQuery, parts: int) -> list[Any]:
        return []

    def stream(self, query: TableQuery) -> Iterator[pa.RecordBatch]:
        for batch in self._snapshot.stream(query):
            yield self._change(batch) if query.table == "results" else batch


def quiet(_table: str, _rows: int) -> None:
    """No progress is shown."""


@pytest.fixture
def extract(world: World, up_to: Any, stopped: Callable[[World, Run], None]) -> Callable[..., None]:
    """Plan honestly, then extract from a source that lies; nothing of it may be left."""

    def go(change: Change = lambda batch: batch, more: int = 0, sums: Any = None) -> None:
        run = up_to(world, "plan")
        try:
            run.extract(LyingSource(world.source(), change, more, sums), quiet)
        finally:
            stopped(world, run)

    return go


def with_first(column: str, value: Any) -> Change:
    """The first row gets another value."""

    def change(batch: pa.RecordBatch) -> pa.RecordBatch:
        place = batch.schema.get_field_index(column)
        field = batch.schema.field(place)
        first = pa.array([value], field.type)
        changed = pa.concat_arrays([first, batch.column(place).slice(1)])
        return batch.set_column(place, field, changed)

    return change


OUTSIDE = "rows read are outside what was instructed"


@pytest.fixture
def rows(world: World) -> int:
    """How many rows of `results` are in scope."""
    with sqlite3.connect(world.root / "lis.sqlite") as database:
        [(count,)] = database.execute(
            "SELECT count(*) FROM results WHERE site_code IN ('LYO1', 'LYO2')"
            " AND result_date >= '2024-01-01' AND result_date < '2025-01-01'"
        )
    return int(count)


@pytest.mark.vector("row-outside-remit")
@pytest.mark.parametrize("day", ["2023-12-31", "2025-01-01", None])
def test_row_outside_the_window(extract, refuses, rows, day) -> None:
    value = None if day is None else pa.scalar(day).cast(pa.date32()).as_py()

    with refuses(at="results.result_date", saying=f"1 of {rows} {OUTSIDE}"):
        extract(with_first("result_date", value))


@pytest.mark.vector("row-outside-remit")
@pytest.mark.parametrize("site", ["PAR1", "lyo1", "LYO1 ", "", None])
def test_row_of_another_site(extract, refuses, rows, site) -> None:
    with refuses(at="results.site_code", saying=f"1 of {rows} {OUTSIDE}"):
        extract(with_first("site_code", site))


@pytest.mark.vector("columns-outside-remit")
def test_column_that_was_not_asked_for(extract, refuses) -> None:
    def change(batch: pa.RecordBatch) -> pa.RecordBatch:
        return batch.append_column("nir", pa.array(["1"] * batch.num_rows))

    with refuses(at="results", saying="other columns or types"):
        extract(change)


@pytest.mark.vector("columns-outside-remit")
def test_columns_in_another_order(extract, refuses) -> None:
    with refuses(at="results", saying="other columns or types"):
        extract(lambda batch: batch.select(batch.schema.names[::-1]))


@pytest.mark.vector("columns-outside-remit")
def test_column_of_another_type_than_was_asked_for(extract, refuses) -> None:
    def change(batch: pa.RecordBatch) -> pa.RecordBatch:
        place = batch.schema.get_field_index("value_numeric")
        text = pc.cast(batch.column(place), pa.string())
        return batch.set_column(place, "value_numeric", text)

    with refuses(at="results", saying="other columns or types"):
        extract(change)


@pytest.mark.vector("rows-over-maximum")
def test_source_that_gives_more_rows_than_it_counted(world, up_to, refuses, stopped, rows) -> None:
    def lower(fields: dict[str, Any]) -> None:
        fields["tables"][0]["rows"]["maximum"] = rows + 9

    def twice(batch: pa.RecordBatch) -> pa.RecordBatch:
        return pa.Table.from_batches([batch, batch]).combine_chunks().to_batches()[0]

    run = up_to(world, "plan", edit=lower)

    with refuses(at="results", saying=f"{2 * rows} rows are in scope, the instruction allows"):
        run.extract(LyingSource(world.source(), twice), quiet)
    stopped(world, run)


@pytest.mark.vector("rows-over-maximum")
def test_rows_that_came_after_the_plan(world, up_to, refuses, stopped, rows) -> None:
    def exact(fields: dict[str, Any]) -> None:
        fields["tables"][0]["rows"]["maximum"] = rows

    run = up_to(world, "plan", edit=exact)

    with refuses(at="results", saying=f"{rows + 1} rows are in scope"):
        run.extract(LyingSource(world.source(), more=1), quiet)
    stopped(world, run)


@pytest.mark.vector("rows-not-reconciled")
@pytest.mark.parametrize("more", [-1, 1])
def test_rows_read_other_than_counted(extract, refuses, rows, more) -> None:
    with refuses(
        at="results", saying=f"{rows} rows were read where the source counted {rows + more}"
    ):
        extract(more=more)


@pytest.mark.vector("sums-not-reconciled")
def test_value_that_changed_on_the_way(extract, refuses) -> None:
    with refuses(at="results.value_numeric", saying="not the one that the source found"):
        extract(sums={"value_numeric": Decimal("0.0001")})


@pytest.mark.vector("value-not-of-type")
@pytest.mark.parametrize(
    ("column", "value"),
    [("value_numeric", "9.8 g/l"), ("result_id", "R-17"), ("abnormal", "maybe")],
)
def test_value_that_is_not_of_its_type(world, up_to, refuses, stopped, column, value) -> None:
    with sqlite3.connect(world.root / "lis.sqlite") as database:
        database.execute(
            f"UPDATE results SET {column} = ? WHERE rowid = (SELECT max(rowid) FROM results"
            " WHERE site_code = 'LYO1' AND result_date LIKE '2024%')",
            [value],
        )
    run = up_to(world, "plan")

    with refuses(at=f"results.{column}", saying="holds something that is not a"):
        run.extract(world.source(), quiet)
    stopped(world, run)
    assert value not in str([record.body() for record in run.story.records])


@pytest.mark.vector("value-not-of-type")
def test_window_column_that_holds_no_date(world, up_to, refuses) -> None:
    with sqlite3.connect(world.root / "lis.sqlite") as database:
        database.execute(
            "UPDATE results SET result_date = 'now'"
            " WHERE rowid = (SELECT max(rowid) FROM results WHERE site_code = 'LYO1')"
        )

    with refuses(at="results.result_date", saying="holds something that is not a date"):
        up_to(world, "plan")


# --- the writer's own guards ----------------------------------------------------------------------


class NoDraft:
    def write(self, data: bytes) -> int:
        raise AssertionError("something was written")


def start_writing(schema: pa.Schema, categories: dict[str, str], folder: Any) -> EncryptedWriter:
    key = signing.new_key("recipient", folder / "recipient.pem")
    readers = {category: [key] for category in [FOOTER, *categories.values()]}
    context = FileContext("sha256:0", "run", "a.parquet")
    return EncryptedWriter(NoDraft(), schema, categories, readers, context)


@pytest.mark.vector("column-name-unsupported")
@pytest.mark.parametrize("name", ["a,b", "a;b", "a:b", " a", "a ", ""])
def test_column_name_that_cannot_be_encrypted(tmp_path, refuses, name) -> None:
    with refuses(at=name, saying="cannot be encrypted"):
        start_writing(pa.schema([(name, pa.string())]), {name: "health"}, tmp_path)


@pytest.mark.vector("column-not-encrypted")
def test_column_that_would_stay_in_clear(tmp_path, refuses, monkeypatch) -> None:
    import remit.sealed_parquet as module

    real = module.pe.EncryptionConfiguration
    monkeypatch.setattr(
        module.pe,
        "EncryptionConfiguration",
        lambda **settings: real(**(settings | {"column_keys": {"health": ["a"]}})),
    )
    schema = pa.schema([("a", pa.string()), ("b", pa.string())])

    with refuses(at="a.parquet", saying="1 keys were made for 2 columns"):
        start_writing(schema, {"a": "health", "b": "health"}, tmp_path)
