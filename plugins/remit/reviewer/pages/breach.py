"""The draft of a breach notice for a run's files, one for each controller."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import Response

from remit import wiring
from remit.breach import Notice, draft_of_runs, markdown
from remit.custody.guard import RUN_ID
from remit.evidence import parse_timestamp
from remit.instruction.plain_language import Language
from remit.reviewer.access import AnyReader, Reader
from remit.reviewer.reading import ledger, openers
from remit.reviewer.rendering import language_of, page

NAME = "breach"
router = APIRouter()
_Run = Annotated[str, Query(max_length=200)]
_Aware = Annotated[str | None, Query(max_length=20)]


@router.get("/breach")
def breach(request: Request, reader: AnyReader, run: _Run, aware: _Aware = None) -> Response:
    """Show the drafts.

    Args:
        aware: when the processor became aware, such as ``2026-03-01T08:30:00Z`` or ``2026-03-01T08:30``.
    """
    drafts = [
        {"controller": notice.legal_name, "name": notice.controller, "text": text}
        for notice, text in _drafts(request, reader, run, aware)
    ]
    return page(request, NAME, "breach.html", run=run, aware=aware or None, drafts=drafts)


@router.get("/breach/draft")
def draft(request: Request, reader: AnyReader, run: _Run, aware: _Aware = None) -> Response:
    """The drafts as one file of Markdown, to be completed."""
    text = "\n---\n\n".join(text for _, text in _drafts(request, reader, run, aware))
    headers = {"Content-Disposition": f'attachment; filename="breach-{run}.md"'}
    return Response(text, media_type="text/markdown; charset=utf-8", headers=headers)


def _drafts(
    request: Request, reader: Reader, run: str, aware: str | None
) -> list[tuple[Notice, str]]:
    log, now = ledger(), wiring.clock()
    if not RUN_ID.fullmatch(run) or not any(log.kept(run)):
        raise HTTPException(404)
    reader.require(openers(log, [run])[run])
    moment = _moment(aware) if aware else None
    if moment is not None and moment > now:
        raise HTTPException(422)
    language = Language(language_of(request))
    return [(one, markdown(one, language)) for one in draft_of_runs(log, [run], now, moment)]


def _moment(text: str) -> datetime:
    """A time in UTC, as we write it or as a browser's field for times does."""
    whole = text if text.endswith("Z") else f"{text}Z" if len(text) == 19 else f"{text}:00Z"
    try:
        return parse_timestamp(whole)
    except ValueError:
        raise HTTPException(422) from None
