"""Transformations: what leaves of a value, for each kind, type and extreme."""

from __future__ import annotations

import hmac
import json
import re
from datetime import UTC, date, datetime
from decimal import Decimal, localcontext
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from remit.columns import SIMPLE, ColumnType
from remit.errors import Refused
from remit.instruction import Column, Instruction, Table
from remit.instruction.conditions import PseudonymKey
from remit.pseudonyms import check_value, mac_under
from remit.transform import SuppressList, Transformer, department_of

SECRET = bytes(range(32))
KEY = PseudonymKey(name="durand-ids", check=check_value(SECRET))
PSEUDONYM = {"kind": "pseudonym", "key": "durand-ids"}
PAGE = (Path(__file__).resolve().parents[2] / "docs" / "transformations.md").read_text()
TYPES = [*SIMPLE, "decimal(12,4)", "decimal(38,38)"]
EXAMPLES: dict[str, Any] = {
    "boolean": True,
    "integer": 67,
    "double": 72.5,
    "string": "69003",
    "date": date(1957, 8, 23),
    "timestamp": datetime(1957, 8, 23, 7, 15),
    "timestamptz": datetime(1957, 8, 23, 7, 15, tzinfo=UTC),
    "uuid": "8c5f8b0e-3f6f-4a53-9d3b-2f1f6c1b2a10",
    "decimal(12,4)": Decimal("72.5"),
    "decimal(38,38)": Decimal("0.25"),
}


class Keys:
    """One secret under every name, if the check value is its own."""

    def mac(self, name: str, check: str) -> Any:
        assert (name, check) == (KEY.name, KEY.check)
        return mac_under(SECRET)


def band(width: int) -> dict[str, Any]:
    return {"kind": "generalise", "to": "band", "width": width}


def to(what: str) -> dict[str, Any]:
    return {"kind": "generalise", "to": what}


def column(declared: str, transform: dict[str, Any] | None, name: str = "c") -> Column:
    fields = {"name": name, "type": declared, "category": "health", "purpose": "A test of it"}
    return Column.model_validate_json(json.dumps(fields | {"transform": transform}))


def table(*columns: Column, name: str = "results") -> Table:
    rows = {"all": "Units of measurement, of nobody at all", "maximum": 1000}
    fields = [json.loads(c.model_dump_json(exclude_none=True)) for c in columns]
    return Table.model_validate_json(json.dumps({"name": name, "rows": rows, "columns": fields}))


def transformer(what: Table) -> Transformer:
    # All that a transformer reads of an instruction is the check values.
    return Transformer(what, Instruction.model_construct(pseudonym_keys=[KEY]), Keys())


def transformed(declared: str, transform: dict[str, Any], values: list[Any]) -> list[Any]:
    one = column(declared, transform)
    batch = pa.record_batch({"c": pa.array(values, one.declared.arrow())})
    left = transformer(table(one)).apply(batch)
    assert left.schema == pa.schema([("c", one.delivered.arrow())])
    left.validate(full=True)
    return list(left.column(0).to_pylist())


def fits(declared: str, transform: dict[str, Any]) -> bool:
    try:
        column(declared, transform)
    except ValidationError:
        return False
    return True


def pseudonym(text: str) -> str:
    return hmac.digest(SECRET, text.encode(), "sha256").hex()


KINDS: list[dict[str, Any]] = [
    {"kind": "keep"},
    PSEUDONYM,
    to("month"),
    to("year"),
    to("department"),
    band(10),
    {"kind": "truncate", "length": 3},
    {"kind": "constant", "value": "withheld"},
    {"kind": "empty"},
]
FITTING = [(kind, declared) for kind in KINDS for declared in TYPES if fits(declared, kind)]


