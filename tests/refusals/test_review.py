"""Ways round that a review found, each tried for real."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from remit import signing
from remit.adapters.folder import FolderStore
from remit.adapters.folder_landing import FolderLanding
from remit.adapters.ledger import SqlLedger
from remit.bundle import make_bundle
from remit.cli import main
from remit.custody import Run, execute_due
from remit.errors import EvidenceBroken, Refused, Unavailable, UsageError
from remit.instruction import TrustStore
from remit.testing.world import World, by


def sql(world: World, *statements: str) -> None:
    with sqlite3.connect(world.root / "processor" / "evidence.sqlite") as database:
        for statement in statements:
            database.execute(statement)


def no_progress(_table: str, _rows: int) -> None:
    """Nobody watches."""


# --- evidence ---------------------------------------------------------------------------------


def test_append_does_not_sign_on_top_of_a_rewritten_history(world, up_to) -> None:
    run = up_to(world, "plan")
    sql(
        world,
        "UPDATE remit_record SET body = replace(body, 'opened', 'opaned')",
        "UPDATE remit_log SET checkpoint = 'junk'",
    )

    with pytest.raises(EvidenceBroken):
        world.deployment().log.append("another-run", "opened", {}, "me", step=0)
    del run


def test_kept_nodes_of_the_tree_are_held_to_the_records(world, up_to) -> None:
    from remit.signing import key_of
    from remit.verification import verify_log

    up_to(world, "plan")
    sql(world, "UPDATE remit_record SET nodes = 'junk' WHERE seq = 1")
    deployment = world.deployment()
    ledger = SqlLedger(world.settings.ledger, world.settings.home / "witness.dsse.json")

    with pytest.raises(EvidenceBroken, match="record 1"):
        verify_log(ledger, [key_of(deployment.log.signer)])


@pytest.mark.vector("bundle-without-instruction")
def test_bundle_of_a_run_that_was_refused_before_it_began(world, refuses) -> None:
    path = world.instruct()
    path.write_bytes(path.read_bytes() + b"# more\n")
    run = Run("durand-test", world.deployment(), "test")
    with pytest.raises(Refused, match="instruction-changed"):
        run.open_file(path, "source", "landing")
    ledger = SqlLedger(world.settings.ledger, world.settings.home / "witness.dsse.json")

    with refuses(at="run durand-test", saying="before it had an instruction"):
        make_bundle(ledger, "durand-test", signer=None)


@pytest.mark.vector("statement-key-differs")
def test_bundle_with_statements_of_another_key_than_the_logs(
    world, up_to, cli, monkeypatch, tmp_path
) -> None:
    run = up_to(world, "plan")
    signing.new_key("signing", tmp_path / "other.pem")
    monkeypatch.setenv("REMIT_SIGNING_KEY", str(tmp_path / "other.pem"))
    out = tmp_path / "run.remit.zip"

    cli.refused(
        "evidence", "export", run.id, "--out", out,
        at="REMIT_SIGNING_KEY", saying="not the key that the log goes on under",
    )  # fmt: skip

    assert not out.exists()


@pytest.mark.parametrize("step", ["seal", "hold", "delete"])
def test_every_refusal_is_in_the_evidence(world, up_to, step) -> None:
    run = up_to(world, "extract")
    acts = {
        "seal": run.seal,
        "hold": lambda: run.hold(by("Camille Moreau"), "why", world.clock() - timedelta(days=1)),
        "delete": lambda: run.delete(world.landing),
    }

    with pytest.raises(Refused) as caught:
        acts[step]()

    refused = run.story.last("refused")
    assert (refused["step"], refused["refusal"]["code"]) == (step, caught.value.code)
    assert not run.story.has("stopped")


def test_unexpected_error_is_in_the_evidence_without_its_text(world, up_to, monkeypatch) -> None:
    run = up_to(world, "plan")

    def fail(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("the row of Marie Curie")

    monkeypatch.setattr("remit.extract.extract", fail)
    with pytest.raises(ZeroDivisionError):
        run.extract(world.source(), no_progress)

    assert "ZeroDivisionError" in run.story.last("interrupted")["why"]
    assert "Marie" not in json.dumps(run.story.last("interrupted"))


# --- deletion ---------------------------------------------------------------------------------


def overdue(world: World, up_to: Any) -> Run:
    run = up_to(world, "deliver")
    world.clock.advance(days=8)
    return run


def test_landing_zone_that_was_moved_away_is_not_called_deleted(world, up_to) -> None:
    run = overdue(world, up_to)
    world.landing_path.rename(world.root / "moved")

    with pytest.raises(Unavailable, match="not the store"):
        run.delete(world.landing)

    assert not run.story.has("deleted")
    (world.root / "moved").rename(world.landing_path)
    assert run.delete(world.landing) is True


def test_empty_folder_in_its_place_is_not_called_deleted(world, up_to) -> None:
    run = overdue(world, up_to)
    world.landing_path.rename(world.root / "moved")
    FolderLanding(world.landing_path).claim()

    with pytest.raises(Unavailable, match="not the store"):
        run.delete(world.landing)


def test_another_home_cannot_certify(world, make_world, up_to) -> None:
    run = overdue(world, up_to)
    other = FolderStore(world.root / "other" / "staging")
    other.claim()
    deployment = world.deployment()
    elsewhere = replace(deployment, staging=other)

    with pytest.raises(Unavailable, match="not the store"):
        Run(run.id, elsewhere, "test").delete(world.landing)


def test_one_damaged_record_does_not_keep_other_runs_from_deletion(world, up_to) -> None:
    first = up_to(world, "deliver", "run-one")
    second = up_to(world, "deliver", "run-two")
    world.clock.advance(days=8)
    sql(world, "UPDATE remit_record SET body = substr(body, 2) WHERE run = 'run-one' AND step = 1")

    done = {one.run: one for one in execute_due(world.deployment(), "test", world.landing)}

    assert isinstance(done[first.id].error, EvidenceBroken)
    assert done[second.id].error is None
    assert second.story.has("deleted")


def test_staging_key_goes_first_whatever_the_ledger_does(world, up_to, monkeypatch) -> None:
    run = up_to(world, "extract")
    world.clock.advance(days=8)

    def full(*_: Any, **__: Any) -> None:
        raise Unavailable("ledger", "full.")

    monkeypatch.setattr(type(world.deployment().log), "append", full)
    with pytest.raises(Unavailable):
        run.delete(world.landing)

    assert not list((world.root / "processor" / "keyring").glob("[!.]*"))


def test_run_killed_between_its_refusal_and_its_stop_stays_ended(
    world, up_to, judge, monkeypatch
) -> None:
    run = up_to(world, "extract")
    staged = world.root / "processor" / "staging" / run.id / "results.parquet"
    staged.write_bytes(staged.read_bytes()[:-1])
    with monkeypatch.context() as patch:
        patch.setattr(Run, "_stop", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            run.validate(judge)

    with pytest.raises(Refused, match="run-ended"):
        run.extract(world.source(), no_progress)

    assert run.story.has("stopped")
    assert run.story.has("deleted")


@pytest.mark.vector("run-overdue")
@pytest.mark.parametrize("last", ["extract", "validate", "seal"])
def test_step_after_the_copies_are_due_for_deletion(world, up_to, judge, refuses, last) -> None:
    run = up_to(world, last)
    world.clock.advance(days=8)
    steps = list(world.steps(run, judge).items())
    name = [n for n, _ in steps][[n for n, _ in steps].index(last) + 1]

    with refuses(at="run durand-test", saying="due for deletion"):
        dict(steps)[name]()


@pytest.mark.vector("hold-too-long")
def test_hold_renewed_without_end(world, up_to, refuses) -> None:
    run = up_to(world, "deliver")
    run.hold(by("Camille Moreau"), "an audit", world.clock() + timedelta(days=360))
    world.clock.advance(days=300)

    with refuses(at="run durand-test", saying="beyond"):
        run.hold(by("Camille Moreau"), "again", world.clock() + timedelta(days=360))


# --- files and settings -----------------------------------------------------------------------


@pytest.mark.vector("delivery-conflict")
def test_delivery_changed_at_the_landing_zone_is_not_taken_for_ours(
    world, up_to, refuses, monkeypatch
) -> None:
    run = up_to(world, "seal")
    record = Run.record

    def die(self: Run, kind: str, data: Any) -> None:
        if kind == "delivered":
            raise KeyboardInterrupt
        record(self, kind, data)

    with monkeypatch.context() as patch:
        patch.setattr(Run, "record", die)
        with pytest.raises(KeyboardInterrupt):
            run.deliver(world.landing())
    path = world.landing_path / run.id / "results.parquet"
    data = bytearray(path.read_bytes())
    data[100] ^= 1
    path.write_bytes(data)

    with refuses(at="durand-test", saying="something else is already there"):
        run.deliver(world.landing())


def test_target_of_the_zones_group_can_read_and_answer_whatever_the_umask(world, up_to) -> None:
    before = os.umask(0o077)
    try:
        run = up_to(world, "deliver")
    finally:
        os.umask(before)
    folder = world.landing_path / run.id

    assert stat.S_IMODE(folder.stat().st_mode) == 0o770
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o640}


def test_nothing_of_the_processor_is_open_to_others_whatever_the_umask(world, up_to) -> None:
    before = os.umask(0)
    try:
        up_to(world, "extract")
    finally:
        os.umask(before)
    home = world.root / "processor"
    kept = [home / "staging", home / "keyring", *(home / "staging").rglob("*"), *home.glob("*.*")]

    assert [path for path in kept if path.stat().st_mode & 0o077] == []


def test_link_in_place_of_a_delivery_is_removed_and_not_followed(world, up_to) -> None:
    run = overdue(world, up_to)
    folder = world.landing_path / run.id
    folder.rename(world.root / "elsewhere")
    folder.symlink_to(world.root / "elsewhere")

    assert run.delete(world.landing) is True

    assert not folder.is_symlink()
    assert (world.root / "elsewhere" / "results.parquet").exists()


def test_key_beside_the_controllers_folders_is_no_controllers(world) -> None:
    path = world.instruct()
    controllers = world.settings.include / "controllers"
    (controllers / "durand" / "keys" / "controller.pub").rename(controllers / "stray.pub")
    (controllers / "durand" / "keys").rmdir()

    with pytest.raises(Refused, match="controller-unknown"):
        TrustStore(controllers).keys_for("durand")
    assert TrustStore(controllers, flat=True).keys_for("durand")
    del path


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "x.yaml", "--source", "sqlite:///x", "--landing", ""],
        ["open", "x", "--key", "k", "--out", ""],
        ["hold", "run-1", "--by", "x@y.fr", "--reason", " "],
        ["plan", "x.yaml", "--source", "sqlite:///x", "--trust", ""],
    ],
)
def test_unset_shell_variable_is_a_usage_error(arguments, capsys) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)

    assert caught.value.code == 2
    assert "must not be empty" in capsys.readouterr().err


def test_reading_evidence_makes_no_ledger(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setenv("REMIT_HOME", str(tmp_path / "nowhere"))

    assert main(["evidence", "show"]) == 2

    assert "no evidence ledger" in capsys.readouterr().err
    assert not (tmp_path / "nowhere").exists()


def test_password_with_an_at_sign_is_not_shown(tmp_path) -> None:
    with pytest.raises(UsageError) as caught:
        SqlLedger("postgresql://u:first@second@127.0.0.1:1/x", tmp_path / "witness")

    assert "second" not in str(caught.value)


def test_answer_reaches_a_terminal_without_utf_8(world, tmp_path) -> None:
    path: Path = world.instruct()
    environment = {**os.environ, **world.environment, "PYTHONUTF8": "0", "LC_ALL": "C"}
    environment["PYTHONCOERCECLOCALE"] = "0"
    command = [sys.executable, "-c", "from remit.cli import main; raise SystemExit(main())"]
    environment["PYTHONPATH"] = os.pathsep.join(sys.path)

    done = subprocess.run(
        [*command, "instruction", "lint", str(path) + "é"],
        env=environment, cwd=tmp_path, capture_output=True, timeout=60, check=False,
    )  # fmt: skip

    assert done.returncode == 2
    assert b"Traceback" not in done.stderr
