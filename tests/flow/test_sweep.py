"""A sweep finds what nobody recorded, and deletes what is remit's own when the rule says so."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from remit.adapters.folder import FolderStore
from remit.cli import main
from remit.custody import ORPHANS, Run, Swept, survey, sweep
from remit.errors import EvidenceBroken, Unavailable, UsageError
from remit.ports import Rule, Verdict
from remit.signing import load_public
from remit.testing.world import World, by
from remit.verification import verify_log
from remit.wiring import Settings

WEEK = timedelta(days=7)
SECRET_NAME = "helene-dupont-hiv"


class Contented:
    engine = "a test's judge, of nothing"

    def check(self, rules: list[Rule]) -> None:
        """Every rule will do."""

    def judge(self, extract: Any, rules: list[Rule], others: Any = None) -> list[Verdict]:
        return [Verdict(rule.id, rule.type, (), success=True) for rule in rules]


def go(world: World, last: str, run: str = "durand-test") -> Run:
    opened = world.open_run(run)
    for name, step in world.steps(opened, Contented()).items():
        step()
        if name == last:
            break
    return opened


def swept(world: World, after: timedelta | None = None) -> Swept:
    return sweep(world.deployment(), "test", world.landing, after)


def put(world: World, path: str, days_old: float = 0) -> Path:
    """A file of nine bytes at a place of the world, written so many days before its clock."""
    file = world.root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"nine byte")
    written = world.clock().timestamp() - days_old * 86400
    os.utime(file, (written, written))
    return file


def told(done: Swept) -> set[tuple[str, str]]:
    return {(one.place.rpartition("/")[2], one.why) for one in done.found}


@pytest.mark.parametrize("last", ["plan", "extract", "validate", "seal", "deliver"])
def test_a_run_on_its_way_leaves_nothing_that_is_an_orphan(world: World, last: str) -> None:
    go(world, last)
    world.clock.advance(days=30)

    done = swept(world, timedelta(days=1))

    assert (done.found, done.unseen) == ([], [])
    assert world.deployment().log.records(ORPHANS) == []


def test_nor_does_one_that_is_deleted_and_the_receipt_is_the_targets(world: World) -> None:
    run = go(world, "deliver")
    world.ingest(run)
    run.confirm(world.landing())
    world.clock.advance(days=8)
    assert run.delete(world.landing) is True

    assert swept(world).found == []
    assert [path.name for path in (world.landing_path / run.id).iterdir()] == ["receipt.dsse.json"]


def test_every_place_is_held_against_the_evidence(world: World) -> None:
    run = go(world, "deliver")
    gone = go(world, "deliver", "durand-gone")
    world.clock.advance(days=8)
    run.hold(by("Camille Moreau"), "an audit", world.clock() + timedelta(days=9))
    gone.delete(world.landing)
    put(world, "processor/staging/durand-gone/again.parquet")
    put(world, "processor/staging/durand-nevernevernev/results.parquet", 3)
    put(world, "processor/staging/loose")
    put(world, "landing/durand-gone/results.parquet")
    put(world, "landing/.durand-gone.partial/results.parquet")
    put(world, f"landing/{SECRET_NAME}.csv")
    deployment = world.deployment()
    for name in ("durand-nevernevernev", run.id, gone.id):
        deployment.keys.create(name)

    done = swept(world)

    assert told(done) == {
        ("staging", "deleted"),
        ("staging", "unrecorded"),
        ("staging", "stranger"),
        ("landing", "deleted"),
        ("landing", "stranger"),
        ("keyring", "key-unrecorded"),
        ("keyring", "key-unneeded"),
    }
    assert len(done.found) == 8
    [record] = deployment.log.records(ORPHANS)
    assert record.data["found"] == [one.as_json() for one in done.found]
    [old] = [
        one for one in done.found if one.top == "durand-nevernevernev" and one.place != "keyring"
    ]
    assert (old.files, old.size, (world.clock() - old.oldest).days) == (1, 9, 3)


def test_a_finding_is_recorded_once_and_no_strangers_name_at_all(world: World) -> None:
    go(world, "deliver")
    put(world, f"landing/{SECRET_NAME}/x")
    put(world, f"processor/staging/{SECRET_NAME}/x")

    assert len(swept(world).new) == 2
    assert swept(world).new == []

    [record] = world.deployment().log.records(ORPHANS)
    assert SECRET_NAME not in json.dumps(record.data)
    assert all(one["name"].startswith("(not shown, sha256 ") for one in record.data["found"])
    key = load_public(world.root / "processor" / "keys" / "processor.pem.pub")
    verify_log(world.deployment().log.ledger, [key])
    assert survey(world.deployment().log, world.clock()).damaged == {}


def test_a_rule_deletes_what_is_remits_own_and_old_enough(world: World) -> None:
    gone = go(world, "deliver", "durand-gone")
    held = go(world, "extract", "durand-open")
    world.clock.advance(days=8)
    held.hold(by("Camille Moreau"), "an audit", world.clock() + timedelta(days=9))
    gone.delete(world.landing)
    old = [
        put(world, "processor/staging/durand-gone/a", 9),
        put(world, "processor/staging/durand-nevernevernev/a", 9),
        put(world, "landing/durand-gone/a", 9),
    ]
    kept = [
        put(world, "processor/staging/durand-youngyoungyou/a", 6),
        put(world, "landing/somebody/a", 900),
        put(world, "landing/durand-gone/receipt.dsse.json", 900),
        put(world, "processor/staging/durand-open/more", 900),
    ]

    done = swept(world, WEEK)

    assert done.failed == []
    assert [file for file in old if file.exists()] == []
    assert [file for file in kept if not file.exists()] == []
    assert sorted(one.top for one in done.removed) == [
        "durand-gone",
        "durand-gone",
        "durand-nevernevernev",
    ]
    assert [r.kind for r in world.deployment().log.records(ORPHANS)] == ["orphans", "swept"]
    put(world, "processor/staging/durand-nevernevernev/a", 1)
    assert [one.top for one in swept(world, WEEK).new] == ["durand-nevernevernev"]  # it came again


def test_what_is_not_remits_in_staging_is_told_and_stays(world: World) -> None:
    """A landing zone below staging, that remit does not know of, and strangers' files."""
    go(world, "extract")
    kept = [
        put(world, "processor/staging/landing/durand-test/results.parquet", 900),
        put(world, "processor/staging/notes.txt", 900),
        put(world, "processor/staging/durand-NEVERNEVERNEV/a", 900),
    ]

    done = swept(world, timedelta(days=1))

    assert told(done) == {("staging", "stranger")}
    assert len(done.found) == 3
    assert done.removed == []
    assert all(file.exists() for file in kept)