# --- every kind -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("transform", "declared"), FITTING, ids=str)
def test_what_leaves_has_the_delivered_type_whatever_the_batch_holds(
    transform: dict[str, Any], declared: str
) -> None:
    value = EXAMPLES[declared]

    assert transformed(declared, transform, []) == []
    [nothing] = transformed(declared, transform, [None])
    assert nothing == ("withheld" if transform["kind"] == "constant" else None)
    first, missing, last = transformed(declared, transform, [value, None, value])
    assert (first, missing) == (last, nothing)


@pytest.mark.parametrize(("transform", "declared"), FITTING, ids=str)
def test_a_part_of_a_batch_is_transformed_as_the_whole_is(
    transform: dict[str, Any], declared: str
) -> None:
    one = column(declared, transform)
    values = [None, EXAMPLES[declared], None, EXAMPLES[declared]]
    whole = pa.record_batch({"c": pa.array(values, one.declared.arrow())})
    apply = transformer(table(one)).apply

    assert apply(whole.slice(1, 2)).to_pylist() == apply(whole).to_pylist()[1:3]


def test_columns_leave_in_the_instructions_order_and_each_in_its_own_way() -> None:
    columns = [
        column("uuid", PSEUDONYM, "patient"),
        column("date", to("year"), "born"),
        column("integer", None, "untold"),
        column("double", {"kind": "constant", "value": "x"}, "fixed"),
    ]
    subject = transformer(table(*columns))
    values = [[EXAMPLES["uuid"]], [date(1957, 8, 23)], [7], [1.5]]
    batch = pa.record_batch(
        [pa.array(v, c.declared.arrow()) for c, v in zip(columns, values, strict=True)],
        names=[c.name for c in columns],
    )

    left = subject.apply(batch)

    assert left.schema == subject.schema
    assert left.to_pylist() == [
        {
            "patient": pseudonym(EXAMPLES["uuid"]),
            "born": date(1957, 1, 1),
            "untold": 7,
            "fixed": "x",
        }
    ]


def test_what_the_source_says_about_a_batch_does_not_leave() -> None:
    subject = transformer(table(column("string", None)))
    batch = pa.record_batch({"c": pa.array(["a"])}).replace_schema_metadata({"host": "lis"})

    assert subject.apply(batch).schema.metadata is None


# --- which kinds fit ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "types"),
    [
        ({"kind": "keep"}, set(TYPES)),
        (PSEUDONYM, set(TYPES) - {"double", "boolean"}),
        (to("month"), {"date", "timestamp", "timestamptz"}),
        (to("year"), {"date", "timestamp", "timestamptz"}),
        (to("department"), {"string"}),
        (band(5), {"integer", "double", "decimal(12,4)", "decimal(38,38)"}),
        ({"kind": "truncate", "length": 1}, {"string"}),
        ({"kind": "constant", "value": ""}, set(TYPES)),
        ({"kind": "empty"}, set(TYPES)),
    ],
    ids=lambda value: str(sorted(value) if isinstance(value, set) else value),
)
def test_kinds_take_the_types_that_they_are_for(kind: dict[str, Any], types: set[str]) -> None:
    assert {declared for declared in TYPES if fits(declared, kind)} == types


@pytest.mark.parametrize(
    ("declared", "transform", "saying"),
    [
        ("double", PSEUDONYM, "a double names nobody, so it has no pseudonym"),
        ("boolean", PSEUDONYM, "a boolean names nobody, so it has no pseudonym"),
        ("string", to("month"), "values of type string cannot be generalised to a month"),
        (
            "integer",
            to("department"),
            "values of type integer cannot be generalised to a department",
        ),
        ("date", band(5), "values of type date cannot be generalised to a band"),
        ("integer", to("band"), "a band, and nothing else, has a width"),
        ("date", to("year") | {"width": 5}, "a band, and nothing else, has a width"),
        ("uuid", {"kind": "truncate", "length": 3}, "values of type uuid cannot be truncated"),
    ],
    ids=str,
)
def test_a_kind_that_does_not_fit_says_why(
    declared: str, transform: dict[str, Any], saying: str
) -> None:
    with pytest.raises(ValidationError, match=re.escape(saying)):
        column(declared, transform)


