"""`kill -9` at every kind of moment: what is run again ends as if nothing had happened, and what is
never run again is deleted at its maximum age all the same."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from remit import signing
from remit.adapters.folder import FolderStore
from remit.adapters.folder_landing import FolderLanding
from remit.custody import REGISTER, Run, due
from remit.receive import Delivery
from remit.testing.world import World
from remit.verification import verify_log
from remit.wiring import open_deployment, open_ledger

RUN = "durand-killed"
KINDS = (
    "received opened planned obliged extracted validated sealing sealed delivering delivered confirmed "
    "deleting deleted"
).split()

WRITE = "remit.adapters.folder:FolderDraft.write"
PUBLISH = "remit.adapters.folder:FolderDraft.publish"
COPY = "remit.adapters.folder_landing:FolderLanding._send"
RENAMED = "remit.adapters.folder_landing:FolderLanding.publish"
APPEND = "remit.evidence:EvidenceLog.append"
WITNESS = "remit.adapters.witness:Witness.keep"
MAKE_KEY = "remit.adapters.keyring:FolderKeyStore.create"
DESTROY = "remit.adapters.keyring:FolderKeyStore.destroy"
REMOVE = "remit.adapters.folder:FolderStore.remove"
JUDGE = "remit.validate:judge_table"


def record(kind: str, when: str) -> str:
    return f"{APPEND}:{KINDS.index(kind) + 1}:{when}"


MOMENTS = {
    "instruction received and the run not opened": record("received", "after"),
    "before the duty to delete is recorded": record("obliged", "before"),
    "after the duty to delete is recorded": record("obliged", "after"),
    "staging key, half written": "remit.adapters.keyring:os.fsync:1:before",
    "extract, at its first write": f"{WRITE}:1:after",
    "extract, amid the second file": f"{WRITE}:20:after",
    "extract, between writing and publishing": f"{PUBLISH}:1:before",
    "extract, after the second file": f"{PUBLISH}:2:after",
    "extract, done and not recorded": record("extracted", "before"),
    "validate, amid it": f"{JUDGE}:2:before",
    "validate, done and not recorded": record("validated", "before"),
    "seal, checked and not recorded": record("sealing", "before"),
    "seal, before the staging key is destroyed": f"{DESTROY}:1:before",
    "seal, staging key overwritten but there": "remit.adapters.keyring:os.fsync:3:after",
    "seal, staging key destroyed and not recorded": f"{DESTROY}:1:after",
    "seal, recorded but not witnessed": f"{WITNESS}:{KINDS.index('sealed') + 1}:before",
    "deliver, before the first byte": record("delivering", "after"),
    "deliver, amid copying": f"{COPY}:1:after",
    "deliver, copied and not renamed": f"{COPY}:4:after",
    "deliver, renamed and not recorded": f"{RENAMED}:1:after",
    "target, amid loading": "remit.receive:Delivery.reconcile:1:after",
    "confirm, verified and not recorded": record("confirmed", "before"),
    "delete, copies found and not recorded": record("deleting", "before"),
    "delete, after the staging key": f"{DESTROY}:2:after",
    "delete, after the first file": f"{REMOVE}:1:after",
    "delete, amid the landing zone": f"{REMOVE}:4:after",
    "delete, done and not recorded": record("deleted", "before"),
}


class Driver:
    """Starts processes that kill or halt themselves; see killed_driver.py."""

    def __init__(self) -> None:
        script = Path(__file__).with_name("killed_driver.py")
        self._process = subprocess.Popen(
            [sys.executable, script],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={"PYTHONPATH": ":".join(path for path in sys.path if path), "HOME": "/nonexistent"},
        )

    def ask(self, **command: Any) -> dict[str, Any]:
        self._process.stdin.write(json.dumps(command, default=str) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def go(self, world: World, moment: str = "", signal: str = "KILL", **more: Any) -> Any:
        command = {"root": world.root, "moment": moment, "signal": signal, **more}
        return self.ask(do="go", **command)["fate"]

    def close(self) -> None:
        with self._process:
            self._process.stdin.close()


@pytest.fixture(scope="module")
def driver() -> Iterator[Driver]:
    started = Driver()
    yield started
    started.close()


@pytest.fixture
def prepared(world: World) -> World:
    world.instruct()
    return world


def rows_at_target(root: Path) -> dict[str, list[tuple[Any, ...]]]:
    with sqlite3.connect(root / "target" / "kalisil.sqlite") as database:
        return {
            table: sorted(database.execute(f"SELECT * FROM {table}"), key=str)
            for table in ("results", "observation_history")
        }


@pytest.fixture(scope="module")
def undisturbed(
    driver: Driver, tmp_path_factory: pytest.TempPathFactory, laboratory_file: Path
) -> dict[str, list[tuple[Any, ...]]]:
    """What the target holds after a run that nobody killed."""
    root = tmp_path_factory.mktemp("undisturbed")
    shutil.copyfile(laboratory_file, root / "lis.sqlite")
    world = World(root)
    world.instruct()
    assert driver.go(world) == 0
    return rows_at_target(root)


def files(folder: Path) -> set[str]:
    """Every file below, hidden ones too; a store's own name holds nothing."""
    return {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and ".remit" not in path.parts
    }


