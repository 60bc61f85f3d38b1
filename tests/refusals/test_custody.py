"""What a run's own history refuses: steps out of order, other terms, two hands at once."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from remit import signing
from remit.bundle import make_bundle, verify_bundle
from remit.custody import Run
from remit.errors import RemitError, Unavailable
from remit.instruction import read_signed
from remit.testing.world import by
from remit.wiring import open_ledger, open_source

STEPS = ["plan", "extract", "validate", "seal", "deliver"]


@pytest.mark.vector("run-unknown")
def test_step_of_a_run_that_was_never_opened(world, judge, refuses, left_nothing) -> None:
    run = Run("durand-test", world.deployment(), "test")
    run_steps = world.steps(run, judge) | {
        "confirm": lambda: run.confirm(world.landing()),
        "hold": lambda: run.hold(by("me"), "because", world.clock() + timedelta(days=1)),
        "landing": run.landing,
    }

    for step in run_steps.values():
        with refuses(at="run durand-test", saying="no run of this id"):
            step()
    assert run.story.records == []
    left_nothing(world)


@pytest.mark.vector("run-unknown")
@pytest.mark.parametrize(
    "command",
    [
        ["confirm", "nobody"],
        ["hold", "nobody", "--reason", "x", "--by", "y"],
        ["evidence", "show", "nobody"],
        ["evidence", "export", "nobody", "--out", "bundle"],
    ],
    ids=" ".join,
)
def test_command_about_a_run_that_is_not(world, up_to, cli, monkeypatch, command) -> None:
    up_to(world, "plan")
    monkeypatch.chdir(world.root)

    cli.refused(*command, at="run nobody", saying="no run of this id")
    assert not Path("bundle").exists()


@pytest.mark.vector("step-out-of-order")
@pytest.mark.parametrize("done", range(4))
def test_step_before_its_time(world, up_to, judge, refuses, done) -> None:
    run = up_to(world, STEPS[done - 1]) if done else world.open_run()
    steps = world.steps(run, judge) | {"confirm": lambda: run.confirm(world.landing())}

    for name in [*STEPS, "confirm"][done + 1 :]:
        with refuses(at="run durand-test", saying=f"it cannot {name}: there is no evidence"):
            steps[name]()
    assert not world.landing_path.exists() or not list(world.landing_path.iterdir())


@pytest.mark.vector("run-ended")
def test_step_after_the_run_was_stopped(world, up_to, judge, refuses) -> None:
    run = up_to(world, "extract")
    (world.root / "processor" / "keyring" / "durand-test.key").unlink()
    with refuses(at="durand-test", saying="destroyed", code="staging-key-gone"):
        run.validate(judge)

    for name, step in world.steps(run, judge).items():
        with refuses(at="run durand-test", saying=f"so it cannot {name}"):
            step()


@pytest.mark.vector("run-ended")
@pytest.mark.parametrize("last", ["extract", "validate", "seal", "deliver"])
def test_step_after_the_maximum_age_deleted_the_run(world, up_to, judge, refuses, last) -> None:
    run = up_to(world, last)
    world.clock.advance(days=8)
    run.delete(world.landing)

    for name, step in world.steps(run, judge).items():
        with refuses(at="run durand-test", saying=f"so it cannot {name}"):
            step()
    with refuses(at="run durand-test", saying="so it cannot confirm"):
        run.confirm(world.landing())


def test_extraction_again_after_its_staging_key_went(world, up_to, monkeypatch) -> None:
    run = up_to(world, "plan")
    with monkeypatch.context() as patch:
        patch.setattr(
            "remit.extract.extract", lambda *a, **k: (_ for _ in ()).throw(Unavailable("x", "y"))
        )
        with pytest.raises(Unavailable):
            run.extract(world.source(), lambda *_: None)
    (world.root / "processor" / "keyring" / "durand-test.key").unlink()

    # Nothing was sealed to the key that went, so a new one serves.
    assert run.extract(world.source(), lambda *_: None) is True


def second_version(run: Run) -> Callable[[dict[str, Any]], None]:
    first = run.story.last("opened")["instruction"]["digest"]
    return lambda f: f.update(version=2, supersedes={"version": 1, "digest": first})


@pytest.mark.vector("run-pinned")
@pytest.mark.parametrize("other", ["instruction", "source", "landing"])
def test_run_taken_up_under_other_terms(world, refuses, other) -> None:
    run = world.open_run()
    envelope = run.story.instruction_envelope
    if other == "instruction":
        envelope = read_signed(world.instruct(second_version(run)))
    source = "sqlite:///other" if other == "source" else world.source().label
    landing = "/other" if other == "landing" else str(world.landing_path)

    with refuses(at="run durand-test", saying="another instruction, source, landing zone or data"):
        run.open(envelope, source, landing)
    assert [record.kind for record in run.story.records] == ["opened", "refused"]
    assert run.story.instruction_envelope != envelope or other != "instruction"


@pytest.mark.vector("run-pinned")
def test_extraction_from_another_source_than_was_planned(world, up_to, refuses, left_nothing):
    run = up_to(world, "plan")
    (world.root / "other.sqlite").write_bytes((world.root / "lis.sqlite").read_bytes())
    other = open_source(f"sqlite:///{world.root / 'other.sqlite'}")

    with refuses(at="other.sqlite", saying="not the source that this run was planned on"):
        run.extract(other, lambda *_: None)
    left_nothing(world)


@pytest.mark.vector("instruction-expired")
def test_run_refused_when_opened_can_be_opened_later_and_its_evidence_verifies(
    world, judge, refuses
) -> None:
    envelope = read_signed(world.instruct())
    run = Run("durand-test", world.deployment(), "test")
    world.clock.advance(days=400)
    with refuses(at="instruction durand-2026", saying="it was valid until"):
        run.open(envelope, world.source().label, str(world.landing_path))
    world.clock.advance(days=-400)
    with refuses(at="run durand-test", saying="no run of this id", code="run-unknown"):
        run.plan(world.source(), world.landing(), judge)

    run.open(envelope, world.source().label, str(world.landing_path))
    world.deliver(run, judge)
    findings = verify_bundle(
        make_bundle(open_ledger(world.settings), run.id, signer=None), world.settings.trust()
    )

    assert [record.kind for record in findings.records][:3] == ["refused", "opened", "planned"]


@pytest.mark.vector("run-pinned")
def test_run_id_given_again_with_another_landing_exits_3(world, cli) -> None:
    run = world.open_run()
    path = world.root / "include" / "instructions" / "durand.yaml"
    options = ("--source", world.source_url, "--landing", world.root / "b", "--run", run.id)

    cli.refused("run", path, *options, at="run durand-test", saying="another instruction")


@pytest.mark.vector("processor-key-differs")
def test_deployment_with_another_signing_key(world, cli, monkeypatch, left_nothing) -> None:
    signing.new_key("signing", world.root / "other.pem")
    monkeypatch.setenv("REMIT_SIGNING_KEY", str(world.root / "other.pem"))
    options = ("--source", world.source_url, "--landing", world.landing_path)

    at = "instruction field processor.signing_key"
    cli.refused("run", world.instruct(), *options, at=at, saying="signs with another key")
    left_nothing(world)


@pytest.mark.vector("run-moved")
def test_record_that_another_process_wrote_first(world, refuses) -> None:
    run = world.open_run()
    log = world.deployment().log

    for step in (0, 2):
        with refuses(at="run durand-test", saying="at the same time"):
            log.append(run.id, "planned", {}, "somebody", step=step)
    assert len(run.story.records) == 1


@pytest.mark.vector("run-moved")
def test_run_opened_twice_at_once(world, refuses, monkeypatch) -> None:
    envelope = read_signed(world.instruct())
    first, second = (Run("durand-test", world.deployment(), by) for by in ("a", "b"))
    log = second.deployment.log
    before = log.records("durand-test")
    first.open(envelope, "source", "landing")
    monkeypatch.setattr(log, "records", lambda run=None: before)  # as it read them just before

    with refuses(at="run durand-test", saying="at the same time"):
        second.open(envelope, "source", "landing")


def test_second_process_on_one_run_is_told_to_come_later(world, up_to, judge) -> None:
    run = up_to(world, "plan")
    hold = (
        "from remit.wiring import Settings, open_ledger\n"
        "with open_ledger(Settings.from_environment()).lock('durand-test'):\n"
        "    print('held', flush=True); input()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", hold],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={"PYTHONPATH": ":".join(sys.path), **world.environment},
    )
    with other:
        assert other.stdout.readline() == b"held\n"
        for step in [*world.steps(run, judge).values(), lambda: run.delete(world.landing)]:
            with pytest.raises(Unavailable, match="another process is working on it"):
                step()
        other.stdin.close()

    assert [record.kind for record in run.story.records] == ["opened", "planned"]
    assert run.extract(world.source(), lambda *_: None) is True


STRANGE_IDS = ["../../outside", "/tmp/outside", "a/b", ".hidden", "A-run", "a run", "a_b", "x", ""]


@pytest.mark.parametrize("name", STRANGE_IDS)
def test_run_id_that_is_no_plain_name_is_refused_before_anything(world, judge, name) -> None:
    before = {path for path in world.root.rglob("*") if path.is_file()}

    def every_step() -> None:
        for step in world.steps(world.open_run(name), judge).values():
            step()

    with pytest.raises(RemitError):
        every_step()

    allowed = {"evidence.sqlite", "evidence.sqlite-journal", "witness.dsse.json"}
    allowed |= {"durand.yaml", "durand.yaml.dsse.json"}
    after = {path for path in world.root.rglob("*") if path.is_file()}
    assert {path.name for path in after - before} <= allowed
    assert world.deployment().log.records() == []
