"""The judge at scale: how often it reads, what it holds, and counts that need all rows at once."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import warnings
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from remit.adapters.gx import GxJudge
from remit.ports import Rule, Verdict

pytestmark = pytest.mark.slow

UNIQUE = "expect_column_values_to_be_unique"
COMPOUND = "expect_compound_columns_to_be_unique"
FOUND = "expect_column_values_to_be_found_in"
NAN = float("nan")


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """As little is held at once as makes a few rows take many passes."""
    from remit.adapters.gx import across

    monkeypatch.setattr(across, "HASHES", 3)
    monkeypatch.setattr(across, "VALUES", 2)


@pytest.fixture
def scans(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How often each use of the judge read an extract."""
    from remit.adapters.gx.duck import Duck

    counts: list[int] = []
    close = Duck.close

    def counted(duck: Duck) -> None:
        counts.append(duck.scans)
        close(duck)

    monkeypatch.setattr(Duck, "close", counted)
    return counts


def _files(folder: Path, *tables: pa.Table) -> ds.Dataset:
    for number, table in enumerate(tables):
        pq.write_table(table, folder / f"{number}.parquet", row_group_size=2)
    return ds.dataset(folder)


def _judge(extract: ds.Dataset, kind: str, others: Any = None, **kwargs: Any) -> Verdict:
    [verdict] = GxJudge().judge(extract, [Rule("only", kind, kwargs)], others or {})
    assert not verdict.error
    return verdict


# --- how often the extract is read ------------------------------------------------------------

_ROWS = pa.table(
    {
        "id": ["a", "b", "c"],
        "n": [1, 2, 3],
        "m": [1.5, None, NAN],
        "flag": [True, False, None],
        "same": ["s", "s", "s"],
    }
)
_OF_ROWS = [
    Rule("filled", "expect_column_values_to_not_be_null", {"column": "id"}),
    Rule("empty", "expect_column_values_to_be_null", {"column": "flag"}),
    Rule("set", "expect_column_values_to_be_in_set", {"column": "n", "value_set": [1]}),
    Rule("regex", "expect_column_values_to_match_regex", {"column": "id", "regex": "^a"}),
    Rule("length", "expect_column_value_lengths_to_equal", {"column": "id", "value": 1}),
    Rule("range", "expect_column_values_to_be_between", {"column": "m", "min_value": 2}),
    Rule("min", "expect_column_min_to_be_between", {"column": "n", "min_value": 1}),
    Rule("mean", "expect_column_mean_to_be_between", {"column": "n", "min_value": 1}),
    Rule("sum", "expect_column_sum_to_be_between", {"column": "n", "min_value": 1}),
    Rule(
        "pair",
        "expect_column_pair_values_a_to_be_greater_than_b",
        {"column_A": "n", "column_B": "m"},
    ),
]
_OF_TABLE = [
    Rule("rows", "expect_table_row_count_to_equal", {"value": 3}),
    Rule("columns", "expect_table_columns_to_match_set", {"column_set": _ROWS.column_names}),
    Rule("exists", "expect_column_to_exist", {"column": "n"}),
    Rule("type", "expect_column_values_to_be_of_type", {"column": "n", "type_": "integer"}),
]


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        pytest.param(_OF_TABLE, 0, id="rules on the table read nothing"),
        pytest.param([*_OF_TABLE, *_OF_ROWS], 1, id="all rules on rows share one reading"),
        pytest.param(
            [*_OF_ROWS, Rule("unique", UNIQUE, {"column": "n"})], 2, id="uniqueness takes its own"
        ),
        pytest.param(
            [*_OF_ROWS, Rule("compound", COMPOUND, {"column_list": ["n", "id"]})],
            2,
            id="so does uniqueness of several columns",
        ),
        pytest.param(
            [*_OF_ROWS, Rule("repeated", UNIQUE, {"column": "same"})],
            3,
            id="what repeats is read again",
        ),
        pytest.param(
            [*_OF_ROWS, Rule("found", FOUND, {"column": "n", "table": "other", "key": "n"})],
            3,
            id="keys and values are read once for each rule between tables",
        ),
    ],
)
def test_readings_of_an_extract(rules: list[Rule], expected: int, scans: list[int]) -> None:
    extract = ds.dataset(_ROWS)
    verdicts = GxJudge().judge(extract, rules, {"other": extract})
    assert not any(verdict.error for verdict in verdicts)
    assert scans == [expected]


def test_query_decodes_the_columns_alone_that_it_names(monkeypatch: pytest.MonkeyPatch) -> None:
    from remit.adapters.gx.feed import Extract

    decoded: list[set[str]] = []
    reader = Extract.reader

    def watched(extract: Extract, columns: Any) -> pa.RecordBatchReader:
        decoded.append(set(columns))
        return reader(extract, columns)

    monkeypatch.setattr(Extract, "reader", watched)
    _judge(ds.dataset(_ROWS), "expect_column_values_to_not_be_null", column="id")
    assert decoded == [{"id"}]


