"""A draft allows nothing, points out what to look at, and becomes an instruction once filled in."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from remit.adapters.sql_source import open_source
from remit.cli import main
from remit.columns import SIMPLE, ColumnType
from remit.instruction import Instruction, problems_of
from remit.instruction.draft import draft
from remit.instruction.drafting.dates import event_dates
from remit.instruction.drafting.hints import is_credential, is_instructable
from remit.instruction.drafting.ways import site_column
from remit.instruction.plain_yaml import load
from remit.ports import Relation, SourceColumn

TIME = ColumnType("timestamptz")
KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
SAID = "Results of the laboratory in Lyon that moves to a new system"


def column(
    name: str, kind: str | None = "string", native: str = "text", **more: Any
) -> SourceColumn:
    declared = None if kind is None else ColumnType(kind) if kind == "decimal" else None
    if kind is not None and declared is None:
        declared = ColumnType.parse(kind)
    return SourceColumn(name, native, declared, True, **more)


def lines(*columns: SourceColumn, table: str = "t", schema: Any = None) -> str:
    return draft({table: columns}, schema)


def uncommented(text: str) -> str:
    """The draft with every column taken in, and every membership and way to names that it proposes."""
    text = re.sub(r"^    # (subject_names: )", r"    \1", text, flags=re.M)
    text = re.sub(r"^( +)# (- \{name: )", r"\1\2", text, flags=re.M)
    return re.sub(r"^      # (through:|  .*)", r"      \1", text, flags=re.M)


def filled(text: str, *, through: bool = True) -> str:
    """The draft as an editor would fill it in: comments taken in, every ... answered."""
    fields = yaml.safe_load(uncommented(text))
    for table in fields["tables"]:
        rows = table["rows"]
        if not through:
            rows.pop("through", None)
        if any("window" in limits for limits in within(rows)):
            rows.pop("all", None)
            rows.pop("undated", None)
        elif "all" in rows and "through" in rows:
            rows["undated"] = rows.pop("all")
        for limits in [rows, *within(rows)]:
            answer_limits(limits)
        for one in table["columns"]:
            one["type"] = "decimal(10,2)" if one["type"] == "..." else one["type"]
    fields = answered(fields)
    for name in ("breach", "rights", "audit"):
        fields["contacts"][name] = dict(PERSON)
    fields["contacts"]["authorised"] = [dict(PERSON)]
    fields["valid"] = {"from": "2026-01-01T00:00:00Z", "until": "2027-01-01T00:00:00Z"}
    fields["nature"] = "One extraction from the old system and transfer to the new one"
    fields["purpose"] = "Continuity of care after the change of laboratory system in Lyon"
    return yaml.safe_dump(fields, allow_unicode=True, sort_keys=False)


def within(limits: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The limits of each table that membership leads through."""
    for other in limits.get("through", []):
        yield other
        yield from within(other)


def answer_limits(limits: dict[str, Any]) -> None:
    if "window" in limits:
        offset = {"timestamptz": "T00:00:00Z", "timestamp": "T00:00:00"}
        end = offset.get(limits["window"]["type"], "")
        limits["window"] |= {"from": f"2024-01-01{end}", "to": f"2025-01-01{end}"}
    for name in ("codes", "sites"):
        if name in limits:
            kind = limits[name].get("type", "string")
            texts = {"string": ["a"], "uuid": ["00000000-0000-0000-0000-000000000001"]}
            limits[name]["in"] = texts.get(kind, [1])


