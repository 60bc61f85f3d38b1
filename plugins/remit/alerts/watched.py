"""What supervision needs to know of an instruction, small enough to keep beside the evidence."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self

from pydantic import TypeAdapter

from remit.alerts.model import Step
from remit.instruction import Instruction, parse
from remit.instruction.trust import payload_of
from remit.records import parse_timestamp, timestamp


@dataclass(frozen=True, slots=True)
class Watched:
    """One version of an instruction.

    Attributes:
        key: ``controller/id``, which all versions share.
        chain: who is told of an alert, the owner first, up to the controller's contact.
        receipt_within: how long after delivery a receipt is missing.
        unusual_times: so many times more or fewer rows than before are unusual.
        addresses: the networks from which persons act; none for any.
        until: when it ends, or was revoked.
        revoked: whether the controller revoked it.
    """

    id: str
    version: int
    digest: str
    controllers: tuple[str, ...]
    key: str
    chain: tuple[Step, ...]
    start: datetime
    until: datetime
    receipt_within: timedelta
    unusual_times: int
    addresses: tuple[str, ...] = ()
    keys_until: datetime | None = None
    revoked: bool = False

    @classmethod
    def of(cls, terms: Instruction, digest: str) -> Self:
        """Take it from an instruction's terms."""
        rules = terms.supervision
        within = rules.receipt_within if rules else None
        return cls(
            id=terms.id,
            version=terms.version,
            digest=digest,
            controllers=tuple(one.name for one in terms.controllers),
            key="/".join(terms.key),
            chain=tuple(
                Step(tier.person.name, tier.person.email, tier.after) for tier in terms.escalation()
            ),
            start=terms.valid.start,
            until=terms.valid.until,
            receipt_within=within or terms.retention.without_confirmation / 2,
            unusual_times=rules.unusual_times if rules else 3,
            addresses=tuple(rules.addresses) if rules else (),
            keys_until=rules.keys_until if rules else None,
        )

    @classmethod
    def of_envelope(cls, envelope: str, digest: str) -> Self:
        """Take it from the signed text that evidence holds.

        Raises:
            Refused: it does not read as an instruction.
        """
        return cls.of(parse(payload_of(envelope.encode())), digest)

    def expects(self, address: str) -> bool:
        """Whether somebody may act from there; what is no address is not expected."""
        if not self.addresses:
            return True
        try:
            asked = ipaddress.ip_address(address)
        except ValueError:
            return False
        if isinstance(asked, ipaddress.IPv6Address) and asked.ipv4_mapped is not None:
            asked = asked.ipv4_mapped  # as a socket for both kinds has it
        return any(asked in ipaddress.ip_network(network) for network in self.addresses)

    def as_json(self) -> dict[str, Any]:
        """As it is noted."""
        fields = {name: getattr(self, name) for name in self.__slots__}
        return fields | {
            "controllers": list(self.controllers),
            "addresses": list(self.addresses),
            "chain": chain_json(self.chain),
            "start": timestamp(self.start),
            "until": timestamp(self.until),
            "receipt_within": int(self.receipt_within.total_seconds()),
            "keys_until": timestamp(self.keys_until) if self.keys_until else None,
        }

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Watched:
        """Read what `as_json` gave.

        Raises:
            KeyError, TypeError, ValueError, OverflowError: it gave something else.
        """
        keys_until = fields["keys_until"]
        parsed = {
            "controllers": tuple(fields["controllers"]),
            "addresses": tuple(fields["addresses"]),
            "chain": chain_of(fields["chain"]),
            "start": parse_timestamp(fields["start"]),
            "until": parse_timestamp(fields["until"]),
            "receipt_within": timedelta(seconds=fields["receipt_within"]),
            "keys_until": parse_timestamp(keys_until) if keys_until else None,
        }
        for network in map(str, fields["addresses"]):
            ipaddress.ip_network(network)
        return _FORM.validate_python({**fields, **parsed})


_FORM = TypeAdapter(Watched)


def chain_json(chain: Iterable[Step]) -> list[dict[str, Any]]:
    """A chain as evidence and notes have it; `after` in seconds."""
    return [step._asdict() | {"after": int(step.after.total_seconds())} for step in chain]


def chain_of(fields: Iterable[Mapping[str, Any]]) -> tuple[Step, ...]:
    """Read what `chain_json` gave."""
    return tuple(
        Step(str(one["name"]), str(one["email"]), timedelta(seconds=one["after"])) for one in fields
    )


def in_force(known: Iterable[Watched], now: datetime) -> list[Watched]:
    """The versions that bind now: valid, not revoked, and replaced by none that is valid."""
    valid = [one for one in known if not one.revoked and one.start <= now]
    newest: dict[str, int] = {}
    for one in valid:
        newest[one.key] = max(one.version, newest.get(one.key, 0))
    return [one for one in valid if one.version == newest[one.key] and now < one.until]


def everybody(known: Iterable[Watched]) -> tuple[Step, ...]:
    """Who is told of what concerns them all: each person once, at the soonest of their times."""
    found: dict[str, Step] = {}
    for step in (step for one in known for step in one.chain):
        if step.email not in found or step.after < found[step.email].after:
            found[step.email] = step
    return tuple(sorted(found.values(), key=lambda step: step.after))
