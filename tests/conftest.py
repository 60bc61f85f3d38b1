"""Fixtures for every test: a small world, made once and copied."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from remit.adapters.key_stores import open_key_store
from remit.adapters.keyring import FolderKeyStore
from remit.testing.laboratory import Laboratory
from remit.testing.softhsm import SoftHsm
from remit.testing.world import World

# The same examples each time, however slow the machine: a failure is a defect, never luck.
hypothesis.settings.register_profile("remit", derandomize=True, deadline=None, database=None)
hypothesis.settings.load_profile("remit")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: Any, log: Any) -> Any:
    """As `--dist loadfile`, but the files of tests/browser stay together: they share one Airflow."""
    from xdist.scheduler import LoadFileScheduling

    class ByFile(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            shared = "tests/browser/"
            return shared if nodeid.startswith(shared) else super()._split_scope(nodeid)

    return ByFile(config, log) if config.getvalue("dist") == "loadfile" else None


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


@pytest.fixture
def make_keyring(tmp_path: Path) -> Callable[..., FolderKeyStore]:
    """A keyring folder with a secret of its own beside it."""

    def make(secret: str | None = None, password: Callable[[str], str] = str) -> FolderKeyStore:
        return open_key_store(f"keyring:{tmp_path}/keyring", tmp_path, secret, password)

    return make


@pytest.fixture(scope="session")
def softhsm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SoftHsm]:
    """One token for the whole process: SoftHSM looks for it once."""
    token = SoftHsm(tmp_path_factory.mktemp("softhsm"))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in token.environment.items():
            patch.setenv(name, value)
        yield token
