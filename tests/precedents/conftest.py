"""Each fact is attempted as it happened, with the commands and files that a person would use.

What is refused must be seen as well: it is in the evidence, and one pass of supervision raises an alert.
"""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from remit.alerts.model import ALERTS, Alert
from remit.alerts.supervise import supervise
from remit.cli import main
from remit.ports import Channel
from remit.testing.channels import Postbox
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
        """The code of the rule that refused it; nothing was sent, and the refusal did not go unseen."""
        code, said = answer
        assert code == 3, said
        assert not sent(self.world), "something was sent"
        rule = str(said["error"]["code"])
        log = self.world.deployment().log
        [record] = [record for record in log.records() if record.kind == "refused"]
        assert record.data["refusal"]["code"] == rule
        [alert] = noticed(self.world)
        assert (alert.kind, alert.run, alert.state) == ("refusal", record.run, "open")
        assert rule in alert.message
        return rule


@pytest.fixture
def processor(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Processor:
    for name, value in world.environment.items():
        monkeypatch.setenv(name, value)
    return Processor(world, capsys)


def noticed(world: World, *channels: Channel) -> list[Alert]:
    """The alerts that one pass of supervision raises; each is in the evidence, with all that it says."""
    passed = supervise(world.deployment(), channels or [Postbox()], "os:supervisor")
    recorded = [
        r.data["alert"] for r in world.deployment().log.records(ALERTS) if r.kind == "alerted"
    ]
    assert {alert.id for alert in passed.raised} <= set(recorded)
    return passed.raised


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
