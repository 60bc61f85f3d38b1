"""Style, script and icons: files of ours, named here, that ask for a login like any other page."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, HTTPException
from fastapi.responses import Response

from remit.reviewer.access import AnyReader

NAME = "static"
router = APIRouter()
_FOLDER = Path(__file__).parents[1] / "static"
FILES = {
    "remit.css": "text/css",
    "remit.js": "text/javascript",
    "verify.js": "text/javascript",
    "icon.svg": "image/svg+xml",
    "icon-dark.svg": "image/svg+xml",
}


@router.get("/static/{name}")
def static(name: str, _: AnyReader) -> Response:
    """One of the files."""
    if name not in FILES:
        raise HTTPException(404)
    return Response((_FOLDER / name).read_bytes(), media_type=FILES[name])
