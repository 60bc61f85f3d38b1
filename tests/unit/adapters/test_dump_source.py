"""A dump in files: every value exact or refused with file, line and column, and never shown."""

from __future__ import annotations

import gzip
import traceback
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from remit.adapters.dump_source import DumpSource, is_dump, open_dump
from remit.adapters.dump_source import files as dump_files
from remit.columns import ColumnType
from remit.errors import Refused, Unavailable, UsageError
from remit.instruction.dump import Dump
from remit.ports import Membership, Relation, SemiJoin, TableQuery, Window
from remit.testing.laboratory import TABLES, Laboratory
from remit.wiring import open_source

CANARY = "Xk7-canary"

TYPES = {
    "id": "string",
    "name": "string",
    "number": "integer",
    "value": "decimal(8,2)",
    "share": "double",
    "day": "date",
    "ok": "boolean",
    "key": "uuid",
    "at": "timestamp",
    "seen": "timestamptz",
}
HEADER = "id;name;number;value;share;day;ok;key;at;seen"
KEY = "0A3e5f60-1111-4222-8333-444455556666"
GOOD = f"007;Zoé;12;1,5;0,25;31/01/2024;O;{KEY};2024-01-31T10:00:00;2024-01-31T10:00:00+02:00"
FORM: dict[str, Any] = {
    "kind": "csv",
    "encoding": "utf-8",
    "separator": ";",
    "decimal_mark": ",",
    "dates": "dd/MM/yyyy",
    "true_text": "O",
    "false_text": "N",
}
Read = Callable[..., list[dict[str, Any]]]


def typed(types: dict[str, str]) -> dict[str, ColumnType]:
    return {name: ColumnType.parse(kind) for name, kind in types.items()}


def written(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    path.chmod(0o600)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "dump").mkdir(mode=0o700)
    return tmp_path / "dump"


def source_of(
    folder: Path, types: dict[str, str], file: dict[str, Any] | None = None, **form: Any
) -> DumpSource:
    told = FORM | form
    told = {name: value for name, value in told.items() if value is not None}
    told["files"] = [{"table": "t", "file": "t.csv", **(file or {})}]
    needed = {Relation(None, "t"): typed(types)}
    return open_dump(str(folder)).declared(Dump.model_validate(told), needed)


@pytest.fixture
def read(folder: Path) -> Read:
    def rows(
        content: str | bytes, types: dict[str, str] | None = None, **form: Any
    ) -> list[dict[str, Any]]:
        raw = content if isinstance(content, bytes) else content.encode()
        written(folder, "t.csv", raw)
        types = types or TYPES
        with source_of(folder, types, **form).snapshot() as snapshot:
            query = TableQuery("t", tuple(typed(types).items()))
            found = [row for batch in snapshot.stream(query) for row in batch.to_pylist()]
            assert snapshot.count(query) == len(found)
        return found

    return rows


def lines(*rows: str, header: str = HEADER, end: str = "\n") -> str:
    return "".join(row + end for row in (header, *rows))


# --- what is read -------------------------------------------------------------------------------


def test_each_declared_type_comes_out_exactly(read: Read) -> None:
    [row] = read(lines(GOOD))

    assert row == {
        "id": "007",
        "name": "Zoé",
        "number": 12,
        "value": Decimal("1.50"),
        "share": 0.25,
        "day": date(2024, 1, 31),
        "ok": True,
        "key": KEY.lower(),
        "at": datetime(2024, 1, 31, 10),
        "seen": datetime(2024, 1, 31, 8, tzinfo=UTC),
    }


def test_only_the_empty_unquoted_field_has_no_value(read: Read) -> None:
    two = {"a": "string", "b": "string"}

    assert read('a;b\n;""\nNA;NULL\n', two) == [{"a": None, "b": ""}, {"a": "NA", "b": "NULL"}]
    assert read('a;b\n\\N;""\n', two, missing=["\\N"]) == [{"a": None, "b": ""}]
    assert read('a;b\nx;""\n', two, quoted_missing=True) == [{"a": "x", "b": None}]


