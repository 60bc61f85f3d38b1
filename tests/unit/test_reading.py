"""Reading an instruction: everything that is wrong, where it is, which law asks for it; the schema."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from remit.errors import Refused
from remit.instruction import Instruction, parse, problems_of
from remit.instruction.fields import choices, law_of, locate, members, models_in
from remit.instruction.plain_yaml import load
from remit.instruction.reading import Problem
from remit.instruction.schema import json_schema, text
from remit.instruction.vague import require_concrete, require_filled, require_group

ROOT = Path(__file__).resolve().parents[2]
# An instruction that uses every field there is.
EVERYTHING = (Path(__file__).parent / "odcs" / "everything.yaml").read_bytes()
FIELDS: dict[str, Any] = load(EVERYTHING)


def fields() -> dict[str, Any]:
    return copy.deepcopy(FIELDS)


def written(found: Any) -> bytes:
    """As YAML with each field on a line of its own, which JSON is too."""
    return json.dumps(found, indent=1).encode()


def problems(text: bytes) -> list[Problem]:
    found = problems_of(text)
    assert isinstance(found, list)
    return found


def changed(path: str, value: Any) -> bytes:
    found = fields()
    place, last = found_at(found, path)
    place[last] = value
    return written(found)


def found_at(found: Any, path: str) -> tuple[Any, Any]:
    """The group or list that a path such as ``tables.0.name`` ends in, and its last part."""
    *parents, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    for parent in parents:
        found = found[parent]
    return found, last


def test_instruction_that_uses_every_field_is_read() -> None:
    assert isinstance(problems_of(EVERYTHING), Instruction)


# --- where and why --------------------------------------------------------------------------------

SHORT = """\
remit: 1
id: Durand
controller: {name: durand, legal_name: Durand SELAS, contact: {name: Hélène Durand}}
subject: as needed
retention:
  at_end: delete
  after_confirmation: PT0S
  without_confirmation: as needed
  backup: Staging is on a volume that no backup job reads
tables:
  - name: results
    rows:
      maximum: many
    columns:
      - {name: id, type: integer, category: technical, purpose: Identity, transform: {kind: hash}}
      - name: value
        type: string
        category: Health
        purpose:
