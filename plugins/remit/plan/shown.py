"""A plan for people: the same lines on a terminal, on a page and in a task's log, in two languages.

All of it is made of what the evidence holds, so that a plan can be shown again at any time.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from remit.errors import one_line
from remit.instruction.plain_language.voice import NO_BREAK, Voice
from remit.plan.phrases import category_words, difference, limit
from remit.plan.words import (
    Shown,
    columns_words,
    deletion_sentence,
    refusal_words,
    rows_sentence,
    treatment_words,
    type_words,
    verdict_sentence,
    voice_of,
)

WIDTH = 100
_FRENCH_SPACE = re.compile(r"(?<=«) | (?=[»:;!?])")
_PLACES = {"landing": "zone de dépôt", "interval": "intervalle", "deletion": "suppression"}


class Line(NamedTuple):
    """A line, and what it means: heading, leaves, stays, changed, warning, refusal, sql or plain."""

    meaning: str
    text: str


def plan_lines(plan: Shown, language: str = "en") -> list[Line]:
    """The plan, table by table."""
    say = voice_of(language)
    lines = [
        *_heading(plan, say),
        *(line for table in plan["tables"] for line in _table(table, say)),
        *_unnamed(plan, say),
        *_drift(plan, say),
        *_findings(plan["warnings"], "warning", say("Warnings:", "Avertissements :"), say),
        *_findings(plan["refusals"], "refusal", say("Refused:", "Refusé :"), say),
        Line("refusal" if plan["refusals"] else "leaves", verdict_sentence(plan, say)),
    ]
    return [Line(meaning, one_line(text)) for meaning, text in lines]


def difference_lines(since: str, found: Sequence[Shown], language: str = "en") -> list[Line]:
    """What differs from an earlier run's plan."""
    say = voice_of(language)
    if not found:
        same = say(
            "Nothing differs from the plan of run {run}.",
            "Rien ne diffère du plan de l'exécution {run}.",
            run=since,
        )
        return [Line("heading", same)]
    heading = say(
        "Different from the plan of run {run}:", "Écarts avec le plan de {run} :", run=since
    )
    return [
        Line("heading", heading),
        *(Line("changed", one_line(_changed(one, say, place=True))) for one in found),
    ]


def _changed(one: Shown, say: Voice, *, place: bool = False) -> str:
    where, what = str(one["where"]), difference(one["what"], say)
    if not one["at_source"] and one["what"].startswith(("was ", "the periods ")):
        where = say.pick(where, _PLACES.get(where, where))
    at = say("at the source", "à la source")
    if not one["at_source"]:
        at = say("in what leaves", "dans ce qui sort")
    told = say("  ~ {where} {what}", "  ~ {where} : {what}", where=where, what=what)
    return f"{told} ({at})" if place else told


def _label(en: str, fr: str, say: Voice) -> str:
    """The word that a line begins with, so wide that what follows stands in one column."""
    return say.pick(f"{en:<10}", f"{fr:<14}")


def _heading(plan: Shown, say: Voice) -> Iterator[Line]:
    asked = plan["instruction"]
    yield Line(
        "heading",
        say(
            "Instruction {id} version {version}, {digest}",
            "Instruction {id}, version {version}, {digest}",
            id=asked["id"],
            version=str(asked["version"]),
            digest=asked["digest"],
        ),
    )
    landing = plan["landing"] or say("(no landing zone named)", "(aucune zone de dépôt nommée)")
    yield Line("plain", _label("From", "Source", say) + plan["source"])
    yield Line("plain", _label("To", "Destination", say) + landing)
    if interval := plan["interval"]:
        yield Line(
            "plain",
            _label("Interval", "Intervalle", say)
            + say("{start} to {end}", "du {start} au {end}", **interval),
        )
    for recipient in plan["recipients"]:
        yield Line("plain", _label("Reader", "Destinataire", say) + _recipient(recipient, say))
    yield Line("plain", _label("Deletion", "Suppression", say) + deletion_sentence(plan, say))


def _recipient(recipient: Shown, say: Voice) -> str:
    categories = ", ".join(_category(one, say) for one in recipient["categories"])
    confirms = (
        say("; confirms ingest", " ; confirme l'intégration") if recipient["confirms"] else ""
    )
    who = f"{recipient['name']} ({recipient['legal_name']}, {recipient['country']})"
    return who + say(": ", " : ") + categories + confirms