@pytest.mark.parametrize(
    ("encoding", "raw", "text"),
    [
        ("iso-8859-1", "Hélène Müller ½", None),
        ("iso-8859-1", "« FINANCÉ » À ÎLE", None),
        ("iso-8859-1", "(déposé\xa0») «\xa0SANTÉ\xa0»", None),
        ("iso-8859-15", "cœur 3 €", None),
        ("cp1252", "l\u2019œil \u2013 3 €", None),
        ("cp850", "Hélène ÊÉ", None),
        ("utf-8", "Ωμέγα 日本 🧪", None),
        ("utf-16", "Ωμέγα 日本 🧪", None),
        ("utf-8-sig", "é", None),
    ],
)
def test_text_is_decoded_as_declared(read: Read, encoding: str, raw: str, text: str | None) -> None:
    content = f"a;b\n{raw};x\n".encode(encoding)

    assert read(content, {"a": "string"}, encoding=encoding) == [{"a": text or raw}]


def test_quotes_hide_separators_line_ends_and_doubled_quotes(read: Read) -> None:
    two = {"a": "string", "b": "string"}

    for end in ("\n", "\r\n"):
        content = lines('"x;1\ny\n\nz";"say ""hi"""', '"""";""', header="a;b", end=end)
        assert read(content, two) == [
            {"a": "x;1\ny\n\nz", "b": 'say "hi"'},
            {"a": '"', "b": ""},
        ]
    assert read("a;b\nx'y;\"z\n", two, quote="none") == [{"a": "x'y", "b": '"z'}]


@pytest.mark.parametrize(
    ("dates", "text"),
    [("yyyyMMdd", "20240229"), ("dd.MM.yyyy", "29.02.2024"), ("MM/dd/yyyy", "02/29/2024"),
     ("yyyy/MM/dd", "2024/02/29"), ("dd-MM-yyyy", "29-02-2024"), ("yyyy-MM-dd", "2024-02-29")],
)  # fmt: skip
def test_dates_are_read_in_the_declared_form(read: Read, dates: str, text: str) -> None:
    content = f"day\n{text}\n"

    assert read(content, {"day": "date"}, dates=dates) == [{"day": date(2024, 2, 29)}]


@pytest.mark.parametrize(
    ("form", "text"),
    [("dd/MM/yyyy HH:mm:ss", "29/02/2024 23:59:58"), ("yyyyMMddHHmmss", "20240229235958"),
     ("yyyy-MM-dd HH:mm:ss", "2024-02-29 23:59:58"), ("MM/dd/yyyy HH:mm:ss", "02/29/2024 23:59:58"),
     ("dd.MM.yyyy HH:mm:ss", "29.02.2024 23:59:58")],
)  # fmt: skip
def test_moments_are_read_in_the_declared_form(read: Read, form: str, text: str) -> None:
    both = {"at": "timestamp", "seen": "timestamptz"}
    fraction = "" if form.endswith("mmss") else ".25"
    moment = datetime(2024, 2, 29, 23, 59, 58, 250_000 if fraction else 0)

    [row] = read(f"at;seen\n{text}{fraction};{text}{fraction}+0100\n", both, timestamps=form)

    assert row == {"at": moment, "seen": moment.replace(hour=22, tzinfo=UTC)}


def test_last_line_without_an_end_is_a_row_if_it_has_every_field(read: Read) -> None:
    assert read("a;b\n1;2\n3;4", {"a": "string"}) == [{"a": "1"}, {"a": "3"}]


def test_single_column_may_have_empty_lines_which_have_no_value(read: Read) -> None:
    assert read("a\n1\n\n2\n", {"a": "integer"}) == [{"a": 1}, {"a": None}, {"a": 2}]


def test_dump_without_rows_has_none(read: Read) -> None:
    assert read("a;b\n", {"a": "string"}) == []
    assert read("a;b", {"a": "string"}) == []


