"""A whole run on each key store: after sealing, nothing that the processor has opens what was staged."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from remit.adapters.folder import FolderStore
from remit.adapters.key_stores import open_key_store
from remit.errors import Refused, Unavailable
from remit.ports import Rule, Verdict
from remit.seal import staging_opener
from remit.sealed_parquet import FileContext, open_file
from remit.testing.kms import KmsServer
from remit.testing.softhsm import SoftHsm
from remit.testing.vault import VaultSimulator
from remit.testing.world import World

pytestmark = pytest.mark.slow
STORES = ("keyring", "pkcs11", "awskms", "vault")


class RowCounter:
    """Judges the number of rows alone: validation is not the subject here."""

    engine = "a test's judge, of row counts"

    def check(self, rules: list[Rule]) -> None:
        """Every rule will do."""

    def judge(self, extract: Any, rules: list[Rule], others: Any = None) -> list[Verdict]:
        rows = extract.count_rows()
        return [Verdict(r.id, r.type, (), r.kwargs.get("value", rows) == rows) for r in rules]


@pytest.fixture
def on(
    make_world: Callable[[str], World],
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Callable[[str], World]]:
    with ExitStack() as servers:

        def make(kind: str) -> World:
            world = make_world(kind)
            if kind == "pkcs11":
                token: SoftHsm = request.getfixturevalue("softhsm")
                world.key_store = token.uri
            elif kind == "awskms":
                kms = servers.enter_context(KmsServer())
                for name, value in kms.environment.items():
                    monkeypatch.setenv(name, value)
                world.key_store = kms.uri
            elif kind == "vault":
                vault = servers.enter_context(VaultSimulator())
                world.key_store = vault.uri(world.root / "token")
            return world

        yield make


@pytest.mark.parametrize("kind", STORES)
def test_after_sealing_nothing_that_the_processor_has_opens_what_was_staged(
    on: Callable[[str], World], kind: str
) -> None:
    world = on(kind)
    run = world.open_run(f"durand-{kind}")
    steps = world.steps(run, RowCounter())
    steps["plan"](), steps["extract"](), steps["validate"]()
    leaked = world.root / "leaked"
    shutil.copytree(world.root / "processor" / "staging", leaked / "staging")
    files = run.story.last("extracted")["files"]
    key = run.story.staging_key
    opened = [_rows(world, leaked, run.id, file, key) for file in files]
    assert opened == [file["rows"] for file in files]  # as long as the key was there

    steps["seal"]()

    for file in files:
        with pytest.raises(Refused, match="staging-key-gone"):
            _rows(world, leaked, run.id, file, key)
    steps["deliver"]()
    world.ingest(run)
    assert run.confirm(world.landing()) is True
    assert run.delete(world.landing) is True
    assert [r.kind for r in run.story.records][-1] == "deleted"


def _rows(world: World, leaked: Path, run: str, file: Mapping[str, Any], key: Any) -> int:
    """The rows of a leaked file, opened with the processor's own settings in a new store."""
    keys = world.deployment().keys
    opener = staging_opener(keys, run, key)
    context = FileContext(world.open_run(run).instruction().digest, run, file["name"])
    store = FolderStore(leaked / "staging")
    with store.open(f"{run}/{file['name']}") as data:
        return sum(batch.num_rows for batch in open_file(data, opener, context).batches())


def test_a_copy_of_the_keyring_alone_opens_nothing(on: Callable[[str], World]) -> None:
    """The secret is not in it; and a copy made before sealing, with the secret, does open."""
    world = on("keyring")
    run = world.open_run()
    steps = world.steps(run, RowCounter())
    steps["plan"](), steps["extract"]()
    processor, copies = world.root / "processor", world.root / "copies"
    shutil.copytree(processor / "keyring", copies / "keyring")
    kept = (copies / "keyring" / "durand-test.key").read_bytes()

    alone = open_key_store(f"keyring:{copies}/keyring", copies, None, str)
    with pytest.raises(Refused, match="keyring-secret-unusable"):
        alone.open("durand-test", bytes(80), b"")

    assert len(kept) < 130
    secret = (processor / "keys" / "keyring.secret").read_bytes().strip()
    assert secret not in kept


def test_another_store_is_not_taken_for_the_one_that_a_key_was_destroyed_in(
    on: Callable[[str], World],
) -> None:
    """A setting that changed under way must not certify what never happened."""
    world = on("keyring")
    run = world.open_run()
    steps = world.steps(run, RowCounter())
    steps["plan"](), steps["extract"](), steps["validate"]()
    world.key_store = f"keyring:{world.root}/elsewhere"
    moved = world.open_run()

    for act in (moved.seal, lambda: moved.delete(world.landing)):
        world.clock.advance(days=8)
        with pytest.raises((Unavailable, Refused), match=r"not the store|run-overdue"):
            act()
    assert (world.root / "processor" / "keyring" / "durand-test.key").exists()
    assert not moved.story.has("sealed")
    assert not moved.story.has("deleted")

    world.key_store = ""
    assert world.open_run().delete(world.landing) is True
