"""A plan in French: every form of English phrase that evidence can hold has its French."""

from __future__ import annotations

from typing import get_args

import pytest

from remit.instruction import Category
from remit.instruction.identifiers import KINDS, Identifiers, Treatment
from remit.instruction.lists import ListRule
from remit.instruction.rows import Rows, shown_limits
from remit.instruction.transformations import (
    KEEP,
    Constant,
    Empty,
    Generalise,
    Pseudonym,
    Transformation,
    Truncate,
)
from remit.plan.differences import differences
from remit.plan.phrases import category_words, difference, limit, treatment
from remit.plan.shown import difference_lines, plan_lines
from remit.plan.words import FRENCH, deletion_sentence

MARK = "(texte enregistré en anglais)"
TRANSFORMATIONS = [
    KEEP,
    Pseudonym(kind="pseudonym", key="durand-2026"),
    *(Generalise(kind="generalise", to=to) for to in ("month", "year", "department")),
    Generalise(kind="generalise", to="band", width=1000),
    Truncate(kind="truncate", length=3),
    Constant(kind="constant", value="x"),
    Empty(kind="empty"),
]


def test_every_transformation_has_its_french(english_in) -> None:
    told = [treatment(one.words(), FRENCH) for one in TRANSFORMATIONS]

    kinds = get_args(get_args(Transformation)[0])
    assert {type(one) for one in TRANSFORMATIONS} == set(kinds)
    assert english_in(told) == set()
    assert not any(MARK in words for words in told)
    assert "généralisé en tranches de 1 000" in told


@pytest.mark.parametrize("kinds", [list(KINDS), ["nir"], ["email", "phone", "iban", "name"]])
@pytest.mark.parametrize("how", get_args(Treatment))
def test_every_treatment_of_identifiers_has_its_french(kinds, how, english_in) -> None:
    told = treatment(Identifiers(treatment=how, kinds=kinds).words(), FRENCH)

    assert MARK not in told
    assert told.startswith("texte libre : ")
    assert english_in([told]) == set()


def test_every_category_has_its_french(english_in) -> None:
    told = [category_words(category.value, FRENCH) for category in Category]

    assert len(set(told) - {category.value for category in Category}) == len(Category)
    assert english_in(told) == set()


@pytest.mark.parametrize(
    ("english", "french"),
    [
        (
            "every row may leave: a table of sites",
            "toutes les lignes peuvent sortir : « a table of sites »",
        ),
        ("at any time: few", "sans limite de temps : « few »"),
        ("every code: it must", "tous les codes : « it must »"),
        (
            "12 suppressed data subjects left out, by patient_id; rows in scope are counted before that",
            "12 personnes exclues retirées, selon patient_id ; les lignes visées sont comptées avant",
        ),
        ("1,250,000 rows at most", "au plus 1 250 000 lignes"),
        (
            "patient_id in patient with site one of A and born from 1900-01-01 to before 2000-01-01",
            "patient_id présent dans patient avec site parmi A et born du 1900-01-01 au 2000-01-01 exclu",
        ),
        ("it is as it is", f"« it is as it is » {MARK}"),
        ("id in x with y as it is", f"« id in x with y as it is » {MARK}"),
    ],
)
def test_limits(english, french) -> None:
    assert limit(english, FRENCH) == french


def test_limits_of_an_instruction_have_their_french(english_in) -> None:
    window = {"column": "taken_at", "type": "date", "from": "2024-01-01", "to": "2025-01-01"}
    rows = Rows.model_validate(
        {
            "maximum": 10,
            "window": window | {"per_run": "data_interval", "timezone": "Europe/Paris"},
            "sites": {"column": "site", "in": ["A", "B"]},
            "codes": {"column": "code", "in": ["X"]},
            "through": [
                {
                    "table": "patient",
                    "join": [{"column": "patient_id", "to": "id", "type": "integer"}],
                    "only": [{"column": "kind", "in": ["K"]}],
                }
            ],
        }
    )
    told = [limit(text, FRENCH) for text in shown_limits(rows)]

    assert len(told) == 4
    assert isinstance(rows.sites, ListRule)
    assert not any(MARK in words for words in told)
    assert english_in(told) == set()


