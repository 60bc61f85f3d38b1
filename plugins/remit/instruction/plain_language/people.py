"""The people and parties: who instructs whom, whose data, who receives, who is told."""

from __future__ import annotations

from collections.abc import Iterator

from remit.instruction.model import Instruction
from remit.instruction.parties import Abroad, Controller
from remit.instruction.plain_language.supervision import acting, told
from remit.instruction.plain_language.tables import category, joined
from remit.instruction.plain_language.voice import Voice, written
from remit.instruction.subjects import DataSubject


def parties(terms: Instruction, say: Voice) -> Iterator[str]:
    """Who instructs whom under which contract."""
    yield say(
        "{controller} decides as controller, and instructs {processor} as processor under contract "
        "{contract}.",
        "{controller} décide en tant que responsable du traitement et donne instruction à "
        "{processor}, sous-traitant, dans le cadre du contrat {contract}.",
        controller=_controller(terms.controller),
        processor=written(terms.processor.legal_name),
        contract=written(terms.processor.contract),
    )
    if terms.joint_controllers:
        yield say(
            "Jointly with it ({law}) decide: {others}.",
            "Décident conjointement avec lui ({law}) : {others}.",
            law=say.articles(["26(1)"]),
            others=say.all_of(_controller(other) for other in terms.joint_controllers),
        )
    for controller in terms.controllers:
        yield say(
            "Contact of {who}: {person}.",
            "Contact de {who} : {person}.",
            who=written(controller.legal_name),
            person=say.person(controller.contact),
        )
    yield say(
        "The processor's data protection officer: {person}.",
        "Délégué à la protection des données du sous-traitant : {person}.",
        person=say.person(terms.processor.dpo),
    )


def data_subjects(terms: Instruction, say: Voice) -> Iterator[str]:
    """Whose data."""
    yield say(
        "The data are about {whose}.",
        "Les données concernent : {whose}.",
        whose=say.all_of(say.quoted(text) for text in terms.data_subjects),
    )


def recipients(terms: Instruction, say: Voice) -> Iterator[str]:
    """Who receives the data and can read what, where."""
    for recipient in terms.recipients:
        yield say(
            "- {who} can read: {categories}.{abroad}",
            "- {who} peut lire : {categories}.{abroad}",
            who=f"{written(recipient.legal_name)} ({say.country(recipient.country)})",
            categories=say.all_of(category(which, say) for which in recipient.categories),
            abroad=_safeguard(recipient, say),
        )
        if recipient.next_key:
            yield say(
                "  It is changing its key: the old one and the new one can each read all of this.",
                "  Il change de clé : l'ancienne et la nouvelle permettent chacune de tout lire.",
            )
    yield say(
        "{target} confirms with a signed receipt that it has taken the data in. There is no other "
        "recipient.",
        "{target} confirme par un accusé signé qu'il a intégré les données. Il n'y a pas "
        "d'autre destinataire.",
        target=written(terms.target.legal_name),
    )
    if terms.target.next_receipt_key:
        yield say(
            "It is changing the key that it signs with: a receipt under either counts.",
            "Il change sa clé de signature : un accusé signé de l'une ou de l'autre est valable.",
        )


def subprocessors(terms: Instruction, say: Voice) -> Iterator[str]:
    """Other processors, if any is authorised."""
    for other in terms.subprocessors:
        yield say(
            "- {who}: {task}.{abroad}",
            "- {who} : {task}.{abroad}",
            who=f"{written(other.legal_name)} ({say.country(other.country)})",
            task=say.quoted(other.task),
            abroad=_safeguard(other, say),
        )
    if terms.subprocessors:
        yield say("No other is authorised.", "Aucun autre n'est autorisé.")
    else:
        yield say("None is authorised.", "Aucun n'est autorisé.")


def duties(terms: Instruction, say: Voice) -> Iterator[str]:
    """Who is told of a breach, who audits, who may suspend a deletion."""
    contacts = terms.contacts
    yield say(
        "- Of a breach the processor tells {person} within {delay}.",
        "- En cas de violation de données, le sous-traitant avertit {person} dans un délai de "
        "{delay}.",
        person=say.person(contacts.breach),
        delay=say.duration(contacts.breach_within),
    )
    yield say(
        "- {person} audits for the controller.",
        "- {person} audite pour le responsable du traitement.",
        person=say.person(contacts.audit),
    )
    yield from acting(terms, say)
    yield from told(terms, say)
    yield say(
        "- What binds these persons to confidentiality: {text}.",
        "- Engagement de confidentialité de ces personnes : {text}.",
        text=say.quoted(contacts.confidentiality),
    )


def rights(terms: Instruction, say: Voice) -> Iterator[str]:
    """Requests of data subjects, and those whose rows never leave; a number, never who."""
    yield say(
        "Of a data subject's request the processor tells {person} within {delay}.",
        "Le sous-traitant transmet toute demande d'une personne concernée à {person} dans un délai "
        "de {delay}.",
        person=say.person(terms.contacts.rights),
        delay=say.duration(terms.contacts.rights_within),
    )
    if terms.suppress is None:
        yield say(
            "No list of suppressed persons is given.",
            "Aucune liste de personnes exclues n'est donnée.",
        )
        return
    yield say(
        "The rows of {n} never leave.",
        "Les lignes de {n} ne sortent jamais.",
        n=say.count(
            len(terms.suppress.subjects),
            ("suppressed person", "suppressed persons"),
            ("personne exclue", "personnes exclues"),
        ),
    )
    for table in terms.tables:
        if table.data_subject:
            yield _subject(table.name, table.data_subject, say)
        if table.no_data_subject:
            yield say(
                "- In {table} no row is about a person, because {why}.",
                "- Dans {table}, aucune ligne ne concerne une personne, car {why}.",
                table=say.name(table.name),
                why=say.quoted(table.no_data_subject),
            )


def _subject(table: str, subject: DataSubject, say: Voice) -> str:
    way = "".join(
        say(
            " of {other} (found by {joins})",
            " de {other} (trouvée par {joins})",
            other=say.place(step.schema_name, step.relation),
            joins=joined(step.join, say),
        )
        for step in reversed(subject.through or [])
    )
    return say(
        "- In {table} the column {column}{way} says whose a row is.",
        "- Dans {table}, la colonne {column}{way} indique de qui est une ligne.",
        table=say.name(table),
        column=say.name(subject.column),
        way=way,
    )


def _controller(controller: Controller) -> str:
    return f"{written(controller.legal_name)} ({controller.name})"


def _safeguard(party: Abroad, say: Voice) -> str:
    if party.safeguard is None:
        return ""
    return say(
        " Outside the European Economic Area, with this safeguard: {text}.",
        " Hors de l'Espace économique européen, avec cette garantie : {text}.",
        text=say.quoted(party.safeguard),
    )
