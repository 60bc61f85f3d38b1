"""One run's pieces as tasks on Airflow's CeleryExecutor, over two workers; all parts are real."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from remit.testing.celery import BUCKET, CeleryAirflow
from remit.testing.celery_home import DELETION, MIGRATION
from remit.testing.laboratory import Laboratory
from remit.testing.world import World

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

ROWS_PER_PIECE = 45_000
PIECES = 8
HELD = 6
"""The piece that a test holds at its last row: the second of the view's four windows."""
GATE = 4711
_HELD_FILE = "observation_history-part-0002.parquet"

# Text that does not compress, so that a part of the file is sent before its last row is read.
_MANY = f"""
INSERT INTO results
SELECT gen_random_uuid(), sample_id, patient_id, site_code, loinc_code, value_numeric, value_text,
       unit, reference_low, reference_high, abnormal, result_date, validated_at, comment
FROM results, generate_series(1, 7);
ALTER TABLE observation_history RENAME TO observed;
INSERT INTO observed (observation_id, patient_id, site_code, observed_at, code, value)
SELECT 1000000 + n, patient_id, site_code,
       '2022-09-01T00:00:00Z'::timestamptz + n * interval '1 s', 'smoker',
       (SELECT string_agg((random() * 1e12 + 0 * k * n)::bigint::text, ' ')
        FROM generate_series(1, 12) AS k)
FROM (SELECT patient_id, site_code FROM observed ORDER BY observation_id LIMIT 1) AS somebody,
     generate_series(1, 170000) AS n ORDER BY n;
CREATE FUNCTION gated(id bigint, value text) RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF id = 1170000 THEN PERFORM pg_catalog.pg_advisory_xact_lock_shared({GATE}); END IF;
    RETURN value;
END $$;
CREATE VIEW observation_history AS
SELECT observation_id, patient_id, site_code, observed_at, code, gated(observation_id, value) AS value
FROM observed;
ANALYZE;
"""


def everything(fields: dict[str, Any]) -> None:
    """Instruct all sites and five years."""
    for table, zone in zip(fields["tables"], ("", "T00:00:00Z"), strict=True):
        rows = table["rows"]
        rows["window"] |= {"from": f"2021-01-01{zone}", "to": f"2026-01-01{zone}"}
        rows["sites"]["in"] = ["LYO1", "LYO2", "LIL1", "BRE1", "PAR1", "MAR1"]
        rows["maximum"] = 1_000_000


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CeleryAirflow]:
    root = tmp_path_factory.mktemp("celery") / "home"
    with CeleryAirflow(root, ROWS_PER_PIECE, everything) as running:
        for name in ("worker-1", "worker-2"):
            running.start_worker(name)
        Laboratory(patients=1000).write_postgres(running.source_url)
        with psycopg.connect(running.source_url) as connection:
            connection.execute(_MANY)
        yield running


@pytest.fixture(scope="module")
def undivided(
    airflow: CeleryAirflow, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, list[Any]]:
    """What a target gets of the same data from one process that reads each table as one piece."""
    world = World(tmp_path_factory.mktemp("undivided"), source_url=airflow.source_url)
    run = world.open_run(edit=everything)
    world.deliver(run)
    world.ingest(run)
    assert len(run.story.last("extracted")["files"]) == 2
    return rows_at(world.target.database)


def rows_at(target: Path) -> dict[str, list[Any]]:
    with sqlite3.connect(target) as database:
        return {
            table: database.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall()
            for table in ("results", "observation_history")
        }


@contextmanager
def gate_closed(airflow: CeleryAirflow) -> Iterator[None]:
    """Nobody reads the last row of the held piece meanwhile."""
    with psycopg.connect(airflow.source_url, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [GATE])
        yield


def at_the_gate(airflow: CeleryAirflow) -> bool:
    waiting = (
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = %s AND NOT granted"
    )
    with psycopg.connect(airflow.source_url) as connection:
        return connection.execute(waiting, [GATE]).fetchone() == (1,)


def staged(airflow: CeleryAirflow) -> list[int]:
    return [r.data["number"] for r in airflow.story().records if r.kind == "piece"]


def files_begun(airflow: CeleryAirflow, run: str) -> Counter[str]:
    """How often each file of a run was begun to be sent to staging."""
    begun = Counter[str]()
    for request in airflow.s3.requests:
        method, _, target = request.partition(" ")
        path, _, query = target.partition("?")
        if f"/{run}/" in path and (
            (method == "PUT" and "partNumber" not in query)
            or (method == "POST" and "uploadId" not in query)
        ):
            begun[path.rpartition("/")[2]] += 1
    return begun


def succeeded(airflow: CeleryAirflow, dag: str, run: str) -> bool:
    state = airflow.api.state(dag, run)
    assert state != "failed"
    return state == "success"


