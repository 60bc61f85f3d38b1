"""Who acts, and from where: somebody or somewhere that earlier runs of the instruction did not have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from remit.alerts.conditions.found import Condition
from remit.alerts.memory import Memory, acted_in
from remit.alerts.model import ALERTS
from remit.alerts.watched import Watched
from remit.errors import one_line
from remit.evidence import Record

_ASK = "find out who it was and whether it was meant; if not, the runs' instruction can be revoked."


def attempted(record: Record, memory: Memory) -> Iterator[Condition]:
    """Somebody asked for an act that is not theirs."""
    data = record.data
    if data.get("taken"):  # done all the same: `of_record` tells where it came from
        return
    run = data["run"] if isinstance(data["run"], str) else None
    yield Condition(
        "unexpected-principal",
        one_line(f"account {data['account']}"),
        one_line(f"Asked to {data['what']} and was refused: {data['why']}"),
        "find out who used this account; who may act is named in the instruction "
        "(contacts.authorised).",
        run=run,
        seq=record.seq,
        of=memory.of_run(run) if run else None,
    )


def of_record(record: Record, memory: Memory) -> Iterator[Condition]:
    """A principal, account, source or landing zone that no earlier run had; a person's unexpected address."""
    of = memory.of_run(record.run)
    known = memory.past_of(of).acted if of else {}
    if record.kind == "opened":  # its run is not known yet
        of = memory.instructions.get(str(record.data["instruction"]["digest"]))
        known = memory.past_of(of).acted if of else {}
    earlier = set(known.values()) - {record.run}
    for one in acted_in(record) if earlier else ():
        if one not in known:
            what, _, name = one.partition(" ")
            somebody = what in ("principal", "account")
            kind = "unexpected-principal" if somebody else "unexpected-address"
            said = f"At {record.kind}: {one}, which no earlier run of this instruction had."
            about = one_line(f"run {record.run}: {name}")
            yield Condition(kind, about, one_line(said), _ASK, record.run, record.seq, of=of)
    yield from _from_elsewhere(record, of, memory)


def _from_elsewhere(record: Record, of: Watched | None, memory: Memory) -> Iterator[Condition]:
    """Acts of persons and targets from outside the networks that the instruction expects."""
    run, who = record.run if of else None, f"{record.kind} by {record.by}"
    if record.kind == "attempted":
        data = record.data
        run, who = data["run"], f"A request to {data['what']} by {data['account']}"
        of = memory.of_run(run) if run else None
    asked = [of] if of else [] if record.run != ALERTS else list(memory.instructions.values())
    rules = [one for one in asked if one.addresses and not one.revoked]
    for address in _addresses(record.data):
        if rules and not any(one.expects(address) for one in rules):
            yield Condition(
                "unexpected-address",
                one_line(f"address {address}"),
                one_line(f"{who} came from {address}."),
                _ASK,
                run,
                record.seq,
                of=of,
            )


def _addresses(data: Any) -> Iterator[str]:
    if not isinstance(data, Mapping):
        return
    for inner in (data, *data.values()):
        if isinstance(inner, Mapping) and isinstance(inner.get("address"), str):
            yield inner["address"]
