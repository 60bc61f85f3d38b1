"""Rows are found by keys that are exactly their own, whatever the keys look like."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from remit import key_sets
from remit.columns import ColumnType
from remit.errors import Refused
from remit.key_sets import KeyGatherer, KeySet, Pairing, stream_exactly
from remit.ports import TableQuery

Rows = Sequence[tuple[Any, ...]]
NAN = float("nan")


def batch(kinds: Sequence[str], rows: Rows) -> pa.RecordBatch:
    columns = list(zip(*rows, strict=True)) or [()] * len(kinds)
    arrays = [
        pa.array(values, ColumnType.parse(kind).arrow())
        for kind, values in zip(kinds, columns, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, names=[f"c{n}" for n in range(len(kinds))])


def pairing(own: Sequence[str], other: Sequence[str] = ()) -> Pairing:
    def columns(kinds: Sequence[str]) -> list[tuple[str, ColumnType]]:
        return [(f"c{n}", ColumnType.parse(kind)) for n, kind in enumerate(kinds)]

    return Pairing(columns(own), columns(other or own))


def found(own: Sequence[str], rows: Rows, keys: Rows, other: Sequence[str] = ()) -> list[bool]:
    pairs, gathered = pairing(own, other), KeyGatherer("patients")
    gathered.add(pairs.other_keys(batch(other or own, keys)))
    held: list[bool] = KeySet(pairs, gathered.keys()).holds(batch(own, rows)).to_pylist()
    return held


@pytest.mark.parametrize(
    ("kind", "key", "others"),
    [
        ("string", "a", ["A", "a ", " a", "", "aa", "\u0430", None]),
        ("string", "", [" ", "\x00", None]),
        ("string", "\u00e9", ["e\u0301", "e", "\u00c9"]),
        ("string", "a\x00b", ["a", "a\x00", "a\x00c"]),
        ("uuid", "123e4567-e89b-12d3-a456-426614174000", ["123e4567-e89b-12d3-a456-426614174001"]),
        ("integer", 2**53 + 1, [2**53, 2**53 + 2, -(2**53) - 1, None]),
        ("integer", -(2**63), [2**63 - 1, 0]),
        ("decimal(38,0)", Decimal(10**37 + 1), [Decimal(10**37), Decimal(-(10**37)), None]),
        ("decimal(9,7)", Decimal("0.0000001"), [Decimal("0.000001"), Decimal(0)]),
        ("boolean", True, [False, None]),
        ("boolean", False, [True, None]),
        ("date", date.min, [date(1970, 1, 1), date.max, None]),
        ("timestamp", datetime(2024, 1, 1), [datetime(2024, 1, 1, 0, 0, 0, 1), None]),
        ("timestamptz", datetime(2024, 1, 1, tzinfo=UTC), [datetime(2024, 1, 1, 1, tzinfo=UTC)]),
        ("double", 0.1, [0.1 + 2**-55, NAN, float("inf"), None]),
        ("double", NAN, [0.0, float("inf"), None]),
    ],
)
def test_key_is_found_and_what_is_only_like_it_is_not(
    kind: str, key: Any, others: list[Any]
) -> None:
    rows = [(value,) for value in (*others, key, *others)]

    assert found([kind], rows, [(key,), (key,)]) == [value is key for (value,) in rows]


def test_null_is_never_found_not_even_by_null() -> None:
    assert found(["integer"], [(None,), (1,)], [(None,)]) == [False, False]
    assert found(["integer", "string"], [(None, "a"), (1, None)], [(None, "a"), (1, None)]) == [
        False,
        False,
    ]


def test_numbers_that_databases_hold_for_equal_are_equal() -> None:
    assert found(["double"], [(0.0,), (-0.0,), (NAN,)], [(-0.0,), (-NAN,)]) == [True] * 3
    assert found(["double", "double"], [(-0.0, NAN)], [(0.0, NAN)]) == [True]


@pytest.mark.parametrize(
    ("own", "other"),
    [
        ("integer", "decimal(9,0)"),
        ("decimal(9,0)", "integer"),
        ("decimal(9,0)", "decimal(38,0)"),
    ],
)
def test_whole_numbers_of_unlike_types_are_compared_by_their_value(own: str, other: str) -> None:
    def typed(kind: str, *numbers: int) -> Rows:
        return [(Decimal(n) if kind != "integer" else n,) for n in numbers]

    rows = typed(own, 0, 1, -1, 10, 100000, 999999999)

    assert found([own], rows, typed(other, 1, 100000, -1), [other]) == [
        False, True, True, False, True, False,
    ]  # fmt: skip


def test_parts_of_a_key_do_not_run_into_each_other() -> None:
    keys = [("a", "bc"), ("1:x", "y"), ("", "2:ab"), ("x:1:y", "")]
    others = [
        *(("ab", "c"), ("bc", "a"), ("1", "x:y"), (":2", "ab"), ("x", "1:y:"), ("x:1", "y:")),
        *(("", ""), ("2:ab", ""), ("1", "x:1:y"), ("1:x:1", "y"), ("1:1:a", "bc")),
    ]
    rows = [*others, *keys]

    assert found(["string", "string"], rows, keys) == [row in keys for row in rows]


values = {
    "integer": st.integers(-3, 3) | st.integers(-(2**63), 2**63 - 1),
    "string": st.text("a:1\u00e9 ", max_size=3),
    "date": st.dates(),
    "boolean": st.booleans(),
    "decimal(12,4)": st.decimals(-9, 9, places=4),
}


@settings(deadline=None, derandomize=True)
@given(data=st.data(), kinds=st.lists(st.sampled_from(sorted(values)), min_size=1, max_size=3))
def test_rows_found_are_those_whose_tuple_is_among_the_keys(data: Any, kinds: list[str]) -> None:
    row = st.tuples(*(st.none() | values[kind] for kind in kinds))
    keys = data.draw(st.lists(row, max_size=6))
    rows = data.draw(st.lists(st.sampled_from(keys) | row if keys else row, max_size=8))

    assert found(kinds, rows, keys) == [row in keys and None not in row for row in rows]


def test_rows_of_a_slice_are_found_by_their_own_keys() -> None:
    pairs = pairing(["string", "double"])
    keys = pairs.other_keys(batch(["string", "double"], [("b", 2.0)]))
    rows = batch(["string", "double"], [("a", 1.0), ("b", 2.0), ("b", 1.0)])

    assert KeySet(pairs, keys).holds(rows.slice(1)).to_pylist() == [True, False]
    assert KeySet(pairs, keys).holds(rows.slice(0, 0)).to_pylist() == []


@pytest.mark.parametrize("keys", [None, pa.array([], pa.int64())])
def test_nothing_is_found_among_no_keys(keys: pa.Array | None) -> None:
    rows = batch(["integer"], [(1,), (None,)])

    assert KeySet(pairing(["integer"]), keys).holds(rows).to_pylist() == [False, False]


@pytest.mark.parametrize(("own", "other"), [(["integer"], ["integer", "string"]), ([], [])])
def test_keys_of_other_length_are_not_compared(own: list[str], other: list[str]) -> None:
    with pytest.raises(ValueError, match="column by column"):
        Pairing(
            [("a", ColumnType.parse(kind)) for kind in own],
            [("b", ColumnType.parse(kind)) for kind in other],
        )


@pytest.mark.parametrize("unsorted", [0, 3, 1000])
def test_only_distinct_keys_count_towards_what_can_be_held(
    monkeypatch: pytest.MonkeyPatch, unsorted: int
) -> None:
    monkeypatch.setattr(key_sets, "_UNSORTED", unsorted)
    monkeypatch.setattr(key_sets, "MOST_KEYS", 3)
    gathered = KeyGatherer("lab.patients")
    for _ in range(5):
        gathered.add(pa.array([1, 2, None, 3, 2]))

    assert sorted((gathered.keys() or pa.array([])).to_pylist()) == [1, 2, 3]

    gathered.add(pa.array([4]))
    with pytest.raises(Refused, match=r"membership-too-large at lab\.patients: more than 3 of"):
        gathered.keys()


def test_gathering_ends_as_soon_as_too_much_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_sets, "_UNSORTED", 10)
    monkeypatch.setattr(key_sets, "MOST_KEYS", 20)
    gathered, added = KeyGatherer("patients"), 0

    with pytest.raises(Refused, match="membership-too-large"):  # noqa: PT012
        for added in range(1000):
            gathered.add(pa.array([added]))
    assert added <= 3 * 20


class Answering:
    """A snapshot that answers any query with the same batch."""

    def __init__(self, answer: pa.RecordBatch) -> None:
        self._answer = answer

    def count(self, query: TableQuery) -> int:
        return int(self._answer.num_rows)

    def stream(self, query: TableQuery) -> Any:
        return iter([self._answer])


def test_batches_of_other_columns_are_refused_by_the_table_that_was_asked() -> None:
    asked = TableQuery("patients", (("id", ColumnType("integer")), ("site", ColumnType("string"))))
    answer = pa.record_batch({"id": pa.array([1]), "site": pa.array(["LYO1"])})

    assert list(stream_exactly(Answering(answer), asked)) == [answer]
    described = answer.replace_schema_metadata({"made": "by the driver"})
    assert list(stream_exactly(Answering(described), asked)) == [described]
    for other in (answer.select(["site", "id"]), answer.select(["id"])):
        with pytest.raises(Refused, match="columns-outside-remit at patients"):
            list(stream_exactly(Answering(other), asked))
