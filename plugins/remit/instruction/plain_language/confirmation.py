"""What counts as received: how much must be shown, and the ways in which the target can show it."""

from __future__ import annotations

from collections.abc import Iterator

from remit.instruction.confirmation import AuditTable, BulkSubmit, Level
from remit.instruction.model import Instruction
from remit.instruction.plain_language.voice import Voice


def confirmed(terms: Instruction, say: Voice) -> Iterator[str]:
    """The level, then each way in its order."""
    rule = terms.confirmation
    yield _level(rule.level, say)
    for way in rule.by:
        if way == "receipt":
            yield say("It signs a receipt.", "Il signe un accusé.")
        elif way == "control_file":
            yield _control_file(terms, say)
    if rule.audit_table is not None:
        yield from _audit_table(rule.audit_table, say)
    if rule.bulk_submit is not None:
        yield _bulk_submit(rule.bulk_submit, say)


def _level(level: Level, say: Voice) -> str:
    if level == "L3":
        return say(
            "The recipient confirms that it has reconciled the data (level L3).",
            "Le destinataire confirme avoir rapproché les données (niveau L3).",
        )
    if level == "L2":
        return say(
            "The recipient confirms that it has processed the data (level L2).",
            "Le destinataire confirme avoir traité les données (niveau L2).",
        )
    return say(
        "The recipient confirms that it has taken over the data (level L1).",
        "Le destinataire confirme avoir pris en charge les données (niveau L1).",
    )


def _control_file(terms: Instruction, say: Voice) -> str:
    return say(
        "It writes a control file, which is not signed, and one of {persons} confirms it by name.",
        "Il écrit un fichier de contrôle, qui n'est pas signé, et l'une des personnes suivantes le "
        "confirme en son nom : {persons}.",
        persons=say.all_of(person.name for person in terms.contacts.may("confirm")),
    )


def _audit_table(rule: AuditTable, say: Voice) -> Iterator[str]:
    yield say(
        "It writes in {place} (read over {connection}; columns {columns}) what it loaded: {loaded} "
        "says that a table is.",
        "Il écrit dans {place} (lue par {connection} ; colonnes {columns}) ce qu'il a chargé : "
        "{loaded} dit qu'une table l'est.",
        place=say.place(rule.schema_name, rule.relation),
        connection=say.name(rule.connection),
        columns=say.all_of(map(say.name, (rule.run, rule.table, rule.rows, rule.status))),
        loaded=say.quoted(rule.loaded),
    )
    if rule.failed:
        yield say(
            "{failed} says that a load failed.",
            "{failed} dit qu'un chargement a échoué.",
            failed=say.one_of(map(say.quoted, rule.failed)),
        )
    for one in rule.recount:
        place = say.place(one.schema_name, one.relation)
        if one.run is None:
            yield say(
                "The processor counts every row of {place} itself, for {table}.",
                "Le sous-traitant compte lui-même toutes les lignes de {place}, pour {table}.",
                place=place,
                table=say.name(one.table),
            )
        else:
            yield say(
                "The processor counts the run's rows of {place} (by {run}) itself, for {table}.",
                "Le sous-traitant compte lui-même les lignes de l'exécution dans {place} (selon "
                "{run}), pour {table}.",
                place=place,
                run=say.name(one.run),
                table=say.name(one.table),
            )


def _bulk_submit(rule: BulkSubmit, say: Voice) -> str:
    return say(
        "Its FHIR server, reached over {connection}, says that the submission of {system}|{value} "
        "is processed without an error.",
        "Son serveur FHIR, joint par {connection}, dit que la soumission de {system}|{value} est "
        "traitée sans erreur.",
        connection=say.name(rule.connection),
        system=say.quoted(rule.system),
        value=say.name(rule.value),
    )
