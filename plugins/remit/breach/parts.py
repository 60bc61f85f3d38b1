"""The lines of a notice that are made of the evidence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from remit.breach.exposed import Exposed
from remit.breach.notice import Notice
from remit.breach.words import PLACES, TIMES
from remit.instruction import Category
from remit.instruction.plain_language.tables import category
from remit.instruction.plain_language.voice import NO_BREAK, Voice
from remit.markup import plain


def shown(words: str) -> str:
    """Words of a language that hold what others wrote, for Markdown."""
    return plain(words.replace(NO_BREAK, " "))


def cause_lines(notice: Notice, say: Voice) -> Iterator[str]:
    """Why there is a notice, as far as the evidence tells."""
    cause = notice.cause
    words = {
        "run": (
            "Concerned: the files of run {name}.",
            "Concernés : les fichiers de l'exécution {name}.",
        ),
        "alert": ("Shown by alert {name}.", "Révélée par l'alerte {name}."),
        "key": (
            "Concerned: everything that the key {name} could open.",
            "Concerné : tout ce que la clé {name} pouvait ouvrir.",
        ),
    }[cause.kind]
    yield "- " + say(*words, name=f"`{plain(cause.name)}`")
    for told in cause.told:
        yield "- " + say(
            "The evidence says: {text}", "Les preuves disent : {text}", text=plain(told)
        )
    for kind, number in (cause.signed or {}).items():
        if number:
            yield "- " + say(
                "Integrity: {number} {kind} were signed with the key while it may have been in wrong hands.",
                "Intégrité : {number} documents ({kind}) ont été signés de la clé alors qu'elle était "
                "peut-être en de mauvaises mains.",
                number=str(number),
                kind=kind,
            )


def category_line(which: Category, notice: Notice, say: Voice) -> str:
    """A category of data, with its rows and columns over all runs."""
    rows, columns = 0, dict[str, None]()
    for run in notice.runs:
        for table in run.tables:
            if which.value in table["categories"]:
                rows += table["rows"]
                columns |= dict.fromkeys(_columns(run, table, which))
    return say(
        "- {what}{special}: {n} with {columns}.",
        "- {what}{special} : {n} avec {columns}.",
        what=category(which, say),
        special=say(" (special category, Art. 9)", " (catégorie particulière, art. 9)")
        if which.special
        else "",
        n=say.count(rows, ("row", "rows"), ("ligne", "lignes")),
        columns=shown(say.all_of(columns)),
    )


def _columns(run: Exposed, table: Mapping[str, Any], which: Category) -> Iterator[str]:
    for column in run.terms.table(table["table"]).columns:
        if column.category is which and column.name in table["columns"]:
            yield f"{table['table']}.{column.name}"


def run_lines(run: Exposed, say: Voice) -> Iterator[str]:
    """One run: when, where, under which protection."""
    asked = run.instruction
    yield say(
        "### Run `{run}`, instruction {id} version {version}",
        "### Exécution `{run}`, instruction {id} version {version}",
        run=plain(run.run),
        id=plain(asked["id"]),
        version=str(asked["version"]),
    )
    yield ""
    for time in run.times:
        yield say(
            "- {at}: {what} (record {record}).",
            "- {at} : {what} (enregistrement {record}).",
            at=time["at"],
            what=say(*TIMES[time["what"]]),
            record=str(time["record"]),
        )
    for place in run.places:
        yield _place(place, say)
    yield from _protection(run, say)
    yield ""


def _place(place: Mapping[str, Any], say: Voice) -> str:
    where = say(*PLACES[place["place"]], where=f"`{plain(place['where'])}`")
    if place["until"]:
        until = say("until {at}", "jusqu'au {at}", at=place["until"])
    else:
        until = say("still there as far as known", "encore là, pour autant que l'on sache")
    since = say(" from {at}", " à partir du {at}", at=place["from"]) if place["from"] else ""
    return say(
        "- Copy: {where},{since} {until}.", "- Copie : {where},{since} {until}.",
        where=where, since=since, until=until,
    )  # fmt: skip


def _protection(run: Exposed, say: Voice) -> Iterator[str]:
    measures = run.measures
    for party in measures["recipients"]:
        yield say(
            "- Encrypted ({how}) to {who} ({country}), key {keys}: {categories}.",
            "- Chiffré ({how}) pour {who} ({country}), clé {keys} : {categories}.",
            how=measures["encryption"],
            who=plain(party["legal_name"]),
            country=party["country"],
            keys=say.all_of(f"`{key}`" for key in party["keys"]),
            categories=say.all_of(category(Category(one), say) for one in party["categories"]),
        )
    if measures["staging_key_destroyed_at"] is None:
        yield say(
            "- The staging key, which opens all of it, is NOT destroyed.",
            "- La clé intermédiaire, qui ouvre le tout, n'est PAS détruite.",
        )
    if pseudonyms := measures["pseudonymised"]:
        yield say(
            "- Pseudonyms in place of the values of {columns}.",
            "- Pseudonymes à la place des valeurs de {columns}.",
            columns=shown(say.all_of(pseudonyms)),
        )
    if measures["certificate"]:
        yield say(
            "- Deletion certificate `{digest}`.", "- Certificat de suppression `{digest}`.",
            digest=measures["certificate"],
        )  # fmt: skip
    elif measures["deletion_due"]:
        yield say(
            "- COPIES ARE STILL HERE; their deletion is due at {at}.",
            "- DES COPIES SONT ENCORE ICI ; leur suppression est due le {at}.",
            at=measures["deletion_due"],
        )
