"""The board says of every run what its records say, however it was read."""

from __future__ import annotations

import dataclasses
import shutil
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from remit import narrative
from remit.board import IGNORED, LEARNT, BeingRead, Board, Query, RunSummary, State
from remit.board import board as boards
from remit.custody import REGISTER, Run, Story, is_run, state_of, stories, survey
from remit.errors import EvidenceBroken, Refused
from remit.evidence import EvidenceLog, Fact, timestamp
from remit.instruction import read_signed
from remit.ports import Rule, Verdict
from remit.records import Kept
from remit.testing.world import World, by

EVERYTHING = frozenset({None})


class Judge:
    """Judges as it was told to: validation is not the subject here."""

    engine = "a test's judge"

    def __init__(self, content: bool = True) -> None:
        self.content = content

    def check(self, rules: list[Rule]) -> None:
        """Every rule will do."""

    def judge(self, extract: Any, rules: list[Rule], others: Any = None) -> list[Verdict]:
        return [Verdict(rule.id, rule.type, (), success=self.content) for rule in rules]


def opened(world: World, name: str, principal: str = "test") -> Run:
    run = Run(name, world.deployment(), principal)
    path = world.settings.include / "instructions" / "durand.yaml"
    if not path.exists():
        world.instruct()
    run.open(read_signed(path), world.source().label, str(world.landing_path))
    return run


def up_to(world: World, name: str, last: str) -> Run:
    run = opened(world, name)
    for step, take in world.steps(run, Judge()).items():
        take()
        if step == last:
            break
    return run


def story_of(world: World) -> Iterator[tuple[str, Story]]:
    """A whole story of many runs; after each act, what was done and to which run."""
    yield (
        "opened",
        opened(world, "opened-only", "airflow:nightly/scheduled__2026-01-01T00:00:00+00:00").story,
    )
    yield "planned", up_to(world, "planned-only", "plan").story
    yield "extracted", up_to(world, "extracted-only", "extract").story
    yield "validated", up_to(world, "validated-only", "validate").story
    yield "sealed", up_to(world, "sealed-only", "seal").story
    delivered = up_to(world, "delivered", "deliver")
    yield "awaits-receipt", delivered.story
    stopped = opened(world, "stopped")
    with suppress(Refused):
        world.deliver(stopped, Judge(content=False))
    yield "deleted", stopped.story
    refused = up_to(world, "refused", "plan")
    with suppress(Refused):
        refused.deliver(world.landing())
    yield "refused", refused.story
    confirmed = up_to(world, "confirmed", "deliver")
    world.ingest(confirmed)
    confirmed.confirm(world.landing())
    yield "overdue", confirmed.story  # it is due at once
    confirmed.delete(world.landing)
    yield "deleted", confirmed.story
    delivered.hold(by("Camille Moreau"), "Asked to wait", world.clock() + timedelta(days=30))
    yield "held", delivered.story
    world.clock.advance(days=8)
    yield "held", delivered.story
    delivered.hold(by("Camille Moreau"), "Asked to wait longer", world.clock() + timedelta(days=40))
    delivered.release(by("Camille Moreau"), "No need any more")
    yield "overdue", delivered.story


def require_same(summary: RunSummary, story: Story, now: datetime) -> None:
    """What a page shows of the run is what its story says, told by the story's own means."""
    assert summary.obligation() == story.obligation()
    assert summary.began == datetime.fromisoformat(story.records[0].at)
    for name in ("delivered", "confirmed", "deleted"):
        at = next((r.at for r in story.records if r.kind == name), None)
        shown = getattr(summary, name)
        assert (timestamp(shown) if shown else None) == at
    if story.has("opened"):
        said = story.last("opened")
        asked = summary.instruction
        assert asked is not None
        assert (asked.id, asked.version, asked.digest) == tuple(
            said["instruction"][name] for name in ("id", "version", "digest")
        )
        assert asked.controllers[0] == said["controller"]
        assert (summary.source, summary.landing) == (said["source"], said["landing"])
    if story.has("planned"):
        tables = story.last("planned")["plan"]["tables"]
        assert summary.rows_in_scope == sum(table["rows_in_scope"] for table in tables)
        assert summary.rows_total == sum(table["rows_total"] for table in tables)
        assert summary.allowed == sum(len(table["allowed"]) for table in tables)
        assert summary.withheld == sum(len(table["withheld"]) for table in tables)
    if story.has("extracted"):
        files = story.last("extracted")["files"]
        assert summary.rows == sum(file["rows"] for file in files)
    if story.has("refused"):
        last = story.last("refused")
        assert summary.refusal is not None
        assert (summary.refusal.code, summary.refusal.step) == (
            last["refusal"]["code"],
            last["step"],
        )
    if state_of(story, now) in set(State):
        assert summary.state(now) == state_of(story, now)