def answered(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        return {key: answered(inner, key) for key, inner in value.items()}
    if isinstance(value, list):
        return [answered(inner, name) for inner in value]
    return ANSWERS.get(name, SAID) if value == "..." else value


PERSON = {"name": "Hélène Durand", "email": "helene@durand.example"}
ANSWERS: dict[str, Any] = {
    "id": "durand-2026", "name": "durand", "legal_name": "Durand SELAS", "contract": "DUR-1",
    "email": "helene@durand.example", "signing_key": f"ed25519:{KEY}", "country": "FR",
    "key": f"x25519:{KEY}", "receipt_key": f"ed25519:{KEY}", "maximum": 10, "category": "health",
    "categories": "health",
}  # fmt: skip


def reads(text: str, *, through: bool = True) -> Instruction:
    found = problems_of(filled(text, through=through).encode())
    assert isinstance(found, Instruction), found
    return found


@pytest.fixture
def drafted(laboratory_file: Path) -> str:
    described = open_source(f"sqlite:///{laboratory_file}").describe()
    return draft({relation.table: columns for relation, columns in described.items()})


def test_every_column_is_withheld_and_no_value_is_in_it(drafted: str) -> None:
    tables = yaml.safe_load(drafted)["tables"]

    assert len(tables) == 6
    assert [table["columns"] for table in tables] == [None] * 6
    assert "LYO1" not in drafted


def test_as_it_is_it_does_not_pass_and_no_dots_do(drafted: str) -> None:
    found = problems_of(drafted.encode())
    assert not isinstance(found, Instruction)
    wrong = {problem.where for problem in found}

    assert {"id", "controller.name", "purpose", "valid.from", "recipients[0].key"} <= wrong
    assert {"changes", "objections.how", "retention.backups", "contacts.confidentiality"} <= wrong


def test_filled_in_it_is_an_instruction(drafted: str) -> None:
    found = reads(drafted)

    columns = {f"{table.name}.{c.name}" for table in found.tables for c in table.columns}
    assert "results.value_numeric" in columns
    assert "patients.portal_password" not in columns


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (column("portal_password"), "looks like a credential, and so can never leave"),
        (column("comment"), "free_text: ..., identifiers: {treatment: stop}}  # free text"),
        (column("hl7_message"), "a whole message, which may hold everything of a patient"),
        (column("birth_date", "date"), "a birth date"),
        (column("nir"), "a national or insurance number"),
        (column("religion"), "special category (belief, Art. 9)"),
        (column("scan", None, "bytea"), "a file or image, and so cannot leave"),
        (column("raw", None, "jsonb"), "a document that holds anything, and so cannot leave"),
        (column("tags", None, "text[]"), "a list, and so cannot leave"),
        (column("visit_id", "decimal", "numeric", references="visits"), "'decimal(10,0)'"),
        (column("amount", "decimal", "numeric"), "type: ..."),
    ],
    ids=lambda value: value.name if isinstance(value, SourceColumn) else "",
)
def test_points_out(one: SourceColumn, said: str) -> None:
    shown = [line for line in lines(one).splitlines() if line.startswith("      # ")]
    [line] = [line for line in shown if one.name in line]

    assert said in line


@pytest.mark.parametrize(
    "one",
    [
        column("haspassword", "boolean"),
        column("notify_email", "boolean"),
        column("note", "string", "character varying(3)"),
    ],
    ids=lambda one: one.name,
)
def test_flags_and_short_codes_are_harmless(one: SourceColumn) -> None:
    shown = [line for line in lines(one).splitlines() if line.startswith("      # ")]
    [line] = [line for line in shown if one.name in line]

    assert line.endswith("purpose: ...}")


def test_a_window_is_proposed_on_the_date_of_an_event() -> None:
    names = ["lastupdated", "birth_date", "expiration_date", "created", "validated_at", "dt"]

    proposed = [one.name for one in event_dates([column(name, "timestamptz") for name in names])]

    assert proposed == ["validated_at", "dt", "lastupdated", "created"]
    assert "says when the row was written" in lines(column("lastupdated", "timestamptz"))


def keyed(name: str, references: str | None = None, kind: str = "integer") -> SourceColumn:
    return column(name, kind, primary=references is None, references=references)


CLINIC = {
    "result": [keyed("id"), keyed("analysis_id", "analysis"), keyed("kind_id", "result_type"),
               column("value"), column("value_type"), column("lastupdated", "timestamptz")],
    "result_type": [keyed("id"), column("type_name"), column("is_active", "boolean")],
    "analysis": [keyed("id"), keyed("sample_id", "sample")],
    "sample": [keyed("id", kind="decimal"), column("received_date", "date"),
               keyed("patient_id", "patient"), keyed("site_id", "organization")],
    "patient": [keyed("id"), column("birth_date", "date"), keyed("main_sample_id", "sample")],
    "organization": [keyed("id"), column("city"), column("name")],
    "property_value": [keyed("id"), keyed("stpt_id", "sample_type_property_type"),
                       column("value")],
    "sample_type_property_type": [keyed("id"), keyed("prty_id", "property_type"),
                                  keyed("saty_id", "sample_type")],
    "property_type": [keyed("id"), column("code"), column("created", "date")],
    "sample_type": [keyed("id"), column("code")],
    "audit_log": [keyed("id"), column("old_value"), column("new_value"), column("at", "timestamp")],
    "operation": [keyed("id"), keyed("sample_id", "sample_type"), column("type"), column("value")],
    "loop": [keyed("id"), keyed("next_id", "loop"), keyed("gone_id", "gone")],
    "units": [keyed("code", kind="string"), column("label")],
}  # fmt: skip


