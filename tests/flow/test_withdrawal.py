"""An instruction is withdrawn while a run is under way: whatever step comes next stops and deletes it."""

from __future__ import annotations

import json
import random
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from remit import canonical, signing
from remit.bundle import make_bundle, verify_bundle
from remit.cli import main
from remit.custody import REGISTER, Execution, Register, Run, execute_due
from remit.custody.guard import Custodian
from remit.errors import EvidenceBroken, Refused, Unavailable
from remit.evidence import timestamp
from remit.instruction import digest_of, parse, read_signed, verify
from remit.instruction.revocation import revocation_path, revoke
from remit.ports import Rule, Verdict
from remit.testing.controller import Edit
from remit.testing.world import World, by
from remit.verification import verify_log
from remit.wiring import open_ledger

pytestmark = pytest.mark.slow

STEPS = ["plan", "extract", "validate", "seal", "deliver", "confirm"]
REASON = "The laboratory moves later than planned"


class RowCounter:
    """Judges the number of rows alone: validation is not the subject here."""

    engine = "a test's judge, of row counts"

    def check(self, rules: list[Rule]) -> None:
        """Every rule will do."""

    def judge(self, extract: Any, rules: list[Rule], others: Any = None) -> list[Verdict]:
        rows = extract.count_rows()
        return [Verdict(r.id, r.type, (), r.kwargs.get("value", rows) == rows) for r in rules]


# --- what people do -------------------------------------------------------------------------------


def instructions(world: World) -> Path:
    return world.root / "include" / "instructions"


def take_back(world: World, file: str = "durand.yaml") -> Path:
    """The controller revokes, and the processor puts the revocation beside the instruction."""
    path = instructions(world) / file
    text = path.read_bytes()
    signer = signing.load_signer(str(world.root / "controller" / "controller.pem"))
    envelope = revoke(parse(text), digest_of(text), REASON, world.clock(), signer)
    revocation_path(path).write_bytes(envelope)
    return revocation_path(path)


def valid(start: datetime, until: datetime) -> Edit:
    return lambda fields: fields.update(valid={"from": timestamp(start), "until": timestamp(until)})


def second_version(world: World, start: datetime | None = None, days: int = 90) -> Path:
    """The controller signs version 2, which the processor puts into the folder."""
    first = digest_of((instructions(world) / "durand.yaml").read_bytes())
    start = start or world.clock() - timedelta(hours=1)

    def edit(fields: dict[str, Any]) -> None:
        fields.update(version=2, supersedes={"version": 1, "digest": first})
        valid(start, start + timedelta(days=days))(fields)

    return world.controller.instruct(world.parties, "durand-2.yaml", edit)


def for_a_day(world: World) -> Edit:
    now = world.clock()
    return valid(now - timedelta(hours=1), now + timedelta(days=1))


def expire(world: World) -> None:
    world.clock.advance(days=1)


WITHDRAWALS: dict[str, Callable[[World], object]] = {
    "instruction-revoked": take_back,
    "instruction-superseded": second_version,
    "instruction-expired": expire,
}


