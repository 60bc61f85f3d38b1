"""Contracts of the Open Data Contract Standard: nothing is widened, nothing is dropped in silence."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from remit.cli import main
from remit.instruction import Instruction, parse, problems_of
from remit.instruction.odcs import export_contract, import_contract, summarised
from remit.instruction.odcs.contract import joined, leaves
from remit.instruction.odcs.types import proposed
from remit.instruction.plain_yaml import load

HERE = Path(__file__).parent / "odcs"
ROOT = HERE.parents[2]
EVERYTHING = (HERE / "everything.yaml").read_bytes()
CONTRACTS = sorted(path.name for path in HERE.glob("*.odcs.*"))
EACH = pytest.mark.parametrize("name", CONTRACTS)
Json = dict[str, Any]


def contract(name: str) -> Json:
    found: Json = load((HERE / name).read_bytes())
    return found


def written(fields: Json) -> bytes:
    return yaml.safe_dump(fields, allow_unicode=True, sort_keys=False).encode()


def exported(edit: Callable[[Json], object] = lambda _: None) -> Json:
    """What everything.yaml is as a contract, and then edited by hand."""
    fields: Json = load(export_contract(EVERYTHING).text.encode())
    edit(fields)
    return fields


# --- importing anybody's contract ---------------------------------------------------------------


def active(draft: str) -> list[Any]:
    return [
        column
        for table in load(draft.encode())["tables"] or []
        for column in table["columns"] or []
    ]


@EACH
def test_an_import_is_a_draft_that_allows_no_column(name: str) -> None:
    draft = import_contract((HERE / name).read_bytes()).text
    tables = load(draft.encode())["tables"] or []

    assert active(draft) == []
    assert not isinstance(problems_of(draft.encode()), Instruction)
    objects = contract(name).get("schema") or []
    assert [table["name"] for table in tables] == [
        each.get("physicalName", each["name"]) for each in objects
    ]


@EACH
def test_what_fills_in_a_draft_is_not_the_contract(name: str) -> None:
    """Whatever the contract says, the skeleton's own fields are those of an empty one."""
    empty = load(import_contract((HERE / "minimal.odcs.yaml").read_bytes()).text.encode())
    found = load(import_contract((HERE / name).read_bytes()).text.encode())

    assert found | {"tables": None} == empty | {"tables": None}


KEPT_AS_THEY_ARE = re.compile(r"apiVersion|kind|.*\.(physicalType|logicalType)")


def marked(value: Any, path: str, marks: dict[str, str]) -> Any:
    """The same with a mark of its own in place of each text and number."""
    if isinstance(value, dict):
        return {key: marked(inner, joined(path, key), marks) for key, inner in value.items()}
    if isinstance(value, list):
        return [marked(inner, joined(path, n), marks) for n, inner in enumerate(value)]
    if isinstance(value, bool) or value is None or KEPT_AS_THEY_ARE.fullmatch(path):
        marks[path] = f"{path.split('.')[-1].partition('[')[0]}: {json.dumps(value)}"
        return value
    number = 700_000 + len(marks)
    marks[path] = f"m{number}" if isinstance(value, str) else str(number)
    return marks[path] if isinstance(value, str) else number


@EACH
def test_each_leaf_is_in_the_draft_or_reported(name: str) -> None:
    marks: dict[str, str] = {}
    fields = marked(contract(name), "", marks)
    imported = import_contract(written(fields))
    one_line = re.sub(r"\n#\s+", " ", imported.text)

    assert set(marks) == set(leaves(fields))
    assert len(set(imported.not_carried)) == len(imported.not_carried)
    for path, mark in marks.items():
        if path in imported.not_carried:
            assert mark not in one_line or not mark.startswith(("m7", "7")), path
        else:
            assert mark in one_line, path
    assert set(imported.not_carried) <= set(marks)