@pytest.mark.parametrize(
    ("transform", "problem"),
    [
        ({"kind": "hash"}, "union_tag_invalid"),
        ({"kind": "Keep"}, "union_tag_invalid"),
        ({"kind": "pseudonym ", "key": "durand-ids"}, "union_tag_invalid"),
        ({}, "union_tag_not_found"),
        ({"to": "month"}, "union_tag_not_found"),
        ("keep", "dict_type"),
        ({"kind": "pseudonym"}, "missing"),
        ({"kind": "pseudonym", "key": "durand-ids", "salt": "x"}, "extra_forbidden"),
        ({"kind": "keep", "value": "x"}, "extra_forbidden"),
        ({"kind": "generalise", "to": "day"}, "literal_error"),
        ({"kind": "truncate", "length": 0}, "greater_than"),
        ({"kind": "truncate", "length": "3"}, "int_type"),
        ({"kind": "constant", "value": None}, "string_type"),
        (band(0), "greater_than"),
        (band(-10), "greater_than"),
        (band(10**15 + 1), "less_than_equal"),
    ],
    ids=str,
)
def test_a_kind_that_does_not_exist_or_says_something_else_is_refused(
    transform: Any, problem: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        column("string", transform)
    assert [error["type"] for error in caught.value.errors()] == [problem]


@pytest.mark.parametrize("transform", [to("department"), {"kind": "empty"}], ids=str)
def test_what_gives_null_is_refused_for_a_column_that_must_be_filled(
    transform: dict[str, Any],
) -> None:
    fields = json.loads(column("string", transform).model_dump_json(exclude_none=True))

    with pytest.raises(ValidationError, match="this transformation gives NULL"):
        Column.model_validate_json(json.dumps(fields | {"nullable": False}))


# --- pseudonyms -----------------------------------------------------------------------------------


@given(st.lists(st.none() | st.text(max_size=4)))
def test_pseudonyms_are_equal_exactly_where_the_texts_are(values: list[str | None]) -> None:
    left = transformed("string", PSEUDONYM, values)

    assert left == [None if value is None else pseudonym(value) for value in values]
    assert len(set(left)) == len(set(values))


@given(st.lists(st.integers(-(10**10) + 1, 10**10 - 1)))
def test_an_id_has_one_pseudonym_as_integer_decimal_and_text(ids: list[int]) -> None:
    expected = [pseudonym(str(number)) for number in ids]

    assert transformed("integer", PSEUDONYM, ids) == expected
    assert transformed("decimal(10,0)", PSEUDONYM, [Decimal(n) for n in ids]) == expected
    assert transformed("decimal(12,2)", PSEUDONYM, [Decimal(n) for n in ids]) == expected
    assert transformed("string", PSEUDONYM, [str(n) for n in ids]) == expected


def test_two_tables_can_still_be_joined() -> None:
    patients = transformer(table(column("uuid", PSEUDONYM, "id"), name="patients"))
    results = transformer(table(column("uuid", PSEUDONYM, "patient"), column("integer", None, "n")))
    ids = [f"{n:08x}-3f6f-4a53-9d3b-2f1f6c1b2a10" for n in range(50)]
    had = [(ids[n % 20], n) for n in range(100)]
    before = pa.table({"patient": [i for i, _ in had], "n": [n for _, n in had]})

    left = pa.Table.from_batches([patients.apply(pa.record_batch({"id": ids}))])
    right = pa.Table.from_batches([results.apply(batch) for batch in before.to_batches(7)])
    joined = left.join(right, "id", "patient", join_type="inner")

    expected = pa.table({"id": ids}).join(before, "id", "patient", join_type="inner")
    assert sorted(joined["n"].to_pylist()) == sorted(expected["n"].to_pylist()) == list(range(100))
    assert len(set(joined["id"].to_pylist())) == 20


@given(st.lists(st.uuids().map(str), min_size=1))
def test_no_id_is_found_in_what_leaves(ids: list[str]) -> None:
    one = column("uuid", PSEUDONYM)
    left = transformer(table(one)).apply(pa.record_batch({"c": ids}))
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, left.schema) as writer:
        writer.write_batch(left)
    written = sink.getvalue().to_pybytes()

    for value in ids:
        assert value.encode() not in written
        assert bytes.fromhex(value.replace("-", "")) not in written


