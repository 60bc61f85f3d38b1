"""A network that fails when it is told to: a TCP proxy on 127.0.0.1 before any server.

For tests of what a slow or dying server does to a delivery.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from types import TracebackType
from typing import Self

_CHUNK = 16 << 10


class FaultyProxy:
    """Passes bytes on both ways until told otherwise, as a context manager.

    Attributes:
        port: where it listens, on 127.0.0.1.
        passed: bytes passed on towards the server so far.
        connections: how many were accepted so far.
    """

    port: int

    def __init__(self, target_host: str, target_port: int) -> None:
        self._target = (target_host, target_port)
        self._guard = threading.Lock()
        self._open: set[socket.socket] = set()
        self._left: int | None = None
        self._delay = 0.0
        self._refusing = False
        self.passed = self.connections = 0

    def __enter__(self) -> Self:
        """Begin to listen."""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop listening, and cut what is open."""
        self.refuse()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes who accepts
        self._listener.close()

    def cut_after(self, bytes_: int) -> None:
        """Let so many bytes more pass towards the server, then die until `heal`."""
        with self._guard:
            self._left = bytes_

    def delay(self, seconds: float) -> None:
        """Wait so long before each 16 KiB are passed on, either way."""
        self._delay = seconds

    def refuse(self) -> None:
        """Cut every connection, and each new one at once, until `heal`."""
        self._refusing = True
        with self._guard:
            dying, self._open = self._open, set()
        for end in dying:
            _cut(end)

    def heal(self) -> None:
        """Be a good network again, for new connections."""
        with self._guard:
            self._left = None
        self._delay, self._refusing = 0.0, False

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return  # it was closed
            self.connections += 1
            try:
                if self._refusing:
                    raise ConnectionRefusedError
                server = socket.create_connection(self._target, timeout=10)
                server.settimeout(None)
            except OSError:
                _cut(client)
                continue
            with self._guard:
                self._open |= {client, server}
            for source, sink in ((client, server), (server, client)):
                towards = source is client
                threading.Thread(
                    target=self._pass_on, args=(source, sink, towards), daemon=True
                ).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket, towards: bool) -> None:
        try:
            while data := source.recv(_CHUNK):
                time.sleep(self._delay)
                whole = len(data)
                if towards:
                    data = data[: self._allowed(whole)]
                sink.sendall(data)
                if len(data) < whole:
                    self.refuse()
                    return
        except OSError:
            pass  # the other direction has ended it
        for end in (source, sink):
            _cut(end)
            with self._guard:
                self._open.discard(end)

    def _allowed(self, wanted: int) -> int:
        with self._guard:
            allowed = wanted if self._left is None else min(wanted, self._left)
            if self._left is not None:
                self._left -= allowed
            self.passed += allowed
            return allowed


def _cut(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()
