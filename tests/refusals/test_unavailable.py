"""Full disks and places that are gone: `Unavailable`, exit 4, nothing half-done in sight."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from remit.adapters import ledger
from remit.errors import Refused, Unavailable
from remit.testing.world import World


@pytest.fixture
def small_disk(world: World) -> Iterator[Callable[..., Path]]:
    """Mounts a file system of a few kilobytes over a folder of the world."""
    mounted: list[Path] = []

    def mount(name: str, size: str = "64k") -> Path:
        folder = world.root / name
        folder.mkdir(parents=True, exist_ok=True, mode=0o750)
        command = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=0750", "tmpfs", str(folder)]
        if subprocess.run(command, check=False, capture_output=True).returncode:
            why = "mounting a file system needs to be root, with CAP_SYS_ADMIN"
            pytest.fail(why) if os.environ.get("CI") else pytest.skip(why)
        mounted.append(folder)
        return folder

    yield mount
    for folder in mounted:
        subprocess.run(["umount", str(folder)], check=True)


FULL = "No space left on device"


def readable_below(folder: Path) -> list[Path]:
    return [p for p in folder.rglob("*") if p.is_file() and ".remit" not in p.parts]


def test_full_staging_leaves_no_file_and_can_be_tried_again(world, up_to, small_disk) -> None:
    run = up_to(world, "plan")
    staging = small_disk("processor/staging", "16k")

    with pytest.raises(Unavailable, match=FULL):
        run.extract(world.source(), lambda *_: None)

    assert readable_below(staging) == []
    assert run.story.records[-1].kind == "interrupted"
    subprocess.run(["mount", "-o", "remount,size=4m", str(staging)], check=True)
    assert run.extract(world.source(), lambda *_: None) is True


def test_full_landing_zone_shows_nothing_and_can_be_tried_again(world, up_to, small_disk) -> None:
    run = up_to(world, "seal")
    landing = small_disk("landing", "32k")

    with pytest.raises(Unavailable, match=FULL):
        run.deliver(world.landing())

    assert not (landing / run.id).exists()
    assert run.story.records[-1].kind == "interrupted"
    subprocess.run(["mount", "-o", "remount,size=4m", str(landing)], check=True)
    assert run.deliver(world.landing()) is True
    assert len(list((landing / run.id).iterdir())) == 4


def test_full_disk_under_the_evidence_lets_no_step_begin(world, up_to, judge, small_disk) -> None:
    run = up_to(world, "plan")
    home, copy = world.root / "processor", world.root / "copy"
    shutil.copytree(home, copy)
    small_disk("processor", "512k")
    shutil.copytree(copy, home, dirs_exist_ok=True)
    filler = home / "filler"
    with suppress(OSError), filler.open("wb", buffering=0) as file:
        while file.write(bytes(4096)):
            pass

    with pytest.raises(Unavailable):
        run.extract(world.source(), lambda *_: None)

    assert readable_below(home / "staging") == []
    filler.unlink()
    assert run.extract(world.source(), lambda *_: None) is True


def test_landing_zone_gone_between_plan_and_delivery(world, up_to) -> None:
    run = up_to(world, "seal")
    shutil.rmtree(world.landing_path)
    (world.root / "landing").symlink_to(world.root / "unmounted" / "share")

    with pytest.raises((Unavailable, Refused)):
        run.deliver(world.landing())
    (world.root / "landing").unlink()

    assert run.deliver(world.landing()) is True


def test_landing_zone_gone_when_the_receipt_is_looked_for(world, up_to, cli) -> None:
    run = up_to(world, "deliver")
    world.landing_path.rename(world.root / "away")

    code, answer = cli("confirm", run.id)

    assert code == 4
    assert answer["error"]["where"]


def test_receipt_that_is_not_there_yet(world, up_to, cli) -> None:
    run = up_to(world, "deliver")

    code, answer = cli("confirm", run.id)

    assert code == 4
    assert answer["error"]["message"] == "the target has not confirmed it yet."


def test_bundle_to_a_full_disk(world, up_to, cli) -> None:
    run = up_to(world, "plan")

    code, answer = cli("evidence", "export", run.id, "--out", "/dev/full")

    assert code == 4
    assert FULL in answer["error"]["message"]


@pytest.mark.parametrize("command", ["receive", "open"])
def test_tables_to_a_full_disk(world, up_to, cli, small_disk, command) -> None:
    run = up_to(world, "deliver")
    out = small_disk("out", "4k")
    target = world.root / "target"
    arguments = [world.landing_path / run.id, "--key", target / "recipient.pem", "--out", out]
    if command == "receive":
        arguments += ["--sign", target / "receipts.pem"]

    code, answer = cli(command, *arguments)

    assert code == 4
    assert FULL in answer["error"]["message"]
    assert not (world.landing_path / run.id / "receipt.dsse.json").exists()


def test_ledger_that_another_process_keeps_busy(world, up_to, cli, monkeypatch) -> None:
    run = up_to(world, "plan")
    opening = ledger.open_engine  # which would wait for 30 seconds
    monkeypatch.setattr(ledger, "open_engine", lambda url, _: opening(url, 0))
    busy = sqlite3.connect(world.root / "processor" / "evidence.sqlite", isolation_level=None)
    busy.execute("BEGIN EXCLUSIVE")
    try:
        code, answer = cli("evidence", "show", run.id)
    finally:
        busy.close()

    assert code == 4
    assert "does not answer" in answer["error"]["message"]
