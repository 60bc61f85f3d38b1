"""A simulated FHIR server that knows $bulk-submit-status and nothing else, on this machine alone.

It is not a real one: it takes in nothing, and answers what a test tells it. What it does is written
after the draft of the Bulk Data Access guide, version 4: a POST is answered by 202 and the place of
the status, which gives 202 while the server is at work and 200 with the status manifest at its end.
"""

from __future__ import annotations

import json
import secrets
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from remit.testing.certificate import server_certificate


class SimulatedFhirServer:
    """The server, as a context manager.

    Args:
        tls: a folder for a certificate of its own (``ca.pem``), with which it speaks TLS.

    Attributes:
        base: its FHIR base, while it runs.
        token: the bearer token that it accepts.
        ended: submissions that it has ended, each with its status manifest.
        at_work: submissions that it knows and has not ended.
        place: where it says that a status is; None for its own address.
        asked: the method and path of each request.
    """

    def __init__(self, tls: Path | None = None) -> None:
        self.token = secrets.token_urlsafe(20)
        self.ended: dict[str, Any] = {}
        self.at_work: set[str] = set()
        self.place: str | None = None
        self.asked: list[str] = []
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
        self.base = f"{scheme}://127.0.0.1:{self._server.server_port}/fhir"
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

    def end(self, submission: str, **counts: int) -> None:
        """Have it end a submission, with so many issues of each severity."""
        severities = [{"code": code, "count": count} for code, count in counts.items()]
        outcome = {"url": f"{self.base}/outcomes.ndjson", "countSeverity": severities}
        self.ended[submission] = {
            "submissionId": submission,
            "transactionTime": "2026-01-01T00:00:00Z",
            "requiresAccessToken": True,
            "output": [],
            "outcome": [outcome] if counts else [],
        }


def _handler(server: SimulatedFhirServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            server.asked.append(f"POST {self.path}")
            if not self._allowed():
                return self._answer(401)
            if self.path != "/fhir/$bulk-submit-status":
                return self._answer(404)
            given = {one["name"]: one for one in json.loads(body)["parameter"]}
            name = str(given["submissionId"]["valueString"])
            if name not in server.ended and name not in server.at_work:
                return self._answer(404)
            own = f"{server.base}/status/{name}"
            return self._answer(202, place=own if server.place is None else server.place)

        def do_GET(self) -> None:
            server.asked.append(f"GET {self.path}")
            if not self._allowed():
                return self._answer(401)
            found = server.ended.get(self.path.rpartition("/")[2])
            return self._answer(202) if found is None else self._answer(200, found)

        def _allowed(self) -> bool:
            return self.headers.get("Authorization") == f"Bearer {server.token}"

        def _answer(self, status: int, body: Any = None, place: str | None = None) -> None:
            data = b"" if body is None else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            if place is not None:
                self.send_header("Content-Location", place)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Nothing: `asked` tells it."""

    return Handler
