"""Whether a server is this very machine, to which nothing travels that somebody could read."""

from __future__ import annotations

import ipaddress


def is_loopback(host: str) -> bool:
    """Whether the host's name or address is this machine's own."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
