"""Orphans: what a sweep found that no duty to delete covers, and what was removed since."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from remit.reports.registers import orphan_rows
from remit.reviewer.access import DeploymentReader
from remit.reviewer.reading import ledger, size_of
from remit.reviewer.rendering import page

NAME = "orphans"
router = APIRouter()


@router.get("/orphans")
def orphans(request: Request, _: DeploymentReader) -> Response:
    """Show them; they belong to no DAG."""
    log = ledger()
    rows = list(reversed(orphan_rows(log, size_of(log), None)))
    there = [row for row in rows if row["removed_at"] is None]
    gone = [row for row in rows if row["removed_at"] is not None]
    return page(request, NAME, "orphans.html", there=there, gone=gone)
