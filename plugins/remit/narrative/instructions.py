"""What is told of instructions and keys: received, revoked, rotated; and of a run's opening and plan."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from remit.instruction.plain_language.voice import Voice
from remit.narrative.people import shown
from remit.narrative.words import moment
from remit.plan.phrases import category_words
from remit.plan.shown import plan_lines

Data = Mapping[str, Any]


def received(data: Data, say: Voice) -> Iterator[str]:
    """A version of an instruction was taken into the register."""
    asked, replaced = data["instruction"], data["supersedes"]
    yield say(
        "Instruction {id} version {version} of {controllers}, signatures verified, {digest}.",
        "Instruction {id}, version {version}, de {controllers}, signatures vérifiées, {digest}.",
        id=asked["id"],
        version=str(asked["version"]),
        controllers=", ".join(data["controllers"]),
        digest=asked["digest"],
    )
    yield say(
        "Valid from {start} until {until}.",
        "Valable du {start} au {until}.",
        start=moment(data["valid"]["from"], say),
        until=moment(data["valid"]["until"], say),
    )
    if replaced:
        yield say(
            "It supersedes version {version}.",
            "Elle remplace la version {version}.",
            version=str(replaced["version"]),
        )


def revoked(data: Data, say: Voice) -> Iterator[str]:
    """A controller ended an instruction."""
    asked = data["instruction"]
    yield say(
        "Controller {controller} revoked instruction {id} version {version}: {reason}",
        "Le responsable du traitement {controller} a révoqué l'instruction {id}, version {version} : "
        "{reason}",
        controller=data["controller"],
        id=asked["id"],
        version=str(asked["version"]),
        reason=say.quoted(data["reason"]),
    )
    yield say(
        "Runs under it that are not confirmed are stopped, and what they extracted is deleted.",
        "Les exécutions non confirmées qui en dépendent sont arrêtées, et ce qu'elles ont extrait est "
        "supprimé.",
    )


def rotated(data: Data, say: Voice) -> Iterator[str]:
    """Another signing key follows."""
    yield say(
        "{new} follows {old}, endorsed with both.",
        "{new} succède à {old} ; la succession est signée avec les deux.",
        new=data["new"],
        old=data["old"],
    )
    yield say(
        "From this record on the log is signed with it.",
        "À partir de cet enregistrement, le journal est signé avec elle.",
    )


def key_revoked(data: Data, say: Voice) -> Iterator[str]:
    """A key must not be used any more."""
    yield say(
        "Key {key} must not be used any more, says {person}: {reason}",
        "La clé {key} ne doit plus être utilisée, déclare {person} : {reason}",
        key=data["key_id"],
        person=say.quoted(data["person"]),
        reason=say.quoted(data["reason"]),
    )
    yield say(
        "It may have been in wrong hands since {since}; what it could open is told by remit keys impact.",
        "Elle a pu être en de mauvaises mains depuis le {since} ; ce qu'elle pouvait ouvrir est donné "
        "par la commande remit keys impact.",
        since=moment(data["since"], say),
    )
    yield from shown(data, say)


def opened(data: Data, say: Voice) -> Iterator[str]:
    """A run was opened, and pinned to its instruction."""
    asked = data["instruction"]
    yield say(
        "Instruction {id} version {version} of controller {controller}, signature verified.",
        "Instruction {id}, version {version}, du responsable du traitement {controller}, signature "
        "vérifiée.",
        id=asked["id"],
        version=str(asked["version"]),
        controller=data["controller"],
    )
    yield say(
        "Its digest is {digest}; this run is pinned to it.",
        "Son empreinte est {digest} ; cette exécution y est liée.",
        digest=asked["digest"],
    )
    yield say("Purpose: {text}.", "Finalité : {text}.", text=say.quoted(data["purpose"]))
    yield say(
        "From {source} to {landing}.",
        "De {source} vers {landing}.",
        source=data["source"],
        landing=data["landing"],
    )
    if interval := data["interval"]:
        yield say(
            "Data interval {start} to {end}.",
            "Intervalle de données : du {start} au {end}.",
            start=moment(interval["start"], say),
            end=moment(interval["end"], say),
        )
    for recipient in data["recipients"]:
        yield say(
            "Recipient {name} may read: {categories}.",
            "Le destinataire {name} peut lire : {categories}.",
            name=recipient["name"],
            categories=say.all_of(category_words(one, say) for one in recipient["categories"]),
        )


def planned(data: Data, say: Voice) -> Iterator[str]:
    """The plan, line by line."""
    yield from (line.text for line in plan_lines(data["plan"], say.language) if line.text)
