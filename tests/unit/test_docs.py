"""The reference pages say what the code does: every field, type, command and format, and no more."""

from __future__ import annotations

import argparse
import hashlib
import hmac
import json
import random
import re
import struct
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args

import pyarrow as pa
import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from remit.adapters.gx.vocabulary import EXPECTATIONS
from remit.alert_kinds import KINDS as ALERTS
from remit.bundle import FORMAT
from remit.cli.parser import build_parser
from remit.columns import SIMPLE
from remit.confirm import Receipt
from remit.instruction import Category, Instruction, problems_of
from remit.instruction.lists import Join, ListRule
from remit.instruction.parties import Controller, Person
from remit.instruction.rows import Through, WindowRule
from remit.manifest import Manifest
from remit.narrative import KINDS

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"


def page(name: str) -> str:
    return (DOCS / name).read_text()


def cells(text: str) -> Iterator[list[str]]:
    """The rows of every table."""
    for line in text.splitlines():
        if line.startswith("|"):
            yield [cell.strip() for cell in line.strip("|").split("|")]


def prose(text: str) -> str:
    return re.sub(r"```.*?```", "", text, flags=re.DOTALL)


def quoted(text: str) -> set[str]:
    return set(re.findall(r"`([^`]+)`", prose(text)))


# --- docs/instruction.md ------------------------------------------------------------------------


# Groups of fields that come back in several places are documented once, under these names.
GROUPS: dict[type[BaseModel], str] = {
    Person: "person",
    Controller: "controller",
    WindowRule: "window",
    ListRule: "list",
    Join: "join",
    Through: "through",
}


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from models_in(inner)