@pytest.mark.parametrize("chunk", [5, 7, 64])
def test_where_a_portion_ends_changes_nothing(
    read: Read, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    content = lines(*(f'{n};"a;{n}\r\né"";";{n}' for n in range(40)), header="n;q;m", end="\r\n")
    types = {"n": "integer", "q": "string", "m": "integer"}
    whole = read(content, types)

    monkeypatch.setattr(dump_files, "CHUNK", chunk)

    assert read(content, types) == whole
    assert whole[7] == {"n": 7, "q": 'a;7\r\né";', "m": 7}


def test_mark_that_begins_a_value_is_kept_wherever_the_portion_begins(
    read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    content, types = "a;b\n\ufeffx;1\n\ufeffy;2\n", {"a": "string", "b": "integer"}
    for chunk in (4, 1 << 20):
        monkeypatch.setattr(dump_files, "CHUNK", chunk)
        assert [row["a"] for row in read(content, types)] == ["\ufeffx", "\ufeffy"]

    with pytest.raises(Refused, match="value-not-of-type"):
        read("b;a\n\ufeff1;x\n", types)


def test_gzipped_dump_is_read_without_being_unpacked_on_disk(folder: Path) -> None:
    packed = gzip.compress(b"a;b\n1;2\n") + gzip.compress(b"3;4\n")
    written(folder, "t.csv.gz", packed)
    source = source_of(folder, {"a": "integer"}, {"file": "t.csv.gz"})

    with source.snapshot() as snapshot:
        batches = snapshot.stream(TableQuery("t", (("a", ColumnType("integer")),)))
        assert [row["a"] for batch in batches for row in batch.to_pylist()] == [1, 3]
    assert [path.name for path in folder.iterdir()] == ["t.csv.gz"]


def test_fields_of_fixed_width_are_cut_by_characters_and_trimmed_as_declared(folder: Path) -> None:
    written(folder, "t.txt", "Zoé   0012-1,5\r\n007   0000    \r\n".encode("cp850"))
    places = [("name", 1, 6, "right"), ("n", 7, 4, "zeros"), ("v", 11, 4, "left")]
    columns = [dict(zip(("name", "start", "width", "padding"), one, strict=True)) for one in places]
    types = {"name": "string", "n": "integer", "v": "decimal(4,2)"}
    source = source_of(
        folder, types, {"file": "t.txt", "line": 14, "columns": columns},
        kind="fixed", encoding="cp850", separator=None,
    )  # fmt: skip

    with source.snapshot() as snapshot:
        [batch] = snapshot.stream(TableQuery("t", tuple(typed(types).items())))

    assert batch.to_pylist() == [
        {"name": "Zoé", "n": 12, "v": Decimal("-1.50")},
        {"name": "007", "n": 0, "v": None},
    ]


# --- what is refused ----------------------------------------------------------------------------


def refusal_of(read: Read, content: str | bytes, types: dict[str, str], **form: Any) -> Refused:
    with pytest.raises(Refused) as caught:
        read(content, types, **form)
    told = "".join(traceback.format_exception(caught.value))
    assert CANARY not in told
    assert CANARY not in repr(caught.value.__context__)
    return caught.value


PLACES = {name: place for place, name in enumerate(TYPES)}


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("number", "12x"), ("number", "007"), ("number", "0x1F"), ("number", " 5"), ("number", "+5"),
        ("number", "-0"), ("number", "9223372036854775808"), ("number", "1e3"), ("number", "1 000"),
        ("number", "NA"), ("number", '""'), ("number", "१२"),
        ("value", "1.5"), ("value", "1 234,5"), ("value", "1.234,5"), ("value", "1,234"),
        ("value", "1e3"), ("value", "1234567,1"), ("value", "5,"), ("value", "NaN"), ("value", "+1"),
        ("value", "1,2,3"),
        ("share", "inf"), ("share", "NaN"), ("share", "1e999"), ("share", "0.25"), ("share", "1,5%"),
        ("day", "2024-01-31"), ("day", "31/02/2024"), ("day", "1/2/2024"), ("day", "31/01/0000"),
        ("day", "31/13/2024"), ("day", "infinity"), ("day", "31/01/2024 "),
        ("ok", "true"), ("ok", "o"), ("ok", "1"),
        ("key", KEY[:-1]), ("key", KEY + "0"), ("key", KEY.replace("-", "")), ("key", "g" + KEY[1:]),
        ("key", f"{{{KEY}}}"),
        ("at", "2024-01-31"), ("at", "2024-01-31T25:00:00"), ("at", "2024-01-31T10:00:00Z"),
        ("at", "31/01/2024 10:00"), ("at", "2024-01-31T10:00:00.1234567"),
        ("seen", "2024-01-31T10:00:00"), ("seen", "0001-01-01T00:00:00+02:00"),
        ("seen", "2024-01-31T10:00:00+99:00"),
    ],
)  # fmt: skip
def test_value_that_is_not_of_its_type_is_refused_with_file_line_and_column(
    read: Read, column: str, value: str
) -> None:
    fields = GOOD.split(";")
    fields[PLACES["name"]] = CANARY
    fields[PLACES[column]] = value

    refusal = refusal_of(read, lines(GOOD, '"a\nb"' + GOOD[3:], ";".join(fields), GOOD), TYPES)

    assert refusal.code == "value-not-of-type"
    assert refusal.where == f"t.{column}, t.csv line 5"