"""


def test_each_problem_has_the_place_where_to_correct_it() -> None:
    found = {p.where: (p.line, p.column) for p in problems(SHORT.encode())}

    assert (
        found.items()
        >= {
            "id": (2, 5),
            "version": (1, 1),  # missing: where the group that lacks it begins
            "controller.contact.email": (3, 63),
            "subject": (4, 10),
            "retention.backups": (6, 3),
            "retention.without_confirmation": (8, 25),
            "retention.backup": (9, 3),  # unknown: the name, not the value
            "tables[0].rows.maximum": (13, 16),
            "tables[0].columns[0].transform.kind": (15, 93),
            "tables[0].columns[1].category": (18, 19),
            "tables[0].columns[1].purpose": (19, 17),
        }.items()
    )


def test_each_problem_has_its_code_and_the_law() -> None:
    found = {p.where: (p.code, p.message) for p in problems(SHORT.encode())}

    assert found["purpose"] == (
        "instruction-incomplete", "it is missing (Art. 28(3), 5(1)(b) GDPR).",
    )  # fmt: skip
    assert found["retention.backups"] == (
        "instruction-incomplete", "it is missing (Art. 28(3)(g) GDPR).",
    )  # fmt: skip
    assert found["retention.backup"] == (
        "instruction-invalid", "there is no such field; perhaps backups is meant.",
    )  # fmt: skip
    assert found["retention.without_confirmation"] == (
        "instruction-invalid",
        "must be a duration such as P30D, P2W or PT24H (Art. 28(3)(g) GDPR).",
    )
    assert found["tables[0].columns[0].transform.kind"] == (
        "transformation-unknown",
        "there is no such transformation; there are 'keep', 'pseudonym', 'generalise', 'truncate', "
        "'constant', 'empty' (Art. 25(1) GDPR).",
    )
    assert found["tables[0].columns[1].purpose"] == (
        "instruction-incomplete", "it is not filled in (Art. 5(1)(c) GDPR).",
    )  # fmt: skip
    assert found["confirmation"] == ("instruction-invalid", "it is missing.")


def test_what_says_nothing_is_told_what_would_do() -> None:
    [problem] = problems(changed("purpose", "data migration"))

    assert (problem.code, problem.law) == ("instruction-incomplete", "Art. 28(3), 5(1)(b) GDPR")
    assert problem.message == (
        'says nothing of this very case; say it as in "Continuity of care after the change of '
        'laboratory system in Lyon" (Art. 28(3), 5(1)(b) GDPR).'
    )


def test_problems_come_in_the_order_of_the_text() -> None:
    places = [(p.line, p.column) for p in problems(SHORT.encode())]

    assert places == sorted(places)


def test_refusal_names_field_line_and_column() -> None:
    text = fields()
    del text["retention"]["backups"], text["changes"]
    with pytest.raises(Refused) as caught:
        parse(written(text))

    assert caught.value.code == "instruction-incomplete"
    assert caught.value.where == "instruction field changes, line 1, column 1"
    assert caught.value.message.endswith(
        "(Art. 28(3)(a) GDPR). (1 more: remit instruction lint FILE)"
    )


@pytest.mark.parametrize(
    ("text", "line", "column", "saying"),
    [
        (b"remit: 1\nid: [a\nversion: 1\n", 3, 8, "not YAML"),
        (b"remit: 1\n id: a\n", 2, 4, "not YAML"),
        (b"remit: 1\nid: a\nid: b\n", 3, 1, "the field id appears twice"),
        ("# é\nid: 'a\x07b'\n".encode(), 2, 7, "control character"),
        (b"id: &a x\nnature: *a\n", 2, 9, "aliases"),
        (b"id: !!str x\n", 1, 5, "tags"),
        (b"id: !x x\n", 1, 5, "tags"),
        (b"version: 9007199254740993\n", 1, 10, "too large"),
        (b"1: x\n", 1, 1, "plain text"),
        (b"", 1, 1, "not filled in"),
        (b"nothing", 1, 1, "group of fields"),
    ],
)
def test_what_is_not_plain_yaml_has_a_place_too(text, line, column, saying) -> None:
    [problem] = problems(text)

    assert (problem.line, problem.column) == (line, column)
    assert saying in problem.message


@pytest.mark.parametrize("word", ["NO", "yes", "on", "0123", "1_000", "1:30", "0x1F", "2024-01-01"])
def test_what_yaml_has_a_second_meaning_for_stays_text(word) -> None:
    text = changed("tables.0.rows.only.1.in", ["LYO1"]).replace(b'"LYO1"', word.encode())

    assert parse(text).tables[0].rows.only[1].values == [word]


@pytest.mark.parametrize("word", ["0500", "0x1F", "1_000", "1:30", "yes"])
def test_number_with_a_second_meaning_is_no_number(word) -> None:
    text = changed("tables.0.rows.maximum", 7777).replace(b"7777", word.encode())

    [problem] = problems(text)
    assert (problem.where, problem.message[:22]) == (
        "tables[0].rows.maximum",
        "must be a whole number",
    )


def test_field_of_a_hostile_name_does_not_write_lines() -> None:
    text = written(fields() | {"a\nb" * 1000: 1})

    [problem] = problems(text)
    assert "\n" not in problem.where
    assert len(problem.where) < 100


# --- the law behind each field --------------------------------------------------------------------


def every_field(model: Any = Instruction, at: tuple[Any, ...] = ()) -> Any:
    """Each field's path and what the model says of it; recursion is followed once."""
    for name, field in members(model).items():
        path = (*at, name)
        yield path, field
        kinds = list(choices(field.annotation))
        if "list[" in str(field.annotation):
            path, kinds = (*path, 0), list(choices(kinds[0].__args__[0]))
        for group in models_in(kinds):
            if path.count(name) < 3:
                tag = (group.model_fields["kind"].annotation.__args__[0],) if len(kinds) > 1 else ()
                yield from every_field(group, path + tag)


def test_every_path_of_the_model_is_found_again() -> None:
    found = list(every_field())

    assert len(found) > 150
    for path, field in found:
        located = locate(path)
        assert located.path[-1] == path[-1]
        assert located.kinds, path
        assert law_of(field) in (None, located.law)


def is_statement(annotation: Any, metadata: Any) -> bool:
    if any(getattr(one, "func", None) in (require_concrete, require_group) for one in metadata):
        return True
    inner = [one for one in get_args(annotation) if get_args(one)]
    return any(is_statement(one, getattr(one, "__metadata__", ())) for one in inner)


