"""Whose alerts are: the persons whom the instructions name today, and let acknowledge.

Of each instruction the newest version that has begun names them: who is no longer named acts no more,
whatever the version that a run went on under. A revoked instruction still has its persons.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache

from remit.alerts.model import Alert
from remit.custody import Entry, entries_of
from remit.errors import Refused
from remit.evidence import Record
from remit.instruction import Instruction, parse
from remit.instruction.trust import payload_of
from remit.people import Identity, require_person


def answering(register: Iterable[Record], now: datetime) -> list[Instruction]:
    """The version of each instruction whose persons answer for alerts; what no longer reads has none.

    Args:
        register: all records of the register, in order.

    Raises:
        EvidenceBroken: they are not what the register writes.
    """
    newest: dict[object, Entry] = {}
    for entry in sorted(entries_of(register), key=lambda one: (one.valid_from <= now, one.version)):
        newest[entry.key] = entry
    found = (_terms(entry.envelope) for entry in newest.values())
    return [terms for terms in found if terms is not None]


def concerned(instructions: Sequence[Instruction], alert: Alert) -> list[Instruction]:
    """Those whose persons an alert concerns: its own instruction; all of them for a deployment's."""
    return [one for one in instructions if alert.instruction in (None, *keys_of(one))]


def keys_of(terms: Instruction) -> list[str]:
    """``controller/id``, by which alerts know an instruction, for each of its controllers."""
    return [f"{controller.name}/{terms.id}" for controller in terms.controllers]


def may_acknowledge(terms: Instruction, identity: Identity) -> bool:
    """Whether the instruction names this account's person for it."""
    try:
        require_person(terms, identity, "acknowledge")
    except Refused:
        return False
    return True


@lru_cache(maxsize=256)
def _terms(envelope: bytes) -> Instruction | None:
    try:
        return parse(payload_of(envelope))
    except Refused:
        return None  # of an earlier form; it names nobody who could act today
