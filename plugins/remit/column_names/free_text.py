"""Names of columns in which anything may have been typed, or a whole message may stand."""

from __future__ import annotations

import re
from typing import Literal

from remit.column_names.words import runs, singular, singulars, word_set, words
from remit.columns import ColumnType

FREE_TEXT: Literal["free text"] = "free text"
MESSAGES: Literal["whole messages"] = "whole messages"
PERHAPS: Literal["perhaps free text"] = "perhaps free text"
Text = Literal["free text", "whole messages", "perhaps free text"]

_FREE_TEXT = word_set("""
    comment commentary note remark memo narrative observations freetext textelibre zonelibre
    champlibre libre conclusion interpretation anamnese anamnesis annotation antecedent
    renseignement precisions message msg body corps contenu dictation transcript letter courrier
    lettre compterendu synthese motif reason raison instruction noncoded texte bemerkung notiz
    kommentar beschreibung comentario observacion observaciones observacoes descripcion descricao
    additionaldetail justification hypothesis hypothese grossexam microscopyexam physicalexam
    clinicalexam suspectedcause rootcause proposedaction correctiveaction controlaction
    immediateaction preventiveaction actiontaken collectioncondition symptom finding complaint
    feedback
""")
# Run together with what is before them: protocoldescription, errormessage.
_ENDINGS = re.compile(r"(description|comment|message|commentaire|remarque|note|errormsg)s?\Z")
_AT_END = word_set("comm history text objective summary content other detail")
_NOT_AT_END = word_set("""
    id type date time at by code count nb user author status state key template url renderertype
""")
_NO_WORDS_OF_THEIRS = word_set("footnote keynote")
_MEASURED_FREE = word_set("psa kappa lambda cortisol testosterone fraction hemoglobine")
_VALUES = word_set("""
    value valeur valor wert val result resultat resultado ergebnis answer reponse response respuesta
    resposta
""")
_VALUE_TEXTS = word_set("stringvalue textvalue valuestring valuetext")
_PERHAPS = word_set("subject title titre sujet misc info divers")

# HL7 and FHIR among them: documents that may hold everything about a patient.
_MESSAGES = word_set("""
    hldata hlmessage rawmessage payload mergeddata serializeddata xmldata descriptorxml
    fhirresource fhirdata
""")
_MESSAGES_AT_END = word_set("xml json")
_TABLES_OF_MESSAGES = word_set("""
    order message import export queue archive hl fhir event outbox inbox transaction request
""")
_WIDEST_CODE = 5
_WIDTH = re.compile(r"character(?: varying)?\((\d+)\)")


def kind_of_text(
    name: str, kind: ColumnType | None = None, native_type: str = "", table: str = ""
) -> Text | None:
    """What sort of text the column probably holds: sentences, whole messages, or None.

    Args:
        name: the column's name.
        kind: its type; only text holds text.
        native_type: the database's own type; a few characters hold a code, not a sentence.
        table: the table's name.
    """
    parts = words(name)
    width = _WIDTH.fullmatch(native_type)
    short = width is not None and int(width[1]) <= _WIDEST_CODE
    if not parts or short or (kind is not None and kind.name != "string"):
        return None
    if _is_message(parts, table):
        return MESSAGES
    if _is_free(parts):
        return FREE_TEXT
    return PERHAPS if _is_perhaps(parts) else None


def looks_like_free_text(
    name: str, kind: ColumnType | None = None, native_type: str = "", table: str = ""
) -> bool:
    """Whether the column probably holds sentences that somebody typed, or whole messages."""
    return kind_of_text(name, kind, native_type, table) in (FREE_TEXT, MESSAGES)


def _is_message(parts: list[str], table: str) -> bool:
    if not _MESSAGES.isdisjoint(runs(parts)) or parts[-1] in _MESSAGES_AT_END:
        return singular(parts[-1]) not in _NOT_AT_END
    return parts == ["data"] and not _TABLES_OF_MESSAGES.isdisjoint(singulars(table))


def _is_free(parts: list[str]) -> bool:
    if singular(parts[-1]) in _NOT_AT_END:
        return False
    if singular(parts[-1]) in _AT_END and parts[0] not in _VALUES:
        return True
    found = _FREE_TEXT & runs(parts)
    if found == {"libre"} and not _MEASURED_FREE.isdisjoint(parts):
        return False
    run_together = (w for w in parts if singular(w) not in _NO_WORDS_OF_THEIRS)
    return bool(found) or any(map(_ENDINGS.search, run_together))


def _is_perhaps(parts: list[str]) -> bool:
    text_value = parts[0] in _VALUES and parts[-1] == "text"
    return (
        text_value
        or not _VALUE_TEXTS.isdisjoint(runs(parts))
        or (parts[-1] in _PERHAPS and len(parts) <= 2)
    )
