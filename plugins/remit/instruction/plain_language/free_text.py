"""What becomes of direct identifiers in free text, and where the names to look for are."""

from __future__ import annotations

from remit.instruction.identifiers import Identifiers, Kind
from remit.instruction.plain_language.voice import Voice
from remit.instruction.subjects import SubjectNames


def identifiers(asked: Identifiers, say: Voice) -> str:
    """What becomes of direct identifiers in a text."""
    what = say.all_of(_kind(kind, say) for kind in asked.kinds)
    match asked.treatment:
        case "stop":
            return say(
                "looked through for {what}: if any is found, nothing leaves",
                "parcouru à la recherche de {what} : s'il s'en trouve, rien ne sort",
                what=what,
            )
        case "redact":
            return say(
                "looked through for {what}: what is found is replaced before it leaves",
                "parcouru à la recherche de {what} : ce qui est trouvé est remplacé avant de sortir",
                what=what,
            )
        case "count":
            return say(
                "looked through for {what}: what is found leaves, and is counted",
                "parcouru à la recherche de {what} : ce qui est trouvé sort, et est compté",
                what=what,
            )


def _kind(kind: Kind, say: Voice) -> str:
    match kind:
        case "nir":
            return say("social security numbers", "numéros de sécurité sociale")
        case "email":
            return say("e-mail addresses", "adresses électroniques")
        case "phone":
            return say("telephone numbers", "numéros de téléphone")
        case "iban":
            return say("bank account numbers", "numéros de compte bancaire")
        case "name":
            return say("the person's own names", "noms de la personne concernée")


def names_looked_for(names: SubjectNames, say: Voice) -> str:
    """Where the names are; they are read for this alone."""
    way = "".join(
        say(
            " of {other} (found by {joins})",
            " de {other} (trouvée par {joins})",
            other=say.place(step.schema_name, step.relation),
            joins=say.all_of(f"{say.name(j.column)} = {say.name(j.to)}" for j in step.join),
        )
        for step in reversed(names.through or [])
    )
    return say(
        "- The names to look for are in {columns}{way}; for this alone they are read.",
        "- Les noms recherchés sont dans {columns}{way} ; ils ne sont lus que pour cela.",
        columns=say.all_of(say.name(name) for name in names.columns),
        way=way,
    )
