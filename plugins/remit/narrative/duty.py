"""The duty to delete, as far as a story needs it."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Duty(Protocol):
    """What `remit.custody.Obligation`, which `Story.obligation` gives, has of it."""

    @property
    def due(self) -> datetime:
        """When it must be executed."""

    @property
    def done(self) -> bool:
        """Whether it was."""

    @property
    def held_until(self) -> datetime | None:
        """Until when a person suspends it."""
