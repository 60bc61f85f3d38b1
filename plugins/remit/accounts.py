"""Names of accounts for which no one person answers, wherever they are."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

SHARED = frozenset(
    "admin administrator anonymous ftp guest postgres public root sa shared sysadmin test".split()
)
"""Accounts that belong to nobody in particular."""

_SERVICES = frozenset(
    "airflow api automation bot daemon nobody robot scheduler service system user".split()
)
_UNSEEN = ("Mn", "Cf")  # marks on letters, and what only joins or directs them
_OF_SERVICES = ("svc-", "svc_", "service-", "service_", "bot-", "bot_", "uid-")


def is_shared(account: str, also: Iterable[str] = ()) -> bool:
    """Whether several people use an account, by its name or because it is said so."""
    return folded(account) in SHARED | {folded(name) for name in also}


def is_nobodys(account: str, also: Iterable[str] = ()) -> bool:
    """Whether an account is shared, or a service's: no person acts by it."""
    name = folded(account)
    return is_shared(account, also) or name in _SERVICES or name.startswith(_OF_SERVICES)


def folded(name: str) -> str:
    """One form of the ways to write a name: without case, accents, width and what does not show.

    It is for what forbids: two names that anybody could take for one count as one. What allows an
    act compares names exactly, for Airflow may know both as users.
    """
    apart = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", name).casefold())
    shown = "".join(c for c in apart if unicodedata.category(c) not in _UNSEEN)
    return " ".join(shown.split())
