"""A draft allows nothing, points out what to look at, and becomes an instruction once filled in."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from remit.adapters.sql_source import open_source
from remit.columns import SIMPLE, ColumnType
from remit.instruction import Instruction, problems_of
from remit.instruction.draft import draft
from remit.instruction.draft_hints import event_dates, site_column, way_to_a_date
from remit.ports import SourceColumn

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


def filled(text: str) -> str:
    """The draft with every column taken in and every ... answered, as an editor would."""
    text = re.sub(r"^( +)# (- \{name: )", r"\1\2", text, flags=re.M)
    fields = yaml.safe_load(text)
    person = {"name": "Hélène Durand", "email": "helene@durand.example"}

    def answer(value: Any, name: str = "") -> Any:
        if isinstance(value, dict):
            return {key: answer(inner, key) for key, inner in value.items()}
        if isinstance(value, list):
            return [answer(inner, name) for inner in value]
        return ANSWERS.get(name, SAID) if value == "..." else value

    for table in fields["tables"]:
        rows = table["rows"]
        if "window" in rows:
            offset = {"timestamptz": "T00:00:00Z", "timestamp": "T00:00:00"}
            end = offset.get(rows["window"]["type"], "")
            rows["window"] |= {"from": f"2024-01-01{end}", "to": f"2025-01-01{end}"}
        if "codes" in rows:
            numbers = rows["codes"].get("type", "string") != "string"
            rows["codes"]["in"] = [1] if numbers else ["a"]
        for one in table["columns"]:
            one["type"] = "decimal(10,2)" if one["type"] == "..." else one["type"]
    fields = answer(fields)
    for name in ("breach", "rights", "audit"):
        fields["contacts"][name] = dict(person)
    fields["contacts"]["authorised"] = [dict(person)]
    fields["valid"] = {"from": "2026-01-01T00:00:00Z", "until": "2027-01-01T00:00:00Z"}
    fields["nature"] = "One extraction from the old system and transfer to the new one"
    fields["purpose"] = "Continuity of care after the change of laboratory system in Lyon"
    return yaml.safe_dump(fields, allow_unicode=True, sort_keys=False)


ANSWERS: dict[str, Any] = {
    "id": "durand-2026", "name": "durand", "legal_name": "Durand SELAS", "contract": "DUR-1",
    "email": "helene@durand.example", "signing_key": f"ed25519:{KEY}", "country": "FR",
    "key": f"x25519:{KEY}", "receipt_key": f"ed25519:{KEY}", "maximum": 10, "category": "health",
    "categories": "health",
}  # fmt: skip


def reads(text: str) -> Instruction:
    found = problems_of(filled(text).encode())
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
        (column("comment"), "free_text: ...}  # free text"),
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


def test_without_a_date_the_way_to_one_is_written_out() -> None:
    schema = {
        "result": [column("id", "integer", primary=True),
                   column("analysis_id", "integer", references="analysis")],
        "analysis": [column("id", "integer", primary=True),
                     column("sample_id", "integer", references="sample")],
        "sample": [column("id", "integer", primary=True), column("received_date", "date")],
    }  # fmt: skip

    text = lines(*schema["result"], table="result", schema=schema)

    assert [step.table for step in way_to_a_date("result", schema)] == ["analysis", "sample"]
    written = "\n".join(
        line.removeprefix("      # ") for line in text.splitlines() if line.startswith("      # ")
    )
    found = yaml.safe_load(written[written.index("through:") : written.index("sites:")])
    [analysis] = found["through"]
    assert analysis["join"] == [{"column": "analysis_id", "to": "id", "type": "integer"}]
    assert analysis["through"][0]["window"]["column"] == "received_date"


def test_a_site_is_proposed() -> None:
    found = site_column([column("id", "integer", primary=True), column("site_id", "integer")])

    assert found is not None
    assert found.name == "site_id"
    assert "# sites: {column: site_id, type: integer, in: [...]}" in lines(
        column("site_id", "integer")
    )


def test_one_row_per_attribute_gets_codes_on_the_right_column() -> None:
    text = lines(
        column("id", "integer", primary=True), column("value_type"), column("value"),
        column("kind_id", "integer", references="observation_type"),
    )  # fmt: skip

    assert "codes: {column: kind_id, type: integer, in: [...]}" in text
    assert "or by name, through observation_type" in text


def test_old_rows_are_questioned() -> None:
    assert "old, deleted or logged rows" in lines(column("a"), table="patient_backup_2024")


def test_a_whole_system_begins_with_what_is_worth_a_look() -> None:
    tables = {f"t{number}": [column("id", "integer")] for number in range(70)}
    tables["people"] = [column("nir")]

    text = draft(tables)

    assert "# 71 tables; draft the few that you need with --table." in text
    assert "#   people: 1 columns, 1 hints" in text
    assert "#   t5:" not in text


NAMES = st.text(
    st.characters(codec="utf-8", exclude_characters=",;:", exclude_categories=["Cc", "Cs"]),
    min_size=1,
    max_size=20,
).filter(lambda name: name == name.strip() and name.isprintable())


@settings(max_examples=150, deadline=None)
@given(table=NAMES, names=st.lists(NAMES, min_size=1, max_size=4, unique=True), data=st.data())
def test_any_name_survives(table: str, names: list[str], data: st.DataObject) -> None:
    kinds = [data.draw(st.sampled_from(SIMPLE)) for _ in names]
    text = lines(*map(column, names, kinds), table=table)

    tables = yaml.safe_load(text)["tables"]
    assert [one["name"] for one in tables] == [table]
    assert tables[0]["columns"] is None
    uncommented = re.sub(r"^( +)# (- \{name: )", r"\1\2", text, flags=re.M)
    taken = yaml.safe_load(uncommented)["tables"][0]["columns"] or []
    assert {one["name"] for one in taken} <= set(names)


def test_a_name_with_line_breaks_writes_no_line() -> None:
    evil = column("value\n    columns: [{name: x}]", "string")
    code = column("code\n    rows: {all: x}", "string")

    text = lines(code, evil, table="t\nremit: 2")

    assert yaml.safe_load(text)["tables"][0]["columns"] is None
    assert yaml.safe_load(text)["remit"] == 1