def _category(name: str, say: Voice) -> str:
    """In English as the instruction writes it."""
    return say.pick(name, category_words(name, say))


def _table(table: Shown, say: Voice) -> Iterator[Line]:
    yield Line("plain", "")
    place = f" ({table['relation']})" if table["relation"] != table["name"] else ""
    told = say(": {rows}", " : {rows}", rows=rows_sentence(table, say))
    yield Line("heading", f"{table['name']}{place}{told}")
    margin = " " * len("  " + _label("", "", say))
    for number, text in enumerate(table["limits"]):
        label = margin if number else "  " + _label("rows", "lignes", say)
        yield from _wrapped("plain", label, limit(text, say), margin)
    yield from _leaving(table["columns"], say)
    yield from _staying(table, say, margin)
    for number, line in enumerate(table["sql"].splitlines()):
        yield Line("sql", (margin if number else f"  {_label('SQL', 'SQL', say)}") + line.rstrip())


def _staying(table: Shown, say: Voice, margin: str) -> Iterator[Line]:
    if table["withheld"]:
        label = "  " + _label("stays", "reste", say)
        label += say(
            "{columns}, not in the instruction: ",
            "{columns} hors de l'instruction : ",
            columns=columns_words(len(table["withheld"]), say),
        )
        yield from _wrapped("stays", label, ", ".join(table["withheld"]), margin)
    for name in table["missing"]:
        yield Line("refusal", f"  {_label('missing', 'absente', say)}{name}")
    for drift in table["drifted"]:
        told = say(
            "{column} (declared {declared}, is {live})",
            "{column} (déclarée {declared}, est {live})",
            **drift,
        )
        yield Line("refusal", f"  {_label('retyped', 'autre type', say)}{told}")


def _leaving(columns: Sequence[Shown], say: Voice) -> Iterator[Line]:
    cells = [
        (
            column["name"],
            type_words(column),
            _category(column["category"], say),
            ", ".join(column["recipients"]),
            treatment_words(column, kept="", say=say),
        )
        for column in columns
    ]
    widths = [max((len(row[place]) for row in cells), default=0) for place in range(4)]
    if cells:
        count = columns_words(len(cells), say)
        yield Line("plain", f"  {_label('leaves', 'sort', say)}{count}{say(':', ' :')}")
    for row in cells:
        padded = "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=False))
        yield Line("leaves", f"    + {padded}  {row[4]}".rstrip())


def _unnamed(plan: Shown, say: Voice) -> Iterator[Line]:
    if plan["withheld_tables"]:
        yield Line("plain", "")
        label = say(
            "Withheld as a whole ({number}): ",
            "Non transmises en entier ({number}) : ",
            number=say.number(len(plan["withheld_tables"])),
        )
        yield from _wrapped("stays", label, ", ".join(plan["withheld_tables"]), "  ")


def _drift(plan: Shown, say: Voice) -> Iterator[Line]:
    if plan["previous"] is None:
        return
    yield Line("plain", "")
    if not plan["drift"]:
        same = (
            "The source is as it was for run {run}.",
            "La source n'a pas changé depuis l'exécution {run}.",
        )
        yield Line("heading", say(*same, run=plan["previous"]))
        return
    changed = (
        "Changed at the source since run {run}:",
        "Changements à la source depuis l'exécution {run} :",
    )
    yield Line("heading", say(*changed, run=plan["previous"]))
    for one in plan["drift"]:
        yield Line("changed", _changed(one, say))


def _findings(found: Sequence[Shown], meaning: str, title: str, say: Voice) -> Iterator[Line]:
    if found:
        yield Line("plain", "")
        yield Line("heading", title)
    for one in found:
        what, way_out = refusal_words(one, say)
        yield from _wrapped(meaning, "  ! ", what, "    ")
        yield from _wrapped("plain", say("    way out: ", "    que faire : "), way_out, "    ")


def _wrapped(meaning: str, label: str, text: str, indent: str) -> Iterator[Line]:
    for line in textwrap.wrap(
        _FRENCH_SPACE.sub(NO_BREAK, one_line(text)),
        WIDTH,
        initial_indent=label,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    ) or [label]:
        yield Line(meaning, line.replace(NO_BREAK, " "))
