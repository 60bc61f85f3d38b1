"""What is told of sealing, delivering, and of what the target says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from remit.instruction.plain_language.voice import Voice
from remit.narrative.people import shown
from remit.narrative.words import moment, rows, short, vague, warning

Data = Mapping[str, Any]

_WAYS = {
    "receipt": ("receipt", "accusé de réception"),
    "audit_table": ("table of loads", "table de chargement"),
    "bulk_submit": ("submission", "soumission"),
    "control_file": ("control file", "fichier de contrôle"),
}
_KEPT = (
    "The copies are kept until their maximum age, and a true answer is accepted until then.",
    "Les copies sont conservées jusqu'à leur durée maximale, et une réponse exacte reste acceptée "
    "jusque-là.",
)
_NO_CHANGE = ("It changes nothing.", "Cela ne change rien.")
OUTCOMES = {
    "negative": (
        "the target says that it did not take the delivery in.",
        "le destinataire déclare ne pas avoir intégré la livraison.",
        *_KEPT,
    ),
    "partial": (
        "the target says that it took in a part of the delivery.",
        "le destinataire déclare n'avoir intégré qu'une partie de la livraison.",
        *_KEPT,
    ),
    "lower-level": (
        "the target promises less than the instruction asks for.",
        "le destinataire s'engage à moins que ce que l'instruction demande.",
        *_KEPT,
    ),
    "unreconciled": (
        "what the target says does not fit what was delivered.",
        "ce que déclare le destinataire ne correspond pas à ce qui a été livré.",
        *_KEPT,
    ),
    "other-run": (
        "the target says it of another run.",
        "le destinataire le déclare d'une autre exécution.",
        *_KEPT,
    ),
    "replayed": (
        "the target said it of another delivery; it is not taken a second time.",
        "le destinataire l'a déclaré d'une autre livraison ; ce n'est pas accepté deux fois.",
        *_KEPT,
    ),
    "unverified": (
        "it is not shown to be the target's, or cannot be read.",
        "rien n'établit qu'elle vient du destinataire, ou elle est illisible.",
        *_KEPT,
    ),
    "unsigned": (
        "it fits what was delivered, but is not signed.",
        "le contenu correspond à ce qui a été livré, mais n'est pas signé.",
        "It counts once a person whom the instruction names stands for it (on the run's page, or by "
        "remit confirm --by).",
        "Il compte dès qu'une personne nommée par l'instruction s'en porte garante (sur la page de "
        "l'exécution, ou par remit confirm --by).",
    ),
    "late": (
        "it is true, but the run had ended without it.",
        "la réponse est exacte, mais l'exécution s'était terminée sans elle.",
        *_NO_CHANGE,
    ),
    "duplicate": (
        "the target confirms what it confirmed before.",
        "le destinataire confirme ce qu'il a déjà confirmé.",
        *_NO_CHANGE,
    ),
    "contradictory": (
        "the target had confirmed the delivery, and now signs the contrary.",
        "le destinataire avait confirmé la livraison, et signe maintenant le contraire.",
        "The confirmation and the deletion stand; both are kept here.",
        "La confirmation et la suppression demeurent ; les deux réponses sont conservées ici.",
    ),
}
"""What each outcome of an answer means, and what it does; each in English and in French."""

_OUTCOMES_FR = {
    "negative": "négatif",
    "partial": "partiel",
    "lower-level": "niveau insuffisant",
    "unreconciled": "non rapproché",
    "other-run": "autre exécution",
    "replayed": "rejoué",
    "unverified": "non vérifié",
    "unsigned": "non signé",
    "late": "tardif",
    "duplicate": "en double",
    "contradictory": "contradictoire",
}


def sealing(_: Data, say: Voice) -> Iterator[str]:
    """Every key's recipients were looked at."""
    yield say(
        "Each column's key is wrapped to exactly the instructed recipients; manifest signed.",
        "La clé de chaque colonne est chiffrée pour les seuls destinataires de l'instruction ; le "
        "manifeste est signé.",
    )


def sealed(data: Data, say: Voice) -> Iterator[str]:
    """The staging key is gone."""
    yield say(
        "Staging key {key}… destroyed and looked for again: gone.",
        "Clé de transit {key}… détruite, puis recherchée : elle n'existe plus.",
        key=data["staging_key_destroyed"][:16],
    )
    yield say(
        "From here on only the recipients can read the files.",
        "Désormais, seuls les destinataires peuvent lire les fichiers.",
    )


