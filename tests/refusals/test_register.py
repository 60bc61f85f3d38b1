"""The codes in the source, the codes with a vector and the codes in docs/refusals.md are the same."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from remit.rule_names import RULE_NAMES

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
CODE = re.compile(r"[a-z]+(-[a-z]+)+")
# `Refused` built from a variable: these hand on a code that is written elsewhere.
PASSED_ON = {"parse_document", "require_clean"}


def calls(path: Path) -> Iterator[tuple[str, ast.Call]]:
    """Each call, with the function that it is in."""
    tree = ast.parse(path.read_text("utf-8"))
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            for node in ast.walk(function):
                if isinstance(node, ast.Call):
                    yield function.name, node


def name_of(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def codes_in_the_source() -> set[str]:
    found = set()
    for path in (ROOT / "plugins" / "remit").rglob("*.py"):
        for function, call in calls(path):
            if name_of(call) == "Refused":
                code = call.args[0] if call.args else None
                if isinstance(code, ast.Constant):
                    found.add(code.value)
                else:
                    assert function in PASSED_ON, f"{path}: a code that is no literal"
            elif name_of(call) == "parse_document":
                found.add(call.args[2].value)
    return found


def codes_with_a_vector() -> set[str]:
    found = set()
    for path in HERE.glob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            for decorator in getattr(node, "decorator_list", []):
                if isinstance(decorator, ast.Call) and name_of(decorator) == "vector":
                    found.add(decorator.args[0].value)
    return found


def codes_in_the_documentation() -> list[str]:
    text = (ROOT / "docs" / "refusals.md").read_text("utf-8")
    return re.findall(r"^\| `([^`]+)` \|", text, re.MULTILINE)


def test_every_code_is_kebab_case() -> None:
    assert [code for code in codes_in_the_source() if not CODE.fullmatch(code)] == []


def test_every_code_has_a_vector_and_every_vector_a_code() -> None:
    assert codes_with_a_vector() == codes_in_the_source()


def test_every_code_is_documented_once() -> None:
    documented = codes_in_the_documentation()

    assert set(documented) == codes_in_the_source()
    assert len(documented) == len(set(documented))


def test_every_code_has_a_name_in_french_and_no_two_the_same() -> None:
    assert RULE_NAMES.keys() == codes_in_the_source()
    assert len(set(RULE_NAMES.values())) == len(RULE_NAMES)
    assert all(name[0].islower() and name[-1].isalpha() for name in RULE_NAMES.values())


def test_documentation_gives_each_code_a_cause_and_a_way_out() -> None:
    text = (ROOT / "docs" / "refusals.md").read_text("utf-8")
    rows = re.findall(r"^\| `[^`]+` \|(.*)\|$", text, re.MULTILINE)

    assert rows
    for row in rows:
        cells = [cell.strip() for cell in row.split(" | ")]
        assert len(cells) == 2, row
        assert all(cell.endswith(".") and len(cell) > 20 for cell in cells), row