@pytest.mark.parametrize(
    ("content", "where", "saying"),
    [
        (f"a;b\n1;2\n{CANARY}\n", "t.csv line 3, column 2", "has 1 fields, the header 2"),
        (f"a;b\n1;2\n{CANARY};2;3\n", "t.csv line 3, column 3", "has 3 fields, the header 2"),
        (f"a;b\n1;2\n{CANARY}", "t.csv line 3, column 2", "may be cut short"),
        (f'a;b\n"1\n2";2\n{CANARY}\n1;2\n', "t.csv line 4, column 2", "has 1 fields"),
        (f"a;b\n1;2\n\n{CANARY};2\n", "t.csv line 3, character 1", "the line is empty"),
        ("a;b\n\n1;2\n", "t.csv line 2, character 1", "the line is empty"),
        ("a;b\n1;2\n\n", "t.csv line 3, character 1", "the line is empty"),
        ("a;b\r\n1;2\r\n\r\n", "t.csv line 3, character 1", "the line is empty"),
        (f'a;b\n"{CANARY}"x;2\n', "t.csv line 2, character 12", "a quote stands inside a field"),
        (f'a;b\n{CANARY}"x";2\n', "t.csv line 2, character 11", "a quote stands inside a field"),
        (f'a;b\n"x;"{CANARY};"2"\n', "t.csv line 2, character 4", "a quote stands inside a field"),
        (f'a;b\n1;2\n"{CANARY};2\n', "t.csv line 3, character 1", "is not ended"),
        (f"a;b\n{CANARY}\r;2\n", "t.csv line 2, character 11", "ends otherwise"),
        ("a;b\r\n1;2\n3;4\r\n", "t.csv line 2, character 4", "ends otherwise"),
        ("a;b\r\n1\r;2\r\n", "t.csv line 2, character 2", "ends otherwise"),
        ("", "t.csv", "it is empty"),
        ("a;b;a\n1;2;3\n", "t.csv line 1, column 3", "the same name as column 1"),
        ("a;;\n1;2;3\n", "t.csv line 1, column 3", "the same name as column 2"),
        ('a;"b"x\n1;2\n', "t.csv line 1", "the header cannot be read"),
    ],
)
def test_row_of_another_form_is_refused_with_its_place(
    read: Read, content: str, where: str, saying: str
) -> None:
    refusal = refusal_of(read, content, {"a": "string"})

    assert (refusal.code, refusal.where) == ("dump-malformed", where)
    assert saying in refusal.message


