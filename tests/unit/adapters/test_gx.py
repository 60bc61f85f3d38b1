"""The judge against GX on pandas, against planted values, and against what it must refuse."""

from __future__ import annotations

import datetime as dt
import json
import logging
import os
import subprocess
import sys
import textwrap
import warnings
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from remit.adapters.gx import GxJudge
from remit.adapters.gx.vocabulary import BETWEEN_TABLES, EXPECTATIONS, FIELD
from remit.errors import Refused, Unavailable, UsageError
from remit.ports import Judge, Rule, Verdict

pytestmark = pytest.mark.slow

UTC = dt.UTC
VALUES = "expect_column_values_to_"
PAIR = "expect_column_pair_values_a_to_be_greater_than_b"
COMPOUND = "expect_compound_columns_to_be_unique"
DISTINCT = "expect_column_distinct_values_to_be_in_set"
LENGTHS = "expect_column_value_lengths_to_"


def _instant(day: int, hour: int = 0) -> dt.datetime:
    return dt.datetime(2024, 1, day, hour, tzinfo=UTC)


def _table() -> pa.Table:
    """Seven rows of every declared type, with missing values, accents, ties and duplicates."""
    naive = [dt.datetime(2024, 1, day, 12, 0, 0, 250_000) for day in range(1, 8)]
    money = [Decimal(text) for text in ("0.10", "0.25", "12.50", "-3.75", "0.25", "99.99", "1.00")]
    columns = {
        "n": pa.array([1, 2, 3, 4, 5, 6, 7], pa.int64()),
        "level": pa.array([5, None, 3, 3, -1, None, 7], pa.int64()),
        "value": pa.array([1.5, None, float("nan"), -2.25, 1.5, 1e6, 0.0], pa.float64()),
        "price": pa.array([*money[:5], None, money[6]], pa.decimal128(12, 2)),
        "cost": pa.array(money, pa.decimal128(12, 2)),
        "name": pa.array(
            ["Zoé", "e\u0301te", None, "Noël", "Zoé", "", "café au lait"], pa.string()
        ),
        "code": pa.array(
            ["718-7", "2345-7", "x-1", None, "718-7", "4548-4", "718-70"], pa.string()
        ),
        "day": pa.array([dt.date(2024, 1, d) for d in range(1, 7)] + [None], pa.date32()),
        "known": pa.array([dt.date(2024, 1, d) for d in range(7, 0, -1)], pa.date32()),
        "taken": pa.array([*naive[:6], None], pa.timestamp("us")),
        "start": pa.array(
            [_instant(d, 8) for d in range(1, 7)] + [None], pa.timestamp("us", "UTC")
        ),
        "end": pa.array(
            [_instant(1, 9), _instant(2, 8), _instant(2, 7), None, _instant(9), _instant(7), None],
            pa.timestamp("us", "UTC"),
        ),
        "flag": pa.array([True, False, None, True, True, None, False], pa.bool_()),
        "sure": pa.array([True, True, True, False, True, True, True], pa.bool_()),
        "gone": pa.array([None] * 7, pa.string()),
        "void": pa.array([None] * 7, pa.int64()),
        "Order": pa.array([3, 3, 3, 4, 4, None, None], pa.int64()),
    }
    return pa.table(columns)


COLUMNS = list(_table().column_names)
DAYS = [dt.date(2024, 1, 1), dt.date(2024, 1, 2)]
ISO_DAYS = [day.isoformat() for day in DAYS]