def test_zone_in_staging_is_not_swept_nor_is_staging_cleared(world: World) -> None:
    """A run was sent there before that was refused."""
    go(world, "deliver")
    link = world.root / "processor" / "staging" / "durand-landinglandin"
    world.landing_path.rename(link)
    world.landing_path.symlink_to(link)
    file = put(world, "processor/staging/durand-nevernevernev/a", 900)
    held = put(world, "processor/staging/durand-landinglandin/x", 900)

    done = swept(world, WEEK)

    [(_, error)] = done.unseen
    assert "landing-in-staging" in str(error)
    assert len(done.found) == 2
    assert done.removed == []
    assert file.exists()
    assert held.exists()


def test_file_in_the_keyring_whose_name_is_no_keys_ends_no_sweep(world: World) -> None:
    go(world, "extract")
    file = put(world, "processor/keyring/a b.key", 900)

    assert swept(world, WEEK).found == []
    assert file.exists()


def test_keys_that_nobody_needs_go_a_week_after_they_were_found(world: World) -> None:
    run = go(world, "seal")
    keys = world.deployment().keys
    for name in (run.id, "durand-nevernevernev"):
        keys.create(name)
    go(world, "extract", "durand-open")

    assert [one.top for one in swept(world, WEEK).found] == ["durand-nevernevernev", run.id]
    world.clock.advance(days=6)
    assert swept(world, WEEK).removed == []
    world.clock.advance(days=2)
    assert len(swept(world, WEEK).removed) == 2
    assert keys.names() == ["durand-open"]