@pytest.mark.parametrize(
    ("encoding", "raw", "where", "saying"),
    [
        ("utf-8", b"Z\xe9", "line 3, character 12", "no such character in utf-8"),
        ("utf-8", b"a\0b", "line 3, character 12", "a NUL byte"),
        ("utf-8", b"a\xc2\x85b", "line 3, character 12", "a control character"),
        ("iso-8859-1", "é".encode(), "line 3, character 11", "this is UTF-8"),
        ("iso-8859-1", "É".encode(), "line 3, character 11", "this is UTF-8"),
        ("iso-8859-1", "\u2019".encode(), "line 3, character 11", "this is UTF-8"),
        ("iso-8859-1", "\u2019".encode("cp1252"), "line 3, character 11", "a control character"),
        ("iso-8859-15", "œ".encode(), "line 3, character 11", "this is UTF-8"),
        ("iso-8859-1", b"\0", "line 3, character 11", "a NUL byte"),
        ("cp1252", "é".encode(), "line 3, character 11", "this is UTF-8"),
        ("cp1252", "Ωμ".encode(), "line 3, character 11", "this is UTF-8"),
        ("cp1252", "\u2019".encode(), "line 3, character 11", "this is UTF-8"),
        ("cp1252", "🧪".encode(), "line 3, character 11", "this is UTF-8"),
        ("cp1252", b"\x81", "line 3, character 11", "no such character in cp1252"),
        ("cp850", "é".encode(), "line 3, character 11", "this is UTF-8"),
    ],
)
def test_bytes_that_are_not_of_the_declared_encoding_are_refused_with_their_place(
    read: Read, encoding: str, raw: bytes, where: str, saying: str
) -> None:
    # In a column that nobody asked for: a wrong encoding is one of the whole file.
    content = b"a;b\n1;2\n" + f"1;{CANARY[:-2]}".encode() + raw + b";\n"

    refusal = refusal_of(read, content, {"a": "string"}, encoding=encoding)

    assert (refusal.code, refusal.where) == ("dump-encoding", f"t.csv {where}")
    assert saying in refusal.message


@pytest.mark.parametrize(
    ("encoding", "content", "saying"),
    [
        ("utf-8", b"\xef\xbb\xbfa;b\n1;2\n", "mark of UTF-8"),
        ("iso-8859-1", b"\xef\xbb\xbfa;b\n1;2\n", "mark of UTF-8"),
        ("utf-16", "a;b\n1;2\n".encode("utf-16-le"), "byte order mark"),
        ("utf-16", b"\xff\xfea\0;\0b\0\n\0\x00\xd8a\0", "no such character"),
        ("utf-8", "a;b\n1;2\n".encode("utf-16"), "NUL byte"),
    ],
)
def test_byte_order_marks_are_as_declared(
    read: Read, encoding: str, content: bytes, saying: str
) -> None:
    refusal = refusal_of(read, content, {"a": "string"}, encoding=encoding)

    assert refusal.code == "dump-encoding"
    assert saying in refusal.message


def test_line_of_another_width_is_refused(folder: Path) -> None:
    columns = [{"name": "a", "start": 1, "width": 5}]
    source = source_of(
        folder, {"a": "string"}, {"line": 5, "columns": columns}, kind="fixed", separator=None
    )
    for content, line in ((b"12345\n1234\n12345\n", 2), (b"12345\n123456\n", 2), (b"12345\n12", 2)):
        written(folder, "t.csv", content)
        with source.snapshot() as snapshot, pytest.raises(Refused) as caught:
            snapshot.count(TableQuery("t", ()))
        assert (caught.value.code, caught.value.where) == ("dump-malformed", f"t.csv line {line}")


@pytest.mark.parametrize("cut", [slice(0, -1), slice(0, 20), slice(1, None)])
def test_gzipped_dump_that_is_cut_or_damaged_is_refused(folder: Path, cut: slice) -> None:
    written(folder, "t.csv.gz", gzip.compress(b"a;b\n" + b"1;2\n" * 999)[cut])
    source = source_of(folder, {"a": "integer"}, {"file": "t.csv.gz"})

    with source.snapshot() as snapshot, pytest.raises(Refused) as caught:
        snapshot.count(TableQuery("t", ()))

    assert caught.value.code == "dump-malformed"


