"""`remit breach`: the draft of a notice, from the evidence of real runs, a lost key or an alert."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from remit import canonical, signing
from remit.breach import draft_of_alert, draft_of_key, draft_of_runs, markdown
from remit.breach.exposed import WHATS
from remit.breach.notice import TO_COMPLETE
from remit.breach.words import COMPLETE, CONSEQUENCES, PLACES, TIMES
from remit.cli import main
from remit.custody import Run
from remit.errors import Refused
from remit.evidence import Ledger
from remit.instruction import PAYLOAD_TYPE, Category, read_signed
from remit.instruction.plain_language import Language
from remit.ports import Rule, Verdict
from remit.testing.world import World
from remit.wiring import open_ledger

ENGLISH, FRENCH = Language.ENGLISH, Language.FRENCH
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


class RowCounter:
    """Judges the number of rows alone: validation is not the subject here."""

    engine = "a test's judge, of row counts"

    def check(self, rules: list[Rule]) -> None:
        """Every rule will do."""

    def judge(self, extract: Any, rules: list[Rule], others: Any = None) -> list[Verdict]:
        rows = extract.count_rows()
        return [Verdict(r.id, r.type, (), r.kwargs.get("value", rows) == rows) for r in rules]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, laboratory_file: Path) -> World:
    """One run that is deleted, one of another controller that is delivered and open, one only staged."""
    root = tmp_path_factory.mktemp("breach")
    (root / "lis.sqlite").write_bytes(laboratory_file.read_bytes())
    made = World(root)
    registry = signing.new_key("recipient", root / "registry.pem")

    def edit(fields: dict[str, Any]) -> None:
        more = {"legal_name": "Registre", "country": "FR", "categories": ["administrative"]}
        fields["recipients"].append({"name": "registry", "key": str(registry), **more})

    done = made.open_run("durand-done", edit)
    made.deliver(done, RowCounter())
    made.ingest(done)
    assert done.confirm(made.landing()) is True
    assert done.delete(made.landing) is True
    open_run = made.open_run("durand-open", edit)
    made.deliver(open_run, RowCounter())
    staged = made.open_run("durand-staged", edit)
    for name, step in made.steps(staged, RowCounter()).items():
        if name in ("plan", "extract"):
            step()
    log = made.deployment().log
    log.append("register:alerts", "alerted", alert("1" * 16, "durand-open"), "test", step=None)
    log.append("register:alerts", "alerted", alert("2" * 16, None), "test", step=None)
    return made


def alert(name: str, run: str | None) -> dict[str, Any]:
    said = "Acted from an address that is not expected: <script>*198.51.100.7*"
    return {"alert": name, "kind": "unexpected-address", "run": run, "message": said}


@pytest.fixture
def ledger(world: World) -> Ledger:
    return open_ledger(world.settings)


def rows_of(world: World, run: str) -> dict[str, int]:
    [extracted] = [r for r in world.deployment().log.records(run) if r.kind == "extracted"]
    return {file["table"]: file["rows"] for file in extracted.data["files"]}


def record(world: World, run: str, kind: str) -> Any:
    return next(r for r in world.deployment().log.records(run) if r.kind == kind)


# --- what the draft holds -------------------------------------------------------------------------


def test_how_many_which_categories_and_since_when(world: World, ledger: Ledger) -> None:
    [notice] = draft_of_runs(ledger, ["durand-open"], NOW)
    fields, rows = notice.as_json(), rows_of(world, "durand-open")

    assert fields["controller"] == {"name": "durand", "legal_name": "Laboratoires Durand SELAS"}
    assert fields["records"] == fields["persons_at_most"] == sum(rows.values())
    assert fields["categories"] == ["health", "administrative", "technical"]
    assert fields["special_categories"] == ["health"]
    [run] = fields["runs"]
    assert {table["table"]: table["rows"] for table in run["tables"]} == rows
    assert [time["what"] for time in run["times"]] == [
        "opened", "extracted", "sealed", "sending", "delivered",
    ]  # fmt: skip
    assert run["times"][1]["at"] == record(world, "durand-open", "extracted").at
    assert [(p["place"], p["until"]) for p in run["places"]] == [
        ("staging", None),
        ("landing", None),
    ]
    assert run["measures"]["deletion_due"] == record(world, "durand-open", "obliged").data["due"]
    text = markdown(notice, ENGLISH)
    assert "COPIES ARE STILL HERE" in text
    assert f"rows of at most {sum(rows.values()):,} persons" in text
    assert "health data (special category, Art. 9)" in text


def test_deleted_run_has_its_certificate_and_ends(world: World, ledger: Ledger) -> None:
    [notice] = draft_of_runs(ledger, ["durand-done"], NOW)
    measures = notice.as_json()["runs"][0]["measures"]
    certificate = record(world, "durand-done", "deleted").data["certificate"]

    assert measures["certificate"] == canonical.sha256(certificate.encode())
    assert measures["deleted_at"] == record(world, "durand-done", "deleted").at
    assert measures["certificate"] in markdown(notice, FRENCH)
    places = {place["place"]: place["until"] for place in notice.as_json()["runs"][0]["places"]}
    assert places == {
        "staging": measures["deleted_at"], "landing": measures["deleted_at"], "target": None,
    }  # fmt: skip


def test_of_a_run_that_is_only_staged_the_staging_key_opens_all(ledger: Ledger) -> None:
    [notice] = draft_of_runs(ledger, ["durand-staged"], NOW)

    assert notice.as_json()["runs"][0]["measures"]["staging_key_destroyed_at"] is None
    assert "is NOT destroyed" in markdown(notice, ENGLISH)
    assert "n'est PAS détruite" in markdown(notice, FRENCH)


def test_a_lost_key_opens_its_categories_alone(world: World, ledger: Ledger) -> None:
    key = signing.load_public(world.root / "registry.pem.pub").key_id
    [notice] = draft_of_key(ledger, key, NOW)
    fields = notice.as_json()

    assert fields["categories"] == ["administrative"]
    assert fields["special_categories"] == []
    assert [run["run"] for run in fields["runs"]] == ["durand-done", "durand-open", "durand-staged"]
    assert fields["runs"][0]["tables"][0]["columns"] == ["patient_id", "site_code"]
    assert "value_numeric" not in markdown(notice, ENGLISH)


def test_a_lost_signing_key_has_no_notice_if_it_opens_nothing(world: World, ledger: Ledger) -> None:
    key = signing.load_public(world.root / "target/receipts.pem.pub").key_id

    assert draft_of_key(ledger, key, NOW) == []


def test_joint_controllers_have_a_notice_each(make_world: Any) -> None:
    world = make_world("joint")

    def edit(fields: dict[str, Any]) -> None:
        contact = {"name": "Zoé Petit", "email": "zoe.petit@parc.example"}
        other = {"name": "durand", "legal_name": "Clinique du Parc", "contact": contact}
        fields["joint_controllers"] = [other | {"name": "parc"}]
        fields["contacts"]["breach_within"] = "PT6H"

    trusted = world.settings.include / "controllers" / "parc" / "keys"
    trusted.mkdir(parents=True)
    signing.new_key("signing", world.root / "parc.pem")
    (world.root / "parc.pem.pub").rename(trusted / "parc.pub")
    file = world.instruct(edit)
    parc = signing.load_signer(str(world.root / "parc.pem"))
    envelope = signing.sign(file.read_bytes(), PAYLOAD_TYPE, parc, onto=read_signed(file))
    run = Run("joint-run", world.deployment(), "test")
    run.open(envelope, world.source().label, str(world.landing_path))
    notices = draft_of_runs(open_ledger(world.settings), [run.id], NOW, NOW)

    assert [notice.controller for notice in notices] == ["durand", "parc"]
    assert notices[1].legal_name == "Clinique du Parc"
    assert "DRAFT: notice of a personal data breach to Clinique du Parc" in markdown(
        notices[1], ENGLISH
    )
    assert notices[0].as_json()["tell_by"] == "2026-03-01T18:00:00Z"
    assert notices[0].rows == 0


# --- what a person completes ----------------------------------------------------------------------


@pytest.mark.parametrize("language", list(Language))
def test_places_to_complete_are_marked_and_listed(ledger: Ledger, language: Language) -> None:
    [notice] = draft_of_runs(ledger, ["durand-open"], NOW)
    text = markdown(notice, language)
    mark = {ENGLISH: "TO COMPLETE", FRENCH: "À COMPLÉTER"}[language]
    assert "\ufffd" not in text
    body, listed = text.split({ENGLISH: "## To complete", FRENCH: "## À compléter"}[language])

    marked = re.findall(rf"\*\*\[{mark} (\d+): (.+?)\]\*\*", body)
    assert [f"{number}. {what}" for number, what in marked] == listed.split("\n\n")[
        1
    ].strip().split("\n")
    assert sorted(notice.to_complete()) == sorted(TO_COMPLETE)
    assert len(marked) == len(TO_COMPLETE) == len(COMPLETE)


def test_with_the_time_of_awareness_the_deadline_is_told(ledger: Ledger) -> None:
    [notice] = draft_of_runs(ledger, ["durand-open"], NOW, aware=NOW)
    text = markdown(notice, FRENCH)

    assert notice.as_json()["tell_by"] == "2026-03-02T12:00:00Z"
    assert "au plus tard le 2026-03-02T12:00:00Z" in text
    assert "72 heures" in text
    assert "aware" not in notice.to_complete()


def test_words_are_there_for_everything_in_both_languages() -> None:
    assert set(WHATS.values()) == TIMES.keys()
    assert set(TO_COMPLETE) == COMPLETE.keys()
    assert set(Category) - {Category.TECHNICAL} == CONSEQUENCES.keys()
    for words in (TIMES, COMPLETE, CONSEQUENCES, PLACES):
        assert all(len(both) == 2 and both[0] != both[1] for both in words.values())


# --- alerts, hostile texts, and what never is in it -----------------------------------------------


def test_an_alert_leads_to_its_run_and_its_words_are_no_markup(ledger: Ledger) -> None:
    [notice] = draft_of_alert(ledger, "1" * 16, NOW)
    text = markdown(notice, ENGLISH)

    assert notice.runs[0].run == "durand-open"
    assert r"\<script\>\*198.51.100.7\*" in text
    assert "<script>" not in text


@pytest.mark.parametrize(
    ("name", "code"), [("2" * 16, "alert-without-run"), ("3" * 16, "alert-unknown")]
)
def test_alerts_that_lead_nowhere(ledger: Ledger, name: str, code: str) -> None:
    with pytest.raises(Refused) as caught:
        draft_of_alert(ledger, name, NOW)
    assert caught.value.code == code


@pytest.mark.parametrize("run", ["unknown", "register:alerts"])
def test_unknown_runs_are_refused(ledger: Ledger, run: str) -> None:
    with pytest.raises(Refused) as caught:
        draft_of_runs(ledger, [run], NOW)
    assert caught.value.code == "run-unknown"


def test_command_prints_both_forms_and_no_value_of_a_patient(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in world.environment.items():
        monkeypatch.setenv(name, value)
    key = str(world.root / "registry.pem.pub")
    told = ""
    for arguments in (["durand-done"], ["--key", key], ["--alert", "1" * 16]):
        for language in ("en", "fr"):
            assert main(["breach", *arguments, "--language", language]) == 0
            told += capsys.readouterr().out
        assert main(["breach", *arguments, "--format", "json"]) == 0
        printed = capsys.readouterr().out
        assert json.loads(printed)["notices"][0]["draft"] is True
        told += printed
    with closing(sqlite3.connect(world.root / "lis.sqlite")) as database:
        patients = {str(row[0]) for row in database.execute("SELECT patient_id FROM results")}
    assert patients.isdisjoint(re.findall(r"[\w-]+", told))
    assert main(["breach", "unknown"]) == 3
    assert main(["breach", "durand-done", "--aware", "2126-01-01T00:00:00Z"]) == 2
    assert main(["breach", "durand-done", "--since", "2026-01-01T00:00:00Z"]) == 2
    with pytest.raises(SystemExit):
        main(["breach"])