# Type, arguments, and what pandas needs instead: its values come as Python objects, so that sets
# must hold such objects, and its types have names of their own.
CASES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("expect_table_columns_to_match_set", {"column_set": COLUMNS[::-1]}, {}),
    ("expect_table_columns_to_match_set", {"column_set": COLUMNS[1:]}, {}),
    ("expect_table_columns_to_match_set", {"column_set": ["n", "day"], "exact_match": False}, {}),
    ("expect_table_columns_to_match_set", {"column_set": ["n", "no"], "exact_match": False}, {}),
    ("expect_table_columns_to_match_set", {"column_set": [c.lower() for c in COLUMNS]}, {}),
    ("expect_table_columns_to_match_ordered_list", {"column_list": COLUMNS}, {}),
    ("expect_table_columns_to_match_ordered_list", {"column_list": COLUMNS[::-1]}, {}),
    ("expect_table_row_count_to_equal", {"value": 7}, {}),
    ("expect_table_row_count_to_equal", {"value": 6}, {}),
    ("expect_table_row_count_to_be_between", {"min_value": 7, "max_value": 9}, {}),
    ("expect_table_row_count_to_be_between", {"max_value": 7, "strict_max": True}, {}),
    ("expect_column_to_exist", {"column": "Order"}, {}),
    ("expect_column_to_exist", {"column": "order"}, {}),
    (VALUES + "be_of_type", {"column": "n", "type_": "integer"}, {"type_": "int64"}),
    (VALUES + "be_of_type", {"column": "value", "type_": "double"}, {"type_": "float64"}),
    (VALUES + "be_of_type", {"column": "sure", "type_": "boolean"}, {"type_": "bool"}),
    (VALUES + "be_of_type", {"column": "name", "type_": "string"}, {"type_": "str"}),
    (VALUES + "be_of_type", {"column": "name", "type_": "integer"}, {"type_": "int64"}),
    (VALUES + "be_of_type", {"column": "n", "type_": "double"}, {"type_": "float64"}),
    *[(VALUES + "not_be_null", {"column": column}, {}) for column in COLUMNS],
    *[(VALUES + "be_null", {"column": column}, {}) for column in COLUMNS],
    *[(VALUES + "be_unique", {"column": column}, {}) for column in COLUMNS],
    (VALUES + "not_be_null", {"column": "day", "mostly": 0.8}, {}),
    (VALUES + "not_be_null", {"column": "flag", "mostly": 0.8}, {}),
    (VALUES + "be_null", {"column": "value", "mostly": 0.2}, {}),
    (VALUES + "be_unique", {"column": "name", "mostly": 0.5}, {}),
    (VALUES + "be_in_set", {"column": "name", "value_set": ["Zoé", "Noël", "", "e\u0301te"]}, {}),
    (VALUES + "be_in_set", {"column": "name", "value_set": ["zoé", "\u00e9te"], "mostly": 0.5}, {}),
    (VALUES + "be_in_set", {"column": "code", "value_set": ["718-7"], "mostly": 0.3}, {}),
    (VALUES + "be_in_set", {"column": "level", "value_set": [-1, 3, 5, 7]}, {}),
    (VALUES + "be_in_set", {"column": "level", "value_set": [3]}, {}),
    (VALUES + "be_in_set", {"column": "value", "value_set": [1.5, -2.25, 0, 1e6]}, {}),
    (VALUES + "be_in_set", {"column": "value", "value_set": [1.5]}, {}),
    (VALUES + "be_in_set", {"column": "flag", "value_set": [True]}, {}),
    (VALUES + "be_in_set", {"column": "flag", "value_set": [True, False]}, {}),
    (
        VALUES + "be_in_set",
        {"column": "price", "value_set": [0.1, "0.25", 12.5]},
        {"value_set": [Decimal("0.10"), Decimal("0.25"), Decimal("12.50")]},
    ),
    (VALUES + "be_in_set", {"column": "day", "value_set": ISO_DAYS}, {"value_set": DAYS}),
    (
        VALUES + "be_in_set",
        {"column": "taken", "value_set": ["2024-01-01T12:00:00.250000"]},
        {"value_set": [dt.datetime(2024, 1, 1, 12, 0, 0, 250_000)]},
    ),
    (
        VALUES + "be_in_set",
        {"column": "start", "value_set": ["2024-01-01T10:00:00+02:00", "2024-01-02T08:00:00Z"]},
        {"value_set": [_instant(1, 8), _instant(2, 8)]},
    ),
    (VALUES + "be_in_set", {"column": "gone", "value_set": ["a"]}, {}),
    (VALUES + "not_be_in_set", {"column": "name", "value_set": ["Zoé", ""]}, {}),
    (VALUES + "not_be_in_set", {"column": "name", "value_set": ["zoé"]}, {}),
    (VALUES + "not_be_in_set", {"column": "day", "value_set": ISO_DAYS}, {"value_set": DAYS}),
    (VALUES + "not_be_in_set", {"column": "level", "value_set": [3]}, {}),
    (VALUES + "not_be_in_set", {"column": "sure", "value_set": [False], "mostly": 0.8}, {}),
    (VALUES + "be_between", {"column": "level", "min_value": -1, "max_value": 7}, {}),
    (VALUES + "be_between", {"column": "level", "min_value": -1, "strict_min": True}, {}),
    (VALUES + "be_between", {"column": "level", "max_value": 4.5, "mostly": 0.6}, {}),
    (VALUES + "be_between", {"column": "value", "min_value": 0, "max_value": 1.5}, {}),
    (VALUES + "be_between", {"column": "value", "max_value": 1e6, "strict_max": True}, {}),
    (VALUES + "be_between", {"column": "value", "min_value": -2.25}, {}),
    (VALUES + "be_between", {"column": "price", "min_value": -3.75, "max_value": 12.5}, {}),
    (VALUES + "be_between", {"column": "price", "min_value": 0.25, "strict_min": True}, {}),
    (VALUES + "be_between", {"column": "day", "min_value": "2024-01-01"}, {}),
    (
        VALUES + "be_between",
        {"column": "day", "min_value": "2024-01-02", "max_value": "2024-01-06", "strict_max": True},
        {},
    ),
    (VALUES + "be_between", {"column": "taken", "min_value": "2024-01-01T12:00:00.250000"}, {}),
    (VALUES + "be_between", {"column": "taken", "min_value": "2024-01-01T12:00:00.250001"}, {}),
    (VALUES + "be_between", {"column": "start", "max_value": "2024-01-06T08:00:00Z"}, {}),
    (VALUES + "be_between", {"column": "start", "max_value": "2024-01-06T09:59:59+02:00"}, {}),
    (
        VALUES + "be_between",
        {
            "column": "start",
            "min_value": "2024-01-01T08:00:00+00:00",
            "max_value": "2024-01-06T08:00:00+00:00",
            "strict_min": True,
            "strict_max": True,
        },
        {},
    ),
    (VALUES + "match_regex", {"column": "code", "regex": r"^[0-9]+-[0-9]$"}, {}),
    (VALUES + "match_regex", {"column": "code", "regex": r"^\d{3,4}-\d$", "mostly": 0.6}, {}),
    (VALUES + "match_regex", {"column": "code", "regex": "-"}, {}),
    (VALUES + "match_regex", {"column": "name", "regex": "(?i)ZOÉ|ël|t"}, {}),
    (VALUES + "match_regex", {"column": "name", "regex": "^.{0,5}$"}, {}),
    (VALUES + "match_regex", {"column": "gone", "regex": "a"}, {}),
    (VALUES + "not_match_regex", {"column": "name", "regex": "é"}, {}),
    (VALUES + "not_match_regex", {"column": "name", "regex": "^zoé$"}, {}),
    (VALUES + "not_match_regex", {"column": "code", "regex": "^x", "mostly": 0.8}, {}),
    (LENGTHS + "equal", {"column": "name", "value": 4}, {}),
    (LENGTHS + "equal", {"column": "code", "value": 5, "mostly": 0.3}, {}),
    (LENGTHS + "be_between", {"column": "name", "min_value": 0, "max_value": 12}, {}),
    (LENGTHS + "be_between", {"column": "name", "min_value": 3, "strict_min": True}, {}),
    (LENGTHS + "be_between", {"column": "code", "max_value": 6, "strict_max": True}, {}),
    ("expect_column_min_to_be_between", {"column": "level", "min_value": -1}, {}),
    (
        "expect_column_min_to_be_between",
        {"column": "level", "min_value": -1, "strict_min": True},
        {},
    ),
    ("expect_column_min_to_be_between", {"column": "value", "max_value": -2.25}, {}),
    ("expect_column_min_to_be_between", {"column": "cost", "min_value": -3.75}, {}),
    (
        "expect_column_min_to_be_between",
        {"column": "start", "min_value": "2024-01-01T08:00:01Z"},
        {},
    ),
    ("expect_column_min_to_be_between", {"column": "void", "min_value": 0}, {}),
    ("expect_column_min_to_be_between", {"column": "known", "min_value": "2024-01-01"}, {}),
    ("expect_column_min_to_be_between", {"column": "known", "min_value": "2024-01-02"}, {}),
    (
        "expect_column_max_to_be_between",
        {"column": "value", "min_value": 1e6, "max_value": 1e6},
        {},
    ),
    (
        "expect_column_max_to_be_between",
        {"column": "value", "max_value": 1e6, "strict_max": True},
        {},
    ),
    ("expect_column_max_to_be_between", {"column": "cost", "max_value": 99.5}, {}),
    (
        "expect_column_max_to_be_between",
        {"column": "taken", "max_value": "2024-01-06T12:00:01"},
        {},
    ),
    (
        "expect_column_max_to_be_between",
        {"column": "taken", "max_value": "2024-01-06T12:00:00"},
        {},
    ),
    (
        "expect_column_max_to_be_between",
        {"column": "start", "max_value": "2024-01-06T08:00:00Z"},
        {},
    ),
    (
        "expect_column_max_to_be_between",
        {"column": "start", "max_value": "2024-01-06T07:59:59Z"},
        {},
    ),
    (
        "expect_column_mean_to_be_between",
        {"column": "level", "min_value": 3.4, "max_value": 3.4},
        {},
    ),
    ("expect_column_mean_to_be_between", {"column": "level", "min_value": 3.5}, {}),
    ("expect_column_mean_to_be_between", {"column": "value", "max_value": 200_001}, {}),
    ("expect_column_mean_to_be_between", {"column": "cost", "min_value": 15, "max_value": 16}, {}),
    ("expect_column_mean_to_be_between", {"column": "void", "min_value": 0}, {}),
    ("expect_column_sum_to_be_between", {"column": "n", "min_value": 28, "max_value": 28}, {}),
    ("expect_column_sum_to_be_between", {"column": "level", "max_value": 16}, {}),
    ("expect_column_sum_to_be_between", {"column": "value", "min_value": 1_000_000.75}, {}),
    ("expect_column_sum_to_be_between", {"column": "cost", "min_value": 110, "max_value": 111}, {}),
    (DISTINCT, {"column": "code", "value_set": ["718-7", "2345-7", "x-1", "4548-4", "718-70"]}, {}),
    (DISTINCT, {"column": "name", "value_set": ["Zoé"]}, {}),
    (DISTINCT, {"column": "level", "value_set": [-1, 3, 5, 7]}, {}),
    (DISTINCT, {"column": "flag", "value_set": [True]}, {}),
    (DISTINCT, {"column": "day", "value_set": ISO_DAYS}, {"value_set": DAYS}),
    (
        DISTINCT,
        {"column": "cost", "value_set": [0.1, 0.25, 12.5, -3.75, 99.99, 1]},
        {"value_set": [Decimal(t) for t in ("0.10", "0.25", "12.50", "-3.75", "99.99", "1.00")]},
    ),
    (PAIR, {"column_A": "end", "column_B": "start"}, {}),
    (PAIR, {"column_A": "end", "column_B": "start", "or_equal": True, "mostly": 0.8}, {}),
    (PAIR, {"column_A": "n", "column_B": "level"}, {}),
    (PAIR, {"column_A": "level", "column_B": "value", "or_equal": True}, {}),
    (PAIR, {"column_A": "cost", "column_B": "price", "or_equal": True}, {}),
    (PAIR, {"column_A": "day", "column_B": "day"}, {}),
    (COMPOUND, {"column_list": ["n", "name"]}, {}),
    (COMPOUND, {"column_list": ["Order", "flag"]}, {}),
    (COMPOUND, {"column_list": ["name", "code", "flag"]}, {}),
    (COMPOUND, {"column_list": ["Order", "sure"], "mostly": 0.5}, {}),
]

