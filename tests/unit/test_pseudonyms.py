"""Pseudonyms: what is hashed, under which secret, and how the secret is kept."""

from __future__ import annotations

import hashlib
import hmac
import io
import json
import os
import re
import stat
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from remit.adapters.pseudonym_folder import FolderPseudonymKeys, load_mac, new_secret
from remit.columns import SIMPLE, ColumnType
from remit.errors import UsageError
from remit.pseudonyms import ID_TYPES, canonical_text, check_value, mac_under, text_of_id

SECRET = bytes(range(32))
WITH_TEXT = sorted({*SIMPLE, "decimal(12,4)"} - {"double", "boolean"})


def texts(values: list[Any], declared: str) -> list[str | None]:
    kind = ColumnType.parse(declared)
    found = canonical_text(pa.array(values, kind.arrow()), kind)
    assert found.type == pa.string()
    return list(found.to_pylist())


# --- the function and its check value -------------------------------------------------------------


@pytest.mark.parametrize(
    ("secret", "text", "expected"),  # RFC 4231, cases 1, 2 and 6
    [
        (b"\x0b" * 20, b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b"),
        (b"Jefe", b"what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c7"),
        (
            b"\xaa" * 131,
            b"Test Using Larger Than Block-Size Key - Hash Key First",
            "60e431591ee0b67f0d8a26aacbf5b77f",
        ),
    ],
)
def test_the_function_is_hmac_sha_256(secret: bytes, text: bytes, expected: str) -> None:
    assert mac_under(secret)(text).hex()[:32] == expected


def test_the_function_keeps_no_state_between_texts() -> None:
    mac = mac_under(SECRET)

    assert mac(b"1") != mac(b"2")
    assert mac(b"1") == mac(b"1") == mac_under(SECRET)(b"1")
    assert len(mac(b"")) == 32


def test_the_check_value_is_the_documented_one() -> None:
    inner = hmac.new(SECRET, b"\xffremit pseudonym key 1", hashlib.sha256).digest()

    assert check_value(SECRET) == hashlib.sha256(inner).hexdigest()
    assert check_value(SECRET) != check_value(SECRET[::-1])


def test_what_the_check_value_hashes_is_the_text_of_no_value() -> None:
    from remit.pseudonyms import _CHECKED

    with pytest.raises(UnicodeDecodeError):
        _CHECKED.decode("utf-8")


# --- canonical texts ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("declared", "value", "expected"),
    [
        ("string", "Élodie 7", "Élodie 7"),
        ("string", " a\t", " a\t"),
        ("string", "", ""),
        ("string", "ABC", "ABC"),
        ("integer", 0, "0"),
        ("integer", -(2**63), "-9223372036854775808"),
        ("integer", 2**63 - 1, "9223372036854775807"),
        ("decimal(10,0)", Decimal(42), "42"),
        ("decimal(10,0)", Decimal(4200), "4200"),
        ("decimal(38,0)", Decimal("9" * 38), "9" * 38),
        ("decimal(12,2)", Decimal("42.00"), "42"),
        ("decimal(12,2)", Decimal("-42.50"), "-42.5"),
        ("decimal(12,2)", Decimal("0.00"), "0"),
        ("decimal(12,2)", Decimal("-0.05"), "-0.05"),
        ("decimal(20,12)", Decimal("0.000000000001"), "0.000000000001"),
        ("decimal(38,38)", Decimal("-0." + "9" * 38), "-0." + "9" * 38),
        ("uuid", "8C5F8B0E-3F6F-4A53-9D3B-2F1F6C1B2A10", "8c5f8b0e-3f6f-4a53-9d3b-2f1f6c1b2a10"),
        ("date", date(1, 1, 2), "0001-01-02"),
        ("date", date(9999, 12, 31), "9999-12-31"),
        ("timestamp", datetime(1969, 12, 31, 23, 59, 59, 1), "1969-12-31T23:59:59.000001"),
        ("timestamp", datetime(2024, 1, 2), "2024-01-02T00:00:00.000000"),
        (
            "timestamptz",
            datetime(2024, 1, 1, 0, 30, tzinfo=timezone(timedelta(hours=1))),
            "2023-12-31T23:30:00.000000Z",
        ),
    ],
)
def test_canonical_text_of_a_value(declared: str, value: Any, expected: str) -> None:
    assert texts([value, None, value], declared) == [expected, None, expected]


