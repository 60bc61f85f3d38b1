"""Every kind of record: its heading in both languages, its sentences, and how grave it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from remit.instruction.plain_language.voice import Voice
from remit.narrative import alerts, deletion, delivery, extraction, instructions, people, setbacks

Severity = Literal["info", "warning", "problem"]
Teller = Callable[[Mapping[str, Any], Voice], Iterator[str]]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of record.

    Attributes:
        en, fr: its heading.
        tell: its sentences, from the record's data.
        severity: of every such record.
        may_warn: whether one of its sentences may be a warning, which makes the record one.
    """

    en: str
    fr: str
    tell: Teller
    severity: Severity = "info"
    may_warn: bool = False


KINDS: dict[str, Kind] = {
    "received": Kind("Instruction received", "Instruction reçue", instructions.received),
    "revoked": Kind("Instruction revoked", "Instruction révoquée", instructions.revoked, "warning"),
    "rotated": Kind("Signing key rotated", "Clé de signature remplacée", instructions.rotated),
    "key-revoked": Kind("Key revoked", "Clé révoquée", instructions.key_revoked, "problem"),
    "opened": Kind("Asked", "Demande", instructions.opened),
    "planned": Kind("Planned", "Planifié", instructions.planned),
    "unplanned": Kind(
        "Could not be planned", "Planification impossible", instructions.planned, "problem"
    ),
    "obliged": Kind("Obliged to delete", "Obligation de supprimer", extraction.obliged),
    "divided": Kind("Divided", "Divisé en lots", extraction.divided),
    "piece": Kind("Extracted a piece", "Lot extrait", extraction.piece),
    "extracted": Kind("Extracted", "Extrait", extraction.extracted),
    "validated": Kind("Validated", "Validé", extraction.report, may_warn=True),
    "invalid": Kind("Failed validation", "Validation échouée", extraction.report, "problem"),
    "sealing": Kind("Checked recipients", "Destinataires vérifiés", delivery.sealing),
    "sealed": Kind("Sealed", "Scellé", delivery.sealed),
    "asked": Kind("Approval asked for", "Approbation demandée", people.asked),
    "approved": Kind("Approved", "Approuvé", people.approved),
    "disapproved": Kind("Forbidden", "Interdit", people.disapproved, "problem"),
    "delivering": Kind("Delivering", "Livraison en cours", delivery.delivering),
    "delivered": Kind("Delivered", "Livré", delivery.delivered),
    "answered": Kind("Answered", "Réponse du destinataire", delivery.answered, may_warn=True),
    "vouched": Kind("Stood for", "Garantie donnée", people.vouched),
    "confirmed": Kind("Confirmed", "Confirmé", delivery.confirmed, may_warn=True),
    "deleting": Kind("Found to delete", "Copies à supprimer", deletion.deleting),
    "dump-kept": Kind("Dump kept", "Fichier d'export conservé", deletion.dump_kept),
    "deleted": Kind("Deleted", "Supprimé", deletion.deleted),
    "refused": Kind("Refused", "Refusé", setbacks.refused, "problem"),
    "interrupted": Kind("Interrupted", "Interrompu", setbacks.interrupted, "warning"),
    "stopped": Kind("Stopped", "Arrêté", setbacks.stopped, "problem"),
    "undeleted": Kind("Not yet deleted", "Pas encore supprimé", deletion.undeleted, "problem"),
    "held": Kind("Held", "Suppression suspendue", deletion.held, "warning"),
    "released": Kind("Released", "Suspension levée", deletion.released),
    "orphans": Kind(
        "Found what nobody recorded", "Copies inconnues trouvées", deletion.orphans, "problem"
    ),
    "swept": Kind("Swept away", "Copies inconnues supprimées", deletion.orphans),
    "alerted": Kind("Alert raised", "Alerte levée", alerts.alerted, "problem"),
    "escalated": Kind("Alert told", "Alerte signalée", alerts.escalated, "warning"),
    "acknowledged": Kind("Alert acknowledged", "Alerte prise en compte", alerts.acknowledged),
    "closed": Kind("Alert closed", "Alerte close", alerts.closed),
    "attempted": Kind("Attempted", "Tentative", alerts.attempted, "warning"),
}
"""In the order of a run; docs/formats.md has the same kinds."""