def test_file_that_loses_rows_on_the_way_is_not_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    from remit.adapters.gx import feed

    monkeypatch.setattr(feed, "_decoded", lambda *_: iter(()))
    rule = Rule("filled", "expect_column_values_to_not_be_null", {"column": "id"})
    [verdict] = GxJudge().judge(ds.dataset(_ROWS), [rule])
    assert (verdict.success, verdict.error) == (False, True)


# --- uniqueness -------------------------------------------------------------------------------


@pytest.mark.usefixtures("small")
def test_duplicates_are_counted_across_files_and_passes(tmp_path: Path) -> None:
    first = pa.table({"a": ["x", "y", None, "z"], "b": [1, 2, 3, None]})
    second = pa.table({"a": ["y", None, "w", "y", "v"], "b": [2, 3, None, 4, 5]})
    extract = _files(tmp_path, first, second)
    verdict = _judge(extract, UNIQUE, column="a")
    assert (verdict.elements, verdict.unexpected, verdict.missing) == (9, 3, 2)
    # Of the pairs (y, 2) comes twice; a row with a missing value is skipped.
    assert _judge(extract, COMPOUND, column_list=["a", "b"]).unexpected == 2


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(("mostly", "success"), [(0.5, True), (0.58, False)])
def test_share_of_unique_values_is_taken_over_all_passes(mostly: float, success: bool) -> None:
    table = pa.table({"a": ["p", "q", "q", "r", "s", "q", "t", None]})  # 4 of 7 are unique
    assert _judge(ds.dataset(table), UNIQUE, column="a", mostly=mostly).success is success


@pytest.mark.usefixtures("small")
def test_nan_is_missing_and_both_zeros_are_one_value() -> None:
    table = pa.table({"a": pa.array([NAN, NAN, None, 0.0, -0.0, 1.0], pa.float64())})
    assert _judge(ds.dataset(table), UNIQUE, column="a").unexpected == 2


@pytest.mark.usefixtures("small")
def test_empty_extract_repeats_nothing() -> None:
    assert _judge(ds.dataset(_ROWS.slice(0, 0)), UNIQUE, column="id").unexpected == 0


def test_values_that_share_a_hash_alone_are_not_duplicates(monkeypatch: pytest.MonkeyPatch) -> None:
    from remit.adapters.gx import across

    def all_hashes(duck: Any, columns: Any, *_: Any) -> Any:
        names, _present = across._names(columns)
        return np.concatenate(list(duck.numbers(f'SELECT DISTINCT hash({names}) FROM "extract"')))

    monkeypatch.setattr(across, "_repeated_hashes", all_hashes)
    table = pa.table({"a": ["p", "q", "r", "r"]})
    assert _judge(ds.dataset(table), UNIQUE, column="a").unexpected == 2


@given(texts=st.lists(st.none() | st.sampled_from("abcdefgh"), max_size=20))
@settings(
    max_examples=20,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@pytest.mark.usefixtures("small")
def test_duplicates_are_counted_as_python_counts_them(texts: list[str | None]) -> None:
    table = pa.table({"a": pa.array(texts, pa.string())})
    counts = Counter(text for text in texts if text is not None)
    expected = sum(count for count in counts.values() if count > 1)
    assert _judge(ds.dataset(table), UNIQUE, column="a").unexpected == expected


# --- referential integrity --------------------------------------------------------------------

_VALUES = ["a", "b", None, "c", "c", "é"]


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    ("keys", "mostly", "success", "unexpected"),
    [
        (["a", "b", "c", "é", "z"], None, True, 0),
        (["c", "c", None, "a", "é"], None, False, 1),
        (["c", "c", None, "a", "é"], 0.8, True, 1),
        (["A", "e\u0301"], None, False, 5),
        ([], None, False, 5),
    ],
)
def test_values_are_found_among_the_keys_of_another_extract(
    keys: list[str | None], mostly: float | None, success: bool, unexpected: int, tmp_path: Path
) -> None:
    other = pa.table({"id": pa.array(keys, pa.string())})
    values = pa.table({"ref": _VALUES})
    extract = _files(tmp_path, values.slice(0, 4), values.slice(4))
    share = {} if mostly is None else {"mostly": mostly}
    kwargs = {"column": "ref", "table": "patients", "key": "id", **share}
    verdict = _judge(extract, FOUND, {"patients": ds.dataset(other)}, **kwargs)
    counts = (verdict.success, verdict.elements, verdict.unexpected, verdict.missing)
    assert counts == (success, 6, unexpected, 1)
    theirs = _on_pandas(values, other, share)
    assert counts == (
        theirs.success,
        *(theirs.result[name] for name in ("element_count", "unexpected_count", "missing_count")),
    )


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    ("column", "key", "values", "unexpected"),
    [
        ((10, 2), (5, 1), range(20), 0),
        ((5, 1), (10, 2), range(20), 0),
        ((4, 1), (38, 1), range(20), 0),
        ((5, 1), (10, 2), range(3, 23), 3),
        ((38, 0), (38, 1), range(20), None),
    ],
)
def test_decimals_are_found_among_keys_of_other_digits_where_both_fit_one_type(
    column: tuple[int, int], key: tuple[int, int], values: range, unexpected: int | None
) -> None:
    def decimals(numbers: range, digits: tuple[int, int]) -> ds.Dataset:
        tenths = [Decimal(n) / (10 if digits[1] else 1) for n in numbers]
        return ds.dataset(pa.table({"n": pa.array(tenths, pa.decimal128(*digits))}))

    others = {"other": decimals(range(20), key)}
    rule = Rule("only", FOUND, {"column": "n", "table": "other", "key": "n"})
    [verdict] = GxJudge().judge(decimals(values, column), [rule], others)
    assert verdict.error == (unexpected is None)
    assert verdict.unexpected == unexpected


