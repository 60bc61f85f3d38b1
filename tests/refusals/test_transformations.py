"""What is refused of transformations and the secrets of pseudonyms."""

from __future__ import annotations

import os
import traceback
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from remit.adapters.pseudonym_folder import FolderPseudonymKeys, load_mac, new_secret
from remit.errors import Refused, Unavailable
from remit.instruction import Instruction, Table
from remit.instruction.conditions import PseudonymKey
from remit.transform import Transformer

# --- secrets --------------------------------------------------------------------------------------


@pytest.mark.vector("pseudonym-key-missing")
def test_pseudonym_key_that_is_not_there(tmp_path, refuses) -> None:
    check = new_secret(tmp_path / "other.key")

    with refuses(at="pseudonym key ids", saying="there is no file ids.key"):
        FolderPseudonymKeys(tmp_path).mac("ids", check)
    with refuses(at="pseudonym key ids", saying="there is no file ids.key"):
        FolderPseudonymKeys(tmp_path / "no-folder").mac("ids", check)


@pytest.mark.vector("pseudonym-key-differs")
def test_pseudonym_key_that_is_not_the_one_instructed(tmp_path, refuses) -> None:
    new_secret(tmp_path / "ids.key")
    other = new_secret(tmp_path / "other.key")

    with refuses(at="pseudonym key ids", saying="check value is not the one instructed"):
        FolderPseudonymKeys(tmp_path).mac("ids", other)


@pytest.mark.vector("pseudonym-key-differs")
@pytest.mark.parametrize("change", ["shorter", "longer", "upper", "spaced", "two lines", "binary"])
def test_pseudonym_key_that_is_no_secret(tmp_path, refuses, change) -> None:
    path = tmp_path / "ids.key"
    check = new_secret(path)
    line = path.read_bytes()
    path.write_bytes(
        {
            "shorter": line[1:],
            "longer": b"0" + line,
            "upper": line.upper().replace(b"0", b"A"),
            "spaced": b" " + line,
            "two lines": line + line,
            "binary": bytes.fromhex(line.decode().strip()),
        }[change]
    )

    with refuses(at="pseudonym key ids", saying="does not hold 64 hexadecimal digits"):
        FolderPseudonymKeys(tmp_path).mac("ids", check)


@pytest.mark.vector("key-file-open")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o610, 0o777])
def test_pseudonym_key_that_others_can_use(tmp_path, refuses, mode) -> None:
    path = tmp_path / "ids.key"
    check = new_secret(path)
    path.chmod(mode)

    with refuses(at=str(path), saying=f"its mode is {mode:04o}"):
        FolderPseudonymKeys(tmp_path).mac("ids", check)
    with refuses(at=str(path), saying=f"its mode is {mode:04o}"):
        load_mac(path)


@pytest.mark.vector("key-file-open")
def test_pseudonym_key_of_another_account(tmp_path, refuses, monkeypatch) -> None:
    path = tmp_path / "ids.key"
    check = new_secret(path)
    somebody = os.geteuid() + 1
    monkeypatch.setattr(os, "geteuid", lambda: somebody)

    with refuses(at=str(path), saying="it belongs to another account"):
        FolderPseudonymKeys(tmp_path).mac("ids", check)


def test_no_refusal_of_a_secret_shows_it(tmp_path) -> None:
    path = tmp_path / "ids.key"
    check = new_secret(path)
    secret = path.read_text().strip()
    for damage in (lambda: path.write_text(secret + "0"), lambda: path.chmod(0o644)):
        damage()
        with pytest.raises(Refused) as caught:
            FolderPseudonymKeys(tmp_path).mac("ids", check)
        assert secret[:16] not in "".join(traceback.format_exception(caught.value))


def test_folder_that_gives_out_is_worth_another_try(tmp_path, monkeypatch) -> None:
    check = new_secret(tmp_path / "ids.key")

    def gives_out(*_: Any) -> bytes:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "read", gives_out)
    with pytest.raises(Unavailable, match="pseudonym key ids"):
        FolderPseudonymKeys(tmp_path).mac("ids", check)


