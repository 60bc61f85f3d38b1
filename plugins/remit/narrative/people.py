"""What is told of persons: whom was asked to approve a delivery, what was answered, how it was shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from remit.instruction.plain_language.voice import Voice
from remit.narrative.words import moment, short

Data = Mapping[str, Any]


def asked(data: Data, say: Voice) -> Iterator[str]:
    """Who was asked to approve a delivery, and until when."""
    yield say(
        "{persons} can approve manifest {manifest} until {until}; without an answer the run is refused.",
        "{persons} : approbation possible du manifeste {manifest} jusqu'au {until} ; sans réponse, "
        "l'exécution est refusée.",
        persons=say.one_of(
            f"{say.quoted(one['name'])} ({say.name(one['account'])})" for one in data["assigned"]
        ),
        manifest=short(data["manifest"]),
        until=moment(data["until"], say),
    )
    authors = say.all_of(say.name(one) for one in data["authors"])
    yield say(
        "Not the author of the DAG, as the DAG says: {authors}.",
        "Mais pas l'auteur du DAG, selon le DAG : {authors}.",
        authors=authors,
    )
    if data["trigger"]:
        yield say(
            "Nor who started the run: {trigger}.",
            "Ni qui a lancé l'exécution : {trigger}.",
            trigger=say.name(data["trigger"]),
        )


def approved(data: Data, say: Voice) -> Iterator[str]:
    """A named person let the delivery go."""
    yield say(
        "{person} ({account}) approved the delivery of manifest {manifest} on {at}.",
        "{person} ({account}) a approuvé la livraison du manifeste {manifest} le {at}.",
        **_who(data, say),
    )


def disapproved(data: Data, say: Voice) -> Iterator[str]:
    """A named person forbade the delivery."""
    yield say(
        "{person} ({account}) forbade the delivery of manifest {manifest} on {at}.",
        "{person} ({account}) a interdit la livraison du manifeste {manifest} le {at}.",
        **_who(data, say),
    )


def vouched(data: Data, say: Voice) -> Iterator[str]:
    """A named person stands for a control file, which confirms once the step finds the same file."""
    yield say(
        "{person} ({account}) stands for control file {digest}; it counts if it is still the same when it "
        "is looked at next.",
        "{person} ({account}) se porte garant(e) du fichier de contrôle {digest} ; il compte s'il est "
        "inchangé au prochain examen.",
        person=say.quoted(data["identity"]["name"]),
        account=say.name(data["identity"]["account"]),
        digest=short(data["digest"]),
    )


def shown(data: Data, say: Voice) -> Iterator[str]:
    """That a person was not proven by a login, where it was not."""
    identity = data.get("identity")
    if identity and identity["via"] == "command-line":
        yield say(
            "The person was named on the command line by the account {account}, not proven by a login.",
            "La personne a été nommée en ligne de commande par le compte {account}, sans preuve par une "
            "connexion.",
            account=say.name(identity["account"]),
        )


def _who(data: Data, say: Voice) -> dict[str, str]:
    return {
        "person": say.quoted(data["identity"]["name"]),
        "account": say.name(data["identity"]["account"]),
        "manifest": short(data["manifest"]),
        "at": moment(data["answered_at"], say),
    }