def _on_pandas(values: pa.Table, other: pa.Table, share: dict[str, float]) -> Any:
    import great_expectations as gx

    from remit.adapters.gx import found_in

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False, "metric_calculations": False}  # type: ignore[assignment]
    asset = context.data_sources.add_pandas("source").add_dataframe_asset("asset")
    batch = asset.add_batch_definition_whole_dataframe("all").get_batch(
        {"dataframe": values.to_pandas()}
    )
    token = found_in.FRAMES.set({"patients": other.to_pandas()})
    try:
        return batch.validate(
            found_in.ExpectColumnValuesToBeFoundIn(
                column="ref", other_table="patients", key="id", **share
            ),
            result_format="BASIC",
        )
    finally:
        found_in.FRAMES.reset(token)


@pytest.mark.parametrize(
    "kwargs",
    [
        pytest.param({"column": "id", "table": "absent", "key": "id"}, id="no such table"),
        pytest.param({"column": "id", "table": "other", "key": "absent"}, id="no such key"),
        pytest.param({"column": "id", "table": "other", "key": "n"}, id="key of another type"),
        pytest.param({"column": "absent", "table": "other", "key": "id"}, id="no such column"),
    ],
)
def test_rule_between_extracts_that_do_not_fit_is_an_error(kwargs: dict[str, Any]) -> None:
    extract = ds.dataset(_ROWS)
    [verdict] = GxJudge().judge(extract, [Rule("only", FOUND, kwargs)], {"other": extract})
    assert (verdict.success, verdict.error) == (False, True)


# --- memory -----------------------------------------------------------------------------------


def test_memory_does_not_grow_with_the_rows(tmp_path: Path) -> None:
    # Three million rows more are 150 MB of values, and twice that in a table of hashes. Buffers
    # alone differ by some 50 MB between two runs of the same.
    peaks = [_peak(tmp_path / f"{millions}.parquet", millions) for millions in (1, 4)]
    assert peaks[1] - peaks[0] < 90 * 1024, peaks


def _peak(path: Path, millions: int) -> int:
    """The most memory that a process of its own had while it judged so many rows."""
    script = """
        import sys
        import pyarrow.dataset as ds
        from remit.adapters.gx import GxJudge
        from remit.ports import Rule
        kinds = [("expect_column_values_to_be_unique", {"column": "id"}),
                 ("expect_column_values_to_match_regex", {"column": "id", "regex": "^[0-9]+-x"}),
                 ("expect_column_values_to_not_be_null", {"column": "code"}),
                 ("expect_column_values_to_be_between", {"column": "n", "min_value": 0})]
        rules = [Rule(kind, kind, kwargs) for kind, kwargs in kinds]
        assert all(v.success for v in GxJudge().judge(ds.dataset(sys.argv[1]), rules))
        status = open("/proc/self/status").read()
        print(status.split("VmHWM:")[1].split()[0])
    """
    subprocess.run(
        [sys.executable, "-c", textwrap.dedent(_WRITE), str(path), str(millions)], check=True
    )
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), str(path)],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(str(Path(p).resolve()) for p in sys.path if p),
        },
        capture_output=True,
        text=True,
        check=True,
    )
    return int(done.stdout)


_WRITE = """
    import sys
    import numpy as np, pyarrow as pa, pyarrow.compute as pc, pyarrow.parquet as pq
    path, millions = sys.argv[1], int(sys.argv[2])
    random = np.random.default_rng(7)
    writer = None
    for start in range(0, millions * 1_000_000, 125_000):
        n = pa.array(np.arange(start, start + 125_000))
        ids = pc.binary_join_element_wise(pc.cast(n, pa.string()), "x" * 24, "-")
        codes = pa.array(["718-7", "2345-7"]).take(pa.array(random.integers(0, 2, 125_000)))
        table = pa.table({"id": ids, "n": n, "code": codes})
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table)
    writer.close()
"""
