"""Free text batch by batch: the way to the names, what is counted, what is left."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

import pyarrow as pa
import pytest

from remit import canonical, subject_names
from remit.adapters.sql_source.grants_uses import uses
from remit.errors import Refused
from remit.free_text import FreeText, free_text, told
from remit.instruction import Table
from remit.instruction.identifiers import Identifiers
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


def redacting(names: Row | None, snapshot: Rows, *kinds: str, small: int = 1) -> FreeText:
    asked: Row = {"treatment": "redact"} | ({"kinds": list(kinds)} if kinds else {})
    instructed = table(asked, names)
    checked = free_text(instructed, snapshot, instructed.query(), small)  # type: ignore[arg-type]
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


def test_counts_are_of_texts_and_each_part_has_its_own() -> None:
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
    assert of_part.as_json() == whole.as_json() | {
        "texts": 3, "identifying": 2, "unchecked": 1,
        "kinds": {"nir": 0, "email": 1, "phone": 1, "iban": 0, "name": 1},
    }  # fmt: skip


# --- small counts -----------------------------------------------------------------------------------

TWO_KINDS = Identifiers(treatment="redact", kinds=["phone", "name"])


def counts_told(small: int = 5, **counts: int) -> Row:
    """The counts of a column that looks for two kinds, as evidence has them."""
    return told("comment", TWO_KINDS, Counter(counts), small).as_json()


@pytest.mark.parametrize(
    ("counts", "shown"),
    [
        ({"texts": 0}, (0, 0, 0, 0, 0)),
        ({"texts": 400}, (400, 0, 0, 0, 0)),
        ({"texts": 400, "identifying": 90, "name": 90, "unchecked": 20}, (400, 90, 0, 90, 20)),
        (
            {"texts": 400, "identifying": 1, "phone": 1},
            (400, "fewer than 5", "fewer than 5", 0, 0),
        ),
        # What is left would be small: of the texts, of those with an identifier, of the rows.
        ({"texts": 400, "identifying": 399, "name": 399}, (400, "5 or more", 0, "5 or more", 0)),
        (
            {"texts": 400, "identifying": 90, "phone": 20, "name": 88},
            (400, *["5 or more"] * 3, 0),
        ),
        ({"texts": 999, "unchecked": 90}, ("5 or more", 0, 0, 0, "5 or more")),
        # Of a few texts.
        ({"texts": 3, "identifying": 3, "name": 3}, (*["fewer than 5"] * 2, 0, "fewer than 5", 0)),
        ({"texts": 6, "identifying": 5, "name": 5}, (*["5 or more"] * 2, 0, "5 or more", 0)),
        ({"texts": 6, "identifying": 6, "name": 6}, (*["5 or more"] * 2, 0, "5 or more", 0)),
    ],
)
def test_small_counts_of_texts_are_told_in_words(
    counts: dict[str, int], shown: tuple[Any, ...]
) -> None:
    found = counts_told(rows=1000, **counts)

    kinds = found["kinds"]["phone"], found["kinds"]["name"]
    assert (found["texts"], found["identifying"], *kinds, found["unchecked"]) == shown
    assert canonical.dumps(found)


def test_every_count_of_texts_is_told_where_the_instruction_says_so() -> None:
    found = counts_told(1, rows=4, texts=3, identifying=2, name=1, phone=1, unchecked=1)

    assert found == {
        "column": "comment", "treatment": "redact", "texts": 3, "identifying": 2,
        "kinds": {"phone": 1, "name": 1}, "unchecked": 1,
    }  # fmt: skip


@pytest.mark.parametrize("rows", [12, 13])
def test_no_small_number_of_texts_can_be_computed_from_what_is_told(rows: int) -> None:
    small = 4
    fitting: dict[str, list[dict[str, int]]] = {}
    for texts, phone, name in product(range(rows + 1), repeat=3):
        ways = product(range(max(phone, name), min(texts, phone + name) + 1), range(rows + 1))
        for found, unchecked in ways:
            if name + unchecked > texts:
                continue  # a text whose person has no known name holds none that could be found
            shown = counts_told(
                small, rows=rows, texts=texts, identifying=found, phone=phone, name=name,
                unchecked=unchecked,
            )  # fmt: skip
            fitting.setdefault(str(shown), []).append(
                {
                    "texts": texts, "no text": rows - texts, "found": found, "none": texts - found,
                    "phone": phone, "name": name, "both": phone + name - found,
                    "phone alone": found - name, "name alone": found - phone,
                    "unchecked": unchecked, "checked": texts - unchecked,
                    "checked without name": texts - unchecked - name,
                }
            )  # fmt: skip

    for shown, possible in fitting.items():
        for quantity in possible[0]:
            values = {each[quantity] for each in possible}
            assert len(values) > 1 or not 0 < min(values) < small, (shown, quantity, values)


def test_small_count_of_each_part_is_told_in_words() -> None:
    checked = redacting({"columns": ["last"]}, Rows(), small=5)
    parts = [checked.anew(), checked.anew()]
    for part, hits in zip(parts, (2, 7), strict=True):
        texts_of(
            part,
            [{"comment": "Durand" if n < hits else "à jeun", "last": "Durand"} for n in range(20)],
        )

    assert [part.scanned()[0].identifying for part in parts] == ["fewer than 5", 7]


def test_table_without_a_column_to_look_through_has_no_check() -> None:
    plain = table({"treatment": "stop", "kinds": ["nir"]}, None)
    bare = plain.model_copy(
        update={"columns": [plain.columns[0].model_copy(update={"identifiers": None})]}
    )

    assert free_text(bare, Rows(), bare.query(), 5) is None  # type: ignore[arg-type]


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
