"""The project's files agree with each other: requirements, Dockerfile, Makefile, CI and documents."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
KIT = PROJECT["project"]["dependencies"]
PROCESSOR = PROJECT["project"]["optional-dependencies"]["processor"]
AIRFLOW = "apache-airflow"
# Written so that this file does not match itself.
MACHINE_PATHS = re.compile(r"/root[/]|/home/[a-z]\w*[/]|/work[/]|/tmp/[w]\b")
LEFTOVERS = re.compile(r"\b(TOD[O]|FIXM[E]|XX[X])\b")
CODE = {".py", ".toml", ".yaml", ".yml", ".sh", ".cfg", ".ini", ""}


def read(name: str) -> str:
    return (ROOT / name).read_text()


def pins(name: str) -> dict[tuple[str, str], tuple[Requirement, list[str]]]:
    """Name and marker, to the requirement and its hashes."""
    found = {}
    lines = re.sub(r"\s*#.*", "", read(name)).replace("\\\n", " ").splitlines()
    for line in filter(str.strip, lines):
        text, *hashes = line.split(" --hash=")
        pinned = Requirement(text)
        found[canonicalize_name(pinned.name), str(pinned.marker)] = pinned, hashes
    return found


def version(pinned: Requirement) -> str:
    [one] = pinned.specifier
    assert one.operator == "=="
    assert "*" not in one.version
    return one.version


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_every_requirement_is_pinned_exactly_with_hashes(name: str) -> None:
    for pinned, hashes in pins(name).values():
        assert version(pinned)
        assert pinned.url is None
        assert hashes
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}\s*", one) for one in hashes), pinned


@pytest.mark.parametrize(
    ("name", "declared"),
    [
        ("requirements.txt", KIT + PROCESSOR),
        ("requirements-dev.txt", KIT + PROCESSOR),
        ("requirements-dev.txt", PROJECT["dependency-groups"]["dev"]),
    ],
    ids=["run", "dev", "tools"],
)
def test_the_pins_cover_what_the_project_depends_on(name: str, declared: list[str]) -> None:
    locked = pins(name)
    for wanted in map(Requirement, declared):
        own = canonicalize_name(wanted.name)
        versions = [version(pinned) for (found, _), (pinned, _) in locked.items() if found == own]
        assert versions, wanted
        assert all(wanted.specifier.contains(one) for one in versions), wanted


def test_both_files_pin_the_same_versions() -> None:
    run = {key: version(pinned) for key, (pinned, _) in pins("requirements.txt").items()}
    dev = {key: version(pinned) for key, (pinned, _) in pins("requirements-dev.txt").items()}

    assert {key: dev.get(key) for key in run} == run


def test_one_version_of_airflow_everywhere() -> None:
    [declared] = [one for one in map(Requirement, PROCESSOR) if one.name == AIRFLOW]
    locked = {
        version(pinned)
        for (name, _), (pinned, _) in pins("requirements.txt").items()
        if name == AIRFLOW
    }
    [image] = re.findall(r"^FROM apache/airflow:([\d.]+)-python", read("Dockerfile"), re.MULTILINE)

    assert locked == {image} == {version(declared)}


def test_the_image_installs_as_make_does() -> None:
    [install] = re.findall(r"^INSTALL := (.+)$", read("Makefile"), re.MULTILINE)
    [run] = re.findall(r"^RUN (.+)$", read("Dockerfile"), re.MULTILINE)

    assert "$(BIN)/python $(INSTALL) requirements-dev.txt" in read("Makefile")
    assert run == f"python {install} /tmp/requirements.txt"


def test_the_image_has_the_projects_folders() -> None:
    copied = re.findall(r"^COPY (?:--\S+ )*(\S+) (\S+)$", read("Dockerfile"), re.MULTILINE)

    assert copied == [
        ("requirements.txt", "/tmp/requirements.txt"),
        *((name, f"/opt/airflow/{name}") for name in ("plugins", "dags", "include", "config")),
    ]
    assert all((ROOT / source).exists() for source, _ in copied)


# --- make and CI --------------------------------------------------------------------------------


def targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", read("Makefile"), re.MULTILINE))


def test_every_make_target_that_a_document_names_exists() -> None:
    documents = sorted(ROOT.glob("*.md"))
    assert {"README.md", "CONTRIBUTING.md"} <= {path.name for path in documents}
    for path in documents:
        code = re.findall(r"```.*?```|`[^`\n]+`", path.read_text(), re.DOTALL)
        named = {
            found
            for text in code
            for found in re.findall(r"(?:^|[`(;&|\s])make (?:[A-Z]+=\S+ )*([a-z-]+)", text)
        }
        assert named <= targets(), path.name


def test_every_target_is_phony() -> None:
    [phony] = re.findall(r"^\.PHONY: (.+)$", read("Makefile"), re.MULTILINE)

    assert set(phony.split()) == targets()


def test_ci_runs_the_readmes_commands() -> None:
    assert os.access(ROOT / ".ci/run", os.X_OK)
    commands = read(".ci/run").splitlines()
    for target in ("make demo", "make test"):
        assert target in commands
        assert re.search(rf"^{target}\b", read("README.md"), re.MULTILINE)


def test_airflow_is_told_not_to_run_the_package_file_by_file() -> None:
    assert "remit/" in read("plugins/.airflowignore").splitlines()


# --- what is under version control --------------------------------------------------------------


def tracked() -> list[Path]:
    if not (ROOT / ".git").exists():  # an unpacked archive has nothing else in it
        return [path for path in ROOT.rglob("*") if path.is_file() and ".venv" not in path.parts]
    command = ["git", "-c", "safe.directory=*", "-C", str(ROOT), "ls-files", "-z"]
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [path for name in listed.split("\0") if name and (path := ROOT / name).is_file()]


def test_no_file_names_a_place_of_somebodys_machine() -> None:
    files = tracked()
    found = {
        str(path.relative_to(ROOT)): match.group()
        for path in files
        if (match := MACHINE_PATHS.search(path.read_text("utf-8", errors="replace")))
    }

    assert len(files) > 50
    assert found == {}


def test_no_code_holds_a_reminder_to_finish_it() -> None:
    found = [
        str(path.relative_to(ROOT))
        for path in tracked()
        if path.suffix in CODE and LEFTOVERS.search(path.read_text("utf-8", errors="replace"))
    ]

    assert found == []


# --- the threat model ---------------------------------------------------------------------------


def test_every_test_that_a_document_names_exists() -> None:
    texts = read("docs/threat-model.md") + read("docs/confirmation.md")
    named = set(re.findall(r"(tests/[\w/]+\.py)::(\w+)", texts))
    missing = {
        f"{path}::{name}"
        for path, name in named
        if not (ROOT / path).is_file() or name not in functions(ROOT / path)
    }

    assert named
    assert missing == set()


def functions(path: Path) -> set[str]:
    return {
        node.name
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef)
    }
