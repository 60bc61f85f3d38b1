"""Every outcome of docs/confirmation.md: what is recorded of it, how often, and what it does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from remit.bundle import make_bundle, verify_bundle
from remit.custody import Run, Watch
from remit.errors import Refused, Unavailable
from remit.narrative import tell
from remit.people import Identity
from remit.ports import Judge, Rule, Verdict
from remit.testing.answers import AUDIT, RECOUNT, SUBMIT, Answers, taking
from remit.testing.controller import Edit
from remit.testing.fhir_server import SimulatedFhirServer
from remit.testing.world import World, by


class Agreeable:
    engine = "a test's judge, of nothing"

    def check(self, rules: list[Rule]) -> None:
        """Every rule will do."""

    def judge(self, extract: Any, rules: list[Rule], others: Any = None) -> list[Verdict]:
        return [Verdict(rule.id, rule.type, (), success=True) for rule in rules]


def no_rules(fields: dict[str, Any]) -> None:
    fields["expectations"] = []


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, laboratory_file: Path) -> World:
    root = tmp_path_factory.mktemp("confirmation")
    (root / "lis.sqlite").write_bytes(laboratory_file.read_bytes())
    return World(root)


Delivered = Callable[..., Answers]


@pytest.fixture
def delivered(world: World, request: pytest.FixtureRequest) -> Iterator[Delivered]:
    """Delivers a run of the test's own, under an instruction of its own."""
    name = f"r{abs(hash(request.node.nodeid)):x}"

    def go(edit: Edit = lambda _: None) -> Answers:
        def whole(fields: dict[str, Any]) -> None:
            edit(fields)
            fields["id"] = name
            no_rules(fields)

        run = world.open_run(name, whole)
        judge: Judge = Agreeable()
        world.deliver(run, judge)
        return Answers(world, run)

    yield go
    (world.root / "audit.sqlite").unlink(missing_ok=True)


def outcomes(run: Run) -> list[str]:
    return [record.data["outcome"] for record in run.story.records if record.kind == "answered"]


def told(run: Run) -> str:
    return "\n".join(line for record in run.story.records for line in tell(record))


def refuse(answers: Answers, code: str) -> None:
    with pytest.raises(Refused) as caught:
        answers.run.confirm(answers.world.landing())
    assert caught.value.code == code


def copies(answers: Answers) -> list[str]:
    return [file.path for file in answers.world.landing().list(answers.run.id)]


# --- receipts -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("status", "outcome"), [("rejected", "negative"), ("partial", "partial")])
def test_negative_and_partial_are_recorded_once_and_a_corrected_one_confirms(
    delivered: Delivered, status: str, outcome: str
) -> None:
    answers = delivered()
    fields, run = answers.true(), answers.run
    answers.put(answers.signed(fields, status=status))

    refuse(answers, "receipt-negative")
    before = len(run.story.records)
    refuse(answers, "receipt-negative")

    assert len(run.story.records) == before
    assert outcomes(run) == [outcome]
    assert "kept until their maximum age" in told(run)
    assert "rows, as it says" in told(run).lower()
    obligation = run.story.obligation()
    assert obligation is not None
    assert obligation.reason == "maximum age without confirmation"
    assert len(copies(answers)) > 2

    answers.put(answers.signed(fields, seconds=1))
    assert run.confirm(answers.world.landing()) is True
    assert run.story.last("confirmed")["level"] == "L3"


def test_receipt_after_the_maximum_age_but_before_the_deletion_confirms(
    delivered: Delivered, world: World
) -> None:
    answers = delivered()
    answers.put(answers.signed(answers.true()))
    world.clock.advance(days=8)
    try:
        assert answers.run.confirm(world.landing()) is True
    finally:
        world.clock.advance(days=-8)
    assert answers.run.story.last("confirmed")["late"] is True
    assert "after the maximum age, before the deletion" in told(answers.run)


