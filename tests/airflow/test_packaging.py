"""How Airflow finds remit: from the plugins folder, or installed as a package; never as both."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

REPORT = """
import json
from airflow import plugins_manager
from airflow.providers_manager import ProvidersManager
from airflow.cli.cli_parser import ALL_COMMANDS_DICT
plugins, errors = plugins_manager._get_plugins()
print(json.dumps({
    "plugins": [plugin.name for plugin in plugins],
    "errors": errors,
    "provider": [n for n in ProvidersManager().providers if n == "remit"],
    "command": "remit" in ALL_COMMANDS_DICT,
}))
"""


def report(path: list[Path], plugins: Path) -> dict[str, object]:
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(map(str, path)),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(plugins),
    }
    done = subprocess.run(
        [sys.executable, "-c", REPORT], capture_output=True, text=True, check=True, env=environment
    )
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture
def installed(repository: Path, tmp_path: Path) -> Path:
    """What an installed wheel adds to the path: the entry points of pyproject.toml."""
    project = tomllib.loads((repository / "pyproject.toml").read_text())["project"]
    info = tmp_path / "site" / "remit-0.1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: remit\nVersion: 0.1.0\n")
    lines = []
    for group, entries in project["entry-points"].items():
        lines += [f"[{group}]", *(f"{name} = {value}" for name, value in entries.items())]
    (info / "entry_points.txt").write_text("\n".join(lines))
    return info.parent


def test_from_the_plugins_folder_it_is_one_plugin(repository: Path) -> None:
    plugins = repository / "plugins"
    assert report([], plugins) == {
        "plugins": ["remit"],
        "errors": {},
        "provider": [],
        "command": False,
    }


def test_installed_it_is_one_plugin_a_provider_and_a_command(
    repository: Path, installed: Path, tmp_path: Path
) -> None:
    empty = tmp_path / "plugins"
    empty.mkdir()
    assert report([installed, repository / "plugins"], empty) == {
        "plugins": ["remit"],
        "errors": {},
        "provider": ["remit"],
        "command": True,
    }


def test_the_endpoint_is_imported_when_it_is_asked_and_not_before(repository: Path) -> None:
    code = (
        "import sys, remit.plugin, remit.operators\n"
        "print([m for m in sys.modules if m in ('remit.endpoint.receipts', 'remit.custody')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_nothing_in_the_plugins_folder_runs_but_the_one_module(repository: Path) -> None:
    from airflow._shared.module_loading import find_path_from_directory

    found = find_path_from_directory(repository / "plugins", ".airflowignore", "glob")
    assert [Path(p).name for p in found if p.endswith(".py")] == ["remit_plugin.py"]


def test_the_provider_says_what_airflow_asks(repository: Path) -> None:
    import airflow
    import jsonschema

    from remit import __version__
    from remit.provider import get_provider_info

    schema = json.loads((Path(airflow.__file__).parent / "provider_info.schema.json").read_text())
    info = get_provider_info()
    jsonschema.validate(info, schema)
    assert info["versions"] == [__version__]


@pytest.mark.parametrize(
    ("arguments", "code", "shown"),
    [
        (["evidence", "show", "--json"], 2, "there is no evidence ledger"),
        (["--version"], 0, "remit "),
        ([], 0, "Exit codes"),
        (["plan", "x.yaml", "--source", "conn:lis", "--json"], 2, "cannot read the instruction"),
    ],
)
def test_airflow_remit_is_remit(
    arguments: list[str],
    code: int,
    shown: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    import argparse

    from remit.provider import get_cli_commands

    monkeypatch.setenv("REMIT_HOME", str(tmp_path))
    (command,) = get_cli_commands()
    parser = argparse.ArgumentParser()
    for argument in command.args:
        argument.add_to_parser(parser)
    with pytest.raises(SystemExit) as ended:
        command.func(parser.parse_args(arguments))
    assert ended.value.code == code
    output = capsys.readouterr()
    assert shown in output.out + output.err


def test_the_command_line_finds_connections_that_are_stored(
    database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.models.connection import Connection
    from airflow.utils.session import create_session

    from remit.errors import UsageError
    from remit.operators.connections import resolve_stored

    with create_session() as session:
        session.add(Connection(conn_id="stored_lis", conn_type="sqlite", host="/data/lis.db"))
    assert resolve_stored("stored_lis") == "sqlite:////data/lis.db"
    with pytest.raises(UsageError, match="no connection absent"):
        resolve_stored("absent")
