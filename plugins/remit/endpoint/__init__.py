"""The HTTP endpoint by which a target hands in its receipt. See `remit.endpoint.receipts`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class ReceiptsEndpoint:
    """The endpoint as an ASGI application, imported when it is first asked.

    Every process of Airflow imports the plugin, and one serves the endpoint.
    """

    def __init__(self) -> None:
        self._application: Any = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if self._application is None:
            self._application = await asyncio.to_thread(_load)
        await self._application(scope, receive, send)


def _load() -> Any:
    from remit.endpoint.receipts import application

    return application()
