"""The main job from a real MariaDB: what arrives equals a query written by hand, value by value."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from remit.cli import main
from remit.errors import Refused
from remit.testing.canaries import find_planted
from remit.testing.laboratory import Laboratory
from remit.testing.mariadb import MariaDBServer, connect
from remit.testing.mariadb_laboratory import write_mariadb
from remit.testing.world import World

pytestmark = pytest.mark.slow

BY_HAND = {
    "results": """
        SELECT result_id, patient_id, site_code, loinc_code, value_numeric, value_text,
               unit, reference_low, reference_high, abnormal, result_date, validated_at
        FROM results
        WHERE result_date >= '2024-01-01' AND result_date < '2025-01-01'
          AND site_code IN ('LYO1', 'LYO2')""",
    "observation_history": """
        SELECT observation_id, patient_id, observed_at, code, value
        FROM observation_history
        WHERE observed_at >= '2023-12-31 23:00:00' AND observed_at < '2024-12-31 23:00:00'
          AND site_code IN ('LYO1', 'LYO2') AND code IN ('bloodGroup', 'smoker', 'weightKg')""",
}


@pytest.fixture(scope="module")
def server() -> Iterator[MariaDBServer]:
    with MariaDBServer() as running:
        yield running


@pytest.fixture(scope="module")
def delivered(
    server: MariaDBServer, tmp_path_factory: pytest.TempPathFactory
) -> tuple[World, Path]:
    url = server.create_database("lis")
    write_mariadb(url, Laboratory(patients=120))
    world = World(tmp_path_factory.mktemp("world"), source_url=url)
    run = world.open_run()
    return world, world.deliver(run)


def test_what_arrives_is_what_a_query_by_hand_gives(delivered: tuple[World, Path]) -> None:
    world, delivery = delivered
    out = world.root / "opened"

    key = str(world.root / "target" / "recipient.pem")
    trust = str(world.settings.include / "controllers")
    assert main(["open", str(delivery), "--key", key, "--out", str(out), "--trust", trust]) == 0

    with closing(connect(world.source_url)) as connection, connection.cursor() as cursor:
        cursor.execute("SET time_zone = '+00:00'")
        for table, query in BY_HAND.items():
            cursor.execute(query)
            arrived = pq.read_table(out / f"{table}.parquet")
            assert arrived.schema.names == [column[0] for column in cursor.description]
            rows = zip(*(column.to_pylist() for column in arrived.columns), strict=True)
            expected = cursor.fetchall()
            assert sorted(map(_told, rows)) == sorted(map(_told, expected))
            assert expected


def _told(row: tuple[Any, ...]) -> str:
    """A row as text; the driver gives booleans as numbers, and times of UTC without saying so."""
    return str([_plain(value) for value in row])


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.replace(tzinfo=None).isoformat()
    return int(value) if isinstance(value, bool) else value


def test_nothing_planted_is_in_what_was_written(delivered: tuple[World, Path]) -> None:
    world, delivery = delivered
    places = [world.root / "processor", world.root / "include", delivery]

    assert find_planted(places, world.laboratory.planted()) == []
    secret = world.source_url.split("@")[0].split(":")[-1].encode()
    assert secret not in (world.root / "processor" / "evidence.sqlite").read_bytes()


def test_account_that_may_do_everything_is_refused_where_the_instruction_says_so(
    delivered: tuple[World, Path], tmp_path: Path
) -> None:
    def strictly(terms: dict[str, Any]) -> None:
        terms["security"]["account"] = {"overprivileged": "refuse", "shared": []}

    world = World(tmp_path, source_url=delivered[0].source_url)
    run = world.open_run(edit=strictly)
    with pytest.raises(Refused, match="account-overprivileged") as caught:
        world.steps(run)["plan"]()
    assert "ALL PRIVILEGES" in str(caught.value)
    assert "PASSWORD" not in str(caught.value)
