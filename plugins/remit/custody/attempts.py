"""Acts that somebody asked for and may not do, on record so that supervision sees them.

Bounded: whoever can reach a page could otherwise fill the log. Of one account, address and act there
is one record an hour; of each kind of act `MOST`, the last of which says that more came. So a stranger
who keeps sending receipts hides no account that tries an act on the pages.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Protocol

from remit.custody.story import ALERTS
from remit.errors import Refused, one_line
from remit.evidence import EvidenceLog, parse_timestamp
from remit.people import NOT_THEIRS, Identity
from remit.ports import Clock
from remit.records import Record

MOST = 60
"""Attempts at one kind of act recorded in an hour, whoever made them."""
_HOUR = timedelta(hours=1)
_LONGEST = 200


class Recording(Protocol):
    """What records them: a `remit.custody.Deployment`, or a `remit.alerts.office.Office`."""

    @property
    def log(self) -> EvidenceLog:
        """The evidence."""

    @property
    def clock(self) -> Clock:
        """The time."""


@contextmanager
def attempts_recorded(
    where: Recording, identity: Identity, what: str, run: str | None = None
) -> Iterator[None]:
    """Record what is refused because of who asks, wherever they ask, and go on refusing it.

    Args:
        what: the act, as `record_attempt` has it.
    """
    try:
        yield
    except Refused as refusal:
        if refusal.code in NOT_THEIRS:
            record_attempt(where, what, identity.account, identity.address, refusal.code, run)
        raise


def record_attempt(
    deployment: Recording,
    what: str,
    account: str,
    address: str | None,
    why: str,
    run: str | None = None,
    *,
    taken: bool = False,
) -> bool:
    """Record that somebody asked for an act that is not theirs, or from where nobody should.

    Args:
        what: the act, such as ``acknowledge``, or ``send a receipt``.
        account: who asked, as far as it is known; whatever a stranger sends is cut and cleaned.
        why: the refusal's code or words of ours, never what was sent.
        run: the run that it was about, only if there is one.
        taken: whether it was done all the same, because only the place is unexpected.

    Returns:
        Whether it was recorded, and not one of too many.
    """
    data: dict[str, Any] = {
        "what": _shown(what),
        "account": _shown(account),
        "address": _shown(address) if address else None,
        "why": _shown(why),
        "run": run,
        "taken": taken,
    }
    kind = _kind(data)
    recent = [one for one in _recent(deployment) if _kind(one.data) == kind]
    if len(recent) >= MOST or any(_same(one.data, data) for one in recent):
        return False
    if len(recent) == MOST - 1:
        more = "there were too many in this hour; further ones are not recorded"
        data |= {"what": f"{kind} anything", "account": "several", "address": None, "why": more}
        data |= {"run": None, "taken": False}
    deployment.log.append(ALERTS, "attempted", data, f"remit:{ALERTS}", step=None)
    return True


def _recent(deployment: Recording) -> list[Record]:
    """Those of the last hour."""
    since, found = deployment.clock() - _HOUR, list[Record]()
    records = deployment.log.ledger.kept(kinds=["attempted"], newest_first=True)
    for kept in records:
        record = kept.record()
        if parse_timestamp(record.at) <= since:
            break
        found.append(record)
    return found


def _kind(data: Any) -> str:
    """The first word of an act, such as ``hold`` or ``send``."""
    return str(data["what"]).partition(" ")[0]


def _same(one: Any, other: dict[str, Any]) -> bool:
    return all(one.get(name) == other[name] for name in ("what", "account", "address"))


def _shown(text: str) -> str:
    return one_line(text)[:_LONGEST]
