"""What validation refuses: rules that fail, files that changed, a judge that says too little."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds
import pytest

from remit import narrative
from remit.adapters.gx import GxJudge
from remit.ports import Rule, Verdict
from remit.testing.world import World


class Verdicts:
    """Says of every rule what it is told to."""

    engine = "a test's judge"

    def __init__(self, *dropped: str, of: Any = None, **changed: Any) -> None:
        self._dropped, self._changed, self._of = dropped, changed, of or {}

    def check(self, rules: list[Rule]) -> None:
        """Every rule will do."""

    def judge(self, extract: Any, rules: list[Rule], others: Any = None) -> list[Verdict]:
        given = {"success": True, **self._changed}
        return [
            Verdict(r.id, r.type, (), **(given | self._of.get(r.id, {})))
            for r in rules
            if r.id not in self._dropped
        ]


@pytest.mark.vector("validation-failed")
def test_rows_that_break_a_pinned_rule(world, up_to, refuses, stopped) -> None:
    with sqlite3.connect(world.root / "lis.sqlite") as database:
        database.execute("UPDATE results SET loinc_code = 'glucose'")
    run = up_to(world, "extract")

    with refuses(at="results rule loinc-form", saying="fails on"):
        run.validate(GxJudge())
    stopped(world, run)
    assert run.story.has("invalid")
    assert "glucose" not in str([record.body() for record in run.story.records])


@pytest.mark.vector("validation-failed")
@pytest.mark.parametrize(
    ("verdict", "saying"),
    [
        ({"success": False, "error": True}, "could not be judged"),
        ({"success": False, "unexpected": 12}, "fails on 12 rows"),
        ({"success": False, "unexpected": 4}, "fails on fewer than 5 rows"),
        ({"success": False}, "does not hold"),
    ],
)
def test_rule_that_does_not_hold(world, up_to, refuses, stopped, verdict, saying) -> None:
    run = up_to(world, "extract")

    with refuses(at="results rule remit.columns", saying=saying):
        run.validate(Verdicts(**verdict))
    stopped(world, run)


def with_a_warning(world: World) -> Callable[[dict[str, Any]], None]:
    """Pins a suite whose one rule warns."""
    suite = world.root / "include/expectations/laboratory_results.yaml"
    suite.write_text(
        "name: x\nexpectations: [{id: unit-known, type: expect_column_values_to_be_ucum_unit, "
        "kwargs: {column: unit}, reason: units are converted, severity: warn}]\n"
    )

    def edit(fields: dict[str, Any]) -> None:
        fields["expectations"][0]["sha256"] = hashlib.sha256(suite.read_bytes()).hexdigest()

    return edit


def test_warning_goes_on_and_is_in_the_evidence(world, up_to) -> None:
    run = up_to(world, "extract", edit=with_a_warning(world))
    run.validate(Verdicts(of={"unit-known": {"success": False, "unexpected": 3}}))

    report = run.story.last("validated")["report"]
    assert {table["table"]: table["warned"] for table in report["tables"]}["results"] == 1
    [told] = [line for line in narrative.tell(run.story.records[-1]) if "unit-known" in line]
    assert told.startswith("Warning: ")
    assert "fewer than 5" in told
    run.seal()


@pytest.mark.vector("validation-failed")
def test_warning_that_cannot_be_judged_stops(world, up_to, refuses, stopped) -> None:
    run = up_to(world, "extract", edit=with_a_warning(world))

    with refuses(at="results rule unit-known", saying="could not be judged"):
        run.validate(Verdicts(of={"unit-known": {"success": False, "error": True}}))
    stopped(world, run)


@pytest.mark.vector("validation-incomplete")
def test_judge_that_leaves_out_a_rule(world, up_to, refuses, stopped) -> None:
    run = up_to(world, "extract")

    with refuses(at="results", saying="not every rule has a verdict"):
        run.validate(Verdicts("remit.rows"))
    stopped(world, run)


@pytest.mark.vector("suite-changed")
def test_suite_changed_after_the_plan(world, up_to, judge, refuses, stopped) -> None:
    run = up_to(world, "extract")
    suite = world.root / "include/expectations/laboratory_results.yaml"
    suite.write_text("name: x\nexpectations: []\n")

    with refuses(at="laboratory_results.yaml", saying="not the file that the instruction pins"):
        run.validate(judge)
    stopped(world, run)


def staged(world: World) -> Any:
    return world.root / "processor" / "staging" / "durand-test" / "results.parquet"


@pytest.mark.vector("file-changed")
def test_staged_file_with_another_byte(world, up_to, judge, refuses, stopped) -> None:
    run = up_to(world, "extract")
    data = bytearray(staged(world).read_bytes())
    data[len(data) // 2] ^= 1
    staged(world).write_bytes(data)

    with refuses(at="results.parquet", saying="not those that were recorded"):
        run.validate(judge)
    stopped(world, run)


@pytest.mark.vector("file-changed")
def test_staged_file_that_is_gone(world, up_to, judge, refuses, stopped) -> None:
    run = up_to(world, "extract")
    staged(world).unlink()

    with refuses(at="results.parquet", saying=""):
        run.validate(judge)
    stopped(world, run)


@pytest.mark.vector("staging-key-gone")
def test_staging_key_removed_before_validation(world, up_to, judge, refuses, stopped) -> None:
    run = up_to(world, "extract")
    (world.root / "processor" / "keyring" / "durand-test.key").unlink()

    with refuses(at="staging key durand-test", saying="can no longer be read by the processor"):
        run.validate(judge)
    stopped(world, run)


def test_extract_that_the_judge_cannot_read_is_refused_before_it(world, up_to, judge) -> None:
    run = up_to(world, "extract")
    recorded = run.story.last("extracted")["files"][0]["sha256"]

    assert recorded == "sha256:" + hashlib.sha256(staged(world).read_bytes()).hexdigest()


# --- the judge itself -----------------------------------------------------------------------------

ONE_RULE = [Rule("a", "expect_column_values_to_be_unique", {"column": "a"})]


@pytest.mark.vector("columns-ambiguous")
def test_columns_that_differ_in_case_alone(refuses) -> None:
    extract = ds.dataset(pa.table({"a": [1], "A": [2]}))

    with refuses(at="validation", saying="differ in case alone"):
        GxJudge().judge(extract, ONE_RULE)


@pytest.mark.vector("validation-memory")
def test_rule_that_needs_more_memory_than_there_may_be(refuses) -> None:
    texts = pa.array([f"{number // 2:060}" for number in range(200_000)])

    with refuses(at="validation", saying="needs more memory"):
        GxJudge(memory_limit="4MB").judge(ds.dataset(pa.table({"a": texts})), ONE_RULE)
