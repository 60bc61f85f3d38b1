"""Rows and contents that the check refuses, whatever the source and the instruction say."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest

from remit import key_sets
from remit.adapters.pseudonym_folder import new_secret
from remit.ports import TableQuery, Totals
from remit.testing.world import World

Fields = dict[str, Any]


def quiet(_table: str, _rows: int) -> None:
    """No progress is shown."""


OF_PATIENTS = {
    "table": "patients",
    "join": [{"column": "patient_id", "to": "patient_id", "type": "uuid"}],
    "window": {"column": "birth_date", "type": "date", "from": "1900-01-01", "to": "2100-01-01"},
}


OF_SITES = {**OF_PATIENTS, "sites": {"column": "site_code", "in": ["LYO1", "LYO2"]}}


def through(*others: dict[str, Any]) -> Any:
    return lambda fields: fields["tables"][0]["rows"].update(through=list(others))


@pytest.fixture
def suppressing(world: World) -> Any:
    """Edits that have an empty suppress list, and say so of `results` whose row is whose."""
    folder = world.root / "processor" / "keys" / "pseudonyms"
    folder.mkdir(mode=0o700)
    check = new_secret(folder / "objections.key")

    def edited(**subject: Any) -> Any:
        def edit(fields: Fields) -> None:
            fields["pseudonym_keys"] = [{"name": "objections", "check": check}]
            fields["suppress"] = {"key": "objections", "subjects": []}
            fields["tables"][0]["data_subject"] = subject
            fields["tables"][1]["no_data_subject"] = (
                "Units of measurement, which concern no patient"
            )

        return edit

    return edited


def way(table: str = "samples", to: str = "sample_id", column: str = "sample_id") -> Any:
    return [{"table": table, "join": [{"column": column, "to": to, "type": "integer"}]}]


@pytest.mark.vector("membership-too-large")
def test_more_keys_than_can_be_held(
    world: World, up_to: Any, refuses: Any, stopped: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_sets, "MOST_KEYS", 5)
    run = up_to(world, "plan", edit=through(OF_PATIENTS))

    with refuses(at="patients", saying="too many to hold"):
        run.extract(world.source(), quiet)
    stopped(world, run)


@pytest.mark.vector("membership-too-large")
def test_more_keys_on_the_way_to_data_subjects_than_can_be_held(
    world: World, up_to: Any, refuses: Any, stopped: Any, suppressing: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(key_sets, "MOST_KEYS", 5)
    run = up_to(world, "plan", edit=suppressing(column="patient_id", type="uuid", through=way()))

    with refuses(at="samples", saying="too many to hold"):
        run.extract(world.source(), quiet)
    stopped(world, run)


class Careless:
    """The laboratory's database, which leaves limits out where it is asked of one table."""

    def __init__(self, source: Any, table: str, **others: Any) -> None:
        self._source, self._table, self._others = source, table, others
        self.label, self.describe, self.sql = source.label, source.describe, source.sql
        self.account = source.account

    @contextmanager
    def snapshot(self) -> Iterator[Careless]:
        with self._source.snapshot() as self._snapshot:
            yield self

    def count(self, query: TableQuery) -> int:
        return int(self._snapshot.count(self._asked(query)))

    def totals(self, query: TableQuery, summed: Any) -> Totals:
        return Totals(self.count(query), {})

    def divide(self, query: TableQuery, parts: int) -> list[Any]:
        return []

    def stream(self, query: TableQuery) -> Iterator[pa.RecordBatch]:
        yield from self._snapshot.stream(self._asked(query))

    def _asked(self, query: TableQuery) -> TableQuery:
        return replace(query, **self._others) if query.table == self._table else query


@pytest.mark.vector("row-outside-remit")
@pytest.mark.parametrize(
    ("table", "others", "at"),
    [
        ("results", {"through": ()}, "results.patient_id"),
        ("patients", {"memberships": ()}, "patients.site_code"),
        ("patients", {"window": None}, "patients.birth_date"),
    ],
)
def test_row_that_the_source_did_not_look_up_in_the_other_table(
    world: World, up_to: Any, refuses: Any, stopped: Any, table: str, others: Any, at: str
) -> None:
    with sqlite3.connect(world.root / "lis.sqlite") as database:
        database.execute(
            "UPDATE patients SET birth_date = '2200-01-01' WHERE site_code = 'LYO1'"
            " AND rowid IN (SELECT p.rowid FROM patients AS p JOIN results USING (patient_id)"
            " WHERE results.site_code = 'LYO1' AND result_date LIKE '2024%' LIMIT 1)"
        )
    run = up_to(world, "plan", edit=through(OF_SITES))

    with refuses(at=at, saying="rows read are outside what was instructed"):
        run.extract(Careless(world.source(), table, **others), quiet)
    stopped(world, run)


@pytest.mark.vector("table-missing")
def test_membership_in_a_table_that_is_not_there(world: World, up_to: Any, refuses: Any) -> None:
    with refuses(at="visits", saying="no such table or view"):
        up_to(world, "plan", edit=through({**OF_PATIENTS, "table": "visits"}))


@pytest.mark.vector("scope-column-unfit")
@pytest.mark.parametrize(
    ("join", "at"),
    [
        ({"column": "gone", "to": "patient_id", "type": "uuid"}, "results.gone"),
        ({"column": "patient_id", "to": "gone", "type": "uuid"}, "patients.gone"),
        ({"column": "sample_id", "to": "patient_id", "type": "integer"}, "patients.patient_id"),
    ],
)
def test_membership_by_columns_that_are_not_there_or_unlike(
    world: World, up_to: Any, refuses: Any, join: dict[str, str], at: str
) -> None:
    with refuses(at=at, saying="but it is"):
        up_to(world, "plan", edit=through({**OF_PATIENTS, "join": [join]}))


