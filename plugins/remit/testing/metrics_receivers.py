"""Where metrics arrive on this machine: a listener for statsd, and a receiver for OTLP over HTTP."""

from __future__ import annotations

import gzip
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self


class StatsdListener:
    """Takes statsd's datagrams, as a context manager.

    Attributes:
        port: where it listens, on 127.0.0.1.
        lines: what came, such as ``airflow.remit.rows.extracted:12|c``.
    """

    def __enter__(self) -> Self:
        """Begin to listen."""
        self.lines: list[str] = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop, after everything that has been sent."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", ("127.0.0.1", self.port))
        self._thread.join(10)
        self._socket.close()

    @property
    def values(self) -> dict[str, float]:
        """Of each metric the sum of what was counted, or what it was last measured at."""
        found: dict[str, float] = {}
        for line in self.lines:
            name, _, said = line.partition(":")
            value, kind = said.split("|")[:2]
            found[name] = float(value) + (found.get(name, 0) if kind == "c" else 0)
        return found

    def _listen(self) -> None:
        while data := self._socket.recv(65536):
            self.lines += data.decode().splitlines()


class OtlpReceiver:
    """Takes OTLP metrics over HTTP, as a context manager.

    Attributes:
        endpoint: its address, while it runs, as OTEL_EXPORTER_OTLP_ENDPOINT has it.
        values: the last value of each gauge and counter.
        attributes: the names of every attribute that a value of each metric had.
        bodies: what was posted.
    """

    def __enter__(self) -> Self:
        """Start it."""
        self.values: dict[str, float] = {}
        self.attributes: dict[str, set[str]] = {}
        self.bodies: list[bytes] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"
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

    def take(self, body: bytes) -> None:
        """Read a request as the protocol has it."""
        from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
            ExportMetricsServiceRequest,
        )

        self.bodies.append(body)
        request = ExportMetricsServiceRequest.FromString(body)
        for resource in request.resource_metrics:
            for metric in (one for scope in resource.scope_metrics for one in scope.metrics):
                if metric.WhichOneof("data") not in ("gauge", "sum"):
                    continue
                for point in getattr(metric, metric.WhichOneof("data")).data_points:
                    names = {attribute.key for attribute in point.attributes}
                    self.attributes.setdefault(metric.name, set()).update(names)
                    self.values[metric.name] = float(getattr(point, point.WhichOneof("value")))


def _handler(receiver: OtlpReceiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            zipped = self.headers.get("Content-Encoding") == "gzip"
            receiver.take(gzip.decompress(body) if zipped else body)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Nothing: `values` tells it."""

    return Handler