def test_every_statement_names_its_law_and_shows_an_example_that_passes() -> None:
    statements = {
        path: field
        for path, field in every_field()
        if is_statement(field.annotation, field.metadata)
    }

    assert ("retention", "backups") in statements
    assert ("data_subjects",) in statements
    assert ("tables", 0, "columns", 0, "free_text") in statements
    for field in statements.values():
        assert law_of(field), field
        for example in field.examples:
            text = example[0] if isinstance(example, list) else example
            assert require_concrete(require_filled(text)) == text


@pytest.mark.parametrize(
    ("location", "where", "law"),
    [
        (("contacts", "authorised", 2, "email"), "contacts.authorised[2].email", "28(3)(b)"),
        (("tables", 0, "rows", "sites", "in", 1, "int"), "tables[0].rows.sites.in[1]", "5(1)(c)"),
        (
            ("tables", 0, "columns", 3, "transform", "pseudonym", "key"),
            "tables[0].columns[3].transform.key", "25(1)",
        ),
        (
            ("tables", 0, "rows", "through", 0, "through", 1, "window", "from"),
            "tables[0].rows.through[0].through[1].window.from", "5(1)(c)",
        ),
        (("suppress", "subjects", 0), "suppress.subjects[0]", "28(3)(e)"),
    ],
)  # fmt: skip
def test_law_of_a_place(location, where, law) -> None:
    located = locate(location)

    assert str(located) == where
    assert located.law == f"Art. {law} GDPR"


def test_unknown_field_has_no_law() -> None:
    assert locate(("retention", "forever", "x")).law is None


# --- whatever is written --------------------------------------------------------------------------

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=6) | st.floats(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=6,
)


def places(found: Any) -> Iterator[tuple[Any, Any]]:
    """Each group or list in a document, with each name or index in it."""
    if isinstance(found, dict | list):
        for key in found if isinstance(found, dict) else range(len(found)):
            yield found, key
            yield from places(found[key])


@settings(deadline=None, max_examples=40)
@given(data=st.data())
def test_every_problem_of_whatever_is_written_lies_in_the_text(data) -> None:
    found = fields()
    for _ in range(data.draw(st.integers(1, 3))):
        group, key = data.draw(st.sampled_from(list(places(found))))
        if data.draw(st.booleans()):
            group[key] = data.draw(ANYTHING)
        else:
            del group[key]
    text = written(found)
    lines = text.decode().splitlines()

    result = problems_of(text)

    for problem in [] if isinstance(result, Instruction) else result:
        assert problem.column <= len(lines[problem.line - 1]) + 1
        assert problem.code in (
            "instruction-incomplete", "instruction-invalid", "transformation-unknown",
        )  # fmt: skip
        assert problem.message.endswith(".")
        assert "Input" not in problem.message


@given(text=st.binary(max_size=40) | st.text(max_size=40).map(str.encode))
def test_no_text_is_too_strange_to_be_told_its_problems(text) -> None:
    assert problems(text)


# --- the schema -----------------------------------------------------------------------------------

SCHEMA = json_schema()
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def test_schema_that_is_shipped_is_the_models() -> None:
    shipped = (ROOT / "include/schemas/instruction.schema.json").read_text("utf-8")

    assert shipped == text(), (
        "python -m remit.instruction.schema > include/schemas/instruction.schema.json"
    )


def test_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert (SCHEMA["$schema"], SCHEMA["$id"]) == (
        "https://json-schema.org/draft/2020-12/schema", "urn:remit:instruction:1",
    )  # fmt: skip


def groups() -> list[dict[str, Any]]:
    return [SCHEMA, *(group for group in SCHEMA["$defs"].values() if "properties" in group)]


def test_schema_has_every_field_described_and_no_field_unknown() -> None:
    assert len(groups()) > 30
    for group in groups():
        assert group["additionalProperties"] is False
        assert group["type"] == "object"
        assert group["description"]
        for name, field in group["properties"].items():
            assert field["description"].endswith("."), (group["description"], name)
            assert "default" not in field or field["default"] is not None