DIFFERENCES = {
    "version 1 is now version 2": "la version 1 est devenue la 2",
    "its text is another one of the same version": "le texte a changé sous la même version",
    "the periods until deletion changed": "les délais avant suppression ont changé",
    "was /srv/landing, is unknown": "était /srv/landing, est inconnu",
    "was 2026-01-01T00:00:00Z to 2026-01-02T00:00:00Z, is unknown": (
        "était 2026-01-01T00:00:00Z à 2026-01-02T00:00:00Z, est inconnu"
    ),
    "leaves now": "sort désormais",
    "leaves no more": "ne sort plus",
    "is a new table, withheld": "nouvelle table, non transmise",
    "is a new column (text), allowed": "nouvelle colonne (text), autorisée",
    "is gone": "a disparu",
    "is gone (was text)": "a disparu (était text)",
    "transformation: was kept, is emptied": "transformation : était conservé, est vidé",
    "category: was technical, is health": (
        "catégorie : était données techniques, est données concernant la santé"
    ),
    "recipients: was nobody, is kalisil, registry": "destinataires : était personne, est kalisil, registry",
    "identifiers: was , is free text: nir replaced": (
        "identifiants directs : était aucun, est texte libre : numéros de sécurité sociale ; ce qui est "
        "trouvé est remplacé"
    ),
    "rows in scope: 1200, now unknown": "lignes visées : 1 200, maintenant inconnu",
    "rows: was a one of B; 10 rows at most, is 20 rows at most": (
        "lignes : était a parmi B ; au plus 10 lignes, est au plus 20 lignes"
    ),
}


@pytest.mark.parametrize("english", DIFFERENCES)
def test_differences(english) -> None:
    assert difference(english, FRENCH) == DIFFERENCES[english]


def plan_of(**changes: object) -> dict[str, object]:
    table = {
        "name": "results", "relation": "results", "limits": ["10 rows at most"], "allowed": ["a"],
        "columns": [{"name": "a", "type": "uuid", "delivered": "uuid", "category": "health",
                     "transformation": "kept", "recipients": ["kalisil"]}],
        "withheld": [], "missing": ["gone_column"], "rows_in_scope": None, "rows_total": 7, "sql": "",
        "drifted": [{"column": "b", "declared": "string", "live": "integer"}],
        "live": {"a": "uuid"},
    }  # fmt: skip
    made = {
        "instruction": {"id": "durand-2026", "version": 1, "digest": "sha256:ab"},
        "source": "sqlite:///x", "landing": None,
        "interval": {"start": "2026-01-01T00:00:00Z", "end": "2026-01-02T00:00:00Z"},
        "recipients": [], "deletion": {"after_confirmation": 3600, "without_confirmation": 604800},
        "tables": [table], "withheld_tables": [], "previous": "r1", "drift": [], "warnings": [],
        "refusals": [],
    }  # fmt: skip
    return made | changes


def test_lines_that_seldom_come_are_french_too(english_in) -> None:
    drift = {"at_source": True, "where": "results.x", "what": "is a new column (text), withheld"}
    lines = [line.text for line in plan_lines(plan_of(drift=[drift]), "fr")]

    assert english_in(lines) == set()
    for part in (
        "Destination   (aucune zone de dépôt nommée)",
        "Intervalle    du 2026-01-01T00:00:00Z au 2026-01-02T00:00:00Z",
        "results : lignes visées : un nombre inconnu sur 7",
        "  absente       gone_column",
        "  autre type    b (déclarée string, est integer)",
        "Changements à la source depuis l'exécution r1 :",
        "  ~ results.x : nouvelle colonne (text), non transmise",
    ):
        assert part in lines
    assert "supprimées 1 heure après l'accusé de réception" in deletion_sentence(plan_of(), FRENCH)


def test_differences_as_lines_in_french() -> None:
    new = plan_of(landing="/new", deletion={"after_confirmation": 0, "without_confirmation": 1})
    found = [one.as_json() for one in differences(plan_of(landing="/old"), new)]

    assert difference_lines("r1", [], "fr")[0].text == "Rien ne diffère du plan de l'exécution r1."
    assert [line.text for line in difference_lines("r1", found, "fr")][1:] == [
        "  ~ zone de dépôt : était /old, est /new (dans ce qui sort)",
        "  ~ suppression : les délais avant suppression ont changé (dans ce qui sort)",
    ]


def test_no_line_ends_between_a_french_mark_and_its_word() -> None:
    finding = {
        "code": "column-missing", "where": "results.gone", "message": "word " * 60,
        "way_out": "word " * 60,
    }  # fmt: skip
    lines = [line.text for line in plan_lines(plan_of(refusals=[finding]), "fr")]

    assert not any(line.rstrip().endswith("«") for line in lines)
    assert not any(line.lstrip().startswith((":", ";", "»")) for line in lines)
