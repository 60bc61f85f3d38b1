"""Every kind of record has its heading and its sentences, made of what it holds, in both languages."""

from __future__ import annotations

import ast
import copy
import re
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from remit.errors import Refused
from remit.evidence import Record
from remit.narrative import KINDS, Language, severity, tell, title, warns, what_next
from remit.narrative.delivery import OUTCOMES
from remit.narrative.words import step
from remit.plan.words import FRENCH
from remit.ports import Rule, Verdict
from remit.testing.world import World, by

ORPHAN = {
    "place": "/staging",
    "name": "durand-x",
    "why": "deleted",
    "files": 2,
    "size": 9,
    "oldest": None,
}

ROOT = Path(__file__).resolve().parents[2]
REFUSAL = {"code": "x-y", "where": "results.a", "message": "It is so.", "way_out": "Do that."}
VERDICT = {
    "rule": "unit-present", "type": "expect_x", "columns": ["unit"], "success": False,
    "error": False, "unexpected": 2, "elements": 9,
}  # fmt: skip
REPORT = {
    "report": {
        "engine": "a judge 1.0",
        "tables": [
            {"table": "results", "rows": 9, "passed": 4, "failed": 1, "verdicts": [VERDICT]}
        ],
    }
}
ALICE = {"name": "Alice Martin", "account": "alice", "via": "airflow"}
ANSWERED = {
    "manifest": "sha256:" + "ab" * 32,
    "answered_at": "2026-01-08T00:00:00Z",
    "identity": ALICE,
}
MADE_UP = {
    "divided": (
        {"pieces": [{}, {}, {}], "rows": {"results": 2_500_000, "patients": 12}},
        ["3 pieces, read from one state", "results 2,500,000 rows, patients 12 rows"],
    ),
    "piece": (
        {"number": 2, "file": {"name": "results-part-0002.parquet", "rows": 7, "size": 900}},
        ["Piece 2, results-part-0002.parquet: 7 rows, 900 bytes."],
    ),
    "invalid": (REPORT, ["unit-present (expect_x on unit) does not hold on 2 of 9 rows."]),
    "refused": ({"step": "plan", "refusal": REFUSAL}, ["At plan: x-y at results.a", "Do that."]),
    "interrupted": (
        {"step": "extract", "where": "sqlite", "why": "no such file"},
        ["At extract: sqlite: no such file"],
    ),
    "dump-kept": (
        {"until": "2026-01-08T00:00:00Z"},
        ["the dump", "on 8 January 2026, 00:00 (UTC)"],
    ),
    "stopped": (
        {"step": "seal", "reason": "stopped at seal"},
        ["stopped at seal", "staging key is destroyed"],
    ),
    "rotated": (
        {"old": "ed25519:AA", "new": "ed25519:BB", "endorsement": "{}"},
        ["ed25519:BB follows ed25519:AA", "signed with it"],
    ),
    "asked": (
        {
            "manifest": "sha256:" + "ab" * 32,
            "until": "2026-01-08T00:00:00Z",
            "assigned": [
                {"account": "alice", "name": "Alice Martin"},
                {"account": "bruno", "name": "Bruno Petit"},
            ],
            "authors": ["dora"],
            "trigger": "tom",
        },
        [
            "“Alice Martin” (alice) or “Bruno Petit” (bruno) can approve manifest sha256:abab",
            "until 8 January 2026, 00:00 (UTC)",
            "the author of the DAG, as the DAG says: dora.",
            "who started the run: tom.",
        ],
    ),
    "approved": (
        ANSWERED,
        ["“Alice Martin” (alice) approved the delivery of manifest sha256:abab"],
    ),
    "disapproved": (
        ANSWERED,
        ["“Alice Martin” (alice) forbade the delivery of manifest sha256:ab"],
    ),
    "vouched": (
        {"digest": "sha256:" + "ab" * 32, "person": "Alice Martin", "identity": ALICE},
        ["“Alice Martin” (alice) stands for control file sha256:abab", "if it is still the same"],
    ),
    "key-revoked": (
        {
            "key_id": "ab" * 32,
            "since": "2026-01-08T00:00:00Z",
            "person": "Camille Moreau",
            "reason": "A laptop was stolen.",
        },
        ["says “Camille Moreau”: “A laptop was stolen.”", "since 8 January 2026, 00:00 (UTC)"],
    ),
    "received": (
        {
            "instruction": {"id": "durand-2026", "version": 2, "digest": "sha256:ab"},
            "controllers": ["durand", "martin"],
            "valid": {"from": "2026-01-01T00:00:00Z", "until": "2027-01-01T00:00:00Z"},
            "supersedes": {"version": 1, "digest": "sha256:cd"},
        },
        [
            "durand-2026 version 2 of durand, martin",
            "until 1 January 2027, 00:00 (UTC)",
            "supersedes version 1",
        ],
    ),
    "revoked": (
        {
            "instruction": {"id": "durand-2026", "version": 2, "digest": "sha256:ab"},
            "controller": "durand",
            "reason": "The contract has ended.",
        },
        ["durand revoked instruction durand-2026 version 2: “The contract has ended.”", "stopped"],
    ),
    "answered": (
        {
            "way": "receipt",
            "outcome": "partial",
            "digest": "sha256:" + "ab" * 32,
            "rows": {"received": 9, "accepted": 7, "rejected": 2},
            "receipt": "{}",
        },
        ["took in a part", "kept until their maximum age", "9 received, 7 accepted, 2 rejected"],
    ),
    "undeleted": ({"why": "It is still there."}, ["It is still there.", "stays due"]),
    "released": (
        {"person": "Camille Moreau", "reason": "The audit is over."},
        ["“Camille Moreau” ended the hold", "“The audit is over.”"],
    ),
    "orphans": ({"found": [ORPHAN]}, ["/staging: durand-x, 2 files, 9 bytes, oldest unknown"]),
    "swept": (
        {"removed": [ORPHAN]},
        ["/staging: durand-x, 2 files", "(its run's copies are certified as deleted)"],
    ),
    "alerted": (
        {
            "alert": "0123456789abcdef",
            "kind": "deletion-overdue",
            "severity": "critical",
            "about": "run durand-x",
            "message": "It was due, and there is no certificate.",
            "way_out": "Execute it.",
            "chain": [{"name": "Odile Owner", "email": "o@m.example", "after": 0}],
        },
        ["severity critical: Copies are there that had to be deleted.", "“Odile Owner”"],
    ),
    "escalated": (
        {
            "alert": "0123456789abcdef",
            "tier": 1,
            "name": "Paul Petit",
            "told": False,
            "outcome": "smtp:mail: it does not answer.",
            "late": 61,
        },
        ["“Paul Petit” could NOT be told", "61 seconds after its time"],
    ),
    "acknowledged": (
        {
            "alert": "0123456789abcdef",
            "name": "Camille Moreau",
            "reason": "The vendor is asked.",
            "until": "2026-01-08T00:00:00Z",
        },
        ["“Camille Moreau” acknowledged", "“The vendor is asked.”", "rests until 8 January 2026"],
    ),
    "closed": (
        {"alert": "0123456789abcdef", "name": "Camille Moreau", "reason": "A new version came."},
        ["Alert 0123456789abcdef was closed by “Camille Moreau”: “A new version came.”"],
    ),
    "attempted": (
        {"account": "labo", "what": "hold", "why": "account-shared", "address": "203.0.113.9"},
        ["Account “labo” asked to “hold”, and was refused", "“203.0.113.9”"],
    ),
}
OF_A_RUN = {
    "opened": ["durand-2026 version 1", "controller durand", "Purpose: “Continuity of care"],
    "planned": [
        "results: ",
        "+ result_id       uuid           technical       kalisil",
        "not in the instruction: sample_id",
        "Withheld as a whole (4): patients",
        "at the latest 7 days after extraction begins",
    ],
    "unplanned": ["! landing-open at ", "not in the instruction: sample_id", "nothing leaves"],
    "obliged": ["at the latest", "staging is "],
    "extracted": ["results: ", "observation_history: ", "encrypted, sha256:"],
    "validated": ["Judged by a test's judge", "rules hold"],
    "sealing": ["exactly the instructed recipients"],
    "sealed": ["… destroyed and looked for again: gone"],
    "delivering": ["Sending to "],
    "delivered": ["Published whole at ", "manifest sha256:"],
    "held": ["by “Camille Moreau”: “an audit”", "by the account tester, not proven by a login"],
    "confirmed": ["by kalisil-import verified", "rows accepted", "due on "],
    "deleting": [
        "/landing/durand-test/results.parquet, ",
        "/staging/durand-test/results.parquet, ",
    ],
    "deleted": ["6 copies removed", "certificate"],
}


