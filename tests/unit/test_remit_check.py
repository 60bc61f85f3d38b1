"""What extraction lets through is within the remit, whatever the source returns."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from remit.errors import Refused
from remit.extract import RemitCheck
from remit.instruction import Table

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