# --- values ---------------------------------------------------------------------------------------


def apply(declared: str, transform: dict[str, Any], array: pa.Array, keys: Path) -> pa.RecordBatch:
    column = {"name": "c", "type": declared, "category": "health", "purpose": "A test of it"}
    table = Table.model_validate(
        {
            "name": "results",
            "rows": {"all": "Units of measurement, of nobody at all", "maximum": 9},
            "columns": [column | {"transform": transform}],
        },
        strict=False,
    )
    # All that a transformer reads of an instruction is the check values.
    terms = Instruction.model_construct(pseudonym_keys=[PseudonymKey(name="ids", check="0" * 64)])
    batch = pa.record_batch({"c": array})
    return Transformer(table, terms, FolderPseudonymKeys(keys)).apply(batch)


INFINITE = float("inf")
WITHOUT_BAND = [
    ("double", 10, float("nan")),
    ("double", 10, INFINITE),
    ("double", 10, -INFINITE),
    ("double", 10, 1.2345e300),
    ("double", 3, 2.0**60 + 2**20),
    ("double", 3, -(2.0**53)),
    ("integer", 10, -(2**63)),
    ("integer", 10**15, -(2**63) + 7),
    ("decimal(3,0)", 10, "-995"),
    ("decimal(4,2)", 1, "-99.95"),
    ("decimal(2,0)", 1000, "-1"),
    ("decimal(38,0)", 7, "-" + "9" * 38),
    ("decimal(38,38)", 1, "-0.5"),
]


@pytest.mark.vector("value-without-band")
@pytest.mark.parametrize(("declared", "width", "value"), WITHOUT_BAND)
def test_number_without_a_band(tmp_path, refuses, declared, width, value) -> None:
    from remit.columns import ColumnType

    kind = ColumnType.parse(declared).arrow()
    array = pa.array([value]).cast(kind)
    asked = {"kind": "generalise", "to": "band", "width": width}

    with refuses(at="results.c", saying="a number has no band"):
        apply(declared, asked, array, tmp_path)


def test_refusals_of_values_show_none(tmp_path) -> None:
    asked = {"kind": "generalise", "to": "band", "width": 10}
    array = pa.array([-1234567.75e294, 1.0])

    with pytest.raises(Refused) as caught:
        apply("double", asked, array, tmp_path)
    assert "234567" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.vector("value-not-of-type")
@pytest.mark.parametrize(
    "transform",
    [
        {"kind": "truncate", "length": 2},
        {"kind": "generalise", "to": "department"},
    ],
)
def test_text_that_is_none(tmp_path, refuses, transform) -> None:
    array = pa.array([b"Zo\xeb"], pa.binary()).view(pa.string())

    with refuses(at="results.c", saying="something that its transformation cannot take"):
        apply("string", transform, array, tmp_path)


@pytest.mark.vector("columns-outside-remit")
@pytest.mark.parametrize(
    ("declared", "array"),
    [("string", pa.array([1])), ("integer", pa.array(["1"])), ("date", pa.array([b"1"]))],
)
def test_columns_of_another_type_come_to_be_transformed(tmp_path, refuses, declared, array) -> None:
    with refuses(at="results", saying="other columns or types came to be transformed"):
        apply(declared, {"kind": "keep"}, array, tmp_path)


@pytest.mark.vector("pseudonym-key-missing")
@pytest.mark.vector("pseudonym-key-differs")
def test_nothing_is_transformed_without_the_right_secret(tmp_path, refuses) -> None:
    asked = {"kind": "pseudonym", "key": "ids"}

    with refuses(code="pseudonym-key-missing", at="pseudonym key ids", saying="there is no file"):
        apply("string", asked, pa.array(["7"]), tmp_path)
    new_secret(tmp_path / "ids.key")
    with refuses(code="pseudonym-key-differs", at="pseudonym key ids", saying="is not the one"):
        apply("string", asked, pa.array(["7"]), tmp_path)
