"""What extraction lets through is within the remit, whatever the source returns."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
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
from remit.ports import Membership, SemiJoin, TableQuery, Window
from remit.remit_check import RemitCheck, ScopeCheck

START, END = date(2024, 1, 1), date(2025, 1, 1)
SITES = ("LYO1", "LYO2")


def table(kind: str = "date", *, site_leaves: bool = True, maximum: int = 1000) -> Table:
    bounds = {"date": ("2024-01-01", "2025-01-01")}.get(
        kind, ("2024-01-01T00:00:00", "2025-01-01T00:00:00")
    )
    offset = "+01:00" if kind == "timestamptz" else ""
    columns = [{"name": "id", "type": "integer", "category": "technical", "purpose": "Identity"}]
    if site_leaves:
        columns.append(
            {"name": "site", "type": "string", "category": "administrative", "purpose": "Site"}
        )
    return Table.model_validate_json(
        json.dumps(
            {
                "name": "results",
                "rows": {
                    "window": {
                        "column": "day",
                        "type": kind,
                        "from": bounds[0] + offset,
                        "to": bounds[1] + offset,
                    },
                    "sites": {"column": "site", "in": list(SITES)},
                    "maximum": maximum,
                },
                "columns": columns,
            }
        )
    )


def batch(check: RemitCheck, rows: list[dict[str, Any]]) -> pa.RecordBatch:
    schema = pa.schema([(name, kind.arrow()) for name, kind in check.query().columns])
    return pa.RecordBatch.from_pylist(rows, schema)


rows = st.lists(
    st.fixed_dictionaries(
        {
            "id": st.none() | st.integers(0, 9),
            "site": st.none() | st.sampled_from([*SITES, "PAR1", "lyo1", "LYO1 ", ""]),
            "day": st.none()
            | st.sampled_from([START, END, START - timedelta(1), END - timedelta(1)])
            | st.dates(),
        }
    ),
    max_size=8,
)


def admitted(check: RemitCheck, given_batch: pa.RecordBatch) -> list[dict[str, Any]] | Refused:
    try:
        return check.admit(given_batch).to_pylist()
    except Refused as refusal:
        return refusal


def within(row: dict[str, Any]) -> bool:
    return row["day"] is not None and START <= row["day"] < END and row["site"] in SITES


@settings(deadline=None)
@given(rows)
def test_batch_passes_only_if_every_row_is_within_the_remit(data) -> None:
    check = RemitCheck(table())

    found = admitted(check, batch(check, data))

    if all(within(row) for row in data):
        assert found == [{"id": row["id"], "site": row["site"]} for row in data]
    else:
        assert isinstance(found, Refused)
        assert found.code == "row-outside-remit"


@settings(deadline=None)
@given(rows)
def test_refusal_counts_rows_and_shows_no_value(data) -> None:
    check = RemitCheck(table())

    found = admitted(check, batch(check, data))

    if isinstance(found, Refused):
        assert found.where in ("results.day", "results.site")
        assert re.fullmatch(rf"\d of {len(data)} rows read are outside .*", found.message)


def test_columns_that_only_limit_rows_are_read_and_dropped() -> None:
    check = RemitCheck(table(site_leaves=False))

    assert [name for name, _ in check.query().columns] == ["id", "site", "day"]
    found = check.admit(batch(check, [{"id": 1, "site": "LYO1", "day": START}]))

    assert found.schema.names == ["id"]


@pytest.mark.parametrize(
    ("moment", "inside"),
    [
        (datetime(2023, 12, 31, 22, 59, 59, 999999, UTC), False),
        (datetime(2023, 12, 31, 23, 0, tzinfo=UTC), True),
        (datetime(2024, 12, 31, 22, 59, 59, 999999, UTC), True),
        (datetime(2024, 12, 31, 23, 0, tzinfo=UTC), False),
    ],
)
def test_window_of_instants_has_its_offset(moment, inside) -> None:
    check = RemitCheck(table("timestamptz"))
    given_batch = batch(check, [{"id": 1, "site": "LYO1", "day": moment}])

    if inside:
        assert check.admit(given_batch).num_rows == 1
    else:
        with pytest.raises(Refused, match="row-outside-remit"):
            check.admit(given_batch)


@pytest.mark.parametrize(
    ("moment", "inside"),
    [
        (datetime(2023, 12, 31, 23, 59, 59, 999999), False),
        (datetime(2024, 1, 1), True),
        (datetime(2025, 1, 1), False),
    ],
)
def test_window_of_local_times(moment, inside) -> None:
    check = RemitCheck(table("timestamp"))
    given_batch = batch(check, [{"id": 1, "site": "LYO1", "day": moment}])

    if inside:
        assert check.admit(given_batch).num_rows == 1
    else:
        with pytest.raises(Refused, match="row-outside-remit"):
            check.admit(given_batch)


@settings(deadline=None)
@given(st.lists(st.integers(0, 5), max_size=8), st.integers(1, 20))
def test_ceiling_holds_over_all_batches(sizes, maximum) -> None:
    check = RemitCheck(table(maximum=maximum))
    row = {"id": 1, "site": "LYO1", "day": START}
    let_through = 0
    for size in sizes:
        found = admitted(check, batch(check, [row] * size))
        if isinstance(found, Refused):
            assert found.code == "rows-over-maximum"
            assert let_through + size > maximum
            break
        let_through += len(found)
    assert let_through <= maximum


def test_empty_batch_passes() -> None:
    check = RemitCheck(table())

    assert check.admit(batch(check, [])).num_rows == 0
    assert check.rows == 0


@pytest.mark.parametrize(
    "schema",
    [
        [("id", pa.int64()), ("site", pa.string())],
        [("id", pa.int64()), ("site", pa.string()), ("day", pa.date32()), ("nir", pa.string())],
        [("id", pa.int32()), ("site", pa.string()), ("day", pa.date32())],
        [("id", pa.int64()), ("site", pa.large_string()), ("day", pa.date32())],
        [("id", pa.int64()), ("site", pa.string()), ("day", pa.date64())],
        [("site", pa.string()), ("id", pa.int64()), ("day", pa.date32())],
        [("ID", pa.int64()), ("site", pa.string()), ("day", pa.date32())],
    ],
)
def test_other_columns_than_were_asked_for(schema) -> None:
    with pytest.raises(Refused, match="columns-outside-remit"):
        RemitCheck(table()).admit(pa.RecordBatch.from_pylist([], pa.schema(schema)))


# --- lists ------------------------------------------------------------------------------------


def listed(kind: str, *values: str) -> ScopeCheck:
    declared = ColumnType.parse(kind)
    query = TableQuery("t", (("x", declared),), memberships=(Membership("x", values, declared),))
    return ScopeCheck("t", query)


def require(check: ScopeCheck, kind: str, *values: Any) -> None:
    check.require(pa.record_batch({"x": pa.array(values, ColumnType.parse(kind).arrow())}))


@pytest.mark.parametrize(
    ("kind", "values", "inside", "outside"),
    [
        ("string", ["LYO1", "\u00e9"], ["LYO1", "\u00e9"], ["lyo1", "LYO1 ", "e\u0301", "", None]),
        ("boolean", ["true"], [True], [False, None]),
        ("boolean", ["false", "true"], [False, True], [None]),
        ("integer", ["5", "-7"], [5, -7], [7, 0, None]),
        ("integer", [str(2**63 - 1), str(2**63)], [2**63 - 1], [2**63 - 2, -(2**63)]),
        ("integer", [str(-(2**63)), "9" * 300], [-(2**63)], [9, None]),
        ("decimal(2,0)", ["5", "-99", "100", "1" + 40 * "0"], [Decimal(5), Decimal(-99)],
         [Decimal(10), Decimal(1), None]),
        ("uuid", ["123e4567-e89b-12d3-a456-426614174000"], ["123e4567-e89b-12d3-a456-426614174000"],
         ["123e4567-e89b-12d3-a456-426614174001", None]),
        ("integer", [str(2**63)], [], [0, 2**63 - 1, None]),
    ],
)  # fmt: skip
def test_row_is_inside_a_list_if_its_value_is_one_of_those(
    kind: str, values: list[str], inside: list[Any], outside: list[Any]
) -> None:
    check = listed(kind, *values)

    require(check, kind, *inside, *inside)
    for value in outside:
        with pytest.raises(Refused, match=f"1 of {len(inside) + 1} rows read are outside"):
            require(check, kind, *inside, value)


# --- membership through other tables ----------------------------------------------------------

INTEGER, STRING = ColumnType("integer"), ColumnType("string")


class Rows:
    """A snapshot that gives every row of a table, one in each batch, and applies no limit."""

    def __init__(self, **tables: list[dict[str, Any]]) -> None:
        self.tables, self.open = tables, False

    def count(self, query: TableQuery) -> int:
        return len(self.tables[query.table])

    def stream(self, query: TableQuery) -> Iterator[pa.RecordBatch]:
        assert not self.open  # a connection has one stream at a time
        self.open = True
        try:
            for row in self.tables[query.table]:
                cells = {n: pa.array([row[n]], kind.arrow()) for n, kind in query.columns}
                yield pa.record_batch(cells)
        finally:
            self.open = False


SAME_SITES = Membership("site", SITES)
PATIENTS = TableQuery(
    "patients",
    (("id", INTEGER),),
    window=Window("born", ColumnType("date"), "1950-01-01", "2000-01-01"),
    memberships=(SAME_SITES,),
)
OF_PATIENTS = SemiJoin((("patient", INTEGER),), PATIENTS)
VISITS = TableQuery("visits", (("number", INTEGER), ("site", STRING)), through=(OF_PATIENTS,))
OF_VISITS = SemiJoin((("visit", INTEGER), ("site", STRING)), VISITS)
RESULTS = TableQuery("results", (("id", INTEGER),), through=(OF_VISITS,))

PATIENT = {"id": 1, "site": "LYO1", "born": date(1970, 1, 1)}
VISIT = {"number": 10, "site": "LYO1", "patient": 1}
RESULT = {"id": 5, "visit": 10, "site": "LYO1"}


def scope(patients: list[dict[str, Any]], visits: list[dict[str, Any]]) -> ScopeCheck:
    return ScopeCheck.load("results", RESULTS, Rows(patients=patients, visits=visits))


def results(*rows: dict[str, Any]) -> pa.RecordBatch:
    kinds = {"id": pa.int64(), "visit": pa.int64(), "site": pa.string()}
    return pa.RecordBatch.from_pylist(list(rows), pa.schema(list(kinds.items())))


def test_rows_found_through_every_table_are_inside() -> None:
    check = scope([PATIENT], [VISIT, VISIT | {"number": 11, "site": "LYO2"}])

    assert [name for name, _ in check.widened().columns] == ["id", "visit", "site"]
    check.require(results(RESULT, RESULT, {"id": 6, "visit": 11, "site": "LYO2"}))
    check.require(results())


@pytest.mark.parametrize(
    "other", [{"visit": 11}, {"visit": None}, {"site": "LYO2"}, {"site": None}, {"site": "LYO1 "}]
)
def test_row_that_is_not_found_in_the_other_table_is_outside(other: dict[str, Any]) -> None:
    check = scope([PATIENT], [VISIT, VISIT | {"number": 12, "site": "LYO2"}])

    with pytest.raises(Refused) as caught:
        check.require(results(RESULT, RESULT | other))

    assert (caught.value.code, caught.value.where) == ("row-outside-remit", "results.visit, site")
    assert caught.value.message.startswith("1 of 2 rows read are outside")


@pytest.mark.parametrize(
    ("patient", "where"),
    [
        ({"site": "PAR1"}, "patients.site"),
        ({"site": None}, "patients.site"),
        ({"born": date(2000, 1, 1)}, "patients.born"),
        ({"born": None}, "patients.born"),
    ],
)
def test_key_of_a_row_outside_of_its_own_tables_limits_is_refused(
    patient: dict[str, Any], where: str
) -> None:
    with pytest.raises(Refused) as caught:
        scope([PATIENT, PATIENT | patient], [VISIT])

    assert (caught.value.code, caught.value.where) == ("row-outside-remit", where)


def test_key_of_a_row_that_is_not_found_further_on_is_refused() -> None:
    with pytest.raises(Refused) as caught:
        scope([PATIENT], [VISIT, VISIT | {"patient": 2}])

    assert (caught.value.code, caught.value.where) == ("row-outside-remit", "visits.patient")


def test_nothing_is_inside_where_the_other_table_has_no_row_in_scope() -> None:
    check = scope([], [])

    check.require(results())
    with pytest.raises(Refused, match="1 of 1 rows read"):
        check.require(results(RESULT))


def test_whole_numbers_of_unlike_types_find_each_other() -> None:
    kind = ColumnType.parse("decimal(10,0)")
    keys = TableQuery("visits", (("number", kind),), memberships=(SAME_SITES,))
    query = TableQuery("results", (), through=(SemiJoin((("visit", INTEGER),), keys),))
    visits = [{"number": Decimal(10), "site": "LYO1"}]
    check = ScopeCheck.load("results", query, Rows(visits=visits))

    check.require(results(RESULT))
    with pytest.raises(Refused, match="1 of 2 rows read"):
        check.require(results(RESULT, RESULT | {"visit": 100}))


def test_membership_is_never_taken_for_granted() -> None:
    with pytest.raises(ValueError, match="checked with that table's keys"):
        ScopeCheck("results", RESULTS)


def test_more_keys_than_can_be_held_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_sets, "MOST_KEYS", 2)
    visits = [VISIT | {"number": number} for number in (1, 2, 2, 1)]

    scope([PATIENT], visits).require(results(RESULT | {"visit": 2}))
    with pytest.raises(Refused, match="membership-too-large at visits"):
        scope([PATIENT], [*visits, VISIT])


@pytest.mark.parametrize("place", ["patients", "visits"])
def test_keys_in_other_columns_than_were_asked_for_are_refused(place: str) -> None:
    class Lying(Rows):
        def stream(self, query: TableQuery) -> Iterator[pa.RecordBatch]:
            for rows in super().stream(query):
                yield rows.select(rows.schema.names[1:]) if query.table == place else rows

    with pytest.raises(Refused, match=f"columns-outside-remit at {place}"):
        ScopeCheck.load("results", RESULTS, Lying(patients=[PATIENT], visits=[VISIT]))
