"""What plans say of one thing each, in both languages: rows, columns, treatments, deletion, refusals."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from remit.instruction.plain_language.voice import Language, Voice
from remit.plan.phrases import recorded, treatment
from remit.rule_names import RULE_NAMES

Shown = Mapping[str, Any]
ENGLISH = Voice(Language.ENGLISH, space=" ")
FRENCH = Voice(Language.FRENCH, space=" ")
_UNITS = (
    (86_400, ("day", "days"), ("jour", "jours")),
    (3_600, ("hour", "hours"), ("heure", "heures")),
    (60, ("minute", "minutes"), ("minute", "minutes")),
    (1, ("second", "seconds"), ("seconde", "secondes")),
)


def voice_of(language: str) -> Voice:
    """Who speaks a language of `Language`. ValueError for another one."""
    return FRENCH if Language(language) is Language.FRENCH else ENGLISH


def period(seconds: int, say: Voice = ENGLISH) -> str:
    """A period in words, in its largest whole unit."""
    for length, *words in _UNITS:
        if seconds and seconds % length == 0:
            return say.count(seconds // length, *words)
    return str(timedelta(seconds=seconds))


def deletion_sentence(plan: Shown, say: Voice = ENGLISH) -> str:
    """When the copies will be deleted."""
    after, latest = (
        plan["deletion"][name] for name in ("after_confirmation", "without_confirmation")
    )
    soon = say("at once on", "dès")
    if after:
        words = period(after, say)
        soon = say("{period} after", "{period} après", period=words)
    return say(
        "Every copy is deleted {soon} the target's receipt, and at the latest {latest} after "
        "extraction begins.",
        "Toutes les copies sont supprimées {soon} l'accusé de réception du destinataire, et au plus "
        "tard {latest} après le début de l'extraction.",
        soon=soon,
        latest=period(latest, say),
    )


def rows_sentence(table: Shown, say: Voice = ENGLISH) -> str:
    """How many rows are in scope, of how many."""
    return say(
        "{scope} of {total} rows in scope",
        "lignes visées : {scope} sur {total}",
        scope=_count(table["rows_in_scope"], say),
        total=_count(table["rows_total"], say),
    )


def columns_words(number: int, say: Voice = ENGLISH) -> str:
    """A number of columns."""
    return say.count(number, ("column", "columns"), ("colonne", "colonnes"))


def type_words(column: Shown) -> str:
    """The column's type, and the one that leaves."""
    if column["type"] == column["delivered"]:
        return str(column["type"])
    return f"{column['type']} -> {column['delivered']}"


def treatment_words(column: Shown, kept: str = "kept", say: Voice = ENGLISH) -> str:
    """What is done to its values, and what becomes of direct identifiers in its texts."""
    done = column["transformation"]
    said = kept if done == "kept" else treatment(done, say)
    found = treatment(column.get("identifiers", ""), say)
    return "; ".join(filter(None, (said, found)))


def verdict_sentence(plan: Shown, say: Voice = ENGLISH) -> str:
    """Whether anything is refused."""
    refused = len(plan["refusals"])
    if not refused:
        return say("Nothing is refused.", "Rien n'est refusé.")
    count = say.count(refused, ("refusal", "refusals"), ("refus", "refus"))
    return say("{count}: nothing leaves.", "{count} : rien ne sort.", count=count)


def refusal_words(refusal: Shown, say: Voice = ENGLISH) -> tuple[str, str]:
    """Which rule, where and why; and the way out. Both texts are recorded in English."""
    code, where = refusal["code"], refusal["where"]
    what = say(
        "{code} at {where}: {message}",
        "règle {code}{name}, lieu {place} : {message}",
        code=code,
        name=f" ({RULE_NAMES[code]})" if code in RULE_NAMES else "",
        where=where,
        place=say.quoted(where),
        message=recorded(refusal["message"], say),
    )
    return what, recorded(refusal["way_out"], say)


def _count(count: int | None, say: Voice) -> str:
    return say("an unknown number", "un nombre inconnu") if count is None else say.number(count)