class Agreeable:
    engine = "a test's judge, of nothing"

    def check(self, rules: list[Rule]) -> None:
        """Every rule will do."""

    def judge(self, extract: Any, rules: list[Rule], others: Any = None) -> list[Verdict]:
        return [Verdict(rule.id, rule.type, (), success=True) for rule in rules]


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory, laboratory_file: Path) -> dict[str, Record]:
    """What a run records, by kind."""
    root = tmp_path_factory.mktemp("narrative")
    shutil.copyfile(laboratory_file, root / "lis.sqlite")
    world = World(root)
    world.landing_path.mkdir()
    world.landing_path.chmod(0o777)
    run = world.open_run()
    with pytest.raises(Refused):
        world.deliver(run, Agreeable())
    world.landing_path.chmod(0o750)
    world.deliver(run, Agreeable())
    run.hold(by("Camille Moreau"), "an audit", world.clock() + timedelta(minutes=1))
    world.ingest(run)
    run.confirm(world.landing())
    world.clock.advance(minutes=2)
    run.delete(world.landing)
    return {record.kind: record for record in run.story.records}


def record(kind: str, data: object = None) -> Record:
    return Record(0, "run-1", 0, kind, "2026-01-01T00:00:00Z", "me", data)


def of_kind(kind: str, records: dict[str, Record]) -> Record:
    return records[kind] if kind in OF_A_RUN else record(kind, MADE_UP[kind][0])


