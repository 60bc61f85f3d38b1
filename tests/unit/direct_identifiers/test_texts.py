"""Direct identifiers in texts of a laboratory: what is found, what is not, what is left of them."""

from __future__ import annotations

import random
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from remit.direct_identifiers import (
    KINDS,
    found,
    found_of_each,
    iban,
    mail,
    names_found,
    nir,
    phone,
    redacted,
)

sys.path.insert(0, str(Path(__file__).parent))
labelled = import_module("labelled")
NEGATIVE, PATIENT, POSITIVE = labelled.NEGATIVE, labelled.PATIENT, labelled.POSITIVE


def names(rows: int) -> list[pa.Array]:
    return [pa.array([name] * rows) for name in PATIENT]


def kinds_in_each(texts: list[str]) -> list[set[str]]:
    array = pa.array(texts)
    each = {kind: found(array, [kind]).to_pylist() for kind in KINDS}
    each["name"] = names_found(array, names(len(texts))).to_pylist()
    return [{kind for kind in each if each[kind][row]} for row in range(len(texts))]


def kinds_in(text: str) -> set[str]:
    return kinds_in_each([text])[0]


# --- found and not found ----------------------------------------------------------------------------


def test_labelled_texts_none_missed_and_none_found_that_is_not_there() -> None:
    positive = kinds_in_each([text for _, text in POSITIVE])
    missed = [
        (kind, text)
        for (kind, text), kinds in zip(POSITIVE, positive, strict=True)
        if kind not in kinds
    ]
    negative = kinds_in_each(NEGATIVE)
    wrong = [(kinds, text) for text, kinds in zip(NEGATIVE, negative, strict=True) if kinds]

    assert (len(POSITIVE), len(NEGATIVE)) >= (60, 60)
    assert (missed, wrong) == ([], [])


@pytest.mark.parametrize(("kind", "text"), POSITIVE)
def test_piece_found_is_gone_and_its_kind_is_said(kind: str, text: str) -> None:
    [left] = redacted(pa.array([text]), KINDS, names(1)).to_pylist()

    assert f"[{kind}]" in left
    assert kinds_in(left) == set()
    if kind != "name":  # the rest stands beside: a day, an hour, a tube
        assert sum(c.isdigit() for c in left) <= 2


@pytest.mark.parametrize("text", NEGATIVE)
def test_text_without_identifiers_stays_as_it_is(text: str) -> None:
    assert redacted(pa.array([text]), KINDS, names(1)).to_pylist() == [text]


def test_several_pieces_of_one_text_are_each_replaced() -> None:
    text = "Mme Martin (2 92 03 69 123 045 27) tel 06 39 98 12 34, helene@courriel.example, à jeun"

    assert redacted(pa.array([text]), KINDS, names(1)).to_pylist() == [
        "Mme [name] ([nir]) tel [phone], [email], à jeun"
    ]


def test_only_the_kinds_asked_for_are_looked_for() -> None:
    texts = pa.array(["06 39 98 12 34 ou helene@courriel.example"])

    assert found(texts, ["nir", "iban"]).to_pylist() == [False]
    assert found(texts, ["email"]).to_pylist() == [True]
    assert redacted(texts, ["email"]).to_pylist() == ["06 39 98 12 34 ou [email]"]


def test_missing_texts_stay_missing_and_order_is_kept() -> None:
    texts = pa.array(["a@b.example", None, "rien", "a@b.example", ""])

    assert found(texts, KINDS).to_pylist() == [True, None, False, True, False]
    assert names_found(texts, names(5)).to_pylist() == [False, None, False, False, False]
    assert redacted(texts, KINDS).to_pylist() == ["[email]", None, "rien", "[email]", ""]
    assert found_of_each(texts, ["phone"])["phone"].to_pylist() == [
        False,
        None,
        False,
        False,
        False,
    ]


@pytest.mark.parametrize(
    "texts",
    [
        pa.array(["a@b.example", None]).dictionary_encode(),
        pa.array(["a@b.example", None], pa.large_string()),
        pa.array(["x", "a@b.example", None]).slice(1),
    ],
)
def test_every_form_of_text_is_looked_through(texts: pa.Array) -> None:
    assert found(texts, KINDS).to_pylist() == [True, None]
    assert redacted(texts, KINDS).to_pylist() == ["[email]", None]


def test_nothing_is_found_in_nothing() -> None:
    none = pa.array([], pa.string())

    assert found(none, KINDS).to_pylist() == names_found(none, [none]).to_pylist() == []
    assert found(pa.array(["x", None]), []).to_pylist() == [False, None]
    assert redacted(pa.nulls(2, pa.string()), KINDS, [pa.nulls(2, pa.string())]).to_pylist() == [
        None,
        None,
    ]


def test_numbers_are_no_text_and_kinds_that_there_are_not_are_refused() -> None:
    with pytest.raises(TypeError):
        found(pa.array([1]), KINDS)
    with pytest.raises(ValueError, match="passport"):
        found(pa.array(["x"]), ["passport"])


# --- properties -------------------------------------------------------------------------------------

_PIECES = st.one_of(
    st.sampled_from([text for _, text in POSITIVE]),
    st.sampled_from(NEGATIVE),
    st.sampled_from(
        ["+", "00", "33", "@", ".", "0", "12", "FR", "1 85 ", "Mme ", "de ", "'", "\u00a0"]
    ),
    st.text("0123456789 .-+@FRabé'", max_size=24),
    st.text(max_size=6),
)
_TEXTS = st.lists(st.lists(_PIECES, max_size=5).map("".join), min_size=1, max_size=6)


