"""Free text batch by batch: the way to the names, what is counted, what is left."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa
import pytest

from remit import subject_names
from remit.adapters.sql_source.grants_uses import uses
from remit.errors import Refused
from remit.free_text import FreeText, free_text
from remit.instruction import Table
from remit.ports import TableQuery

Row = dict[str, Any]
WHY = "Without it a haemolysed sample cannot be told from a sound one"


class Rows:
    """A snapshot that gives every row of a table, one a batch, and keeps what was asked."""

    def __init__(self, **tables: list[Row]) -> None:
        self._tables = tables
        self.asked: list[TableQuery] = []

    def stream(self, query: TableQuery) -> Iterator[pa.RecordBatch]:
        self.asked.append(query)
        for row in self._tables[query.table]:
            yield batch([row], dict(query.columns))


def batch(rows: list[Row], columns: Mapping[str, Any]) -> pa.RecordBatch:
    return pa.record_batch(
        {
            name: pa.array([row[name] for row in rows], kind.arrow())
            for name, kind in columns.items()
        }
    )


def step(table: str, column: str, to: str = "id", kind: str = "integer") -> Row:
    return {"table": table, "join": [{"column": column, "to": to, "type": kind}]}


def table(identifiers: Row, names: Row | None) -> Table:
    fields = {
        "name": "results",
        "rows": {"all": "One row per analysis of the sites that move to the new system", "maximum": 9},
        "columns": [
            {
                "name": "comment", "type": "string", "category": "health", "purpose": "Reading it",
                "free_text": WHY, "identifiers": identifiers,
            }
        ],
    }  # fmt: skip
    return Table.model_validate_json(
        json.dumps(fields | ({"subject_names": names} if names else {}))
    )


def texts_of(checked: FreeText, rows: list[Row], **more: Any) -> list[str | None]:
    columns = {"comment": table({"treatment": "count", "kinds": ["nir"]}, None).columns[0].declared}
    left = checked.apply(batch(rows, columns | checked.columns))
    found: list[str | None] = left.column("comment").to_pylist()
    return found


def redacting(names: Row | None, snapshot: Rows, *kinds: str) -> FreeText:
    asked: Row = {"treatment": "redact"} | ({"kinds": list(kinds)} if kinds else {})
    instructed = table(asked, names)
    checked = free_text(instructed, snapshot, instructed.query())  # type: ignore[arg-type]
    assert checked
    return checked


def test_names_are_found_in_the_row_itself() -> None:
    snapshot = Rows()
    checked = redacting({"columns": ["last", "first"]}, snapshot)

    assert set(checked.columns) == {"last", "first"}
    assert texts_of(
        checked,
        [
            {"comment": "Mme Durand", "last": "Durand", "first": None},
            {"comment": "Mme Durand", "last": "Bernard", "first": "Zoé"},
            {"comment": "Mme Durand", "last": None, "first": " "},
            {"comment": None, "last": None, "first": None},
            {"comment": "  ", "last": None, "first": None},
        ],
    ) == ["Mme [name]", "Mme Durand", "[unchecked]", None, "  "]
    assert snapshot.asked == []


def test_names_are_found_step_by_step_and_of_everybody_whom_the_key_leads_to() -> None:
    samples = [{"id": 1, "patient": 10}, {"id": 2, "patient": 20}, {"id": 2, "patient": 30},
               {"id": 3, "patient": None}, {"id": None, "patient": 10}]  # fmt: skip
    patients = [
        {"number": 10, "last": "Durand", "first": "Zoé"},
        {"number": 20, "last": "Bernard", "first": None},
        {"number": 30, "last": "N'Guessan", "first": "Ange"},
    ]
    names = {
        "columns": ["last", "first"],
        "through": [step("samples", "sample"), step("patients", "patient", "number")],
    }
    snapshot = Rows(samples=samples, patients=patients)
    checked = redacting(names, snapshot)

    assert set(checked.columns) == {"sample"}
    assert texts_of(
        checked,
        [
            {"comment": "ZOE DURAND, Bernard", "sample": 1},
            {"comment": "Bernard et Nguessan, pas Durand", "sample": 2},
            {"comment": "Durand", "sample": 3},
            {"comment": "Durand", "sample": 4},
            {"comment": "Durand", "sample": None},
        ],
    ) == ["[name], Bernard", "[name] et [name], pas Durand", *["[unchecked]"] * 3]
    assert [query.table for query in snapshot.asked] == ["patients", "samples"]
    assert all(query.through for query in snapshot.asked)  # no more than what rows in scope lead to


def test_an_empty_table_of_names_leads_to_none() -> None:
    names = {"columns": ["last"], "through": [step("patients", "patient")]}
    checked = redacting(names, Rows(patients=[]))

    assert texts_of(checked, [{"comment": "à jeun", "patient": 1}]) == ["[unchecked]"]


def test_names_that_are_not_looked_for_are_not_read() -> None:
    checked = redacting(None, Rows(), "phone")

    assert checked.columns == {}
    assert texts_of(checked, [{"comment": "Durand 06 39 98 12 34"}]) == ["Durand [phone]"]


def test_counts_are_of_texts_and_add_up_over_batches_and_parts() -> None:
    checked = redacting({"columns": ["last"]}, Rows())
    part = checked.anew()
    for one in (checked, checked, part):
        texts_of(
            one,
            [
                {"comment": "Durand, 06 39 98 12 34 et 06 39 98 12 35", "last": "Durand"},
                {"comment": "à jeun", "last": "Durand"},
                {"comment": None, "last": "Durand"},
                {"comment": "a@b.example", "last": None},
            ],
        )

    [whole], [of_part] = checked.scanned(), part.scanned()
    assert whole.as_json() == {
        "column": "comment", "treatment": "redact", "texts": 6, "identifying": 4,
        "kinds": {"nir": 0, "email": 2, "phone": 2, "iban": 0, "name": 2}, "unchecked": 2,
    }  # fmt: skip
    assert (whole + of_part).as_json() == whole.as_json() | {
        "texts": 9, "identifying": 6, "unchecked": 3,
        "kinds": {"nir": 0, "email": 3, "phone": 3, "iban": 0, "name": 3},
    }  # fmt: skip


def test_table_without_a_column_to_look_through_has_no_check() -> None:
    plain = table({"treatment": "stop", "kinds": ["nir"]}, None)
    bare = plain.model_copy(
        update={"columns": [plain.columns[0].model_copy(update={"identifiers": None})]}
    )

    assert free_text(bare, Rows(), bare.query()) is None  # type: ignore[arg-type]


def test_more_names_than_can_be_held_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject_names, "MOST_KEYS", 2)
    patients = [{"id": n, "last": f"Durand{'x' * n}"} for n in range(3)]
    names = {"columns": ["last"], "through": [step("patients", "patient")]}

    with pytest.raises(Refused) as refused:
        redacting(names, Rows(patients=patients))
    assert (refused.value.code, refused.value.where) == ("membership-too-large", "patients")


def test_the_account_needs_the_columns_of_the_names_and_of_the_way_to_them() -> None:
    names = {
        "columns": ["last", "first"],
        "through": [step("samples", "sample"), step("patients", "patient", "number")],
    }
    needed = {
        use.query.table: set(use.columns) for use in uses(table({"treatment": "stop"}, names))
    }

    assert needed == {
        "results": {"comment", "sample"},
        "samples": {"id", "patient"},
        "patients": {"number", "last", "first"},
    }


def test_a_batch_that_is_a_part_of_another_is_treated_as_it_is_alone() -> None:
    rows = [{"comment": f"Durand {n}" if n % 3 else "à jeun", "last": "Durand"} for n in range(40)]
    checked = redacting({"columns": ["last"]}, Rows())
    columns = {"comment": table({"treatment": "stop", "kinds": ["nir"]}, None).columns[0].declared}
    whole = batch(rows, columns | checked.columns)

    parts = [
        checked.apply(whole.slice(at, 7)).column("comment").to_pylist() for at in range(0, 40, 7)
    ]
    alone = [f"[name] {n}" if n % 3 else "à jeun" for n in range(40)]
    assert [text for part in parts for text in part] == alone
