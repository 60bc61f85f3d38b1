"""Each fact is attempted as it happened, with the commands and files that a person would use."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from remit.cli import main
from remit.testing.controller import Edit
from remit.testing.world import World

RUN = "durand-2026"


@dataclass
class Processor:
    """Somebody at the processor who does what was done then, by the command line."""

    world: World
    capsys: pytest.CaptureFixture[str]

    def __call__(self, *arguments: object) -> tuple[int, dict[str, Any]]:
        """Exit code and answer of ``remit ... --json``."""
        code = main([*map(str, arguments), "--json"])
        return code, json.loads(self.capsys.readouterr().out)

    def run(self, edit: Edit | None = None, **places: str) -> tuple[int, dict[str, Any]]:
        """``remit run`` under an instruction that the controller signed."""
        world = self.world
        landing = places.get("landing", str(world.landing_path))
        source = places.get("source", world.source_url)
        return self("run", world.instruct(edit), "--source", source, "--landing", landing)

    def refused(self, answer: tuple[int, dict[str, Any]]) -> str:
        """The code of the rule that refused it; nothing was sent."""
        code, said = answer
        assert code == 3, said
        assert not sent(self.world), "something was sent"
        return str(said["error"]["code"])


@pytest.fixture
def processor(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Processor:
    for name, value in world.environment.items():
        monkeypatch.setenv(name, value)
    return Processor(world, capsys)


def sent(world: World) -> list[Path]:
    """The files at the landing zone, but for what remit itself marks a zone with."""
    files = (path for path in world.landing_path.rglob("*") if path.is_file())
    return [path for path in files if ".remit" not in path.parts]


def sql(world: World, *statements: str) -> None:
    """Change the laboratory's database."""
    with sqlite3.connect(world.root / "lis.sqlite") as database:
        for statement in statements:
            database.execute(statement)
    database.close()


def arrived(world: World, query: str) -> list[tuple[Any, ...]]:
    """What the target's database has."""
    database = sqlite3.connect(world.target.database)
    try:
        return database.execute(query).fetchall()
    finally:
        database.close()