def all_of(board: Board, world: World) -> dict[str, RunSummary]:
    found = board.find(Query(board.dags(), limit=1000), world.clock())
    assert not found.damaged
    return {run.run: run for run in found.runs}


def as_values(runs: dict[str, RunSummary]) -> dict[str, dict[str, Any]]:
    return {name: dataclasses.asdict(run) for name, run in runs.items()}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, laboratory_file: Path) -> tuple[World, bytes]:
    """A world in which the whole story happened, and its ledger's file then."""
    root = tmp_path_factory.mktemp("told")
    shutil.copyfile(laboratory_file, root / "lis.sqlite")
    world = World(root)
    for _ in story_of(world):
        pass
    return world, ledger_file(world).read_bytes()


@pytest.fixture
def told(whole: tuple[World, bytes]) -> Iterator[World]:
    """That world, put back afterwards to what it was."""
    world, ledger = whole
    yield world
    ledger_file(world).write_bytes(ledger)
    (world.settings.home / "witness.dsse.json").unlink(missing_ok=True)


def ledger_file(world: World) -> Path:
    return Path(world.settings.ledger.removeprefix("sqlite:///"))


def test_board_says_what_the_story_says_after_each_act_and_the_same_when_read_anew(
    world: World,
) -> None:
    ledger = world.deployment().log.ledger
    kept_up = Board(ledger)
    for state, story in story_of(world):
        summary = kept_up.run(story.run)
        assert isinstance(summary, RunSummary)
        assert summary.state(world.clock()) == state, story.run
        for one in stories(world.deployment().log.records()):
            found = kept_up.run(one.run)
            assert isinstance(found, RunSummary)
            require_same(found, one, world.clock())
        anew = Board(ledger)
        assert as_values(all_of(anew, world)) == as_values(all_of(kept_up, world))


def test_board_and_survey_know_the_same_duties(told: World) -> None:
    found = survey(told.deployment().log, told.clock())
    board = Board(told.deployment().log.ledger)

    shown = [run.obligation() for run in all_of(board, told).values()]

    open_duties = {one.run: one for one in shown if one is not None and not one.done}
    surveyed = {one.run: one for one in (*found.due, *found.locked, *found.pending)}
    assert open_duties == surveyed
    seen = board.overview(board.dags(), told.clock())
    assert {run.run for run in seen.overdue} == {one.run for one in (*found.due, *found.locked)}


def test_lists_of_duties_are_those_of_the_survey_in_its_order(told: World) -> None:
    ledger, readable = told.deployment().log.ledger, frozenset({None, "nightly"})
    board = Board(ledger)
    for days in (-60, 0, 3, 60):
        now = told.clock() + timedelta(days=days)
        found, seen = survey(told.deployment().log, now), board.duties(readable, now, 1000)
        held = [one for one in found.pending if one.is_held(now)]
        assert (seen.overdue, seen.locked, seen.held) == (found.due, found.locked, held)
        assert seen.pending == [one for one in found.pending if not one.is_held(now)]
    last_first = [(kept.run, kept.seq) for kept in ledger.kept(kinds=["deleted"])][::-1]
    assert [tuple(one) for one in seen.gone] == last_first
    (newest, *older) = last_first
    further = board.duties(readable, now, 1, before=newest[1])
    assert [tuple(one) for one in further.gone] == older[:1]
    assert not board.duties(frozenset[str](), now, 10).gone


def test_run_without_the_record_of_its_duty_is_damaged_and_not_left_out(world: World) -> None:
    opened(world, "no-duty")
    log = world.deployment().log
    log.append("no-duty", "sealed", {"manifest": "x"}, "test", step=None)

    seen = Board(log.ledger).duties(EVERYTHING, world.clock(), 10)

    assert [one.run for one in seen.damaged] == ["no-duty"]
    assert "duty" in seen.damaged[0].message