def parts_sent(airflow: CeleryAirflow) -> int:
    client = airflow.s3.client()
    uploads = client.list_multipart_uploads(Bucket=BUCKET).get("Uploads", [])
    return sum(
        len(
            client.list_parts(Bucket=BUCKET, Key=one["Key"], UploadId=one["UploadId"]).get(
                "Parts", []
            )
        )
        for one in uploads
        if one["Key"].endswith(_HELD_FILE)
    )


def test_a_worker_killed_amid_a_piece_costs_that_piece_only_and_changes_nothing(
    airflow: CeleryAirflow, undivided: dict[str, list[Any]]
) -> None:
    airflow.ready()
    with gate_closed(airflow):
        run = airflow.api.trigger(MIGRATION)
        airflow.wait(lambda: at_the_gate(airflow), "the piece is held", 120)
        airflow.wait(lambda: len(staged(airflow)) == PIECES - 1, "the others are staged", 60)
        airflow.wait(lambda: parts_sent(airflow) > 0, "a part of the held file is sent", 10)
        held = airflow.api.tasks(MIGRATION, run)["extract_piece", HELD - 1]
        airflow.kill(held["hostname"])
    airflow.wait(lambda: succeeded(airflow, MIGRATION, run), "it is confirmed", 120)

    story = airflow.story()
    others = [n for n in range(1, PIECES + 1) if n != HELD]
    assert sorted(staged(airflow)) == sorted([*others, HELD])
    assert staged(airflow)[-1] == HELD
    begun = files_begun(airflow, story.run)
    assert begun.pop(_HELD_FILE) == 2
    assert set(begun.values()) == {1}
    assert len(begun) == PIECES - 1
    assert rows_at(airflow.home.target / "kalisil.sqlite") == undivided

    tries = {
        number: airflow.api.tries(MIGRATION, run, "migration.extract_piece", number - 1)
        for number in range(1, PIECES + 1)
    }
    assert [len(tries[number]) for number in others] == [1] * len(others)
    assert [one["state"] for one in tries[HELD]][-1] == "success"
    assert {one[-1]["hostname"] for one in tries.values()} == {"worker-1", "worker-2"}
    assert tries[HELD][-1]["hostname"] != held["hostname"]

    deletion = airflow.api.trigger(DELETION)
    airflow.wait(lambda: succeeded(airflow, DELETION, deletion), "it is deleted", 60)
    deleted = airflow.story()
    assert deleted.has("confirmed")
    assert deleted.last("deleted")["certificate"]
    assert left_in_staging(airflow) == []


def left_in_staging(airflow: CeleryAirflow) -> list[str]:
    client = airflow.s3.client()
    found = client.list_object_versions(Bucket=BUCKET)
    kept = [*found.get("Versions", []), *found.get("DeleteMarkers", [])]
    kept += client.list_multipart_uploads(Bucket=BUCKET).get("Uploads", [])
    return [one["Key"] for one in kept if "/.remit/" not in one["Key"]]


def test_a_triggerer_killed_while_it_holds_the_state_is_told_and_the_run_can_be_taken_up(
    airflow: CeleryAirflow, undivided: dict[str, list[Any]]
) -> None:
    airflow.ready()
    for name in airflow.workers[1:]:
        airflow.kill(name)
    run = ""

    def state(task: str) -> str:
        return str(airflow.api.tasks(MIGRATION, run)[task, -1]["state"])

    with gate_closed(airflow):
        run = airflow.api.trigger(MIGRATION)
        airflow.wait(lambda: at_the_gate(airflow), "the piece is held", 120)
        assert HELD not in staged(airflow)
        airflow.kill("triggerer")
        airflow.start("triggerer")
        airflow.wait(lambda: state("extract") != "deferred", "the loss is noticed", 60)
    airflow.wait(lambda: state("extract") == "failed", "the task says so", 60)
    assert HELD in staged(airflow)  # who was reading already read to the end
    assert set(staged(airflow)) < set(range(1, PIECES + 1))
    refusal = airflow.story().last("refused")["refusal"]
    assert refusal["code"] == "pieces-missing"
    assert "clear the tasks that extract pieces, all of them" in refusal["way_out"]
    assert not airflow.story().has("stopped")

    # Airflow would mark what is cleared meanwhile.
    airflow.wait(lambda: state("confirm") == "upstream_failed", "nothing follows it", 30)
    airflow.api.clear(MIGRATION, run, ["migration.extract_piece", "migration.extract"])
    airflow.wait(lambda: succeeded(airflow, MIGRATION, run), "it is confirmed", 180)
    kinds = Counter(record.kind for record in airflow.story().records)
    assert kinds["divided"] == 2
    assert kinds["extracted"] == kinds["confirmed"] == 1
    assert rows_at(airflow.home.target / "kalisil.sqlite") == undivided
