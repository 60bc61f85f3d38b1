"""The field's own expectations: equal on DuckDB and on pandas, and what each of them means."""

from __future__ import annotations

import datetime as dt
import traceback
import warnings
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from remit import direct_identifiers
from remit.adapters.gx import GxJudge
from remit.adapters.gx.arguments import IDENTIFIERS
from remit.adapters.gx.vocabulary import FIELD
from remit.errors import Refused
from remit.ports import Rule, Verdict

pytestmark = pytest.mark.slow

VALUES = "expect_column_values_to_"
RANGE = VALUES + "be_in_reference_range"
SCOPE = "expect_rows_to_be_in_scope"
RANGES = [
    {"code": "718-7", "low": 5, "high": 25},
    {"code": "2345-7", "low": 0.2},
    {"code": "2823-3", "high": 7.5},
]
IN_UNITS = [
    {"code": "718-7", "unit": "g/dL", "low": 5, "high": 25},
    {"code": "718-7", "unit": "mmol/L", "low": 3.1, "high": 15.5},
    {"code": "2345-7", "unit": "mmol/L", "low": 0.2, "high": 60},
]


def _table() -> pa.Table:
    """Invented results of invented people."""
    days = [dt.date(2024, 1, day) for day in (1, 2, 31)] + [dt.date(2024, 2, 1), None] * 3
    return pa.table(
        {
            "code": ["718-7", "718-7", "2345-7", "2823-3", "718-8", None, "2345-7", "718-7"],
            "unit": ["g/dL", "mmol/L", "mmol/L", "mmol/L", "G/DL", "g/dL", None, "g/L"],
            "value": [13.5, 25.1, float("nan"), 7.5, None, 1.0, 0.2, 5.0],
            "exact": pa.array(
                [Decimal(t) if t else None for t in ("13.50", "25.01", "", "7.51", "0", "1", "0.20", "5")],
                pa.decimal128(10, 2),
            ),
            "whole": [5, 26, 0, 7, None, 1, 1, 4],
            "nir": ["255081416802538", "253072A07300443", "255081416802539", "", None, "1", None,
                    "253072B07300470"],
            "comment": ["seen by Dr Tanguy Kerouan", "call 01 99 00 12 34", "rien", None, "",
                        "zoe.kerouan@durand.example", "NIR 2 55 08 14 168 025 38", "Zoé va bien"],
            "family": ["KEROUAN", "Kerouan", None, "Kerouan", "Kerouan", "Kerouan", "Kerouan", None],
            "given": ["Zoé", "Zoé", "Zoé", None, "Zoé", "Zoé", None, "Zoé"],
            "day": pa.array(days[:8], pa.date32()),
            "at": pa.array([dt.datetime(2024, 1, n, 8, tzinfo=dt.UTC) for n in range(1, 9)],
                           pa.timestamp("us", "UTC")),
            "site": ["A", "B", "A", "C", None, "A", "A", "A"],
            "number": pa.array([1, 2, 3, None, 5, 6, 7, 8], pa.int64()),
            "gone": pa.array([None] * 8, pa.string()),
        }
    )  # fmt: skip