def test_what_the_laboratory_says_is_quoted_and_the_rest_reported() -> None:
    imported = import_contract((HERE / "laboratory.odcs.yaml").read_bytes())
    quotes = re.sub(r"\n#\s+", " ", imported.text)

    for quote in (
        'description: {purpose: "Results for the physicians who ordered them", usage:',
        'name: "results", physicalName: "RESULTS", logicalType: "object", physicalType: "table", '
        'businessName: "Results", description: "One row for each analysis", tags: ["core"], '
        'quality: [{metric: "rowCount", mustBeBetween: [100, 900000]},',
        'relationships: [{type: "foreignKey", from: ["results.patient_id", "results.site"], to:',
        'tags: ["pii", "pseudonym"], relationships: [{to: "patients.id"}], customProperties: '
        '[{property: "pii", value: true}, {property: "steward", value: {team: "privacy", since: '
        '2021}, description: "Whom to ask"}]',
        "primaryKey: true",
        'classification: "internal", criticalDataElement: true',
    ):
        assert quote in quotes
    lines = imported.text.splitlines()
    assert "  - name: RESULTS" in lines
    assert any("{name: RESULT_ID, type: integer, category: ..., purpose: ...," in x for x in lines)
    assert not any("name: password" in x for x in lines if "type:" in x)
    reported = summarised(imported.not_carried)
    for path in (
        "servers[].host (2 times)",
        "team.members[].username (2 times)",
        "roles[].role",
        "price.priceAmount",
        "support[].channel",
        "slaProperties[].property (2 times)",
        "schema[].properties[].examples[] (5 times)",
        "schema[].properties[].quality[].query",
        "schema[].properties[].quality[].implementation.kwargs.min_value",
    ):
        assert path in reported


def test_values_that_a_contract_gives_as_examples_are_never_in_a_draft() -> None:
    imported = import_contract((HERE / "laboratory.odcs.yaml").read_bytes())

    assert "LYO1" not in imported.text
    assert "schema[0].properties[2].examples[0]" in imported.not_carried


def test_hostile_texts_stay_in_their_comments() -> None:
    imported = import_contract((HERE / "hostile.odcs.yaml").read_bytes())
    [table] = load(imported.text.encode())["tables"]

    assert table["columns"] is None
    assert load(imported.text.encode())["id"] == "..."
    for line in re.split("[\n\r\x85\u2028\u2029]", imported.text):
        assert line.lstrip().startswith("#") or "nir" not in line
    assert imported.text.count("\n") == len(imported.text.splitlines())


@pytest.mark.parametrize(
    ("logical", "options", "physical", "expected"),
    [
        ("string", {}, None, "string"),
        ("string", {"format": "uuid"}, None, "uuid"),
        ("integer", {}, None, "integer"),
        ("integer", {"format": "u128"}, None, None),
        ("number", {"format": "f64"}, None, "double"),
        ("number", {}, None, "decimal(0,0)"),  # any decimal; a draft asks for its places
        ("boolean", {}, None, "boolean"),
        ("date", {}, None, "date"),
        ("timestamp", {}, None, "timestamp"),
        ("timestamp", {"timezone": True}, None, "timestamptz"),
        ("timestamp", {"timezone": "true"}, None, "timestamp"),
        ("time", {}, None, None),
        ("object", {}, None, None),
        ("array", {}, None, None),
        ("UUID", {}, None, None),
        (None, None, None, None),
        ("date", {}, "timestamp", "timestamp"),  # the physical type is that of the source
        ("timestamp", {"timezone": True}, "TIMESTAMP", "timestamptz"),
        ("date", {"timezone": True}, "date", "date"),
        (None, None, "timestamp  with time zone", "timestamptz"),
        (None, None, "varchar[2147483647]", "string"),
        (None, None, "CHARACTER VARYING(20)", "string"),
        (None, None, "NVARCHAR2 (20)", "string"),
        (None, None, "int4", "integer"),
        (None, None, "integer[]", None),
        (None, None, "decimal(12,4)", "decimal(12,4)"),
        (None, None, "NUMERIC( 12 , 4 )", "decimal(12,4)"),
        (None, None, "numeric(9)", "decimal(9,0)"),
        (None, None, "number", "decimal(0,0)"),
        (None, None, "numeric(60,2)", None),
        (None, None, "float(3,2)", "double"),
        (None, None, "uniqueidentifier", "uuid"),
        ("string", {}, "bytea", None),
        ("string", {}, "Name", None),
    ],
)
def test_types(
    logical: str | None, options: Json | None, physical: str | None, expected: str | None
) -> None:
    found = proposed(logical, options, physical)

    assert (str(found) if found else None) == expected


def test_what_is_nested_or_of_no_type_is_pointed_out_and_not_offered() -> None:
    nested = import_contract((HERE / "nested.odcs.yaml").read_bytes()).text
    types = import_contract((HERE / "types.odcs.yaml").read_bytes()).text

    for name in ("patient", "analyses"):
        [line] = [x for x in nested.splitlines() if re.match(rf"\s+# {name}:", x)]
        assert "(nested)" in line
        assert line.endswith("cannot leave")
    tables = nested[nested.index("\ntables:") :]
    assert "# - {name" not in tables
    assert not re.search("address|postcode|code:|values", tables)
    offered = set(re.findall(r"# - \{name: (\w+),", types))
    assert {"label", "guid", "taken_at", "amount", "exact", "stamped"} <= offered
    assert offered.isdisjoint({"at_hour", "huge", "extra", "codes", "blob", "unknown"})


