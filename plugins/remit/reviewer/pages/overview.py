"""What a reviewer looks at first: the runs under each controller, and what is not as it should be."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from remit.reviewer.access import AnyReader
from remit.reviewer.boards import board, readable, tone
from remit.reviewer.rendering import page
from remit.wiring import clock

NAME = "overview"
router = APIRouter()


@router.get("/overview")
def overview(request: Request, reader: AnyReader) -> Response:
    """Show it, of what the reader may see."""
    now, runs = clock(), board()
    found = runs.overview(readable(reader, runs), now)
    return page(request, NAME, "overview.html", found=found, now=now, tone=tone)