def test_line_without_end_is_refused_before_it_fills_the_memory(
    read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("remit.adapters.dump_source.decoding.LONGEST", 1 << 10)
    monkeypatch.setattr("remit.adapters.dump_source.records.LONGEST", 1 << 10)
    monkeypatch.setattr(dump_files, "CHUNK", 100)

    bare = refusal_of(read, "a;b\r" + "1;2\r" * 999, {"a": "string"})
    quoted = refusal_of(read, "a;b\n" + '"1;2\n' + "1;2\n" * 999, {"a": "string"})

    assert bare.code == quoted.code == "dump-malformed"
    assert quoted.where == "t.csv line 2"


# --- which rows ---------------------------------------------------------------------------------


@pytest.fixture
def two_files(folder: Path) -> DumpSource:
    written(folder, "t.csv", b"id;site;day;secret\n1;A;01/01/2024;x\n2;B;01/02/2024;y\n3;A;;z\n")
    written(folder, "p.csv", b"id;kind\n1;k\n2;k\n3;other\n")
    form = FORM | {"files": [{"table": "t", "file": "t.csv"}, {"table": "p", "file": "p.csv"}]}
    needed = {
        Relation(None, "t"): typed({"id": "integer", "site": "string", "day": "date"}),
        Relation(None, "p"): typed({"id": "integer", "kind": "string"}),
    }
    return open_dump(str(folder)).declared(Dump.model_validate(form), needed)


INTEGER, TEXT, DATE = ColumnType("integer"), ColumnType("string"), ColumnType("date")
IDS = (("id", INTEGER),)
KIND = SemiJoin(IDS, TableQuery("p", IDS, memberships=(Membership("kind", ("k",)),)))


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({}, [1, 2, 3]),
        ({"window": Window("day", DATE, "2024-01-01", "2024-02-01")}, [1]),
        ({"memberships": (Membership("site", ("A",)),)}, [1, 3]),
        ({"through": (KIND,)}, [1, 2]),
        ({"memberships": (Membership("site", ("A",)),), "through": (KIND,)}, [1]),
    ],
)  # fmt: skip
def test_only_rows_inside_the_limits_are_given(
    two_files: DumpSource, limits: dict[str, Any], expected: list[int]
) -> None:
    query = TableQuery("t", IDS, **limits)

    with two_files.snapshot() as snapshot:
        found = [row["id"] for batch in snapshot.stream(query) for row in batch.to_pylist()]
        totals = snapshot.totals(query, ["id"])
        counted = snapshot.count(query)

    assert found == expected
    assert (counted, totals.rows, totals.sums) == (len(found), len(found), {"id": sum(found)})


def test_values_of_rows_outside_the_limits_are_not_looked_at(folder: Path) -> None:
    written(folder, "t.csv", b"site;value\nA;1,5\nB;not a number\n")
    types = {"site": "string", "value": "decimal(8,2)"}
    query = TableQuery("t", tuple(typed(types).items()), memberships=(Membership("site", ("A",)),))

    with source_of(folder, types).snapshot() as snapshot:
        [batch] = snapshot.stream(query)

    assert batch.to_pylist() == [{"site": "A", "value": Decimal("1.50")}]