def test_a_deep_contract_is_drafted_too() -> None:
    inner: Json = {"name": "leaf", "logicalType": "string"}
    for _ in range(60):
        inner = {"name": "n", "logicalType": "array", "items": {"properties": [inner]}}
    fields = contract("minimal.odcs.yaml") | {"schema": [{"name": "deep", "properties": [inner]}]}

    text = import_contract(written(fields)).text
    assert active(text) == []
    assert 'name: "leaf"' in text


# --- exporting ----------------------------------------------------------------------------------


def test_an_export_has_these_fields() -> None:
    found = exported()

    assert {name: found[name] for name in list(found)[:6]} == {
        "apiVersion": "v3.1.0",
        "kind": "DataContract",
        "id": "durand-everything",
        "version": "3",
        "status": "draft",
        "description": {
            "purpose": "Continuity of care after the change of laboratory system in Lyon"
        },
    }
    assert list(found)[6:] == ["schema", "roles", "slaProperties", "customProperties"]
    assert found["roles"] == [
        {"role": "kalisil", "access": "read", "description": "Kalisil SAS, FR"},
        {"role": "statlab", "access": "read", "description": "Statlab Inc., US"},
    ]
    [level] = found["slaProperties"]
    assert (level["property"], level["value"], level["unit"]) == ("retention", 14, "d")
    names = [each["property"] for each in found["customProperties"]]
    assert names == ["remit", *(f"remit.{name}" for name in load(EVERYTHING) if name in BESIDE)]


BESIDE = (
    "supersedes controller joint_controllers processor subject nature data_subjects valid changes "
    "objections recipients subprocessors security pseudonym_keys suppress dump expectations reporting "
    "confirmation retention contacts approval supervision"
).split()


def test_a_table_is_exported_as_an_object() -> None:
    units = exported()["schema"][1]

    assert units == {
        "name": "units",
        "physicalName": "units",
        "logicalType": "object",
        "properties": [
            {
                "name": "code",
                "physicalType": "string",
                "logicalType": "string",
                "classification": "technical",
                "customProperties": [
                    {"property": "remit.purpose", "value": "Identity of the unit"}
                ],
            }
        ],
        "quality": [
            {
                "type": "library",
                "metric": "rowCount",
                "mustBeLessOrEqualTo": 1,
                "description": "With more rows in scope, nothing leaves",
            }
        ],
        "customProperties": [
            {
                "property": "remit.no_data_subject",
                "value": "A list of units of measure, which names nobody",
            },
            {
                "property": "remit.rows",
                "value": {
                    "all": "A list of units of measure that every result refers to",
                    "maximum": 1,
                },
            },
        ],
    }


@pytest.mark.parametrize(
    ("number", "physical", "logical", "options"),
    [
        (0, "uuid", "string", {"format": "uuid"}),
        (1, "decimal(10,0)", "number", None),
        (2, "date", "date", None),
        (3, "timestamptz", "timestamp", {"timezone": True}),
        (5, "double", "number", {"format": "f64"}),
        (6, "string", "string", None),
        (9, "boolean", "boolean", None),
    ],
)
def test_a_type_is_exported_as_physical_and_logical_one(
    number: int, physical: str, logical: str, options: Json | None
) -> None:
    found = exported()["schema"][0]["properties"][number]

    assert (found["physicalType"], found["logicalType"]) == (physical, logical)
    assert found.get("logicalTypeOptions") == options


def test_what_the_standard_can_say_of_a_column_is_said_in_its_fields() -> None:
    columns = exported()["schema"][0]["properties"]

    assert [column.get("required") for column in columns] == [True, *[None] * 9, False, None]
    assert columns[9]["classification"] == "belief"
    assert columns[1]["transformDescription"] == "pseudonym under key patients"
    assert "transformDescription" not in columns[9]


def test_a_retention_in_hours_is_said_in_hours() -> None:
    fields = load(EVERYTHING)
    fields["retention"] |= {"without_confirmation": "PT36H", "after_confirmation": "PT0S"}
    [level] = load(export_contract(written(fields)).text.encode())["slaProperties"]

    assert (level["value"], level["unit"]) == (36, "h")


def test_what_the_standard_has_no_field_for_is_named_with_its_place() -> None:
    kept = export_contract(EVERYTHING).kept

    assert "schema[].properties[].customProperties: remit.transform" in kept
    assert "schema[].customProperties: remit.rows" in kept
    assert {f"customProperties: remit.{name}" for name in BESIDE} <= set(kept)
    assert len(kept) == len(set(kept))


