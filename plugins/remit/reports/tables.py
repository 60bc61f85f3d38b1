"""The tables of a report: their columns, in English and in French, and their places in the PDF."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Column(NamedTuple):
    """A column of a table.

    Attributes:
        key: its name in CSV and JSON.
        width: its share of the PDF's line; 0 leaves it out there.
    """

    key: str
    en: str
    fr: str
    width: int = 0


@dataclass(frozen=True, slots=True)
class Table:
    """A table of a report; `none` is what the PDF says when it has no row."""

    name: str
    en: str
    fr: str
    none: tuple[str, str]
    columns: tuple[Column, ...]


TABLES = (
    Table(
        "instructions",
        "Instructions received (Art. 28(3)(a), 30(2))",
        "Instructions reçues (art. 28, par. 3, point a ; art. 30, par. 2)",
        ("No instruction was received.", "Aucune instruction n'a été reçue."),
        (
            Column("controllers", "Controllers", "Responsables", 4),
            Column("instruction", "Instruction", "Instruction", 4),
            Column("version", "Version", "Version", 2),
            Column("state", "State", "État", 3),
            Column("state_since", "Since, or from", "Depuis, ou dès", 3),
            Column("superseded_by", "Superseded by version", "Remplacée par la version"),
            Column("received_at", "Received", "Reçue le", 3),
            Column("valid_from", "Valid from", "Valable du", 3),
            Column("valid_until", "Valid until", "Valable jusqu'au", 3),
            Column("purpose", "Purpose", "Finalité", 8),
            Column("categories", "Categories", "Catégories", 4),
            Column("special_categories", "Special categories", "Catégories particulières"),
            Column("recipients", "Recipients", "Destinataires", 4),
            Column("third_countries", "Third countries", "Pays tiers", 3),
            Column("subprocessors", "Sub-processors", "Sous-traitants ultérieurs"),
            Column("contract", "Contract", "Contrat"),
            Column("revoked_at", "Revoked", "Révoquée le"),
            Column("digest", "Digest", "Empreinte", 6),
        ),
    ),
    Table(
        "runs",
        "Runs, and what left",
        "Exécutions, et ce qui est sorti",
        ("No run was opened.", "Aucune exécution n'a été ouverte."),
        (
            Column("run", "Run", "Exécution", 6),
            Column("controllers", "Controllers", "Responsables", 3),
            Column("instruction", "Instruction", "Instruction", 4),
            Column("version", "Version", "Version", 2),
            Column("opened_at", "Opened", "Ouverte le", 3),
            Column("opened_by", "By", "Par", 4),
            Column("source", "From", "De"),
            Column("landing", "To", "Vers"),
            Column("interval_start", "Interval from", "Intervalle du"),
            Column("interval_end", "Interval to", "Intervalle au"),
            Column("state", "Last record", "Dernier fait", 3),
            Column("tables", "Tables", "Tables", 2),
            Column("columns", "Columns", "Colonnes", 2),
            Column("rows", "Rows", "Lignes", 2),
            Column("recipients", "Recipients", "Destinataires", 3),
            Column("approved_by", "Approved by", "Approuvée par", 3),
            Column("delivered_at", "Delivered", "Livrée le", 3),
            Column("confirmed_at", "Confirmed", "Confirmée le", 3),
            Column("way", "Way", "Voie"),
            Column("level", "Level", "Niveau", 2),
            Column("receipt", "Receipt", "Accusé"),
            Column("refusals", "Refusals", "Refus", 3),
        ),
    ),
    Table(
        "erasures",
        "Erasures: duties to delete and certificates (Art. 28(3)(g))",
        "Effacements : obligations de supprimer et certificats (art. 28, par. 3, point g)",
        ("There is no duty to delete.", "Il n'y a aucune obligation de supprimer."),
        (
            Column("run", "Run", "Exécution", 6),
            Column("controllers", "Controllers", "Responsables", 3),
            Column("state", "State", "État", 3),
            Column("due", "Due", "Échéance", 3),
            Column("reason", "Because", "Motif", 4),
            Column("deleted_at", "Deleted", "Supprimée le", 3),
            Column("copies", "Copies", "Copies", 2),
            Column("certificate", "Certificate", "Certificat", 8),
            Column("locked_until", "Locked until", "Verrouillée jusqu'au", 3),
        ),
    ),
    Table(
        "holds",
        "Holds on deletions",
        "Suspensions de suppressions",
        ("No deletion was suspended.", "Aucune suppression n'a été suspendue."),
        (
            Column("run", "Run", "Exécution", 6),
            Column("controllers", "Controllers", "Responsables", 3),
            Column("state", "State", "État", 2),
            Column("held_at", "Held", "Suspendue le", 3),
            Column("until", "Until", "Jusqu'au", 3),
            Column("person", "By", "Par", 3),
            Column("reason", "Because", "Motif", 6),
            Column("ended_at", "Ended", "Terminée le", 3),
            Column("ended_by", "Ended by", "Terminée par", 3),
            Column("ended_because", "Because", "Motif", 4),
        ),
    ),
    Table(
        "orphans",
        "Orphans: what was found and nobody recorded",
        "Orphelins : ce qui a été trouvé et que personne n'a enregistré",
        ("No orphan was found.", "Aucun orphelin n'a été trouvé."),
        (
            Column("place", "Place", "Lieu", 4),
            Column("name", "Name", "Nom", 6),
            Column("why", "Why", "Motif", 6),
            Column("files", "Files", "Fichiers", 2),
            Column("size", "Bytes", "Octets", 2),
            Column("oldest", "Oldest", "Le plus ancien", 3),
            Column("found_at", "Found", "Trouvé le", 3),
            Column("removed_at", "Removed", "Supprimé le", 3),
        ),
    ),
    Table(
        "alerts",
        "Alerts, and who acknowledged them",
        "Alertes, et qui en a pris acte",
        ("No alert was raised.", "Aucune alerte n'a été émise."),
        (
            Column("alert", "Alert", "Alerte", 4),
            Column("raised_at", "Raised", "Émise le", 3),
            Column("severity", "Severity", "Gravité", 2),
            Column("kind", "Kind", "Sorte", 3),
            Column("about", "About", "Objet", 6),
            Column("run", "Run", "Exécution"),
            Column("state", "State", "État", 2),
            Column("told", "Persons told", "Personnes averties", 2),
            Column("acknowledged_at", "Acknowledged", "Pris acte le", 3),
            Column("acknowledged_by", "By", "Par", 3),
            Column("acknowledged_because", "Because", "Motif", 4),
            Column("closed_at", "Closed", "Close le", 3),
            Column("closed_by", "By", "Par", 3),
            Column("closed_because", "Because", "Motif", 4),
        ),
    ),
)
"""Every table, in the report's order."""

