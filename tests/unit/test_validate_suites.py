"""Files of expectations: what is read from them, and what is wrong where."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from remit.adapters.gx import GxJudge
from remit.adapters.gx.vocabulary import EXPECTATIONS
from remit.errors import Refused
from remit.suites import parse_rules

GOOD = """
name: laboratory results
expectations:
  - id: unit-known
    type: expect_column_values_to_be_ucum_unit
    kwargs: {column: unit}
    reason: the target converts units
    severity: warn
  - id: day-in-range
    type: expect_column_values_to_be_between
    kwargs: {column: day, min_value: 2024-01-01, mostly: 0.99}
    reason: older results were migrated before
"""


def test_rules_are_read_with_their_severity_and_their_file() -> None:
    rules = parse_rules("results.yaml", GOOD.encode())
    GxJudge().check(rules)

    assert [(rule.id, rule.severity) for rule in rules] == [
        ("unit-known", "warn"),
        ("day-in-range", "stop"),
    ]
    assert rules[0].place == "results.yaml rule unit-known"
    assert rules[1].kwargs["min_value"] == "2024-01-01"


WRONG = {
    "no YAML": ("a: [", "line 1", "not YAML"),
    "alias": ("name: &x y\nexpectations: *x", "line 2", "aliases are not allowed"),
    "no group": ("- a", "results.yaml", "it is not a `name` and a list of `expectations`"),
    "stray field": (GOOD + "more: 1", "results.yaml", "it is not a `name`"),
    "no name": (GOOD.replace("laboratory results", "''"), "results.yaml", "`name` is empty"),
    "no rules": ("name: x\nexpectations: []", "results.yaml", "`expectations` is not a list"),
    "rule that is a text": ("name: x\nexpectations: [a]", "rule number 1", "it is not a group"),
    "no id": (GOOD.replace("id: unit-known", "name: u"), "rule number 1", "`id` is not given"),
    "empty id": (GOOD.replace("unit-known", "''"), "rule number 1", "`id` is empty"),
    "number for an id": (GOOD.replace("unit-known", "7"), "rule number 1", "`id` is empty or no"),
    "no reason": (
        GOOD.replace("    reason: the target converts units\n", ""),
        "rule unit-known",
        "`reason` is not given",
    ),
    "empty reason": (GOOD.replace("the target converts units", "' '"), "rule unit-known", "`reason`"),
    "dots for a reason": (
        GOOD.replace("the target converts units", "..."),
        "rule unit-known",
        "`reason`",
    ),
    "no type": (
        GOOD.replace("type: expect_column_values_to_be_ucum_unit", "type:"),
        "rule unit-known",
        "`type`",
    ),
    "field of another name": (
        GOOD.replace("severity: warn", "level: warn"),
        "rule unit-known",
        "`level` is no field of a rule",
    ),
    "severity of another name": (
        GOOD.replace("severity: warn", "severity: info"),
        "rule unit-known",
        "`severity` is none of stop, warn",
    ),
    "severity that is none": (
        GOOD.replace("severity: warn", "severity:"),
        "rule unit-known",
        "`severity` is none of stop, warn",
    ),
    "arguments in a list": (
        GOOD.replace("{column: unit}", "[unit]"),
        "rule unit-known",
        "`kwargs` is not a group",
    ),
    "reserved id": (GOOD.replace("unit-known", "remit.rows"), "rule remit.rows", "begins with"),
    "a field twice": (
        GOOD.replace("severity: warn", "id: again"),
        "line 8",
        "the field id appears twice",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_refusal_names_the_file_the_rule_and_what_is_wrong(name: str) -> None:
    text, where, message = WRONG[name]
    with pytest.raises(Refused) as caught:
        parse_rules("results.yaml", text.encode())

    assert caught.value.code == "suite-invalid"
    assert "results.yaml" in caught.value.where
    assert where in caught.value.where
    assert message in caught.value.message


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        (("be_ucum_unit", "be_pretty"), "expectation-unknown", "is not on the allowlist"),
        (("{column: unit}", "{colum: unit}"), "expectation-unknown", "colum is not an argument"),
        (("unit-known", "day-in-range"), "expectation-duplicate", "used twice"),
    ],
)
def test_refusal_of_the_judge_names_the_file_as_well(
    change: tuple[str, str], code: str, message: str
) -> None:
    rules = parse_rules("results.yaml", GOOD.replace(*change).encode())
    with pytest.raises(Refused) as caught:
        GxJudge().check(rules)

    assert (caught.value.code, caught.value.where) == (code, f"results.yaml rule {rules[0].id}")
    assert message in caught.value.message


def test_the_documented_example_of_each_type_is_a_file_of_rules() -> None:
    text = (Path(__file__).parents[2] / "docs" / "expectations.md").read_text()
    [example] = re.findall(r"## An example of each\n+```yaml\n(.*?)```", text, re.DOTALL)
    rules = parse_rules("example.yaml", example.encode())
    GxJudge().check(rules)

    assert sorted(rule.type for rule in rules) == sorted(EXPECTATIONS)