def test_receipt_that_nobody_looked_at_is_taken_in_before_the_deletion(
    delivered: Delivered, world: World
) -> None:
    answers = delivered()
    answers.put(answers.signed(answers.true()))
    world.clock.advance(days=8)
    try:
        assert answers.run.delete(world.landing) is True
    finally:
        world.clock.advance(days=-8)
    kinds = [record.kind for record in answers.run.story.records]
    assert kinds.index("confirmed") < kinds.index("deleted")


def test_negative_receipt_does_not_keep_the_copies_beyond_the_maximum_age(
    delivered: Delivered, world: World
) -> None:
    answers = delivered()
    answers.put(answers.signed(answers.true(), status="rejected"))
    world.clock.advance(days=8)
    try:
        assert answers.run.delete(world.landing) is True
    finally:
        world.clock.advance(days=-8)
    assert outcomes(answers.run) == ["negative"]
    assert copies(answers) == [f"{answers.run.id}/receipt.dsse.json"]
    assert not answers.run.story.has("confirmed")


def test_receipt_after_the_deletion_is_recorded_and_changes_nothing(
    delivered: Delivered, world: World
) -> None:
    answers = delivered()
    fields = answers.true()
    world.clock.advance(days=8)
    try:
        answers.run.delete(world.landing)
        answers.put(answers.signed(fields))
        refuse(answers, "receipt-late")
        refuse(answers, "receipt-late")
    finally:
        world.clock.advance(days=-8)
    assert outcomes(answers.run) == ["late"]
    assert not answers.run.story.has("confirmed")
    obligation = answers.run.story.obligation()
    assert obligation is not None
    assert obligation.done


def test_the_very_same_receipt_again_is_nothing_new(delivered: Delivered, world: World) -> None:
    answers = delivered()
    envelope = answers.signed(answers.true())
    answers.put(envelope)
    assert answers.run.confirm(world.landing()) is True
    world.deployment().inbox.keep(answers.run.id, envelope)
    before = len(answers.run.story.records)

    assert answers.run.confirm(world.landing()) is False
    assert len(answers.run.story.records) == before


def test_second_receipt_that_agrees_is_a_duplicate(delivered: Delivered, world: World) -> None:
    answers = delivered()
    fields = answers.true()
    answers.put(answers.signed(fields))
    answers.run.confirm(world.landing())
    answers.put(answers.signed(fields, seconds=1))

    assert answers.run.confirm(world.landing()) is False
    assert answers.run.confirm(world.landing()) is False
    assert outcomes(answers.run) == ["duplicate"]
    assert "changes nothing" in told(answers.run)


@pytest.mark.parametrize("status", ["rejected", "partial"])
def test_contradiction_after_acceptance_is_recorded_and_undoes_nothing(
    delivered: Delivered, world: World, status: str
) -> None:
    answers = delivered()
    fields = answers.true()
    answers.put(answers.signed(fields))
    answers.run.confirm(world.landing())
    due = answers.run.story.last("confirmed")["due"]
    answers.put(answers.signed(fields, seconds=1, status=status))

    refuse(answers, "receipt-contradicts")
    refuse(answers, "receipt-contradicts")
    assert outcomes(answers.run) == ["contradictory"]
    assert answers.run.story.last("confirmed")["due"] == due
    assert answers.run.delete(world.landing) is True


def test_contradiction_that_comes_before_the_deletion_is_met_by_it(
    delivered: Delivered, world: World
) -> None:
    answers = delivered()
    fields = answers.true()
    answers.put(answers.signed(fields))
    answers.run.confirm(world.landing())
    world.deployment().inbox.keep(answers.run.id, answers.signed(fields, status="rejected"))

    assert answers.run.delete(world.landing) is True
    assert outcomes(answers.run) == ["contradictory"]


@pytest.mark.parametrize(
    ("change", "outcome"),
    [
        ({"run": "another-run"}, "other-run"),
        ({"nonce": "0" * 64}, "replayed"),
        ({"level": "L2"}, "lower-level"),
        ({"target": "somebody"}, "unreconciled"),
    ],
)
def test_receipt_of_something_else(delivered: Delivered, change: Any, outcome: str) -> None:
    answers = delivered()
    answers.put(answers.signed(answers.true(), **change))
    for _ in range(2):
        with pytest.raises(Refused):
            answers.run.confirm(answers.world.landing())

    assert outcomes(answers.run) == [outcome]
    assert not answers.run.story.has("confirmed")


