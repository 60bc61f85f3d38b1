"""What is told of deletion, of what suspends or keeps it from happening, and of orphans."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from remit.instruction.plain_language.voice import Voice
from remit.narrative.people import shown
from remit.narrative.words import moment, size
from remit.plan.phrases import recorded

Data = Mapping[str, Any]

ORPHANED = {
    "unrecorded": (
        "the evidence has no run that was to put this here",
        "les preuves ne connaissent aucune exécution qui devait déposer cela ici",
    ),
    "deleted": (
        "its run's copies are certified as deleted",
        "les copies de son exécution sont certifiées supprimées",
    ),
    "elsewhere": (
        "its run was staged in another store, where it is looked for when it is deleted",
        "son exécution a transité par un autre stockage, où elle est recherchée lors de la suppression",
    ),
    "stranger": (
        "it is in no run's folder; somebody else may need it",
        "hors du dossier de toute exécution ; quelqu'un d'autre peut en avoir besoin",
    ),
    "key-unrecorded": (
        "the evidence has no run that was to have this staging key",
        "les preuves ne connaissent aucune exécution qui devait avoir cette clé de transit",
    ),
    "key-unneeded": (
        "its run is sealed, stopped or deleted, so that nobody needs this staging key",
        "son exécution est scellée, arrêtée ou supprimée : cette clé de transit n'est plus nécessaire",
    ),
}
"""Why something is an orphan, in English and in French."""


def deleting(data: Data, say: Voice) -> Iterator[str]:
    """Every copy that was found, before it is removed."""
    for copy in data["copies"]:
        yield f"{copy['where']}, {size(copy['size'], say)}."


def dump_kept(data: Data, say: Voice) -> Iterator[str]:
    """A stopped run lost what it staged, and its dump stays for now."""
    yield say(
        "What was staged is deleted; the dump it was read from is, on {until}.",
        "Ce qui était en transit est supprimé ; le fichier d'export d'où il a été lu le sera le {until}.",
        until=moment(data["until"], say),
    )


def deleted(data: Data, say: Voice) -> Iterator[str]:
    """Every copy is gone."""
    yield say(
        "{copies} removed and looked for again: gone. Staging key destroyed.",
        "{copies} : suppression faite, puis vérifiée, il n'en reste aucune. Clé de transit détruite.",
        copies=say.count(data["copies"], ("copy", "copies"), ("copie", "copies")),
    )
    yield say(
        "A signed deletion certificate is in the evidence.",
        "Un certificat de suppression signé figure dans les preuves.",
    )


def undeleted(data: Data, say: Voice) -> Iterator[str]:
    """Something is still there; it stays due."""
    again = ""
    if data.get("again"):
        at = moment(data["again"], say)
        again = say(" on {at}", ", le {at}", at=at)
    yield say(
        "{why} Deletion stays due and is tried again{again}.",
        "{why} La suppression reste exigible et sera tentée à nouveau{again}.",
        why=recorded(data["why"], say),
        again=again,
    )
    for copy in data.get("copies", []):
        yield f"{copy['where']}, {_locked(copy['until'], say)}."


def _locked(until: str | None, say: Voice) -> str:
    if until is None:
        return say(
            "until somebody lifts the storage's hold",
            "jusqu'à ce que le verrou du stockage soit levé",
        )
    return say("until {until}", "jusqu'au {until}", until=moment(until, say))


def held(data: Data, say: Voice) -> Iterator[str]:
    """A person suspends the deletion."""
    yield say(
        "Deletion is suspended until {until} by {person}: {reason}",
        "La suppression est suspendue jusqu'au {until} par {person} : {reason}",
        until=moment(data["until"], say),
        person=say.quoted(data["person"]),
        reason=say.quoted(data["reason"]),
    )
    yield from shown(data, say)


def released(data: Data, say: Voice) -> Iterator[str]:
    """A person ends every hold."""
    yield say(
        "{person} ended the hold, so that deletion goes on: {reason}",
        "{person} a levé la suspension, la suppression suit donc son cours : {reason}",
        person=say.quoted(data["person"]),
        reason=say.quoted(data["reason"]),
    )
    yield from shown(data, say)


def orphans(data: Data, say: Voice) -> Iterator[str]:
    """What a sweep found, or removed."""
    for one in data.get("found") or data["removed"]:
        unknown = say("unknown", "inconnue")
        yield say(
            "{place}: {name}, {files}, {size}, oldest {oldest} ({why}).",
            "{place} : {name}, {files}, {size}, date la plus ancienne : {oldest} ({why}).",
            place=one["place"],
            name=one["name"],
            files=say.count(one["files"], ("file", "files"), ("fichier", "fichiers")),
            size=size(one["size"], say),
            oldest=moment(one["oldest"], say) if one["oldest"] else unknown,
            why=say(*ORPHANED[one["why"]]),
        )
