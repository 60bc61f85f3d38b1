"""Erasures and holds: what must go and when, what a hold or a lock keeps, and what is certified as gone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from remit import canonical, wiring
from remit.custody.story import Obligation, is_run
from remit.custody.survey import survey_of
from remit.errors import EvidenceBroken
from remit.evidence import Ledger
from remit.reviewer.access import AnyReader, Reader
from remit.reviewer.reading import ledger, openers
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
    log, now = ledger(), wiring.clock()
    found = survey_of(log, now)
    held = [one for one in found.pending if one.is_held(now)]
    pending = [one for one in found.pending if not one.is_held(now)]
    lists = {
        "overdue": _told(_seen(log, reader, found.due)),
        "locked": _told(_seen(log, reader, found.locked)),
        "held": _told(_seen(log, reader, held)),
        "pending": _told(_seen(log, reader, pending)),
        "gone": _told(_gone(log, reader, before)),
    }
    damaged = [run for run in found.damaged if reader.sees(openers(log, [run])[run])]
    return page(request, NAME, "erasures.html", lists=lists, damaged=damaged, most=ROWS)


def _told(rows: Iterable[Any]) -> Told:
    first = list(islice(rows, ROWS + 1))
    return Told(first[:ROWS], len(first) > ROWS)


def _seen(log: Ledger, reader: Reader, duties: Iterable[Obligation]) -> Iterator[Obligation]:
    """Those of runs that the reader may see; the runs that are not shown are not looked up."""
    return (one for one in duties if reader.sees(openers(log, [one.run])[one.run]))


def _gone(log: Ledger, reader: Reader, before: int | None) -> Iterator[Gone]:
    """The last deleted first."""
    for kept in log.kept(kinds=["deleted"], newest_first=True):
        if not is_run(kept.run) or (before is not None and kept.seq >= before):
            continue
        if reader.sees(openers(log, [kept.run])[kept.run]):
            record = kept.record()
            try:
                certificate = canonical.sha256(record.data["certificate"].encode())
                yield Gone(record.seq, record.run, record.at, record.data["copies"], certificate)
            except (KeyError, TypeError, AttributeError):
                raise EvidenceBroken(f"record {record.seq}", "it has no certificate.") from None