STATES = {
    "deleted": ("deleted", "supprimée"),
    "held": ("held", "suspendue"),
    "locked": ("locked by its store", "verrouillée par son stockage"),
    "overdue": ("OVERDUE", "EN RETARD"),
    "pending": ("not due yet", "pas encore échue"),
    "in-force": ("in force", "en vigueur"),
    "ended": ("ended", "terminée"),
    "expired": ("expired", "expirée"),
    "open": ("OPEN", "OUVERTE"),
    "acknowledged": ("acknowledged", "prise en compte"),
    "closed": ("closed", "close"),
    "revoked": ("revoked", "révoquée"),
    "superseded": ("superseded", "remplacée"),
    "not-yet": ("not valid yet", "pas encore valable"),
    "opened": ("opened", "ouverte"),
    "obliged": ("obliged to delete", "obligée de supprimer"),
    "extracted": ("extracted", "extraite"),
    "sealed": ("sealed", "scellée"),
    "approved": ("approved", "approuvée"),
    "delivering": ("being sent", "en cours d'envoi"),
    "delivered": ("delivered", "livrée"),
    "answered": ("answered", "réponse reçue"),
    "confirmed": ("confirmed", "confirmée"),
    "refused": ("refused", "refusée"),
    "interrupted": ("interrupted", "interrompue"),
    "stopped": ("stopped", "arrêtée"),
    "released": ("hold ended", "suspension terminée"),
    "undeleted": ("not yet deleted", "pas encore supprimée"),
    "dump-kept": ("dump kept", "export conservé"),
}
"""What states are called; of a run it is the last of the records that reports read."""


def table_named(name: str) -> Table:
    """The table of that name; KeyError when there is none."""
    return {table.name: table for table in TABLES}[name]
