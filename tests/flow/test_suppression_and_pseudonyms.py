"""Persons who objected leave in no table; pseudonyms join tables and nights, and give nobody away."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from typing import Any

import pytest

from remit.adapters.pseudonym_folder import load_mac, new_secret
from remit.testing.canaries import find_planted
from remit.testing.world import World

Fields = dict[str, Any]


def source_rows(world: World, sql: str) -> list[tuple[Any, ...]]:
    with sqlite3.connect(world.root / "lis.sqlite") as database:
        return database.execute(sql).fetchall()


def target_rows(world: World, sql: str) -> list[tuple[Any, ...]]:
    with sqlite3.connect(world.target.database) as database:
        return database.execute(sql).fetchall()


IN_SCOPE = (
    "FROM results WHERE result_date >= '2024-01-01' AND result_date < '2025-01-01'"
    " AND site_code IN ('LYO1', 'LYO2')"
)


@pytest.fixture
def objectors(world: World) -> list[str]:
    """Three patients with results in scope."""
    return [row[0] for row in source_rows(world, f"SELECT DISTINCT patient_id {IN_SCOPE} LIMIT 3")]


@pytest.fixture
def secrets_of(world: World) -> dict[str, str]:
    folder = world.root / "processor" / "keys" / "pseudonyms"
    folder.mkdir(mode=0o700)
    return {name: new_secret(folder / f"{name}.key") for name in ("objections", "joins")}


@pytest.fixture
def suppressing(
    world: World, objectors: list[str], secrets_of: dict[str, str]
) -> Callable[[Fields], None]:
    """Suppress the three in `results` by the column, in observations through `patients`."""
    mac = load_mac(world.root / "processor/keys/pseudonyms/objections.key")

    def edit(fields: Fields) -> None:
        fields["pseudonym_keys"] = [{"name": "objections", "check": secrets_of["objections"]}]
        fields["suppress"] = {
            "key": "objections",
            "subjects": sorted(mac(person.encode()).hex() for person in objectors),
        }
        fields["tables"][0]["data_subject"] = {"column": "patient_id", "type": "uuid"}
        fields["tables"][1]["data_subject"] = {
            "column": "patient_id",
            "type": "uuid",
            "through": [
                {"table": "patients",
                 "join": [{"column": "patient_id", "to": "patient_id", "type": "uuid"}]}
            ],
        }  # fmt: skip

    return edit


def test_persons_on_the_list_leave_in_no_table(
    world: World, objectors: list[str], suppressing: Callable[[Fields], None]
) -> None:
    run = world.open_run(edit=suppressing)
    world.deliver(run)
    world.ingest(run)

    [(wanted,)] = source_rows(world, f"SELECT count(*) {IN_SCOPE}")
    marks = ", ".join(f"'{person}'" for person in objectors)
    [(theirs,)] = source_rows(world, f"SELECT count(*) {IN_SCOPE} AND patient_id IN ({marks})")
    files = {file["table"]: file for file in run.story.last("extracted")["files"]}
    assert theirs > 0
    assert files["results"]["suppressed"] == theirs
    assert files["results"]["rows"] == wanted - theirs
    for table in ("results", "observation_history"):
        left = {row[0] for row in target_rows(world, f"SELECT DISTINCT patient_id FROM {table}")}
        assert left
        assert left.isdisjoint(objectors)


def test_nothing_that_was_written_names_who_is_on_the_list(
    world: World, objectors: list[str], suppressing: Callable[[Fields], None]
) -> None:
    run = world.open_run(edit=suppressing)
    world.deliver(run)

    assert find_planted([world.root / "processor", world.landing_path], objectors) == []


LABELS = """
CREATE TABLE labels (label_id INTEGER PRIMARY KEY, tube_of INTEGER, printed DATE, printer TEXT);
INSERT INTO labels SELECT 2 * sample_id + n, sample_id, substr(collected_at, 1, 10), 'P' || n
  FROM samples, (SELECT 0 AS n UNION SELECT 1);
