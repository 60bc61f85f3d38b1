"""Vectors: each refusal code has tests that provoke it, marked ``@pytest.mark.vector("code")``."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from remit.cli import main
from remit.custody import Run
from remit.errors import Refused
from remit.ports import Rule, Verdict
from remit.testing.controller import Edit
from remit.testing.world import World


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "vector(code): this test provokes the refusal of that code")


class RowCounter:
    """Judges the number of rows alone: for tests whose subject is not validation."""

    engine = "a test's judge, of row counts"

    def check(self, rules: list[Rule]) -> None:
        """Every rule will do."""

    def judge(self, extract: Any, rules: list[Rule], others: Any = None) -> list[Verdict]:
        rows = extract.count_rows()
        return [Verdict(r.id, r.type, (), r.kwargs.get("value", rows) == rows) for r in rules]


@dataclass
class Refuses:
    """Expects a refusal, whole: code, place, a part of the message, and a way out."""

    codes: list[str]
    seen: set[str] = field(default_factory=set)

    @contextmanager
    def __call__(self, at: str, saying: str, code: str = "") -> Iterator[None]:
        self.seen.add(code or self.codes[0])
        with pytest.raises(Refused) as caught:
            yield
        self.check(caught.value.as_json(), at, saying, code)
        assert caught.value.exit_code == 3

    def check(self, refusal: dict[str, str], at: str, saying: str, code: str = "") -> None:
        self.seen.add(code or self.codes[0])
        assert refusal["code"] == (code or self.codes[0]), refusal
        assert refusal["where"] == at or refusal["where"].endswith(at), refusal
        assert saying in refusal["message"], refusal
        assert refusal["way_out"].endswith((".", ")")), refusal


@pytest.fixture
def refuses(request: pytest.FixtureRequest) -> Iterator[Refuses]:
    expected = Refuses([mark.args[0] for mark in request.node.iter_markers("vector")])
    yield expected
    # A vector that did not provoke its code would count for nothing in the register.
    assert expected.seen >= set(expected.codes)


@dataclass
class Cli:
    """`remit ... --json` in this process, as the processor of a world."""

    capsys: pytest.CaptureFixture[str]
    refuses: Refuses

    def __call__(self, *arguments: object) -> tuple[int, Any]:
        code = main([*map(str, arguments), "--json"])
        printed = self.capsys.readouterr()
        assert "Traceback" not in printed.out + printed.err
        return code, json.loads(printed.out)

    def refused(self, *arguments: object, at: str, saying: str, code: str = "") -> None:
        exit_code, answer = self(*arguments)
        assert exit_code == 3
        self.refuses.check(answer["error"], at, saying, code)


@pytest.fixture
def cli(
    world: World,
    refuses: Refuses,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Cli:
    for name, value in world.environment.items():
        monkeypatch.setenv(name, value)
    return Cli(capsys, refuses)


@pytest.fixture
def judge() -> RowCounter:
    return RowCounter()


UpTo = Callable[..., Run]


@pytest.fixture
def up_to(judge: RowCounter) -> UpTo:
    """A run of the world that has done every step up to the one named."""

    def go(world: World, last: str, run: str = "durand-test", edit: Edit | None = None) -> Run:
        opened = world.open_run(run, edit)
        for name, step in world.steps(opened, judge).items():
            step()
            if name == last:
                break
        return opened

    return go


def files_below(folder: Path) -> list[Path]:
    return [p for p in folder.rglob("*") if p.is_file() and ".remit" not in p.parts]


@pytest.fixture
def left_nothing() -> Callable[[World], None]:
    """No copy in staging, no staging key, and nothing sent."""

    def check(world: World) -> None:
        processor = world.root / "processor"
        assert files_below(processor / "staging") == []
        assert files_below(processor / "keyring") == []
        assert files_below(world.landing_path) == []

    return check


@pytest.fixture
def stopped(left_nothing: Callable[[World], None]) -> Callable[[World, Run], None]:
    """The run ended with its refusal: recorded, copies and staging key certified as deleted."""

    def check(world: World, run: Run) -> None:
        left_nothing(world)
        kinds = [record.kind for record in run.story.records if record.kind != "deleting"]
        assert kinds[-3:] == ["refused", "stopped", "deleted"], kinds

    return check


@pytest.fixture(scope="module")
def own_world(tmp_path_factory: pytest.TempPathFactory, laboratory_file: Path) -> World:
    """A world that the tests of a module share."""
    root = tmp_path_factory.mktemp("own")
    (root / "lis.sqlite").write_bytes(laboratory_file.read_bytes())
    return World(root)


@pytest.fixture(scope="module")
def deliver(own_world: World) -> Callable[[str, Edit], Run]:
    """Delivers a run of the shared world, under an instruction of its own name."""

    def go(name: str, edit: Edit) -> Run:
        def own(fields: dict[str, Any]) -> None:
            edit(fields)
            fields["id"] = name

        run = own_world.open_run(name, own)
        own_world.deliver(run, RowCounter())
        return run

    return go


@pytest.fixture(scope="module")
def delivered(tmp_path_factory: pytest.TempPathFactory, laboratory_file: Path) -> tuple[World, Run]:
    """A world whose one run is delivered and not yet received; shared, so copy what you change."""
    root = tmp_path_factory.mktemp("delivered")
    (root / "lis.sqlite").write_bytes(laboratory_file.read_bytes())
    world = World(root)
    run = world.open_run()
    world.deliver(run, RowCounter())
    return world, run
