"""Rows of data subjects who are on the list, or who nobody can tell, are left out."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from remit import key_sets
from remit.columns import ColumnType
from remit.errors import Refused
from remit.instruction import Table
from remit.ports import Relation, TableQuery
from remit.suppression import SubjectFilter
from remit.transform import SuppressList

Row = dict[str, Any]


def mac(text: bytes) -> bytes:
    return hmac.digest(b"objections", text, hashlib.sha256)


class Rows:
    """A snapshot that gives every row of a table, whatever its limits are, and keeps what was asked."""

    def __init__(self, tables: dict[str, list[Row]]) -> None:
        self._tables = tables
        self._open = False
        self.asked: list[TableQuery] = []

    def count(self, query: TableQuery) -> int:
        return len(self._tables[query.table])

    def stream(self, query: TableQuery) -> Iterator[pa.RecordBatch]:
        assert not self._open  # a connection has one stream at a time
        self._open = True
        self.asked.append(query)
        for row in self._tables[query.table]:  # so that each batch has one row
            yield batch([row], query.columns)
        self._open = False


def batch(rows: list[Row], columns: Any) -> pa.RecordBatch:
    arrays = {name: pa.array([row[name] for row in rows], kind.arrow()) for name, kind in columns}
    return pa.record_batch(arrays)


def table(subject: Row) -> Table:
    """Results of one site, of which the number leaves."""
    fields = {
        "name": "results",
        "at": {"schema": "lab", "table": "result"},
        "rows": {
            "sites": {"column": "site", "in": ["LYO1"]},
            "undated": "One row per patient of the sites, whatever the year of the first visit",
            "maximum": 100,
        },
        "data_subject": subject,
        "columns": [
            {"name": "id", "type": "integer", "category": "technical", "purpose": "Identity"}
        ],
    }
    return Table.model_validate_json(json.dumps(fields))


def filter_of(subject: Row, listed: list[str], snapshot: Rows) -> SubjectFilter:
    instructed = table(subject)
    assert instructed.data_subject
    hashes = SuppressList([mac(text.encode()).hex() for text in listed], mac)
    return SubjectFilter(instructed.data_subject, hashes, snapshot, instructed.query())


def kept(subject: Row, listed: list[str], rows: list[Row], **tables: list[Row]) -> list[bool]:
    subjects = filter_of(subject, listed, Rows(tables))
    found: list[bool] = subjects.kept(batch(rows, subjects.columns.items())).to_pylist()
    return found


def step(to: str, column: str, key: str = "id", kind: str = "integer", **more: str) -> Row:
    return {"table": to, "join": [{"column": column, "to": key, "type": kind, **more}]}


# --- the data subject is in the table -------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "listed", "left_out", "leaving"),
    [
        ("string", "P7", ["P7", "P7  ", " P7", "", "  ", None], ["p7", "P77", "P 7", "7"]),
        ("integer", "7", [7, None], [-7, 77, 0]),
        ("decimal(9,0)", "7", [Decimal(7), None], [Decimal(70)]),
        ("uuid", "123e4567-e89b-12d3-a456-426614174000",
         ["123e4567-e89b-12d3-a456-426614174000", None],
         ["123e4567-e89b-12d3-a456-426614174001"]),
    ],
)  # fmt: skip
def test_rows_of_who_is_listed_and_of_nobody_are_left_out(
    kind: str, listed: str, left_out: list[Any], leaving: list[Any]
) -> None:
    subject = {"column": "patient", "type": kind}
    rows = [{"patient": value} for value in (*left_out, *leaving, *left_out)]

    expected = [False] * len(left_out) + [True] * len(leaving) + [False] * len(left_out)
    assert kept(subject, [listed], rows) == expected


def test_an_empty_list_leaves_out_only_who_nobody_can_tell() -> None:
    subject = {"column": "patient", "type": "string"}

    assert kept(subject, [], [{"patient": "P7"}, {"patient": None}]) == [True, False]


def test_nothing_is_read_where_rows_name_the_data_subject() -> None:
    snapshot = Rows({})
    filter_of({"column": "patient", "type": "string"}, ["P7"], snapshot)

    assert snapshot.asked == []


# --- the way leads through other tables -----------------------------------------------------------

BY_SAMPLE = {"column": "patient", "type": "string", "through": [step("samples", "sample_id")]}


def sample(number: int | None, patient: str | None) -> Row:
    return {"id": number, "patient": patient}


def test_row_is_kept_if_everybody_whom_its_key_leads_to_may_leave() -> None:
    samples = [
        *(sample(1, "P1"), sample(2, "P7"), sample(3, "P1"), sample(3, "P7")),
        *(sample(4, "P7"), sample(4, "P1"), sample(5, "P1"), sample(5, None)),
        *(sample(6, "P1"), sample(6, "P2"), sample(None, "P1")),
    ]
    rows = [{"sample_id": number} for number in (1, 2, 3, 4, 5, 6, 7, None, 1)]

    assert kept(BY_SAMPLE, ["P7"], rows, samples=samples) == [
        True, False, False, False, False, True, False, False, True,
    ]  # fmt: skip


def test_nobody_is_reached_through_an_empty_table() -> None:
    assert kept(BY_SAMPLE, [], [{"sample_id": 1}], samples=[]) == [False]


BY_VISIT = {
    "column": "person",
    "type": "integer",
    "through": [
        step("samples", "sample_id"),
        step("visits", "visit", "number", "integer", to_type="decimal(9,0)"),
    ],
}


def test_every_step_of_the_way_is_taken() -> None:
    led_to = [(1, 10), (2, 20), (3, None), (4, 99), (5, 10), (5, 20)]
    samples = [{"id": number, "visit": visit} for number, visit in led_to]
    visits = [{"number": Decimal(10), "person": 1}, {"number": Decimal(20), "person": 7}]
    rows = [{"sample_id": number} for number in range(1, 7)]

    assert kept(BY_VISIT, ["7"], rows, samples=samples, visits=visits) == [
        True, False, False, False, False, False,
    ]  # fmt: skip


def test_keys_of_several_columns_lead_on_as_a_whole() -> None:
    subject = {
        "column": "verdict",
        "type": "string",
        "through": [
            {
                "table": "samples",
                "join": [
                    {"column": "verdict", "to": "site", "type": "string"},
                    {"column": "number", "to": "verdict_of", "type": "integer"},
                ],
            }
        ],
    }
    samples = [
        {"site": "A", "verdict_of": 1, "verdict": "P1"},
        {"site": "B", "verdict_of": 1, "verdict": "P7"},
    ]
    rows = [{"verdict": site, "number": number} for site, number in (("A", 1), ("B", 1), ("A", 2))]

    assert kept(subject, ["P7"], rows, samples=samples) == [True, False, False]


@settings(deadline=None, derandomize=True)
@given(
    samples=st.lists(st.tuples(st.none() | st.integers(0, 3), st.sampled_from([None, "P1", "P7", "P8"]))),
    listed=st.sets(st.sampled_from(["P1", "P7"])),
)  # fmt: skip
def test_whatever_the_way_is_like_no_row_of_who_is_listed_is_kept(
    samples: list[tuple[int | None, str | None]], listed: set[str]
) -> None:
    rows = [{"sample_id": number} for number in range(4)]
    reached = [{patient for number, patient in samples if number == n} for n in range(4)]

    assert kept(BY_SAMPLE, sorted(listed), rows, samples=[sample(*one) for one in samples]) == [
        bool(people) and not people & {None, *listed} for people in reached
    ]


# --- what is asked of the source ------------------------------------------------------------------


def test_no_more_is_asked_for_than_what_rows_in_scope_lead_to() -> None:
    snapshot = Rows({"samples": [], "visits": []})
    filter_of(BY_VISIT, [], snapshot)

    by_table = {query.table: query for query in snapshot.asked}
    samples, visits = by_table["samples"], by_table["visits"]
    assert [name for name, _ in samples.columns] == ["id", "visit"]
    assert [name for name, _ in visits.columns] == ["number", "person"]
    [from_results], [from_samples] = samples.through, visits.through
    assert from_results.columns == (("id", ColumnType("integer")),)
    assert from_results.keys.relation == Relation("lab", "result")
    assert from_results.keys.columns == (("sample_id", ColumnType("integer")),)
    assert [one.values for one in from_results.keys.memberships] == [("LYO1",)]
    assert from_samples.keys.columns == (("visit", ColumnType("integer")),)
    assert from_samples.keys.through == samples.through


@pytest.mark.parametrize("place", ["samples", "visits"])
def test_other_columns_than_were_asked_for_are_refused(place: str) -> None:
    class Lying(Rows):
        def stream(self, query: TableQuery) -> Iterator[pa.RecordBatch]:
            for rows in super().stream(query):
                yield rows.select(rows.schema.names[::-1]) if query.table == place else rows

    samples = [{"id": 1, "visit": 10}]
    visits = [{"number": Decimal(10), "person": 1}]
    with pytest.raises(Refused, match=f"columns-outside-remit at {place}"):
        filter_of(BY_VISIT, [], Lying({"samples": samples, "visits": visits}))


def test_more_keys_than_can_be_held_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_sets, "MOST_KEYS", 2)
    samples = [sample(number, "P1") for number in (1, 2, 2, 1)]

    assert kept(BY_SAMPLE, [], [{"sample_id": 2}], samples=samples) == [True]
    with pytest.raises(Refused, match="membership-too-large at samples"):
        filter_of(BY_SAMPLE, [], Rows({"samples": [*samples, sample(3, "P1")]}))