# --- there and back -----------------------------------------------------------------------------


def test_an_export_is_read_back_as_the_same_instruction() -> None:
    imported = import_contract(export_contract(EVERYTHING).text.encode())

    assert imported.not_carried == ()
    assert load(imported.text.encode()) == load(EVERYTHING)
    assert parse(imported.text.encode()) == parse(EVERYTHING)
    assert "It is not signed" in imported.text.splitlines()[0]


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=2, max_size=30)
NAMES = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"], exclude_characters=",;:"),
    min_size=1,
    max_size=20,
).map(lambda name: f"x{name}x")
EDITS: list[tuple[str, st.SearchStrategy[Any]]] = [
    ("subject", TEXTS.map(lambda t: f"Results of the two sites in Lyon {t}")),
    ("purpose", TEXTS.map(lambda t: f"Continuity of care in Lyon {t}")),
    ("processor.contract", TEXTS.map(lambda t: f"DUR-2026-014 {t}")),
    ("id", st.from_regex(r"[a-z0-9][a-z0-9-]{1,20}", fullmatch=True)),
    ("version", st.integers(3, 2**31)),
    ("retention.without_confirmation", st.from_regex(r"P[1-9]\d{2,4}D|P[3-9]W|PT9\d{4}M", fullmatch=True)),
    ("contacts.breach_within", st.from_regex(r"P\dDT[1-9]H|PT[1-9]\d{0,5}S", fullmatch=True)),
    ("valid.until", st.sampled_from(["2099-02-28T23:59:59-11:30", "2027-01-01T00:00:00Z"])),
    ("tables.0.name", NAMES),
    ("tables.0.at", st.sampled_from([{"table": "a.b"}, {"schema": "é", "table": "'"}])),
    ("tables.0.columns.0.name", NAMES),
    ("tables.0.columns.0.type", st.sampled_from(["integer", "string", "decimal(38,0)", "timestamp"])),
    ("tables.0.columns.0.category", st.sampled_from(["health", "belief", "contact"])),
    ("tables.0.columns.0.nullable", st.booleans()),
    ("tables.0.columns.0.purpose", TEXTS.map(lambda t: f"Identity {t}")),
    ("tables.0.columns.6.transform", st.sampled_from([{"kind": "empty"}, {"kind": "keep"}])),
    ("tables.0.columns.7.transform.value", st.text(max_size=20)),
    ("tables.2.rows.sites.in", st.lists(NAMES, min_size=1, max_size=5, unique=True)),
    ("tables.2.rows.maximum", st.integers(1, 2**40)),
    ("security.endpoint", NAMES),
    ("suppress.subjects", st.lists(st.from_regex(r"[0-9a-f]{64}", fullmatch=True), max_size=3, unique=True)),
]  # fmt: skip


def edited(changes: dict[str, Any]) -> Json:
    fields = copy.deepcopy(load(EVERYTHING))
    for path, value in changes.items():
        *parents, last = [int(part) if part.isdigit() else part for part in path.split(".")]
        place: Any = fields
        for parent in parents:
            place = place[parent]
        place[last] = value
    fields["expectations"][0]["table"] = fields["tables"][0]["name"]
    return fields


@pytest.mark.slow
@settings(
    max_examples=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.filter_too_much],
)
@given(st.fixed_dictionaries({}, optional=dict(EDITS)))
def test_any_instruction_survives_export_and_import(changes: dict[str, Any]) -> None:
    text = written(edited(changes))
    terms = problems_of(text)
    assume(isinstance(terms, Instruction))

    imported = import_contract(export_contract(text).text.encode())

    assert parse(imported.text.encode()) == terms
    assert imported.not_carried == ()


def test_a_column_added_to_an_export_is_withheld_and_reported() -> None:
    def add(fields: Json) -> None:
        fields["schema"][0]["properties"].insert(
            0, {"name": "nir", "physicalType": "string", "classification": "identity"}
        )
        fields["schema"].append({"name": "patients", "properties": [{"name": "nir"}]})

    imported = import_contract(written(exported(add)))

    assert parse(imported.text.encode()) == parse(EVERYTHING)
    assert set(imported.not_carried) == {
        "schema[0].properties[0].name",
        "schema[0].properties[0].physicalType",
        "schema[0].properties[0].classification",
        "schema[3].name",
        "schema[3].properties[0].name",
    }


