"""What was signed with a key, and what stays provable though it fell into wrong hands."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from remit import signing
from remit.confirm import PAYLOAD_TYPE as RECEIPT_TYPE
from remit.custody.key_roles import Role
from remit.custody.story import Story
from remit.delete import PAYLOAD_TYPE as CERTIFICATE_TYPE
from remit.errors import EvidenceBroken, Refused
from remit.evidence import Checkpoint, Ledger, parse_timestamp, succession
from remit.instruction.trust import signers
from remit.manifest import PAYLOAD_TYPE as MANIFEST_TYPE
from remit.records import CHECKPOINT_TYPE

Shown = dict[str, Any]


class Signed:
    """Looks for one key's signatures in the evidence."""

    def __init__(self, ledger: Ledger, key_id: str, since: datetime | None) -> None:
        """Look for a key.

        Args:
            since: from when it may have been in wrong hands.
        """
        self._ledger, self._key_id, self._since = ledger, key_id, since

    def as_json(self, roles: Iterable[Role], runs: list[Story]) -> Shown:
        """Everything under the key, by what it is."""
        return {
            "instructions": [self._instruction(r) for r in roles if r.kind == "controller"],
            "manifests": self._documents(runs, "sealing", "manifest", MANIFEST_TYPE),
            "receipts": self._documents(runs, "confirmed", "receipt", RECEIPT_TYPE),
            "certificates": self._documents(runs, "deleted", "certificate", CERTIFICATE_TYPE),
            "log": self._log(runs),
        }

    def _documents(
        self, runs: Iterable[Story], kind: str, field: str, payload_type: str
    ) -> list[Shown]:
        found = []
        for story in runs:
            for record in (record for record in story.records if record.kind == kind):
                envelope = record.data[field].encode()
                if self._key_id in _signers(envelope, payload_type, f"record {record.seq}"):
                    found.append(
                        {"run": story.run, "at": record.at, "suspect": self._suspect(record.at)}
                    )
        return found

    def _instruction(self, role: Role) -> Shown:
        entry = role.known.entry
        return {
            **entry.instruction,
            "at": entry.received_at,
            "suspect": self._suspect(entry.received_at),
            "also_signed_by": sorted(signers(entry.envelope) - {self._key_id}),
        }

    def _log(self, runs: Iterable[Story]) -> Shown | None:
        """Which records the processor's key signed, and the checkpoints of them that others have."""
        first, last = self._records()
        if last <= first:
            return None
        held = [one for story in runs if (one := _carried(story)) and one["records"] > first]
        before = [one for one in held if not self._suspect(one["at"])]
        return {
            "first_record": first,
            "last_record": last - 1,
            "in_force": last == _size(self._ledger),
            "held_by_targets": len(held),
            "provable": max(before, key=lambda one: one["records"], default=None),
        }

    def _records(self) -> tuple[int, int]:
        """The first record that the key signed, and the one after the last."""
        size = _size(self._ledger)
        links = succession(self._ledger).links
        for place, (start, key) in enumerate(links):
            if key.key_id == self._key_id:
                end = links[place + 1][0] - 1 if links[place + 1 :] else size
                return max(start - 1, 0), end
        newest = self._ledger.checkpoint()
        if newest is None or links:
            return 0, 0
        return 0, size if self._key_id in _signers(newest, CHECKPOINT_TYPE, "the log") else 0

    def _suspect(self, at: str) -> bool:
        return self._since is None or parse_timestamp(at) >= self._since


def _carried(story: Story) -> Shown | None:
    """The checkpoint that a delivery carried to its target."""
    if not story.has("delivered"):
        return None
    manifest = json.loads(
        signing.unverified_payload(story.manifest_envelope, MANIFEST_TYPE, story.run)
    )
    checkpoint = Checkpoint.unverified(manifest["checkpoint"].encode(), f"run {story.run}")
    delivered = next(record.at for record in story.records if record.kind == "delivered")
    return {"run": story.run, "records": checkpoint.size, "at": delivered}


def _size(ledger: Ledger) -> int:
    newest = ledger.checkpoint()
    return Checkpoint.unverified(newest, "the newest checkpoint").size if newest else 0


def _signers(envelope: bytes, payload_type: str, where: str) -> set[str]:
    try:
        return signing.signers_of(envelope, payload_type, where)
    except Refused as refusal:
        raise EvidenceBroken(where, refusal.message) from None
