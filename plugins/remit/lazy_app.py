"""An ASGI application that is imported when it is first asked.

Every process of Airflow imports the plugin, and one alone serves its pages and its endpoint.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from importlib import import_module
from typing import Any

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class LazyApp:
    """The application that the function ``application`` of a module gives."""

    def __init__(self, module: str) -> None:
        self._module = module
        self._application: Any = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if self._application is None:
            self._application = await asyncio.to_thread(self._load)
        await self._application(scope, receive, send)

    def _load(self) -> Any:
        return import_module(self._module).application()