def test_schema_shows_each_fields_law() -> None:
    for path, field in every_field():
        if len(path) == 1:
            described = SCHEMA["properties"][path[0]]["description"]
            assert described.endswith(f"({law_of(field)})." if law_of(field) else ".")
    assert (
        "(Art. 28(3)(g) GDPR)"
        in SCHEMA["$defs"]["Retention"]["properties"]["backups"]["description"]
    )


def test_schema_has_nothing_that_only_other_tools_know() -> None:
    assert not {"discriminator", "law", "title"} & set().union(*(group for group in groups()[1:]))
    assert '"discriminator"' not in text()


def test_schema_accepts_what_uses_every_field() -> None:
    VALIDATOR.validate(fields())


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("extra", 1),
        ("remit", 2),
        ("id", "Durand"),
        ("version", "3"),
        ("subject", 7),
        ("data_subjects", []),
        ("recipients.0.country", "France"),
        ("recipients.0.key", "x25519:AAAA"),
        ("recipients.0.categories.0", "Health"),
        ("security.transport", "ftp"),
        ("confirmation.level", "L4"),
        ("valid.from", "2026-01-01"),
        ("retention.without_confirmation", "as needed"),
        ("retention.after_confirmation", "P1M"),
        ("retention.at_end", "keep"),
        ("contacts.breach.email", "nobody"),
        ("contacts.breach.phone", "1"),
        ("tables.0.columns.0.type", "jsonb"),
        ("tables.0.columns.0.mask", "md5"),
        ("tables.0.columns.0.name", "a,b"),
        ("tables.0.columns.1.transform.kind", "hash"),
        ("tables.0.columns.2.transform.key", "patients"),
        ("tables.0.columns.2.transform", {"to": "year"}),
        ("tables.0.rows.maximum", 0),
        ("tables.0.rows.window.from", "yesterday"),
        ("tables.0.rows.through.0.through.0.limit", 1),
        ("expectations.0.file", "../a.yaml"),
    ],
    ids=str,
)
def test_schema_and_model_refuse(path, value) -> None:
    text = changed(path, value)

    assert problems(text)
    assert not VALIDATOR.is_valid(json.loads(text))


@pytest.mark.parametrize(
    "path",
    ["retention.backups", "contacts.audit", "purpose", "tables.0.columns", "tables.0.rows.maximum"],
)
def test_schema_and_model_refuse_what_lacks(path) -> None:
    found = fields()
    place, last = found_at(found, path)
    del place[last]

    assert any(problem.where.endswith(last) for problem in problems(written(found)))
    assert not VALIDATOR.is_valid(found)


GONE = object()
PLAUSIBLE = [
    None, True, False, 1, 3, 10**12, "a1", "LYO1", "NO", "CH", "keep", "health", "year", "folder", "s3",
    "decimal(38, 10)", "decimal(4,2)", "integer", "string", "timestamp", "timestamptz", "PT1H", "P2W",
    "2023-06-30", "2023-06-30T00:00:00", "2026-06-30T00:00:00Z", "Europe/Lisbon", "Patients",
    "Résultats des deux sites de Lyon", "Nom d'usage", "größe", "a.yaml", "jean@dupont.example", "0" * 64,
    "sha256:" + "0" * 64, [], ["LYO1"], [1, 2], ["health"], {}, {"kind": "keep"}, {"kind": "empty"},
]  # fmt: skip


def without(found: Any, group: Any, key: Any) -> Any:
    """A copy of the document in which that entry of that group or list is not there."""
    if isinstance(found, dict):
        kept = {k: v for k, v in found.items() if found is not group or k != key}
        return {k: without(v, group, key) for k, v in kept.items()}
    if isinstance(found, list):
        kept_too = [v for k, v in enumerate(found) if found is not group or k != key]
        return [without(v, group, key) for v in kept_too]
    return found


def is_instruction(text: str) -> bool:
    try:
        Instruction.model_validate_json(text)
    except ValidationError:
        return False
    return True


@pytest.mark.slow
def test_what_the_model_accepts_the_schema_accepts() -> None:
    found, accepted = fields(), 0
    changes = [(*place, value) for place in places(found) for value in [*PLAUSIBLE, GONE]]
    for group, key, value in random.Random(7).sample(changes, 3_000):
        kept = group[key]
        group[key] = value
        text = json.dumps(found if value is not GONE else without(found, group, key))
        if is_instruction(text):
            accepted += 1
            VALIDATOR.validate(json.loads(text))
        group[key] = kept

    assert accepted > 200
