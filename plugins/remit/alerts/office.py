"""What acts on alerts need of a deployment: no place that holds data is among it."""

from __future__ import annotations

from typing import Protocol

from remit.custody.attempts import Recording
from remit.ports import Notes


class Office(Recording, Protocol):
    """A `remit.custody.Deployment`, or what `remit.wiring.open_office` gives."""

    @property
    def notes(self) -> Notes:
        """What supervision keeps beside the evidence."""
