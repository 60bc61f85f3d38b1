"""The evidence ledger as the pages read it: one for the process, never made by a page."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from remit.errors import EvidenceBroken, Unavailable, UsageError
from remit.evidence import Checkpoint, Ledger
from remit.wiring import Settings, open_ledger

PATIENCE = 2
"""Seconds that a page waits for the ledger: it keeps a thread of the API server meanwhile."""


def ledger() -> Ledger:
    """The deployment's ledger.

    Raises:
        Unavailable: it does not answer, or nothing was recorded yet.
    """
    try:
        return _ledger(Settings.from_environment())
    except UsageError:
        raise Unavailable("the evidence ledger", "nothing is recorded there yet.") from None


@lru_cache(maxsize=1)
def _ledger(settings: Settings) -> Ledger:
    return open_ledger(settings, patience=PATIENCE)


def size_of(log: Ledger) -> int:
    """How many records the newest checkpoint covers; to count a million takes longer than most pages.

    Raises:
        EvidenceBroken: it is not well formed, or says no size.
    """
    envelope = log.checkpoint()
    size = Checkpoint.unverified(envelope, "the newest checkpoint").size if envelope else 0
    if type(size) is not int:
        raise EvidenceBroken("the newest checkpoint", "it says no size.")
    return size


def openers(log: Ledger, runs: Iterable[str]) -> dict[str, str | None]:
    """By whom each run was opened; None for what is no run, or was never opened.

    Raises:
        EvidenceBroken: a record that says so is damaged.
    """
    found: dict[str, str | None] = {}
    for run in dict.fromkeys(runs):
        found[run] = next((kept.record().by for kept in log.kept(run, ["opened"])), None)
    return found
