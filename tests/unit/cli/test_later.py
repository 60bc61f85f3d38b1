"""Commands are imported when they are called: each is there then, and none before."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module

import pytest

from remit.cli import main
from remit.cli.parser import build_parser


def functions(parser: argparse.ArgumentParser) -> Iterator[tuple[str, str]]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                yield from functions(below)
    if command := parser.get_default("command"):
        yield command.args


def test_every_command_is_a_function_that_is_there() -> None:
    found = list(functions(build_parser()))

    assert len(found) > 20
    assert all(callable(getattr(import_module(module), name)) for module, name in found)


def test_help_imports_no_command() -> None:
    script = (
        "import sys; from remit.cli.parser import build_parser; build_parser().format_help();"
        "print([m for m in sys.modules if m in ('remit.custody', 'pyarrow', 'rich', 'pandas')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert done.stdout == "[]\n"


def test_what_is_not_installed_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "remit.cli.grants", None)

    assert main(["grants", "x.yaml"]) == 2
    assert "this command needs remit.cli.grants, which is not installed" in capsys.readouterr().err