def test_who_opened_a_run_is_known_of_each(told: World) -> None:
    asked = ["opened-only", "planned-only", "no-such-run"]
    assert Board(told.deployment().log.ledger).opened_by(asked) == {
        "opened-only": "airflow:nightly/scheduled__2026-01-01T00:00:00+00:00",
        "planned-only": "test",
        "no-such-run": None,
    }


def test_locks_dumps_and_later_dates_come_to_the_same_as_in_the_story(world: World) -> None:
    log = world.deployment().log
    opened(world, "by-hand")
    now = world.clock()

    def at(days: int) -> str:
        return timestamp(now + timedelta(days=days))

    acts: list[tuple[str, dict[str, Any]]] = [
        ("obliged", {"due": at(7), "reason": "maximum age without confirmation"}),
        ("stopped", {"step": "validate", "due": at(0), "reason": "stopped at validate"}),
        ("undeleted", {"why": "It is locked.", "until": None, "again": at(1), "copies": []}),
        ("interrupted", {"step": "delete", "where": "s3://x", "why": "It does not answer."}),
        ("answered", {"way": "receipt", "outcome": "late", "digest": "sha256:0", "rows": None}),
        ("undeleted", {"why": "It is locked.", "until": at(3), "again": at(3), "copies": []}),
        ("dump-kept", {"until": at(7)}),
        ("stopped", {"step": "withdraw", "due": at(2), "reason": "stopped at withdraw"}),
        ("held", {"reason": "a", "person": "Camille Moreau", "until": at(5)}),
        ("held", {"reason": "b", "person": "Camille Moreau", "until": at(4)}),
        ("held", {"reason": "c", "person": "Camille Moreau", "until": at(5)}),
        ("released", {"reason": "d", "person": "Camille Moreau"}),
        ("deleted", {"certificate": "x", "copies": 0}),
    ]
    board = Board(log.ledger)
    for kind, data in acts:
        log.append("by-hand", kind, data, "test", step=None)
        summary, story = board.run("by-hand"), Story("by-hand", log.records("by-hand"))
        assert isinstance(summary, RunSummary)
        assert summary.obligation() == story.obligation(), kind
        for moment in (now, now + timedelta(days=1, hours=1), now + timedelta(days=6)):
            duty = story.obligation()
            assert duty is not None
            overdue = summary.state(moment) in (State.OVERDUE, State.LOCKED)
            assert overdue == duty.is_due(moment), (kind, moment)


def test_every_kind_of_record_is_read_or_left_on_purpose() -> None:
    others = {"received", "revoked", "rotated", "key-revoked", "orphans", "swept", "attempted"}
    others |= {"alerted", "acknowledged", "escalated", "closed"}

    assert LEARNT | IGNORED | others >= set(narrative.KINDS)
    assert not LEARNT & IGNORED


def test_runs_of_a_dag_run_are_found_and_others_are_not_shown(told: World) -> None:
    board = Board(told.deployment().log.ledger)
    assert board.of_dag_run("nightly", "scheduled__2026-01-01T00:00:00+00:00") == ["opened-only"]
    assert board.of_dag_run("nightly", "another") == []

    for readable in (frozenset({"nightly"}), frozenset({"other"}), frozenset[str]()):
        seen = board.find(Query(readable), told.clock())
        names = {run.run for run in seen.runs}
        assert names == ({"opened-only"} if "nightly" in readable else set())
        assert seen.total == len(names)
        summed = board.overview(readable, told.clock())
        assert summed.all.runs == len(names)
        assert [line.runs for line in summed.lines] == ([1] if names else [])
        assert not summed.overdue
        assert not summed.refused


