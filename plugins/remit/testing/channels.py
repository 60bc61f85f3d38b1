"""A channel that keeps what it is given, and one that gives out when it is told to."""

from __future__ import annotations

from remit.errors import Unavailable
from remit.ports import Notice


class Postbox:
    """Implements `remit.ports.Channel`; `down` makes it refuse, as a server that is away does."""

    def __init__(self, label: str = "postbox") -> None:
        self.label = label
        self.notices: list[Notice] = []
        self.down = False

    def send(self, notice: Notice) -> None:
        """See `remit.ports.Channel`."""
        if self.down:
            raise Unavailable(self.label, "it does not answer.")
        self.notices.append(notice)

    @property
    def told(self) -> list[tuple[str, str]]:
        """Of each notice, its kind of alert and whom it was for."""
        return [(notice.kind, notice.email) for notice in self.notices]