def test_what_a_catalogue_adds_to_an_export_is_reported_and_changes_nothing() -> None:
    def add(fields: Json) -> None:
        fields |= {"status": "active", "apiVersion": "v3.2.0", "domain": "diagnostics"}
        fields["schema"][0]["tags"] = ["core"]
        fields["roles"].insert(0, {"role": "steward"})
        fields["customProperties"].insert(0, {"property": "remitted", "value": 1})

    imported = import_contract(written(exported(add)))

    assert parse(imported.text.encode()) == parse(EVERYTHING)
    assert set(imported.not_carried) == {
        "status",
        "domain",
        "schema[0].tags[0]",
        "roles[0].role",
        "customProperties[0].property",
        "customProperties[0].value",
    }


def test_a_column_whose_own_properties_are_taken_out_does_not_leave() -> None:
    def remove(fields: Json) -> None:
        del fields["schema"][0]["properties"][11]["customProperties"]

    imported = import_contract(written(exported(remove)))

    names = [column.name for column in parse(imported.text.encode()).tables[0].columns]
    assert "conclusion" not in names
    assert len(names) == 11
    assert "schema[0].properties[11].name" in imported.not_carried


# --- the commands -------------------------------------------------------------------------------


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[str, str]]:
    def command(*arguments: object) -> tuple[str, str]:
        assert main(["instruction", *map(str, arguments)]) == 0
        printed = capsys.readouterr()
        return printed.out, printed.err

    return command


def test_import_prints_the_draft_and_beside_it_what_is_not_in_it(run: Any) -> None:
    out, err = run("import", HERE / "laboratory.odcs.yaml")
    fields = json.loads(run("import", HERE / "laboratory.odcs.yaml", "--json")[0])

    assert active(out) == []
    assert f"Not carried over ({len(fields['not_carried'])}):\n" in err
    assert "  servers[].host (2 times)\n" in err
    assert fields["draft"].strip() == out.strip()
    assert "servers[0].host" in fields["not_carried"]


def test_import_of_what_is_carried_whole_says_nothing_beside_it(run: Any) -> None:
    out, err = run("import", HERE / "minimal.odcs.yaml")

    assert 'id: "least"' in out
    assert err == ""


def test_export_and_import_by_command_line(run: Any, tmp_path: Path) -> None:
    out, err = run("export", HERE / "everything.yaml")
    (tmp_path / "contract.odcs.yaml").write_text(out)
    fields = json.loads(run("export", HERE / "everything.yaml", "--json")[0])
    back, not_carried = run("import", tmp_path / "contract.odcs.yaml")

    assert "The signatures are not carried." in err
    assert "  schema[].customProperties: remit.rows\n" in err
    assert fields["contract"].strip() == out.strip()
    assert fields["not_carried"] == ["signatures"]
    assert "customProperties: remit.controller" in fields["kept_in_custom_properties"]
    assert parse(back.encode()) == parse(EVERYTHING)
    assert not_carried == ""


def test_a_file_that_is_not_there_is_a_wrong_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["instruction", "import", str(HERE / "none.odcs.yaml")]) == 2
    assert "cannot read the contract" in capsys.readouterr().err


# --- the page -----------------------------------------------------------------------------------


def documented(heading: str) -> Iterator[list[str]]:
    text = (ROOT / "docs" / "odcs.md").read_text("utf-8").partition(f"## {heading}\n")[2]
    for line in text.partition("\n## ")[0].splitlines():
        if line.startswith("| `"):
            yield [cell.strip() for cell in line.strip("|").split("|")]


def test_every_field_that_import_reads_is_documented_and_no_other() -> None:
    from remit.instruction.odcs import contract as read

    parts = {
        "": read.Contract,
        "description.": read.Description,
        "schema[].": read.Object,
        "schema[].properties[].": read.Property,
        "quality[].": read.Quality,
        "relationships[].": read.Relationship,
        "customProperties[].": read.CustomProperty,
    }
    fields = {
        prefix + (field.alias or read.to_camel(name))
        for prefix, part in parts.items()
        for name, field in part.model_fields.items()
    }

    cells = [re.findall("`([^`]+)`", row[0]) for row in documented("Import")]
    assert {field for row in cells for field in row} == fields


def test_every_field_of_an_instruction_has_its_place_in_an_export_documented() -> None:
    rows = {row[0].strip("`"): row[1] for row in documented("Export")}
    kept = export_contract(EVERYTHING).kept

    assert {name for name in load(EVERYTHING) if name != "tables"} <= set(rows)
    for each in kept:
        assert any(f"`{each.split(': ')[1]}`" in place for place in rows.values()), each
