"""Erasures and holds: what must go and when, what a hold or a lock keeps, and what is certified as gone."""

from __future__ import annotations

from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from remit import canonical, wiring
from remit.board import Certified
from remit.errors import EvidenceBroken
from remit.evidence import Ledger
from remit.reviewer.access import AnyReader
from remit.reviewer.boards import board, readable
from remit.reviewer.reading import ledger
from remit.reviewer.rendering import page

NAME = "erasures"
router = APIRouter()
ROWS = 50
"""So many rows of each list are shown; the exports have all."""


class Gone(NamedTuple):
    """A run whose copies are certified as gone."""

    seq: int
    run: str
    at: str
    copies: int
    certificate: str


class Told(NamedTuple):
    """Some of a list, and whether there are more."""

    rows: list[Any]
    more: bool


@router.get("/erasures")
def erasures(
    request: Request, reader: AnyReader, before: Annotated[int | None, Query(ge=0, lt=2**62)] = None
) -> Response:
    """Show them.

    Args:
        before: of what is gone, only records further back than this place in the log.
    """
    log, runs = ledger(), board()
    found = runs.duties(readable(reader, runs), wiring.clock(), ROWS + 1, before)
    lists = {
        "overdue": _told(found.overdue),
        "locked": _told(found.locked),
        "held": _told(found.held),
        "pending": _told(found.pending),
        "gone": Told([_gone(log, one) for one in found.gone[:ROWS]], len(found.gone) > ROWS),
    }
    return page(request, NAME, "erasures.html", lists=lists, found=found, most=ROWS)


def _told(rows: list[Any]) -> Told:
    return Told(rows[:ROWS], len(rows) > ROWS)


def _gone(log: Ledger, one: Certified) -> Gone:
    """What its certificate says; the board knows only where it is."""
    for kept in log.page(one.seq - 1, one.seq + 1, 1):
        record = kept.record()
        if (record.kind, record.run) != ("deleted", one.run):
            break
        try:
            certificate = canonical.sha256(record.data["certificate"].encode())
            return Gone(record.seq, record.run, record.at, record.data["copies"], certificate)
        except (KeyError, TypeError, AttributeError):
            break
    raise EvidenceBroken(f"record {one.seq}", "it has no certificate.")
