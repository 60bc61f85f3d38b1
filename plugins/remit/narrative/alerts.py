"""What is told of alerts: raised, told to a person, acknowledged, closed; and of acts that were refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from remit.alert_kinds import KINDS, Severity
from remit.instruction.plain_language.voice import Voice
from remit.narrative.words import moment
from remit.plan.phrases import recorded

Data = Mapping[str, Any]

_GRAVE: dict[Severity, str] = {
    "info": "information",
    "warning": "avertissement",
    "high": "élevée",
    "critical": "critique",
}


def kind_words(kind: str, say: Voice) -> str:
    """What an alert is about, in a few words."""
    known = KINDS.get(kind)
    return say.pick(known.title, known.fr) if known else kind


def severity_words(severity: str, say: Voice) -> str:
    """How severe it is."""
    return say.pick(severity, {str(k): v for k, v in _GRAVE.items()}.get(severity, severity))


def alerted(data: Data, say: Voice) -> Iterator[str]:
    """An alert was raised."""
    yield say(
        "Alert {alert}, severity {severity}: {title}.",
        "Alerte {alert}, gravité {severity} : {title}.",
        alert=data["alert"],
        severity=severity_words(data["severity"], say),
        title=kind_words(data["kind"], say),
    )
    yield say("At {place}", "Lieu : {place}", place=say.quoted(data["about"]))
    yield recorded(data["message"], say)
    yield say("Way out: {text}", "Que faire : {text}", text=recorded(data["way_out"], say))
    if data["chain"]:
        yield say(
            "It belongs to {owner}.",
            "Elle revient à {owner}.",
            owner=say.quoted(data["chain"][0]["name"]),
        )


def escalated(data: Data, say: Voice) -> Iterator[str]:
    """A person was told, or could not be."""
    person, outcome = say.quoted(data["name"]), recorded(data["outcome"], say)
    if data["told"]:
        yield say(
            "{person} was told of alert {alert}, tier {tier}: {outcome}",
            "{person}, niveau {tier}, est prévenu de l'alerte {alert} : {outcome}",
            person=person,
            alert=data["alert"],
            tier=data["tier"],
            outcome=outcome,
        )
    else:
        yield say(
            "{person} could NOT be told of alert {alert}, tier {tier}: {outcome}",
            "{person}, niveau {tier}, n'a PAS pu être prévenu de l'alerte {alert} : {outcome}",
            person=person,
            alert=data["alert"],
            tier=data["tier"],
            outcome=outcome,
        )
    if data["late"]:
        yield say(
            "It came {late} after its time.",
            "Le délai prévu était dépassé de {late}.",
            late=say.count(data["late"], ("second", "seconds"), ("seconde", "secondes")),
        )


def acknowledged(data: Data, say: Voice) -> Iterator[str]:
    """A person took an alert up."""
    yield say(
        "{person} acknowledged alert {alert}: {reason}",
        "{person} prend en compte l'alerte {alert} : {reason}",
        person=say.quoted(data["name"]),
        alert=data["alert"],
        reason=say.quoted(data["reason"]),
    )
    yield say(
        "Its escalation rests until {until}.",
        "Sa remontée est suspendue jusqu'au {until}.",
        until=moment(data["until"], say),
    )


def closed(data: Data, say: Voice) -> Iterator[str]:
    """A person ended an alert."""
    yield say(
        "Alert {alert} was closed by {person}: {reason}",
        "{person} clôt l'alerte {alert} : {reason}",
        person=say.quoted(data["name"]),
        alert=data["alert"],
        reason=say.quoted(data["reason"]),
    )


def attempted(data: Data, say: Voice) -> Iterator[str]:
    """Somebody asked for an act that is not theirs, or from where nobody should."""
    refused = (
        "Account {account} asked to {what}, and was refused: {why}",
        "Le compte {account} a demandé {what}, ce qui lui a été refusé : {why}",
    )
    taken = (
        "Account {account} asked to {what}, which was done: {why}",
        "Le compte {account} a demandé {what}, ce qui a été fait : {why}",
    )
    yield say(
        *(taken if data.get("taken") else refused),
        account=say.quoted(data["account"]),
        what=say.quoted(data["what"]),
        why=recorded(data["why"], say),
    )
    if data["address"]:
        yield say(
            "It came from {address}.", "Adresse : {address}.", address=say.quoted(data["address"])
        )
