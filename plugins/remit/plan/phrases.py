"""What plans hold as English phrases, told in French.

A plan is evidence: its limits, transformations and differences are recorded in English, once. Each
form of phrase has its French here. What has none is told as it is recorded, and marked as that.
"""

from __future__ import annotations

import re
from functools import cache

from remit.instruction.forms import Category
from remit.instruction.plain_language.tables import category
from remit.instruction.plain_language.voice import Language, Voice

Phrases = tuple[tuple[str, str], ...]
"""English forms with what they are in French; the same fields in braces are in both."""

_FIELD = re.compile(r"\{(\w+)\}")
_PERIOD = re.compile(r"(\S+Z) to (\S+Z)")
_NOT_TOLD = {"unknown": "inconnu", "nobody": "personne", "": "aucun"}
_SIDES = {"allowed": "autorisée", "withheld": "non transmise"}
_KINDS = {
    "direct identifiers": "identifiants directs",
    "nir": "numéros de sécurité sociale",
    "email": "adresses électroniques",
    "phone": "numéros de téléphone",
    "iban": "numéros de compte bancaire",
    "name": "noms de la personne concernée",
}

TREATMENTS = (
    ("kept", "conservé"),
    ("pseudonym under key {key}", "pseudonymisé avec la clé {key}"),
    ("generalised to bands of {number}", "généralisé en tranches de {number}"),
    ("generalised to month", "réduit au mois"),
    ("generalised to year", "réduit à l'année"),
    ("generalised to department", "réduit au département"),
    ("cut to {number} characters", "coupé à {number} caractères"),
    ("replaced by a constant", "remplacé par une constante"),
    ("emptied", "vidé"),
    (
        "free text: {kinds} with one, nothing leaves",
        "texte libre : {kinds} ; s'il s'en trouve, rien ne sort",
    ),
    ("free text: {kinds} replaced", "texte libre : {kinds} ; ce qui est trouvé est remplacé"),
    (
        "free text: {kinds} left, and counted",
        "texte libre : {kinds} ; ce qui est trouvé sort, et est compté",
    ),
)

LIMITS = (
    ("every row may leave: {why}", "toutes les lignes peuvent sortir : {why}"),
    ("at any time: {why}", "sans limite de temps : {why}"),
    ("every code: {why}", "tous les codes : {why}"),
    (
        "{number} suppressed data subjects left out, by {column}; rows in scope are counted before "
        "that",
        "{number} personnes exclues retirées, selon {column} ; les lignes visées sont comptées avant",
    ),
    ("{number} rows at most", "au plus {number} lignes"),
    ("{column} in {relation} with {limits}", "{column} présent dans {relation} avec {limits}"),
    (
        "{column} from {start} to before {end}, of it the run's own data interval",
        "{column} du {start} au {end} exclu, dans l'intervalle propre à l'exécution",
    ),
    ("{column} from {start} to before {end}", "{column} du {start} au {end} exclu"),
    ("{column} one of {values}", "{column} parmi {values}"),
)

DIFFERENCES = (
    ("version {before} is now version {after}", "la version {before} est devenue la {after}"),
    ("its text is another one of the same version", "le texte a changé sous la même version"),
    ("the periods until deletion changed", "les délais avant suppression ont changé"),
    ("leaves now", "sort désormais"),
    ("leaves no more", "ne sort plus"),
    ("is a new table, withheld", "nouvelle table, non transmise"),
    ("is a new column ({type}), {side}", "nouvelle colonne ({type}), {side}"),
    ("is gone (was {type})", "a disparu (était {type})"),
    ("is gone", "a disparu"),
    (
        "transformation: was {treatment}, is {treatment_now}",
        "transformation : était {treatment}, est {treatment_now}",
    ),
    (
        "identifiers: was {treatment}, is {treatment_now}",
        "identifiants directs : était {treatment}, est {treatment_now}",
    ),
    (
        "category: was {category}, is {category_now}",
        "catégorie : était {category}, est {category_now}",
    ),
    (
        "recipients: was {value}, is {value_now}",
        "destinataires : était {value}, est {value_now}",
    ),
    (
        "rows in scope: {number}, now {number_now}",
        "lignes visées : {number}, maintenant {number_now}",
    ),
    ("rows: was {every}, is {every_now}", "lignes : était {every}, est {every_now}"),
    ("was {value}, is {value_now}", "était {value}, est {value_now}"),
)


def treatment(text: str, say: Voice) -> str:
    """What is done to a column's values, or to identifiers in its texts."""
    return _told(text, TREATMENTS, say)


def limit(text: str, say: Voice) -> str:
    """One of the limits of a table's rows."""
    return _told(text, LIMITS, say)


def difference(text: str, say: Voice) -> str:
    """What differs from an earlier plan."""
    return _told(text, DIFFERENCES, say)


def recorded(text: str, say: Voice) -> str:
    """A text that was recorded in English, marked as that for who reads another language."""
    return say.pick(text, f"{say.quoted(text)} (texte enregistré en anglais)")


def category_words(name: str, say: Voice) -> str:
    """What a category is called in law."""
    known = {one.value: one for one in Category}
    return category(known[name], say) if name in known else name


def _told(text: str, phrases: Phrases, say: Voice) -> str:
    if say.language is Language.ENGLISH or not text:
        return text
    return _french(text, phrases, say) or recorded(text, say)


def _french(text: str, phrases: Phrases, say: Voice) -> str | None:
    for english, french in phrases:
        if found := _pattern(english).fullmatch(text):
            told = {name: _inside(name, value, say) for name, value in found.groupdict().items()}
            known = {name: value for name, value in told.items() if value is not None}
            if len(known) == len(told):
                return french.format(**known)
    return None


def _inside(name: str, text: str, say: Voice) -> str | None:
    """What stands in a field of a phrase, told by the field's name; None where it has no French."""
    match name.removesuffix("_now"):
        case "number":
            digits = text.replace(",", "")
            return say.number(int(digits)) if digits.isdecimal() else _NOT_TOLD.get(text, text)
        case "why":
            return say.quoted(text)
        case "kinds":
            return say.all_of(_KINDS.get(kind, kind) for kind in text.split(", "))
        case "category":
            return category_words(text, say)
        case "side":
            return _SIDES.get(text)
        case "value":
            period = _PERIOD.fullmatch(text)
            return f"{period[1]} à {period[2]}" if period else _NOT_TOLD.get(text, text)
        case "treatment":
            return _french(text, TREATMENTS, say) if text else _NOT_TOLD[text]
        case "limits":
            return _each(text, " and ", " et ", say)
        case "every":
            return _each(text, "; ", " ; ", say)
        case _:
            return text


def _each(text: str, apart: str, joined: str, say: Voice) -> str | None:
    """Several limits in one text."""
    told = [_french(part, LIMITS, say) for part in text.split(apart)]
    return None if None in told else joined.join(filter(None, told))


@cache
def _pattern(english: str) -> re.Pattern[str]:
    """What a phrase looks like, with anything in its fields."""
    parts = _FIELD.split(english)
    return re.compile(
        "".join(f"(?P<{p}>.*?)" if n % 2 else re.escape(p) for n, p in enumerate(parts)), re.DOTALL
    )