@pytest.mark.parametrize("declared", WITH_TEXT)
def test_canonical_text_of_nothing_is_nothing(declared: str) -> None:
    assert texts([], declared) == []
    assert texts([None, None], declared) == [None, None]


@pytest.mark.parametrize("declared", ["double", "boolean"])
def test_types_that_name_nobody_have_no_canonical_text(declared: str) -> None:
    with pytest.raises(ValueError, match=f"a {declared} names nobody"):
        texts([], declared)


def test_spellings_that_a_database_holds_apart_stay_apart() -> None:
    composed, decomposed = "É", "E\u0301"

    assert texts([composed, decomposed, "É ", "é"], "string") == ["É", "E\u0301", "É ", "é"]


@given(
    st.decimals(min_value=-(10**26), max_value=10**26, places=12, allow_nan=False).filter(
        lambda value: abs(value) < 10**26
    )
)
def test_text_of_a_decimal_is_that_of_python_without_trailing_zeros(value: Decimal) -> None:
    [text] = texts([value], "decimal(38,12)")

    plain = format(value, "f")
    assert text == (plain.rstrip("0").rstrip(".") if value else "0")
    assert Decimal(str(text)) == value


@given(st.integers(-(10**10) + 1, 10**10 - 1))
def test_an_id_has_one_text_whatever_kind_of_number_it_is(number: int) -> None:
    same = {
        texts([Decimal(number) if "decimal" in declared else number], declared)[0]
        for declared in ("integer", "decimal(10,0)", "decimal(12,2)", "decimal(38,20)")
        if "38" not in declared or abs(number) < 10**18
    }

    assert same == {str(number)} == {text_of_id(str(number), "integer")}


@given(st.lists(st.none() | st.integers(-(10**11), 10**11)), st.integers(0, 5))
def test_a_part_of_an_array_has_the_texts_of_that_part(values: list[int | None], cut: int) -> None:
    kind = ColumnType.parse("decimal(14,3)")
    decimals = [None if value is None else Decimal(value).scaleb(-3) for value in values]
    array = pa.array(decimals, kind.arrow())

    assert canonical_text(array[cut:], kind).to_pylist() == texts(decimals[cut:], str(kind))


@given(st.datetimes(), st.sampled_from(["timestamp", "timestamptz"]))
def test_text_of_a_time_is_to_the_microsecond(moment: datetime, declared: str) -> None:
    aware = moment.replace(tzinfo=UTC) if declared == "timestamptz" else moment
    suffix = "Z" if declared == "timestamptz" else ""

    assert texts([aware], declared) == [moment.isoformat(timespec="microseconds") + suffix]


# --- ids that people write down -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "kind", "text"),
    [
        ("AB 12", "string", "AB 12"),
        ("Élodie", "string", "Élodie"),
        ("007", "string", "007"),
        ("0", "integer", "0"),
        ("-12", "integer", "-12"),
        ("9" * 38, "integer", "9" * 38),
        ("8C5F8B0E-3F6F-4A53-9D3B-2F1F6C1B2A10", "uuid", "8c5f8b0e-3f6f-4a53-9d3b-2f1f6c1b2a10"),
    ],
)
def test_text_of_an_id_that_was_written_down(written: str, kind: str, text: str) -> None:
    assert text_of_id(written, kind) == text


@pytest.mark.parametrize("kind", ID_TYPES)
@pytest.mark.parametrize(
    "written", ["", " ", "\t", " 12", "12 ", "12\r", "1\u00a02", "\ufeff12", "1\u200b2", "1\x002"]
)
def test_ids_that_would_silently_match_nothing_are_refused(written: str, kind: str) -> None:
    with pytest.raises(ValueError, match=r"^(it is empty|there is space)") as caught:
        text_of_id(written, kind)
    assert "12" not in str(caught.value)


