"""What every run of a deployment shares."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from remit.evidence import EvidenceLog
from remit.instruction import TrustStore
from remit.ports import Clock, Inbox, KeyStore, Notes, PseudonymKeys, Store


@dataclass(frozen=True, slots=True)
class Deployment:
    """What every run of a deployment shares.

    Attributes:
        suites: the folder of expectations.
        instructions: the folder in which new versions and revocations arrive.
        inbox: where receipts are that came by HTTP.
        notes: what supervision keeps beside the evidence.
        orphans_after: the age from which a sweep deletes orphans; None to report them alone.
        rows_per_piece: about how many rows of a large table one piece has; None for the default.
    """

    log: EvidenceLog
    clock: Clock
    trust: TrustStore
    staging: Store
    keys: KeyStore
    pseudonyms: PseudonymKeys
    suites: Path
    instructions: Path
    inbox: Inbox
    notes: Notes
    rows_per_piece: int | None = None
    orphans_after: timedelta | None = None
