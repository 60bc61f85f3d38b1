"""Names of accounts for which no one person answers, wherever they are."""

from __future__ import annotations

from collections.abc import Iterable

SHARED = frozenset(
    "admin administrator anonymous ftp guest postgres public root sa shared sysadmin test".split()
)
"""Accounts that belong to nobody in particular."""

_SERVICES = frozenset(
    "airflow api automation bot daemon nobody robot scheduler service system user".split()
)
_OF_SERVICES = ("svc-", "svc_", "service-", "service_", "bot-", "bot_", "uid-")


def is_shared(account: str, also: Iterable[str] = ()) -> bool:
    """Whether several people use an account, by its name or because it is said so."""
    return account.lower() in SHARED | {name.lower() for name in also}


def is_nobodys(account: str, also: Iterable[str] = ()) -> bool:
    """Whether an account is shared, or a service's: no person acts by it."""
    name = account.lower()
    return is_shared(account, also) or name in _SERVICES or name.startswith(_OF_SERVICES)
