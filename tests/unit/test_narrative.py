"""Every kind of record has its heading and its sentences, made of what the record holds."""

from __future__ import annotations

import ast
import copy
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from remit import narrative
from remit.errors import Refused
from remit.evidence import Record
from remit.narrative import tell, title, what_next
from remit.ports import Rule, Verdict
from remit.testing.world import World

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
MADE_UP = {
    "divided": (
        {"pieces": [{}, {}, {}], "rows": {"results": 2_500_000, "patients": 12}},
        ["3 pieces, read from one state", "results 2500000 rows, patients 12 rows"],
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
    "dump-kept": ({"until": "2026-01-08T00:00:00Z"}, ["the dump", "at 2026-01-08T00:00:00Z"]),
    "stopped": ({"reason": "stopped at seal"}, ["stopped at seal", "staging key is destroyed"]),
    "received": (
        {
            "instruction": {"id": "durand-2026", "version": 2, "digest": "sha256:ab"},
            "controllers": ["durand", "martin"],
            "valid": {"from": "2026-01-01T00:00:00Z", "until": "2027-01-01T00:00:00Z"},
            "supersedes": {"version": 1, "digest": "sha256:cd"},
        },
        ["durand-2026 version 2 of durand, martin", "until 2027-01-01", "supersedes version 1"],
    ),
    "revoked": (
        {
            "instruction": {"id": "durand-2026", "version": 2, "digest": "sha256:ab"},
            "controller": "durand",
            "reason": "The contract has ended.",
        },
        ["durand revoked instruction durand-2026 version 2: The contract has ended.", "stopped"],
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
        ["Camille Moreau ended the hold", "The audit is over."],
    ),
    "orphans": ({"found": [ORPHAN]}, ["/staging: durand-x, 2 files, 9 bytes, oldest unknown"]),
    "swept": ({"removed": [ORPHAN]}, ["/staging: durand-x, 2 files", "(deleted)"]),
}
OF_A_RUN = {
    "opened": ["durand-2026 version 1", "controller durand", "Purpose: Continuity of care"],
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
    "held": ["by Camille Moreau: an audit"],
    "confirmed": ["by kalisil-import verified", "rows accepted", "due at "],
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
    run.hold("an audit", "Camille Moreau", world.clock() + timedelta(minutes=1))
    world.ingest(run)
    run.confirm(world.landing())
    world.clock.advance(minutes=2)
    run.delete(world.landing)
    return {record.kind: record for record in run.story.records}


def record(kind: str, data: object = None) -> Record:
    return Record(0, "run-1", 0, kind, "2026-01-01T00:00:00Z", "me", data)


def kinds_in_the_source() -> set[str]:
    """The first argument of each `record(...)` and `_append(...)` of custody."""
    found = set()
    for path in (ROOT / "plugins" / "remit" / "custody").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            called = getattr(node.func, "attr", "") if isinstance(node, ast.Call) else ""
            named = called in ("record", "_append")
            if named and node.args and isinstance(node.args[0], ast.Constant):
                found.add(node.args[0].value)
    return found


def test_every_kind_that_is_recorded_is_told_here() -> None:
    assert kinds_in_the_source() == {*OF_A_RUN, *MADE_UP}


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


@pytest.mark.parametrize("kind", [*OF_A_RUN, *MADE_UP])
def test_every_kind_has_a_heading(kind) -> None:
    assert title(record(kind)) != kind


@pytest.mark.parametrize("outcome", narrative._ANSWERS)
def test_every_outcome_is_told_with_what_it_does(outcome) -> None:
    data = {"way": "receipt", "outcome": outcome, "digest": "sha256:" + "ab" * 32, "rows": None}
    [line] = tell(record("answered", data))

    assert f", {outcome}: " in line
    assert line.startswith(narrative.WARNING) == (outcome != "duplicate")
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
def test_confirmation_in_another_way(way, more, said) -> None:
    known = {"level": "L1", "rows": 7, "principal": "Camille Moreau", "late": False}
    told = tell(record("confirmed", {"way": way, "due": "2026-01-08T00:00:00Z", **known, **more}))

    assert said in told[0]
    assert "2026-01-08" in told[-1]


def test_unknown_kind_is_no_crash() -> None:
    assert tell(record("sung", {})) == ["(no words for this kind of record)"]
    assert title(record("sung")) == "sung"


def test_rows_that_could_not_be_counted(records) -> None:
    plan = copy.deepcopy(records["planned"].data)
    plan["plan"]["tables"][0]["rows_in_scope"] = None

    assert "None" not in "\n".join(tell(record("planned", plan)))


@pytest.mark.parametrize(
    ("verdict", "said"),
    [
        ({"error": True}, "could not be judged"),
        ({"unexpected": None}, "does not hold."),
        ({"columns": []}, "on the table"),
    ],
)
def test_verdict_in_words(verdict, said) -> None:
    assert said in narrative._verdict(VERDICT | verdict)


def test_no_name_writes_a_line_of_its_own() -> None:
    [line] = tell(record("delivering", {"to": "/landing\nDeleted: every copy"}))

    assert "\n" not in line


@pytest.mark.parametrize(
    ("kinds", "said"),
    [
        ([], "not known"),
        (["opened"], "plan"),
        (["opened", "unplanned", "refused"], "plan"),
        (["opened", "planned"], "extract"),
        (["opened", "planned", "obliged", "interrupted"], "extract"),
        (["opened", "planned", "obliged", "extracted"], "validate"),
        (["opened", "planned", "extracted", "validated"], "seal"),
        (["opened", "planned", "extracted", "validated", "sealing"], "seal"),
        (["opened", "planned", "extracted", "validated", "sealing", "sealed"], "deliver"),
        (["sealed", "delivering"], "deliver"),
        (["sealed", "delivering", "delivered"], "the target loads"),
        (["delivered", "confirmed"], "remit delete --due"),
        (["delivered", "confirmed", "deleted"], "Nothing more"),
        (["extracted", "refused", "stopped", "deleted"], "Nothing more"),
    ],
)
def test_what_comes_next(kinds, said) -> None:
    assert said in what_next([record(kind) for kind in kinds])


def test_run_that_stopped_and_could_not_be_deleted_has_its_deletion_next() -> None:
    kinds = ["opened", "planned", "obliged", "extracted", "refused", "stopped", "undeleted"]

    assert "delete" in what_next([record(kind) for kind in kinds])
