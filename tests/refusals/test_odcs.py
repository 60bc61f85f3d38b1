"""Contracts that are none, are of another version, or contradict themselves."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from remit.cli import main
from remit.instruction.odcs import export_contract, import_contract
from remit.instruction.plain_yaml import load

HERE = Path(__file__).resolve().parents[1] / "unit" / "odcs"
HEAD = "apiVersion: v3.1.0\nkind: DataContract\nid: x\nversion: 1.0.0\nstatus: active\n"
BOMB = "a: &a [x, x, x, x]\nb: &b [*a, *a, *a, *a]\nc: &c [*b, *b, *b, *b]\nd: [*c, *c, *c, *c]\n"
TABLE = "schema:\n  - name: t\n    properties:\n"


@pytest.mark.vector("odcs-invalid")
@pytest.mark.parametrize(
    ("text", "at", "saying"),
    [
        ("", "(whole document)", "not a group of fields"),
        ("[1, 2]", "(whole document)", "not a group of fields"),
        ("just text", "(whole document)", "not a group of fields"),
        (HEAD + "a: [1", "", "not YAML"),
        (HEAD + "---\n" + HEAD, "", "not YAML"),
        (HEAD + BOMB, "", "aliases are not allowed"),
        (HEAD + "a: !!python/name:os.system x\n", "", "tags are not allowed"),
        (HEAD + "id: y\n", "", "appears twice"),
        (HEAD + "# " + "x" * (1 << 20), "", "larger than 1 MiB"),
        (HEAD + "a: " + "[" * 100_000, "", "not YAML"),
        (HEAD + "1: x\n", "", "must be plain text"),
        (HEAD.replace("DataContract", "DataProduct"), "kind", "not DataContract"),
        (HEAD.replace("kind: DataContract\n", ""), "kind", "not DataContract"),
        (HEAD + "schema: {name: t}\n", "schema", "not of the form"),
        (HEAD + "schema: [t]\n", "schema[0]", "not of the form"),
        (HEAD + "schema: [{physicalName: t}]\n", "schema[0].name", "missing"),
        (HEAD + "schema: [{name: t}, {name: u, physicalName: t}]\n", "schema[1]", "there already"),
        (HEAD + "description: A table\n", "description", "not of the form"),
        (HEAD + "tags: x\n", "tags", "not of the form"),
        (HEAD + "customProperties: [{value: 1}]\n", "customProperties[0].property", "missing"),
        (HEAD + TABLE + "      - {name: 7}\n", "schema[0].properties[0].name", "not of the form"),
        (HEAD + TABLE + '      - {name: ""}\n', "schema[0].properties[0].name", "1 to 128"),
        (HEAD + TABLE + '      - {name: "a\\nb"}\n', "schema[0].properties[0].name", "control"),
        (HEAD + TABLE + '      - {name: "a\\u2028b"}\n', "properties[0].name", "control"),
        (HEAD + TABLE + f"      - {{name: {'x' * 129}}}\n", "properties[0].name", "1 to 128"),
        (HEAD + TABLE + "      - {name: a, required: maybe}\n", ".required", "not of the form"),
        (HEAD + TABLE + "      - {name: a, items: [b]}\n", ".items", "not of the form"),
        (HEAD + TABLE + "      - {name: a, physicalType: 7}\n", ".physicalType", "not of the form"),
    ],
)
def test_no_contract(text: str, at: str, saying: str, refuses) -> None:
    with refuses(at=at, saying=saying):
        import_contract(text.encode())


@pytest.mark.vector("odcs-invalid")
@pytest.mark.parametrize("text", [b"\xff\xfe\x00", HEAD.encode("utf-16"), b"a: \x00"])
def test_no_text(text: bytes, refuses) -> None:
    with refuses(at="", saying="not"):
        import_contract(text)


@pytest.mark.vector("odcs-version")
@pytest.mark.parametrize(
    ("version", "saying"),
    [
        ("v2.2.2", "it is v2.2.2, which is not version 3"),
        ("v4.0.0", "it is v4.0.0, which is not version 3"),
        ("3.1.0", "it is 3.1.0, which is not version 3"),
        ("v3", "it is v3, which is not version 3"),
        ("v3.1.0\u2028", "which is not version 3"),
        ("v3." + "1" * 100, "does not say which version"),
        (3.1, "does not say which version"),
        (None, "does not say which version"),
        (["v3.1.0"], "does not say which version"),
    ],
)
def test_another_version(version: Any, saying: str, refuses) -> None:
    fields = yaml.safe_load(HEAD) | {"apiVersion": version}
    with refuses(at="contract apiVersion", saying=saying):
        import_contract(yaml.safe_dump(fields).encode())


@pytest.mark.vector("odcs-version")
def test_a_contract_without_a_version(refuses) -> None:
    with refuses(at="contract apiVersion", saying="does not say which version"):
        import_contract(b"kind: DataContract\nuuid: x\ndataset: []\n")


# --- contracts that were exported from an instruction, and then changed ---------------------------

Edit = Callable[[dict[str, Any]], object]


def changed(edit: Edit) -> bytes:
    exported = export_contract((HERE / "everything.yaml").read_bytes())
    fields = load(exported.text.encode())
    edit(fields)
    return yaml.safe_dump(fields, allow_unicode=True, sort_keys=False).encode()


def column(fields: dict[str, Any], number: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = fields["schema"][0]["properties"][number]
    return found


@pytest.mark.vector("odcs-contradiction")
@pytest.mark.parametrize(
    ("edit", "at"),
    [
        (lambda f: f["roles"].pop(1), "contract roles"),
        (lambda f: f.pop("roles"), "contract roles"),
        (lambda f: f["roles"][1].update(access="write"), "contract roles[1].access"),
        (
            lambda f: f["schema"][0]["quality"][0].update(mustBeLessOrEqualTo=10**9),
            "contract schema[0].quality[0].mustBeLessOrEqualTo",
        ),
        (
            lambda f: f["schema"][1]["quality"][0].update(mustBeLessOrEqualTo=True),
            "contract schema[1].quality[0].mustBeLessOrEqualTo",
        ),
        (lambda f: f["slaProperties"][0].update(value=365), "contract slaProperties[0].value"),
        (lambda f: f["slaProperties"][0].update(unit="y"), "contract slaProperties[0].unit"),
        (
            lambda f: column(f).update(logicalType="integer"),
            "contract schema[0].properties[0].logicalType",
        ),
        (
            lambda f: column(f, 1).update(transformDescription="kept"),
            "contract schema[0].properties[1].transformDescription",
        ),
        (
            lambda f: f["schema"][0].update(physicalName="patients"),
            "contract schema[0].physicalName",
        ),
        (lambda f: f["schema"][0].pop("physicalName"), "contract schema[0].physicalName"),
    ],
)
def test_what_is_shown_and_what_is_read_differ(edit: Edit, at: str, refuses) -> None:
    with refuses(at=at, saying="does not say what the properties of remit"):
        import_contract(changed(edit))


def custom(fields: dict[str, Any], name: str) -> dict[str, Any]:
    return next(each for each in fields["customProperties"] if each["property"] == name)


@pytest.mark.vector("odcs-invalid")
@pytest.mark.parametrize(
    ("edit", "at", "saying"),
    [
        (lambda f: f["customProperties"].remove(custom(f, "remit.valid")), "", "missing"),
        (lambda f: custom(f, "remit.retention").update(value="P7D"), "", "must be"),
        (lambda f: custom(f, "remit").update(value=2), "", "1"),
        (lambda f: f["customProperties"].append({"property": "remit.extra", "value": 1}), "", ""),
        (
            lambda f: f["customProperties"].append({"property": "remit.purpose", "value": "Else"}),
            "customProperties remit.purpose",
            "said by a field of the standard",
        ),
        (
            lambda f: f["customProperties"].append(copy.deepcopy(custom(f, "remit.valid"))),
            "customProperties[24]",
            "there twice",
        ),
        (lambda f: f.update(version="1.0.0"), "", "must be"),
        (lambda f: column(f).update(physicalType="varchar(3)"), "", "type"),
        (lambda f: column(f).update(classification="restricted"), "", "must be"),
        (
            lambda f: column(f)["customProperties"].append(
                {"property": "remit.category", "value": "technical"}
            ),
            "customProperties remit.category",
            "",
        ),
        (lambda f: f["schema"].clear(), "", "list"),
    ],
)
def test_an_export_that_is_no_instruction_any_more(
    edit: Edit, at: str, saying: str, refuses
) -> None:
    text = changed(edit)
    with refuses(at=at, saying=saying):
        import_contract(text)


@pytest.mark.vector("odcs-invalid")
def test_by_command_line_a_huge_file_is_refused_and_not_read_whole(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], refuses
) -> None:
    path = tmp_path / "huge.odcs.yaml"
    with path.open("wb") as file:
        file.truncate(1 << 40)  # sparse; no machine could read it whole

    assert main(["instruction", "import", str(path)]) == 3
    assert "Refused (odcs-invalid)" in capsys.readouterr().err
    with refuses(at="", saying="larger than 1 MiB"):
        import_contract(b"x" * ((1 << 20) + 1))