def leaves(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Every leaf as docs/instruction.md writes it; `[]` for each entry of a list."""
    for name, field in model.model_fields.items():
        path = prefix + (field.alias or name)
        path += "[]" if "list[" in str(field.annotation) else ""
        inner = [found for found in models_in(field.annotation) if found not in GROUPS]
        for found in inner:
            yield from leaves(found, path + ".")
        if not inner:
            yield path, field


def documented_fields() -> dict[str, FieldInfo]:
    fields = dict(leaves(Instruction))
    for model, group in GROUPS.items():
        fields |= dict(leaves(model, f"<{group}>."))
    return fields


def field_rows() -> dict[str, list[str]]:
    text = page("instruction.md").partition("## Every field")[2].partition("\n## Rows")[0]
    rows = [row for row in cells(text) if len(row) == 5 and row[0].startswith("`")]
    assert len({row[0] for row in rows}) == len(rows)
    return {row[0].strip("`"): row for row in rows}


def test_every_field_of_an_instruction_is_documented_and_no_other() -> None:
    rows = field_rows()

    assert rows.keys() == documented_fields().keys()
    assert all(form and meaning for _, form, meaning, _, _ in rows.values())


def test_the_law_of_every_field_is_the_models() -> None:
    laws = {}
    for path, field in documented_fields().items():
        extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
        laws[path] = str(extra.get("law", "")).replace(" GDPR", "")

    assert {path: row[3] for path, row in field_rows().items()} == laws


def test_optional_fields_are_said_to_be_optional() -> None:
    marked = {path for path, row in field_rows().items() if "*optional*" in row[1]}
    optional = {path for path, field in documented_fields().items() if not field.is_required()}

    # A transformation as a whole is optional, and its kind says so.
    assert marked == optional | {"tables[].columns[].transform.kind"}


def test_every_category_and_type_is_documented() -> None:
    rows = {row[0].strip("`"): row[1] for row in cells(page("instruction.md"))}

    assert {c.value: rows[c.value] for c in Category} == {
        c.value: "yes" if c.special else "no" for c in Category
    }
    assert {*SIMPLE, "decimal(p,s)"} <= rows.keys()


def test_the_example_instruction_is_valid() -> None:
    example, *_ = re.findall(r"```yaml\n(.*?)```", page("instruction.md"), re.DOTALL)

    assert isinstance(problems_of(example.encode()), Instruction)


# --- docs/expectations.md -----------------------------------------------------------------------


def test_every_expectation_is_documented_with_its_arguments_and_no_other() -> None:
    text = page("expectations.md")
    rows = {row[0].strip("`"): row for row in cells(text) if row[0].startswith("`expect_")}

    assert set(re.findall(r"\bexpect_\w+", text)) == set(rows) == set(EXPECTATIONS)
    for name, expectation in EXPECTATIONS.items():
        assert quoted(rows[name][1]) == expectation.required, name
        assert quoted(rows[name][3]) == expectation.optional, name


def test_the_types_of_columns_that_an_expectation_takes_are_right() -> None:
    groups = {
        "numbers": {"integer", "double", "decimal"},
        "times": {"date", "timestamp", "timestamptz"},
        "string": {"string"},
    }
    for row in cells(page("expectations.md")):
        if row[0].startswith("`expect_"):
            kinds = EXPECTATIONS[row[0].strip("`")].kinds
            names = row[2].split(", ")
            said = None if names == ["any"] else set().union(*(groups[name] for name in names))
            assert said == kinds, row[0]


# --- docs/supervision.md ------------------------------------------------------------------------


def test_every_kind_of_alert_is_documented_with_its_severity_and_no_other() -> None:
    text = page("supervision.md").partition("## What each alert means")[2].partition("\n## ")[0]
    rows = {row[0].strip("`"): row for row in cells(text) if row[0].startswith("`")}

    assert list(rows) == list(ALERTS)
    for kind, row in rows.items():
        assert row[1].split(";")[0] == ALERTS[kind].severity, kind
        assert all(cell for cell in row), kind


# --- docs/cli.md --------------------------------------------------------------------------------


def commands(
    parser: argparse.ArgumentParser, name: str = "remit"
) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    groups = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
    for group in groups:
        for word, below in group.choices.items():
            yield from commands(below, f"{name} {word}")
    if not groups:
        yield name, parser


def options(parser: argparse.ArgumentParser) -> set[str]:
    """As docs/cli.md writes them: `--table TABLE`, `--json`, `FILE`."""
    found = set()
    for action in parser._actions:
        metavar = str(action.metavar or action.dest.upper())
        flag = action.option_strings[-1:]
        if flag != ["--help"]:
            found.add(" ".join(flag + [metavar] * (not flag or action.nargs != 0)))
    return found


def test_every_command_is_documented_with_its_options_and_no_other() -> None:
    sections = dict(re.findall(r"^## `(.+?)`\n(.*?)(?=^## |\Z)", page("cli.md"), re.M | re.S))
    expected = {name: options(parser) for name, parser in commands(build_parser())}

    assert {
        name: {row[0].strip("`") for row in cells(text) if row[0].startswith("`")}
        for name, text in sections.items()
    } == expected
    assert all(re.search(rf"^{name} .*", text, re.M) for name, text in sections.items())


def test_every_environment_variable_is_documented() -> None:
    wiring = (ROOT / "plugins/remit/wiring.py").read_text()
    text = page("cli.md")

    assert set(re.findall(r'"(REMIT_\w+|AIRFLOW_HOME)"', wiring)) <= quoted(text)
    assert set(re.findall(r"\bREMIT_[A-Z_]+", text)) <= set(re.findall(r"\bREMIT_[A-Z_]+", wiring))


# --- docs/formats.md ----------------------------------------------------------------------------


def test_every_payload_type_is_documented_and_no_other() -> None:
    pattern = r"application/vnd\.remit\.[a-z+-]+"
    sources = [path.read_text() for path in (ROOT / "plugins/remit").rglob("*.py")]
    used = {found for text in sources for found in re.findall(pattern, text)}

    assert set(re.findall(pattern, page("formats.md"))) == used


def test_every_field_of_manifest_and_receipt_and_every_kind_of_record_is_documented() -> None:
    said = quoted(page("formats.md"))

    for document in (Manifest, Receipt):
        assert document.model_fields.keys() <= said
        for file in models_in(document.model_fields["files"].annotation):
            assert file.model_fields.keys() <= said
    assert set(KINDS) <= said
    assert FORMAT in said


DECLARED: dict[str, pa.DataType] = {
    "boolean": pa.bool_(),
    "integer": pa.int64(),
    "double": pa.float64(),
    "string": pa.string(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
    "timestamptz": pa.timestamp("us", tz="UTC"),
    "decimal(12,4)": pa.decimal128(12, 4),
}
EPOCH = datetime(1970, 1, 1)


def value_bytes(value: Any, declared: str) -> bytes:
    """The table of docs/formats.md, "Proof", of one value."""
    if declared == "string":
        return str(value or "").encode()
    if declared == "boolean":
        return bytes([value or 0])
    if declared == "double":
        return struct.pack("<d", 0.0 if value is None else value)
    if declared == "date":
        return ((value - EPOCH.date()).days if value else 0).to_bytes(4, "little", signed=True)
    if declared.startswith("timestamp"):
        moment = value.replace(tzinfo=None) - EPOCH if value else timedelta()
        return (moment // timedelta(microseconds=1)).to_bytes(8, "little", signed=True)
    if declared.startswith("decimal"):
        return int((value or Decimal(0)).scaleb(4)).to_bytes(16, "little", signed=True)
    return (value or 0).to_bytes(8, "little", signed=True)


def proof_by_the_book(table: pa.Table, types: list[str], challenge: bytes) -> str:
    columns = []
    for name, declared in zip(table.column_names, types, strict=True):
        values = [scalar.as_py() for scalar in table[name]]
        raw = [value_bytes(value, declared) for value in values]
        there = [value is not None for value in values]
        lengths = [len(one) if is_there else -1 for one, is_there in zip(raw, there, strict=True)]
        bounds = b"".join(length.to_bytes(4, "little", signed=True) for length in lengths)
        parts = [bounds if declared == "string" else bytes(there), b"".join(raw)]
        digest = hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts))
        columns.append([name, digest.hexdigest()])
    message = json.dumps(
        {"columns": columns, "rows": table.num_rows}, separators=(",", ":"), ensure_ascii=False
    )
    return hmac.new(challenge, message.encode(), hashlib.sha256).hexdigest()


def random_values(declared: str, chance: random.Random, rows: int) -> list[Any]:
    def one() -> Any:
        day = chance.randint(-40_000, 40_000)
        return {
            "boolean": chance.random() < 0.5,
            "integer": chance.randint(-(2**63), 2**63 - 1),
            "double": chance.choice([0.0, -0.0, chance.gauss(0, 1e9)]),
            "string": "".join(chance.choices("aé€𝄞\0 ", k=chance.randint(0, 6))),
            "date": date(1970, 1, 1) + timedelta(days=day),
            "timestamp": EPOCH + timedelta(days=day, microseconds=chance.randrange(10**10)),
            "timestamptz": datetime(1970, 1, 1, tzinfo=UTC)
            + timedelta(microseconds=day * 10**9 + 7),
            "decimal(12,4)": Decimal(chance.randint(-(10**12) + 1, 10**12 - 1)).scaleb(-4),
        }[declared]

    return [None if chance.random() < 0.2 else one() for _ in range(rows)]


@pytest.mark.parametrize(("seed", "rows"), [(1, 0), (2, 1), (3, 50)])
def test_the_proof_can_be_computed_from_the_page_alone(seed: int, rows: int) -> None:
    from remit import proof

    chance = random.Random(seed)
    challenge = chance.randbytes(32)
    fields = {f"{name} é": (name, kind) for name, kind in DECLARED.items()}
    table = pa.table(
        {n: pa.array(random_values(t, chance, rows), k) for n, (t, k) in fields.items()}
    )
    digest = proof.ContentDigest(table.column_names)
    for batch in table.to_batches(max_chunksize=7):
        digest.update(batch)

    by_the_book = proof_by_the_book(table, list(DECLARED), challenge)

    assert by_the_book == digest.proof(challenge)
    raw = hashlib.sha256(bytes.fromhex(by_the_book)).hexdigest()
    assert proof.commitment(by_the_book) == f"sha256:{raw}"


# --- links --------------------------------------------------------------------------------------


def pages() -> list[Path]:
    return sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *ROOT.glob("include/**/*.md")])


def anchor(heading: str) -> str:
    """A heading's anchor, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


@pytest.mark.parametrize("source", pages(), ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(source: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(source.read_text())):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, fragment = target.partition("#")
        found = (source.parent / path).resolve() if path else source
        assert found.exists(), target
        assert found.is_relative_to(ROOT), target
        if fragment:
            headings = re.findall(r"^#+ (.+)$", found.read_text(), re.MULTILINE)
            assert fragment in map(anchor, headings), target
