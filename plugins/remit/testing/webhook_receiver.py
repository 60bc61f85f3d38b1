"""A real receiver of webhooks on this machine, which verifies each as any other receiver would.

The signature is checked by the package `standardwebhooks`, not by remit.
"""

from __future__ import annotations

import base64
import secrets
import ssl
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from remit.testing.certificate import server_certificate


class Received(NamedTuple):
    """A request that verified, with its headers in lower case, its body as it came, and when it did."""

    path: str
    headers: dict[str, str]
    body: bytes
    at: datetime


class WebhookReceiver:
    """The receiver, as a context manager.

    Args:
        tls: a folder for a certificate of its own (``ca.pem``), with which it speaks TLS.

    Attributes:
        secret: what the sender signs with (``whsec_...``).
        base: its address, while it runs.
        status: what it answers to what verifies.
        sent_on: where it redirects to, if anywhere.
        received: what verified.
        refused: how many requests did not.
    """

    def __init__(self, tls: Path | None = None) -> None:
        self.secret = f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"
        self.status = 204
        self.sent_on: str | None = None
        self.received: list[Received] = []
        self.refused = 0
        self._tls = tls

    def __enter__(self) -> Self:
        """Start it."""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        scheme = "http"
        if self._tls is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(server_certificate(self._tls))
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
            scheme = "https"
        self.base = f"{scheme}://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop it."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    def take(self, one: Received) -> int:
        """Verify a request, and give the status that answers it."""
        try:
            Webhook(self.secret).verify(one.body, one.headers)
        except WebhookVerificationError:
            self.refused += 1
            return 401
        self.received.append(one)
        return self.status


def _handler(receiver: WebhookReceiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            self.send_response(receiver.take(Received(self.path, headers, body, datetime.now(UTC))))
            self.send_header("Content-Length", "0")
            if receiver.sent_on is not None:
                self.send_header("Location", receiver.sent_on)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Nothing: `received` and `refused` tell it."""

    return Handler