def kinds(world: World) -> list[str]:
    return [record.kind for record in world.deployment().log.records()]


def runs(world: World) -> set[str]:
    return {record.run for record in world.deployment().log.records()} - {REGISTER}


def once(kinds: list[str]) -> list[str]:
    """An attempt to delete that goes on where another was cut short records what it finds."""
    return [kind for kind, before in zip(kinds, [None, *kinds], strict=False) if kind != before]


def nothing_half_done_in_sight(world: World) -> None:
    """Whatever has its real name is whole."""
    for path in (world.root / "processor" / "staging").glob(f"{RUN}/[!.]*"):
        assert path.read_bytes()[-4:] == b"PARE"
    key = signing.load_recipient(str(world.root / "target" / "recipient.pem"))
    for folder in world.landing_path.glob("[!.]*"):
        # What has its receipt may be half deleted: it is nobody's to read any more.
        if not (folder / "receipt.dsse.json").exists():
            Delivery.open(FolderStore(folder), "", world.settings.trust()).reconcile(key)


def all_is_gone(root: Path) -> None:
    assert files(root / "processor" / "staging") == set()
    assert files(root / "processor" / "keyring") == set()
    if (root / "landing").exists():
        assert files(root / "landing") <= {f"{RUN}/receipt.dsse.json"}


def delete_at_maximum_age(root: Path, settings: Any) -> list[str]:
    """What `remit delete --due` does, a week later."""
    later = datetime.now(UTC) + timedelta(days=8)
    deployment = open_deployment(settings, now=lambda: later)
    obligations = due(deployment.log, later)
    for obligation in obligations:
        run = Run(obligation.run, deployment, "test")
        assert run.delete(lambda _: FolderLanding(root / "landing")) is True
    return [obligation.run for obligation in obligations]


@pytest.mark.parametrize("moment", MOMENTS.values(), ids=MOMENTS)
def test_killed_and_run_again(prepared, driver, undisturbed, moment) -> None:
    assert driver.go(prepared, moment) == "killed"
    nothing_half_done_in_sight(prepared)

    assert driver.go(prepared) == 0

    ledger = open_ledger(prepared.settings)
    count = len(kinds(prepared))
    assert once(kinds(prepared)) == KINDS
    assert rows_at_target(prepared.root) == undisturbed
    all_is_gone(prepared.root)
    key = signing.load_public(prepared.root / "processor" / "keys" / "processor.pem.pub")
    assert verify_log(ledger, [key]).size == count
    assert driver.go(prepared) == 0
    assert len(kinds(prepared)) == count