def rows_of(table: str) -> dict[str, Any]:
    """What the draft of a table of the clinic proposes for its rows."""
    schema = {Relation(None, name): columns for name, columns in CLINIC.items()}
    text = draft({Relation(None, table): CLINIC[table]}, schema)
    return dict(yaml.safe_load(uncommented(text))["tables"][0]["rows"])


@pytest.mark.parametrize("table", CLINIC)
@pytest.mark.parametrize("through", [True, False], ids=["all memberships", "none"])
def test_table_filled_in_is_an_instruction(table: str, through: bool) -> None:
    schema = {Relation(None, name): columns for name, columns in CLINIC.items()}
    text = draft({Relation(None, table): CLINIC[table]}, schema)

    [found] = reads(text, through=through).tables

    assert [one.name for one in found.columns] == [one.name for one in CLINIC[table]]


def test_without_a_date_the_way_to_one_is_written_out() -> None:
    by_date, by_site = rows_of("analysis")["through"]

    assert by_date == {
        "table": "sample",
        "join": [
            {"column": "sample_id", "type": "integer", "to": "id", "to_type": "decimal(10,0)"}
        ],
        "window": {"column": "received_date", "type": "date", "from": "...", "to": "..."},
    }
    assert by_site["sites"] == {"column": "site_id", "type": "integer", "in": ["..."]}
    assert rows_of("loop") == {"all": "...", "maximum": "..."}


def test_where_a_date_is_technical_the_way_to_an_event_is_proposed_as_well() -> None:
    rows = rows_of("result")

    assert rows["window"]["column"] == "lastupdated"
    assert rows["through"][0]["through"][0]["window"]["column"] == "received_date"


def test_a_site_is_proposed_by_number_and_by_name() -> None:
    found = site_column(CLINIC["sample"])

    assert found is not None
    assert found.name == "site_id"
    assert "# sites: {column: site_id, type: integer, in: [...]}" in lines(found)
    [by_name] = rows_of("sample")["through"]
    assert by_name["sites"] == {"column": "name", "in": ["..."]}


@pytest.mark.parametrize("name", ["lab_order_number", "location", "site_type", "organization_name"])
def test_what_only_sounds_like_a_site_is_none(name: str) -> None:
    assert site_column([column(name)]) is None


def test_one_row_per_attribute_gets_codes_by_number_and_by_name() -> None:
    rows = rows_of("result")

    assert rows["codes"] == {"column": "kind_id", "type": "integer", "in": ["..."]}
    assert rows["through"][-1] == {
        "table": "result_type",
        "join": [{"column": "kind_id", "type": "integer", "to": "id"}],
        "codes": {"column": "type_name", "in": ["..."]},
    }


def test_codes_by_name_may_be_two_tables_away() -> None:
    by_name = rows_of("property_value")["through"][-1]

    assert by_name["table"] == "sample_type_property_type"
    assert [one["table"] for one in by_name["through"]] == ["property_type"]
    assert by_name["through"][0]["codes"] == {"column": "code", "in": ["..."]}


def test_attributes_that_no_column_tells_ask_for_a_reason() -> None:
    assert rows_of("audit_log")["all_codes"] == "..."


def test_a_table_of_another_schema_says_where_it_is() -> None:
    there = Relation("exp", "material")
    schema = {
        there: [keyed("id"), keyed("run_id", "run")],
        Relation("exp", "run"): [keyed("id"), column("collected_at", "timestamptz")],
    }

    [table] = yaml.safe_load(uncommented(draft({there: schema[there]}, schema)))["tables"]

    assert table["at"] == {"schema": "exp", "table": "material"}
    assert table["rows"]["through"][0]["schema"] == "exp"


def test_tables_of_one_name_in_two_schemas_are_told_apart() -> None:
    tables = {Relation(schema, "emailprefs"): [column("a")] for schema in ("core", "issues")}

    assert [one.name for one in reads(draft(tables)).tables] == [
        "core.emailprefs",
        "issues.emailprefs",
    ]