def test_a_run_that_begins_meanwhile_keeps_what_it_wrote(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    go(world, "plan", "durand-late")
    go(world, "extract", "durand-first")
    file = put(world, "processor/staging/durand-late/results.parquet", 30)
    run = Run("durand-late", world.deployment(), "test")
    recording = type(world.deployment().log).append

    def begins(log: Any, run_name: str, kind: str, *rest: Any, **more: Any) -> Any:
        if kind == "orphans":  # found, and about to be deleted
            run.record("obliged", {"due": "2999-01-01T00:00:00Z", "reason": "test",
                                   "staging_store": run.deployment.staging.identity(),
                                   "key_store": run.deployment.keys.identity()})  # fmt: skip
        return recording(log, run_name, kind, *rest, **more)

    monkeypatch.setattr(type(world.deployment().log), "append", begins)
    assert swept(world, WEEK).removed == []
    assert file.exists()


def test_zone_that_is_away_is_told_and_nothing_there_taken_for_gone(world: World) -> None:
    go(world, "deliver")
    world.landing_path.rename(world.root / "away")

    done = swept(world)

    [(spec, error)] = done.unseen
    assert spec == str(world.landing_path)
    assert isinstance(error, Unavailable)
    assert done.found == []


def test_damaged_evidence_stops_a_sweep_before_anything_is_deleted(world: World) -> None:
    go(world, "extract")
    go(world, "extract", "durand-other")
    file = put(world, "processor/staging/durand-nevernevernev/a", 900)
    ledger = world.root / "processor" / "evidence.sqlite"
    statement = (
        "UPDATE remit_record SET body = substr(body, 2) WHERE run = 'durand-test' AND step = 2"
    )
    subprocess.run([sys.executable, "-c", f"""
import sqlite3; d = sqlite3.connect({str(ledger)!r}); d.execute({statement!r}); d.commit()
"""], check=True)  # fmt: skip

    with pytest.raises(EvidenceBroken):
        swept(world, WEEK)
    assert file.exists()


def test_staging_that_no_run_was_put_in_is_not_remits_to_clear(world: World) -> None:
    go(world, "extract")
    other = world.root / "shared"
    other.mkdir()
    put(world, "shared/durand-nevernevernev/a", 900)
    put(world, "shared/.remit/store", 900)
    deployment = replace(world.deployment(), staging=FolderStore(other))
    done = sweep(deployment, "test", world.landing, WEEK)

    assert [one.owned for one in done.found] == [False]
    assert done.removed == []


def test_two_sweepers_at_once_do_it_once(world: World) -> None:
    go(world, "extract")
    for number in range(40):
        put(
            world,
            f"processor/staging/durand-nevernever{chr(97 + number % 8)}{chr(97 + number // 8)}a/a",
            9,
        )
    done: list[Any] = []

    def one() -> None:
        try:
            done.append(swept(world, WEEK))
        except Unavailable as error:
            done.append(error)

    sweepers = [threading.Thread(target=one) for _ in range(4)]
    for sweeper in sweepers:
        sweeper.start()
    for sweeper in sweepers:
        sweeper.join()

    removed = [one.top for each in done if isinstance(each, Swept) for one in each.removed]
    assert sorted(removed) == sorted(
        f"durand-nevernever{chr(97 + number % 8)}{chr(97 + number // 8)}a" for number in range(40)
    )
    assert all(isinstance(each, Swept) or "another process" in str(each) for each in done)
    records = world.deployment().log.records(ORPHANS)
    assert [record.kind for record in records] == ["orphans", "swept"]


def test_on_the_command_line(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    go(world, "deliver")
    file = put(world, "processor/staging/durand-nevernevernev/a", 9)
    put(world, f"processor/staging/{SECRET_NAME}/a", 9)
    put(world, "landing/theirs/a", 9)
    for name, value in world.environment.items():
        monkeypatch.setenv(name, value)

    def cli(*arguments: str) -> tuple[int, str]:
        return main(["sweep", *arguments]), "".join(capsys.readouterr())

    code, said = cli()
    assert code == 0
    assert said.count("9 bytes, 9 days old") == 3
    assert SECRET_NAME not in said
    assert SECRET_NAME in cli("--names")[1]
    assert cli("--delete")[0] == 2
    monkeypatch.setenv("REMIT_ORPHANS", "delete-after=P7D")
    code, said = cli("--delete", "--json")
    assert code == 0
    assert {(one["why"], one["removed"]) for one in json.loads(said)["orphans"]} == {
        ("unrecorded", True),
        ("stranger", False),
    }
    assert not file.exists()


@pytest.mark.parametrize("rule", ["delete", "delete-after=P0D", "delete-after=7", "Report"])
def test_rule_of_another_form_is_an_error(rule: str) -> None:
    with pytest.raises(UsageError, match="REMIT_ORPHANS"):
        Settings.from_environment({"REMIT_ORPHANS": rule})
