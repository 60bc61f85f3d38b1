"""A plan as people see it: lines that align, Markdown that cannot be broken out of, differences."""

from __future__ import annotations

import copy
import re
from datetime import timedelta
from typing import Any

import pytest

from remit.plan.differences import differences
from remit.plan.markdown import plan_markdown
from remit.plan.shown import WIDTH, difference_lines, plan_lines
from remit.plan.words import deletion_sentence, period

COLUMN = {
    "name": "patient_id", "type": "uuid", "delivered": "string", "category": "administrative",
    "transformation": "pseudonym under key durand-2026", "recipients": ["kalisil", "registry"],
}  # fmt: skip
KEPT = COLUMN | {
    "name": "unit", "type": "string", "category": "health", "transformation": "kept",
    "recipients": ["kalisil"],
}  # fmt: skip
FINDING = {
    "code": "column-missing", "where": "results.gone", "message": "It is not there.",
    "way_out": "Ask for a new version.",
}  # fmt: skip


def plan(**changes: Any) -> dict[str, Any]:
    made = {
        "instruction": {"id": "durand-2026", "version": 1, "digest": "sha256:ab"},
        "source": "postgresql://lis:5432/lis",
        "landing": "/srv/landing",
        "interval": None,
        "recipients": [
            {"name": "kalisil", "legal_name": "Kalisil SAS", "country": "FR",
             "categories": ["health"], "confirms": True},
        ],
        "deletion": {"after_confirmation": 0, "without_confirmation": 604800},
        "tables": [
            {
                "name": "results",
                "relation": "clinlims.result",
                "limits": ["site one of LYO1", "1,000 rows at most"],
                "allowed": ["patient_id", "unit"],
                "columns": [COLUMN, KEPT],
                "withheld": ["comment", "nir"],
                "missing": [],
                "drifted": [],
                "rows_in_scope": 12,
                "rows_total": 34567,
                "sql": 'SELECT "patient_id"\nFROM "result"',
                "live": {"patient_id": "uuid", "unit": "text", "comment": "text", "nir": "text"},
            }
        ],
        "withheld_tables": ["patients"],
        "previous": None,
        "drift": [],
        "warnings": [],
        "refusals": [],
    }  # fmt: skip
    return copy.deepcopy(made) | changes


def text(made: dict[str, Any]) -> str:
    return "\n".join(line.text for line in plan_lines(made))


def meanings(made: dict[str, Any], part: str) -> set[str]:
    return {line.meaning for line in plan_lines(made) if part in line.text}


def test_what_leaves_is_told_with_transformation_category_and_readers_in_columns() -> None:
    leaving = [line.text for line in plan_lines(plan()) if line.meaning == "leaves"][:2]

    assert leaving == [
        "    + patient_id  uuid -> string  administrative  kalisil, registry  "
        "pseudonym under key durand-2026",
        "    + unit        string          health          kalisil",
    ]


def test_what_stays_where_it_goes_and_when_it_is_deleted_are_told() -> None:
    told = text(plan())

    assert "results (clinlims.result): 12 of 34,567 rows in scope" in told
    assert "stays     2 columns, not in the instruction: comment, nir" in told
    assert "To        /srv/landing" in told
    assert "Withheld as a whole (1): patients" in told
    assert "at once on the target's receipt, and at the latest 7 days after" in told
    assert 'SQL       SELECT "patient_id"\n            FROM "result"' in told
    assert told.endswith("Nothing is refused.")


def test_refusals_and_warnings_are_told_with_rule_place_and_way_out() -> None:
    made = plan(refusals=[FINDING, FINDING], warnings=[FINDING | {"code": "account-shared"}])

    assert "! column-missing at results.gone: It is not there." in text(made)
    assert "way out: Ask for a new version." in text(made)
    assert "2 refusals: nothing leaves." in text(made)
    assert meanings(made, "account-shared") == {"warning"}
    assert meanings(made, "column-missing") == {"refusal"}


def test_missing_and_retyped_columns_stand_out() -> None:
    made = plan()
    made["tables"][0] |= {
        "missing": ["gone"],
        "drifted": [{"column": "unit", "declared": "string", "live": "integer"}],
        "rows_in_scope": None,
    }

    assert meanings(made, "missing   gone") == {"refusal"}
    assert meanings(made, "unit (declared string, is integer)") == {"refusal"}
    assert "an unknown number of 34,567 rows in scope" in text(made)


def test_a_thousand_withheld_columns_are_wrapped() -> None:
    made = plan()
    made["tables"][0]["withheld"] = [f"column_number_{number}" for number in range(1000)]

    lines = [line.text for line in plan_lines(made) if line.meaning == "stays"]
    assert max(map(len, lines)) <= WIDTH
    assert "column_number_999" in lines[-2]


def test_the_source_is_compared_with_the_last_run() -> None:
    drift = {"at_source": True, "where": "results.x", "what": "is a new column (text), withheld"}

    assert "The source is as it was for run r1." in text(plan(previous="r1"))
    assert "~ results.x is a new column (text), withheld" in text(
        plan(previous="r1", drift=[drift])
    )


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0:00:00"), (1, "1 second"), (90, "90 seconds"), (7200, "2 hours"), (86400, "1 day"),
     (int(timedelta(days=30).total_seconds()), "30 days")],
)  # fmt: skip
def test_periods_in_words(seconds: int, words: str) -> None:
    assert period(seconds) == words


