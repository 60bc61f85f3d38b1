"""The kinds of alerts, and how severe each is. docs/supervision.md says what to do about each."""

from __future__ import annotations

from typing import Literal, NamedTuple

Severity = Literal["info", "warning", "high", "critical"]
SEVERITIES: tuple[Severity, ...] = ("info", "warning", "high", "critical")
"""From the mildest to the worst."""
GRAVE: tuple[Severity, ...] = ("high", "critical")
"""Those that every page tells of while an alert is open, and that somebody is reminded of each day."""


class Kind(NamedTuple):
    """A kind of alert: what it is about in a few words, in English and in French."""

    severity: Severity
    title: str
    fr: str


KINDS: dict[str, Kind] = {
    "refusal": Kind("warning", "A rule refused a step", "Une règle a refusé une étape"),
    "drift": Kind("warning", "The source is not as it was", "La source a changé"),
    "validation-failed": Kind(
        "high", "The extract did not pass its rules", "L'extrait n'a pas satisfait à ses règles"
    ),
    "receipt-missing": Kind(
        "high", "The target has not answered", "Le destinataire n'a pas répondu"
    ),
    "receipt-negative": Kind(
        "high",
        "The target says that not everything was loaded",
        "Le destinataire dit ne pas avoir tout chargé",
    ),
    "receipt-wrong": Kind(
        "high",
        "An answer does not confirm the delivery",
        "Une réponse ne confirme pas la livraison",
    ),
    "deletion-overdue": Kind(
        "critical",
        "Copies are there that had to be deleted",
        "Des copies qui devaient être supprimées sont encore là",
    ),
    "deletion-failed": Kind(
        "critical", "Copies could not be deleted", "Des copies n'ont pas pu être supprimées"
    ),
    "deletion-locked": Kind(
        "high",
        "A store keeps copies that had to be deleted",
        "Un stockage retient des copies qui devaient être supprimées",
    ),
    "orphans": Kind(
        "high",
        "Something is there that nobody recorded",
        "Il existe des copies que personne n'a enregistrées",
    ),
    "keys-expiring": Kind(
        "warning",
        "Keys of an instruction reach their end",
        "Des clés d'une instruction arrivent à leur terme",
    ),
    "instruction-ending": Kind(
        "warning",
        "An instruction that runs go on under ends soon",
        "Une instruction encore employée arrive à son terme",
    ),
    "key-revoked-used": Kind(
        "critical", "A revoked key was used", "Une clé révoquée a été employée"
    ),
    "unexpected-principal": Kind(
        "high",
        "Somebody acted who never did before, or may not",
        "Un acteur inhabituel, ou non autorisé, est intervenu",
    ),
    "unexpected-address": Kind(
        "high",
        "An unexpected address, source or landing zone",
        "Une adresse, une source ou une zone de dépôt inattendue",
    ),
    "unusual-volume": Kind(
        "high",
        "Far more or fewer rows than usual were extracted",
        "Beaucoup plus ou moins de lignes que d'habitude ont été extraites",
    ),
    "dag-late": Kind(
        "high", "A DAG run did not end in time", "Une exécution de DAG a dépassé son délai"
    ),
    "supervision-silent": Kind(
        "high",
        "Supervision did not look when it should have",
        "La surveillance ne s'est pas exercée quand elle le devait",
    ),
    "evidence-broken": Kind(
        "critical", "The evidence does not verify", "Les preuves ne sont plus vérifiables"
    ),
    "ledger-away": Kind(
        "critical",
        "The evidence ledger does not answer",
        "Le registre des preuves ne répond pas",
    ),
}
"""Every kind of alert."""