def kinds_in_the_source() -> set[str]:
    """The kinds in each call that records something."""
    found = set()
    places = {"record": 0, "_append": 0, "append": 1, "Fact": 1}
    for path in (ROOT / "plugins" / "remit").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call):
                called = getattr(node.func, "attr", getattr(node.func, "id", ""))
                given = node.args[places[called] :][:1] if called in places else []
                found |= {one.value for one in given if isinstance(one, ast.Constant)}
    return found


def steps_in_the_source() -> set[str]:
    """What custody names a step when it records what goes wrong."""
    pattern = r"(?:\.recorded|\.step|_refused)\(\s*\"([a-z-]+)\""
    files = (ROOT / "plugins" / "remit" / "custody").rglob("*.py")
    return {found for path in files for found in re.findall(pattern, path.read_text("utf-8"))}


def kinds_in_the_documentation() -> set[str]:
    """Those of the table in docs/formats.md."""
    text = (ROOT / "docs" / "formats.md").read_text("utf-8")
    table = text.partition("\n| kind | `data` |\n")[2].partition("\n\n")[0]
    return {
        kind for row in table.splitlines() for kind in re.findall(r"`([^`]+)`", row.split("|")[1])
    }


def test_every_kind_that_is_recorded_or_documented_is_told_here() -> None:
    assert kinds_in_the_source() <= set(KINDS)
    assert kinds_in_the_documentation() == set(KINDS) == {*OF_A_RUN, *MADE_UP}


@pytest.mark.parametrize("kind", OF_A_RUN)
def test_sentences_of_what_a_run_records(records, kind) -> None:
    told = tell(records[kind])

    for part in OF_A_RUN[kind]:
        assert part in "\n".join(told)
    assert all(sentence.strip() and "None" not in sentence for sentence in told)


@pytest.mark.parametrize("kind", MADE_UP)
def test_sentences_of_what_seldom_happens(kind) -> None:
    data, expected = MADE_UP[kind]

    for part in expected:
        assert part in "\n".join(tell(record(kind, data)))


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_a_heading_in_each_language(kind) -> None:
    english, french = (title(record(kind), language) for language in ("en", "fr"))

    assert len({kind, english, french}) == 3


def test_every_step_has_its_french() -> None:
    steps = steps_in_the_source()

    assert {"open", "plan", "extract", "deliver", "hold", "withdraw"} <= steps
    assert {name for name in steps if step(name, FRENCH) == name} == set()


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_told_in_each_language_with_as_many_sentences(records, kind) -> None:
    one = of_kind(kind, records)
    told = {language: tell(one, language) for language in Language}

    if kind not in ("planned", "unplanned"):  # their lines break where words allow it
        assert len(told["en"]) == len(told["fr"])
    assert all(sentence.strip() and "None" not in sentence for sentence in told["fr"])
    assert [warns(one) for one in told["en"]].count(True) == [
        warns(one, "fr") for one in told["fr"]
    ].count(True)