IMPLIED = {PAIR: "either_value_is_missing", COMPOUND: "any_value_is_missing"}


def _judge(table: pa.Table, *rules: Rule, memory_limit: str = "256MB") -> list[Verdict]:
    return GxJudge(memory_limit).judge(ds.dataset(table), rules)


def _one(table: pa.Table, kind: str, **kwargs: Any) -> Verdict:
    [verdict] = _judge(table, Rule("only", kind, kwargs))
    return verdict


def _counts(verdict: Verdict) -> tuple[int | None, int | None, int | None]:
    return verdict.elements, verdict.unexpected, verdict.missing


# --- the contract with GX on pandas -----------------------------------------------------------


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> list[Verdict]:
    # From files with several row groups, so that what DuckDB leaves to pyarrow is judged too.
    folder = tmp_path_factory.mktemp("extract")
    pq.write_table(_table().slice(0, 4), folder / "0.parquet", row_group_size=2)
    pq.write_table(_table().slice(4), folder / "1.parquet", row_group_size=1)
    rules = [Rule(f"rule {i}", kind, kwargs) for i, (kind, kwargs, _) in enumerate(CASES)]
    return GxJudge().judge(ds.dataset(folder), rules)


@pytest.fixture(scope="module")
def on_pandas() -> list[Any]:
    """The same rules by the public way: an ephemeral context and `batch.validate`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import great_expectations as gx
        from great_expectations.expectations.expectation_configuration import (
            ExpectationConfiguration,
        )

        context = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = {"globally": False, "metric_calculations": False}  # type: ignore[assignment]
        asset = context.data_sources.add_pandas("source").add_dataframe_asset("asset")
        batch = asset.add_batch_definition_whole_dataframe("all").get_batch(
            {"dataframe": _table().to_pandas()}
        )
        results = []
        for kind, kwargs, instead in CASES:
            implied = {"ignore_row_if": IMPLIED[kind]} if kind in IMPLIED else {}
            expectation = ExpectationConfiguration(kind, {**kwargs, **instead, **implied})
            results.append(batch.validate(expectation.to_domain_obj(), result_format="BASIC"))
        return results


@pytest.mark.parametrize("case", range(len(CASES)), ids=lambda i: f"{i}-{CASES[i][0]}")
def test_judges_as_on_pandas(case: int, ours: list[Verdict], on_pandas: list[Any]) -> None:
    mine, theirs = ours[case], on_pandas[case]
    assert not mine.error
    assert "'raised_exception': True" not in str(theirs.exception_info)
    names = ("element_count", "unexpected_count", "missing_count")
    assert (mine.success, *_counts(mine)) == (
        theirs.success,
        *(theirs.result.get(name) for name in names),
    )


def test_contract_has_a_pass_and_a_fail_of_every_expectation(ours: list[Verdict]) -> None:
    told = {(verdict.type, verdict.success) for verdict in ours}
    # The others have a contract of their own.
    standard = EXPECTATIONS.keys() - FIELD.keys() - BETWEEN_TABLES.keys()
    assert told == {(kind, success) for kind in standard for success in (True, False)}


def test_verdicts_come_in_the_order_of_the_rules(ours: list[Verdict]) -> None:
    assert [verdict.rule for verdict in ours] == [f"rule {i}" for i in range(len(CASES))]


@given(
    texts=st.lists(st.none() | st.text(max_size=6), min_size=1, max_size=8),
    members=st.lists(st.text(max_size=3), min_size=1, max_size=4),
    length=st.integers(0, 6),
)
@settings(
    max_examples=25, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)
def test_texts_are_counted_as_python_counts_them(
    texts: list[str | None], members: list[str], length: int
) -> None:
    table = pa.table({"t": pa.array(texts, pa.string())})
    present = [text for text in texts if text is not None]
    verdicts = _judge(
        table,
        Rule("set", VALUES + "be_in_set", {"column": "t", "value_set": members}),
        Rule("length", LENGTHS + "be_between", {"column": "t", "max_value": length}),
        Rule("unique", VALUES + "be_unique", {"column": "t"}),
        Rule("null", VALUES + "not_be_null", {"column": "t"}),
    )
    assert [verdict.unexpected for verdict in verdicts] == [
        sum(text not in members for text in present),
        sum(len(text) > length for text in present),
        sum(present.count(text) > 1 for text in present),
        len(texts) - len(present),
    ]


def test_judges_a_folder_of_files(tmp_path: Path) -> None:
    for part in range(3):
        pq.write_table(_table(), tmp_path / f"{part}.parquet", row_group_size=2)
    rules = (
        Rule("all", "expect_table_row_count_to_equal", {"value": 21}),
        Rule("unique", VALUES + "be_unique", {"column": "n"}),
        Rule("days", VALUES + "not_be_in_set", {"column": "day", "value_set": ISO_DAYS}),
    )
    verdicts = GxJudge().judge(ds.dataset(tmp_path), rules)
    assert [_counts(v)[:2] for v in verdicts] == [(None, None), (21, 21), (21, 6)]
    assert verdicts[0].success


# --- where it differs from pandas, on purpose -------------------------------------------------


def test_digits_in_a_regex_are_ascii() -> None:
    table = pa.table({"t": ["\u0663"]})
    assert _one(table, VALUES + "match_regex", column="t", regex=r"\d").unexpected == 1


def test_dollar_in_a_regex_is_the_very_end() -> None:
    table = pa.table({"t": ["718-7\n"]})
    assert _one(table, VALUES + "match_regex", column="t", regex=r"7$").unexpected == 1


def test_sum_of_nothing_fails() -> None:
    assert not _one(_table(), "expect_column_sum_to_be_between", column="void", min_value=0).success


@pytest.mark.parametrize("kind", ["not_be_null", "be_null", "be_unique"])
def test_rule_on_values_of_an_empty_extract_passes(kind: str) -> None:
    empty = _table().slice(0, 0)
    for column in ("n", "name"):
        verdict = _one(empty, VALUES + kind, column=column)
        assert (verdict.success, verdict.error) == (True, False)
        assert (verdict.elements, verdict.unexpected) == (0, 0)


def test_rule_on_the_number_of_rows_fails_an_empty_extract() -> None:
    kind = "expect_table_row_count_to_be_between"
    assert not _one(_table().slice(0, 0), kind, min_value=1).success


@pytest.mark.parametrize(
    ("column", "declared"),
    [
        ("n", "integer"),
        ("value", "double"),
        ("name", "string"),
        ("day", "date"),
        ("taken", "timestamp"),
        ("start", "timestamptz"),
        ("flag", "boolean"),
        ("price", "decimal(12,2)"),
        ("price", "decimal(12, 2)"),
    ],
)
def test_types_are_the_declared_ones(column: str, declared: str) -> None:
    kind = VALUES + "be_of_type"
    assert _one(_table(), kind, column=column, type_=declared).success
    for other in ("decimal(12,3)", "integer" if declared != "integer" else "double"):
        assert not _one(_table(), kind, column=column, type_=other).success


def test_column_of_an_undeclared_type_has_no_declared_type() -> None:
    table = pa.table({"t": pa.array([1], pa.int32())})
    verdict = _one(table, VALUES + "be_of_type", column="t", type_="integer")
    assert (verdict.success, verdict.error) == (False, False)


@pytest.mark.parametrize("name", ["select", "Grp", "a b", "1st", "über", "a:b%c?", "_num_rows"])
def test_any_name_of_a_column_will_do(name: str) -> None:
    table = pa.table({name: ["x", "y", "y"], "n": [1, 1, 1]})
    verdicts = _judge(
        table,
        Rule("set", VALUES + "be_in_set", {"column": name, "value_set": ["x"]}),
        Rule("unique", VALUES + "be_unique", {"column": name}),
        Rule("exists", "expect_column_to_exist", {"column": name}),
        Rule("columns", "expect_table_columns_to_match_set", {"column_set": [name, "n"]}),
        Rule("pairs", COMPOUND, {"column_list": [name, "n"]}),
    )
    assert [v.error for v in verdicts[:4]] == [False] * 4
    assert [v.unexpected for v in verdicts[:2]] == [2, 2]
    assert [v.success for v in verdicts[2:4]] == [True, True]
    assert verdicts[4].error or verdicts[4].unexpected == 2


# --- rules that cannot be judged --------------------------------------------------------------

MISFITS: dict[str, tuple[str, dict[str, Any]]] = {
    "column not there": (VALUES + "not_be_null", {"column": "no"}),
    "column in another case": (VALUES + "not_be_null", {"column": "order"}),
    "one of two columns not there": (PAIR, {"column_A": "n", "column_B": "no"}),
    "one of many columns not there": (COMPOUND, {"column_list": ["n", "no"]}),
    "regex on a number": (VALUES + "match_regex", {"column": "n", "regex": "1"}),
    "length of a number": (LENGTHS + "equal", {"column": "n", "value": 1}),
    "number for a date": (VALUES + "be_between", {"column": "day", "min_value": 20240101}),
    "time for a date": (VALUES + "be_between", {"column": "day", "min_value": "2024-01-01T00:00"}),
    "date for a number": (VALUES + "be_between", {"column": "n", "min_value": "2024-01-01"}),
    "time without offset": (VALUES + "be_between", {"column": "start", "min_value": "2024-01-01"}),
    "time with offset": (
        VALUES + "be_between",
        {"column": "taken", "min_value": "2024-01-01T00:00Z"},
    ),
    "range of texts": (VALUES + "be_between", {"column": "name", "min_value": 1}),
    "range of booleans": (VALUES + "be_between", {"column": "flag", "min_value": 0}),
    "mean of dates": ("expect_column_mean_to_be_between", {"column": "day", "min_value": 0}),
    "text among numbers": (VALUES + "be_in_set", {"column": "n", "value_set": [1, "2"]}),
    "boolean among numbers": (VALUES + "be_in_set", {"column": "n", "value_set": [True]}),
    "number among texts": (VALUES + "be_in_set", {"column": "code", "value_set": [7187]}),
    "no decimal": (VALUES + "be_in_set", {"column": "price", "value_set": ["NaN"]}),
    "dates among distinct texts": (DISTINCT, {"column": "code", "value_set": ["2024-01-01"]}),
    "date and number": (PAIR, {"column_A": "day", "column_B": "n"}),
    "decimal and double": (PAIR, {"column_A": "price", "column_B": "value"}),
    "possessive regex": (VALUES + "match_regex", {"column": "code", "regex": "a*+"}),
}


def test_rule_that_cannot_be_judged_is_an_error_and_takes_no_other_with_it() -> None:
    good = [
        Rule("set", VALUES + "be_in_set", {"column": "flag", "value_set": [True, False]}),
        Rule("regex", VALUES + "match_regex", {"column": "code", "regex": "^x"}),
        Rule("mean", "expect_column_mean_to_be_between", {"column": "n", "min_value": 4}),
    ]
    bad = [Rule(name, kind, kwargs) for name, (kind, kwargs) in MISFITS.items()]
    verdicts = _judge(_table(), *good[:2], *bad, *good[2:])
    assert [v.rule for v in verdicts if v.error] == list(MISFITS)
    assert not any(v.success for v in verdicts if v.error)
    assert [v.success for v in verdicts if not v.error] == [True, False, True]
    assert all(_counts(v) == (None, None, None) for v in verdicts if v.error)


def test_refuses_columns_that_differ_in_case_alone() -> None:
    with pytest.raises(Refused) as caught:
        _one(pa.table({"a": [1], "A": [2]}), VALUES + "not_be_null", column="a")
    assert caught.value.code == "columns-ambiguous"


def test_refuses_when_memory_does_not_do() -> None:
    table = pa.table({"t": [f"{i // 2:040d}" for i in range(300_000)]})
    rules = (Rule("unique", VALUES + "be_unique", {"column": "t"}),)
    with pytest.raises(Refused) as caught:
        _judge(table, *rules, memory_limit="10MB")
    assert caught.value.code == "validation-memory"
    assert caught.value.__context__ is None
    [verdict] = _judge(table, *rules)
    assert (verdict.success, verdict.unexpected) == (False, 300_000)


@pytest.mark.parametrize("limit", ["", "512", "0MB", "80%", "-1GB", "512MB; x", "lots"])
def test_refuses_a_memory_limit_that_is_no_size(limit: str) -> None:
    with pytest.raises(UsageError):
        GxJudge(limit)


# --- privacy ----------------------------------------------------------------------------------

CANARY = "Canari-Zoé-19700101"


def _canaries() -> pa.Table:
    secret = Decimal("31415926.53")
    return pa.table(
        {
            "t": [CANARY, CANARY + "2", None],
            "d": pa.array([dt.date(1931, 4, 15), None, dt.date(1931, 4, 16)]),
            "m": pa.array([secret, secret, None], pa.decimal128(12, 2)),
            "n": [27182818, 27182819, 27182820],
        }
    )


def _canary_rules() -> list[Rule]:
    kinds: list[tuple[str, dict[str, Any]]] = [
        (VALUES + "not_be_null", {"column": "t"}),
        (VALUES + "be_in_set", {"column": "t", "value_set": [CANARY, CANARY + "2"]}),
        (VALUES + "be_in_set", {"column": "t", "value_set": [CANARY]}),
        (VALUES + "not_match_regex", {"column": "t", "regex": CANARY}),
        (VALUES + "match_regex", {"column": "t", "regex": CANARY + "*+"}),
        (VALUES + "match_regex", {"column": "n", "regex": CANARY}),
        (DISTINCT, {"column": "t", "value_set": [CANARY + "3"]}),
        (DISTINCT, {"column": "d", "value_set": ["1931-04-15"]}),
        (VALUES + "be_between", {"column": "d", "max_value": "1931-04-15"}),
        (VALUES + "be_between", {"column": "t", "max_value": "1931-04-15"}),
        (VALUES + "be_unique", {"column": "m"}),
        (COMPOUND, {"column_list": ["t", "m"]}),
        (PAIR, {"column_A": "m", "column_B": "n"}),
        ("expect_column_max_to_be_between", {"column": "m", "max_value": 1}),
        ("expect_column_min_to_be_between", {"column": "d", "min_value": "1931-04-16"}),
        ("expect_column_mean_to_be_between", {"column": "n", "max_value": 27182819}),
        ("expect_column_sum_to_be_between", {"column": "m", "max_value": 31415926.53}),
        (VALUES + "not_be_null", {"column": "no"}),
    ]
    return [Rule(f"r{i}", kind, kwargs) for i, (kind, kwargs) in enumerate(kinds)]


TRACES = ("Canari", "Zo", "1931", "04-15", "31415926", "6283185", "271828")


def _leaks(text: str) -> list[str]:
    return [trace for trace in TRACES if trace in text]


def test_no_value_is_told(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    _judge(_canaries(), *_canary_rules())  # once, so that importing GX is out of the way
    capfd.readouterr()
    with caplog.at_level(logging.DEBUG):
        verdicts = _judge(_canaries(), *_canary_rules())
    assert {(v.success, v.error) for v in verdicts} == {
        (True, False),
        (False, False),
        (False, True),
    }
    assert _leaks(repr(verdicts)) == []
    assert caplog.records == []
    assert capfd.readouterr() == ("", "")


def test_unreadable_extract_is_reported_without_its_text(tmp_path: Path) -> None:
    path = tmp_path / f"{CANARY}.parquet"
    pq.write_table(_canaries(), path)
    extract = ds.dataset(path)
    path.unlink()
    with pytest.raises(Unavailable) as caught:
        GxJudge().judge(extract, _canary_rules())
    assert _leaks(str(caught.value)) == []
    assert caught.value.__context__ is None
    assert caught.value.__cause__ is None


def test_gives_up_when_gx_stops_computing(monkeypatch: pytest.MonkeyPatch) -> None:
    rule = Rule("set", DISTINCT, {"column": "t", "value_set": ["nothing of it"]})
    assert not _judge(_canaries(), rule)[0].success  # imports GX, too
    from great_expectations.execution_engine.sqlalchemy_execution_engine import (
        SqlAlchemyExecutionEngine,
    )

    def stop(*args: object, **kwargs: object) -> None:
        raise RuntimeError(CANARY)

    # GX would find no count of unexpected values, take it for 0, and pass the rule.
    name = "_process_direct_and_bundled_metric_computation_configurations"
    monkeypatch.setattr(SqlAlchemyExecutionEngine, name, stop)
    with pytest.raises(Unavailable) as caught:
        _judge(_canaries(), rule)
    assert _leaks(str(caught.value)) == []
    assert caught.value.__context__ is None


def test_engine_cannot_spill_or_reach_files(tmp_path: Path) -> None:
    _one(_table(), VALUES + "not_be_null", column="n")  # imports what warns
    import duckdb

    from remit.adapters.gx import duck as database

    duck = database._connect("100MB")
    setting = "SELECT current_setting('temp_directory'), current_setting('memory_limit')"
    assert duck.execute(setting).fetchall() == [("", "95.3 MiB")]
    for statement in (
        f"COPY (SELECT 1) TO '{tmp_path / 'x.csv'}'",
        f"SELECT * FROM read_text('{__file__}')",
        "SET temp_directory = '/tmp'",
        "SET enable_external_access = true",
    ):
        with pytest.raises(duckdb.Error):
            duck.execute(statement)
    duck.close()


def test_failed_query_does_not_tell_its_text() -> None:
    _one(_table(), VALUES + "not_be_null", column="n")
    import duckdb

    from remit.adapters.gx import duck as database
    from remit.adapters.gx import engine
    from remit.adapters.gx.feed import Extract

    source = database.Source(Extract(ds.dataset(_canaries())), {"t": "string"})
    duck = database.Duck({"extract": source}, "100MB")
    with pytest.raises(duckdb.Error) as caught:
        engine.Connection(duck).cursor().execute('SELECT CAST("t" AS INTEGER) FROM "extract"')
    assert str(caught.value) == "the query failed"
    assert caught.value.__context__ is None
    duck.close()


def test_column_that_does_not_decode_fails_its_rules_alone(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    pq.write_table(
        pa.table({"bad": [CANARY * 3], "good": [1]}), path, compression="none", use_dictionary=False
    )
    path.write_bytes(path.read_bytes().replace(b"Canari", b"\xff\xfe\xff\xfe\xff\xfe"))
    verdicts = GxJudge().judge(
        ds.dataset(path),
        [
            Rule("bad", VALUES + "match_regex", {"column": "bad", "regex": "Canari"}),
            Rule("good", VALUES + "be_unique", {"column": "good"}),
        ],
    )
    assert not verdicts[0].success
    assert verdicts[1].success
    assert _leaks(repr(verdicts)) == []


def test_logging_and_warnings_are_restored() -> None:
    loggers = [logging.getLogger(name) for name in ("great_expectations", "sqlalchemy")]
    before = [(logger.handlers, logger.propagate, logger.level) for logger in loggers]
    filters = list(warnings.filters)
    _one(_table(), VALUES + "not_be_null", column="n")
    assert [(logger.handlers, logger.propagate, logger.level) for logger in loggers] == before
    assert list(warnings.filters) == filters


def test_writes_no_file_opens_no_socket_and_says_nothing(tmp_path: Path) -> None:
    script = """
        import os, sys

        def watch(event, args):
            if event.startswith("socket.connect") or event == "socket.getaddrinfo":
                raise SystemExit(f"network: {event}")
            if event == "open" and isinstance(args[2], int) and args[0] != os.devnull:
                if args[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
                    raise SystemExit(f"file: {args[0]}")

        sys.addaudithook(watch)
        sys.path.insert(0, sys.argv[1])
        import test_gx
        from remit.adapters.gx import GxJudge
        for _ in range(2):
            rules = test_gx._canary_rules()
            verdicts = GxJudge().judge(test_gx.ds.dataset(test_gx._canaries()), rules)
            assert sum(v.success for v in verdicts) == 4, verdicts
    """
    places = {name: tmp_path / name for name in ("HOME", "TMPDIR", "cwd", "XDG_CONFIG_HOME")}
    for place in places.values():
        place.mkdir()
    environment = {
        **os.environ,
        **{name: str(place) for name, place in places.items()},
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": os.pathsep.join(str(Path(place).resolve()) for place in sys.path if place),
    }
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(script), str(Path(__file__).parent)],
        env=environment,
        cwd=places["cwd"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert [path for place in places.values() for path in place.rglob("*")] == []


# --- check ------------------------------------------------------------------------------------


def _column(kind: str, **kwargs: Any) -> tuple[str, dict[str, Any]]:
    return kind, {"column": "n", **kwargs}


REFUSED: dict[str, tuple[str, dict[str, Any]]] = {
    "unknown type": _column("expect_column_values_to_be_nice"),
    "custom SQL": ("unexpected_rows_expectation", {"unexpected_rows_query": "SELECT 1"}),
    "type of GX that is not listed": _column(
        "expect_column_quantile_values_to_be_between", quantile_ranges={}
    ),
    "result format": _column(VALUES + "not_be_null", result_format="COMPLETE"),
    "caught exceptions": _column(VALUES + "not_be_null", catch_exceptions=False),
    "row condition": _column(VALUES + "not_be_null", row_condition="n > 1"),
    "condition parser": _column(VALUES + "not_be_null", condition_parser="pandas"),
    "meta": _column(VALUES + "not_be_null", meta={"rule": "other"}),
    "batch": _column(VALUES + "not_be_null", batch_id="other"),
    "index of the column": _column("expect_column_to_exist", column_index=0),
    "parse of strings": _column(
        VALUES + "be_between", min_value=0, parse_strings_as_datetimes=True
    ),
    "no column": (VALUES + "not_be_null", {}),
    "empty column": (VALUES + "not_be_null", {"column": ""}),
    "column that is no name": (VALUES + "not_be_null", {"column": 1}),
    "quoted column": (VALUES + "not_be_null", {"column": '"n"'}),
    "parameter": (VALUES + "be_in_set", {"column": "n", "value_set": {"$PARAMETER": "p"}}),
    "no set": _column(VALUES + "be_in_set"),
    "empty set": _column(VALUES + "be_in_set", value_set=[]),
    "text for a set": _column(VALUES + "be_in_set", value_set="abc"),
    "missing value in a set": _column(VALUES + "be_in_set", value_set=[None]),
    "list in a set": _column(VALUES + "be_in_set", value_set=[[1]]),
    "NaN in a set": _column(VALUES + "be_in_set", value_set=[float("nan")]),
    "no bound": _column(VALUES + "be_between"),
    "no bound but strictness": _column(VALUES + "be_between", strict_min=True),
    "missing bound": _column(VALUES + "be_between", min_value=None, max_value=1),
    "bound that is no number": _column(VALUES + "be_between", min_value="ten"),
    "boolean bound": _column(VALUES + "be_between", min_value=True),
    "infinite bound": _column(VALUES + "be_between", max_value=float("inf")),
    "bound that a double rounds": _column(VALUES + "be_between", max_value=2**53 + 1),
    "bounds in the wrong order": _column(VALUES + "be_between", min_value=2, max_value=1),
    "bounds of two kinds": _column(VALUES + "be_between", min_value=2, max_value="2024-01-01"),
    "date object": _column(VALUES + "be_between", min_value=dt.date(2024, 1, 1)),
    "no such day": _column(VALUES + "be_between", min_value="2024-02-30"),
    "strictness that is no boolean": _column(VALUES + "be_between", min_value=1, strict_min=1),
    "date for a mean": _column("expect_column_mean_to_be_between", min_value="2024-01-01"),
    "length below 0": _column(LENGTHS + "be_between", min_value=-1),
    "length with a fraction": _column(LENGTHS + "equal", value=1.5),
    "number of rows as text": ("expect_table_row_count_to_equal", {"value": "7"}),
    "mostly 0": _column(VALUES + "not_be_null", mostly=0),
    "mostly above 1": _column(VALUES + "not_be_null", mostly=1.01),
    "mostly that is no number": _column(VALUES + "not_be_null", mostly="0.9"),
    "mostly on an aggregate": _column("expect_column_sum_to_be_between", min_value=0, mostly=0.9),
    "broken regex": _column(VALUES + "match_regex", regex="("),
    "empty regex": _column(VALUES + "match_regex", regex=""),
    "lookahead": _column(VALUES + "match_regex", regex="a(?=b)"),
    "lookbehind": _column(VALUES + "match_regex", regex="(?<!a)b"),
    "numbered backreference": _column(VALUES + "match_regex", regex=r"(a)\1"),
    "named backreference": _column(VALUES + "match_regex", regex="(?P<x>a)(?P=x)"),
    "end of text as Python has it": _column(VALUES + "match_regex", regex=r"a\Z"),
    "regex that dialects read differently": _column(VALUES + "match_regex", regex="[[a]--b]"),
    "type of another vocabulary": _column(VALUES + "be_of_type", type_="VARCHAR"),
    "uuid": _column(VALUES + "be_of_type", type_="uuid"),
    "decimal without digits": _column(VALUES + "be_of_type", type_="decimal"),
    "type that is no text": _column(VALUES + "be_of_type", type_=["integer"]),
    "one column twice": (COMPOUND, {"column_list": ["n", "n"]}),
    "set of columns that is empty": ("expect_table_columns_to_match_set", {"column_set": []}),
    "other treatment of missing values": (
        COMPOUND,
        {"column_list": ["n", "m"], "ignore_row_if": "never"},
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refuses_rule(name: str) -> None:
    kind, kwargs = REFUSED[name]
    with pytest.raises(Refused) as caught:
        GxJudge().check(
            [Rule("fine", VALUES + "be_unique", {"column": "n"}), Rule(name, kind, kwargs)]
        )
    assert (caught.value.code, caught.value.where) == ("expectation-unknown", f"rule {name}")


def test_refuses_compound_of_one_column() -> None:
    with pytest.raises(Refused, match="expectation-unknown"):
        GxJudge().check([Rule("one", COMPOUND, {"column_list": ["n"]})])


@pytest.mark.parametrize(
    "regex", [r"^\d{5}$", r"\.", "a|b", "(?i)é", "(?:ab)+", r"[^\w\s]", r"\(\?=", "(?P<x>a)"]
)
def test_accepts_regex(regex: str) -> None:
    GxJudge().check([Rule("r", VALUES + "match_regex", {"column": "t", "regex": regex})])


def test_accepts_every_rule_of_the_contract() -> None:
    GxJudge().check([Rule(str(i), kind, kwargs) for i, (kind, kwargs, _) in enumerate(CASES)])


def test_refuses_two_rules_of_one_id() -> None:
    rule = Rule("twin", VALUES + "be_unique", {"column": "n"})
    with pytest.raises(Refused) as caught:
        GxJudge().check([rule, rule])
    assert (caught.value.code, caught.value.where) == ("expectation-duplicate", "rule twin")


def test_refuses_no_rules() -> None:
    for refusing in (
        lambda: GxJudge().check([]),
        lambda: GxJudge().judge(ds.dataset(_table()), []),
    ):
        with pytest.raises(Refused, match="expectation-none"):
            refusing()


def test_judge_checks_first() -> None:
    with pytest.raises(Refused, match="expectation-unknown"):
        _one(_table(), VALUES + "not_be_null", column="n", result_format="COMPLETE")


@given(
    value=st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists, max_leaves=4)
)
@settings(max_examples=30, deadline=None, database=None)
def test_check_refuses_or_accepts_whatever_it_is_given(value: Any) -> None:
    for kind, expectation in EXPECTATIONS.items():
        names = sorted(expectation.required | expectation.optional)
        for name in names:
            kwargs = {other: value if other == name else "x" for other in names}
            with suppress(Refused):
                GxJudge().check([Rule("r", kind, kwargs)])


def test_importing_and_checking_import_nothing_heavy() -> None:
    script = f"""
        import json, sys
        from remit.adapters.gx import GxJudge
        from remit.ports import Rule
        judge = GxJudge()
        judge.check([Rule("r", {VALUES + "be_unique"!r}, {{"column": "n"}})])
        heavy = ["great_expectations", "duckdb", "pyarrow", "sqlalchemy", "pandas", "numpy"]
        print(json.dumps([judge.engine, [name for name in heavy if name in sys.modules]]))
    """
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(script)],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(str(Path(p).resolve()) for p in sys.path if p),
        },
        capture_output=True,
        text=True,
        check=True,
    )
    engine, heavy = json.loads(done.stdout)
    assert heavy == []
    assert engine.startswith("great_expectations 1.")
    assert " on duckdb " in engine


def test_is_a_judge() -> None:
    judge: Judge = GxJudge()
    assert judge.engine