JANUARY = {"column": "day", "from": "2024-01-01", "until": "2024-02-01"}
CASES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    *[(VALUES + "be_loinc_code", {"column": c}, {}) for c in ("code", "unit", "gone")],
    *[(VALUES + "be_ucum_unit", {"column": c}, {}) for c in ("code", "unit", "gone")],
    *[(VALUES + "be_nir", {"column": c}, {}) for c in ("nir", "gone")],
    (VALUES + "be_loinc_code", {"column": "code", "mostly": 0.8}, {}),
    (VALUES + "be_nir", {"column": "nir", "mostly": 0.5}, {}),
    *[
        (RANGE, {"column": c, "code_column": "code", "ranges": r, "otherwise": o, **u, **m}, {})
        for c in ("value", "exact", "whole")
        for o in ("pass", "fail")
        for r, u in ((RANGES, {}), (IN_UNITS, {"unit_column": "unit"}))
        for m in ({}, {"mostly": 0.5})
    ],
    (RANGE, {"column": "value", "code_column": "gone", "ranges": RANGES, "otherwise": "pass"}, {}),
    *[
        (VALUES + "hold_no_direct_identifiers", {"column": c, "kinds": k}, {})
        for c in ("comment", "unit", "gone")
        for k in (["nir"], ["email", "phone"], sorted(IDENTIFIERS))
    ],
    (VALUES + "hold_no_direct_identifiers", {"column": "comment", "kinds": ["nir"], "mostly": 0.8}, {}),
    *[
        (VALUES + "hold_no_names_of", {"column": c, "name_columns": n}, {})
        for c in ("comment", "unit", "gone")
        for n in (["family"], ["given"], ["family", "given"], ["family", "gone", "given"])
    ],
    (SCOPE, {"scope": [{"column": "number", "in": [1, 2, 3, 5, 6, 7, 8]}]}, {}),
    (SCOPE, {"scope": [{"column": "code", "in": ["718-7"]}, {"column": "site", "in": ["A"]}]}, {}),
    (SCOPE, {"scope": [JANUARY]}, {"scope": [
        {"column": "day", "from": dt.date(2024, 1, 1), "until": dt.date(2024, 2, 1)}]}),
    (SCOPE, {"scope": [{"column": "at", "from": "2024-01-01T09:00:00+01:00",
                        "until": "2024-01-09T00:00:00Z"}]},
     {"scope": [{"column": "at", "from": dt.datetime(2024, 1, 1, 8, tzinfo=dt.UTC),
                 "until": dt.datetime(2024, 1, 9, tzinfo=dt.UTC)}]}),
    (SCOPE, {"scope": [{"column": "at", "from": "2024-01-01T08:00:00Z", "until": "2024-01-08T08:00:00Z"},
                       {"column": "site", "in": ["A", "B", "C"]}]},
     {"scope": [{"column": "at", "from": dt.datetime(2024, 1, 1, 8, tzinfo=dt.UTC),
                 "until": dt.datetime(2024, 1, 8, 8, tzinfo=dt.UTC)},
                {"column": "site", "in": ["A", "B", "C"]}]}),
]  # fmt: skip


def _judge(table: pa.Table, *rules: Rule) -> list[Verdict]:
    return GxJudge().judge(ds.dataset(table), rules)


def _one(table: pa.Table, kind: str, **kwargs: Any) -> Verdict:
    [verdict] = _judge(table, Rule("only", kind, kwargs))
    return verdict


def _told(kind: str, **columns: Any) -> list[bool]:
    """What the rule says of each row, judged alone."""
    kwargs = {name: value for name, value in columns.items() if name.startswith("_")}
    table = pa.table({name: columns[name] for name in columns.keys() - kwargs.keys()})
    given = {name.removeprefix("_"): value for name, value in kwargs.items()}
    return [_one(table.slice(row, 1), kind, **given).success for row in range(len(table))]


# --- the contract with GX on pandas ---------------------------------------------------------------