def test_queries_narrow_and_page_from_the_newest_on(told: World) -> None:
    board, now = Board(told.deployment().log.ledger), told.clock()
    every = board.find(Query(board.dags(), limit=1000), now)
    assert [run.seq for run in every.runs] == sorted((run.seq for run in every.runs), reverse=True)

    pages, before = [], None
    while True:
        found = board.find(Query(board.dags(), before=before, limit=2), now)
        assert found.total == every.total
        pages += [run.run for run in found.runs]
        before = found.following
        if before is None:
            break
    assert pages == [run.run for run in every.runs]

    def names(**asked: Any) -> set[str]:
        return {run.run for run in board.find(Query(board.dags(), **asked), now).runs}

    assert names(states=frozenset({State.DELETED})) == {"confirmed", "stopped"}
    assert names(waiting=True) == {"delivered"}
    assert names(refused=True) == {"refused", "stopped"}
    assert names(controller="durand") == set(pages)
    assert names(controller="dupont") == set()
    assert names(instruction="durand-2026") == set(pages)
    assert names(instruction="durand-2027") == set()
    assert names(dag="nightly") == {"opened-only"}


def test_overview_counts_under_each_controller(told: World) -> None:
    board, now = Board(told.deployment().log.ledger), told.clock()

    seen = board.overview(board.dags(), now)

    (line,) = seen.lines
    runs = all_of(board, told).values()
    assert (line.controller, line.runs) == ("durand", len(runs))
    assert line.deleted == 2
    assert line.refused == 2
    assert line.overdue == len(seen.overdue) == seen.states[State.OVERDUE]
    assert line.open == sum(run.is_open for run in runs)
    assert {run.run for run in seen.refused} == {"refused", "stopped"}


def test_run_that_was_refused_before_it_was_opened_belongs_to_no_dag(world: World) -> None:
    path = world.instruct()
    run = Run("unsigned", world.deployment(), "airflow:nightly/manual")
    path.with_name("durand.yaml.dsse.json").unlink(missing_ok=True)
    for envelope in path.parent.glob("durand.yaml*dsse*"):
        envelope.unlink()
    with pytest.raises(Refused):
        run.open_file(path, "a", "b")

    board = Board(world.deployment().log.ledger)
    summary = board.run("unsigned")

    assert isinstance(summary, RunSummary)
    assert (summary.dag, summary.instruction) == (None, None)
    assert summary.state(world.clock()) == State.REFUSED
    (line,) = board.overview(frozenset({None}), world.clock()).lines
    assert (line.controller, line.runs, line.refused) == (None, 1, 1)


# --- damage ---------------------------------------------------------------------------------------


def sql(world: World, statement: str, *values: Any) -> None:
    with sqlite3.connect(ledger_file(world)) as database:
        assert database.execute(statement, values).rowcount == 1


TAMPERING: dict[str, tuple[str, ...]] = {
    "a word of it": (
        "UPDATE remit_record SET body = replace(body, 'LYO', 'PAR') "
        "WHERE run = 'confirmed' AND kind = 'planned'",
    ),
    "all of it": (
        "UPDATE remit_record SET body = '{}' WHERE run = 'confirmed' AND kind = 'sealed'",
    ),
    "no JSON": ("UPDATE remit_record SET body = 'x' WHERE run = 'confirmed' AND kind = 'obliged'",),
    "its leaf": (
        "UPDATE remit_record SET nodes = '' WHERE run = 'confirmed' AND kind = 'deleted'",
    ),
    "its kind": (
        "UPDATE remit_record SET kind = 'released' WHERE run = 'confirmed' AND kind = 'deleted'",
    ),
    "another's": (
        "UPDATE remit_record SET run = 'confirmed', step = 1000 "
        "WHERE run = 'delivered' AND kind = 'held' AND step = "
        "(SELECT min(step) FROM remit_record WHERE run = 'delivered' AND kind = 'held')",
    ),
}


@pytest.mark.parametrize("what", TAMPERING)
def test_damaged_record_is_told_and_hides_no_other_run(told: World, what: str) -> None:
    before = all_of(Board(told.deployment().log.ledger), told)
    sql(told, *TAMPERING[what])

    board = Board(told.deployment().log.ledger)
    found = board.find(Query(board.dags(), limit=1000), told.clock())

    assert [one.run for one in found.damaged] == ["confirmed"]
    assert "record" in found.damaged[0].where
    assert board.run("confirmed") == found.damaged[0]
    assert {run.run for run in found.runs} == before.keys() - {"confirmed"}
    assert board.overview(board.dags(), told.clock()).damaged == found.damaged


