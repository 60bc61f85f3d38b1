"""The wheel: what is in it, and what Airflow makes of it where it alone is installed."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from remit import __version__

REPORT = """
import json
from importlib.metadata import entry_points
from airflow import plugins_manager
from airflow.providers_manager import ProvidersManager
import remit
plugins, errors = plugins_manager._get_plugins()
print(json.dumps({
    "remit": remit.__file__,
    "plugins": [plugin.name for plugin in plugins],
    "errors": errors,
    "providers": [name for name in ProvidersManager().providers if "remit" in name],
    "offered": sorted(
        entry.value
        for group in ("airflow.plugins", "apache_airflow_provider")
        for entry in entry_points(group=group)
        if entry.value.startswith("remit.")
    ),
}))
"""


@pytest.fixture(scope="module")
def wheel(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder]
    subprocess.run(command, cwd=repository, check=True, capture_output=True)
    [built] = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def deployment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel, which sees the packages of this one but not its remit.

    A folder that a .pth names is searched, but .pth files in it are not read: the one that puts
    plugins/ on this environment's path has no effect there.
    """
    home = tmp_path_factory.mktemp("deployment")
    subprocess.run([sys.executable, "-m", "venv", home / "venv"], check=True, capture_output=True)
    install = ["-m", "pip", "install", "--no-deps", "--no-index", wheel]
    run(home, "python", *install)
    [packages] = (home / "venv" / "lib").glob("python*/site-packages")
    ours = [path for path in sys.path if path.endswith("site-packages")]
    (packages / "dependencies.pth").write_text("\n".join(ours) + "\n")
    (home / "plugins").mkdir()
    return home


def run(home: Path, command: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """A command of the environment, told of nothing but an empty Airflow home."""
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(home),
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
    line = [home / "venv" / "bin" / command, *arguments]
    done = subprocess.run(line, cwd=home, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def test_wheel_holds_the_whole_package_and_nothing_beside_it(wheel: Path, repository: Path) -> None:
    plugins = repository / "plugins"
    package = {
        str(path.relative_to(plugins))
        for path in (plugins / "remit").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    names = zipfile.ZipFile(wheel).namelist()

    assert {name for name in names if ".dist-info/" not in name} == package
    assert "remit/testing/expectations/laboratory_results.yaml" in names
    assert "remit_plugin.py" not in names


def test_airflow_finds_one_plugin_and_one_provider(deployment: Path) -> None:
    report = json.loads(run(deployment, "python", "-c", REPORT).stdout.splitlines()[-1])

    assert Path(report.pop("remit")).is_relative_to(deployment / "venv")
    assert report == {
        "plugins": ["remit"],
        "errors": {},
        "providers": ["remit"],
        "offered": ["remit.plugin:RemitPlugin", "remit.provider:get_provider_info"],
    }


def test_the_command_is_installed(deployment: Path) -> None:
    assert run(deployment, "remit", "--version").stdout == f"remit {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (["--version"], f"remit {__version__}"),
        (["plan", "--help"], "usage: remit plan"),
    ],
)
def test_airflow_passes_its_command_on(deployment: Path, arguments: list[str], shown: str) -> None:
    assert shown in run(deployment, "python", "-m", "airflow", "remit", *arguments).stdout
