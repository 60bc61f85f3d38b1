"""From REMIT_ALERTS to channels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

from remit.channels.mail import Mail
from remit.channels.webhook import Webhook
from remit.wiring import Resolve, Settings, no_connections

if TYPE_CHECKING:
    from airflow.sdk import Connection

    from remit.ports import Channel

_CHANNELS = {"smtp": Mail, "webhook": Webhook}


@runtime_checkable
class Lookup(Protocol):
    """Looks connections up as they are, as all of Airflow's ways to do so can."""

    def connection(self, connection_id: str) -> Connection:
        """The connection. Raises: Unavailable, UsageError."""


def open_channels(settings: Settings, resolve: Resolve) -> list[Channel]:
    """The channels that the settings name, in their order; none is looked up or asked anything yet.

    A channel looks its connection up whenever it sends, so that one whose connection is wrong keeps
    no other from sending.

    Raises:
        UsageError: there are channels, but no Airflow that knows their connections.
    """
    if settings.alerts and not isinstance(resolve, Lookup):
        no_connections(settings.alerts[0][1])
    return [_CHANNELS[kind](name, resolve.connection) for kind, name in settings.alerts]  # type: ignore[union-attr]