def test_damaged_register_damages_whatever_was_opened_under_it(told: World) -> None:
    sql(
        told,
        "UPDATE remit_record SET body = replace(body, 'durand', 'dupont') WHERE kind = 'received'",
    )

    board = Board(told.deployment().log.ledger)
    found = board.find(Query(board.dags()), told.clock())

    assert REGISTER in {one.run for one in found.damaged}
    assert not found.runs


def test_log_that_is_cut_short_or_replaced_is_refused_for_good(told: World, tmp_path: Path) -> None:
    ledger = told.deployment().log.ledger
    board = Board(ledger)
    all_of(board, told)
    path = ledger_file(told)
    whole = path.read_bytes()
    earlier = ledger.checkpoint()
    opened(told, "one-more")
    all_of(board, told)
    path.write_bytes(whole)
    assert ledger.checkpoint() == earlier

    for _ in range(2):
        with pytest.raises(EvidenceBroken, match="cut short or replaced"):
            board.find(Query(EVERYTHING), told.clock())
    # A board that has not seen the longer log has the witness.
    with pytest.raises(EvidenceBroken, match="cut short or replaced"):
        Board(ledger).find(Query(EVERYTHING), told.clock())


# --- reading --------------------------------------------------------------------------------------


class Slow:
    """A ledger that answers when it is let, and only so much of the log at once."""

    def __init__(self, ledger: Any, gate: threading.Event) -> None:
        self._ledger, self._gate = ledger, gate
        self.label, self.name = ledger.label, ledger.name
        self.checkpoint, self.witnessed = ledger.checkpoint, ledger.witnessed

    def page(self, *asked: Any) -> list[Kept]:
        assert self._gate.wait(20)
        found: list[Kept] = self._ledger.page(*asked)
        return found


def test_much_is_read_in_the_background_and_nothing_is_shown_before(
    told: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boards, "_AT_ONCE", 10)
    monkeypatch.setattr(boards, "_WINDOW", 7)
    ledger, gate = told.deployment().log.ledger, threading.Event()
    board = Board(Slow(ledger, gate), patience=0.01)
    board.start()
    with pytest.raises(BeingRead) as reading:
        board.find(Query(EVERYTHING), told.clock())
    assert (reading.value.done, reading.value.total) == (0, ledger.state()[0])

    gate.set()
    patient = Board(ledger)
    until = threading.Event()
    for _ in range(500):
        with suppress(BeingRead):
            assert as_values(all_of(board, told)) == as_values(all_of(patient, told))
            break
        until.wait(0.02)
    else:
        raise AssertionError


def test_failure_in_the_background_is_told_to_who_asks_and_tried_again(
    told: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boards, "_AT_ONCE", 10)
    ledger, failing = told.deployment().log.ledger, [True]

    class Failing(Slow):
        def page(self, *asked: Any) -> list[Kept]:
            if failing:
                raise EvidenceBroken("the ledger", failing.pop() and "it is damaged.")
            return super().page(*asked)

    gate = threading.Event()
    gate.set()
    board = Board(Failing(ledger, gate), patience=20)
    with pytest.raises(EvidenceBroken, match="it is damaged"):
        board.find(Query(EVERYTHING), told.clock())

    assert all_of(board, told).keys() == {
        story.run for story in stories(told.deployment().log.records()) if is_run(story.run)
    }


def test_threads_ask_while_others_append(told: World) -> None:
    ledger = told.deployment().log.ledger
    log = EvidenceLog(ledger, told.deployment().log.signer, told.clock)
    board, seen, errors = Board(ledger), list[int](), list[BaseException]()
    before = all_of(board, told)
    start = before["extracted-only"].seq

    def ask() -> None:
        try:
            for _ in range(40):
                run = all_of(board, told)["extracted-only"]
                assert run.seq == start
                seen.append(len(all_of(board, told)))
        except BaseException as error:  # noqa: BLE001 - told below
            errors.append(error)

    askers = [threading.Thread(target=ask) for _ in range(4)]
    for asker in askers:
        asker.start()
    pattern = Story("x", log.records("planned-only")).records
    for number in range(20):
        facts = [Fact(f"again-{number}", one.kind, one.data, None) for one in pattern]
        log.append_all(facts, "test")
    for asker in askers:
        asker.join()

    assert not errors
    assert len(before) <= min(seen)
    assert len(all_of(board, told)) == len(before) + 20