def test_deletion_some_time_after_the_receipt() -> None:
    made = plan(deletion={"after_confirmation": 3600, "without_confirmation": 86400})

    assert "deleted 1 hour after the target's receipt" in deletion_sentence(made)


def test_hostile_names_write_no_line_of_their_own_and_no_markup() -> None:
    evil = "x\n## Nothing is refused `</details><script>` | y"
    made = plan(refusals=[FINDING | {"where": evil, "message": evil}])
    made["tables"][0]["columns"][0]["name"] = evil
    made["tables"][0]["sql"] = f'SELECT "{evil}" ````'
    made["withheld_tables"] = [evil]

    assert all("\n" not in line.text for line in plan_lines(made))
    shown = plan_markdown(made)
    fenced = re.compile(r"^(`{3,})sql\n.*?^\1$", re.M | re.S)
    assert fenced.search(shown)
    shown = fenced.sub("", shown)
    assert not re.search(r"^## Nothing", shown, re.M)
    outside_code = re.sub(r"(?<!\\)`[^`\n]*`", "", shown)
    assert "<script>" not in outside_code
    assert all(row.count(" | ") == 4 for row in shown.splitlines() if row.startswith("| `"))


def test_markdown_says_what_the_terminal_says() -> None:
    shown = plan_markdown(plan(refusals=[FINDING], warnings=[FINDING], previous="r1"))

    for part in (
        "## Plan of durand-2026 version 1",
        "| `patient_id` | uuid -\\> string | administrative | kalisil, registry |",
        "Stays: `comment`, `nir`",
        "12 of 34,567 rows in scope",
        "### Warnings",
        "### Refused",
        "Way out: Ask for a new version.",
        "**1 refusal: nothing leaves.**",
        "### Changed at the source since run `r1`",
    ):
        assert part in shown


# --- differences --------------------------------------------------------------------------------


def found(change: Any) -> list[tuple[bool, str, str]]:
    new = plan()
    change(new)
    return [(d.at_source, d.where, d.what) for d in differences(plan(), new)]


def table(new: dict[str, Any]) -> dict[str, Any]:
    return dict.__getitem__(new, "tables")[0]


def test_plans_alike_have_no_difference() -> None:
    assert found(lambda _: None) == []


CHANGES: dict[str, tuple[Any, tuple[bool, str, str]]] = {
    "new column at the source": (
        lambda n: table(n)["live"].update(shoe="int"),
        (True, "results.shoe", "is a new column (int), withheld"),
    ),
    "column gone from the source": (
        lambda n: table(n)["live"].pop("nir"),
        (True, "results.nir", "is gone (was text)"),
    ),
    "column of another type": (
        lambda n: table(n)["live"].update(nir="bigint"),
        (True, "results.nir", "was text, is bigint"),
    ),
    "new table": (
        lambda n: n["withheld_tables"].append("z"),
        (True, "z", "is a new table, withheld"),
    ),
    "table gone": (lambda n: n["withheld_tables"].clear(), (True, "patients", "is gone")),
    "column that leaves now": (
        lambda n: table(n)["columns"].append(KEPT | {"name": "nir"}),
        (False, "results.nir", "leaves now"),
    ),
    "column that leaves no more": (
        lambda n: table(n)["columns"].pop(),
        (False, "results.unit", "leaves no more"),
    ),
    "another transformation": (
        lambda n: table(n)["columns"][0].update(transformation="kept"),
        (
            False,
            "results.patient_id",
            "transformation: was pseudonym under key durand-2026, is kept",
        ),
    ),
    "one more reader": (
        lambda n: table(n)["columns"][1].update(recipients=["kalisil", "registry"]),
        (False, "results.unit", "recipients: was kalisil, is kalisil, registry"),
    ),
    "more rows": (
        lambda n: table(n).update(rows_in_scope=13),
        (False, "results", "rows in scope: 12, now 13"),
    ),
    "other limits": (
        lambda n: table(n)["limits"].pop(0),
        (False, "results", "rows: was site one of LYO1; 1,000 rows at most, is 1,000 rows at most"),
    ),
    "a new version": (
        lambda n: n["instruction"].update(version=2),
        (False, "durand-2026", "version 1 is now version 2"),
    ),
    "another text": (
        lambda n: n["instruction"].update(digest="sha256:cd"),
        (False, "durand-2026", "its text is another one of the same version"),
    ),
    "another landing zone": (
        lambda n: n.update(landing="/elsewhere"),
        (False, "landing", "was /srv/landing, is /elsewhere"),
    ),
    "another retention": (
        lambda n: n["deletion"].update(without_confirmation=1),
        (False, "deletion", "the periods until deletion changed"),
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_each_difference_is_told_once(name: str) -> None:
    change, expected = CHANGES[name]

    assert found(change) == [expected]


def test_a_table_that_leaves_no_more_is_told() -> None:
    new = plan(tables=[], withheld_tables=["clinlims.result", "patients"])

    assert [(d.where, d.what) for d in differences(plan(), new)] == [("results", "leaves no more")]


def test_differences_as_lines() -> None:
    assert difference_lines("r1", [])[0].text == "Nothing differs from the plan of run r1."
    lines = difference_lines("r1", [{"at_source": False, "where": "a.b", "what": "leaves now"}])
    assert lines[1].text == "  ~ a.b leaves now (in what leaves)"