def test_columns_that_nobody_asked_for_do_not_come_out_of_the_parser(
    two_files: DumpSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    from remit.adapters.dump_source import tables

    parsed, taken = tables._parsed, []
    monkeypatch.setattr(tables, "_parsed", lambda *a: taken.append(parsed(*a)) or taken[-1])
    with two_files.snapshot() as snapshot:
        list(snapshot.stream(TableQuery("t", IDS)))

    assert {name for rows in taken for name in rows.schema.names} == {"id"}


# --- what is there ------------------------------------------------------------------------------


def test_columns_have_the_types_declared_and_others_are_text(two_files: DumpSource) -> None:
    described = two_files.describe()[Relation(None, "t")]

    assert [(c.name, str(c.type)) for c in described] == [
        ("id", "integer"), ("site", "string"), ("day", "date"), ("secret", "string")
    ]  # fmt: skip


def test_first_line_of_values_is_not_shown_as_the_names_of_columns(folder: Path) -> None:
    written(folder, "t.csv", f"1;{CANARY}\n2;x\n".encode())

    described = source_of(folder, {"id": "integer"}).describe()

    assert [c.name for c in described[Relation(None, "t")]] == ["column 1", "column 2"]


def test_file_that_is_not_there_is_no_table(folder: Path) -> None:
    assert source_of(folder, {"id": "integer"}).describe() == {}
    with pytest.raises(Unavailable):
        source_of(folder / "gone", {"id": "integer"}).describe()


def test_one_file_stands_for_its_own_table_alone(two_files: DumpSource, folder: Path) -> None:
    form, needed = two_files._form, two_files._needed

    one = open_dump(str(folder / "p.csv")).declared(form, needed)

    assert set(one.describe()) == {Relation(None, "p")}


@pytest.mark.parametrize(
    ("spec", "dump"),
    [("/a/b", True), ("dump:///a", True), ("file:///a", True), ("./a", True), ("sqlite:///a", False),
     ("postgresql://h/d", False), ("no-such-thing", False)],
)  # fmt: skip
def test_paths_and_urls_of_files_are_dumps(spec: str, dump: bool) -> None:
    assert is_dump(spec) is dump


@pytest.mark.parametrize("spec", ["file://host/a", "dump:relative", "dump:///a?b=c"])
def test_url_of_another_machine_is_none(spec: str) -> None:
    with pytest.raises(UsageError):
        open_dump(spec if "://" in spec else "dump://relative")


def test_connection_of_a_folder_is_a_dump(folder: Path) -> None:
    source = open_source(
        "conn:old-system", lambda name: str(folder) if name == "old-system" else ""
    )

    assert isinstance(source, DumpSource)
    assert source.label == f"dump://{folder}"


def test_dump_without_a_declared_form_reads_nothing(folder: Path) -> None:
    with pytest.raises(Refused, match="dump-undeclared"):
        open_dump(str(folder)).describe()


def test_snapshot_cannot_be_shared(two_files: DumpSource) -> None:
    with two_files.snapshot() as snapshot:
        assert snapshot.share() is None
        assert snapshot.divide(TableQuery("t", IDS), 4) == []
    with pytest.raises(UsageError), two_files.snapshot("name"):
        pass


def test_digest_of_the_files_is_that_of_their_bytes(two_files: DumpSource, folder: Path) -> None:
    import hashlib

    assert {file.path: file.sha256 for file in two_files.files()} == {
        str(folder / name): hashlib.sha256((folder / name).read_bytes()).hexdigest()
        for name in ("t.csv", "p.csv")
    }


# --- the laboratory -----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["csv", "fixed", "packed"])
def test_laboratory_comes_out_of_a_dump_as_it_was_written(tmp_path: Path, kind: Any) -> None:
    laboratory = Laboratory(patients=15)
    form = Dump.model_validate(laboratory.write_dump(tmp_path / "dump", kind))
    types = {
        "result_id": "uuid", "sample_id": "integer", "value_numeric": "decimal(12,4)",
        "abnormal": "boolean", "result_date": "date", "validated_at": "timestamptz",
    }  # fmt: skip
    source = open_dump(str(tmp_path / "dump")).declared(
        form, {Relation(None, "results"): typed(types)}
    )
    names = TABLES["results"].names
    expected = [
        [str(v) if name == "result_id" else v for name, v in zip(names, row, strict=True) if name in types]
        for row in laboratory.rows("results")
    ]  # fmt: skip

    with source.snapshot() as snapshot:
        query = TableQuery("results", tuple(typed(types).items()))
        found = [list(row.values()) for b in snapshot.stream(query) for row in b.to_pylist()]

    assert found == expected
