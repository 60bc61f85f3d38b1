"""What a reviewer looks at first: the runs under each controller, and what is not as it should be."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from remit.reviewer.access import AnyReader
from remit.reviewer.alert_view import shown_to
from remit.reviewer.alerting import open_alerts
from remit.reviewer.boards import board, readable, tone
from remit.reviewer.rendering import page
from remit.wiring import clock

NAME = "overview"
router = APIRouter()
ALERTS = 5
"""So many open alerts are shown at most."""


@router.get("/overview")
def overview(request: Request, reader: AnyReader) -> Response:
    """Show it, of what the reader may see."""
    now, runs = clock(), board()
    found = runs.overview(readable(reader, runs), now)
    alerts = open_alerts(reader)
    return page(
        request,
        NAME,
        "overview.html",
        found=found,
        alerts=shown_to(request, reader, alerts[:ALERTS]),
        open_count=len(alerts),
        now=now,
        tone=tone,
    )
