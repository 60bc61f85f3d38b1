"""Planted values show nowhere: every expectation, every outcome, every type of column.

An expectation without cases here fails, so that a new one is planted as well.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import traceback
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds
import pytest

from remit.adapters.gx import GxJudge
from remit.adapters.gx.vocabulary import EXPECTATIONS
from remit.errors import RemitError
from remit.ports import Rule, Verdict
from remit.report import TableReport, ValidationReport, finding

pytestmark = pytest.mark.slow

TEXT = "Canari-Zoé"
NIR = "255081416802538"
DAY = dt.date(1931, 4, 15)
MOMENT = dt.datetime(1931, 4, 15, 1, 2, 3)
# What would tell a planted value, in any spelling that an engine might give it.
TRACES = ("Canari", "Zo", NIR, "1931", "Apr", "27182818", "31415", "14142")
COLUMNS: dict[str, pa.Array] = {
    "text": pa.array([TEXT, TEXT + " vue", None]),
    "integer": pa.array([27182818, 27182819, None], pa.int64()),
    "double": pa.array([31415.92653, 31416.5, None], pa.float64()),
    "exact": pa.array([Decimal("14142.13"), Decimal("14142.14"), None], pa.decimal128(12, 2)),
    "day": pa.array([DAY, DAY + dt.timedelta(1), None], pa.date32()),
    "moment": pa.array([MOMENT, MOMENT + dt.timedelta(1), None], pa.timestamp("us")),
    "instant": pa.array([MOMENT.replace(tzinfo=dt.UTC)] * 2 + [None], pa.timestamp("us", "UTC")),
    "flag": pa.array([True, False, None]),
    "nir": pa.array([NIR, "253072A07300443", None]),
    "name": pa.array([TEXT, "Morvan", None]),
    "code": pa.array(["718-7", "718-7", None]),
    "unit": pa.array(["g/dL", "g/dL", None]),
    "site": pa.array(["A", "A", "A"]),
}
OTHERS = {"more": pa.table({"key": pa.array([TEXT, TEXT + " vue"]), "other": pa.array(["x", "y"])})}
TYPED = ["text", "integer", "double", "exact", "day", "moment", "instant"]
NUMBERS = {"integer": 27182818, "double": 31415.92653, "exact": 14142.13}
TIMES = {"day": "1931-04-15", "moment": "1931-04-15T01:02:03", "instant": "1931-04-15T01:02:03Z"}
VALUES = "expect_column_values_to_"
TABLE = "expect_table_"
COLUMN = "expect_column_"

Kwargs = list[dict[str, Any]]


def _each(columns: list[str], **more: Any) -> Kwargs:
    return [{"column": column, **more} for column in columns]


def _bounds(of: dict[str, Any], bound: str) -> Kwargs:
    return [{"column": column, bound: value} for column, value in of.items()]


def _sets(name: str, change: Any = None) -> Kwargs:
    members = {"text": TEXT, **NUMBERS, **TIMES, "exact": "14142.13"}
    return [{"column": c, name: [v if change is None else change]} for c, v in members.items()]


def _range(**bounds: float) -> Kwargs:
    shared = {"code_column": "code", "unit_column": "unit", "otherwise": "pass"}
    ranges = [{"code": "718-7", "unit": "g/dL", **bounds}]
    return [{"column": column, "ranges": ranges, **shared} for column in NUMBERS]


def _scope(day: str, text: list[str]) -> Kwargs:
    window = {"column": "day", "from": day, "until": "1931-04-17"}
    return [{"scope": [window, {"column": "text", "in": text}]}]


OLD = {**dict.fromkeys(NUMBERS, 1), "day": "1900-01-01", "moment": "1900-01-01T00:00:00",
       "instant": "1900-01-01T00:00:00Z"}  # fmt: skip
BOTH = [TEXT, TEXT + " vue"]

# Of each expectation: arguments with which it holds on the table, and with which it does not.
CASES: dict[str, tuple[Kwargs, Kwargs]] = {
    TABLE + "columns_to_match_set": ([{"column_set": [*COLUMNS]}], [{"column_set": ["text"]}]),
    TABLE + "columns_to_match_ordered_list": (
        [{"column_list": [*COLUMNS]}],
        [{"column_list": [*COLUMNS][::-1]}],
    ),
    TABLE + "row_count_to_equal": ([{"value": 3}], [{"value": 27182818}]),
    TABLE + "row_count_to_be_between": ([{"max_value": 27182818}], [{"min_value": 27182818}]),
    COLUMN + "to_exist": (_each([*COLUMNS]), [{"column": "no"}]),
    VALUES + "be_of_type": (
        [{"column": "text", "type_": "string"}],
        _each(TYPED, type_="boolean"),
    ),
    VALUES + "not_be_null": (_each(TYPED, mostly=0.5), _each(TYPED)),
    VALUES + "be_null": (_each(TYPED, mostly=0.3), _each(TYPED)),
    VALUES + "be_unique": (_each(TYPED[:-1]), _each(["instant"])),
    VALUES + "be_in_set": ([{"column": "text", "value_set": BOTH}], _sets("value_set")[:-1]),
    VALUES + "not_be_in_set": ([{"column": "text", "value_set": ["x"]}], _sets("value_set")),
    VALUES + "match_regex": (_each(["text"], regex="^Canari"), _each(["text"], regex="Zoé$")),
    VALUES + "not_match_regex": (_each(["text"], regex="^Zoé"), _each(["text"], regex="^Canari")),
    COLUMN + "value_lengths_to_equal": (_each(["nir"], value=15), _each(["text"], value=10)),
    COLUMN + "value_lengths_to_be_between": (
        _each(["text"], min_value=3),
        _each(["text"], max_value=3),
    ),
    VALUES + "be_between": (
        _bounds({**NUMBERS, **TIMES}, "min_value"),
        _bounds(OLD, "max_value"),
    ),
    COLUMN + "min_to_be_between": (
        _bounds({**NUMBERS, **TIMES}, "max_value"),
        _bounds(OLD, "max_value"),
    ),
    COLUMN + "max_to_be_between": (
        _bounds({**NUMBERS, **TIMES}, "min_value"),
        _bounds(OLD, "max_value"),
    ),
    COLUMN + "mean_to_be_between": (_bounds(NUMBERS, "min_value"), _bounds(NUMBERS, "max_value")),
    COLUMN + "sum_to_be_between": (_bounds(NUMBERS, "min_value"), _bounds(NUMBERS, "max_value")),
    COLUMN + "distinct_values_to_be_in_set": (
        [{"column": "text", "value_set": BOTH}],
        _sets("value_set")[:-1],
    ),
    COLUMN + "pair_values_a_to_be_greater_than_b": (
        [{"column_A": "integer", "column_B": "double"}],
        [{"column_A": "double", "column_B": "integer"}, {"column_A": "day", "column_B": "day"}],
    ),
    "expect_compound_columns_to_be_unique": (
        [{"column_list": ["text", "exact"]}, {"column_list": ["day", "moment"]}],
        [{"column_list": ["instant", "code"]}],
    ),
    "expect_rows_to_be_in_scope": (
        [{"scope": [{"column": "site", "in": ["A"]}]}],
        _scope("1931-04-15", [TEXT]) + _scope("1931-04-16", BOTH),
    ),
    VALUES + "be_found_in": (
        _each(["text"], table="more", key="key"),
        _each(["text"], table="more", key="other"),
    ),
    VALUES + "be_loinc_code": (_each(["code"]), _each(["text", "nir"])),
    VALUES + "be_ucum_unit": (_each(["unit"]), _each(["text"])),
    VALUES + "be_nir": (_each(["nir"]), _each(["text"])),
    VALUES + "be_in_reference_range": (_range(high=1e9), _range(high=1)),
    VALUES + "hold_no_direct_identifiers": (
        _each(["text"], kinds=["nir", "email", "phone", "iban"]),
        _each(["nir"], kinds=["nir"]),
    ),
    VALUES + "hold_no_names_of": (
        _each(["code"], name_columns=["name"]),
        _each(["text"], name_columns=["name"]),
    ),
}


def _rules() -> list[Rule]:
    return [
        Rule(f"{kind} {outcome} {i}", kind, kwargs)
        for kind, cases in CASES.items()
        for outcome, arguments in zip(("passes", "fails"), cases, strict=True)
        for i, kwargs in enumerate(arguments)
    ]


def _told(rules: list[Rule]) -> list[Verdict]:
    others = {name: ds.dataset(table) for name, table in OTHERS.items()}
    return GxJudge().judge(ds.dataset(pa.table(COLUMNS)), rules, others)


def _leaks(text: str) -> list[str]:
    return [trace for trace in TRACES if trace in text]


def _everything_of(error: BaseException | None) -> str:
    """All that could be printed of an exception and of what it is chained to."""
    text = ""
    while error is not None:
        text += f"{error!s} {error!r} {''.join(traceback.format_exception(error))} {vars(error)}"
        error = error.__cause__ or error.__context__
    return text


class _Keeping(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(f"{record.getMessage()} {record.args!r} {record.exc_info!r}")


@pytest.fixture
def kept() -> Iterator[_Keeping]:
    """All that is logged, by the libraries' own loggers too, at DEBUG."""
    handler = _Keeping()
    loggers = [logging.getLogger(n) for n in ("", "great_expectations", "sqlalchemy", "duckdb")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(logging.DEBUG)
    yield handler
    for logger, level in zip(loggers, levels, strict=True):
        logger.removeHandler(handler)
        logger.setLevel(level)


def _said_of(verdicts: list[Verdict], rules: list[Rule]) -> str:
    """All that leaves the step: the report, as evidence has it, and the refusal."""
    found = tuple(finding(rule, verdict, 1) for rule, verdict in zip(rules, verdicts, strict=True))
    report = ValidationReport("x", (TableReport("t", 3, found),))
    with pytest.raises(RemitError) as caught:
        report.require_passed()
    return repr(verdicts) + json.dumps(report.as_json()) + _everything_of(caught.value)


def test_every_expectation_has_cases_that_pass_and_fail() -> None:
    assert CASES.keys() == EXPECTATIONS.keys()
    assert all(passes and fails for passes, fails in CASES.values())


def test_no_planted_value_shows_when_rules_pass_and_fail(
    kept: _Keeping, capfd: pytest.CaptureFixture[str]
) -> None:
    rules = _rules()
    _told(rules[:1])  # importing the libraries is out of the way
    capfd.readouterr()
    kept.said.clear()
    verdicts = _told(rules)

    assert [v.rule for v in verdicts if v.error or v.success != ("passes" in v.rule)] == []
    assert _leaks(_said_of(verdicts, rules)) == []
    assert _leaks(" ".join(kept.said)) == []
    assert capfd.readouterr() == ("", "")


def _boom(*_: Any, **__: Any) -> Any:
    raise ValueError(f"{TEXT} {NIR} 27182818 1931-04-15 31415.92653 14142.13") from KeyError(TEXT)


def _raising(monkeypatch: pytest.MonkeyPatch, kind: str, where: str) -> None:
    from great_expectations.expectations.registry import get_expectation_impl
    from sqlalchemy.engine.default import DefaultDialect

    if where == "the expectation":
        monkeypatch.setattr(get_expectation_impl(kind), "_validate", _boom)
    else:
        monkeypatch.setattr(DefaultDialect, "do_execute", _boom)
        monkeypatch.setattr(DefaultDialect, "do_execute_no_params", _boom)


@pytest.mark.parametrize("where", ["the expectation", "the query"])
@pytest.mark.parametrize("kind", sorted(EXPECTATIONS))
def test_no_planted_value_shows_when_a_rule_raises(
    kind: str,
    where: str,
    kept: _Keeping,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rules = [rule for rule in _rules() if rule.type == kind][:2]
    _told(rules[:1])
    capfd.readouterr()
    kept.said.clear()
    _raising(monkeypatch, kind, where)
    try:
        verdicts = _told(rules)
        said = repr(verdicts)
    except RemitError as error:
        verdicts, said = [], _everything_of(error)
    monkeypatch.undo()

    # Counts that are not asked of the database cannot fail there.
    if where == "the expectation":
        assert not any(verdict.success for verdict in verdicts)
    assert _leaks(said) == []
    assert _leaks(" ".join(kept.said)) == []
    assert capfd.readouterr() == ("", "")
