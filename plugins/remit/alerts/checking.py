"""Whether the evidence verifies: its newest end at each pass, all of it once a day."""

from __future__ import annotations

from datetime import datetime, timedelta

from remit import canonical, signing
from remit.alerts.memory import Memory, digest_of
from remit.errors import EvidenceBroken, Refused
from remit.evidence import EvidenceLog, open_checkpoint, parse_timestamp, succession, timestamp
from remit.ports import Notes
from remit.verification import verify_log

DAILY, HOURLY = timedelta(days=1), timedelta(hours=1)
_NOTE = "verified"
_TYPE = "application/vnd.remit.verified+json"


def check(log: EvidenceLog, notes: Notes, memory: Memory, now: datetime) -> bool:
    """Check the newest checkpoint and what was seen last; all of the log if that is due.

    Returns:
        Whether all of it was checked.

    Raises:
        EvidenceBroken: naming the first record or checkpoint that does not hold.
    """
    _require_newest(log)
    if not _is_due(log, notes, now) and _is_as_seen(log, memory):
        return False
    _note(log, notes, now, whole=False)
    verify_log(log.ledger, [signing.key_of(log.signer)])
    _note(log, notes, now, whole=True)
    return True


def _last(log: EvidenceLog, notes: Notes) -> tuple[datetime | None, bool]:
    """When all of it was checked last, and whether it was whole; None where nothing proves that.

    Only what our key signed of this log counts: who can write notes, but not sign, brings a check forward
    and puts none off.
    """
    note = str(notes.read(_NOTE)).encode()
    try:
        payload = signing.open_envelope(note, _TYPE, [signing.key_of(log.signer)], "the note")
        said = canonical.loads(payload)
        at = parse_timestamp(said["at"]) if said["log"] == log.ledger.name else None
        return at, said["whole"] is True
    except (Refused, KeyError, TypeError, ValueError):
        return None, False


def _note(log: EvidenceLog, notes: Notes, now: datetime, *, whole: bool) -> None:
    said = {"log": log.ledger.name, "at": timestamp(now), "whole": whole}
    notes.write(_NOTE, signing.sign(canonical.dumps(said), _TYPE, log.signer).decode())


def _is_due(log: EvidenceLog, notes: Notes, now: datetime) -> bool:
    last, whole = _last(log, notes)
    return last is None or not timedelta(0) <= now - last < (DAILY if whole else HOURLY)


def _is_as_seen(log: EvidenceLog, memory: Memory) -> bool:
    """Whether the last record that was looked at is still that one."""
    if not memory.seen or memory.log != log.ledger.name:
        return memory.seen == 0
    found = log.ledger.page(memory.seen - 2, memory.seen, 1)
    return [digest_of(kept.body) for kept in found] == [memory.digest]


def _require_newest(log: EvidenceLog) -> None:
    """The newest checkpoint and the witness are signed, of this log, and at its end."""
    ledger = log.ledger
    newest, witness = ledger.checkpoint(), ledger.witnessed()
    if newest is None:
        if witness is not None:
            raise EvidenceBroken("the log", "it was cut short: its checkpoints are gone.")
        return
    chain = succession(ledger).trusting([signing.key_of(log.signer)])
    here = open_checkpoint(newest, chain, "the newest checkpoint")
    if here.log != ledger.name:
        raise EvidenceBroken("the newest checkpoint", "it belongs to another log.")
    if witness is not None:
        seen = open_checkpoint(witness, chain, "the witness checkpoint")
        # Another process may have appended between the two reads.
        if seen.log != here.log or (seen.size == here.size and seen.root != here.root):
            raise EvidenceBroken("the witness checkpoint", "the log was replaced or rewritten.")
        newer = open_checkpoint(ledger.checkpoint() or b"", chain, "the newest checkpoint")
        if seen.size > newer.size:
            cut = f"the log was cut short: the witness has seen {seen.size} records."
            raise EvidenceBroken(f"record {newer.size}", cut)
    if [kept.seq for kept in ledger.page(here.size - 2, here.size, 1)] != [here.size - 1]:
        raise EvidenceBroken(f"record {here.size - 1}", "it is missing: the log was cut short.")