def test_whose_data_a_row_is_is_proposed_where_every_row_says_it() -> None:
    needed = SourceColumn("visit_id", "integer", ColumnType("integer"), False, False, "visit")
    visit = [keyed("id"), keyed("patient_id", "patient")]
    known = {Relation(None, "visit"): visit}

    assert "# data_subject: {column: patient_id, type: integer}" in lines(*visit)
    assert (
        "# data_subject: {column: patient_id, type: integer, through: [{table: visit, join: ["
        "{column: visit_id, type: integer, to: id}]}]}"
    ) in lines(needed, schema=known)
    assert "# data_subject:" not in lines(keyed("visit_id", "visit"), schema=known)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("patient_backup_2024", "old, deleted or logged rows"),
        ("sample_history", "old, deleted or logged rows"),
        ("result_view", "by its name a view"),
    ],
)
def test_old_rows_and_views_are_pointed_out(table: str, said: str) -> None:
    assert said in lines(column("a"), table=table)
    assert said not in lines(column("a"), table="observation_history_type")


def test_a_whole_system_begins_with_what_is_worth_a_look() -> None:
    tables = {f"t{number}": [column("id", "integer")] for number in range(70)}
    tables["people"] = [column("nir"), column("password"), column("note"), column("notes")]

    text = draft(tables)

    assert "# 71 tables, 74 columns; draft the few that you need with --table." in text
    shown = [line.split() for line in text.splitlines() if line.startswith("#   ")]
    wanted = "# people 4 a national or insurance number; a credential; free text (2)"
    assert shown == [wanted.split()]


NAMES = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=12
) | st.sampled_from(
    """NO yes null ~ 1.5e3 .5e3 0123 -x ' " : a: #x {x} [y] *a &b !t @x %d << = 1:30 |x >y ... ---
    été 数 None Σ \u0661 a,b a;b""".split()
)  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(names=st.lists(NAMES, min_size=1, max_size=4, unique=True), data=st.data())
def test_any_name_survives(names: list[str], data: st.DataObject) -> None:
    columns = [column(name, data.draw(st.sampled_from(SIMPLE))) for name in names]
    text = lines(*columns, column("value"), keyed("code_id", names[0]), table=names[-1])

    [table] = load(text.encode())["tables"]
    assert table["name"] == names[-1]
    assert table["columns"] is None
    taken = load(uncommented(text).encode())["tables"][0]["columns"]
    refused = [name for name in names if is_credential(column(name), names[-1])]
    offered = [name for name in names if is_instructable(name) and name not in refused]
    assert [one["name"] for one in taken] == [*offered, "value", "code_id"]


@pytest.mark.parametrize("name", ["a,b", "a:b", "a;b", " a", "a\tb", "x" * 129])
def test_a_name_that_no_instruction_can_say_is_not_offered(name: str) -> None:
    assert "cannot be named in an instruction, and so cannot leave" in lines(column(name))


def test_a_name_with_line_breaks_writes_no_line() -> None:
    evil = column("value\n    columns: [{name: x}]", "string")
    code = column("code\n    rows: {all: x}", "string")

    text = lines(code, evil, table="t\nremit: 2")

    assert yaml.safe_load(text)["tables"][0]["columns"] is None
    assert yaml.safe_load(text)["remit"] == 1


# --- the command ----------------------------------------------------------------------------------


@pytest.fixture
def drafts(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """`remit instruction draft`: its exit code, and all that it printed."""

    def go(file: Path, *options: str) -> tuple[int, str]:
        code = main(["instruction", "draft", "--source", f"sqlite:///{file}", *options])
        printed = capsys.readouterr()
        return code, printed.out + printed.err

    return go


def test_tables_are_chosen_by_name_with_their_schema_if_need_be(laboratory_file, drafts) -> None:
    code, text = drafts(laboratory_file, "--table", "results", "--table", "main.patients")

    assert code == 0
    [results, patients] = yaml.safe_load(text)["tables"]
    assert results["name"] == "results"
    assert (patients["name"], patients["at"]["schema"]) == ("patients", "main")


def test_a_table_that_is_not_there_is_told_with_the_nearest(laboratory_file, drafts) -> None:
    code, text = drafts(laboratory_file, "--table", "reslts")

    assert code == 2
    assert "no table or view reslts; perhaps results" in text


def test_a_source_without_tables_is_an_error(tmp_path, drafts) -> None:
    file = tmp_path / "empty.sqlite"
    sqlite3.connect(file).close()
    file.touch()

    code, text = drafts(file)

    assert code == 2
    assert "?schema=NAME" in text
