"""From REMIT_ALERTS to channels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

from remit.channels.mail import Mail
from remit.channels.webhook import Webhook
from remit.wiring import Connections, Resolve, Settings, no_connections

if TYPE_CHECKING:
    from airflow.sdk import Connection

    from remit.ports import Channel


@runtime_checkable
class Lookup(Connections, Protocol):
    """Connections that can be had as Airflow keeps them; all of Airflow's ways to look up are such."""

    def connection(self, connection_id: str) -> Connection:
        """The connection. Raises: Unavailable, UsageError."""


def open_channels(settings: Settings, resolve: Resolve) -> list[Channel]:
    """The channels that the settings name, in their order; none is looked up or asked anything yet.

    A channel looks its connection up whenever it sends, so that one whose connection is wrong keeps
    no other from sending.

    Raises:
        UsageError: there are channels, but no Airflow that knows their connections.
    """
    opened: list[Channel] = []
    for kind, name in settings.alerts:
        if not isinstance(resolve, Lookup):
            no_connections(name)
        elif kind == "smtp":
            opened.append(Mail(name, resolve.connection))
        else:
            opened.append(Webhook(name, resolve.connection))
    return opened
