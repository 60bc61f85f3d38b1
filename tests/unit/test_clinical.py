"""Codes of laboratories and persons, against published ones and invented persons' numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remit.clinical import is_loinc, is_nir, is_ucum
from remit.clinical.ucum_codes import METRIC, OTHERS, PREFIXES

# Haemoglobin, glucose, HbA1c, creatinine, leukocytes, body weight, and codes of six digits.
LOINC = ["718-7", "2345-7", "4548-4", "2160-0", "6690-2", "29463-7", "94500-6", "100000-9"]


@pytest.mark.parametrize("code", LOINC)
def test_code_of_loinc(code: str) -> None:
    assert is_loinc(code)


@pytest.mark.parametrize(
    "code",
    ["718-8", "7187", "718-", "-7", "0718-7", " 718-7", "718-7\n", "LP14449-0", "LA6576-8", "",
     "\u0667\u0661\u0668-\u0667", "718-77", "12345678-9"],
)  # fmt: skip
def test_no_code_of_loinc(code: str) -> None:
    assert not is_loinc(code)


@given(st.integers(1, 9_999_999))
def test_one_check_digit_alone_is_right(number: int) -> None:
    assert sum(is_loinc(f"{number}-{digit}") for digit in range(10)) == 1


@given(st.sampled_from(LOINC), st.data())
def test_a_digit_that_was_mistyped_is_noticed(code: str, data: st.DataObject) -> None:
    place = data.draw(st.sampled_from([i for i, sign in enumerate(code) if sign.isdigit()]))
    digit = data.draw(st.sampled_from("0123456789".replace(code[place], "")))

    assert not is_loinc(code[:place] + digit + code[place + 1 :])


@pytest.mark.parametrize(
    "unit",
    [
        "mmol/L", "mg/dL", "g/L", "10*3/uL", "10*9/L", "/uL", "/[HPF]", "%", "[pH]", "mm[Hg]", "Cel",
        "U/L", "m[IU]/mL", "[iU]/L", "umol/min", "kg/m2", "mL/min/{1.73_m2}", "{score}", "1", "a",
        "10.L/(min.m2)", "g.m/({hb}.m2)", "U/(10.g){feces}", "/100{WBCs}", "cal_[15]", "m.s-1", "m+2",
        "[in_i'H2O]", "KiBy", "dar", "((m))", "10^-3", "ng/mL{FEU}", "B[10.nV]", "[m/s2/Hz^(1/2)]",
    ],
)  # fmt: skip
def test_unit_of_ucum(unit: str) -> None:
    assert is_ucum(unit)


@pytest.mark.parametrize(
    "unit",
    [
        "", " ", "MMOL/L", "mmol/l ", "mg / dL", "mmHg", "cells", "IU/L", "µmol/L", "umol//L", "mol/",
        "(m", "m)", "()", "10mg", "m2s", "m**2", "x10^9/L", "kmin", "k%", "{a b}", "{a", "a}", "{é}",
        "{{a}}", "{a}{b}", "m\n", "m^2", "10+3", "c", "/", ".", "//m", "\u0663", "m" * 201,
    ],
)  # fmt: skip
def test_no_unit_of_ucum(unit: str) -> None:
    assert not is_ucum(unit)


def test_every_unit_is_one_and_the_metric_ones_alone_take_a_prefix() -> None:
    units = METRIC | OTHERS

    assert [unit for unit in units if not is_ucum(unit)] == []
    assert [p + unit for p in PREFIXES for unit in METRIC if not is_ucum(p + unit)] == []
    # Some unit with a letter before it is another unit: "dar" is a deca-are, "cd" a candela.
    others = {p + unit for p in PREFIXES for unit in OTHERS} - units
    assert [code for code in sorted(others) if is_ucum(code)] == sorted(
        others & {p + unit for p in PREFIXES for unit in METRIC}
    )


@given(st.recursive(st.sampled_from(["mol", "mL", "10*3", "{x}", "2"]),
                    lambda inner: st.tuples(inner, st.sampled_from("./"), inner).map(
                        lambda parts: f"({''.join(parts)})"), max_leaves=8))  # fmt: skip
def test_units_of_units_are_units(unit: str) -> None:
    assert is_ucum(unit)
    assert not is_ucum(unit + ")")
    assert not is_ucum("(" + unit)


# Invented: births in a month, a department and a town that the number allows, with the right key.
NIR = ["255081416802538", "295109912611193", "253072A07300443", "253072B07300470"]


@pytest.mark.parametrize("number", NIR)
def test_nir(number: str) -> None:
    assert is_nir(number)


@pytest.mark.parametrize(
    "number",
    ["255081416802539", "25508141680253", "2550814168025380", "2 55 08 14 168 025 38", "",
     "955081416802538", "253072C07300443", "253072a07300443", "\u066255081416802538", "253072A07300470"],
)  # fmt: skip
def test_no_nir(number: str) -> None:
    assert not is_nir(number)


@given(st.sampled_from(NIR), st.data())
def test_a_digit_of_a_nir_that_was_mistyped_is_noticed(number: str, data: st.DataObject) -> None:
    place = data.draw(st.sampled_from([i for i, sign in enumerate(number) if sign.isdigit()]))
    digit = data.draw(st.sampled_from("0123456789".replace(number[place], "")))

    assert not is_nir(number[:place] + digit + number[place + 1 :])