@pytest.mark.parametrize("kind", KINDS)
def test_no_english_is_left_in_french_but_what_is_quoted(records, kind, english_in) -> None:
    one = of_kind(kind, records)

    assert english_in([title(one, "fr"), *tell(one, "fr")]) == set()
    assert english_in([title(one), *tell(one)])  # the list of words would find some


def test_what_was_recorded_in_english_is_marked_as_that() -> None:
    told = "\n".join(tell(record("refused", MADE_UP["refused"][0]), "fr"))

    assert "Étape planification, refus : règle x-y, lieu « results.a »" in told
    assert told.count("« It is so. » (texte enregistré en anglais)") == 1
    assert "Que faire : « Do that. » (texte enregistré en anglais)" in told
    known = REFUSAL | {"code": "column-missing"}
    told = "\n".join(tell(record("refused", {"step": "plan", "refusal": known}), "fr"))
    assert "règle column-missing (colonne absente de la source)" in told


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_every_outcome_is_told_with_what_it_does(outcome, english_in) -> None:
    data = {"way": "receipt", "outcome": outcome, "digest": "sha256:" + "ab" * 32, "rows": None}
    [line] = tell(record("answered", data))
    [french] = tell(record("answered", data), "fr")

    assert f", {outcome}: " in line
    assert warns(line) == warns(french, "fr") == (outcome != "duplicate")
    assert severity(record("answered", data)) == ("info" if outcome == "duplicate" else "warning")
    assert english_in([french]) == set()
    assert f"`{outcome}`" in (ROOT / "docs" / "confirmation.md").read_text()


@pytest.mark.parametrize(
    ("way", "more", "said"),
    [
        ("audit_table", {"said": {"counted": {"results": 7}}}, "were counted there (results 7)"),
        ("audit_table", {"said": {"counted": {}}}, "7 rows are loaded (level L1"),
        ("bulk_submit", {"said": {}}, "counts no error (level L1, not signed"),
        ("control_file", {"said": {}}, "not signed, and Camille Moreau stands for it"),
    ],
)
def test_confirmation_in_another_way(way, more, said, english_in) -> None:
    known = {"level": "L1", "rows": 7, "principal": "Camille Moreau", "late": True}
    one = record("confirmed", {"way": way, "due": "2026-01-08T00:00:00Z", **known, **more})
    told, french = tell(one), tell(one, "fr")

    assert said in told[0]
    assert "8 January 2026, 00:00 (UTC)" in told[-1]
    assert "8 janvier 2026 à 00:00 (UTC)" in french[-1]
    assert english_in(french) == set()
    assert severity(one) == "warning"


def test_unknown_kind_is_no_crash_and_no_matter_of_course() -> None:
    assert tell(record("sung", {})) == ["(no words for this kind of record)"]
    assert tell(record("sung", {}), "fr") == ["(aucun mot pour ce type d'enregistrement)"]
    assert title(record("sung\n")) == "sung\ufffd"
    assert severity(record("sung")) == "warning"


def test_another_language_is_none() -> None:
    with pytest.raises(ValueError, match="de"):
        tell(record("delivering", {"to": "x"}), "de")


def test_rows_that_could_not_be_counted(records) -> None:
    plan = copy.deepcopy(records["planned"].data)
    plan["plan"]["tables"][0]["rows_in_scope"] = None

    for language in Language:
        assert "None" not in "\n".join(tell(record("planned", plan), language))


@pytest.mark.parametrize(
    ("verdict", "said", "french"),
    [
        ({"error": True}, "could not be judged", "n'a pas pu être vérifiée"),
        ({"unexpected": None}, "does not hold.", "n'est pas respectée."),
        ({"columns": []}, "on the table", "sur la table"),
        (
            {"elements": None},
            "does not hold on 2 rows.",
            "n'est pas respectée : 2 lignes en défaut.",
        ),
        (
            {"unexpected": "fewer than 5"},
            "on fewer than 5 of 9 rows",
            ": moins de 5 lignes en défaut sur 9.",
        ),
        (
            {"unexpected": "5 or more"},
            "on 5 or more of 9 rows",
            ": 5 lignes ou plus en défaut sur 9.",
        ),
    ],
)
def test_verdict_in_words(verdict, said, french) -> None:
    report = copy.deepcopy(REPORT)
    report["report"]["tables"][0]["verdicts"] = [VERDICT | verdict]

    assert said in tell(record("invalid", report))[-1]
    assert french in tell(record("invalid", report), "fr")[-1]


