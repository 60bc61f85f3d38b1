"""What a printed report says beside its tables, in English and in French."""

from __future__ import annotations

from remit.evidence import timestamp
from remit.instruction.plain_language.voice import Language
from remit.reports.state import Report

TITLE = (
    "Processing on behalf of controllers: report from the evidence",
    "Traitements pour le compte de responsables : rapport établi à partir des preuves",
)
LEAD = (
    (
        "This report is made of the processor's evidence log up to the checkpoint at the head of each page. "
        "Who holds a copy of the log, or the checkpoint that a delivery carried, can hold it against that.",
        "Ce rapport est établi à partir du journal de preuves du sous-traitant, jusqu'au point de contrôle "
        "indiqué en tête de chaque page. Qui détient une copie du journal, ou le point de contrôle joint à "
        "une livraison, peut l'y confronter.",
    ),
    (
        "Printing it verifies nothing: remit evidence verify --all says whether the log holds. Characters "
        "that the font has not are shown by their number, such as [U+4E2D].",
        "L'imprimer ne vérifie rien : remit evidence verify --all dit si le journal est intègre. Les "
        "caractères absents de la police sont montrés par leur numéro, comme [U+4E2D].",
    ),
)
PAGE = ("Page", "Page")
CONTENTS = ("Contents", "Sommaire")
NONE = ("none", "aucun")


def said(words: tuple[str, str], language: Language) -> str:
    """The words of the language."""
    return words[0] if language is Language.ENGLISH else words[1]


def evidence_line(report: Report, language: Language) -> str:
    """The checkpoint, as it is on each page."""
    words = (
        "Evidence log {log}: {size} records, root {root}, checkpoint of {at}",
        "Journal de preuves {log} : {size} enregistrements, racine {root}, point de contrôle du {at}",
    )
    return said(words, language).format(
        log=report.log, size=report.size, root=report.root, at=report.signed_at
    )


def facts(report: Report, language: Language) -> list[tuple[str, str]]:
    """What the report is about: names and what is said of each."""
    extent = report.extent
    start = (
        timestamp(extent.start) if extent.start else said(("the beginning", "l'origine"), language)
    )
    until = timestamp(extent.until) if extent.until else said(("now", "présent"), language)
    period = said(
        (
            "runs opened from {start} until before {until}; erasures and alerts that are not done, always",
            "exécutions ouvertes du {start} au {until}, exclu ; effacements et alertes en cours, toujours",
        ),
        language,
    ).format(start=start, until=until)
    everyone = said(("all controllers", "tous les responsables"), language)
    processors = "; ".join(
        f"{one['legal_name']} (DPO {one['dpo']}, {one['dpo_email']})" for one in report.processors
    )
    return [
        (said(("Processor", "Sous-traitant"), language), processors or said(NONE, language)),
        (said(("Controller", "Responsable"), language), extent.controller or everyone),
        (said(("Period", "Période"), language), period),
        (said(("States as of", "États au"), language), timestamp(report.as_of)),
    ]