@pytest.mark.vector("scope-column-unfit")
@pytest.mark.parametrize(
    ("limits", "at"),
    [
        ({"only": [{"column": "gone", "in": ["a"]}]}, "results.gone"),
        ({"only": [{"column": "comment", "type": "integer", "in": [1]}]}, "results.comment"),
        ({"only": [{"column": "sample_id", "type": "boolean", "in": [True]}]}, "results.sample_id"),
        ({"through": [{**OF_PATIENTS, "sites": {"column": "ward", "in": ["a"]}}]}, "patients.ward"),
        ({"through": [{**OF_PATIENTS, "only": [{"column": "deceased", "in": ["no"]}]}]},
         "patients.deceased"),
        ({"through": [{**OF_PATIENTS, "window": {**OF_PATIENTS["window"], "column": "sex"}}]},
         "patients.sex"),
    ],
)  # fmt: skip
def test_limit_by_a_column_that_is_not_there_or_unlike(
    world: World, up_to: Any, refuses: Any, limits: Fields, at: str
) -> None:
    with refuses(at=at, saying="but it is"):
        up_to(world, "plan", edit=lambda fields: fields["tables"][0]["rows"].update(limits))


@pytest.mark.vector("scope-column-unfit")
@pytest.mark.parametrize(
    ("subject", "at"),
    [
        ({"column": "gone", "type": "uuid"}, "results.gone"),
        ({"column": "sample_id", "type": "string"}, "results.sample_id"),
        ({"column": "gone", "type": "uuid", "through": way()}, "samples.gone"),
        ({"column": "patient_id", "type": "integer", "through": way()}, "samples.patient_id"),
        ({"column": "patient_id", "type": "uuid", "through": way(column="gone")}, "results.gone"),
        ({"column": "patient_id", "type": "uuid", "through": way(to="tube")}, "samples.tube"),
        ({"column": "rpps", "type": "string",
          "through": way() + way("prescribers", "prescriber_id", "gone")}, "samples.gone"),
    ],
)  # fmt: skip
def test_data_subject_named_by_a_column_that_is_not_there_or_unlike(
    world: World, up_to: Any, refuses: Any, suppressing: Any, subject: Fields, at: str
) -> None:
    with refuses(at=at, saying="it says whose data a row is"):
        up_to(world, "plan", edit=suppressing(**subject))


@pytest.mark.vector("table-missing")
def test_way_to_data_subjects_through_a_table_that_is_not_there(
    world: World, up_to: Any, refuses: Any, suppressing: Any
) -> None:
    subject = {"column": "patient_id", "type": "uuid", "through": way("visits")}

    with refuses(at="visits", saying="no such table or view"):
        up_to(world, "plan", edit=suppressing(**subject))


CREDENTIALS = {
    "a hash": "$2b$12$KIXQ1p2vT0c9s8m7n6b5uOeW1q2r3t4y5u6i7o8p9a0s1d2f3g4h5",
    "a token": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.c2lnbmF0dXJlLW9mLXRoZS10b2tlbg",
    "a password in words": "mot de passe : Soleil42!",
}


def plant(world: World, value: str) -> None:
    with sqlite3.connect(world.root / "lis.sqlite") as database:
        database.execute(
            "UPDATE results SET value_text = ? WHERE rowid = (SELECT min(rowid) FROM results"
            " WHERE site_code = 'LYO1' AND result_date LIKE '2024%')",
            [value],
        )


def transforming(transform: dict[str, Any]) -> Any:
    def edit(fields: Fields) -> None:
        [column] = [c for c in fields["tables"][0]["columns"] if c["name"] == "value_text"]
        column["transform"] = transform
        fields["expectations"] = []

    return edit


@pytest.mark.vector("column-credential")
@pytest.mark.parametrize("value", CREDENTIALS.values(), ids=CREDENTIALS)
def test_credentials_in_a_column_with_a_harmless_name(
    world: World, up_to: Any, refuses: Any, stopped: Any, value: str
) -> None:
    plant(world, value)
    run = up_to(world, "plan")

    with refuses(at="results.value_text", saying="look like credentials"):
        run.extract(world.source(), quiet)
    stopped(world, run)
    assert value not in str([record.data for record in run.story.records])


@pytest.mark.vector("column-credential")
def test_credentials_of_which_the_most_would_leave(
    world: World, up_to: Any, refuses: Any, stopped: Any
) -> None:
    hashed = CREDENTIALS["a hash"]
    plant(world, hashed)
    run = up_to(world, "plan", edit=transforming({"kind": "truncate", "length": len(hashed) - 1}))

    with refuses(at="results.value_text", saying="look like credentials"):
        run.extract(world.source(), quiet)
    stopped(world, run)


@pytest.mark.parametrize("transform", [{"kind": "empty"}, {"kind": "constant", "value": "said"}])
def test_column_of_which_nothing_leaves_may_hold_credentials(
    world: World, up_to: Any, transform: dict[str, Any]
) -> None:
    plant(world, CREDENTIALS["a hash"])

    run = up_to(world, "extract", edit=transforming(transform))

    assert run.story.has("extracted")
