"""The kit, installed from its wheel into an environment that has nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import Distribution, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from remit.testing.sample_delivery import ROWS

REPOSITORY = Path(__file__).resolve().parents[2]

FIVE_LINES = """
from remit.target import open_delivery

delivery = open_delivery({folder!r}, key={key!r}, trust={trust!r})
for batch in delivery.tables["every_type"].batches():
    load(batch)
"""


def needed(project: list[str]) -> dict[str, Distribution]:
    """The distributions that these requirements lead to, as this environment has them."""
    found: dict[str, Distribution] = {}
    wanted = list(map(Requirement, project))
    while wanted:
        one = wanted.pop()
        extras = one.extras or {""}
        applies = one.marker is None or any(one.marker.evaluate({"extra": e}) for e in extras)
        if applies and canonicalize_name(one.name) not in found:
            found[canonicalize_name(one.name)] = distribution(one.name)
            wanted += map(Requirement, found[canonicalize_name(one.name)].requires or [])
    return found


def pack(installed: Distribution, folder: Path) -> None:
    """The wheel that an installed distribution came from, so that no index is asked for it."""
    text = installed.read_text("WHEEL") or ""
    tags = [line.removeprefix("Tag: ") for line in text.splitlines() if line.startswith("Tag: ")]
    name = canonicalize_name(installed.metadata["Name"]).replace("-", "_")
    target = folder / f"{name}-{installed.version}-{tags[0]}.whl"
    with zipfile.ZipFile(target, "w") as wheel:
        for file in installed.files or []:
            if ".." not in file.parts and file.suffix != ".pyc" and file.name != "RECORD":
                wheel.write(file.locate(), str(file))
        [record] = [file for file in installed.files or [] if file.name == "RECORD"]
        wheel.writestr(str(record), f"{record},,\n")


@pytest.fixture(scope="module")
def declared() -> list[str]:
    return tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["dependencies"]


@pytest.fixture(scope="module")
def kit(declared: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new environment into which pip installed remit, and what it found that remit needs."""
    home = tmp_path_factory.mktemp("kit")
    wheels = home / "wheels"
    wheels.mkdir()
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", wheels]
    subprocess.run(build, cwd=REPOSITORY, check=True, capture_output=True)
    for installed in needed(declared).values():
        pack(installed, wheels)
    bare = [sys.executable, "-m", "venv", "--without-pip", home / "venv"]
    subprocess.run(bare, check=True, capture_output=True)
    pip(home, "install", "--no-index", "--find-links", wheels, "--no-compile", "remit")
    return home


def pip(home: Path, *arguments: object) -> str:
    """This environment's pip, at work on that one."""
    line = [sys.executable, "-m", "pip", "--isolated", "--disable-pip-version-check"]
    line += ["--python", home / "venv" / "bin" / "python", *arguments]
    return subprocess.run(line, check=True, capture_output=True, text=True).stdout


def run(home: Path, command: str, *arguments: object, code: int = 0) -> str:
    """A command of the environment, which knows of no other."""
    line = [home / "venv" / "bin" / command, *arguments]
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(home)}
    done = subprocess.run(line, cwd=home, env=environment, capture_output=True, text=True)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def test_nothing_is_installed_but_what_reading_needs(kit: Path, declared: list[str]) -> None:
    listed = json.loads(pip(kit, "list", "--format", "json"))
    names = {canonicalize_name(one["name"]) for one in listed}

    assert names == needed(declared).keys() | {"remit"}
    for absent in ("apache-airflow", "great-expectations", "duckdb", "pandas", "sqlalchemy"):
        assert absent not in names


def test_five_lines_of_python_read_a_delivery(kit: Path, sample) -> None:
    lines = FIVE_LINES.format(
        folder=str(sample.folder), key=str(sample.key), trust=str(sample.trust)
    )
    script = f"rows = []\nload = lambda batch: rows.extend(batch.to_pylist())\n{lines}\nprint(rows)"

    assert len([line for line in lines.splitlines() if line]) <= 5
    assert run(kit, "python", "-c", script).count("a_integer") == len(ROWS)


def test_the_command_opens_and_receives(kit: Path, sample) -> None:
    common = [sample.folder, "--key", sample.key, "--trust", sample.trust]
    signing = sample.home / "target" / "receipts.pem"

    opened = run(kit, "remit", "open", *common, "--out", kit / "plain", "--json")
    received = run(kit, "remit", "receive", *common, "--sign", signing, "--json")
    (sample.folder / "receipt.dsse.json").unlink()

    assert json.loads(opened)["files"][0]["rows"] == json.loads(received)["rows"] == len(ROWS)
    run(kit, "remit", "keys", "new", "recipient", kit / "new.pem")


def test_the_command_verifies_a_bundle_with_the_controllers_key_alone(kit: Path) -> None:
    kept = REPOSITORY / "tests" / "flow" / "kept"
    bundle, key = kept / "remit-bundle-2.remit.zip", kept / "controller.pub"

    told = run(kit, "remit", "evidence", "verify", bundle, "--trust", key, "--json")

    assert json.loads(told)["run"] == "durand-kept"
    assert "the 7 in-toto statements say what the records say" in told
    whole = run(kit, "remit", "evidence", "verify", "--all", "--json", code=2)
    assert "which is not installed here" in whole


def test_what_the_kit_cannot_do_it_says(kit: Path, tmp_path: Path) -> None:
    source = f"sqlite:///{tmp_path / 'x.sqlite'}"

    told = run(kit, "remit", "plan", "x.yaml", "--source", source, "--json", code=2)

    assert "which is not installed here" in told
    assert "pip install 'remit[processor]'" in told