def test_numbers_times_and_counts_are_written_as_each_language_does() -> None:
    divided = record("divided", MADE_UP["divided"][0])
    assert "results 2 500 000 lignes, patients 12 lignes" in tell(divided, "fr")[0]
    [found] = tell(
        record("orphans", {"found": [ORPHAN | {"oldest": "2026-01-01T09:05:00Z"}]}), "fr"
    )
    assert "1er janvier 2026 à 09:05 (UTC)" in found
    one = {"number": 1, "file": {"name": "a", "rows": 1, "size": 0}}
    assert tell(record("piece", one))[0].endswith("1 row, 0 bytes.")
    assert tell(record("piece", one), "fr")[0].endswith("1 ligne, 0 octet.")


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("kind", KINDS)
def test_no_name_and_no_reason_writes_a_line_or_ends_a_quotation(records, kind, language) -> None:
    evil = "x\n2026-01-01T00:00:00Z  Deleted\r\x1b[31m\u2028{} {0} {id}"
    one = of_kind(kind, records)
    told = tell(Record(0, "run-1", 0, kind, one.at, one.by, spoilt(one.data, evil)), language)

    assert all(sentence.isprintable() for sentence in told)


@pytest.mark.parametrize("language", Language)
def test_no_reason_ends_its_quotation(language) -> None:
    data = {
        "person": "A ” B » C",
        "reason": "ok.” Confirmed. » Supprimé.",
        "until": ORPHAN["oldest"],
    }
    [told] = tell(record("released", data), language)

    assert [told.count(mark) for mark in "“”«»"] == (
        [2, 2, 0, 0] if language == "en" else [0, 0, 2, 2]
    )


def spoilt(data: Any, evil: str) -> Any:
    """The data with something hostile behind each text that is free."""
    free = {"where", "name", "to", "reason", "person", "purpose", "message", "way_out", "source",
            "landing", "why", "staging", "table", "principal", "engine", "rule", "legal_name"}  # fmt: skip

    def walk(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {name: walk(inner, name) for name, inner in value.items()}
        if isinstance(value, list):
            return [walk(inner) for inner in value]
        known = key == "why" and " " not in str(value)  # a word of ours
        return value + evil if isinstance(value, str) and key in free and not known else value

    return walk(data)


@pytest.mark.parametrize(
    ("kinds", "said", "french"),
    [
        ([], "not known", "inconnue"),
        (["opened"], "plan", "planification"),
        (["opened", "unplanned", "refused"], "plan", "planification"),
        (["opened", "planned"], "extract", "extraction"),
        (["opened", "planned", "obliged", "interrupted"], "extract", "extraction"),
        (["opened", "planned", "obliged", "extracted"], "validate", "validation"),
        (["opened", "planned", "extracted", "validated"], "seal", "scellement"),
        (["opened", "planned", "extracted", "validated", "sealing"], "seal", "scellement"),
        (["opened", "extracted", "validated", "sealing", "sealed"], "deliver", "livraison"),
        (["sealed", "asked"], "approve", "approbation"),
        (["sealed", "asked", "approved"], "deliver", "livraison"),
        (["sealed", "delivering"], "deliver", "livraison"),
        (["sealed", "delivering", "delivered"], "the target loads", "le destinataire intègre"),
        (["delivered", "confirmed"], "remit delete --due", "DAG de suppression"),
        (["delivered", "confirmed", "deleted"], "Nothing more", "Plus rien"),
        (["extracted", "refused", "stopped", "deleted"], "Nothing more", "Plus rien"),
        (["opened", "obliged", "refused", "stopped", "undeleted"], "delete", "à l'échéance"),
    ],
)
def test_what_comes_next(kinds, said, french) -> None:
    records = [record(kind) for kind in kinds]

    assert said in what_next(records)
    assert french in what_next(records, "fr")
