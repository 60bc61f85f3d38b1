"""What every request passes on its way in, and every answer on its way out.

In: who asks (`admitted`), and whether one of our own pages sent what may change something. Nothing of
the request is read before, and no route can be forgotten, because none is looked for yet.
Out: the headers below, on errors too; and never the text of an exception that is not ours.
"""

from __future__ import annotations

import logging
from collections.abc import MutableMapping
from typing import Any

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders

from remit.errors import describe_unexpected
from remit.lazy_app import Receive, Scope, Send
from remit.reviewer.access import admitted
from remit.reviewer.acts import require_own_origin
from remit.reviewer.problems import problem

_log = logging.getLogger(__name__)

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
        "form-action 'self'; frame-ancestors 'self'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    # Not no-referrer: a browser would then send "Origin: null" with our own forms.
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


class Gate:
    """The outermost part of the pages' application."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in, and its answer out."""
        if scope["type"] != "http":  # no websockets here
            await send({"type": "websocket.close", "code": 1008})
            return
        request, answer = Request(scope, receive), _Answer(send)
        try:
            request.state.reader = await admitted(request)
            require_own_origin(request)
            await self._app(scope, receive, answer.send)
        except Exception as error:  # noqa: BLE001 - its traceback would show what it holds
            if answer.begun:
                _log.error("a page broke off: %s", describe_unexpected(error))
                raise _BrokenOff from None
            response = await run_in_threadpool(problem, request, error)
            await response(scope, receive, answer.send)


class _BrokenOff(Exception):
    """Half of an answer was sent: the server must hang up."""


class _Answer:
    """Sends an answer with our headers on it."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.begun = False

    async def send(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.begun = True
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers[name] = value
        await self._send(message)