def test_each_value_is_hashed_once_in_a_batch() -> None:
    hashed = []

    class Counting:
        def mac(self, name: str, check: str) -> Any:
            return lambda text: hashed.append(text) or bytes(32)

    one = column("integer", PSEUDONYM)
    terms = Instruction.model_construct(pseudonym_keys=[KEY])
    batch = pa.record_batch({"c": pa.array([7, 8, 7, None, 7], pa.int64())})

    Transformer(table(one), terms, Counting()).apply(batch)  # type: ignore[arg-type]

    assert sorted(hashed) == [b"7", b"8"]


# --- months and years -----------------------------------------------------------------------------


@given(st.lists(st.none() | st.dates()), st.sampled_from(["month", "year"]))
def test_a_date_becomes_the_first_of_its_month_or_year(days: list[date | None], unit: str) -> None:
    def first(day: date) -> date:
        return day.replace(day=1) if unit == "month" else day.replace(month=1, day=1)

    left = transformed("date", to(unit), days)

    assert left == [day and first(day) for day in days]
    assert transformed("date", to(unit), left) == left


@given(
    st.lists(st.none() | st.datetimes()),
    st.sampled_from(["month", "year"]),
    st.sampled_from(["timestamp", "timestamptz"]),
)
def test_a_time_becomes_the_first_moment_of_its_month_or_year(
    times: list[datetime | None], unit: str, declared: str
) -> None:
    zone = UTC if declared == "timestamptz" else None
    moments = [moment and moment.replace(tzinfo=zone) for moment in times]

    def first(moment: datetime) -> datetime:
        start = datetime(moment.year, moment.month, 1, tzinfo=zone)
        return start if unit == "month" else start.replace(month=1)

    left = transformed(declared, to(unit), moments)

    assert left == [moment and first(moment) for moment in moments]
    assert transformed(declared, to(unit), left) == left


@pytest.mark.parametrize("unit", ["month", "year"])
def test_the_ends_of_the_calendar_are_generalised_like_any_day(unit: str) -> None:
    assert transformed("date", to(unit), [date.min, date.max]) == [
        date.min,
        date.max.replace(day=1) if unit == "month" else date.max.replace(month=1, day=1),
    ]


# --- departments ----------------------------------------------------------------------------------


DEPARTMENTS = {
    "01000": "01",
    "13001": "13",
    "19999": "19",
    "20000": "2A",
    "20137": "2A",
    "20190": "2A",
    "20200": "2B",
    "20290": "2B",
    "20600": "2B",
    "20620": "2B",
    "21000": "21",
    "69003": "69",
    "75011": "75",
    "95880": "95",
    "97100": "971",
    "97200": "972",
    "97300": "973",
    "97400": "974",
    "97500": "975",
    "97600": "976",
    "98600": "986",
    "98714": "987",
    "98800": "988",
    " 69003": "69",
    "69003  ": "69",
}
NO_DEPARTMENT = [
    *("", " ", "6900", "690033", "69 003", "2A004", "F-69003", "SW1A 1AA", "69003\n", "\t69003"),
    *(
        "00100",
        "20300",
        "20900",
        "96000",
        "99100",
        "\uff16\uff19\uff10\uff10\uff13",
        "\u0666\u0669\u0660\u0660\u0663",
        "69003\x00",
        "69é03",
    ),
]


def test_postcodes_become_departments() -> None:
    left = transformed("string", to("department"), [*DEPARTMENTS, None])

    assert left == [*DEPARTMENTS.values(), None]


