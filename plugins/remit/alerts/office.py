"""What acts on alerts need of a deployment: no place that holds data is among it."""

from __future__ import annotations

from typing import Protocol

from remit.evidence import EvidenceLog
from remit.ports import Clock, Notes


class Office(Protocol):
    """A `remit.custody.Deployment`, or what `remit.wiring.open_office` gives."""

    @property
    def log(self) -> EvidenceLog:
        """The evidence."""

    @property
    def clock(self) -> Clock:
        """The time."""

    @property
    def notes(self) -> Notes:
        """What supervision keeps beside the evidence."""
