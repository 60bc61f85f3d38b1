"""The tables of docs/precedents.md are whole and true; tests/airflow/test_auditor.py opens the pages."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HERE = "tests/precedents"
FACTS = [*(f"F{n}" for n in range(1, 13)), *(f"M{n}" for n in range(1, 5))]
HEAD = ["fact", "what happened", "control", "test", "page"]
VARIABLES = {"RUN": "{run}", "ID": "{alert}"}


def rows() -> dict[str, list[str]]:
    """The cells of each fact, the fact's own first."""
    lines = (ROOT / "docs" / "precedents.md").read_text().splitlines()
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in lines if line[:1] == "|"
    ]
    assert [row for row in cells if row[0] == "fact"] == [HEAD, HEAD]
    return {row[0]: row for row in cells if re.fullmatch(r"[FM]\d+", row[0])}


def functions_in(path: Path) -> set[str]:
    nodes = ast.parse(path.read_text("utf-8")).body
    return {n.name for n in nodes if isinstance(n, ast.FunctionDef) and n.name.startswith("test_")}


def routes() -> Iterator[str]:
    """Every page's path, as the modules declare it."""
    for file in (ROOT / "plugins/remit/reviewer/pages").glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            match node:
                case ast.Call(ast.Attribute(ast.Name("router"), "get"), [ast.Constant(str(path))]):
                    yield path


def test_every_fact_has_a_row_that_says_something() -> None:
    assert list(rows()) == FACTS
    for fact, cells in rows().items():
        assert len(cells) == len(HEAD), fact
        assert all(len(cell) > 10 for cell in cells[1:]), fact


def test_each_names_tests_that_are_there_and_no_test_is_left_out() -> None:
    named = {
        fact: re.findall(rf"`({HERE}/\w+\.py)::(\w+)`", row[3]) for fact, row in rows().items()
    }
    there = {
        (f"{HERE}/{path.name}", name)
        for path in (ROOT / HERE).glob("test_*.py")
        if path != Path(__file__)
        for name in functions_in(path)
    }
    assert all(named.values())
    assert {one for each in named.values() for one in each} == there
    for path, name in there:
        if fact := re.match(r"test_f(\d+)_", name):
            assert (path, name) in named[f"F{fact[1]}"], name


@pytest.mark.parametrize("fact", FACTS)
def test_each_names_a_page_that_is_a_route_of_the_reviewers(fact: str) -> None:
    [path] = re.findall(r"^`/remit(/[^`#]*)#[\w-]+`$", rows()[fact][4])
    for name, variable in VARIABLES.items():
        path = path.replace(f"/{name}", f"/{variable}")
    assert path in set(routes())


def test_what_is_linked_is_there() -> None:
    for page in ("precedents.md", "auditor.md"):
        text = (ROOT / "docs" / page).read_text()
        assert [
            m for m in re.findall(r"\]\(([\w.-]+\.md)", text) if not (ROOT / "docs" / m).exists()
        ] == []
        for linking in ("README.md", "docs/threat-model.md"):
            assert page in (ROOT / linking).read_text(), (page, linking)
