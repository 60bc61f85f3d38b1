"""Who may act by name, who approves, and who is told when something goes wrong."""

from __future__ import annotations

from collections.abc import Iterator

from remit.instruction.model import Instruction
from remit.instruction.parties import Act, Authorised
from remit.instruction.plain_language.voice import Voice
from remit.instruction.supervision import Supervision


def _act(act: Act, say: Voice) -> str:
    match act:
        case "approve":
            return say("approve a delivery", "approuver une livraison")
        case "hold":
            return say("suspend a deletion", "suspendre une suppression")
        case "acknowledge":
            return say("acknowledge and close alerts", "acquitter et clore les alertes")
        case "confirm":
            return say("stand for a control file", "répondre d'un fichier de contrôle")
        case "revoke":
            return say("revoke a key", "révoquer une clé")


def acting(terms: Instruction, say: Voice) -> Iterator[str]:
    """What each named person may do, and who agrees before anything is delivered."""
    contacts = terms.contacts
    for person in contacts.authorised:
        yield say(
            "- {person}{account} may {acts}.",
            "- {person}{account} peut {acts}.",
            person=say.person(person),
            account=_account(person, say),
            acts=say.all_of(_act(act, say) for act in person.may),
        )
    if contacts.shared_accounts:
        yield say(
            "- Nobody acts by these accounts, which are not one person's: {names}.",
            "- Personne n'agit par ces comptes, qui ne sont pas à une seule personne : {names}.",
            names=say.all_of(map(say.name, contacts.shared_accounts)),
        )
    if terms.approval:
        yield say(
            "- Nothing is delivered before one of them has approved it, within {within}; neither "
            "who wrote the job nor who started it approves it.",
            "- Rien n'est livré avant que l'un d'eux ne l'ait approuvé, dans un délai de {within} ; "
            "ni l'auteur de la tâche ni qui l'a lancée ne l'approuve.",
            within=say.duration(terms.approval.within),
        )


def _account(person: Authorised, say: Voice) -> str:
    if person.account is None:
        return ""
    account = say.name(person.account)
    return say(" (account {account})", " (compte {account})", account=account)


def told(terms: Instruction, say: Voice) -> Iterator[str]:
    """Who is told of an alert, one after the other, and what raises one."""
    first, *others = terms.escalation()
    yield say(
        "- Alerts go to {person} at once; while nobody acknowledges one, it is told to {others}.",
        "- Les alertes sont adressées sans délai à {person} ; tant que personne ne les acquitte, "
        "elles sont transmises à {others}.",
        person=say.person(first.person),
        others=say.all_of(
            say(
                "{person} after {delay}",
                "{person} après {delay}",
                person=say.person(tier.person),
                delay=say.duration(tier.after),
            )
            for tier in others
        ),
    )
    if terms.supervision:
        yield from _unusual(terms.supervision, say)


def _unusual(rule: Supervision, say: Voice) -> Iterator[str]:
    if rule.receipt_within is not None:
        yield say(
            "- A receipt that has not come {delay} after delivery raises an alert.",
            "- Un accusé qui n'est pas arrivé {delay} après la livraison déclenche une alerte.",
            delay=say.duration(rule.receipt_within),
        )
    yield say(
        "- So do {times} times more or fewer rows than in earlier runs.",
        "- Il en va de même de {times} fois plus ou moins de lignes que lors des exécutions "
        "précédentes.",
        times=str(rule.unusual_times),
    )
    if rule.addresses:
        yield say(
            "- So do acts and receipts from outside these networks: {networks}.",
            "- Il en va de même des actes et des accusés venus d'ailleurs que de ces réseaux : "
            "{networks}.",
            networks=say.all_of(map(say.name, rule.addresses)),
        )
    if rule.keys_until is not None:
        yield say(
            "- Every key of this instruction is to be changed by {moment}.",
            "- Toute clé de cette instruction est à changer au plus tard le {moment}.",
            moment=say.moment(rule.keys_until),
        )
