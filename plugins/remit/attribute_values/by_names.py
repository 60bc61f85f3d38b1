"""What names say: which columns hold a value, and which say what the value is of."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from remit.column_names.words import singular, word_set, words

_VALUES = word_set("value valeur valor wert val")
_OUTCOMES = word_set(
    "result resultat resultado ergebnis answer reponse response respuesta resposta"
)
_OUTCOME_FORMS = word_set("""
    text texte string numeric number numerique num coded code raw float double decimal integer
    boolean data
""")
_VALUE_FORMS = _OUTCOME_FORMS | word_set("""
    date datetime time obs observation attribute attribut attr field champ property prop param
    parameter parametre measured observed test analyse custom
""")
_NOT_THE_VALUE = word_set("""
    type kind unit unite modifier operator comparator status min max low high normal range limit
    count sort order group match
""")
_CHANGED = word_set("old new previous prior before after ancien ancienne nouveau nouvelle")
_AFFIXES = word_set("id code name nom key cle type ref label libelle num number uri")
_NAMED_BY = ("name", "key", "code", "nom", "cle", "label", "libelle", "type")
# Words of a column that says what a value is of, the surest first.
_CODES = """
    code loinc attribute attribut attr property prop parameter parametre param variable question
    field champ column concept key cle atributo merkmal analyte identity measure mesure part
    indicator characteristic
""".split()
_WEAK_CODES = word_set("analysis analyse determination exam examen test assay url")
_WEAKEST_CODES = word_set("name nom label libelle system")
_NEVER_CODES = (
    word_set("unit unite operator qualifier modifier source error external relation status")
    | _VALUES
    | _OUTCOMES
)
_OTHER_CODES = word_set("""
    site country pays postal zip city commune currency devise statut lab laboratory laboratoire
    organisation organization patient person sample specimen language lang display sort foreign
    primary parent barcode user provider group event file color insee role photo document storage
    location entity object record log action change
""")
# What sort of value it is, not what it is of; the first ones may be told the other way round.
_KINDS = word_set("type kind typetag datatype")
_KIND_OF = _VALUES | _OUTCOMES | word_set("data rslt res datum")
_RUN_TOGETHER = re.compile(
    r"(string|text|float|double|integer|int|numeric|num|number|decimal|date|datetime|time|boolean"
    r"|bool|property|attribute|parameter|concept|field|measure|variable|question|analyte|value"
    r"|result|test)(values?|types?|id|uri|name|code|key)"
)
SURE = 2 * len(_CODES)
"""A rank below this is of a word that speaks of attributes."""


def split(names: Sequence[str]) -> dict[str, list[str]]:
    """Each name's words, without the first one if all names share it (pfi_key, pfi_value)."""
    found = {name: parts for name in names if (parts := _parts(name))}
    if len({parts[0] for parts in found.values()}) == 1 and len(found) > 1:
        return {name: parts[1:] for name, parts in found.items() if len(parts) > 1}
    return found


def is_value(parts: Sequence[str]) -> bool:
    """Whether the column is called after nothing but a value, or after an outcome."""
    if parts[0] in _VALUES:
        return _NOT_THE_VALUE.isdisjoint(parts)
    said = set(parts)
    if _VALUES & said:
        return said <= _VALUES | _OUTCOMES | _VALUE_FORMS
    return bool(_OUTCOMES & said) and said <= _OUTCOMES | _OUTCOME_FORMS


def is_changed_value(parts: Sequence[str]) -> bool:
    """Whether it holds what something was, or became: old_value, new_values."""
    said = set(parts)
    return bool(said & _CHANGED) and bool(said & _VALUES) and said <= _CHANGED | _VALUES


def is_kind_of_value(parts: Sequence[str]) -> bool:
    """Whether it says what sort of value there is: value_type, result_type, tst_rslt_type."""
    if parts[-1] not in _KINDS:
        return False
    before = set(parts[:-1])
    return parts[-1] not in ("type", "kind") or not before or bool(before & _KIND_OF)


def named_by(parts: Sequence[str], others: Mapping[str, list[str]]) -> list[str]:
    """The columns that name this one: cost_name for cost_value, identifier_type for identifier."""
    wanted = []
    if parts[-1] in _VALUES and len(parts) > 1:
        wanted = [[*parts[:-1], word] for word in _NAMED_BY]
    elif list(parts) in (["identifier"], ["identity", "data"]):
        wanted = [[parts[0], "type"], [parts[0], "type", "id"]]
    elif list(parts) == ["data"]:
        wanted = [["name"], ["key"]]
    return [name for want in wanted for name, other in others.items() if other == want]


def codes_by_rank(columns: Mapping[str, list[str]]) -> list[tuple[int, str]]:
    """The columns that may say what a value is of: the lower the rank the surer, the surest first.

    With the best one come those of the same word: test_name beside test_id.
    """
    ranks = [(found, name) for name, parts in columns.items() if (found := rank(parts)) is not None]
    if not ranks:
        return []
    ranks.sort(key=lambda one: one[0])
    best = _core(columns[ranks[0][1]])
    return [one for one in ranks if one == ranks[0] or _core(columns[one[1]]) == best]


def rank(parts: Sequence[str]) -> int | None:
    """How surely the column says what a value is of: the lower the surer, None for not at all."""
    core = _core(parts)
    french = parts[0] in _AFFIXES and core != [parts[0]]
    said = {core[-1], core[0] if french else core[-1]}
    if not _NEVER_CODES.isdisjoint(parts) or not _OTHER_CODES.isdisjoint(said):
        return None
    type_id = list(parts[-2:]) == ["type", "id"]
    # attribute_type_id is surer than attribute_id, which may number the row; a type of a concept
    # is less sure than the concept.
    inner = "type" in parts[:-1] and not type_id
    sure = [2 * place + (not type_id) for place, word in enumerate(_CODES) if word in said]
    sure = [place + len(_CODES) if inner else place for place in sure]
    signs = (
        type_id,
        not said.isdisjoint(_WEAK_CODES) and "code" in parts,
        not said.isdisjoint(_WEAK_CODES),
        parts[-1] == "type",
        "code" in (parts[0], parts[-1]),
        len(parts) == 1 and parts[0] in _WEAKEST_CODES,
    )
    weak = [SURE + place for place, holds in enumerate(signs) if holds]
    return min(sure + weak, default=None)


def is_of_something_else(parts: Sequence[str]) -> bool:
    """Whether it says the unit, status or source of a value, not what the value is of."""
    return not _NEVER_CODES.isdisjoint(parts)


def _parts(name: str) -> list[str]:
    found: list[str] = []
    for word in words(name):
        joined = _RUN_TOGETHER.fullmatch(word)
        found += [joined[1], joined[2]] if joined else [word]
    return [singular(word) for word in found]


def _core(parts: Sequence[str]) -> list[str]:
    core = list(parts)
    while core and core[-1] in _AFFIXES:
        core.pop()
    while core and core[0] in _AFFIXES:
        core.pop(0)
    return core or [parts[0]]
