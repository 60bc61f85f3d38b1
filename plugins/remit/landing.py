"""Rules that every landing zone keeps, whatever it is reached by.

Adapters try what can be tried and ask here what follows from it; nothing here asks a server.
"""

from __future__ import annotations

import logging
from pathlib import Path

from remit.accounts import is_shared
from remit.errors import Refused, Unavailable

_log = logging.getLogger(__name__)


def require_apart(landing: str, staging: str) -> None:
    """Refuse a landing zone that has the staging store in it, or lies in it, as far as labels tell.

    Args:
        landing, staging: the labels of the two.
    """
    zone, store = _parts(landing), _parts(staging)
    common = min(len(zone), len(store))
    if zone[:common] != store[:common]:
        return
    raise Refused(
        "landing-in-staging",
        landing,
        "it lies in the staging store, or the staging store in it, so each has the other's files.",
        "name another folder or prefix, in which the other one does not lie.",
    )


def _parts(label: str) -> tuple[str, ...]:
    # A folder may be reached through links.
    return tuple(label.split("/")) if "://" in label else Path(label).resolve().parts


def in_clear(scheme: str, host: str = "") -> Refused:
    """Refuses a transport that whoever is on the way can read."""
    return Refused(
        "landing-insecure",
        f"{scheme}://{host}",
        "whoever is on the way can read and change what is sent.",
        "use sftp://, s3:// over https, or a folder that only you and the target can read.",
    )


def anonymous(label: str, how: str) -> Refused:
    """Refuses a zone that was read without authentication.

    Args:
        how: what a stranger could do there, such as ``anybody may read there``.
    """
    return Refused(
        "landing-anonymous",
        label,
        f"{how} without authentication.",
        "close it to strangers, and find out what was read there; or name another landing zone.",
    )


def writable_by_all(label: str) -> Refused:
    """Refuses a zone whose mode lets everybody write."""
    return Refused(
        "landing-open",
        label,
        "anybody on the machine can write there, and so replace a delivery.",
        "take that right away (chmod o-w), and give the target's group access instead.",
    )


def unwritable(label: str, why: str) -> Refused:
    """Refuses a zone where a trial could not be written."""
    return Refused(
        "landing-unwritable",
        label,
        f"a file cannot be written there ({why}).",
        "create the folder and give this account write access, or name another landing zone.",
    )


def untried(label: str, error: Unavailable) -> Refused:
    """What is recorded of a zone that could not be tried, and is deleted from all the same."""
    return Refused(
        "landing-untried",
        label,
        f"it could not be tried before the deletion: {error.message}",
        "find out why; what was sent there is deleted all the same.",
    )


def conflict(label: str, run: str) -> Refused:
    """Refuses to write over what somebody else put there."""
    return Refused(
        "delivery-conflict",
        f"{label}/{run}",
        "something else is already there under this delivery's name.",
        "nothing was overwritten; find out who put it there, remove it, and deliver again.",
    )


def require_room(label: str, free: int | None, needed: int) -> None:
    """Refuse (landing-full) a zone with less room than the delivery needs.

    Args:
        free: bytes; None where the zone cannot tell, which is logged.
    """
    if free is None:
        if needed:
            _log.warning("%s cannot tell how much room it has; %d bytes are needed.", label, needed)
    elif free < needed:
        raise Refused(
            "landing-full",
            label,
            f"there is room for {free} bytes, and {needed} are to be sent.",
            "have room made there, then deliver again; nothing was sent.",
        )


def require_named(label: str, principals: list[str], shared: frozenset[str]) -> None:
    """Refuse (landing-account-shared) an account that is not one principal's own.

    Args:
        principals: every name that the account goes by.
        shared: the accounts that the instruction says several people use.
    """
    for name in principals:
        if is_shared(name, shared):
            raise Refused(
                "landing-account-shared",
                f"account {name} at {label}",
                "it is one that several people use, so that nobody answers for what it does.",
                "have an account of its own made for this transfer, and use it alone.",
            )
