"""Which records are looked at, by whom; each raises its own alerts, once."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from remit.alerts.conditions import acts, answers, copies, refusals, source
from remit.alerts.conditions.found import Condition
from remit.alerts.memory import Memory
from remit.errors import EvidenceBroken
from remit.evidence import Record

Look = Callable[[Record, Memory], Iterator[Condition]]

_LOOKS: dict[str, Look] = {
    "refused": refusals.refused,
    "invalid": refusals.invalid,
    "answered": answers.answered,
    "undeleted": copies.undeleted,
    "orphans": copies.orphans,
    "planned": source.planned,
    "unplanned": source.planned,
    "extracted": source.extracted,
    "attempted": acts.attempted,
}
_LEARNT = (
    "received",
    "revoked",
    "opened",
    "confirmed",
    "sealed",
    "delivered",
    "stopped",
    "deleted",
)
_BY_PERSONS = "held released approved disapproved vouched acknowledged closed key-revoked".split()

LOOKED_AT = frozenset((*_LOOKS, *_LEARNT, *_BY_PERSONS))
"""The kinds of records that something is found in, or learnt from."""


def look_at(record: Record, memory: Memory) -> list[Condition]:
    """What a record raises; afterwards it is learnt.

    Raises:
        EvidenceBroken: the record is not what remit writes.
    """
    try:
        found = [*acts.of_record(record, memory)]
        if record.kind in _LOOKS:
            found += _LOOKS[record.kind](record, memory)
        memory.learn(record)
    except (KeyError, TypeError, ValueError, AttributeError):
        where = f"record {record.seq}"
        raise EvidenceBroken(where, "it is not what remit writes.") from None
    return found