def test_what_is_not_the_targets_is_recorded_without_its_text(delivered: Delivered) -> None:
    answers = delivered()
    answers.put(b"Mme Dupont")
    refuse(answers, "envelope-malformed")

    assert outcomes(answers.run) == ["unverified"]
    assert not any("Dupont" in str(record.data) for record in answers.run.story.records)


def test_of_several_receipts_the_one_signed_last_decides(
    delivered: Delivered, world: World
) -> None:
    answers = delivered()
    fields, inbox = answers.true(), world.deployment().inbox
    answers.put(answers.signed(fields))
    inbox.keep(answers.run.id, answers.signed(fields, seconds=1, status="rejected"))
    refuse(answers, "receipt-negative")
    assert inbox.of(answers.run.id) == []

    inbox.keep(answers.run.id, answers.signed(fields, seconds=2))
    assert answers.run.confirm(world.landing()) is True


# --- other ways -----------------------------------------------------------------------------------


def test_table_of_loads_with_our_own_count(delivered: Delivered, world: World) -> None:
    answers = delivered(taking("L2", "audit_table", audit_table={**AUDIT, "recount": RECOUNT}))
    answers.load("loading")
    run, systems = answers.run, answers.systems()
    watch = Watch(run.id, run.instruction().terms.confirmation, ["audit_table"], ["results"])
    inbox = world.deployment().inbox
    assert not watch.is_answered(world.landing(), inbox, systems)
    assert run.confirm(world.landing(), systems) is None
    answers.load()

    assert watch.is_answered(world.landing(), inbox, systems)
    assert run.confirm(world.landing(), systems) is True
    confirmed = run.story.last("confirmed")
    assert (confirmed["way"], confirmed["level"]) == ("audit_table", "L2")
    assert confirmed["said"]["counted"] == confirmed["said"]["loaded"]
    assert "not signed by the target" in told(run)
    bundle = make_bundle(world.deployment().log.ledger, run.id, signer=None)
    findings = verify_bundle(bundle, world.settings.trust())
    assert "that the target said so: audit_table is not signed" in findings.open_questions()


def test_table_of_loads_that_failed_and_then_was_loaded(delivered: Delivered, world: World) -> None:
    answers = delivered(taking("L2", "audit_table", audit_table={**AUDIT, "recount": RECOUNT}))
    answers.load("failed")
    for _ in range(2):
        with pytest.raises(Refused, match="audit-table-failed"):
            answers.run.confirm(world.landing(), answers.systems())
    assert outcomes(answers.run) == ["negative"]

    answers.load()
    assert answers.run.confirm(world.landing(), answers.systems()) is True


def test_submission_to_a_fhir_server(delivered: Delivered, world: World, tmp_path: Path) -> None:
    answers = delivered(taking("L2", "bulk_submit", bulk_submit=SUBMIT))
    run = answers.run
    with SimulatedFhirServer(tls=tmp_path) as server:
        address = server.base.replace("https://", f"https://:{server.token}@")
        systems = answers.systems(f"{address}?ca={tmp_path / 'ca.pem'}")
        assert run.confirm(world.landing(), systems) is None
        server.at_work.add(run.id)
        assert run.confirm(world.landing(), systems) is None
        server.end(run.id, information=3, warning=1)
        with pytest.raises(Unavailable, match="no connection"):  # the system does not trust it
            run.confirm(world.landing(), answers.systems(address))
        assert run.confirm(world.landing(), systems) is True
        assert server.asked[-1] == f"GET /fhir/status/{run.id}"
        assert all(server.token not in str(record.data) for record in run.story.records)
    assert run.story.last("confirmed")["level"] == "L2"
    assert run.story.last("confirmed")["said"]["issues"]["warning"] == 1