@pytest.mark.parametrize(
    ("written", "kind"),
    [
        ("007", "integer"),
        ("+7", "integer"),
        ("-0", "integer"),
        ("7.0", "integer"),
        ("1e3", "integer"),
        ("\u0667", "integer"),
        ("9" * 39, "integer"),
        ("8c5f8b0e3f6f4a539d3b2f1f6c1b2a10", "uuid"),
        ("{8c5f8b0e-3f6f-4a53-9d3b-2f1f6c1b2a10}", "uuid"),
        ("patient", "uuid"),
    ],
)
def test_ids_of_another_kind_are_refused_without_being_shown(written: str, kind: str) -> None:
    with pytest.raises(ValueError, match=r"^it is not a") as caught:
        text_of_id(written, kind)
    assert written not in str(caught.value)


@given(st.uuids())
def test_a_uuid_written_down_is_hashed_as_the_column_is(value: Any) -> None:
    assert texts([str(value)], "uuid") == [text_of_id(str(value).upper(), "uuid")]


# --- secrets in a folder --------------------------------------------------------------------------


def test_a_new_secret_is_private_and_its_check_value_is_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "durand-ids.key"

    check = new_secret(path)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert re.fullmatch(r"[0-9a-f]{64}\n", path.read_text())
    assert check == check_value(bytes.fromhex(path.read_text()))
    assert (tmp_path / "durand-ids.key.check").read_text() == f"{check}\n"


def test_no_two_secrets_are_alike(tmp_path: Path) -> None:
    assert new_secret(tmp_path / "a") != new_secret(tmp_path / "b")
    assert (tmp_path / "a").read_text() != (tmp_path / "b").read_text()


@pytest.mark.parametrize("there", ["a.key", "a.key.check"])
def test_a_file_that_exists_is_not_overwritten_and_no_half_is_left(
    tmp_path: Path, there: str
) -> None:
    (tmp_path / there).write_text("kept")

    with pytest.raises(UsageError, match="cannot write a new secret"):
        new_secret(tmp_path / "a.key")

    assert [path.name for path in tmp_path.iterdir()] == [there]
    assert (tmp_path / there).read_text() == "kept"


def test_the_folder_gives_the_function_of_the_secret_instructed(tmp_path: Path) -> None:
    check = new_secret(tmp_path / "durand-ids.key")
    secret = bytes.fromhex((tmp_path / "durand-ids.key").read_text())

    mac = FolderPseudonymKeys(tmp_path).mac("durand-ids", check)

    assert mac(b"42") == hmac.digest(secret, b"42", "sha256")
    assert mac(b"42") == load_mac(tmp_path / "durand-ids.key")(b"42")


def test_a_secret_may_come_without_its_final_newline(tmp_path: Path) -> None:
    check = new_secret(tmp_path / "ids.key")
    (tmp_path / "ids.key").write_text((tmp_path / "ids.key").read_text().rstrip())

    FolderPseudonymKeys(tmp_path).mac("ids", check)


def test_nothing_that_can_be_printed_shows_the_secret(tmp_path: Path) -> None:
    check = new_secret(tmp_path / "ids.key")
    secret = (tmp_path / "ids.key").read_text().strip()
    keys = FolderPseudonymKeys(tmp_path)
    mac = keys.mac("ids", check)

    for shown in (repr(keys), str(vars(keys)), repr(mac), repr(load_mac(tmp_path / "ids.key"))):
        assert secret not in shown
        assert repr(bytes.fromhex(secret)) not in shown


@pytest.mark.parametrize("name", ["../ids", "/etc/ids", "", ".", "Ids", "a/b", "ids.key"])
def test_a_name_leads_to_no_other_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / "keys").mkdir()
    check = new_secret(tmp_path / "ids.key")

    with pytest.raises(ValueError, match="names of pseudonym keys"):
        FolderPseudonymKeys(tmp_path / "keys").mac(name, check)


# --- the commands ---------------------------------------------------------------------------------


def run(monkeypatch: pytest.MonkeyPatch, given_bytes: bytes, *arguments: object) -> int:
    from remit.cli import main

    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given_bytes), "ascii"))
    return main([str(argument) for argument in arguments])


