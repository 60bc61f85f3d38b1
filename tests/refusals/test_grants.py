"""What `remit grants` refuses to write, and what it asks to be given another way."""

from __future__ import annotations

from typing import Any

import pytest


def found_in(table: str, **more: Any) -> list[dict[str, Any]]:
    join = {"column": "patient_id", "to": "patient_id", "type": "uuid"}
    sites = {"column": "site_code", "in": ["LYO1"]}
    return [{"table": table, "join": [join], "sites": sites} | more]


def through(fields: dict[str, Any], table: int, other: str, **more: Any) -> None:
    fields["tables"][table]["rows"]["through"] = found_in(other, **more)


def in_a_schema(fields: dict[str, Any]) -> None:
    fields["tables"][0]["at"] = {"schema": "lab", "table": "results"}


def through_a_schema(fields: dict[str, Any]) -> None:
    through(fields, 0, "patients", schema="lab")


def deep_through_a_schema(fields: dict[str, Any]) -> None:
    through(fields, 0, "patients", through=found_in("consents", schema="lab"))


@pytest.mark.vector("grants-schema-named")
@pytest.mark.parametrize(
    ("edit", "named"),
    [
        (in_a_schema, "lab.results"),
        (through_a_schema, "lab.patients"),
        (deep_through_a_schema, "lab.consents"),
    ],
)
def test_views_for_an_instruction_that_names_schemas(world, cli, edit, named) -> None:
    path = world.instruct(edit)

    cli.refused("grants", path, at="results", saying=f"names the schema of {named}")
    code, answer = cli("grants", path, "--rows", "policy")
    assert code == 0
    assert '"lab".' in answer["sql"]


def through_itself(fields: dict[str, Any]) -> None:
    through(fields, 0, "results")


def through_each_other(fields: dict[str, Any]) -> None:
    through(fields, 0, "observation_history")
    through(fields, 1, "results")


def through_itself_by_another(fields: dict[str, Any]) -> None:
    through(fields, 0, "patients", through=found_in("results"))


def through_itself_under_its_schemas_name(fields: dict[str, Any]) -> None:
    through(fields, 0, "results", schema="public")


@pytest.mark.vector("grants-policy-circular")
@pytest.mark.parametrize(
    "edit",
    [
        through_itself,
        through_each_other,
        through_itself_by_another,
        through_itself_under_its_schemas_name,
    ],
)
def test_policy_that_would_ask_its_own_table(world, cli, edit) -> None:
    path = world.instruct(edit)

    saying = "found through the table itself"
    cli.refused("grants", path, "--rows", "policy", at="public.results", saying=saying)


@pytest.mark.vector("name-invalid")
def test_name_that_postgresql_would_cut(world, cli) -> None:
    path = world.instruct(lambda f: f["tables"][0]["columns"][0].update(name="x" * 64))

    cli.refused("grants", path, at="a name", saying="longer than the database's names")


# --- usage: exit 2, nothing is printed ------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "saying"),
    [
        (["--rows", "policy", "--schema", "x"], "--schema is the schema of the views"),
        (["--schema", "public"], "views cannot be made in public"),
        (["--schema", "lab", "--source-schema", "lab"], "views cannot be made in lab"),
        (["--role", "r" * 64], "more than 63 bytes"),
        (["--role", "é" * 32], "more than 63 bytes"),
        (["--role", "r" * 58, "--rows", "policy"], "more than 57 bytes"),
        (["--schema", "s" * 64], "more than 63 bytes"),
    ],
)
def test_names_that_will_not_do(world, cli, options, saying) -> None:
    code, answer = cli("grants", world.instruct(), *options)

    assert code == 2
    assert saying in answer["error"]["message"]


def test_id_too_long_to_name_a_role_by(world, cli) -> None:
    path = world.instruct(lambda f: f.update(id="i" * 60))

    code, answer = cli("grants", path)
    assert code == 2
    assert "give another: --role" in answer["error"]["message"]
    code, answer = cli("grants", path, "--role", "reader", "--schema", "moved")
    assert (code, answer["role"], answer["schema"]) == (0, "reader", "moved")
