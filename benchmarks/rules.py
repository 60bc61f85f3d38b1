"""The sixteen rules that every way that validates is held to; one of them is on uniqueness."""

from __future__ import annotations

from typing import Any

FILLED = (
    "result_id patient_id site_code loinc_code unit reference_low reference_high abnormal result_date"
).split()

RULES: list[tuple[str, dict[str, Any]]] = [
    *(("expect_column_values_to_not_be_null", {"column": name}) for name in FILLED),
    ("expect_column_values_to_be_unique", {"column": "result_id"}),
    (
        "expect_column_values_to_match_regex",
        {"column": "loinc_code", "regex": "^[0-9]{1,5}-[0-9]$"},
    ),
    ("expect_column_value_lengths_to_equal", {"column": "patient_id", "value": 36}),
    (
        "expect_column_values_to_be_between",
        {"column": "value_numeric", "min_value": 0, "max_value": 100000},
    ),
    (
        "expect_column_values_to_be_between",
        {"column": "reference_low", "min_value": 0, "max_value": 100000},
    ),
    (
        "expect_column_pair_values_a_to_be_greater_than_b",
        {"column_A": "reference_high", "column_B": "reference_low", "or_equal": True},
    ),
    ("expect_column_values_to_be_in_set", {"column": "abnormal", "value_set": [True, False]}),
]


def suite() -> dict[str, Any]:
    """The rules as a file of expectations."""
    return {
        "name": "benchmark",
        "expectations": [
            {"id": f"rule-{number}", "type": kind, "kwargs": kwargs, "reason": "to be measured"}
            for number, (kind, kwargs) in enumerate(RULES, 1)
        ],
    }


def raw_sql(table: str) -> str:
    """The same rules, but uniqueness, in one SELECT of DuckDB's; each column counts failures."""
    counts = [f"count(*) FILTER ({name} IS NULL)" for name in FILLED]
    counts += [
        "count(*) FILTER (NOT regexp_matches(loinc_code, '^[0-9]{1,5}-[0-9]$'))",
        "count(*) FILTER (length(patient_id) <> 36)",
        "count(*) FILTER (value_numeric NOT BETWEEN 0 AND 100000)",
        "count(*) FILTER (reference_low NOT BETWEEN 0 AND 100000)",
        "count(*) FILTER (reference_high < reference_low)",
        "count(*) FILTER (abnormal NOT IN (true, false))",
    ]
    return f"SELECT {', '.join(counts)} FROM {table}"