def test_command_makes_a_secret_and_prints_its_check_value(
    tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "ids.key"

    assert run(monkeypatch, b"", "keys", "new", "pseudonym", path) == 0
    printed = capsys.readouterr().out

    check = check_value(bytes.fromhex(path.read_text()))
    assert printed.splitlines()[0] == check
    assert path.read_text().strip() not in printed
    assert run(monkeypatch, b"", "keys", "new", "pseudonym", path) == 2
    path = tmp_path / "other.key"
    capsys.readouterr()
    assert run(monkeypatch, b"", "keys", "new", "pseudonym", path, "--json") == 0
    assert json.loads(capsys.readouterr().out) == {
        "secret": str(path),
        "check": check_value(bytes.fromhex(path.read_text())),
    }


@pytest.mark.parametrize(
    ("lines", "kind", "texts_hashed"),
    [
        (b"Zo\xc3\xab 1\n007\n", "string", ["Zoë 1", "007"]),
        (b"7\r\n-8\r\n7", "integer", ["7", "-8", "7"]),
        (
            b"8C5F8B0E-3F6F-4A53-9D3B-2F1F6C1B2A10\n",
            "uuid",
            ["8c5f8b0e-3f6f-4a53-9d3b-2f1f6c1b2a10"],
        ),
    ],
)
def test_command_prints_the_pseudonym_of_each_line_and_nothing_else(
    tmp_path: Path,
    capsys: Any,
    monkeypatch: pytest.MonkeyPatch,
    lines: bytes,
    kind: str,
    texts_hashed: list[str],
) -> None:
    key = tmp_path / "ids.key"
    new_secret(key)
    secret = bytes.fromhex(key.read_text())
    expected = [hmac.digest(secret, text.encode(), "sha256").hex() for text in texts_hashed]

    assert run(monkeypatch, lines, "pseudonym", "--key", key, "--type", kind) == 0
    assert capsys.readouterr() == ("\n".join(expected) + "\n", "")
    assert run(monkeypatch, lines, "pseudonym", "--key", key, "--type", kind, "--json") == 0
    assert json.loads(capsys.readouterr().out) == expected


@pytest.mark.parametrize(
    ("lines", "kind", "complaint"),
    [
        (b"1234567\n\n7654321\n", "string", "line 2 of standard input is no id: it is empty."),
        (b"1234567\n7654321 \n", "string", "line 2 of standard input is no id: there is space"),
        (b"7654321\nA1234567\n", "integer", "line 2 of standard input is no id: it is not a whole"),
        (b"7654321\n\xff1234567\n", "string", "line 2 of standard input is not UTF-8."),
        (b"1234567\n", "uuid", "line 1 of standard input is no id: it is not a uuid"),
        (b"", "string", "there is no id on standard input"),
    ],
)
def test_command_names_the_line_that_is_wrong_and_shows_no_id(
    tmp_path: Path,
    capsys: Any,
    monkeypatch: pytest.MonkeyPatch,
    lines: bytes,
    kind: str,
    complaint: str,
) -> None:
    new_secret(tmp_path / "ids.key")

    assert run(monkeypatch, lines, "pseudonym", "--key", tmp_path / "ids.key", "--type", kind) == 2

    printed = capsys.readouterr()
    assert printed.out == ""
    assert complaint in printed.err
    assert "1234567" not in printed.err
    assert "7654321" not in printed.err


def test_an_id_is_not_taken_as_an_argument(
    tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    new_secret(tmp_path / "ids.key")

    with pytest.raises(SystemExit) as caught:
        run(monkeypatch, b"", "pseudonym", "1234567", "--key", tmp_path / "ids.key")
    assert caught.value.code == 2


@pytest.mark.parametrize("content", [None, "", "short", "A" * 64, "a" * 65, "a" * 64 + "\n\n"])
def test_a_file_that_holds_no_secret_is_said_to_hold_none(
    tmp_path: Path, content: str | None
) -> None:
    path = tmp_path / "ids.key"
    if content is not None:
        path.write_text(content)
        path.chmod(0o600)

    with pytest.raises(UsageError) as caught:
        load_mac(path)
    assert str(path) in str(caught.value)
    assert not content or content not in str(caught.value)


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
def test_what_is_no_file_is_no_secret(tmp_path: Path, make: Callable[[Path, int], None]) -> None:
    make(tmp_path / "ids.key", 0o700)

    with pytest.raises(UsageError, match="does not hold a pseudonym key"):
        load_mac(tmp_path / "ids.key")
