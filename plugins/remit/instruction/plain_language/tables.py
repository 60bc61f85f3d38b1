"""Which data: columns by category, what is done to them, and what limits the rows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime

from remit.instruction.forms import Category
from remit.instruction.lists import Join, ListRule
from remit.instruction.model import Instruction
from remit.instruction.plain_language.dump import dump
from remit.instruction.plain_language.free_text import identifiers, names_looked_for
from remit.instruction.plain_language.voice import Voice
from remit.instruction.rows import Limits, Rows, Through, WindowRule
from remit.instruction.tables import Column, Table
from remit.instruction.transformations import (
    Constant,
    Empty,
    Generalise,
    Pseudonym,
    Transformation,
    Truncate,
)


def category(which: Category, say: Voice) -> str:
    """What a category is called in law."""
    match which:
        case Category.TECHNICAL:
            return say("technical data", "données techniques")
        case Category.ADMINISTRATIVE:
            return say("administrative data", "données administratives")
        case Category.CONTACT:
            return say("contact data", "coordonnées")
        case Category.IDENTITY:
            return say("identity data", "données d'identité")
        case Category.HEALTH:
            return say("health data", "données concernant la santé")
        case Category.GENETIC:
            return say("genetic data", "données génétiques")
        case Category.SEX_LIFE:
            return say(
                "data on sex life or sexual orientation",
                "données sur la vie sexuelle ou l'orientation sexuelle",
            )
        case Category.ETHNIC_ORIGIN:
            return say(
                "data on racial or ethnic origin", "données sur l'origine raciale ou ethnique"
            )
        case Category.BELIEF:
            return say(
                "data on religious or philosophical beliefs",
                "données sur les convictions religieuses ou philosophiques",
            )


def tables(terms: Instruction, say: Voice) -> Iterator[str]:
    """Table by table; what is not said to leave stays."""
    yield say(
        "Only these columns of these rows may leave; everything else stays at the source.",
        "Seules ces colonnes de ces lignes peuvent sortir ; tout le reste demeure à la source.",
    )
    if terms.dump:
        yield from dump(terms.dump, say)
    for table in terms.tables:
        yield from _table(table, say)


def _table(table: Table, say: Voice) -> Iterator[str]:
    place = ""
    if table.at:
        at = say.place(table.at.schema_name, table.at.relation)
        place = say(", at the source {at}", ", à la source {at}", at=at)
    yield say(
        "Table {name}{place} ({columns}):",
        "Table {name}{place} ({columns}) :",
        name=say.name(table.name),
        place=place,
        columns=say.count(len(table.columns), ("column", "columns"), ("colonne", "colonnes")),
    )
    for which in dict.fromkeys(column.category for column in table.columns):
        yield say(
            "- {category}{special}: {columns}.",
            "- {category}{special} : {columns}.",
            category=category(which, say),
            special=say(" (special category, Art. 9)", " (catégorie particulière, art. 9)")
            if which.special
            else "",
            columns=_columns([c for c in table.columns if c.category is which], say),
        )
    if table.subject_names:
        yield names_looked_for(table.subject_names, say)
    yield from _rows(table.rows, say)


def _columns(columns: list[Column], say: Voice) -> str:
    """The columns; those of which the same is said are named together."""
    said: dict[str, list[str]] = {}
    for column in columns:
        said.setdefault(_notes(column, say), []).append(say.name(column.name))
    return say("; ", " ; ").join(f"{say.all_of(names)} ({notes})" for notes, names in said.items())


def _notes(column: Column, say: Voice) -> str:
    notes = [say.quoted(column.purpose)]
    if not column.is_kept:
        notes.append(transformation(column.transformation, say))
    if column.free_text:
        why = say.quoted(column.free_text)
        notes.append(say("free text, because {why}", "texte libre, car {why}", why=why))
    if column.identifiers:
        notes.append(identifiers(column.identifiers, say))
    return ", ".join(notes)


def transformation(kind: Transformation, say: Voice) -> str:
    """What is done to each value."""
    match kind:
        case Pseudonym(key=key):
            return say("pseudonym under key {key}", "pseudonymisé avec la clé {key}", key=key)
        case Generalise(to="month"):
            return say("only the month", "seulement le mois")
        case Generalise(to="year"):
            return say("only the year", "seulement l'année")
        case Generalise(to="department"):
            return say(
                "only the department of the postcode", "seulement le département du code postal"
            )
        case Generalise(width=width):
            return say(
                "only a band of width {width}",
                "seulement une tranche de largeur {width}",
                width=say.number(width or 0),
            )
        case Truncate(length=length):
            words = ("character", "characters"), ("caractère", "caractères")
            return say("cut after {n}", "coupé après {n}", n=say.count(length, *words))
        case Constant(value=value):
            same = say.quoted(value)
            return say("in every row replaced by {same}", "remplacé partout par {same}", same=same)
        case Empty():
            return say("emptied in every row", "vidé dans chaque ligne")
        case _:
            return say("kept", "conservé")


def _rows(rows: Rows, say: Voice) -> Iterator[str]:
    if rows.all:
        why = say.quoted(rows.all)
        yield say("- Every row, because {why}.", "- Toutes les lignes, car {why}.", why=why)
    else:
        yield say(
            "- Only rows for which {limits}.",
            "- Seulement les lignes pour lesquelles {limits}.",
            limits=limits(rows, say),
        )
    if rows.undated:
        yield say(
            "- Time does not limit these rows, because {why}.",
            "- Le temps ne limite pas ces lignes, car {why}.",
            why=say.quoted(rows.undated),
        )
    if rows.all_codes:
        yield say(
            "- No list of codes limits these rows, because {why}.",
            "- Aucune liste de codes ne limite ces lignes, car {why}.",
            why=say.quoted(rows.all_codes),
        )
    yield say(
        "- At most {maximum}: with one more, nothing leaves.",
        "- Au plus {maximum} : avec une de plus, rien ne sort.",
        maximum=say.count(rows.maximum, ("row", "rows"), ("ligne", "lignes")),
    )


def limits(rules: Limits, say: Voice) -> str:
    """What must hold of a row, all of it together."""
    said = [_window(rules.window, say)] if rules.window else []
    if rules.sites:
        said.append(_listed(rules.sites, say(" (the site)", " (le site)"), say))
    if rules.codes:
        said.append(_listed(rules.codes, say(" (the code)", " (le code)"), say))
    said += [_listed(rule, "", say) for rule in rules.only or []]
    said += [_through(other, say) for other in rules.through or []]
    return say(", and ", ", et ").join(said)


def _window(rule: WindowRule, say: Voice) -> str:
    words = say(
        "{column} is at or after {start} and before {end}",
        "{column} est au plus tôt le {start} et avant le {end}",
        column=say.name(rule.column),
        start=_bound(rule.start, say),
        end=_bound(rule.end, say),
    )
    if rule.per_run:
        words += say(
            " and within the run's own data interval", " et dans l'intervalle propre à l'exécution"
        )
    if rule.timezone:
        words += say(" (times of {zone})", " (heures de {zone})", zone=rule.timezone)
    return words


def _bound(text: str, say: Voice) -> str:
    if len(text) == len("2024-01-31"):
        return say.day(date.fromisoformat(text))
    return say.moment(datetime.fromisoformat(text))


def _listed(rule: ListRule, what: str, say: Voice) -> str:
    return say(
        "{column}{what} is {values}",
        "{column}{what} est {values}",
        what=what,
        column=say.name(rule.column),
        values=say.one_of(_value(value, say) for value in rule.values),
    )


def _value(value: str | int, say: Voice) -> str:
    if isinstance(value, bool):
        return say("true", "vrai") if value else say("false", "faux")
    return say.name(str(value))


def _through(other: Through, say: Voice) -> str:
    return say(
        "the row is found, by {joins}, among those rows of {name} for which [{limits}]",
        "la ligne se retrouve, par {joins}, parmi les lignes de {name} pour lesquelles [{limits}]",
        joins=joined(other.join, say),
        name=say.place(other.schema_name, other.relation),
        limits=limits(other, say),
    )


def joined(joins: list[Join], say: Voice) -> str:
    """By which columns rows of two tables belong together."""
    return say.all_of(f"{say.name(join.column)} = {say.name(join.to)}" for join in joins)
