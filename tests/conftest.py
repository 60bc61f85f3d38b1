"""Fixtures for every test: a small world, made once and copied."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import hypothesis
import pytest

from remit.testing.laboratory import Laboratory
from remit.testing.world import World

# The same examples each time, however slow the machine: a failure is a defect, never luck.
hypothesis.settings.register_profile("remit", derandomize=True, deadline=None, database=None)
hypothesis.settings.load_profile("remit")


@pytest.fixture(scope="session")
def laboratory_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("laboratory") / "lis.sqlite"
    Laboratory(patients=120).write_sqlite(path)
    return path


@pytest.fixture
def make_world(tmp_path: Path, laboratory_file: Path) -> Callable[[str], World]:
    def make(name: str = "world") -> World:
        root = tmp_path / name
        root.mkdir(mode=0o700)
        shutil.copyfile(laboratory_file, root / "lis.sqlite")
        return World(root)

    return make


@pytest.fixture
def world(make_world: Callable[[str], World]) -> World:
    return make_world("world")
