"""The names of the row's own person, however they are written, and words that are only words."""

from __future__ import annotations

import pyarrow as pa
import pytest

from remit.direct_identifiers import names_found, names_known, redacted


def finds(text: str, *names: str | None) -> bool:
    found: bool = names_found(pa.array([text]), [pa.array([n], pa.string()) for n in names])[
        0
    ].as_py()
    return found


@pytest.mark.parametrize(
    ("name", "texts"),
    [
        ("Lefèvre", ["mme LEFEVRE", "lefe\u0300vre", "Lefèvre, à jeun", "(LEFÈVRE)", "d'Lefèvre"]),
        ("Jean-Pierre", ["jean pierre", "JEAN-PIERRE", "Jeanpierre", "Jean\u2011Pierre", "M. Pierre"]),
        ("N'Diaye", ["NDIAYE", "N'Diaye", "n\u2019diaye", "N Diaye", "diaye"]),
        ("NDIAYE", ["N'Diaye", "N\u2019DIAYE", "N-Diaye"]),
        ("O'Brien", ["obrien", "O\u2019Brien", "O BRIEN"]),
        ("de la Tour-Maubourg", ["mme de la Tour Maubourg", "MAUBOURG", "dossier TourMaubourg"]),
        ("van der Berghe", ["Van der Berghe", "BERGHE", "vanderberghe"]),
        ("Le Goff", ["LE GOFF", "Goff", "legoff"]),
        ("Łukasz Großmann", ["lukasz", "GROSSMANN", "Großmann"]),
        ("Œuvrard", ["OEUVRARD", "œuvrard"]),
        ("Nguyễn", ["nguyen", "NGUYỄN"]),
        ("Иванова", ["иванова", "ИВАНОВА"]),
        ("Petit", ["Mme Petit", "M. PETIT rappelé", "patient petit", "vu Petit ce jour"]),
        ("Ly", ["Mme Ly", "M LY à jeun"]),
        ("Le", ["M. Le"]),
        ("de la Tour", ["mme de la tour", "M. Tour", "vu de la Tour"]),
    ],
)  # fmt: skip
def test_a_name_is_found_in_whatever_way_it_is_written(name: str, texts: list[str]) -> None:
    assert [text for text in texts if not finds(text, name)] == []


@pytest.mark.parametrize(
    ("name", "texts"),
    [
        ("Petit", ["Petit volume", "petit volume", "PETIT VOLUME", "tube petit format", "Vu. Petit tube"]),
        ("Claire", ["Urines claires", "urine claire", "Claire, sans culot"]),
        ("Ly", ["LY 12 %", "lymphocytes", "ly"]),
        ("Martin", ["martinet", "Saint-Martinien", "smartin"]),
        ("de la Tour", ["de la glycémie", "retour de la patiente", "la"]),
        ("Na", ["Na 140 mmol/L", "na+ à contrôler"]),
        ("Test", ["test rapide négatif", "TEST DE GROSSESSE"]),
        ("Inconnu", ["germe inconnu", "INCONNU"]),
    ],
)  # fmt: skip
def test_words_that_are_only_words_are_nobodys_name(name: str, texts: list[str]) -> None:
    assert [text for text in texts if finds(text, name)] == []


def test_words_that_are_names_as_well_are_found_beside_another_name_of_the_person() -> None:
    assert finds("étiquette petit rose illisible", "Petit", "Rose")
    assert finds("rose durand", "Durand", "Rose")
    assert not finds("petit volume, urine rose", "Petit", "Rose")
    assert not finds("petit petit volume", "Petit", "Rose")


def test_each_row_is_looked_through_for_its_own_names_alone() -> None:
    texts = pa.array(["Durand à jeun", "Durand à jeun", None, "Durand à jeun"])
    last = pa.array(["Durand", "Bernard", "Durand", None])

    assert names_found(texts, [last]).to_pylist() == [True, False, None, False]


def test_a_value_with_several_names_has_one_a_line() -> None:
    assert finds("appel de Mme Zoubirou", "Quintard\nZoubirou")


def test_a_name_is_replaced_as_a_whole_with_its_particles() -> None:
    texts = pa.array(["Mme Anne-Lise de la Tour Maubourg, à jeun", "M. Anne Lise rappelle Tour."])
    names = [pa.array(["de la Tour-Maubourg"] * 2), pa.array(["Anne-Lise"] * 2)]

    assert redacted(texts, [], names).to_pylist() == [
        "Mme [name], à jeun",
        "M. [name] rappelle [name].",
    ]


def test_a_person_whose_name_is_that_of_a_marker_changes_nothing_of_it() -> None:
    texts = pa.array(["tel 06 39 98 12 34"])
    once = redacted(texts, ["phone"], [pa.array(["Phone"])])

    assert once.to_pylist() == ["tel [phone]"]
    assert names_found(once, [pa.array(["Phone"])]).to_pylist() == [False]


def test_it_is_told_whether_there_is_a_name_to_look_for() -> None:
    names = [
        pa.array(["Durand", None, " ", "?", "Le", "7"]),
        pa.array([None, None, "", "-", "", ""]),
    ]

    assert names_known(names, 6).to_pylist() == [True, False, False, False, True, False]
    assert names_known([], 2).to_pylist() == [False, False]