INSERT INTO labels VALUES (-1, NULL, '2024-05-01', 'P0'), (-2, -2, '2024-05-01', 'P1');
"""
OF_LABELS = "FROM labels LEFT JOIN samples ON sample_id = tube_of WHERE printed LIKE '2024%'"


@pytest.fixture
def with_labels(world: World, suppressing: Callable[[Fields], None]) -> Callable[[Fields], None]:
    """In place of observations, labels of tubes, of which only the sample says whose they are."""
    with sqlite3.connect(world.root / "lis.sqlite") as database:
        database.executescript(LABELS)
    database.close()

    def edit(fields: Fields) -> None:
        suppressing(fields)
        join = [{"column": "tube_of", "to": "sample_id", "type": "integer"}]
        window = {"column": "printed", "type": "date", "from": "2024-01-01", "to": "2025-01-01"}
        fields["tables"][1] = {
            "name": "labels",
            "rows": {"window": window, "maximum": 5000},
            "data_subject": {
                "column": "patient_id", "type": "uuid", "through": [{"table": "samples", "join": join}]
            },
            "columns": [
                {"name": "label_id", "type": "integer", "category": "technical", "purpose": "Identity"}
            ],
        }  # fmt: skip
        fields["expectations"] = fields["expectations"][:1]

    return edit


def test_table_that_does_not_say_whose_its_rows_are_is_led_through_another(
    world: World, objectors: list[str], with_labels: Callable[[Fields], None]
) -> None:
    run = world.open_run(edit=with_labels)
    world.deliver(run)
    world.ingest(run)

    in_scope = source_rows(world, f"SELECT label_id, patient_id {OF_LABELS}")
    barred = {label for label, patient in in_scope if patient is None or patient in objectors}
    left = {label for (label,) in target_rows(world, "SELECT label_id FROM labels")}
    assert {-1, -2} < barred
    assert left == {label for label, _ in in_scope} - barred
    [extracted] = [f for f in run.story.last("extracted")["files"] if f["table"] == "labels"]
    assert (extracted["rows"], extracted["suppressed"]) == (len(left), len(barred))
    reported = run.story.last("validated")["report"]["tables"]
    assert {table["table"]: table["rows"] for table in reported}["labels"] == len(left)


def test_evidence_counts_who_was_suppressed_and_names_nobody_but_in_the_signed_instruction(
    world: World, objectors: list[str], with_labels: Callable[[Fields], None]
) -> None:
    run = world.open_run(edit=with_labels)
    world.deliver(run)

    hashes = run.instruction().terms.suppress.subjects
    told = [
        json.dumps({name: value for name, value in record.data.items() if name != "envelope"})
        for record in run.story.records
    ]
    assert sum('"suppressed"' in text for text in told) == 1
    assert not [who for who in [*objectors, *hashes] for text in told if who in text]
    written = [world.root / "processor", world.landing_path]
    assert find_planted(written, [*objectors, *hashes]) == []
    [instruction] = {path for path, _ in find_planted([world.root / "include"], hashes)}
    assert instruction.name == "durand.yaml"


def test_way_to_a_person_that_leads_to_nobody_leaves_the_row_out(
    world: World, suppressing: Callable[[Fields], None]
) -> None:
    with sqlite3.connect(world.root / "lis.sqlite") as database:
        database.execute("DELETE FROM patients")
    run = world.open_run(edit=suppressing)
    for step in ("plan", "extract"):
        world.steps(run)[step]()

    files = {file["table"]: file for file in run.story.last("extracted")["files"]}
    assert (files["observation_history"]["rows"], files["results"]["rows"] > 0) == (0, True)
    assert files["observation_history"]["suppressed"] > 0


def test_pseudonyms_join_tables_and_are_nobodys_id(
    world: World, secrets_of: dict[str, str]
) -> None:
    def edit(fields: Fields) -> None:
        fields["pseudonym_keys"] = [{"name": "joins", "check": secrets_of["joins"]}]
        for table in fields["tables"]:
            for column in table["columns"]:
                if column["name"] == "patient_id":
                    column["transform"] = {"kind": "pseudonym", "key": "joins"}
        fields["expectations"] = []

    run = world.open_run(edit=edit)
    world.deliver(run)
    world.ingest(run)

    ids = {row[0] for row in source_rows(world, "SELECT patient_id FROM patients")}
    results = [row[0] for row in target_rows(world, "SELECT patient_id FROM results")]
    observed = {row[0] for row in target_rows(world, "SELECT patient_id FROM observation_history")}
    wanted = source_rows(world, f"SELECT count(DISTINCT patient_id), count(*) {IN_SCOPE}")
    assert [(len(set(results)), len(results))] == wanted
    assert observed & set(results)
    assert not (observed | set(results)) & ids
    assert all(len(pseudonym) == 64 for pseudonym in results)
    plan = run.story.last("planned")["plan"]["tables"][0]
    assert plan["columns"][1]["transformation"] == "pseudonym under key joins"
    assert find_planted([world.root / "processor", world.landing_path], ids) == []


@pytest.mark.parametrize("gone", ["objections.key", "joins.key"])
def test_without_the_secret_nothing_is_planned(
    world: World, suppressing: Callable[[Fields], None], gone: str
) -> None:
    folder = world.root / "processor" / "keys" / "pseudonyms"
    (folder / gone).unlink()
    run = world.open_run(edit=suppressing)
    needed = gone == "objections.key"

    if needed:
        with pytest.raises(Exception, match="pseudonym-key-missing"):
            world.steps(run)["plan"]()
    else:
        world.steps(run)["plan"]()
    assert run.story.has("planned") is not needed
