"""Four eyes: who may approve a delivery, with what words, until when; and that nothing goes without."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from remit.approve import Answer, Origin, Question, approvers
from remit.custody import Run
from remit.errors import Refused
from remit.people import Identity, as_record
from remit.testing.controller import ALICE, BRUNO, four_eyes
from remit.testing.world import World

ORIGIN = Origin(authors=("dora",), trigger="tom")
PLACE = "airflow:nightly/manual__1/migration.approve/1"


@pytest.fixture
def sealed(world: World, up_to: Callable[..., Run]) -> Run:
    return up_to(world, "seal", edit=four_eyes)


def asked(run: Run, origin: Origin = ORIGIN) -> Question:
    question = run.ask(origin, PLACE)
    assert question is not None
    return question


def answer(world: World, question: Question, **other: Any) -> Answer:
    fields = {
        "account": "alice",
        "name": "alice",
        "chosen": (question.approval,),
        "at": world.clock(),
    }
    return Answer(**fields | other)


def approval(run: Run, question: Question, **other: Any) -> dict[str, Any]:
    """The record of an approval, as somebody with the signing key could write it."""
    person = run.instruction().terms.contacts.authorised[0]
    return {
        "question": question.number,
        "manifest": question.manifest,
        "instruction": question.instruction,
        "identity": as_record(Identity("alice", "airflow"), person) | other,
        "answered_at": question.as_json()["until"],
        "reference": PLACE,
    }


def approved(world: World, run: Run) -> Question:
    question = asked(run)
    assert run.take_answer(question, answer(world, question)) is True
    return question


def test_delivery_that_a_named_person_approved(world, sealed) -> None:
    question = asked(sealed)
    assert question.assigned == (("alice", "Alice Martin"), ("bruno", "Bruno Petit"))
    assert sealed.take_answer(question, None) is None
    assert sealed.take_answer(question, answer(world, question)) is True
    told = sealed.story.last("approved")
    assert told["identity"]["name"] == "Alice Martin"
    assert (told["identity"]["account"], told["identity"]["via"]) == ("alice", "airflow")
    assert told["reference"] == PLACE
    assert sealed.deliver(world.landing()) is True


def test_nothing_is_asked_twice_that_was_answered(world, sealed) -> None:
    question = approved(world, sealed)
    known = len(sealed.story.records)
    assert sealed.ask(ORIGIN, PLACE) is None
    assert sealed.take_answer(question, None) is False
    assert len(sealed.story.records) == known


def test_nothing_is_asked_where_the_instruction_asks_for_nothing(world, up_to) -> None:
    run = up_to(world, "seal")
    assert run.ask(ORIGIN, PLACE) is None
    assert run.deliver(world.landing()) is True


def test_asking_again_gives_no_more_time(world, sealed) -> None:
    first = asked(sealed)
    world.clock.advance(hours=20)
    again = asked(sealed)
    assert again.until == first.until
    assert again.approval == first.approval  # Airflow keeps the words of the first


@pytest.mark.vector("approval-missing")
def test_delivery_that_nobody_approved(world, sealed, refuses) -> None:
    for _ in range(2):
        with refuses(at="run durand-test", saying="the evidence has none"):
            sealed.deliver(world.landing())
        asked(sealed)
    assert list(world.landing_path.glob("*")) == []
    assert not sealed.story.has("stopped")


@pytest.mark.vector("approval-missing")
def test_remit_run_stops_before_the_delivery_and_keeps_what_it_did(world, sealed, cli) -> None:
    file = world.settings.include / "instructions" / "durand.yaml"
    places = ("--source", world.source_url, "--landing", world.landing_path)
    cli.refused("run", file, *places, at="durand-test", saying="asks for a person's approval")
    assert Run("durand-test", world.deployment(), "test").story.has("sealed")


@pytest.mark.vector("approval-timed-out")
def test_nobody_answered_in_time(world, sealed, refuses, stopped) -> None:
    question = asked(sealed)
    world.clock.advance(hours=25)
    with refuses(at="…", saying="nobody approved it until"):
        sealed.take_answer(question, None)
    stopped(world, sealed)


@pytest.mark.vector("approval-timed-out")
def test_answer_after_the_time(world, sealed, refuses, stopped) -> None:
    question = asked(sealed)
    world.clock.advance(hours=25)
    with refuses(at="…", saying="nobody approved it until"):
        sealed.take_answer(question, answer(world, question))
    stopped(world, sealed)


@pytest.mark.vector("approval-timed-out")
def test_question_after_the_time(world, sealed, refuses, stopped) -> None:
    asked(sealed)
    world.clock.advance(hours=25)
    with refuses(at="…", saying="nobody approved it until"):
        sealed.ask(ORIGIN, PLACE)
    stopped(world, sealed)


@pytest.mark.vector("approval-denied")
def test_person_who_forbids_it(world, sealed, refuses, stopped) -> None:
    question = asked(sealed)
    no = answer(world, question, account="bruno", name="bruno", chosen=(question.disapproval,))
    with refuses(at="run durand-test", saying="Bruno Petit does not let it be delivered"):
        sealed.take_answer(question, no)
    assert sealed.story.last("disapproved")["identity"]["account"] == "bruno"
    stopped(world, sealed)


REFUSED = [
    ("approval-unattributed", {"account": None, "name": None}, "no user's"),
    ("person-account-shared", {"account": "night-shift"}, "several people"),
    ("person-account-shared", {"account": "admin"}, "several people"),
    ("person-not-authorised", {"account": "mallory"}, "names nobody"),
    ("person-not-authorised", {"account": "ALICE"}, "names nobody"),
    ("approval-by-trigger", {"name": "Tom"}, "Alice Martin started the run"),
    ("approval-by-author", {"name": "dora"}, "Alice Martin wrote the DAG"),
    ("approval-answer-differs", {"chosen": ("Approve",)}, "another question"),
    ("approval-answer-differs", {"chosen": ()}, "another question"),
]


@pytest.mark.vector("approval-unattributed")
@pytest.mark.vector("person-account-shared")
@pytest.mark.vector("person-not-authorised")
@pytest.mark.vector("approval-by-author")
@pytest.mark.vector("approval-by-trigger")
@pytest.mark.vector("approval-answer-differs")
def test_answer_that_does_not_count(world, sealed, refuses) -> None:
    question = asked(sealed)
    for code, other, saying in REFUSED:
        place = f"account {other['account']}" if code.startswith("person") else "…"
        with refuses(at=place, saying=saying, code=code):
            sealed.take_answer(question, answer(world, question, **other))
        assert not sealed.story.has("approved")
    with pytest.raises(Refused, match="approval-missing"):
        sealed.deliver(world.landing())
    assert not sealed.story.has("stopped")
    assert sealed.take_answer(question, answer(world, question)) is True


@pytest.mark.vector("approval-not-assigned")
def test_answer_of_somebody_who_was_not_asked(world, sealed, refuses) -> None:
    question = dataclasses.replace(asked(sealed), assigned=(("bruno", "Bruno Petit"),))
    with refuses(at="…", saying="Alice Martin was not asked"):
        sealed.take_answer(question, answer(world, question))


@pytest.mark.vector("approval-answer-differs")
def test_answer_of_an_earlier_try_does_not_fit(world, sealed, refuses) -> None:
    earlier = answer(world, asked(sealed))
    world.clock.advance(minutes=1)
    with refuses(at="…", saying="was given before it was asked"):
        sealed.take_answer(asked(sealed), earlier)


@pytest.mark.vector("approval-answer-differs")
def test_answer_of_another_run_does_not_fit(world, sealed, up_to, refuses) -> None:
    strangers = asked(up_to(world, "seal", run="durand-other", edit=four_eyes))
    question = asked(sealed)
    with refuses(at="…", saying="another question, of another run"):
        sealed.take_answer(question, answer(world, strangers))


@pytest.mark.vector("approval-by-author")
def test_answer_of_who_became_the_dags_author_while_it_waited(world, sealed, refuses) -> None:
    question, now = asked(sealed), Origin(authors=("alice",), trigger="tom")
    with refuses(at="…", saying="Alice Martin wrote the DAG"):
        sealed.take_answer(question, answer(world, question), now)
    given = answer(world, question, account="bruno", name="bruno")
    assert sealed.take_answer(question, given, now) is True


IMPOSSIBLE = [
    ("approval-impossible", Origin(("alice",), "bruno"), "wrote this DAG or started this run"),
    ("approval-impossible", Origin((ALICE["email"], "x"), BRUNO["name"]), "everybody who may"),
    # Written with wide letters, and with more spaces and capitals.
    (
        "approval-impossible",
        Origin(("\uff41lice",), "  BRUNO "),
        "wrote this DAG or started this run",
    ),
    # With an accent that composes otherwise, and with a letter that does not show.
    ("approval-impossible", Origin(("a\u0301lice",), "br\u200buno"), "wrote this DAG or started"),
    ("approval-author-unknown", Origin((), "tom"), "does not name a person as its owner"),
    ("approval-author-unknown", Origin(("airflow",), "tom"), "does not name a person"),
    ("approval-author-unknown", Origin(("dora", "night-shift"), "tom"), "does not name a person"),
    ("approval-trigger-unknown", Origin(("dora",), None), "nobody is named"),
    ("approval-trigger-unknown", Origin(("dora",), "admin", unattended=True), "(admin)"),
    ("approval-trigger-unknown", Origin(("dora",), "Night-Shift"), "(Night-Shift)"),
]


@pytest.mark.vector("approval-impossible")
@pytest.mark.vector("approval-author-unknown")
@pytest.mark.vector("approval-trigger-unknown")
def test_runs_that_nobody_could_approve_are_not_planned(world, refuses, judge) -> None:
    run = world.open_run(edit=four_eyes)
    for code, origin, saying in IMPOSSIBLE:
        with refuses(at="instruction durand-2026", saying=saying, code=code):
            run.plan(world.source(), world.landing(), judge, origin)
    assert not run.story.has("planned")
    assert run.plan(world.source(), world.landing(), judge, Origin(("dora",), None, True))


def test_who_is_left_to_approve(world) -> None:
    terms = world.open_run(edit=four_eyes).instruction().terms
    names = [person.name for person in approvers(terms, Origin(("dora",), "Bruno"))]
    assert names == ["Alice Martin"]


@pytest.mark.vector("approval-other-manifest")
@pytest.mark.parametrize("field", ["manifest", "instruction", "question"])
def test_approval_of_something_else_is_none(world, sealed, refuses, field) -> None:
    question = asked(sealed)
    sealed.record("approved", approval(sealed, question) | {field: "another"})
    with refuses(at="run durand-test", saying="is not what would be delivered"):
        sealed.deliver(world.landing())


@pytest.mark.vector("approval-other-manifest")
def test_approval_of_another_run_is_none(world, sealed, up_to, refuses) -> None:
    other = up_to(world, "seal", run="durand-other", edit=four_eyes)
    approved(world, other)
    for kind in ("asked", "approved"):
        sealed.record(kind, other.story.last(kind))
    with refuses(at="run durand-test", saying="is not what would be delivered"):
        sealed.deliver(world.landing())


FORGED = [
    ("approval-by-author", {}, Origin(("alice",), "tom")),
    ("approval-by-trigger", {}, Origin(("dora",), "alice")),
    ("person-account-shared", {"account": "night-shift"}, ORIGIN),
    ("act-not-allowed", {"account": "camille"}, ORIGIN),
    ("approval-not-assigned", {"via": "command-line"}, ORIGIN),
]


@pytest.mark.parametrize(("code", "other", "origin"), FORGED)
def test_recorded_approval_is_judged_again_when_it_is_used(
    world, up_to, refuses, code, other, origin
) -> None:
    def edit(fields: dict[str, Any]) -> None:
        four_eyes(fields)
        fields["contacts"]["authorised"][-1]["account"] = "camille"

    run = up_to(world, "seal", edit=edit)
    question = dataclasses.replace(asked(run), authors=origin.authors, trigger=origin.trigger)
    run.record("asked", question.as_json())
    run.record("approved", approval(run, question, **other))
    with pytest.raises(Refused) as caught:
        run.deliver(world.landing())
    assert caught.value.code == code


def test_approval_recorded_for_after_the_time_does_not_count(world, sealed) -> None:
    sealed.record("approved", approval(sealed, asked(sealed)))
    with pytest.raises(Refused, match="approval-timed-out"):
        sealed.deliver(world.landing())
