"""The evidence log: its state, and its records from the newest on; or the records of one run."""

from __future__ import annotations

from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import Response

from remit.custody.guard import RUN_ID
from remit.custody.story import is_run
from remit.errors import EvidenceBroken
from remit.evidence import Kept, Ledger
from remit.merkle import leaf_hash
from remit.narrative import title
from remit.records import Checkpoint
from remit.reviewer.access import AnyReader, Reader
from remit.reviewer.reading import ledger, openers
from remit.reviewer.rendering import page

NAME = "evidence"
router = APIRouter()
ROWS = 50


class Row(NamedTuple):
    """A record as the list has it; of one that the reader may not see, place and digest alone.

    `by` is None where it names a DAG that the reader may not read.
    """

    seq: int
    digest: str
    seen: bool
    run: str | None = None
    linked: bool = False
    title: str | None = None
    at: str | None = None
    by: str | None = None


@router.get("/evidence")
def evidence(
    request: Request,
    reader: AnyReader,
    before: Annotated[int | None, Query(ge=0, lt=2**62)] = None,
    run: Annotated[str | None, Query(max_length=200)] = None,
) -> Response:
    """Show it.

    Args:
        before: only records further back than this place in the log.
        run: only records of this run.
    """
    log = ledger()
    checkpoint = _state(log)
    size = checkpoint.size if checkpoint else 0
    if run is None:
        top = size if before is None else min(before, size)
        kept = log.page(max(top - ROWS, 0) - 1, top, ROWS)
    else:
        top, kept = 0, _of_run(log, run, reader)
    rows = [*reversed(_rows(log, kept, reader))]
    older = rows[-1].seq if rows and rows[-1].seq > 0 and run is None else None
    newer = None if run is not None or top >= size else top + ROWS
    values: dict[str, Any] = {"rows": rows, "older": older, "newer": newer, "run": run}
    return page(request, NAME, "evidence.html", log=log.name, checkpoint=checkpoint, **values)


def _state(log: Ledger) -> Checkpoint | None:
    """What the newest checkpoint says, if anything is recorded; its signature is not verified here."""
    envelope = log.checkpoint()
    if envelope is None:
        if log.page(None, 2**62, 1):
            raise EvidenceBroken("the newest checkpoint", "the log has records and no checkpoint.")
        return None
    checkpoint = Checkpoint.unverified(envelope, "the newest checkpoint")
    # The last one alone: counting a million takes longer than all the rest of the page.
    found = [kept.seq for kept in log.page(checkpoint.size - 2, 2**62, 2)]
    if found[1:] and log.checkpoint() != envelope:  # somebody appended meanwhile
        return _state(log)
    if checkpoint.log != log.name or found != [checkpoint.size - 1]:
        where = "the newest checkpoint"
        raise EvidenceBroken(where, f"it is not of this log's records, and says {checkpoint.size}.")
    return checkpoint


def _of_run(log: Ledger, run: str, reader: Reader) -> list[Kept]:
    kept = list(log.kept(run)) if RUN_ID.fullmatch(run) else []
    if not kept:
        raise HTTPException(404)
    reader.require(openers(log, [run])[run])
    return kept


def _rows(log: Ledger, kept: list[Kept], reader: Reader) -> list[Row]:
    by_run = openers(log, (k.run for k in kept))
    seen = reader.seen(by_run[k.run] for k in kept)
    return [_row(k, reader if shown else None) for k, shown in zip(kept, seen, strict=True)]


def _row(kept: Kept, reader: Reader | None) -> Row:
    """A record as `reader` sees it; None may not see it."""
    digest = leaf_hash(kept.body).hex()
    if reader is None:
        return Row(kept.seq, digest, seen=False)
    record = kept.record()
    told = (title(record), record.at, reader.shown(record.by))
    return Row(kept.seq, digest, True, record.run, is_run(record.run), *told)
