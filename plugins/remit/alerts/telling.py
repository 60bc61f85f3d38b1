"""Handing notices to channels: at least once, and what nobody takes is tried again at the next pass."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from remit.errors import RemitError, Undeliverable, describe_unexpected
from remit.ports import Channel, Notice

NO_CHANNEL = "no channel is set (REMIT_ALERTS), so nobody was told"
_PATIENCE = 3
"""After so many notices in a row for which it gave out, a channel is left alone until the next pass."""


class Outcome(NamedTuple):
    """Whether any channel took a notice, and what each said."""

    told: bool
    said: str


class Teller:
    """The channels during one pass."""

    def __init__(self, channels: Sequence[Channel]) -> None:
        self._channels = channels
        self._failures: Counter[str] = Counter()

    def tell(self, notice: Notice) -> Outcome:
        """Hand it to every channel."""
        if not self._channels:
            return Outcome(False, NO_CHANNEL)
        said = {channel.label: self._failure(channel, notice) for channel in self._channels}
        took = [label for label, failure in said.items() if failure is None]
        lines = [f"told by {', '.join(took)}"] if took else []
        lines += [f"{label}: {failure}" for label, failure in said.items() if failure is not None]
        return Outcome(bool(took), "; ".join(lines))

    def _failure(self, channel: Channel, notice: Notice) -> str | None:
        if self._failures[channel.label] >= _PATIENCE:
            return "not tried, it gave out before in this pass"
        try:
            channel.send(notice)
        except Undeliverable as error:
            return str(error)  # the channel answers, and may well take the next one
        except RemitError as error:
            self._failures[channel.label] += 1
            return str(error)
        except Exception as error:  # noqa: BLE001 - one channel's defect keeps no other from telling
            self._failures[channel.label] += 1
            return describe_unexpected(error)
        self._failures[channel.label] = 0
        return None
