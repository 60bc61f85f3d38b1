"""What is refused of free text: without a stated treatment, with identifiers, without names to look for."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest

from remit.instruction import problems_of
from remit.testing.world import World

Fields = dict[str, Any]
WHY = "Without it a haemolysed sample cannot be told from a sound one"
THROUGH = [
    {"table": "patients", "join": [{"column": "patient_id", "to": "patient_id", "type": "uuid"}]}
]
NAMES = {"columns": ["last_name", "first_name"], "through": THROUGH}


def comments(identifiers: Fields | None, names: Fields | None = NAMES, **more: Any) -> Any:
    """That the comments of results leave, treated so."""

    def edit(fields: Fields) -> None:
        column = {
            "name": "comment",
            "type": "string",
            "category": "health",
            "purpose": "Reading it",
        }
        treated = {"identifiers": identifiers} if identifiers else {}
        fields["tables"][0]["columns"].append(column | {"free_text": WHY} | treated | more)
        if names:
            fields["tables"][0]["subject_names"] = names

    return edit


def sql(world: World, *statements: str) -> None:
    with sqlite3.connect(world.root / "lis.sqlite") as database:
        for statement in statements:
            database.execute(statement)
    database.close()


# --- the instruction ----------------------------------------------------------------------------


@pytest.mark.vector("instruction-incomplete")
def test_free_text_without_a_treatment(world: World, refuses: Any) -> None:
    with refuses(at="", saying="looked through for direct identifiers"):
        world.open_run(edit=comments(None, None))


@pytest.mark.vector("instruction-incomplete")
def test_names_that_nobody_says_where_to_find(world: World, refuses: Any) -> None:
    with refuses(at="", saying="which columns have them"):
        world.open_run(edit=comments({"treatment": "stop"}, None))


INVALID = [
    (comments({"treatment": "stop", "kinds": ["nir"]}), "subject_names", "no column's identifiers"),
    (comments({"treatment": "delete"}), "treatment", "stop"),
    (comments({"treatment": "stop", "kinds": []}), "kinds", ""),
    (comments({"treatment": "stop", "kinds": ["passport"]}), "kinds", "nir"),
    (comments({"treatment": "stop"}, type="integer"), "identifiers", "a string of which something"),
    (
        comments({"treatment": "stop"}, transform={"kind": "constant", "value": "x"}),
        "identifiers", "a string of which something",
    ),
    (comments({"treatment": "stop"}, NAMES | {"columns": ["a", "a"]}), "columns", "appears twice"),
    (comments({"treatment": "stop"}, NAMES | {"columns": []}), "columns", ""),
    (
        comments({"treatment": "stop"}, {"columns": ["site_code", "abnormal"]}),
        "type", "column abnormal is boolean",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("edit", "at", "saying"), INVALID)
def test_treatments_that_cannot_be(world: World, edit: Any, at: str, saying: str) -> None:
    problems = problems_of(world.instruct(edit).read_bytes())

    assert isinstance(problems, list)
    assert any(at in problem.where and saying in problem.message for problem in problems), problems


def test_text_of_which_nothing_leaves_needs_no_treatment(world: World) -> None:
    transform = {"kind": "constant", "value": "withheld"}

    assert not isinstance(
        problems_of(world.instruct(comments(None, None, transform=transform)).read_bytes()), list
    )


# --- the plan -----------------------------------------------------------------------------------


@pytest.mark.vector("scope-column-unfit")
def test_names_that_the_source_has_not(world: World, up_to: Any, refuses: Any) -> None:
    edit = comments({"treatment": "redact"}, NAMES | {"columns": ["birth_name"]})

    with refuses(at="patients.birth_name", saying="names to look for in free text"):
        up_to(world, "plan", edit=edit)


@pytest.mark.vector("table-missing")
def test_way_to_names_through_a_table_that_the_source_has_not(
    world: World, up_to: Any, refuses: Any
) -> None:
    through = [{"table": "persons", "join": THROUGH[0]["join"]}]
    edit = comments({"treatment": "redact"}, NAMES | {"through": through})

    with refuses(at="persons", saying="no such table"):
        up_to(world, "plan", edit=edit)


# --- the extract --------------------------------------------------------------------------------


@pytest.fixture
def plain(world: World) -> None:
    """Comments that say nothing of anybody."""
    sql(world, "UPDATE results SET comment = 'Prélèvement hémolysé' WHERE comment IS NOT NULL")


@pytest.mark.vector("free-text-identifies")
@pytest.mark.parametrize(
    ("comment", "kind"),
    [
        ("sécu 2 92 03 69 123 045 27", "nir"),
        ("écrire à canari@courriel-prive.example", "email"),
        ("tel 06 39 98 76 54", "phone"),
        ("FR14 2004 1010 0505 0001 3M02 606", "iban"),
        ("Mme Quintefeuille rappelée", "name"),
    ],
)
def test_text_with_an_identifier_stops_the_extract(
    world: World, plain: None, up_to: Any, stopped: Any, refuses: Any, comment: str, kind: str
) -> None:
    sql(
        world,
        "UPDATE patients SET last_name = 'QUINTEFEUILLE', first_name = 'Aldegonde'",
        f"UPDATE results SET comment = '{comment}' WHERE comment IS NOT NULL",
    )
    run = up_to(world, "plan", edit=comments({"treatment": "stop"}))
    with refuses(at="results.comment", saying=f"direct identifiers ({kind} in "):
        world.steps(run)["extract"]()
    stopped(world, run)


@pytest.mark.vector("free-text-unchecked")
@pytest.mark.parametrize(
    "without", ["DELETE FROM patients", "UPDATE patients SET last_name = ' ', first_name = '?'"]
)
def test_text_of_rows_that_lead_to_no_name_stops_the_extract(
    world: World, plain: None, up_to: Any, stopped: Any, refuses: Any, without: str
) -> None:
    run = up_to(world, "plan", edit=comments({"treatment": "stop"}))
    sql(world, without)
    with refuses(at="results.comment", saying="of rows that lead to no name to look for"):
        world.steps(run)["extract"]()
    stopped(world, run)


@pytest.mark.vector("column-credential")
def test_credential_beside_an_identifier_is_not_hidden_by_redacting(
    world: World, plain: None, up_to: Any, stopped: Any, refuses: Any
) -> None:
    said = "https://labo:motsecret1:x@portail.example/, tel 06 39 98 76 54"
    sql(world, f"UPDATE results SET comment = '{said}' WHERE comment IS NOT NULL")
    run = up_to(world, "plan", edit=comments({"treatment": "redact"}))
    with refuses(at="results.comment", saying="look like credentials"):
        world.steps(run)["extract"]()
    stopped(world, run)


def test_texts_without_identifiers_leave_though_they_would_stop_the_extract(
    world: World, plain: None, up_to: Any
) -> None:
    run = up_to(world, "extract", edit=comments({"treatment": "stop"}))

    [file] = [f for f in run.story.last("extracted")["files"] if f["table"] == "results"]
    assert file["free_text"][0]["identifying"] == 0
    assert file["free_text"][0]["texts"] > 0