@pytest.mark.parametrize("text", NO_DEPARTMENT)
def test_what_is_no_postcode_becomes_null(text: str) -> None:
    assert transformed("string", to("department"), [text, "69003"]) == [None, "69"]


@given(st.text(max_size=8) | st.from_regex(r"[0-9]{5}", fullmatch=True))
def test_a_department_says_no_more_than_the_first_digits(text: str) -> None:
    found = department_of(text)

    if found is not None:
        assert re.fullmatch(r"0[1-9]|1[0-9]|2[AB1-9]|[3-8][0-9]|9[0-5]|9[78][0-9]", found)
        assert text.strip(" ").startswith(found[:1])


# --- bands ----------------------------------------------------------------------------------------


WIDTHS = st.integers(1, 120) | st.integers(1, 10**15)
DECIMALS = st.sampled_from([(38, 0), (38, 10), (12, 4), (3, 0), (1, 1), (38, 38), (20, 19)])


def lower_end(value: Any, width: int) -> int:
    """Exact, in whole numbers."""
    with localcontext(prec=100):
        whole = Decimal(value).to_integral_value("ROUND_FLOOR")
    return int(whole) // width * width


@given(st.lists(st.none() | st.integers(-(2**63) + 10**15, 2**63 - 1)), WIDTHS)
def test_an_integer_becomes_the_lower_end_of_its_band(values: list[int | None], width: int) -> None:
    left = transformed("integer", band(width), values)

    assert left == [None if v is None else lower_end(v, width) for v in values]


@given(st.data(), DECIMALS, WIDTHS)
def test_a_decimal_becomes_the_exact_lower_end_or_is_refused(
    data: st.DataObject, kind: tuple[int, int], width: int
) -> None:
    precision, scale = kind
    most = 10**precision - 1
    near = st.integers(-most, -most + min(50, most)) | st.integers(-min(200, most), min(200, most))
    unscaled = data.draw(near | st.integers(-most, most))
    with localcontext(prec=100):
        value = Decimal(unscaled).scaleb(-scale)
        end = lower_end(value, width)
        has_band = abs(end * 10**scale) <= most
    declared = f"decimal({precision},{scale})"

    if has_band:
        assert transformed(declared, band(width), [value]) == [end]
    else:
        with pytest.raises(Refused, match="value-without-band"):
            transformed(declared, band(width), [value])


@given(st.lists(st.floats(-(2**50), 2**50)), WIDTHS)
def test_a_double_becomes_the_exact_lower_end_of_its_band(values: list[float], width: int) -> None:
    left = transformed("double", band(width), values)

    assert left == [lower_end(v, width) for v in values]


@pytest.mark.parametrize("declared", ["integer", "double", "decimal(30,4)"])
@given(data=st.data(), width=WIDTHS)
def test_bands_keep_the_order_and_are_their_own_bands(
    declared: str, data: st.DataObject, width: int
) -> None:
    numbers = {
        "integer": st.integers(-(2**60), 2**60),
        "double": st.floats(-(2**50), 2**50),
        "decimal(30,4)": st.integers(-(10**28), 10**28).map(lambda n: Decimal(n) / 10**4),
    }[declared]
    values = sorted(data.draw(st.lists(numbers, min_size=2)))

    left = transformed(declared, band(width), values)

    assert left == sorted(left)
    assert transformed(declared, band(width), left) == left
    assert all(end <= value < end + width for end, value in zip(left, values, strict=True))


@pytest.mark.parametrize("value", [0.0, -0.0, 5e-324, 0.9999999999999999])
def test_doubles_about_zero_are_in_the_first_band(value: float) -> None:
    assert transformed("double", band(10), [value, -5e-324]) == [0.0, -10.0]


# --- truncating -----------------------------------------------------------------------------------


@given(st.lists(st.none() | st.text(max_size=6)), st.integers(1, 7))
def test_a_text_is_cut_to_its_first_code_points(values: list[str | None], length: int) -> None:
    left = transformed("string", {"kind": "truncate", "length": length}, values)

    assert left == [None if value is None else value[:length] for value in values]


