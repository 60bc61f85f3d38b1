"""The pages' own start: the first page of the navigation."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from remit.reviewer.access import AnyReader
from remit.reviewer.rendering import navigation, url

NAME = "start"
router = APIRouter()


@router.get("/")
def start(request: Request, _: AnyReader) -> Response:
    """Lead to the first page."""
    return RedirectResponse(url(request, f"/{navigation()[0]}"), 303)
