"""Alerts climb the instruction's chain on time, are acknowledged by named persons, and are never lost."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.flow.alerting import (
    CAMILLE,
    CONTROLLER,
    DPO,
    OWNER,
    desk,
    go,
    kinds,
    look,
    only,
    supervised,
)

from remit import canonical, signing
from remit.alerts import heartbeat
from remit.alerts.memory import Memory
from remit.alerts.supervise import remembered
from remit.alerts.watch import watch
from remit.errors import EvidenceBroken, Refused, Unavailable, Undeliverable, UsageError
from remit.evidence import timestamp
from remit.people import Identity
from remit.signing import load_public
from remit.testing.channels import Postbox
from remit.testing.world import World
from remit.verification import verify_log

WHY = "The vendor renamed a column; a new version is asked for"


@pytest.fixture
def refused(world: World) -> World:
    """A world with one refusal."""
    with pytest.raises(Refused):
        world.open_run(edit=supervised).seal()
    return world


def test_each_tier_is_told_when_its_time_has_come_and_once(refused: World) -> None:
    postbox = Postbox()
    for minutes in (0, 30, 29, 2, 60, 130, 600):
        refused.clock.advance(minutes=minutes)
        look(refused, postbox)

    assert [email for _, email in postbox.told] == [OWNER, DPO, CONTROLLER]
    alert = only(refused, "refusal")
    assert [(one.tier, one.told, one.late) for one in alert.told] == [
        (0, True, 0), (1, True, 60), (2, True, 660)
    ]  # fmt: skip
    assert alert.next_escalation is None
    assert "660 seconds after the time" in postbox.notices[-1].text


def test_last_of_the_chain_is_reminded_daily_of_what_is_grave(world: World) -> None:
    postbox = Postbox()
    go(world, "deliver")
    world.clock.advance(days=4)
    for hours in (0, 1, 3, 23, 1, 23, 1, 5 * 24, 1, 23):
        world.clock.advance(hours=hours)
        look(world, postbox)

    reminded = [n for n in postbox.notices if n.kind == "receipt-missing"]
    # Once for the five days in which nobody looked.
    assert [n.email for n in reminded] == [OWNER, DPO] + [CONTROLLER] * 5
    assert [n.tier for n in reminded] == [0, 1, 2, 3, 4, 9, 10]
    assert "told again each day" in reminded[2].text
    alert = only(world, "receipt-missing")
    assert alert.next_escalation == alert.raised_at + timedelta(hours=4, days=9)
    assert [one.person for one in alert.told][-5:] == [CONTROLLER] * 5

    desk(world).acknowledge(alert.id, CAMILLE, WHY)
    world.clock.advance(days=2)
    look(world, postbox)
    assert only(world, "receipt-missing").told == alert.told


def test_pass_that_comes_late_tells_every_tier_and_by_how_much(refused: World) -> None:
    look(refused)
    refused.clock.advance(hours=9)
    postbox = Postbox()

    look(refused, postbox)

    late = [(n.email, n.late) for n in postbox.notices if n.kind == "refusal"]
    assert late == [(OWNER, 9 * 3600), (DPO, 8 * 3600), (CONTROLLER, 5 * 3600)]


def test_what_cannot_be_sent_is_tried_again_and_recorded_once(refused: World) -> None:
    postbox = Postbox()
    postbox.down = True
    for _ in range(3):
        passed = look(refused, postbox)
    assert passed.failed == [f"alert {only(refused, 'refusal').id}, tier 0: postbox: postbox: it does "
                             "not answer."]  # fmt: skip
    assert [one.told for one in only(refused, "refusal").told] == [False]
    postbox.down = False
    refused.clock.advance(minutes=5)
    look(refused, postbox)
    look(refused, postbox)

    assert postbox.told == [("refusal", OWNER)]
    assert [one.told for one in only(refused, "refusal").told] == [False, True]


def test_without_a_channel_nobody_is_told_and_that_is_said(refused: World) -> None:
    passed = look(refused)

    assert "no channel is set" in passed.failed[0]
    [told] = only(refused, "refusal").told
    assert (told.told, "nobody was told" in told.outcome) == (False, True)


def test_one_channel_that_fails_keeps_no_other_from_telling(refused: World) -> None:
    class Broken(Postbox):
        def send(self, notice: Any) -> None:
            raise ValueError("Mme Dupont, HIV")

    working = Postbox("working")
    look(refused, Broken("broken"), working)

    assert working.told == [("refusal", OWNER)]
    [told] = only(refused, "refusal").told
    assert told.outcome.startswith("told by working; broken: Unexpected ValueError")
    assert "Dupont" not in told.outcome


def test_acknowledged_it_rests_for_a_week_and_then_begins_anew(refused: World) -> None:
    postbox = Postbox()
    look(refused, postbox)
    alert = desk(refused).acknowledge(only(refused, "refusal").id, CAMILLE, WHY)
    assert alert.state == "acknowledged"
    assert alert.acknowledged is not None
    assert (alert.acknowledged.person, alert.acknowledged.account) == ("Camille Moreau", "camille")
    refused.clock.advance(days=6, hours=23)
    look(refused, postbox)
    assert len([one for one in postbox.told if one[0] == "refusal"]) == 1
    refused.clock.advance(hours=1)
    look(refused, postbox)
    refused.clock.advance(hours=4)
    look(refused, postbox)

    again = [email for kind, email in postbox.told if kind == "refusal"]
    assert again == [OWNER, OWNER, DPO, CONTROLLER]
    assert only(refused, "refusal").state == "open"


def test_closed_it_is_told_no_more(refused: World) -> None:
    postbox = Postbox()
    look(refused, postbox)
    alert = desk(refused).close(only(refused, "refusal").id, CAMILLE, WHY)
    refused.clock.advance(days=30)
    look(refused, postbox)

    assert (alert.state, alert.closed.reason if alert.closed else "") == ("closed", WHY)
    assert [one for one in postbox.told if one[0] == "refusal"] == [("refusal", OWNER)]


def test_condition_that_still_holds_raises_a_new_alert(world: World) -> None:
    go(world, "deliver")
    world.clock.advance(days=4)
    [first] = look(world).raised
    assert kinds(look(world)) == []
    desk(world).close(first.id, CAMILLE, WHY)

    [second] = look(world).raised

    assert (first.kind, second.kind) == ("receipt-missing", "receipt-missing")
    assert first.id != second.id


def test_acts_are_in_the_evidence_with_account_and_address(refused: World) -> None:
    look(refused)
    desk(refused).acknowledge(only(refused, "refusal").id, CAMILLE, WHY)
    desk(refused).close(only(refused, "refusal").id, CAMILLE, WHY)

    log = refused.deployment().log
    acts = [r for r in log.records("register:alerts") if r.kind in ("acknowledged", "closed")]
    assert [(a.data["account"], a.data["address"], a.data["via"]) for a in acts] == [
        ("camille", "10.1.2.3", "airflow")
    ] * 2
    key = load_public(refused.root / "processor" / "keys" / "processor.pem.pub")
    verify_log(log.ledger, [key])


def test_two_supervisors_at_once_raise_and_tell_each_alert_once(refused: World) -> None:
    postbox = Postbox()
    entered, leave = threading.Event(), threading.Event()

    class Slow(Postbox):
        def send(self, notice: Any) -> None:
            entered.set()
            assert leave.wait(20)
            postbox.send(notice)

    other = threading.Thread(target=look, args=(refused, Slow()))
    other.start()
    assert entered.wait(20)
    assert look(refused, postbox).busy
    leave.set()
    other.join(20)
    look(refused, postbox)

    assert postbox.told == [("refusal", OWNER)]


def test_process_that_died_after_sending_sends_again(
    refused: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    class Deadly(Postbox):
        def send(self, notice: Any) -> None:
            super().send(notice)
            raise Killed

    first, second = Deadly(), Postbox()
    with pytest.raises(Killed):
        look(refused, first)
    look(refused, second)

    assert first.told == second.told == [("refusal", OWNER)]


# --- memory ---------------------------------------------------------------------------------------


def note_of(world: World) -> Path:
    return world.root / "processor" / "supervision" / "seen.json"


@pytest.mark.parametrize("damage", ["", "{", '{"log": "x"}', '{"seen": -1}', "[]", "null"])
def test_memory_that_is_lost_or_damaged_is_made_anew(refused: World, damage: str) -> None:
    look(refused)
    known = len(desk(refused).alerts())
    note_of(refused).write_text(damage)

    assert kinds(look(refused)) == []
    assert len(desk(refused).alerts()) == known
    deployment = refused.deployment()
    assert remembered(deployment.notes, deployment.log.ledger.name).runs.keys() == {"durand-test"}


def test_a_pass_reads_only_what_is_new(refused: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from remit.adapters.ledger import SqlLedger

    look(refused)
    look(refused)
    asked: list[int] = []
    page = SqlLedger.page

    def counted(self: SqlLedger, after: int | None, before: int, limit: int) -> Any:
        found = page(self, after, before, limit)
        asked.append(len(found) if limit > 1 else 0)
        return found

    monkeypatch.setattr(SqlLedger, "page", counted)
    look(refused)

    assert sum(asked) == 0


def test_memory_that_claims_too_much_hides_nothing_for_longer_than_a_day(refused: World) -> None:
    deployment = refused.deployment()
    look(refused)
    with pytest.raises(Refused):
        refused.open_run("durand-other", supervised).seal()
    memory = remembered(deployment.notes, deployment.log.ledger.name)
    ledger = deployment.log.ledger
    newest = list(ledger.kept())[-1]
    from remit.alerts.memory import digest_of

    claimed = memory.as_json() | {"seen": newest.seq + 1, "digest": digest_of(newest.body)}
    deployment.notes.write("seen", claimed)
    assert kinds(look(refused)) == []
    refused.clock.advance(days=1, seconds=1)

    assert "refusal" in kinds(look(refused))
    assert Memory.from_json(claimed).log == ledger.name


# --- evidence that does not verify ----------------------------------------------------------------


def ledger_of(world: World) -> Path:
    return world.root / "processor" / "evidence.sqlite"


def change(world: World) -> Callable[[], None]:
    """Somebody changes a record; gives what puts it back."""
    with closing(sqlite3.connect(ledger_of(world))) as database:
        seq, body = database.execute("SELECT seq, body FROM remit_record LIMIT 1").fetchone()

        def write(text: str) -> None:
            with closing(sqlite3.connect(ledger_of(world))) as opened:
                asked = "UPDATE remit_record SET body = ? WHERE seq = ?"
                opened.execute(asked, (text, seq))
                opened.commit()

    write(body.replace("durand-2026", "durand-2027"))
    return lambda: write(body)


def test_evidence_that_is_changed_is_told_to_everybody_at_once(refused: World) -> None:
    postbox = Postbox()
    look(refused, postbox)
    put_back = change(refused)
    refused.clock.advance(days=1, minutes=1)
    postbox.notices.clear()

    passed = look(refused, postbox)

    assert [one.kind for one in passed.emergencies] == ["evidence-broken"]
    broken = [email for kind, email in postbox.told if kind == "evidence-broken"]
    assert broken == [OWNER, DPO, CONTROLLER]
    assert "record 0" in next(n.text for n in postbox.notices if n.kind == "evidence-broken")
    assert only(refused, "evidence-broken").severity == "critical"
    postbox.notices.clear()
    look(refused, postbox)
    assert [one for one in postbox.told if one[0] == "evidence-broken"] == []
    refused.clock.advance(hours=1, minutes=1)  # the chain's next time
    look(refused, postbox)
    assert len([one for one in postbox.told if one[0] == "evidence-broken"]) == 3

    put_back()
    refused.clock.advance(hours=1, minutes=1)
    assert look(refused, postbox).verified
    assert "evidence-broken" in [
        alert.kind for alert in desk(refused).alerts() if alert.seq is None
    ]
    assert desk(refused).emergencies() == []


@pytest.mark.parametrize(
    "lie",
    ["fresh", "ahead", "by another key", "of another log", "another type", "no note", "nothing"],
)
def test_note_of_the_daily_check_puts_it_off_only_if_our_key_signed_it(
    refused: World, lie: str
) -> None:
    assert look(refused).verified
    assert not look(refused).verified
    deployment = refused.deployment()
    log, notes = deployment.log, deployment.notes
    stranger = refused.root / "stranger.pem"
    signing.new_key("signing", stranger)
    signer = signing.load_signer(str(stranger)) if lie == "by another key" else log.signer
    refused.clock.advance(days=1, minutes=1)
    ahead = timedelta(days=365 if lie == "ahead" else 0)
    said = {
        "log": "0" * 32 if lie == "of another log" else log.ledger.name,
        "at": timestamp(refused.clock() + ahead),
        "whole": True,
    }
    kind = "checkpoint" if lie == "another type" else "verified"
    signed = signing.sign(canonical.dumps(said), f"application/vnd.remit.{kind}+json", signer)
    notes.write("verified", {"fresh": said, "no note": 7}.get(lie, signed.decode()))
    if lie == "nothing":
        notes.remove("verified")

    assert look(refused).verified


def test_broken_evidence_that_a_named_person_acknowledges_is_told_no_more(refused: World) -> None:
    postbox = Postbox()
    look(refused)
    change(refused)
    refused.clock.advance(days=1, minutes=1)
    look(refused, postbox)
    with pytest.raises(Refused, match="person-not-authorised"):
        desk(refused).acknowledge("evidence-broken", Identity("mallory", "airflow"), WHY)
    alert = desk(refused).acknowledge("evidence-broken", CAMILLE, WHY)
    with pytest.raises(Refused, match="alert-closed"):
        desk(refused).close("evidence-broken", CAMILLE, WHY)
    postbox.notices.clear()
    refused.clock.advance(days=2)
    look(refused, postbox)

    assert alert.state == "acknowledged"
    assert [one for one in postbox.told if one[0] == "evidence-broken"] == []


def test_broken_evidence_is_told_again_a_week_after_it_was_acknowledged(refused: World) -> None:
    look(refused)
    change(refused)
    refused.clock.advance(days=1, minutes=1)
    look(refused, Postbox())
    desk(refused).acknowledge("evidence-broken", CAMILLE, WHY)
    for days, told in ((6, []), (2, [OWNER, DPO, CONTROLLER])):
        postbox = Postbox()
        refused.clock.advance(days=days)
        look(refused, postbox)

        assert [email for kind, email in postbox.told if kind == "evidence-broken"] == told
    assert [one.state for one in desk(refused).emergencies()] == ["open"]


@pytest.mark.parametrize(
    "by",
    [
        "somebody",
        [],
        {"at": "9999-01-01T00:00:00Z"},
        {"name": "x", "account": "x", "reason": "x", "at": "9999-01-01T00:00:00Z"},
    ],
)
def test_acknowledgement_that_nobody_gave_now_silences_nothing(refused: World, by: Any) -> None:
    notes, postbox = refused.deployment().notes, Postbox()
    look(refused)
    change(refused)
    refused.clock.advance(days=1, minutes=1)
    look(refused)
    notes.write("evidence-broken", notes.read("evidence-broken") | {"acknowledged": by})
    refused.clock.advance(days=1)
    look(refused, postbox)

    assert "evidence-broken" in [kind for kind, _ in postbox.told]
    assert [one.state for one in desk(refused).emergencies()] == ["open"]


HOSTILE = (
    [], 7, "x", {}, {"kind": "x"}, {"every": 1e300}, {"every": 10**13}, {"at": 5}, {"told": "x"},
    {"told": {OWNER: "x"}}, {"outcomes": []}, {"message": 5}, {"since": "9999-12-31T23:59:59Z"},
    {"runs": {"durand-test": []}}, {"runs": {"durand-test": [1, "x", 5, "y"]}}, {"seen": 1e300},
    {"past": {"durand/durand-2026": ["x", [], 5]}}, {"instructions": [5]}, {"whole": "x"},
    {"runs": {"durand-test": ["x", 1, "y", 0]}},
    [{"name": "x", "email": 5, "after": 1e300}], [{"name": 5, "email": "x", "after": -5}],
)  # fmt: skip


@pytest.mark.parametrize(
    "name", ["seen", "contacts", "verified", "pass-os-supervisor", "evidence-broken", "ledger-away"]
)
def test_no_note_keeps_supervision_from_looking(refused: World, name: str) -> None:
    look(refused, every=timedelta(minutes=5))
    notes = refused.deployment().notes
    found = notes.read(name)
    if found is None:
        told = {"told": {}, "outcomes": {}, "acknowledged": None}
        found = {"kind": name, "since": "2026-01-01T00:00:00Z", "where": "", "message": ""} | told
    for hostile in HOSTILE:
        merged = isinstance(found, dict) and isinstance(hostile, dict)
        notes.write(name, found | hostile if merged else hostile)
        desk(refused).emergencies()
        refused.clock.advance(minutes=1)
        look(refused, Postbox(), every=timedelta(minutes=5), by="os:another")
        watch(refused.deployment, notes, [Postbox()], "os:another", refused.clock)


def test_log_that_is_cut_short_is_noticed_at_the_next_pass(refused: World) -> None:
    look(refused)
    postbox = Postbox()
    with closing(sqlite3.connect(ledger_of(refused))) as database:
        database.execute("DELETE FROM remit_record WHERE seq = (SELECT max(seq) FROM remit_record)")
        database.commit()

    passed = look(refused, postbox)

    assert [one.kind for one in passed.emergencies] == ["evidence-broken"]
    assert ("evidence-broken", CONTROLLER) in postbox.told


def watched(world: World, postbox: Postbox) -> Any:
    notes = world.deployment().notes

    def look_once(opened: Callable[[], Any] = world.deployment) -> Any:
        return watch(opened, notes, [postbox], "os:supervisor", world.clock, timedelta(minutes=5))

    return look_once


def test_ledger_that_is_away_is_told_after_a_quarter_of_an_hour(refused: World) -> None:
    postbox = Postbox()
    look_once = watched(refused, postbox)
    look_once()
    postbox.notices.clear()

    def away() -> Any:
        raise Unavailable("db/remit", "the evidence ledger does not answer.")

    for minutes in (5, 5, 5):
        refused.clock.advance(minutes=minutes)
        look_once(away)
    assert postbox.told == []
    refused.clock.advance(minutes=5)
    look_once(away)
    assert postbox.told == [("ledger-away", who) for who in (OWNER, DPO, CONTROLLER)]
    look_once()

    alert = only(refused, "ledger-away")
    assert "found whole again" in alert.message
    assert postbox.told[3] == ("ledger-away", OWNER)


def test_ledger_that_is_replaced_by_an_empty_one_is_told(refused: World) -> None:
    postbox = Postbox()
    look_once = watched(refused, postbox)
    look_once()
    ledger_of(refused).unlink()

    passed = look_once()

    assert [one.kind for one in passed.emergencies] == ["evidence-broken"]
    assert ("evidence-broken", CONTROLLER) in postbox.told


def test_supervisor_that_hangs_is_told_by_the_other(refused: World) -> None:
    postbox = Postbox()
    look_once = watched(refused, postbox)
    look_once()
    postbox.notices.clear()
    with refused.deployment().log.ledger.lock("register:alerts"):
        for _ in range(2):
            assert postbox.told == []
            refused.clock.advance(minutes=10)
            passed = look_once()
        look_once()

    assert [one.where for one in passed.emergencies] == ["register:alerts"]
    assert postbox.told == [("ledger-away", who) for who in (OWNER, DPO, CONTROLLER)]


def test_settings_that_are_wrong_are_no_emergency(refused: World) -> None:
    def wrong() -> Any:
        raise UsageError("REMIT_LEDGER")

    with pytest.raises(UsageError):
        watched(refused, Postbox())(wrong)
    assert isinstance(EvidenceBroken("x", "y"), Exception)


# --- silence --------------------------------------------------------------------------------------


def test_twin_that_is_silent_is_noticed_and_can_be_retired(refused: World) -> None:
    five, dag = timedelta(minutes=5), "airflow:remit_supervision/scheduled__1"
    look(refused, by=dag, every=five)
    for _ in range(2):
        refused.clock.advance(minutes=5)
        assert "supervision-silent" not in kinds(look(refused, by="os:process", every=five))
    refused.clock.advance(minutes=6)

    [alert] = look(refused, by="os:process", every=five).raised

    assert (alert.kind, alert.about) == (
        "supervision-silent", "supervisor airflow:remit_supervision"
    )  # fmt: skip
    passes = {one.name: one for one in heartbeat.last_passes(refused.deployment().notes)}
    assert passes["airflow:remit_supervision"].is_silent(refused.clock())
    assert not passes["os:process"].is_silent(refused.clock())
    desk(refused).close(alert.id, CAMILLE, "The DAG is replaced by the service")
    refused.clock.advance(minutes=5)
    assert kinds(look(refused, by="os:process", every=five)) == []


def test_time_in_which_nobody_looked_is_told_and_its_alerts_are_late(refused: World) -> None:
    look(refused, every=timedelta(minutes=5))
    before = timestamp(refused.clock())
    refused.clock.advance(hours=5)
    postbox = Postbox()

    [alert] = look(refused, postbox, every=timedelta(minutes=5)).raised

    assert alert.about == f"all supervision from {before}"
    assert ("refusal", CONTROLLER) in postbox.told


def test_a_look_by_hand_is_not_expected_again(refused: World) -> None:
    look(refused, by="os:alice")
    refused.clock.advance(days=3)

    assert kinds(look(refused, by="os:process", every=timedelta(minutes=5))) == []


def test_a_person_who_cannot_be_reached_keeps_nobody_else_from_being_told(world: World) -> None:
    class Mail(Postbox):
        def send(self, notice: Any) -> None:
            if notice.email == OWNER:
                raise Undeliverable(self.label, "it takes no mail for the person's address.")
            super().send(notice)

    for number in range(4):
        with pytest.raises(Refused):
            world.open_run(f"run-{number}", supervised).seal()
    postbox = Mail()
    look(world, postbox)
    for _ in range(2):  # the failures are the longest due, and so are tried first again
        world.clock.advance(hours=5)
        look(world, postbox)

    assert [postbox.told.count(("refusal", email)) for email in (DPO, CONTROLLER)] == [4, 4]


def test_a_pass_by_a_clock_that_was_ahead_hides_no_silence(world: World) -> None:
    notes, now = world.deployment().notes, world.clock()
    every = timedelta(minutes=5)
    heartbeat.beat(notes, "os:ahead", now + timedelta(days=400), every)
    heartbeat.beat(notes, "os:gone", now - timedelta(hours=2), every)

    about = [one.about for one in heartbeat.silences(notes, "os:me", now)]

    assert about == [
        "supervisor os:ahead",
        "supervisor os:gone",
        f"all supervision from {timestamp(now - timedelta(hours=2))}",
    ]