def delivering(data: Data, say: Voice) -> Iterator[str]:
    """It is about to be sent."""
    yield say("Sending to {to}.", "Envoi vers {to}.", to=data["to"])


def delivered(data: Data, say: Voice) -> Iterator[str]:
    """It is at the landing zone."""
    yield say(
        "Published whole at {to}, manifest {manifest}.",
        "Livraison déposée en entier à {to}, manifeste {manifest}.",
        to=data["to"],
        manifest=data["manifest"],
    )


def answered(data: Data, say: Voice) -> Iterator[str]:
    """What the target says that does not confirm."""
    outcome = data["outcome"]
    what_en, what_fr, effect_en, effect_fr = OUTCOMES[outcome]
    said = say(
        "{way} {digest}, {outcome}: {what} {effect}",
        "{way} {digest}, {outcome} : {what} {effect}",
        way=say(*_WAYS[data["way"]]),
        digest=short(data["digest"]),
        outcome=say.pick(outcome, _OUTCOMES_FR[outcome]),
        what=say(what_en, what_fr),
        effect=say(effect_en, effect_fr),
    )
    yield said if outcome == "duplicate" else warning(said, say)
    if found := data["rows"]:
        yield say(
            "Rows, as it says: {received} received, {accepted} accepted, {rejected} rejected.",
            "Lignes, selon cette réponse : reçues {received}, acceptées {accepted}, rejetées "
            "{rejected}.",
            **{kind: say.number(found[kind]) for kind in ("received", "accepted", "rejected")},
        )


def confirmed(data: Data, say: Voice) -> Iterator[str]:
    """What was accepted as the target's confirmation."""
    yield _CONFIRMED[data["way"]](data, say)
    yield from shown(data, say)
    if data["late"]:
        late = say(
            "it came after the maximum age, before the deletion.",
            "elle est arrivée après la durée maximale, avant la suppression.",
        )
        yield warning(late, say)
    yield say(
        "Deletion is now due on {due}.",
        "La suppression est désormais exigible le {due}.",
        due=moment(data["due"], say),
    )


def _by_receipt(data: Data, say: Voice) -> str:
    return say(
        "The target's receipt {receipt}… by {who} verified: {rows} accepted, decryption proven (level "
        "{level}).",
        "Accusé de réception {receipt}… de {who} vérifié : {rows} acceptées, déchiffrement prouvé "
        "(niveau {level}).",
        receipt=data.get("receipt_id", "")[:16],
        who=data["principal"],
        rows=rows(data["rows"], say),
        level=data["level"],
    )


def _by_table(data: Data, say: Voice) -> str:
    return say(
        "The target's table of loads says that {rows} are loaded{counted} (level {level}, not signed by "
        "the target).",
        "La table de chargement du destinataire indique {rows} chargées{counted} (niveau {level}, non "
        "signé par le destinataire).",
        rows=rows(data["rows"], say),
        counted=_counted(data, say),
        level=data["level"],
    )


def _by_submission(data: Data, say: Voice) -> str:
    return say(
        "The target's server has ended the submission and counts no error (level {level}, not signed by "
        "the target).",
        "Le serveur du destinataire a terminé la soumission et ne compte aucune erreur (niveau {level}, "
        "non signé par le destinataire).",
        level=data["level"],
    )


def _by_control_file(data: Data, say: Voice) -> str:
    return say(
        "A control file lists the {rows} delivered; it is not signed, and {who} stands for it (level "
        "{level}).",
        "Un fichier de contrôle énumère {rows} livrées ; il n'est pas signé, et {who} s'en porte garant "
        "(niveau {level}).",
        rows=rows(data["rows"], say),
        who=data["principal"],
        level=data["level"],
    )


_CONFIRMED = {
    "receipt": _by_receipt,
    "audit_table": _by_table,
    "bulk_submit": _by_submission,
    "control_file": _by_control_file,
}


def _counted(data: Data, say: Voice) -> str:
    found = data.get("said", {}).get("counted", {})
    counted = ", ".join(f"{table} {vague(count, say)}" for table, count in found.items())
    if not counted:
        return ""
    told = (
        ", and they were counted there ({counted})",
        ", et elles y ont été comptées ({counted})",
    )
    return say(*told, counted=counted)
