"""Reports of the validation: severities, small counts, and what stops a run."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from remit.errors import Refused
from remit.evidence import Record
from remit.narrative import tell, warns
from remit.ports import Rule, Verdict
from remit.report import Finding, TableReport, ValidationReport, finding


def told(small: int = 5, severity: Any = "stop", **verdict: Any) -> Finding:
    rule = Rule("unit-present", "expect_x", severity=severity)
    return finding(rule, Verdict(rule.id, rule.type, ("unit",), **verdict), small)


def told_of(data: dict[str, Any]) -> list[str]:
    """What the story says of a report."""
    return tell(Record(0, "run-1", 0, "validated", "2026-01-01T00:00:00Z", "me", data))


def reported(*findings: Finding) -> ValidationReport:
    return ValidationReport("a judge", (TableReport("results", 1000, findings),))


# --- small counts -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("unexpected", "missing", "shown"),
    [
        (0, 0, (0, 0)),
        (1, 0, ("fewer than 5", 0)),
        (4, 2, ("fewer than 5", "fewer than 5")),
        (5, 0, (5, 0)),
        (1000, 0, (1000, 0)),
        (400, 3, (400, "fewer than 5")),
        (3, 400, ("fewer than 5", 400)),
        # What is left would be small.
        (997, 3, ("5 or more", "fewer than 5")),
        (996, 0, ("5 or more", 0)),
        (0, 999, (0, "5 or more")),
        (598, 400, ("5 or more", "5 or more")),
        (None, None, (None, None)),
        (None, 2, (None, "fewer than 5")),
    ],
)
def test_small_counts_are_not_told(
    unexpected: int | None, missing: int | None, shown: tuple[Any, Any]
) -> None:
    found = told(success=False, elements=1000, unexpected=unexpected, missing=missing)

    assert (found.unexpected, found.missing) == shown


def test_small_count_without_a_number_of_rows_is_not_told() -> None:
    assert told(success=False, unexpected=4).unexpected == "fewer than 5"
    assert told(success=False, unexpected=5).unexpected == 5


def test_every_count_is_shown_where_the_instruction_says_so() -> None:
    found = told(small=1, success=False, elements=1000, unexpected=1, missing=2)

    assert (found.unexpected, found.missing) == (1, 2)


@pytest.mark.parametrize("small", [3, 5])
@pytest.mark.parametrize("rows", [*range(15, 32), 60])
def test_no_small_number_of_rows_can_be_computed_from_what_is_told(small: int, rows: int) -> None:
    def quantities(unexpected: int, missing: int) -> dict[str, int]:
        """What a reader who knows the number of rows can be after."""
        return {
            "unexpected": unexpected,
            "missing": missing,
            "expected": rows - missing - unexpected,
            "filled": rows - missing,
            "not unexpected": rows - unexpected,
        }

    fitting: dict[Any, list[dict[str, int]]] = {}
    for unexpected, missing in product(range(rows + 1), repeat=2):
        if unexpected + missing <= rows:
            one = told(
                small,
                success=unexpected == 0,
                elements=rows,
                unexpected=unexpected,
                missing=missing,
            )
            seen = (one.success, one.unexpected, one.missing)
            fitting.setdefault(seen, []).append(quantities(unexpected, missing))

    for seen, possible in fitting.items():
        for name in possible[0]:
            values = {each[name] for each in possible}
            assert len(values) > 1 or not 0 < min(values) < small, (seen, name, values)


def test_small_count_is_in_nothing_that_is_written() -> None:
    report = reported(
        told(success=False, elements=1000, unexpected=3, missing=3),
        told(success=False, severity="warn", elements=1000, unexpected=997, missing=0),
    )
    with pytest.raises(Refused) as caught:
        report.require_passed()
    record = {"report": report.as_json()}
    written = f"{record} {caught.value} {told_of(record)} {report!r}"

    assert "fails on fewer than 5 rows" in str(caught.value)
    assert "does not hold on fewer than 5 of 1,000 rows" in written
    assert "3" not in written
    assert "997" not in written


# --- severities -------------------------------------------------------------------------------------


def test_warning_that_fails_goes_on_and_is_told_as_one() -> None:
    report = reported(
        told(success=True), told(success=False, severity="warn", elements=1000, unexpected=70)
    )
    report.require_passed()
    [table] = report.as_json()["tables"]
    lines = told_of({"report": report.as_json()})

    assert (table["passed"], table["failed"], table["warned"]) == (1, 0, 1)
    assert [one["severity"] for one in table["verdicts"]] == ["stop", "warn"]
    assert "results: 1 of 2 rules hold, 1,000 rows." in lines
    assert lines[-1] == (
        "Warning: unit-present (expect_x on unit) does not hold on 70 of 1,000 rows. The run goes on."
    )


def test_rule_that_cannot_be_judged_stops_even_if_it_should_only_warn() -> None:
    report = reported(told(success=False, error=True, severity="warn"))

    with pytest.raises(Refused, match="could not be judged"):
        report.require_passed()
    assert report.as_json()["tables"][0]["failed"] == 1
    assert not any(map(warns, told_of({"report": report.as_json()})))


def test_verdict_that_is_an_error_and_a_success_is_none() -> None:
    assert not told(success=True, error=True).success


def test_reports_written_before_there_were_severities_are_told() -> None:
    verdict = {"rule": "r", "type": "t", "columns": [], "success": False, "error": False,
               "unexpected": 2, "elements": 9}  # fmt: skip
    tables = [{"table": "results", "rows": 9, "passed": 0, "failed": 1, "verdicts": [verdict]}]
    lines = told_of({"report": {"engine": "x", "tables": tables}})

    assert lines[1:] == [
        "results: 0 of 1 rules hold, 9 rows.",
        "  r (t on the table) does not hold on 2 of 9 rows.",
    ]