@pytest.fixture(params=WITHDRAWALS)
def code(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def begun(
    world: World, done: str | None, run: str = "durand-test", edit: Edit | None = None
) -> Run:
    """A run that has done every step up to the one named."""
    opened = world.open_run(run, edit or for_a_day(world))
    for name in STEPS[: STEPS.index(done) + 1] if done else []:
        take(world, opened, name)
    return opened


def take(world: World, run: Run, step: str) -> object:
    if step == "confirm":
        return run.confirm(world.landing())
    return world.steps(run, RowCounter())[step]()


def sweep(world: World) -> list[Execution]:
    """What the deletion DAG and `remit delete --due` do."""
    return list(execute_due(world.deployment(), "deletion", world.landing))


# --- what must hold afterwards --------------------------------------------------------------------


def files_below(folder: Path) -> list[str]:
    return [p.name for p in folder.rglob("*") if p.is_file() and ".remit" not in p.parts]


def nothing_left(world: World) -> None:
    assert files_below(world.root / "processor" / "staging") == []
    assert files_below(world.root / "processor" / "keyring") == []
    assert files_below(world.landing_path) in ([], ["receipt.dsse.json"])


def kinds(run: Run) -> list[str]:
    return [record.kind for record in run.story.records]


def withdrawn(world: World, run: Run, code: str, at: str, told: Callable[[str], str]) -> None:
    """The run was ended at that step, once; all is gone, certified and told, and verifies."""
    nothing_left(world)
    story = run.story
    ends = [r.data for r in story.records if r.kind == "refused" and r.data["ends_run"]]
    assert [(one["step"], one["refusal"]["code"]) for one in ends] == [(at, code)]
    after = kinds(run)[kinds(run).index("refused") :]
    assert [kind for kind in after if kind != "deleting"] == ["refused", "stopped", "deleted"]

    key = signing.load_public(world.root / "processor" / "keys" / "processor.pem.pub")
    ledger = open_ledger(world.settings)
    assert verify_log(ledger, [key]).size == len(world.deployment().log.records())
    findings = verify_bundle(make_bundle(ledger, run.id, signer=None), world.settings.trust())
    assert any("certified, signed, that every copy is" in claim for claim in findings.claims())
    certificate = json.loads(story.last("deleted")["certificate"])
    body = canonical.loads(signing.base64.b64decode(certificate["payload"]))
    assert body["reason"] == f"stopped at {at}"

    text = told(run.id)
    assert f"At {at}: {code} at instruction durand-2026" in text
    assert "Way out: " in text
    assert f"The run is stopped at {at}; its staging key is destroyed" in text
    assert "copies removed and looked for again: gone." in text
    assert "Nothing more: every copy is gone." in text


@pytest.fixture
def told(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[[str], str]:
    """What `remit evidence show` tells of a run."""

    def show(run: str) -> str:
        for name, value in world.environment.items():
            monkeypatch.setenv(name, value)
        capsys.readouterr()
        assert main(["evidence", "show", run]) == 0
        return capsys.readouterr().out

    return show


# --- at every step --------------------------------------------------------------------------------


@pytest.mark.parametrize("step", STEPS[2:])
def test_withdrawn_before_a_step(world, told, code, step) -> None:
    run = begun(world, STEPS[STEPS.index(step) - 1])
    WITHDRAWALS[code](world)

    with pytest.raises(Refused, match=code):
        take(world, run, step)

    withdrawn(world, run, code, step, told)
    count = len(run.story.records)
    with pytest.raises(Refused, match="run-ended"):
        take(world, run, step)
    assert [r.kind for r in run.story.records[count:]] == ["refused"]
    assert sweep(world) == []


@pytest.mark.parametrize("done", STEPS[1:5])
def test_withdrawn_and_met_by_the_deletion_sweep_alone(world, told, code, done) -> None:
    run = begun(world, done)
    assert sweep(world) == []
    WITHDRAWALS[code](world)

    [execution] = sweep(world)

    assert (execution.run, execution.error, execution.deleted) == (run.id, None, True)
    withdrawn(world, run, code, "withdraw", told)
    assert sweep(world) == []


@pytest.mark.parametrize("step", ["plan", "extract"])
def test_withdrawn_before_anything_was_extracted(world, code, step) -> None:
    run = begun(world, "plan" if step == "extract" else None)
    WITHDRAWALS[code](world)
    (world.root / "lis.sqlite").unlink()  # nor is the source so much as looked at

    for _ in range(2):
        with pytest.raises(Refused, match=code):
            run.plan(NoSource(), world.landing(), RowCounter()) if step == "plan" else run.extract(
                NoSource(), lambda *_: None
            )

    assert not {"obliged", "extracted", "stopped"} & set(kinds(run))
    assert kinds(run).count("refused") == 1
    nothing_left(world)


class NoSource:
    """A source that must not be asked."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"the source was asked for {name}")


def test_withdrawn_after_an_extraction_that_was_interrupted(world, told, code, monkeypatch) -> None:
    run = begun(world, "plan")
    with monkeypatch.context() as patch:
        patch.setattr(Custodian, "record", failing_at("extracted"))
        with pytest.raises(Unavailable):
            take(world, run, "extract")
    assert len(files_below(world.root / "processor" / "staging")) == 2
    WITHDRAWALS[code](world)

    with pytest.raises(Refused, match=code):
        take(world, run, "extract")

    nothing_left(world)
    assert kinds(run)[-4:] == ["refused", "stopped", "deleting", "deleted"]


def test_withdrawn_after_a_delivery_that_was_published_but_not_recorded(
    world, told, code, monkeypatch
) -> None:
    run = begun(world, "seal")
    with monkeypatch.context() as patch:
        patch.setattr(Custodian, "record", failing_at("delivered"))
        with pytest.raises(Unavailable):
            take(world, run, "deliver")
    assert len(files_below(world.landing_path)) == 4
    WITHDRAWALS[code](world)

    with pytest.raises(Refused, match=code):
        take(world, run, "deliver")

    nothing_left(world)
    withdrawn_at_delivery = run.story.last("deleted")
    assert withdrawn_at_delivery["copies"] == 6
    assert "instruction durand-2026" in told(run.id)


def failing_at(kind: str, error: BaseException | None = None) -> Callable[..., None]:
    """`Custodian.record`, but for one kind, at which the ledger gives out."""
    recording = Custodian.record

    def record(self: Custodian, given: str, data: Any) -> None:
        if given == kind:
            raise error or Unavailable("the ledger", "full.")
        recording(self, given, data)

    return record


def test_command_typed_again_ends_the_run_that_an_earlier_one_left(world, told, code) -> None:
    run = begun(world, "extract")
    WITHDRAWALS[code](world)
    file = instructions(world) / "durand.yaml"

    run.open_file(file, world.source().label, str(world.landing_path))
    with pytest.raises(Refused, match=code):
        take(world, run, "plan")

    withdrawn(world, run, code, "plan", told)


@pytest.mark.parametrize("step", ["validate", "confirm"])
def test_other_runs_under_the_same_instruction_are_ended_too(world, code, step) -> None:
    done = STEPS[STEPS.index(step) - 1]
    edit = for_a_day(world)
    runs = [begun(world, done, run, edit) for run in ("durand-a", "durand-b", "durand-c")]
    WITHDRAWALS[code](world)

    with pytest.raises(Refused, match=code):
        take(world, runs[0], step)
    ended = sweep(world)

    assert [one.run for one in ended] == ["durand-b", "durand-c"]
    assert all(one.deleted for one in ended)
    nothing_left(world)


def test_run_that_is_confirmed_goes_on_to_its_deletion(world, code) -> None:
    run = begun(world, "deliver")
    world.ingest(run)
    assert take(world, run, "confirm") is True
    WITHDRAWALS[code](world)

    [execution] = sweep(world)

    assert execution.deleted
    assert not {"refused", "stopped"} & set(kinds(run))


# --- the receipt ----------------------------------------------------------------------------------


def test_receipt_that_is_there_is_accepted_whatever_became_of_the_instruction(world, code) -> None:
    run = begun(world, "deliver")
    world.ingest(run)
    WITHDRAWALS[code](world)

    assert take(world, run, "confirm") is True
    assert [one.deleted for one in sweep(world)] == [True]
    assert kinds(run)[-3:] == ["confirmed", "deleting", "deleted"]


def test_sweep_accepts_a_receipt_that_is_there_instead_of_stopping_the_run(world, code) -> None:
    run = begun(world, "deliver")
    world.ingest(run)
    WITHDRAWALS[code](world)

    [first] = sweep(world)
    [second] = sweep(world)

    assert [record.kind for record in first.records] == ["confirmed"]
    assert second.deleted
    assert not {"refused", "stopped"} & set(kinds(run))
    nothing_left(world)


def test_forged_receipt_does_not_keep_the_sweep_from_stopping_the_run(world, code) -> None:
    run = begun(world, "deliver")
    (world.landing_path / run.id / "receipt.dsse.json").write_bytes(b"{}")
    WITHDRAWALS[code](world)

    [execution] = sweep(world)

    assert execution.deleted
    assert not run.story.has("confirmed")
    told = [r.data["refusal"]["code"] for r in run.story.records if r.kind == "refused"]
    assert told == ["envelope-malformed", code]


def test_landing_zone_that_is_away_keeps_a_delivered_run_waiting_and_says_so(world) -> None:
    run = begun(world, "deliver")
    take_back(world)
    away = world.landing_path.rename(world.root / "away")

    [execution] = sweep(world)
    assert isinstance(execution.error, Unavailable)

    away.rename(world.landing_path)
    [execution] = sweep(world)
    assert execution.deleted
    nothing_left(world)
    assert run.story.has("stopped")


# --- at work, held, killed ------------------------------------------------------------------------


def test_run_whose_step_is_at_work_is_left_alone_by_the_sweep(world) -> None:
    run = begun(world, "extract")
    take_back(world)

    with run.locked():
        assert sweep(world) == []
    assert not run.story.has("stopped")

    assert [one.deleted for one in sweep(world)] == [True]


def test_locks_that_do_not_answer_are_not_taken_for_a_step_at_work(world) -> None:
    run = begun(world, "extract")
    take_back(world)
    lock = world.root / "processor" / "evidence.sqlite.locks" / f"{run.id}.lock"
    lock.unlink()
    lock.mkdir()

    [execution] = sweep(world)

    assert isinstance(execution.error, Unavailable)
    assert not run.story.has("stopped")


@pytest.mark.parametrize("who", ["step", "sweep"])
def test_held_run_is_made_unreadable_at_once_and_deleted_when_the_hold_expires(
    world, told, who
) -> None:
    run = begun(world, "extract")
    run.hold(
        by("Camille Moreau"), "an inquiry into this extract", world.clock() + timedelta(days=3)
    )
    take_back(world)

    if who == "step":
        with pytest.raises(Refused, match="instruction-revoked"):
            take(world, run, "validate")
    else:
        assert [one.error for one in sweep(world)] == [None]

    assert run.story.has("stopped")
    assert files_below(world.root / "processor" / "keyring") == []
    assert len(files_below(world.root / "processor" / "staging")) == 2
    assert sweep(world) == []

    world.clock.advance(days=3)
    assert [one.deleted for one in sweep(world)] == [True]
    withdrawn(world, run, "instruction-revoked", "validate" if who == "step" else "withdraw", told)


class Killed(BaseException):
    """As good as kill -9: nothing of ours catches it."""


@pytest.mark.parametrize("moment", ["stopped", "deleting", "deleted"])
@pytest.mark.parametrize("step", ["validate", "confirm"])
@pytest.mark.parametrize("then", ["step", "sweep"])
def test_killed_between_the_refusal_and_the_deletion(
    world, told, monkeypatch, step, moment, then
) -> None:
    run = begun(world, STEPS[STEPS.index(step) - 1])
    take_back(world)
    with monkeypatch.context() as patch:
        patch.setattr(Custodian, "record", failing_at(moment, Killed()))
        with pytest.raises(Killed):
            take(world, run, step)
    assert kinds(run)[-1] in ("refused", "stopped", "deleting")
    assert files_below(world.root / "processor" / "keyring") == []

    if then == "step":
        with pytest.raises(Refused, match="run-ended"):
            take(world, run, step)
        if moment == "stopped":
            nothing_left(world)  # it did what was left to do, at the landing zone too
    sweep(world)

    nothing_left(world)
    assert sum(kind == "stopped" for kind in kinds(run)) == 1
    assert run.story.has("deleted")


def test_extract_is_unreadable_before_the_refusal_is_recorded(world, monkeypatch) -> None:
    run = begun(world, "extract")
    take_back(world)
    with monkeypatch.context() as patch:
        patch.setattr(Custodian, "record", failing_at("refused"))
        with pytest.raises(Unavailable):
            take(world, run, "validate")
    assert files_below(world.root / "processor" / "keyring") == []

    with pytest.raises(Refused, match="instruction-revoked"):
        take(world, run, "validate")
    nothing_left(world)


def test_sweep_stops_what_another_refusal_ended_just_before_the_process_died(
    world, monkeypatch
) -> None:
    run = begun(world, "extract")
    judge = RowCounter()
    monkeypatch.setattr(judge, "judge", lambda extract, rules, others: [], raising=True)
    with monkeypatch.context() as patch:
        patch.setattr(Custodian, "record", failing_at("stopped", Killed()))
        with pytest.raises(Killed):
            run.validate(judge)
    assert len(files_below(world.root / "processor" / "staging")) == 2

    assert [one.deleted for one in sweep(world)] == [True]
    assert kinds(run)[-4:] == ["refused", "stopped", "deleting", "deleted"]
    nothing_left(world)


def test_run_of_an_impossible_name_does_not_keep_the_others_from_the_sweep(world) -> None:
    run = begun(world, "extract")
    log = world.deployment().log
    for step, kind in enumerate(("opened", "obliged")):
        log.append("../Odd", kind, dict(run.story.last(kind)), "somebody", step=step)
    take_back(world)

    done = {one.run: one for one in sweep(world)}

    assert done[run.id].deleted
    assert done["../Odd"].error is not None


def test_copies_that_cannot_be_deleted_at_once_stay_due(world, monkeypatch) -> None:
    run = begun(world, "deliver")
    take_back(world)
    with monkeypatch.context() as patch:
        patch.setattr("remit.adapters.folder.FolderStore.remove", lambda self, path: None)
        [execution] = sweep(world)

    assert isinstance(execution.error, Unavailable)
    assert kinds(run)[-2:] == ["deleting", "undeleted"]
    assert [one.deleted for one in sweep(world)] == [True]
    nothing_left(world)


def test_step_that_cannot_open_the_landing_zone_leaves_it_to_the_sweep(world, monkeypatch) -> None:
    run = begun(world, "seal")
    with monkeypatch.context() as patch:
        patch.setattr(Custodian, "record", failing_at("delivered"))
        with pytest.raises(Unavailable):
            take(world, run, "deliver")
    take_back(world)

    with pytest.raises(Refused, match="instruction-revoked"):
        run.seal()

    assert kinds(run)[-3:] == ["stopped", "deleting", "undeleted"]  # what is staged goes at once
    assert [one.deleted for one in sweep(world)] == [True]
    nothing_left(world)


# --- two versions at once -------------------------------------------------------------------------


def test_second_version_that_is_not_yet_valid_leaves_the_first_in_force(world) -> None:
    run = begun(world, "extract", edit=valid_long(world))
    start = world.clock() + timedelta(days=2)
    second_version(world, start)

    assert take(world, run, "validate") is True
    world.clock.moment = start - timedelta(seconds=1)
    assert take(world, run, "seal") is True
    world.clock.moment = start
    with pytest.raises(Refused, match=r"version 2 replaces it since .*start a new run under vers"):
        take(world, run, "deliver")
    nothing_left(world)


def valid_long(world: World) -> Edit:
    return valid(world.clock() - timedelta(days=1), world.clock() + timedelta(days=300))


@pytest.mark.parametrize("end", ["expires", "is revoked", "is revoked before it is valid"])
def test_first_version_does_not_come_back_when_the_second_ends(world, end) -> None:
    begun(world, None, "durand-early", valid_long(world))
    start = world.clock() + timedelta(days=1)
    second_version(world, start, days=30)
    file = instructions(world) / "durand.yaml"

    if end == "is revoked before it is valid":
        take_back(world, "durand-2.yaml")
        assert world_open(world, file, "durand-before") is not None
    world.clock.moment = start
    if end == "is revoked":
        take_back(world, "durand-2.yaml")
    world.clock.advance(days=31 if end == "expires" else 1)

    for run, path, code in (
        ("durand-one", file, "instruction-superseded"),
        (
            "durand-two",
            instructions(world) / "durand-2.yaml",
            "instruction-expired" if end == "expires" else "instruction-revoked",
        ),
    ):
        with pytest.raises(Refused, match=code):
            world_open(world, path, run)


def world_open(world: World, file: Path, name: str) -> Run:
    run = Run(name, world.deployment(), "test")
    run.open_file(file, world.source().label, str(world.landing_path))
    return run


def test_both_versions_run_one_after_the_other(world) -> None:
    first = begun(world, "deliver", "durand-one", valid_long(world))
    world.ingest(first)
    take(world, first, "confirm")
    second = world_open(world, second_version(world), "durand-two")
    world.deliver(second, RowCounter())
    world.ingest(second)

    assert take(world, second, "confirm") is True
    assert second.story.last("opened")["instruction"]["version"] == 2
    with pytest.raises(Refused, match="instruction-superseded"):
        world_open(world, instructions(world) / "durand.yaml", "durand-three")


def test_higher_version_received_first_supersedes_the_lower(world) -> None:
    world.instruct(valid_long(world))
    second = second_version(world)
    first = instructions(world) / "durand.yaml"
    aside = first.rename(world.root / "durand.yaml")
    envelope = first.with_name("durand.yaml.dsse.json")
    envelope.rename(world.root / "durand.yaml.dsse.json")
    world_open(world, second, "durand-two")

    with pytest.raises(Refused, match="instruction-superseded"):
        world_open(world, aside, "durand-one")
    received = world.deployment().log.records(REGISTER)
    assert [record.data["instruction"]["version"] for record in received] == [2, 1]


@pytest.mark.parametrize("code", ["instruction-revoked", "instruction-superseded"])
def test_file_that_is_removed_once_it_was_taken_in_changes_nothing(world, code) -> None:
    run = begun(world, "extract")
    other = begun(world, "extract", "durand-other")
    before = set(instructions(world).iterdir())
    WITHDRAWALS[code](world)
    with pytest.raises(Refused, match=code):
        take(world, run, "validate")

    for path in set(instructions(world).iterdir()) - before:
        path.unlink()

    with pytest.raises(Refused, match=code):
        take(world, other, "validate")
    with pytest.raises(Refused, match=code):
        world_open(world, instructions(world) / "durand.yaml", "durand-new")
    nothing_left(world)


def test_revocation_of_the_first_version_does_not_end_the_second(world) -> None:
    begun(world, None, "durand-one", valid_long(world))
    old = take_back(world).read_bytes()
    second = second_version(world)
    for name in ("durand-2.yaml.revoked.dsse.json", "again/durand.yaml.revoked.dsse.json"):
        path = instructions(world) / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(old)

    run = world_open(world, second, "durand-two")
    world.deliver(run, RowCounter())

    assert sweep(world) == []
    revoked = [r for r in world.deployment().log.records(REGISTER) if r.kind == "revoked"]
    assert [record.data["instruction"]["version"] for record in revoked] == [1]


def test_instruction_signed_once_more_after_it_was_received_is_the_same(world, monkeypatch) -> None:
    run = begun(world, "extract")
    extra = world.root / "controller" / "second.pem"
    signing.new_key("signing", extra)
    keys = world.root / "include" / "controllers" / "durand" / "keys"
    (keys / "second.pub").write_bytes(extra.with_name("second.pem.pub").read_bytes())
    file = instructions(world) / "durand.yaml"
    for name, value in world.environment.items():
        monkeypatch.setenv(name, value)
    assert main(["instruction", "sign", str(file), "--key", str(extra)]) == 0
    assert read_signed(file) != run.story.instruction_envelope

    assert take(world, run, "validate") is True
    run.open_file(file, world.source().label, str(world.landing_path))
    world_open(world, file, "durand-other")

    assert [r.kind for r in world.deployment().log.records(REGISTER)] == ["received"]


# --- what cannot be told --------------------------------------------------------------------------


def flipped(data: bytes, count: int) -> Iterator[bytes]:
    chance = random.Random(2022)
    for _ in range(count):
        changed = bytearray(data)
        changed[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        yield bytes(changed)


def test_revocation_damaged_by_one_byte_refuses_the_step_but_does_not_end_the_run(world) -> None:
    run = begun(world, "extract")
    path = take_back(world)
    original = path.read_bytes()
    register = Register(world.deployment(), "test")

    for changed in flipped(original, 300):
        path.write_bytes(changed)
        with pytest.raises(Refused):
            register.take_in()
    for changed in flipped(original, 5):
        path.write_bytes(changed)
        with pytest.raises(Refused):
            take(world, run, "validate")
        [execution] = sweep(world)
        assert isinstance(execution.error, Refused)

    assert not {"stopped", "deleted"} & set(kinds(run))
    assert not any(r.data["ends_run"] for r in run.story.records if r.kind == "refused")
    assert len(files_below(world.root / "processor" / "keyring")) == 1
    path.unlink()
    assert take(world, run, "validate") is True
    path.write_bytes(original)
    with pytest.raises(Refused, match="instruction-revoked"):
        take(world, run, "seal")


def test_damage_that_makes_a_revocation_seem_to_be_of_another_instruction_is_seen(world) -> None:
    run = begun(world, "extract")
    path = take_back(world)
    envelope = json.loads(path.read_bytes())
    payload = signing.base64.b64decode(envelope["payload"]).replace(b"durand-2026", b"durand-2027")
    envelope["payload"] = signing.base64.b64encode(payload).decode()
    path.write_bytes(canonical.dumps(envelope))

    with pytest.raises(Refused, match="signature-invalid"):
        take(world, run, "validate")
    assert not run.story.has("stopped")


@pytest.mark.parametrize("kind", ["received", "revoked"])
@pytest.mark.parametrize(
    "damage",
    [
        "body = replace(body, '\"digest\"', '\"dijest\"')",
        "body = replace(body, '\"instruction\"', '\"instructiom\"')",
        "body = substr(body, 2)",
        "run = 'durand-else'",
    ],
)
def test_damaged_register_stops_every_step_and_ends_no_run(world, kind, damage) -> None:
    run = begun(world, "extract")
    begun(world, None, "durand-other")
    path = take_back(world)
    Register(world.deployment(), "test").take_in()
    second_version(world, world.clock() + timedelta(days=30))
    Register(world.deployment(), "test").take_in()  # so that the damaged one is not the last
    path.unlink()
    with sqlite3.connect(world.root / "processor" / "evidence.sqlite") as database:
        database.execute(
            f"UPDATE remit_record SET {damage} WHERE seq ="
            f" (SELECT min(seq) FROM remit_record WHERE kind = '{kind}')"
        )

    with pytest.raises(EvidenceBroken):
        take(world, run, "validate")
    met = {one.run: one.error for one in sweep(world)}

    assert isinstance(met[run.id], EvidenceBroken)
    assert not run.story.has("stopped")
    world.clock.advance(days=8)
    done = {one.run: one.deleted for one in sweep(world)}
    assert done[run.id]  # what is due is deleted all the same


# --- the clock ------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", STEPS[:5])
def test_clock_before_the_window_refuses_the_step_but_does_not_end_the_run(world, step) -> None:
    done = STEPS[STEPS.index(step) - 1] if step != "plan" else None
    run = begun(world, done, edit=for_a_day(world))
    world.clock.advance(hours=-2)

    with pytest.raises(Refused, match="instruction-not-yet-valid"):
        take(world, run, step)
    assert not run.story.has("stopped")

    world.clock.advance(hours=2)
    take(world, run, step)


def test_run_is_not_opened_outside_the_window(world) -> None:
    file = world.instruct(for_a_day(world))
    world.clock.advance(hours=-2)
    with pytest.raises(Refused, match="instruction-not-yet-valid"):
        world_open(world, file, "durand-early")
    world.clock.advance(hours=2, days=1)
    with pytest.raises(Refused, match="instruction-expired"):
        world_open(world, file, "durand-late")
    assert not any(r.kind == "opened" for r in world.deployment().log.records())


PARIS_2026 = {
    # The clocks go forward on 29 March: 02:00 to 03:00 does not exist on the wall.
    "forward": ("2026-03-29T01:59:00+01:00", "2026-03-29T03:01:00+02:00", timedelta(minutes=2)),
    # And back on 25 October: 02:30 is there twice, told apart by its offset alone.
    "back": ("2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00", timedelta(hours=1)),
}


@pytest.mark.parametrize("change", PARIS_2026)
def test_window_across_a_change_of_clocks_is_as_long_as_its_offsets_say(world, change) -> None:
    start, until, long = PARIS_2026[change]
    world.clock.moment = opening = datetime.fromisoformat(start).astimezone(UTC)
    second = timedelta(seconds=1)

    def edit(fields: dict[str, Any]) -> None:
        fields["valid"] = {"from": start, "until": until}

    run = begun(world, "plan", edit=edit)
    world.clock.moment = opening - second
    with pytest.raises(Refused, match="instruction-not-yet-valid"):
        take(world, run, "extract")
    world.clock.moment = opening + long - second
    assert take(world, run, "extract") is True
    world.clock.moment = opening + long
    with pytest.raises(Refused, match="instruction-expired"):
        take(world, run, "validate")
    nothing_left(world)


@pytest.mark.parametrize("change", PARIS_2026)
def test_second_version_takes_over_across_a_change_of_clocks(world, change) -> None:
    start, until, _ = PARIS_2026[change]
    world.clock.moment = datetime.fromisoformat(start).astimezone(UTC)
    run = begun(world, "extract", edit=valid_long(world))
    change_over = datetime.fromisoformat(until)
    second_version(world, change_over)

    world.clock.moment = change_over.astimezone(UTC) - timedelta(seconds=1)
    assert take(world, run, "validate") is True
    world.clock.moment = change_over.astimezone(UTC)
    with pytest.raises(Refused, match="instruction-superseded"):
        take(world, run, "seal")


# --- at once --------------------------------------------------------------------------------------


def at_once(acts: list[Callable[[], object]]) -> list[object]:
    """Each in a thread of its own, all begun together; what they returned or raised."""
    barrier, results = threading.Barrier(len(acts)), [None] * len(acts)

    def work(number: int, act: Callable[[], object]) -> None:
        barrier.wait()
        try:
            results[number] = act()
        except Refused as refusal:
            results[number] = refusal.code

    threads = [threading.Thread(target=work, args=pair) for pair in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return results


def test_same_version_taken_in_by_several_at_once_is_recorded_once(world) -> None:
    world.deployment()
    verified = verify(read_signed(world.instruct()), world.settings.trust(), None)
    registers = [Register(world.deployment(), f"worker-{number}") for number in range(6)]

    results = at_once([lambda r=register: r.receive(verified) for register in registers])

    assert sorted(map(str, results)) == ["False"] * 5 + ["True"]
    assert [r.kind for r in world.deployment().log.records(REGISTER)] == ["received"]


def test_of_two_texts_of_one_version_at_once_only_one_is_received(world) -> None:
    world.deployment()
    texts = []
    for number in range(4):
        path = world.instruct(
            lambda f, n=number: f["retention"].update(without_confirmation=f"P{n + 5}D")
        )
        texts.append(verify(read_signed(path), world.settings.trust(), None))

    results = at_once(
        [lambda t=text: Register(world.deployment(), "test").receive(t) for text in texts]
    )

    assert sorted(map(str, results)) == ["True"] + ["instruction-version-reused"] * 3
    assert len(world.deployment().log.records(REGISTER)) == 1


def test_revocation_taken_in_by_several_at_once_ends_each_run_once(world) -> None:
    edit = for_a_day(world)
    runs = [begun(world, "extract", f"durand-{number}", edit) for number in range(4)]
    take_back(world)

    results = at_once([lambda r=run: take(world, r, "validate") for run in runs])

    assert results == ["instruction-revoked"] * 4
    assert [r.kind for r in world.deployment().log.records(REGISTER)] == ["received", "revoked"]
    nothing_left(world)
    with suppress(Refused):
        take(world, runs[0], "validate")
