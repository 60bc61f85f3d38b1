"""What the key stores that are servers have in common."""

from __future__ import annotations

from urllib.parse import urlsplit

from remit.adapters.hosts import is_loopback
from remit.errors import Refused, UsageError


def require_unseen(url: str, form: str) -> None:
    """Refuse a server to which tokens and keys would travel in clear.

    Args:
        form: how the address is written, for the one who wrote something else.

    Raises:
        Refused: key-store-insecure.
        UsageError: it is not the address of a server, or has credentials in it.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise UsageError(form) from None
    more = "@" in parts.netloc or parts.query or parts.fragment
    if not host or parts.scheme not in ("http", "https") or more:
        raise UsageError(form)
    if parts.scheme == "http" and not is_loopback(host):
        raise Refused(
            "key-store-insecure",
            f"http://{host}",
            "credentials and keys would travel in clear.",
            "give the server's https:// address; http:// is for this very machine alone.",
        )