# Moments with the same files on the disk as another one have nothing of their own to delete.
SAME_FILES = {
    "after the duty to delete is recorded",
    "validate, amid it",
    "validate, done and not recorded",
    "seal, checked and not recorded",
    "seal, before the staging key is destroyed",
    "seal, recorded but not witnessed",
    "deliver, before the first byte",
    "target, amid loading",
    "confirm, verified and not recorded",
    "delete, copies found and not recorded",
    "delete, done and not recorded",
}


@pytest.mark.parametrize(
    "name",
    [name for name in MOMENTS if name not in SAME_FILES],
)
def test_killed_and_never_run_again(prepared, driver, name) -> None:
    assert driver.go(prepared, MOMENTS[name]) == "killed"

    delete_at_maximum_age(prepared.root, prepared.settings)

    all_is_gone(prepared.root)
    assert delete_at_maximum_age(prepared.root, prepared.settings) == []


@pytest.mark.parametrize(
    "moment", [f"{REMOVE}:1:after", f"{REMOVE}:4:after", record("deleted", "before")]
)
def test_certificate_names_every_copy_though_the_deletion_was_interrupted(
    prepared, driver, moment
) -> None:
    driver.go(prepared, moment)
    driver.go(prepared)

    deleted = Run(RUN, prepared.deployment(), "test").story.last("deleted")

    assert deleted["copies"] == 6


def test_what_a_killed_extraction_left_is_not_kept_beside_the_new_one(prepared, driver) -> None:
    assert driver.go(prepared, f"{WRITE}:20:after") == "killed"
    left = files(prepared.root / "processor" / "staging")
    assert any(name.endswith(".partial") for name in left)

    assert driver.go(prepared, record("extracted", "after")) == "killed"

    staged = files(prepared.root / "processor" / "staging")
    assert staged == {f"{RUN}/results.parquet", f"{RUN}/observation_history.parquet"}


def test_command_typed_again_goes_on_with_the_run_that_was_killed(prepared, driver) -> None:
    assert driver.go(prepared, f"{PUBLISH}:2:before", cli=True) == "killed"
    [before] = runs(prepared)

    assert driver.go(prepared, cli=True) == 0

    assert runs(prepared) == {before}
    assert kinds(prepared) == KINDS[: KINDS.index("delivered") + 1]
    assert files(prepared.landing_path / before) == {
        "instruction.dsse.json",
        "manifest.dsse.json",
        "observation_history.parquet",
        "results.parquet",
    }


def test_target_does_not_see_a_delivery_that_is_being_copied(prepared, driver) -> None:
    assert driver.go(prepared, f"{COPY}:4:after") == "killed"
    assert (prepared.landing_path / f".{RUN}.partial" / "manifest.dsse.json").exists()

    seen = prepared.target.serve(
        prepared.landing_path, prepared.settings.trust(), deliveries=1, seconds=0.01
    )

    assert seen is False
    assert not prepared.target.database.exists()


# --- two processes at once ------------------------------------------------------------------------

TOGETHER = {
    "plan": record("planned", "before"),
    "extract": f"{WRITE}:1:after",
    "validate": f"{JUDGE}:1:before",
    "seal": f"{DESTROY}:1:after",
    "deliver": f"{COPY}:1:after",
    "confirm": record("confirmed", "before"),
    "delete": f"{REMOVE}:1:after",
}


@pytest.mark.parametrize("moment", TOGETHER.values(), ids=TOGETHER)
def test_two_processes_on_one_run(prepared, driver, undisturbed, moment) -> None:
    command: dict[str, Any] = {"root": prepared.root, "moment": moment, "signal": "STOP"}
    first = driver.ask(do="go", **command)
    assert first["fate"] == "halted"

    second = driver.go(prepared)
    third = driver.ask(do="continue", pid=first["pid"])["fate"]

    assert (second, third) == (4, 0)
    assert kinds(prepared) == KINDS
    assert rows_at_target(prepared.root) == undisturbed
    all_is_gone(prepared.root)
