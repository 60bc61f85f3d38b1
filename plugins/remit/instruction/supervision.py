"""Who approves, who is told when something goes wrong, and when it climbs to the controller."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Self

from pydantic import AfterValidator, model_validator

from remit.instruction.forms import (
    Duration,
    Misfit,
    Moment,
    Network,
    Strict,
    once,
    positive,
    said,
)
from remit.instruction.parties import Person

_QUARTERS = (1, 2)
"""Of the time within which a breach is told: when the second and the third person are told."""


class Approval(Strict):
    """Four eyes: a named person agrees before anything is delivered, or nothing is."""

    within: Annotated[
        Duration,
        AfterValidator(positive),
        said("How long an answer is waited for; without one the run is refused", "32(4)"),
    ]


class Escalated(Person):
    """Who is told of an alert that nobody has acknowledged by then."""

    after: Annotated[Duration, AfterValidator(positive), said("This long after it was raised")]


class Supervision(Strict):
    """Who watches the runs, and what is unusual about one."""

    owner: Annotated[Person, said("Whom each alert belongs to, told at once", "32(1)(d)")]
    escalation: Annotated[
        list[Escalated],
        said(
            "Who is told next while nobody acknowledges it; the last is the controller's contact",
            "28(3)(f), 33(2)",
            min_length=1,
        ),
    ]
    receipt_within: Annotated[
        Duration | None,
        said("A receipt that has not come this long after delivery is missing", "32(1)(d)"),
    ] = None
    unusual_times: Annotated[
        int,
        said("So many times more or fewer rows than earlier runs are unusual", "32(1)(d)", ge=2),
    ] = 3
    addresses: Annotated[
        list[Network],
        said(
            "Networks from which persons act and receipts come; others raise an alert",
            "32(1)(b)",
            default_factory=list,
        ),
    ]
    keys_until: Annotated[
        Moment | None,
        said("By then every key of this instruction is to be changed", "32(1)(a)"),
    ] = None

    @model_validator(mode="after")
    def _order(self) -> Self:
        emails = [self.owner.email, *(person.email for person in self.escalation)]
        once(emails, "person", "escalation", "email")
        for index, (one, other) in enumerate(
            zip(self.escalation, self.escalation[1:], strict=False), 1
        ):
            if other.after <= one.after:
                raise Misfit("must be later than the one before", "escalation", index, "after")
        return self

    def expects(self, address: str) -> bool:
        """Whether an address is in the networks; every one is where none is instructed."""
        asked = ipaddress.ip_address(address)
        networks = [ipaddress.ip_network(network) for network in self.addresses]
        return not networks or any(asked in network for network in networks)


@dataclass(frozen=True, slots=True)
class Tier:
    """A person who is told of an alert, and how long after it was raised."""

    person: Person
    after: timedelta


def tiers(told: list[Tier]) -> tuple[Tier, ...]:
    """Each person once, in order."""
    first: dict[str, Tier] = {}
    for tier in told:
        first.setdefault(tier.person.email, tier)
    return tuple(first.values())


def default_tiers(dpo: Person, breach: Person, contact: Person, within: timedelta) -> list[Tier]:
    """Where nothing is instructed: the processor's officer, then the controller, well within `within`."""
    quarter = within / 4
    later = zip((breach, contact), _QUARTERS, strict=True)
    return [Tier(dpo, timedelta(0)), *(Tier(person, quarter * n) for person, n in later)]
