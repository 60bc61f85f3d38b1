"""Each condition that raises an alert, provoked for real; each raises one, once."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.flow.alerting import (
    CAMILLE,
    CONTROLLER,
    OWNER,
    Contented,
    Strict,
    desk,
    go,
    kinds,
    look,
    only,
    supervised,
)

from remit import signing
from remit.adapters.folder import FolderStore
from remit.adapters.sql_source.sqlite import SQLiteSource
from remit.alert_kinds import KINDS
from remit.custody import Run, revoke, sweep
from remit.custody.attempts import MOST, record_attempt
from remit.errors import Refused, Unavailable
from remit.evidence import timestamp
from remit.instruction import digest_of, parse, read_signed
from remit.instruction.revocation import revocation_path
from remit.instruction.revocation import revoke as signed_end
from remit.people import Identity
from remit.ports import Account, Lock
from remit.testing import answers
from remit.testing.channels import Postbox
from remit.testing.world import World


def test_a_run_that_goes_well_raises_nothing(world: World) -> None:
    run = go(world, "deliver")
    assert kinds(look(world)) == []
    world.ingest(run)
    run.confirm(world.landing())
    run.delete(world.landing)
    world.clock.advance(days=20)

    assert kinds(look(world)) == []
    assert world.deployment().log.records("register:alerts") == []


def refuse(world: World, run: str = "durand-test") -> None:
    """A step out of its order."""
    opened = world.open_run(run, supervised)
    with pytest.raises(Refused):
        opened.seal()


def test_refusal(world: World) -> None:
    refuse(world)
    postbox = Postbox()

    [alert] = look(world, postbox).raised

    assert (alert.kind, alert.severity, alert.run) == ("refusal", "warning", "durand-test")
    assert alert.instruction == "durand/durand-2026"
    assert alert.controllers == ("durand",)
    assert "step-out-of-order" in alert.message
    assert postbox.told == [("refusal", OWNER)]
    assert kinds(look(world, postbox)) == []
    assert len(postbox.notices) == 1


def test_refusal_that_ends_the_run_is_worse(world: World) -> None:
    opened = go(world, "extract")
    revocation = world.settings.include / "instructions" / "durand.yaml"
    envelope = revoke_instruction(world, revocation)
    with pytest.raises(Refused, match="instruction-revoked"):
        opened.validate(Contented())

    [alert] = look(world).raised

    assert envelope.exists()
    assert (alert.kind, alert.severity) == ("refusal", "high")


def revoke_instruction(world: World, file: Path) -> Path:
    """The controller ends it, beside its file."""
    text = file.read_bytes()
    signer = signing.load_signer(str(world.root / "controller" / "controller.pem"))
    terms, now = parse(text), world.clock()
    path = revocation_path(file)
    path.write_bytes(signed_end(terms, digest_of(text), "The contract has ended", now, signer))
    return path


def test_drift_at_the_source(world: World) -> None:
    go(world, "plan", "durand-one")
    with closing(sqlite3.connect(world.root / "lis.sqlite")) as database:
        database.execute("ALTER TABLE results ADD COLUMN hiv_status TEXT")
        database.commit()
    go(world, "plan", "durand-two")

    [alert] = look(world).raised

    assert (alert.kind, alert.about) == ("drift", "run durand-two")
    assert "results.hiv_status is a new column" in alert.message


def test_validation_failure_is_one_alert(world: World) -> None:
    run = world.open_run(edit=supervised)
    with pytest.raises(Refused):
        world.deliver(run, Strict())

    [alert] = look(world).raised

    assert (alert.kind, alert.severity) == ("validation-failed", "high")
    assert "results" in alert.message


def test_receipt_that_is_missing(world: World) -> None:
    go(world, "deliver", edit=lambda fields: supervised(fields, receipt_within="PT2H"))
    world.clock.advance(hours=1.9)
    assert kinds(look(world)) == []
    world.clock.advance(hours=0.2)

    assert kinds(look(world)) == ["receipt-missing"]
    assert kinds(look(world)) == []


def test_receipt_is_missing_after_half_of_the_maximum_age_by_default(world: World) -> None:
    go(world, "deliver")
    world.clock.advance(days=3.4)
    assert kinds(look(world)) == []
    world.clock.advance(days=0.2)
    assert kinds(look(world)) == ["receipt-missing"]


def answer(world: World, change: dict[str, Any]) -> None:
    """The target signs something that is not a plain yes."""
    opened = go(world, "deliver")
    said = answers.Answers(world, opened)
    said.put(said.signed(said.true(), **change))
    with pytest.raises(Refused):
        opened.confirm(world.landing())


@pytest.mark.parametrize(
    ("change", "kind", "outcome"),
    [
        ({"status": "rejected"}, "receipt-negative", "negative"),
        ({"status": "partial"}, "receipt-negative", "partial"),
        ({"level": "L2"}, "receipt-wrong", "lower-level"),
        ({"target": "somebody"}, "receipt-wrong", "unreconciled"),
        ({"run": "another-run"}, "receipt-wrong", "other-run"),
        ({"nonce": "0" * 64}, "receipt-wrong", "replayed"),
    ],
)
def test_answer_that_does_not_confirm(
    world: World, change: dict[str, Any], kind: str, outcome: str
) -> None:
    answer(world, change)

    [alert] = look(world).raised

    assert alert.kind == kind
    assert f"({outcome})" in alert.message


def test_answer_that_is_not_the_targets(world: World) -> None:
    run = go(world, "deliver")
    answers.Answers(world, run).put(b"Mme Dupont")
    with pytest.raises(Refused):
        run.confirm(world.landing())

    [alert] = look(world).raised

    assert (alert.kind, "(unverified)" in alert.message) == ("receipt-wrong", True)
    assert "Dupont" not in json.dumps(alert.as_json())


def test_control_file_that_nobody_stands_for(world: World) -> None:
    taking = answers.taking("L1", "control_file")
    run = go(world, "deliver", edit=lambda fields: (supervised(fields), taking(fields)))
    answers.Answers(world, run).control()
    run.confirm(world.landing())

    [alert] = look(world).raised

    assert (alert.kind, alert.severity) == ("receipt-wrong", "warning")


def test_contradiction_and_late_receipt(world: World) -> None:
    said = answers.Answers(world, go(world, "deliver", "durand-one"))
    fields = said.true()
    said.put(said.signed(fields))
    said.run.confirm(world.landing())
    said.put(said.signed(fields, seconds=1, status="rejected"))
    with pytest.raises(Refused):
        said.run.confirm(world.landing())
    late = answers.Answers(world, go(world, "deliver", "durand-two"))
    fields = late.true()
    world.clock.advance(days=8)
    late.run.delete(world.landing)
    late.put(late.signed(fields))
    with pytest.raises(Refused):
        late.run.confirm(world.landing())

    found = {alert.run: alert for alert in look(world).raised if alert.kind == "receipt-wrong"}

    assert found["durand-one"].severity == "critical"
    assert "after the run had ended" in found["durand-two"].message
    assert found["durand-two"].instruction == "durand/durand-2026"


def test_deletion_that_is_overdue_after_an_hour(world: World) -> None:
    go(world, "extract")
    world.clock.advance(days=7, minutes=59)
    assert kinds(look(world)) == []
    world.clock.advance(minutes=2)

    [alert] = look(world).raised

    assert (alert.kind, alert.severity) == ("deletion-overdue", "critical")
    assert "remit delete --due" in alert.way_out


def test_deletion_that_was_held_is_overdue_an_hour_after_the_hold(world: World) -> None:
    run = go(world, "extract")
    run.hold(CAMILLE, "an audit", world.clock() + timedelta(days=9))
    world.clock.advance(days=9, minutes=30)
    assert kinds(look(world)) == []
    world.clock.advance(hours=1)
    assert kinds(look(world)) == ["deletion-overdue"]


def test_deletion_that_failed_or_is_locked(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    run = go(world, "extract")
    world.clock.advance(days=7, minutes=1)
    monkeypatch.setattr(FolderStore, "remove", lambda self, path: None)
    with pytest.raises(Refused, match="copy-not-deleted"):
        run.delete(world.landing)

    assert kinds(look(world)) == ["deletion-failed"]

    def refuse(self: FolderStore, path: str) -> None:
        raise Unavailable(self.label, "access denied.")

    until = world.clock() + timedelta(days=400)
    monkeypatch.setattr(FolderStore, "remove", refuse)
    monkeypatch.setattr(FolderStore, "lock", lambda self, path: Lock(until))
    with pytest.raises(Refused, match="copy-locked"):
        run.delete(world.landing)

    [alert] = look(world).raised
    assert alert.kind == "deletion-locked"
    assert timestamp(until) in alert.message
    assert kinds(look(world)) == []


def test_orphans_are_one_alert_for_each_sweep_that_finds_new_ones(world: World) -> None:
    go(world, "extract")
    for name in ("helene-dupont-hiv", "durand-nevernevernev"):
        file = world.root / "processor" / "staging" / name / "x"
        file.parent.mkdir()
        file.write_bytes(b"nine byte")
    sweep(world.deployment(), "test", world.landing)
    sweep(world.deployment(), "test", world.landing)

    [alert] = look(world).raised

    assert (alert.kind, alert.run, alert.instruction) == ("orphans", None, None)
    assert alert.message.startswith("2 files or keys")
    assert alert.controllers == ("durand",)
    assert [step.email for step in alert.chain][-1] == CONTROLLER
    assert "dupont" not in json.dumps(alert.as_json())


def test_keys_near_their_end_and_an_instruction_that_ends(world: World) -> None:
    keys_until = timestamp(world.clock() + timedelta(days=40))
    go(world, "plan", edit=lambda fields: supervised(fields, keys_until=keys_until))
    assert kinds(look(world)) == []
    world.clock.advance(days=11)
    assert kinds(look(world)) == ["keys-expiring"]
    world.clock.advance(days=330)
    go(world, "plan", "durand-later", lambda f: supervised(f, keys_until=keys_until))

    assert "instruction-ending" in kinds(look(world))


def test_key_used_after_its_revocation(world: World) -> None:
    run = go(world, "validate")
    deployment = world.deployment()
    key = run.instruction().terms.target.keys[0].key_id
    revoke(deployment, key, "laptop stolen", CAMILLE, world.clock(), "test")
    with pytest.raises(Refused, match="recipient-key-revoked"):
        run.seal()

    [alert] = [one for one in look(world).raised if one.kind == "key-revoked-used"]

    assert alert.severity == "critical"


def test_principal_and_landing_zone_that_no_earlier_run_had(world: World) -> None:
    go(world, "plan", "durand-one")
    assert kinds(look(world)) == []
    other = Run("durand-two", world.deployment(), "airflow:stranger/manual__1")
    envelope = read_signed(world.instruct(supervised))
    other.open(envelope, world.source().label, str(world.root / "elsewhere"))
    third = Run("durand-three", world.deployment(), "airflow:stranger/manual__2")
    third.open(envelope, world.source().label, str(world.landing_path))

    found = look(world).raised

    assert kinds(look(world)) == []
    assert {(one.kind, one.run) for one in found} == {
        ("unexpected-principal", "durand-two"),
        ("unexpected-address", "durand-two"),
    }
    assert any("airflow:stranger, which no earlier run" in one.message for one in found)


def test_account_at_the_source_that_no_earlier_run_had(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def named(name: str) -> None:
        monkeypatch.setattr(SQLiteSource, "account", lambda *_: Account(name, (), {}))

    named("remit_durand")
    go(world, "plan", "durand-one")
    go(world, "plan", "durand-two")
    assert kinds(look(world)) == []
    named("lis_owner")
    go(world, "plan", "durand-three")

    [alert] = look(world).raised

    assert (alert.kind, alert.run) == ("unexpected-principal", "durand-three")
    assert "account lis_owner at the source, which no earlier run" in alert.message


def test_address_that_the_instruction_does_not_expect(world: World) -> None:
    network = ["10.0.0.0/8"]
    go(world, "plan", edit=lambda fields: supervised(fields, addresses=network))
    look(world)
    deployment = world.deployment()
    assert record_attempt(deployment, "hold", "paul", "10.9.9.9", "person-not-authorised")
    assert kinds(look(world)) == ["unexpected-principal"]
    assert record_attempt(deployment, "hold", "paul", "203.0.113.9", "person-not-authorised")

    assert kinds(look(world)) == ["unexpected-address", "unexpected-principal"]
    alert = only(world, "unexpected-address")
    assert "203.0.113.9" in alert.message


def test_acts_that_are_not_theirs_are_alerts_and_not_of_the_rule_alone(world: World) -> None:
    run = go(world, "extract")
    mallory = Identity("mallory", "airflow", "203.0.113.9")
    with pytest.raises(Refused, match="person-not-authorised"):
        run.hold(mallory, "an audit", world.clock() + timedelta(days=9))
    [alert] = look(world).raised
    assert (alert.kind, alert.run) == ("unexpected-principal", run.id)
    with pytest.raises(Refused, match="person-not-authorised"):
        desk(world).close(alert.id, mallory, "There is nothing to see here")

    [second] = look(world).raised

    assert second.kind == "unexpected-principal"
    assert "account mallory" in second.about
    assert only_open(world) == {alert.id, second.id}


def only_open(world: World) -> set[str]:
    return {one.id for one in desk(world).alerts() if one.state == "open"}


def test_attempts_of_strangers_do_not_fill_the_log(world: World) -> None:
    deployment = world.deployment()
    hostile = "<script>\n" + "x" * 5000
    assert record_attempt(deployment, "hold", hostile, "203.0.113.9", "account-shared")
    assert not record_attempt(deployment, "hold", hostile, "203.0.113.9", "account-shared")
    tried = [record_attempt(deployment, "hold", f"a{n}", None, "account-shared") for n in range(99)]

    records = [r for r in deployment.log.records("register:alerts") if r.kind == "attempted"]
    assert (len(records), sum(tried)) == (MOST, MOST - 1)
    assert "\n" not in records[0].data["account"]
    assert len(records[0].data["account"]) == 200
    assert records[-1].data["why"].startswith("there were too many")
    # Nor do they hide an attempt at something else.
    assert record_attempt(deployment, "close alert 1", "paul", None, "person-not-authorised")
    world.clock.advance(hours=1, seconds=1)
    assert record_attempt(deployment, "hold", hostile, "203.0.113.9", "account-shared")


def confirmed(world: World, run: str) -> None:
    done = go(world, "deliver", run)
    world.ingest(done)
    done.confirm(world.landing())


def test_unusual_volume_from_the_third_run_on(world: World) -> None:
    for run in ("durand-one", "durand-two"):
        confirmed(world, run)
    with closing(sqlite3.connect(world.root / "lis.sqlite")) as database:
        for table in ("results", "observation_history"):
            database.execute(f"DELETE FROM {table} WHERE rowid % 10 > 0")
        database.commit()
    go(world, "extract", "durand-three")

    [alert] = look(world).raised

    assert (alert.kind, alert.run) == ("unusual-volume", "durand-three")
    assert "the median of 2 runs before" in alert.message


def test_first_runs_have_no_usual_volume(world: World) -> None:
    confirmed(world, "durand-one")
    with closing(sqlite3.connect(world.root / "lis.sqlite")) as database:
        database.execute("DELETE FROM results")
        database.commit()
    go(world, "extract", "durand-two")

    assert kinds(look(world)) == []


def test_every_kind_is_raised_by_a_test_of_it() -> None:
    tests = Path(__file__).parents[1]
    files = [*tests.glob("flow/test_alerts*.py"), tests / "airflow" / "test_deadline.py"]
    text = "".join(path.read_text() for path in files)

    assert [kind for kind in KINDS if f'"{kind}"' not in text] == []


def test_the_instruction_of_the_tests_is_one(make_world: Callable[[str], World]) -> None:
    world = make_world("another")
    terms = parse(world.instruct(supervised).read_bytes())

    assert [tier.person.email for tier in terms.escalation()] == [
        OWNER,
        "dpo@migrations.example",
        CONTROLLER,
    ]
    assert Contented().engine