def test_control_file_counts_once_a_named_person_stands_for_it(
    delivered: Delivered, world: World
) -> None:
    answers = delivered(taking("L1", "control_file"))
    run, inbox = answers.run, world.deployment().inbox
    assert run.confirm(world.landing(), by=by("Camille Moreau")) is None
    answers.control()

    assert run.confirm(world.landing()) is None
    before = len(run.story.records)
    assert run.confirm(world.landing()) is None
    assert len(run.story.records) == before
    assert outcomes(run) == ["unsigned"]
    assert not inbox.exists(run.id)
    with pytest.raises(Refused, match="person-not-authorised"):
        run.confirm(world.landing(), by=by("Somebody Else"))

    assert run.confirm(world.landing(), by=by("camille.moreau@migrations.example")) is True
    confirmed = run.story.last("confirmed")
    assert (confirmed["level"], confirmed["said"]["signed"]) == ("L1", False)
    assert confirmed["principal"] == "Camille Moreau"
    assert confirmed["identity"]["via"] == "command-line"
    assert inbox.exists(run.id)  # whoever waits is woken
    world.clock.advance(seconds=1)
    assert run.delete(world.landing) is True
    assert copies(answers) == [f"{run.id}/control.txt"]


CAMILLE = "camille.moreau@migrations.example"


def by_login(fields: dict[str, Any]) -> None:
    """Camille acts by an account, and the target writes control files."""
    taking("L1", "control_file")(fields)
    fields["contacts"]["authorised"] = [
        {"name": "Camille Moreau", "email": CAMILLE, "account": "camille"}
    ]


LOGIN = Identity("camille", "airflow", "192.0.2.7")


def found_by(answers: Answers) -> str:
    """The digest of the control file that the step found last."""
    assert answers.run.confirm(answers.world.landing()) is None
    return str(answers.run.story.last("answered")["digest"])


def test_word_of_a_person_confirms_at_the_next_look(delivered: Delivered, world: World) -> None:
    answers = delivered(by_login)
    run, inbox = answers.run, world.deployment().inbox
    answers.control()
    digest = found_by(answers)
    assert run.awaits_person()

    run.stand_for(LOGIN, digest)

    assert not run.story.has("confirmed")
    assert not run.awaits_person()
    assert inbox.exists(run.id)  # whoever waits is woken
    assert run.confirm(world.landing()) is True
    confirmed = run.story.last("confirmed")
    assert (confirmed["level"], confirmed["principal"]) == ("L1", "Camille Moreau")
    assert confirmed["identity"]["account"] == "camille"
    with pytest.raises(Refused, match="control-file-not-found"):
        run.stand_for(LOGIN, digest)


def test_word_on_a_file_does_not_count_for_another(delivered: Delivered, world: World) -> None:
    answers = delivered(by_login)
    answers.control()
    answers.run.stand_for(LOGIN, found_by(answers))
    path = answers.place.with_name("control.txt")
    path.write_text(path.read_text() + "\n")

    other = found_by(answers)

    assert answers.run.awaits_person()
    assert not answers.run.story.has("confirmed")
    answers.run.stand_for(LOGIN, other)
    assert answers.run.confirm(world.landing()) is True


def test_recorded_word_of_who_may_not_confirms_nothing(delivered: Delivered, world: World) -> None:
    answers = delivered(by_login)
    answers.control()
    digest, run = found_by(answers), answers.run
    forged = {"name": "Camille Moreau", "email": CAMILLE, "account": "mallory", "via": "airflow"}
    said = {"digest": digest, "person": "Camille Moreau", "identity": forged | {"address": None}}
    run.record("vouched", {"way": "control_file"} | said)

    with pytest.raises(Refused, match="person-not-authorised"):
        run.confirm(world.landing())

    assert not run.story.has("confirmed")


def test_way_that_is_not_instructed_confirms_nothing(delivered: Delivered, world: World) -> None:
    answers = delivered()
    answers.control()
    answers.load()

    assert answers.run.confirm(world.landing(), answers.systems()) is None
