"""Rows and contents that the check refuses, whatever the source and the instruction say."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest

from remit import key_sets
from remit.testing.world import World

Fields = dict[str, Any]
OF_PATIENTS = {
    "table": "patients",
    "join": [{"column": "patient_id", "to": "patient_id", "type": "uuid"}],
    "window": {"column": "birth_date", "type": "date", "from": "1900-01-01", "to": "2100-01-01"},
}


def through(*others: dict[str, Any]) -> Any:
    return lambda fields: fields["tables"][0]["rows"].update(through=list(others))


@pytest.mark.vector("membership-too-large")
def test_more_keys_than_can_be_held(
    world: World, up_to: Any, refuses: Any, stopped: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_sets, "MOST_KEYS", 5)
    run = up_to(world, "plan", edit=through(OF_PATIENTS))

    with refuses(at="patients", saying="too many to hold"):
        run.extract(world.source(), lambda _table, _rows: None)
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


CREDENTIALS = {
    "a hash": "$2b$12$KIXQ1p2vT0c9s8m7n6b5uOeW1q2r3t4y5u6i7o8p9a0s1d2f3g4h5",
    "a token": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.c2lnbmF0dXJlLW9mLXRoZS10b2tlbg",
    "a password in words": "mot de passe : Soleil42!",
}


@pytest.mark.vector("column-credential")
@pytest.mark.parametrize("value", CREDENTIALS.values(), ids=CREDENTIALS)
def test_credentials_in_a_column_with_a_harmless_name(
    world: World, up_to: Any, refuses: Any, stopped: Any, value: str
) -> None:
    with sqlite3.connect(world.root / "lis.sqlite") as database:
        database.execute(
            "UPDATE results SET value_text = ? WHERE rowid = (SELECT min(rowid) FROM results"
            " WHERE site_code = 'LYO1' AND result_date LIKE '2024%')",
            [value],
        )
    run = up_to(world, "plan")

    with refuses(at="results.value_text", saying="look like credentials"):
        run.extract(world.source(), lambda _table, _rows: None)
    stopped(world, run)
    assert value not in str([record.data for record in run.story.records])