def test_an_accent_of_its_own_is_a_code_point() -> None:
    assert transformed("string", {"kind": "truncate", "length": 1}, ["E\u0301lodie", "Élodie"]) == [
        "E",
        "É",
    ]


# --- constants and nothing ------------------------------------------------------------------------


@pytest.mark.parametrize("declared", TYPES)
def test_a_constant_shows_neither_values_nor_that_there_were_none(declared: str) -> None:
    left = transformed(declared, {"kind": "constant", "value": "é"}, [EXAMPLES[declared], None])

    assert left == ["é", "é"]


@pytest.mark.parametrize("declared", TYPES)
def test_an_emptied_column_holds_nothing_of_its_values(declared: str) -> None:
    one = column(declared, {"kind": "empty"})
    batch = pa.record_batch({"c": pa.array([EXAMPLES[declared]] * 3, one.declared.arrow())})

    left = transformer(table(one)).apply(batch).column(0)

    assert left.null_count == 3
    assert all(buffer is None or not any(buffer.to_pybytes()) for buffer in left.buffers())


# --- the suppress list ----------------------------------------------------------------------------


def allowed(listed: list[str], values: list[Any], declared: str = "string") -> list[bool]:
    kind = ColumnType.parse(declared)
    suppress = SuppressList([pseudonym(text) for text in listed], mac_under(SECRET))
    found = suppress.allowed(pa.array(values, kind.arrow()), kind)
    assert found.type == pa.bool_()
    assert found.null_count == 0
    return list(found.to_pylist())


def test_rows_of_listed_data_subjects_may_not_leave() -> None:
    assert allowed(["7", "9"], ["7", "8", "9", "7"]) == [False, True, False, False]


@pytest.mark.parametrize("listed", [[], ["7"]])
@pytest.mark.parametrize("nobody", [None, "", " ", "\t\n"])
def test_a_row_of_nobody_known_may_not_leave(listed: list[str], nobody: str | None) -> None:
    assert allowed(listed, [nobody, "8"]) == [False, True]


def test_padding_does_not_hide_a_listed_data_subject() -> None:
    assert allowed(["AB"], ["AB", "AB   ", "  AB", "AB\n", "A B"]) == [False] * 4 + [True]
    assert allowed(["AB   "], ["AB   ", "AB"]) == [False, True]


@pytest.mark.parametrize(
    ("declared", "listed", "values", "expected"),
    [
        ("integer", "42", [42, 420, None], [False, True, False]),
        ("decimal(10,0)", "42", [Decimal(42), Decimal(420), None], [False, True, False]),
        ("decimal(12,2)", "42", [Decimal("42.00"), Decimal("42.01")], [False, True]),
        ("uuid", EXAMPLES["uuid"], [EXAMPLES["uuid"].upper(), None], [False, False]),
    ],
)
def test_data_subjects_are_known_by_ids_of_any_kind(
    declared: str, listed: str, values: list[Any], expected: list[bool]
) -> None:
    assert allowed([listed], values, declared) == expected


@given(st.lists(st.integers(-5, 5)), st.sets(st.integers(-5, 5)), st.integers(0, 3))
def test_exactly_the_rows_of_others_may_leave(ids: list[int], listed: set[int], cut: int) -> None:
    kind = ColumnType("integer")
    suppress = SuppressList([pseudonym(str(number)) for number in listed], mac_under(SECRET))

    found = suppress.allowed(pa.array(ids, pa.int64())[cut:], kind)

    assert found.to_pylist() == [number not in listed for number in ids[cut:]]


def test_a_list_under_another_secret_matches_nobody_but_nobody_is_still_suppressed() -> None:
    suppress = SuppressList([pseudonym("7")], mac_under(bytes(32)))

    found = suppress.allowed(pa.array(["7", None]), ColumnType("string"))

    assert found.to_pylist() == [True, False]


