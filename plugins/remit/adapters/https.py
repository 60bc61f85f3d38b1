"""One HTTP request at a time: encrypted, to the server named and to no other, its answer bounded.

Guarantee: the connection is TLS with the server's certificate verified, against one authority where
one is pinned, or it is to this very machine; no redirect is followed and no proxy of the environment
used; no credential, body or text of the library is in an error.
"""

from __future__ import annotations

import json
import logging
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from remit.adapters.hosts import is_loopback
from remit.errors import RemitError, Unavailable, UsageError, translating

ANSWER_LIMIT = 1 << 20
_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self, where: str) -> Any:
        """The body as JSON. Raises: Unavailable."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            raise Unavailable(where, "its answer is not JSON.") from None


def is_private(url: str) -> bool:
    """Whether a request to the URL can be read by nobody on the way.

    Raises:
        UsageError: it is no URL of a server, or has credentials in it. It is not repeated.
    """
    form = "an address is https://HOST/PATH, without credentials and options."
    with translating(ValueError, into=lambda _: UsageError(form)):
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    if parts.scheme not in ("http", "https") or not host or "@" in parts.netloc:
        raise UsageError(form)
    if parts.query or parts.fragment:
        raise UsageError(form)
    return parts.scheme == "https" or is_loopback(host)


def require_client() -> Any:
    """The library. Raises UsageError where it is not installed: a target needs it for --post alone."""
    try:
        import httpx
    except ImportError:
        raise UsageError("httpx is not installed here: pip install httpx.") from None
    return httpx


def origin(url: str) -> tuple[str, str | None, int | None]:
    """Scheme, host and port: what must be the same for a token to be sent there. Raises ValueError."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port


def request(
    method: str,
    url: str,
    *,
    where: str,
    headers: Mapping[str, str],
    body: bytes | None = None,
    authority: Path | None = None,
) -> Answer:
    """Ask once. The caller has asked `is_private` of the address before.

    Args:
        where: how errors name the server.
        authority: a PEM file of certificates, the only ones trusted; by default the system's.

    Raises:
        Unavailable: no answer, or one that is larger than `ANSWER_LIMIT`.
        UsageError: the file of certificates cannot be read.
    """
    httpx = require_client()
    for library in ("httpx", "httpcore"):
        logger = logging.getLogger(library)  # its DEBUG shows headers
        logger.setLevel(max(logger.level, logging.WARNING))

    def unanswered(error: BaseException) -> RemitError:
        timeout = isinstance(error, httpx.TimeoutException)
        return Unavailable(where, "it does not answer in time." if timeout else "no connection.")

    failures = (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError, UnicodeError)
    with (
        translating(*failures, into=unanswered),
        httpx.Client(verify=_trust(authority), trust_env=False, timeout=_SECONDS) as client,
        client.stream(method, url, headers=dict(headers), content=body) as answer,
    ):
        found = bytearray()
        for chunk in answer.iter_bytes():
            found += chunk
            if len(found) > ANSWER_LIMIT:
                raise Unavailable(where, f"its answer has more than {ANSWER_LIMIT} bytes.")
        names = {name.lower(): value for name, value in answer.headers.items()}
        return Answer(answer.status_code, names, bytes(found))


def _trust(authority: Path | None) -> ssl.SSLContext:
    if authority is None:
        return ssl.create_default_context()
    with translating(OSError, ssl.SSLError, into=lambda _: UsageError(
        f"{authority} does not hold certificates in PEM form.")):  # fmt: skip
        return ssl.create_default_context(cafile=authority)
