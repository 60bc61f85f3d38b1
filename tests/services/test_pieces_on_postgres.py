"""Large tables in pieces: read in lanes, or by tasks of their own, from one state of a PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
import pytest

from remit import pieces, signing
from remit.adapters.folder import FolderStore
from remit.adapters.sql_source import open_source
from remit.adapters.sql_source.postgres import PostgresSnapshot
from remit.columns import ColumnType
from remit.custody import Divided, Run
from remit.errors import Refused, Unavailable, UsageError
from remit.ports import Part, Relation, TableQuery
from remit.receive import Delivery
from remit.testing.laboratory import Laboratory
from remit.testing.postgres import PostgresCluster
from remit.testing.world import World

PATIENTS = 150


@pytest.fixture(scope="module")
def cluster() -> Iterator[PostgresCluster]:
    with PostgresCluster() as running:
        yield running


@pytest.fixture(scope="module")
def url(cluster: PostgresCluster) -> str:
    made = cluster.create_database("lis")
    Laboratory(patients=PATIENTS).write_postgres(made)
    return made


@pytest.fixture
def changing(cluster: PostgresCluster, tmp_path: Path) -> World:
    """A world whose laboratory is changed by the test."""
    made = cluster.create_database(tmp_path.name)
    Laboratory(patients=40).write_postgres(made)
    return World(tmp_path / "world", source_url=made)


@pytest.fixture
def world(tmp_path: Path, url: str) -> World:
    return World(tmp_path / "world", source_url=url)


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "ROWS_PER_PIECE", 50)


def content(world: World, run: Run) -> dict[str, list[Any]]:
    """What the target decrypts: the rows of each table, in the order of its files."""
    key = signing.load_recipient(str(world.root / "target" / "recipient.pem"))
    delivery = Delivery.open(FolderStore(world.landing_path / run.id), "", world.settings.trust())
    found: dict[str, list[Any]] = {}
    for entry in delivery.opened.manifest.files:
        with delivery.file(entry, key) as opened:
            batches = list(opened.batches())
        rows = pa.Table.from_batches(batches).to_pylist() if batches else []
        found.setdefault(entry.table, []).extend(rows)
    return found


def sorted_rows(tables: dict[str, list[Any]]) -> dict[str, list[str]]:
    return {table: sorted(map(repr, rows)) for table, rows in tables.items()}


def names(run: Run, table: str) -> list[str]:
    return [f["name"] for f in run.story.last("extracted")["files"] if f["table"] == table]


def nothing(_table: str, _rows: int) -> None:
    """No progress is shown."""


def planned(world: World, name: str) -> Run:
    run = world.open_run(name)
    world.steps(run)["plan"]()
    return run


def deliver(world: World, run: Run) -> None:
    steps = world.steps(run)
    for step in ("validate", "seal", "deliver"):
        steps[step]()


def test_a_table_in_pieces_gives_the_rows_of_the_whole(
    world: World, small_pieces: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    divided = world.open_run("in-pieces")
    world.deliver(divided)
    monkeypatch.setattr(pieces, "ROWS_PER_PIECE", 10**9)
    whole = world.open_run("whole")
    world.deliver(whole)
    count = len(names(divided, "results"))
    assert count > 3
    expected = [f"results-part-{n:04d}.parquet" for n in range(1, count + 1)]
    assert names(divided, "results") == expected
    assert names(whole, "results") == ["results.parquet"]
    assert sorted_rows(content(world, divided)) == sorted_rows(content(world, whole))


def test_the_target_confirms_a_delivery_in_pieces_and_it_is_deleted(
    world: World, small_pieces: None
) -> None:
    run = world.open_run("confirmed")
    world.deliver(run)
    world.ingest(run)
    assert run.confirm(world.landing()) is True
    world.clock.advance(days=8)
    assert run.delete(world.landing) is True
    assert run.story.last("deleted")["copies"] > len(names(run, "results"))


def test_pieces_are_read_from_one_state_while_others_write(
    changing: World, small_pieces: None
) -> None:
    world, run = changing, planned(changing, "one-state")
    before = sorted_rows(content(world, delivered(world, "before")))
    divided = Divided(run)
    with divided.open(world.source()):
        with psycopg.connect(world.source_url, autocommit=True) as connection:
            connection.execute(
                "UPDATE results SET unit = 'changed'; DELETE FROM results WHERE abnormal; "
                "DELETE FROM observation_history"
            )
        for number in divided.missing() or []:
            assert divided.piece(number, world.source(), nothing) is True
        assert divided.gather() is True
    deliver(world, run)
    assert sorted_rows(content(world, run)) == before


def delivered(world: World, name: str) -> Run:
    run = world.open_run(name)
    world.deliver(run)
    return run


def test_a_piece_that_is_staged_is_not_extracted_again(world: World, small_pieces: None) -> None:
    run = planned(world, "once")
    divided = Divided(run)
    with divided.open(world.source()):
        for number in divided.missing() or []:
            assert divided.piece(number, world.source(), nothing) is True
        before = len(run.story.records)
        assert divided.piece(1, world.source(), nothing) is False
        assert divided.piece(99, world.source(), nothing) is False
        assert len(run.story.records) == before
    assert divided.gather() is True
    assert divided.gather() is False
    assert divided.piece(1, world.source(), nothing) is False


def test_a_piece_waits_until_the_tables_are_divided(world: World, small_pieces: None) -> None:
    run = planned(world, "early")
    assert Divided(run).piece(1, world.source(), nothing) is None


def test_a_state_that_is_gone_can_be_tried_again_and_pieces_of_two_states_are_not_mixed(
    world: World, small_pieces: None
) -> None:
    run = planned(world, "lost")
    divided = Divided(run)
    with divided.open(world.source()):
        divided.piece(1, world.source(), nothing)
    assert divided.piece(2, world.source(), nothing) is None
    with pytest.raises(Refused, match="clear the tasks that extract pieces"):
        divided.gather()
    with divided.open(world.source()):
        missing = divided.missing() or []
        assert missing[0] == 1
        for number in missing:
            divided.piece(number, world.source(), nothing)
        assert divided.gather() is True
    deliver(world, run)
    assert not run.story.has("stopped")


def test_a_refusal_in_one_piece_ends_the_run_and_leaves_nothing(
    changing: World, small_pieces: None
) -> None:
    world, run = changing, planned(changing, "refused")
    with psycopg.connect(world.source_url, autocommit=True) as connection:
        connection.execute("UPDATE observation_history SET value = 'mot de passe : hunter22'")
    divided = Divided(run)
    with divided.open(world.source()):
        divided.piece(1, world.source(), nothing)
        with pytest.raises(Refused) as caught:
            divided.piece(max(divided.missing() or []), world.source(), nothing)
        assert caught.value.code == "column-credential"
        assert divided.missing() is None
        with pytest.raises(Refused) as later:
            divided.piece(2, world.source(), nothing)
        assert later.value.code == "run-ended"
    assert world.deployment().staging.list(run.id) == []
    assert "hunter22" not in str(run.story.records)


def test_a_piece_that_is_still_being_written_when_the_run_ends_is_not_published(
    world: World, small_pieces: None
) -> None:
    run = planned(world, "ended")
    divided, other = Divided(run), Run(run.id, world.deployment(), "another task")

    def end_the_run(_table: str, _rows: int) -> None:
        if not run.story.has("stopped"):
            with other.locked_soon(), pytest.raises(Refused), other.recorded("extract", ends=True):
                raise Refused("column-credential", "results.unit", "it looks like one.", "none.")

    with divided.open(world.source()), pytest.raises(Refused) as caught:
        divided.piece(1, world.source(), end_the_run)
    assert caught.value.code == "run-ended"
    assert world.deployment().staging.list(run.id) == []


def test_a_piece_that_another_task_staged_meanwhile_is_not_published_again(
    world: World, small_pieces: None
) -> None:
    run = planned(world, "twice")
    other = Run(run.id, world.deployment(), "another task")
    divided = Divided(run)

    def stage_it(_table: str, _rows: int) -> None:
        if not run.story.has("piece"):
            name = run.story.last("divided")["division"]
            with other.locked_soon():
                other.record("piece", {"division": name, "number": 1, "file": {}})

    with divided.open(world.source()):
        with pytest.raises(Unavailable, match="another task staged piece 1"):
            divided.piece(1, world.source(), stage_it)
        assert divided.piece(1, world.source(), nothing) is False
    assert world.deployment().staging.list(run.id) == []
    assert not run.story.has("stopped")


def test_rows_that_a_piece_lost_are_noticed(
    world: World, small_pieces: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = PostgresSnapshot.stream

    def losing(self: PostgresSnapshot, query: TableQuery) -> Iterator[pa.RecordBatch]:
        for batch in stream(self, query):
            yield batch.slice(1) if query.part and query.part.start else batch

    monkeypatch.setattr(PostgresSnapshot, "stream", losing)
    run = planned(world, "lossy")
    with pytest.raises(Refused) as caught:
        world.steps(run)["extract"]()
    assert caught.value.code == "rows-not-reconciled"
    assert run.story.has("stopped")


@contextmanager
def snapshot_of(url: str) -> Iterator[Any]:
    with open_source(url).snapshot() as snapshot:
        yield snapshot


def test_every_row_is_in_just_one_part_of_tables_views_and_partitioned_tables(
    url: str, world: World
) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            """
            CREATE TABLE by_year (LIKE results) PARTITION BY RANGE (result_date);
            CREATE TABLE early PARTITION OF by_year FOR VALUES FROM (MINVALUE) TO ('2023-06-01');
            CREATE TABLE late PARTITION OF by_year FOR VALUES FROM ('2023-06-01') TO (MAXVALUE);
            INSERT INTO by_year SELECT * FROM results;
            CREATE VIEW seen AS SELECT * FROM results;
            """
        )
    instruction = world.open_run("queries").instruction()
    query = instruction.terms.tables[0].query()
    with snapshot_of(url) as snapshot:
        whole = snapshot.count(query)
        for table, by in (("results", "blocks"), ("by_year", "window"), ("seen", "window")):
            asked = replace(query, table=table)
            parts = snapshot.divide(asked, 7)
            assert [part.by for part in parts] == [by] * 7
            counts = [snapshot.count(replace(asked, part=part)) for part in parts]
            assert sum(counts) == whole
            assert max(counts) < whole
        unlimited = TableQuery("seen", query.columns)
        assert snapshot.divide(unlimited, 7) == []
        assert snapshot.divide(TableQuery("nowhere", query.columns), 7) == []


def test_sums_of_decimals_and_whole_numbers_are_exact(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE sums (n bigint, d numeric(38, 10)); INSERT INTO sums VALUES "
            "(9223372036854775807, 0.0000000001), (9223372036854775807, 1234567890.1234567891), "
            "(NULL, NULL)"
        )
    columns = (("n", ColumnType.parse("integer")), ("d", ColumnType.parse("decimal(38,10)")))
    with snapshot_of(url) as snapshot:
        totals = snapshot.totals(TableQuery("sums", columns), ["n", "d"])
    assert totals.rows == 3
    assert str(totals.sums["n"]) == "18446744073709551614"
    assert str(totals.sums["d"]) == "1234567890.1234567892"


def test_only_names_of_states_are_joined(url: str) -> None:
    source = open_source(url)
    with pytest.raises(UsageError), source.snapshot("x'; DROP TABLE results; --"):
        pass
    with pytest.raises(Unavailable), source.snapshot("00000003-0000001B-1"):
        pass
    assert Relation(None, "results") in source.describe()
    assert Part("blocks", None, "3").as_json() == {"by": "blocks", "start": None, "end": "3"}
