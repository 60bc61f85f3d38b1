"""The main job from a real PostgreSQL: what arrives equals a query written by hand, value by value."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pyarrow.parquet as pq
import pytest

from remit.cli import main
from remit.testing.canaries import find_planted
from remit.testing.laboratory import Laboratory
from remit.testing.postgres import PostgresCluster
from remit.testing.world import World

BY_HAND = {
    "results": """
        SELECT result_id::text, patient_id::text, site_code, loinc_code, value_numeric, value_text,
               unit, reference_low, reference_high, abnormal, result_date, validated_at
        FROM results
        WHERE result_date >= '2024-01-01' AND result_date < '2025-01-01'
          AND site_code IN ('LYO1', 'LYO2')""",
    "observation_history": """
        SELECT observation_id, patient_id::text, observed_at, code, value
        FROM observation_history
        WHERE observed_at >= '2024-01-01T00:00:00+01:00' AND observed_at < '2025-01-01T00:00:00+01:00'
          AND site_code IN ('LYO1', 'LYO2') AND code IN ('bloodGroup', 'smoker', 'weightKg')""",
}


@pytest.fixture(scope="module")
def cluster() -> Iterator[PostgresCluster]:
    with PostgresCluster() as running:
        yield running


@pytest.fixture(scope="module")
def delivered(
    cluster: PostgresCluster, tmp_path_factory: pytest.TempPathFactory
) -> tuple[World, Path]:
    url = cluster.create_database("lis")
    Laboratory(patients=120).write_postgres(url)
    world = World(tmp_path_factory.mktemp("world"), source_url=url)
    run = world.open_run()
    return world, world.deliver(run)


def test_what_arrives_is_what_a_query_by_hand_gives(delivered: tuple[World, Path]) -> None:
    world, delivery = delivered
    out = world.root / "opened"

    key = str(world.root / "target" / "recipient.pem")
    trust = str(world.settings.include / "controllers")
    assert main(["open", str(delivery), "--key", key, "--out", str(out), "--trust", trust]) == 0

    with psycopg.connect(world.source_url) as connection:
        connection.execute("SET timezone TO 'UTC'")
        for table, query in BY_HAND.items():
            cursor = connection.execute(query)
            names = [column.name for column in cursor.description or ()]
            arrived = pq.read_table(out / f"{table}.parquet")
            assert arrived.schema.names == names
            rows = zip(*(column.to_pylist() for column in arrived.columns), strict=True)
            by_key = sorted(rows, key=lambda row: str(row[0]))
            assert by_key == sorted(cursor.fetchall(), key=lambda row: str(row[0]))
            assert by_key


def test_boundary_moments_fall_on_the_right_side(delivered: tuple[World, Path]) -> None:
    world, _ = delivered
    with psycopg.connect(world.source_url) as connection:
        at_start, at_end = connection.execute(
            "SELECT count(*) FILTER (WHERE observed_at = '2024-01-01T00:00:00+01:00'),"
            "       count(*) FILTER (WHERE observed_at = '2025-01-01T00:00:00+01:00')"
            " FROM observation_history"
        ).fetchone() or (0, 0)

    assert at_start
    assert at_end


def test_nothing_planted_is_in_what_was_written(delivered: tuple[World, Path]) -> None:
    world, delivery = delivered
    places = [world.root / "processor", world.root / "include", delivery]

    assert find_planted(places, world.laboratory.planted()) == []
    assert b"postgres:" not in (world.root / "processor" / "evidence.sqlite").read_bytes()
