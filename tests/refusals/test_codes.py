"""A table with one row per attribute: which attributes leave has to be said."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest

from remit.testing.world import World
from remit.wiring import open_judge

Fields = dict[str, Any]
KINDS = """
CREATE TABLE kept (
  id INTEGER PRIMARY KEY, patient_id UUID, at DATE, kind_of_value TEXT,
  kind_id INTEGER REFERENCES property_kinds (id), value TEXT
);
CREATE TABLE property_kinds (
  id INTEGER PRIMARY KEY, name TEXT NOT NULL, since DATE, status TEXT,
  group_id INTEGER REFERENCES property_groups (id), term_id INTEGER REFERENCES concepts (id)
);
CREATE TABLE property_groups (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE concepts (id INTEGER PRIMARY KEY, code TEXT NOT NULL);
INSERT INTO property_groups VALUES (1, 'everything');
INSERT INTO concepts VALUES (7, 'SMOKER'), (8, 'HIV');
INSERT INTO property_kinds VALUES
  (1, 'smoker', NULL, 'in use', 1, 7), (2, 'hivStatus', NULL, 'in use', 1, 8);
CREATE TABLE changes (id INTEGER PRIMARY KEY, at DATE, activity TEXT, old_value TEXT, new_value TEXT);
INSERT INTO kept VALUES (1, NULL, '2024-02-01', 'D', 1, 'no'), (2, NULL, '2024-02-01', 'D', 2, 'positive');
"""


@pytest.fixture
def plan(world: World) -> Any:
    """Plan the table `kept` under the limits given; the plan, as recorded."""
    with sqlite3.connect(world.root / "lis.sqlite") as database:
        database.executescript(KINDS)

    def go(*leaving: str, table: str = "kept", **limits: Any) -> dict[str, Any]:
        def edit(fields: Fields) -> None:
            types = {"id": "integer", "kind_id": "integer"}
            columns = [
                {"name": name, "type": types.get(name, "string"), "category": "health",
                 "purpose": "Shown to the biologist"}
                for name in leaving
            ]  # fmt: skip
            window = {"column": "at", "type": "date", "from": "2024-01-01", "to": "2025-01-01"}
            rows = {"window": window, "maximum": 100, **limits}
            fields["tables"] = [{"name": table, "rows": rows, "columns": columns}]
            fields["expectations"] = []

        run = world.open_run(edit=edit)
        run.plan(world.source(), world.landing(), open_judge())
        return dict(run.story.last("planned")["plan"]["tables"][0])

    return go


THROUGH = {
    "table": "property_kinds",
    "join": [{"column": "kind_id", "to": "id", "type": "integer"}],
    "codes": {"column": "name", "in": ["smoker"]},
}
CATALOGUE = {name: said for name, said in THROUGH.items() if name != "codes"}
SINCE = {"column": "since", "type": "date", "from": "2024-01-01", "to": "2025-01-01"}


def further(column: str, table: str, **limits: Any) -> dict[str, Any]:
    """From the catalogue to a table behind it."""
    join = [{"column": column, "to": "id", "type": "integer"}]
    return {**CATALOGUE, "through": [{"table": table, "join": join, **limits}]}


@pytest.mark.vector("codes-missing")
@pytest.mark.parametrize("leaving", [["value"], ["id"], ["kind_id"]])
def test_no_attribute_is_listed_whatever_leaves(plan, refuses, leaving) -> None:
    with refuses(at=f"kept.{leaving[0]}", saying="one row per attribute (told by kind_id)"):
        plan(*leaving)


@pytest.mark.vector("codes-missing")
@pytest.mark.parametrize(
    "limits",
    [
        {"codes": {"column": "kind_of_value", "in": ["D"]}},
        {"only": [{"column": "id", "type": "integer", "in": [1]}]},
        {"through": [{**THROUGH, "join": [{"column": "id", "to": "id", "type": "integer"}]}]},
        {"through": [{**CATALOGUE, "window": SINCE}]},
        {"through": [{**CATALOGUE, "only": [{"column": "status", "in": ["in use"]}]}]},
        {"through": [further("group_id", "property_groups",
                             codes={"column": "name", "in": ["everything"]})]},
    ],
    ids=["the kind of the value", "the primary key", "joined by another column", "no list there",
         "a list of what is in use", "a list of groups"],
)  # fmt: skip
def test_codes_that_do_not_say_which_attributes(plan, refuses, limits) -> None:
    with refuses(at="kept.value", saying="every attribute would leave"):
        plan("value", **limits)


@pytest.mark.parametrize(
    "limits",
    [
        {"codes": {"column": "kind_id", "type": "integer", "in": [1]}},
        {"only": [{"column": "kind_id", "type": "integer", "in": [1]}]},
        {"through": [THROUGH]},
        {"through": [{**CATALOGUE, "only": [{"column": "id", "type": "integer", "in": [1]}]}]},
        {"through": [further("term_id", "concepts", codes={"column": "code", "in": ["SMOKER"]})]},
    ],
    ids=[
        "by number",
        "by another list",
        "by name through the catalogue",
        "by number there",
        "by a code two tables away",
    ],
)
def test_listed_attributes_alone_are_in_scope(plan, limits) -> None:
    planned = plan("value", **limits)

    assert (planned["rows_in_scope"], planned["rows_total"]) == (1, 2)


@pytest.mark.vector("codes-missing")
def test_no_column_is_sure_to_tell_the_attribute(plan, refuses) -> None:
    with refuses(at="changes.old_value", saying="no column is sure to tell which"):
        plan("old_value", table="changes", codes={"column": "activity", "in": ["insert"]})


def test_every_attribute_may_leave_when_the_controller_says_why(plan) -> None:
    reason = "The new system must show every earlier attribute of a patient to the biologist"

    assert plan("value", all_codes=reason)["rows_in_scope"] == 2