@pytest.mark.parametrize("declared", ["double", "boolean"])
def test_a_type_that_names_nobody_is_no_data_subject(declared: str) -> None:
    with pytest.raises(ValueError, match=f"a {declared} names nobody"):
        allowed([], [None], declared)


# --- docs/transformations.md ----------------------------------------------------------------------


def rows(heading: str, width: int) -> list[list[str]]:
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    table_rows = [
        [cell.strip().strip("`") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        for line in section.splitlines()
        if line.startswith("|") and not line.startswith("|--")
    ]
    found = [cells for cells in table_rows if len(cells) == width][1:]
    assert found
    return found


def read(text: str, kind: ColumnType) -> Any:
    if text == "NULL":
        return None
    return {
        "integer": int,
        "double": float,
        "string": str,
        "uuid": str,
        "date": date.fromisoformat,
        "timestamp": datetime.fromisoformat,
        "timestamptz": datetime.fromisoformat,
        "decimal": Decimal,
    }[kind.name](text)


@pytest.mark.parametrize("example", rows("Examples", 4), ids=" ".join)
def test_the_examples_of_the_page_are_so(example: list[str]) -> None:
    transform, declared, value, leaves = example
    one = column(declared, yaml.safe_load(transform))

    [left] = transformed(declared, yaml.safe_load(transform), [read(value, one.declared)])

    assert left == read(leaves, one.delivered)
    assert str(left) == leaves.replace("T", " ") or left is None or one.delivered.name == "string"


def test_the_page_has_an_example_of_every_kind() -> None:
    shown = [yaml.safe_load(example[0]) for example in rows("Examples", 4)]

    assert {(s["kind"], s.get("to")) for s in shown} == {(k["kind"], k.get("to")) for k in KINDS}


@pytest.mark.parametrize("transform", KINDS, ids=str)
def test_the_page_says_which_types_a_kind_takes_and_what_leaves(transform: dict[str, Any]) -> None:
    target = f"to: {transform['to']}" if "to" in transform else ""
    [(_, fields, takes, leaves, nulls)] = [
        row for row in rows("The kinds", 5) if row[0] == transform["kind"] and target in row[1]
    ]
    fitting = {declared for declared in TYPES if fits(declared, transform)}

    assert all(name in fields for name in transform.keys() - {"kind"})
    if takes == "any type":
        assert fitting == set(TYPES)
    else:
        assert set(re.findall(r"\w+", takes)) == {ColumnType.parse(name).name for name in fitting}
    for declared in fitting:
        expected = declared if leaves == "the same type" else leaves
        assert str(column(declared, transform).delivered) == expected
        [left] = transformed(declared, transform, [None])
        assert (left is None) is (nulls == "stays")


def test_the_canonical_texts_of_the_page_are_so() -> None:
    from remit.pseudonyms import canonical_text

    section = rows("Pseudonyms", 4)
    for name, _, value, text in section:
        kind = ColumnType.parse(name.replace("(p,s)", "(12,2)"))
        found = canonical_text(pa.array([read(value, kind)], kind.arrow()), kind)
        assert found.to_pylist() == [text], name
    assert {name.partition("(")[0] for name, *_ in section} == {
        ColumnType.parse(declared).name for declared in TYPES if fits(declared, PSEUDONYM)
    }


def test_the_check_value_of_the_page_is_that_of_the_secret_it_names() -> None:
    assert f"check: {check_value(SECRET)}" in PAGE


def test_the_departments_of_the_page_are_so() -> None:
    said = rows("Definitions", 2)
    assert [cells[0] for cells in said][-1] == "anything else"
    exact = {
        begin: department
        for begins, department in said
        for begin in re.findall(r"\d+", begins)
        if department in ("2A", "2B")
    }
    for number in range(1000):
        three = f"{number:03d}"
        if three[:2] == "20":
            expected = exact.get(three)
        elif three[:2] in ("97", "98"):
            expected = three
        else:
            expected = three[:2] if 1 <= number // 10 <= 95 else None
        assert department_of(three + "00") == expected