def _on_pandas(table: pa.Table, cases: list[tuple[str, dict[str, Any]]]) -> list[Any]:
    """The same rules by the public way: an ephemeral context and `batch.validate`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import great_expectations as gx
        from great_expectations.expectations.expectation_configuration import (
            ExpectationConfiguration,
        )

        from remit.adapters.gx.field import expectations  # noqa: F401  (makes them known)

        context = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = {"globally": False, "metric_calculations": False}  # type: ignore[assignment]
        asset = context.data_sources.add_pandas("source").add_dataframe_asset("asset")
        batch = asset.add_batch_definition_whole_dataframe("all").get_batch(
            {"dataframe": table.to_pandas()}
        )
        return [
            batch.validate(
                ExpectationConfiguration(kind, kwargs).to_domain_obj(), result_format="BASIC"
            )
            for kind, kwargs in cases
        ]


@pytest.fixture(scope="module")
def ours() -> list[Verdict]:
    return _judge(_table(), *[Rule(f"rule {i}", c[0], c[1]) for i, c in enumerate(CASES)])


@pytest.fixture(scope="module")
def on_pandas() -> list[Any]:
    return _on_pandas(_table(), [(kind, {**kwargs, **instead}) for kind, kwargs, instead in CASES])


def _counts(result: Any) -> tuple[Any, ...]:
    assert "'raised_exception': True" not in str(result.exception_info), result.exception_info
    names = ("element_count", "unexpected_count", "missing_count")
    return (result.success, *(result.result.get(name) for name in names))


@pytest.mark.parametrize("case", range(len(CASES)), ids=lambda i: f"{i}-{CASES[i][0]}")
def test_judges_as_on_pandas(case: int, ours: list[Verdict], on_pandas: list[Any]) -> None:
    mine = ours[case]

    assert not mine.error
    assert (mine.success, mine.elements, mine.unexpected, mine.missing) == _counts(on_pandas[case])


def test_contract_has_a_pass_and_a_fail_of_every_expectation(ours: list[Verdict]) -> None:
    told = {(verdict.type, verdict.success) for verdict in ours}

    assert told == {(kind, success) for kind in FIELD for success in (True, False)}


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["718-7", "2345-7", "x", "", None]),
            st.sampled_from(["g/dL", "mmol/L", "", None]),
            st.none() | st.floats(-1, 70, width=16) | st.just(float("nan")),
        ),
        min_size=1,
        max_size=8,
    ),
    st.sampled_from(["pass", "fail"]),
)
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_ranges_are_equal_on_both_engines(rows: list[tuple[Any, ...]], otherwise: str) -> None:
    codes, units, values = zip(*rows, strict=True)
    table = pa.table(
        {
            "code": pa.array(codes, pa.string()),
            "unit": pa.array(units, pa.string()),
            "value": pa.array(values, pa.float64()),
        }
    )
    shared = {"column": "value", "code_column": "code", "otherwise": otherwise}
    cases = [shared | {"ranges": RANGES}, shared | {"ranges": IN_UNITS, "unit_column": "unit"}]
    mine = _judge(table, *[Rule(str(i), RANGE, kwargs) for i, kwargs in enumerate(cases)])

    assert [(v.success, v.elements, v.unexpected, v.missing) for v in mine] == [
        _counts(result) for result in _on_pandas(table, [(RANGE, kwargs) for kwargs in cases])
    ]


# --- what each means ------------------------------------------------------------------------------


def test_values_at_and_outside_the_bounds_of_their_code() -> None:
    told = _told(
        RANGE,
        value=[5.0, 25.0, 4.9, 25.1, 1e9, 0.1],
        code=["718-7"] * 4 + ["2345-7"] * 2,
        _column="value", _code_column="code", _ranges=RANGES, _otherwise="fail",
    )  # fmt: skip

    assert told == [True, True, False, False, True, False]


@pytest.mark.parametrize("otherwise", ["pass", "fail"])
def test_code_without_a_range_does_as_is_stated(otherwise: str) -> None:
    verdict = _one(
        pa.table({"value": [1.0, 1.0], "code": pa.array(["9-9", None])}),
        RANGE,
        column="value", code_column="code", ranges=RANGES, otherwise=otherwise,
    )  # fmt: skip

    assert verdict.unexpected == (0 if otherwise == "pass" else 2)


def test_value_in_a_unit_that_its_code_has_no_range_for_fails_either_way() -> None:
    for otherwise in ("pass", "fail"):
        told = _told(
            RANGE,
            value=[10.0, 10.0, 10.0, 10.0],
            code=["718-7"] * 4,
            unit=pa.array(["g/dL", "mmol/L", "g/L", None]),
            _column="value", _code_column="code", _unit_column="unit", _ranges=IN_UNITS,
            _otherwise=otherwise,
        )  # fmt: skip

        assert told == [True, True, False, False]


def test_row_with_a_missing_value_in_a_limiting_column_is_out_of_scope() -> None:
    table = pa.table({"day": pa.array([dt.date(2024, 1, 1), None], pa.date32())})
    verdict = _one(table, SCOPE, scope=[JANUARY])

    assert (verdict.success, verdict.elements, verdict.unexpected) == (False, 2, 1)


def test_end_of_a_window_is_outside_and_its_start_inside() -> None:
    days = pa.array([dt.date(2024, 1, 1), dt.date(2024, 2, 1), dt.date(2023, 12, 31)], pa.date32())

    assert _told(SCOPE, day=days, _scope=[JANUARY]) == [True, False, False]


def test_rows_meet_every_limit_or_are_out_of_scope() -> None:
    scope = [{"column": "site", "in": ["A", "B"]}, {"column": "site", "in": ["B", "C"]}]

    assert _told(SCOPE, site=["A", "B", "C"], _scope=scope) == [False, True, False]


def test_empty_extract_is_in_scope() -> None:
    verdict = _one(_table().slice(0, 0), SCOPE, scope=[JANUARY])

    assert (verdict.success, verdict.error, verdict.unexpected) == (True, False, 0)


def test_names_are_those_of_the_same_row() -> None:
    told = _told(
        VALUES + "hold_no_names_of",
        text=["Vu avec Kerouan", "Vu avec Kerouan"],
        family=["Kerouan", "Morvan"],
        _column="text", _name_columns=["family"],
    )  # fmt: skip

    assert told == [False, True]


def test_many_rows_in_many_vectors_are_each_judged_once() -> None:
    numbers = 10_000
    table = pa.table(
        {
            "code": ["718-7", "718-8", None, "x"] * numbers,
            "text": ["ras", "vu Kerouan", None, "a@b.example"] * numbers,
            "name": ["Kerouan", "Kerouan", "Kerouan", None] * numbers,
        }
    )
    verdicts = _judge(
        table,
        Rule("code", VALUES + "be_loinc_code", {"column": "code"}),
        Rule("mail", VALUES + "hold_no_direct_identifiers", {"column": "text", "kinds": ["email"]}),
        Rule("name", VALUES + "hold_no_names_of", {"column": "text", "name_columns": ["name"]}),
    )

    assert [v.unexpected for v in verdicts] == [2 * numbers, numbers, numbers]
    assert {v.missing for v in verdicts} == {numbers}


def test_kinds_of_identifiers_are_those_that_can_be_found() -> None:
    assert frozenset(direct_identifiers.KINDS) == IDENTIFIERS


# --- rules that cannot be judged, and rules that are refused --------------------------------------

MISFITS: dict[str, tuple[str, dict[str, Any]]] = {
    "code in numbers": (VALUES + "be_loinc_code", {"column": "number"}),
    "range of texts": (
        RANGE,
        {"column": "unit", "code_column": "code", "ranges": RANGES, "otherwise": "pass"},
    ),
    "codes that are numbers": (
        RANGE,
        {"column": "value", "code_column": "number", "ranges": RANGES, "otherwise": "pass"},
    ),
    "names that are numbers": (
        VALUES + "hold_no_names_of",
        {"column": "comment", "name_columns": ["family", "number"]},
    ),
    "names that are not there": (
        VALUES + "hold_no_names_of",
        {"column": "comment", "name_columns": ["no"]},
    ),
    "window on text": (
        SCOPE,
        {"scope": [{"column": "site", "from": "2024-01-01", "until": "2024-02-01"}]},
    ),
    "times for a date": (
        SCOPE,
        {"scope": [{"column": "day", "from": "2024-01-01T00:00:00", "until": "2024-02-01"}]},
    ),
    "number for a text": (SCOPE, {"scope": [{"column": "site", "in": [1]}]}),
    "limit on a column that is not there": (SCOPE, {"scope": [{"column": "no", "in": ["A"]}]}),
}


def test_rule_that_does_not_fit_its_columns_is_an_error() -> None:
    rules = [Rule(name, kind, kwargs) for name, (kind, kwargs) in MISFITS.items()]
    verdicts = _judge(_table(), *rules, Rule("good", SCOPE, {"scope": [JANUARY]}))

    assert [v.rule for v in verdicts if v.error] == list(MISFITS)


REFUSED: dict[str, tuple[str, dict[str, Any]]] = {
    "no kinds": (VALUES + "hold_no_direct_identifiers", {"column": "t", "kinds": []}),
    "kind that nobody looks for": (
        VALUES + "hold_no_direct_identifiers",
        {"column": "t", "kinds": ["nir", "passport"]},
    ),
    "no names": (VALUES + "hold_no_names_of", {"column": "t", "name_columns": []}),
    "names as a text": (VALUES + "hold_no_names_of", {"column": "t", "name_columns": "family"}),
    "no scope": (SCOPE, {"scope": []}),
    "half a window": (SCOPE, {"scope": [{"column": "t", "from": "2024-01-01"}]}),
    "empty list": (SCOPE, {"scope": [{"column": "t", "in": []}]}),
    "limit without a column": (SCOPE, {"scope": [{"in": ["A"]}]}),
    "window and list": (SCOPE, {"scope": [{**JANUARY, "in": ["A"]}]}),
    "share of a scope": (SCOPE, {"scope": [JANUARY], "mostly": 0.9}),
    **{
        f"ranges: {name}": (
            RANGE,
            {"column": "v", "code_column": "c", "ranges": ranges, "otherwise": "pass", **more},
        )
        for name, ranges, more in [
            ("none", [], {}),
            ("no bound", [{"code": "1-8"}], {}),
            ("no code", [{"low": 1}], {}),
            ("bounds in the wrong order", [{"code": "1-8", "low": 2, "high": 1}], {}),
            ("bound that is a text", [{"code": "1-8", "low": "1"}], {}),
            ("bound that is not finite", [{"code": "1-8", "low": float("nan")}], {}),
            ("a code twice", [{"code": "1-8", "low": 1}, {"code": "1-8", "low": 2}], {}),
            ("unit without a column", [{"code": "1-8", "unit": "g", "low": 1}], {}),
            ("column without a unit", [{"code": "1-8", "low": 1}], {"unit_column": "u"}),
            (
                "some with a unit",
                [{"code": "1-8", "unit": "g", "low": 1}, {"code": "2-6", "low": 2}],
                {"unit_column": "u"},
            ),
            ("a field of another name", [{"code": "1-8", "low": 1, "max": 2}], {}),
            ("neither pass nor fail", [{"code": "1-8", "low": 1}], {"otherwise": "warn"}),
        ]
    },
    "codes without a range, unstated": (
        RANGE,
        {"column": "v", "code_column": "c", "ranges": [{"code": "1-8", "low": 1}]},
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refuses_rule(name: str) -> None:
    kind, kwargs = REFUSED[name]
    with pytest.raises(Refused) as caught:
        GxJudge().check([Rule(name, kind, kwargs, file="results.yaml")])

    assert caught.value.code == "expectation-unknown"
    assert caught.value.where == f"results.yaml rule {name}"


# --- errors inside ---------------------------------------------------------------------------------

CANARY = "Canari-Zoé-19700101"


@pytest.mark.parametrize(
    ("function", "kind", "kwargs"),
    [
        ("found", "hold_no_direct_identifiers", {"kinds": ["nir"]}),
        ("names_found", "hold_no_names_of", {"name_columns": ["t"]}),
    ],
)
def test_error_while_a_text_is_judged_fails_the_rule_and_says_nothing(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str],
    function: str, kind: str, kwargs: dict[str, Any],
) -> None:  # fmt: skip
    def broken(texts: pa.Array, *_: Any) -> Any:
        raise ValueError(texts[0].as_py())

    monkeypatch.setattr(direct_identifiers, function, broken)
    capfd.readouterr()
    verdict = _one(pa.table({"t": [CANARY]}), VALUES + kind, column="t", **kwargs)

    assert (verdict.success, verdict.error) == (False, True)
    assert "Canari" not in repr(verdict)
    assert capfd.readouterr() == ("", "")


def test_error_of_a_function_is_chained_to_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    from remit.adapters.gx.field import texts

    def broken(*_: Any) -> Any:
        raise ValueError(CANARY)

    monkeypatch.setattr(direct_identifiers, "found", broken)
    with pytest.raises(RuntimeError) as caught:
        texts.hold_no_identifiers(pa.array([CANARY]), pa.array(["nir"]))

    assert (caught.value.__cause__, caught.value.__context__) == (None, None)
    assert "Canari" not in "".join(traceback.format_exception(caught.value))
