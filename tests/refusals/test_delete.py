"""What deletion refuses: too early, under a hold, by a stranger, and above all to call gone what is not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from remit.adapters.folder import FolderStore
from remit.adapters.folder_landing import FolderLanding
from remit.adapters.keyring import FolderKeyStore
from remit.custody import due
from remit.errors import Unavailable
from remit.ports import Rule, Verdict
from remit.testing.world import by
from remit.wiring import os_user


@pytest.mark.vector("deletion-not-due")
def test_deletion_before_its_time(world, up_to, refuses) -> None:
    run = up_to(world, "deliver")

    with refuses(at="run durand-test", saying="(maximum age without confirmation)"):
        run.delete(world.landing)
    assert (world.landing_path / run.id / "results.parquet").exists()


@pytest.mark.vector("deletion-held")
def test_deletion_under_a_hold(world, up_to, refuses) -> None:
    run = up_to(world, "deliver")
    world.clock.advance(days=6)
    run.hold(by("Camille Moreau"), "an audit", world.clock() + timedelta(days=3))
    world.clock.advance(days=2)

    with refuses(at="run durand-test", saying="a hold suspends its deletion until"):
        run.delete(world.landing)
    assert due(world.deployment().log, world.clock()) == []

    world.clock.advance(days=2)
    assert run.delete(world.landing) is True


@pytest.mark.vector("not-held")
def test_release_of_what_no_hold_suspends(world, up_to, refuses) -> None:
    run = up_to(world, "extract")
    with refuses(at="run durand-test", saying="no hold suspends its deletion."):
        run.release(by("Camille Moreau"), "the audit is over")

    run.hold(by("Camille Moreau"), "an audit", world.clock() + timedelta(days=3))
    world.clock.advance(days=4)
    with refuses(at="run durand-test", saying="the last one expired at"):
        run.release(by("Camille Moreau"), "the audit is over")
    assert not run.story.has("released")


@pytest.mark.vector("hold-past")
def test_hold_that_would_have_ended_already(world, up_to, refuses) -> None:
    run = up_to(world, "extract")
    with refuses(at="run durand-test", saying="would have ended already"):
        run.hold(by("Camille Moreau"), "an audit", world.clock())
    assert not run.story.has("held")


@pytest.mark.vector("reason-missing")
@pytest.mark.parametrize("reason", ["", " \n", "tbd", "n/a", "word " * 500])
def test_hold_and_release_without_a_reason(world, up_to, refuses, reason) -> None:
    run = up_to(world, "extract")
    with refuses(at="run durand-test", saying="the reason says nothing"):
        run.hold(by("Camille Moreau"), reason, world.clock() + timedelta(days=3))
    run.hold(by("Camille Moreau"), "an audit", world.clock() + timedelta(days=3))
    with refuses(at="run durand-test", saying="the reason says nothing"):
        run.release(by("Camille Moreau"), reason)
    assert not run.story.has("released")


@pytest.mark.vector("person-not-authorised")
def test_release_by_somebody_whom_the_instruction_does_not_name(world, up_to, refuses) -> None:
    run = up_to(world, "extract")
    run.hold(by("Camille Moreau"), "an audit", world.clock() + timedelta(days=30))
    with refuses(at="instruction durand-2026", saying="does not name this person"):
        run.release(by("Paul Petit"), "because")
    assert run.story.hold() is not None


def test_released_run_is_deleted_when_it_is_due_and_can_be_held_anew(world, up_to) -> None:
    run = up_to(world, "extract")
    for days in (30, 60):
        run.hold(by("Camille Moreau"), "an audit", world.clock() + timedelta(days=days))
    world.clock.advance(days=8)
    assert due(world.deployment().log, world.clock()) == []

    run.release(by("Camille Moreau"), "the audit is over")
    assert [one.run for one in due(world.deployment().log, world.clock())] == [run.id]
    run.hold(by("Camille Moreau"), "another audit", world.clock() + timedelta(days=2))
    assert due(world.deployment().log, world.clock()) == []
    run.release(by("Camille Moreau"), "it is over as well")
    assert run.delete(world.landing) is True


def test_hold_and_its_release_on_the_command_line_and_in_the_record(world, up_to, cli) -> None:
    up_to(world, "extract")
    person = ("--reason", "an audit", "--by", "Camille Moreau")
    assert cli("hold", "durand-test", *person)[0] == 0
    _, shown = cli("evidence", "show", "durand-test")
    [said] = shown["suspension"]
    assert said.startswith("HELD until ")
    assert said.endswith("by “Camille Moreau”: “an audit”")
    assert cli("evidence", "show")[1]["runs"][0]["state"] == "held"
    [run] = cli("record")[1]["controllers"][0]["instructions"][0]["runs"]
    assert (run["held"]["person"], run["held"]["reason"]) == ("Camille Moreau", "an audit")

    code, answer = cli("hold", "durand-test", "--release", *person)
    assert (code, answer["released"]) == (0, True)
    assert cli("evidence", "show", "durand-test")[1]["suspension"] == []
    [run] = cli("record")[1]["controllers"][0]["instructions"][0]["runs"]
    assert run["held"] is None


def test_landing_zone_that_is_away_keeps_no_staged_copy(world, up_to) -> None:
    run = up_to(world, "deliver")
    world.clock.advance(days=8)
    away = world.landing_path.rename(world.root / "away")

    with pytest.raises(Unavailable, match="not the store"):
        run.delete(world.landing)
    assert world.deployment().staging.list(run.id) == []
    assert not run.story.has("deleted")

    away.rename(world.landing_path)
    assert run.delete(world.landing) is True
    assert run.story.last("deleted")["copies"] > len(list(world.landing_path.iterdir()))


@pytest.mark.vector("person-not-authorised")
@pytest.mark.parametrize("person", ["Paul Petit", "camille", "", "CAMILLE MOREAU"])
def test_hold_by_somebody_whom_the_instruction_does_not_name(world, up_to, refuses, person) -> None:
    run = up_to(world, "extract")

    with refuses(at="instruction durand-2026", saying="does not name this person"):
        run.hold(by(person), "because", world.clock() + timedelta(days=1))
    assert not run.story.has("held")


@pytest.mark.vector("person-not-authorised")
def test_hold_by_a_stranger_exits_3(world, up_to, cli) -> None:
    up_to(world, "plan")
    arguments = ("hold", "durand-test", "--reason", "because", "--by", "me")

    cli.refused(*arguments, at="instruction durand-2026", saying="does not name this person")


def test_what_strangers_try_is_on_record_by_the_hour_and_not_in_the_run(world, up_to, cli) -> None:
    run = up_to(world, "extract")
    before = len(run.story.records)
    for options in ([], ["--release"], []):
        assert cli("hold", "durand-test", "--reason", "because", "--by", "me", *options)[0] == 3

    [attempted] = world.deployment().log.records("register:alerts")
    assert (attempted.kind, attempted.data["run"]) == ("attempted", "durand-test")
    said = ("hold a deletion", os_user(), None, "person-not-authorised")
    assert tuple(attempted.data[k] for k in ("what", "account", "address", "why")) == said
    assert len(run.story.records) == before


@pytest.mark.vector("copy-not-deleted")
@pytest.mark.parametrize("store", [FolderStore, FolderLanding])
def test_copy_that_is_still_there(world, up_to, refuses, monkeypatch, store) -> None:
    run = up_to(world, "deliver")
    world.clock.advance(days=8)
    monkeypatch.setattr(store, "remove", lambda self, path: None, raising=True)

    place = "staging" if store is FolderStore else "landing"
    file = "durand-test/observation_history.parquet"
    if store is FolderLanding:
        file = "durand-test/instruction.dsse.json"
    with refuses(at=f"{place}/{file}", saying="still there when looked for"):
        run.delete(world.landing)
    assert not run.story.has("deleted")

    monkeypatch.undo()
    assert run.delete(world.landing) is True


@pytest.mark.vector("copy-not-deleted")
def test_staging_key_that_is_still_there(world, up_to, refuses, monkeypatch) -> None:
    run = up_to(world, "extract")
    world.clock.advance(days=8)
    monkeypatch.setattr(FolderKeyStore, "destroy", lambda self, name: None)

    with refuses(at="the staging key", saying="still there when looked for"):
        run.delete(world.landing)
    assert not run.story.has("deleted")


@pytest.mark.vector("copy-not-deleted")
def test_one_run_that_cannot_be_deleted_does_not_keep_the_others(
    world, up_to, cli, refuses, monkeypatch
) -> None:
    def soon(fields: dict) -> None:
        fields["retention"] |= {"after_confirmation": "PT0S", "without_confirmation": "PT1S"}

    world.clock.advance(hours=-1)  # the obligations of both are long due on the machine's clock
    stubborn = up_to(world, "deliver", run="durand-a", edit=soon)
    other = up_to(world, "deliver", run="durand-b", edit=soon)
    removing = FolderStore.remove

    def remove(store: FolderStore, path: str) -> None:
        if not path.startswith("durand-a"):
            removing(store, path)

    monkeypatch.setattr(FolderStore, "remove", remove)

    code, answer = cli("delete", "--due")

    assert code == 3
    assert answer["deleted"] == ["durand-b"]
    [failed] = answer["failed"]
    assert failed["run"] == "durand-a"
    assert failed["message"].startswith("copy-not-deleted at ")
    refuses.seen.add("copy-not-deleted")
    assert other.story.has("deleted")
    assert not stubborn.story.has("deleted")


@pytest.mark.vector("validation-failed")
def test_held_run_that_stops_is_kept_until_the_hold_expires(world, up_to, refuses) -> None:
    run = up_to(world, "extract")
    run.hold(
        by("Camille Moreau"), "an inquiry into this extract", world.clock() + timedelta(days=3)
    )

    with refuses(at="results rule remit.columns", saying="does not hold"):
        run.validate(NeverSatisfied())
    staged = world.root / "processor" / "staging" / run.id / "results.parquet"
    assert staged.exists()

    world.clock.advance(days=4)
    assert run.delete(world.landing) is True


class NeverSatisfied:
    engine = "a test's judge, of nothing"

    def check(self, rules: list[Rule]) -> None:
        """Every rule will do."""

    def judge(self, extract: Any, rules: list[Rule], others: Any = None) -> list[Verdict]:
        return [Verdict(rule.id, rule.type, (), success=False) for rule in rules]


@pytest.mark.parametrize("place", ["landing", "processor/staging"])
def test_copy_by_the_name_of_the_receipt_is_deleted_too(world, up_to, place) -> None:
    run = up_to(world, "deliver")
    original = world.landing_path / run.id / "results.parquet"
    copy = world.root / place / run.id / "kept" / "receipt.dsse.json"
    copy.parent.mkdir(parents=True)
    copy.write_bytes(original.read_bytes())
    world.clock.advance(days=8)

    assert run.delete(world.landing) is True
    assert not copy.exists()


def test_copy_that_went_with_its_folder_is_no_error(tmp_path) -> None:
    FolderStore(tmp_path).remove("gone/results.parquet")


@pytest.mark.vector("run-ended")
def test_hold_on_a_run_whose_copies_are_gone(world, up_to, refuses) -> None:
    run = up_to(world, "extract")
    world.clock.advance(days=8)
    run.delete(world.landing)

    with refuses(at="durand-test", saying="nothing to hold"):
        run.hold(by("Camille Moreau"), "an audit", world.clock() + timedelta(days=3))
    assert not run.story.has("held")