@pytest.mark.slow
@settings(max_examples=100, deadline=None, derandomize=True, database=None)
@given(_TEXTS)
def test_in_what_was_redacted_nothing_is_found_and_redacting_it_again_changes_nothing(
    texts: list[str],
) -> None:
    array = pa.array(texts)
    left = redacted(array, KINDS, names(len(texts)))

    assert not any(found(left, KINDS).to_pylist())
    assert not any(names_found(left, names(len(texts))).to_pylist())
    assert redacted(left, KINDS, names(len(texts))).equals(left)


@pytest.mark.slow
@settings(max_examples=100, deadline=None, derandomize=True, database=None)
@given(_TEXTS)
def test_texts_are_changed_where_something_is_found_and_nowhere_else(texts: list[str]) -> None:
    array = pa.array(texts)
    both = [found(array, KINDS).to_pylist(), names_found(array, names(len(texts))).to_pylist()]
    left = redacted(array, KINDS, names(len(texts))).to_pylist()

    assert [any(one) for one in zip(*both, strict=True)] == [
        before != after for before, after in zip(texts, left, strict=True)
    ]


@pytest.mark.slow
@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(_TEXTS)
def test_many_texts_are_looked_through_as_each_alone_is(texts: list[str]) -> None:
    alone = [redacted(pa.array([text]), KINDS, names(1))[0].as_py() for text in texts]

    assert redacted(pa.array(texts), KINDS, names(len(texts))).to_pylist() == alone


@pytest.mark.slow
@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(_TEXTS)
def test_no_text_is_passed_over_in_which_a_closer_look_finds_something(texts: list[str]) -> None:
    finders = {"nir": nir.spans, "email": mail.spans, "phone": phone.spans, "iban": iban.spans}
    for kind, spans in finders.items():
        looked = [any(True for _ in spans(text)) for text in texts]
        assert found(pa.array(texts), [kind]).to_pylist() == looked


@pytest.mark.slow
@pytest.mark.parametrize(
    "piece",
    ["a", "1", "1 ", "a.", "@", "a@", "+1  2  3  4  5  6 7", "FR14 ", "1 85 05 ", "00 ", "(at) ", "Petit ",
     "de la "],
)  # fmt: skip
def test_long_texts_take_no_longer_than_long(piece: str) -> None:
    text = piece * (60_000 // len(piece)) + " x@y"
    begun = time.perf_counter()
    redacted(pa.array([text]), KINDS, [pa.array(["de la Petit"])])

    assert (
        time.perf_counter() - begun < 30
    )  # measured: a second at most; quadratic would be minutes


# --- a hundred thousand comments --------------------------------------------------------------------

_SAID = (
    """
Échantillon hémolysé|Prélèvement lipémique, dosage après clarification|Contrôlé sur deuxième prélèvement
Résultat téléphoné au service à 10h45|Tube insuffisamment rempli|Glycémie à jeun : {n},{m} mmol/L
Recontrôlé le {d}/0{m}/2024 à 08:30|TSH {n},{m} mUI/L, à rapprocher du traitement|cf. dossier 24{n}{n}{n}01
Numération contrôlée sur lame, plaquettes {n}{m} 000/mm3|INR {n},{m} (cible 2 à 3)|CRP {n} mg/L, à suivre
Urines claires, leucocytes < {n}/mm3|E. coli 10^{m} UFC/mL, antibiogramme joint|LOINC {n}345-{m}
Valeurs antérieures : {n},1 {n},4 {n},2 {n},0 le {d}.0{m}.2023|Créatinine {n}8 µmol/L, DFG {n}5 mL/min
""".replace("\n", "|")
    .strip("|")
    .split("|")
)
_LAST = "Martin Bernard Petit Durand Leroy Moreau Roux N'Diaye Lefèvre Le-Goff Garcia Rose".split()
_FIRST = "Hélène Claire Jean-Pierre Marie Rose Ahmed Zoé Lucas Blanche Noël".split()
_IDENTIFYING = (
    "Mme {last} rappelée ce jour", "{first} {last} confirme être à jeun", "tel 06 39 98 {d} {d}",
    "résultats à {first}.x@courriel.example", "NIR 2 92 03 69 123 045 27",
)  # fmt: skip


def comments(rows: int, rng: random.Random) -> tuple[dict[str, list[Any]], int]:
    """Comments, the names of their patients, and how many comments name or number the patient."""
    made: dict[str, list[Any]] = {"text": [], "last": [], "first": []}
    identifying = 0
    for _ in range(rows):
        last, first, luck = rng.choice(_LAST), rng.choice(_FIRST), rng.random()
        numbers = {"n": rng.randint(2, 9), "m": rng.randint(1, 9), "d": rng.randint(10, 28)}
        form = rng.choice(_IDENTIFYING if luck < 0.02 else _SAID)
        identifying += luck < 0.02
        text = form.format(last=last, first=first, **numbers)
        made["text"].append(None if luck > 0.7 else text)
        made["last"].append(last)
        made["first"].append(first)
    return made, identifying


@pytest.mark.slow
def test_a_hundred_thousand_comments_take_seconds_and_are_told_apart(
    record_property: pytest.RecordProperty,
) -> None:
    made, identifying = comments(100_000, random.Random(7))
    texts = pa.array(made["text"], pa.string())
    whose = [pa.array(made["last"]), pa.array(made["first"])]

    begun = time.perf_counter()
    numbered = found(texts, KINDS)
    named = names_found(texts, whose)
    taken = time.perf_counter() - begun
    record_property("milliseconds", round(taken * 1000))

    hits = sum(
        a or b
        for a, b in zip(numbered.to_pylist(), named.to_pylist(), strict=True)
        if a is not None
    )
    assert hits == identifying
    assert taken < 20  # measured: well under a second; a slow machine is no defect
