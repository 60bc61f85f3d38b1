"""The record of processing (Art. 30(2)), and what an auditor takes along: tables and the printed report."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import Response

from remit import wiring
from remit.custody.briefs import register_records
from remit.custody.processing_record import Extent, processing_record
from remit.evidence import parse_timestamp
from remit.instruction.plain_language import Language
from remit.reports import MOST_RUNS, TABLES, audit_report, csv_bytes, pdf_bytes, table_named
from remit.reviewer.access import DeploymentReader
from remit.reviewer.boards import require_all
from remit.reviewer.reading import ledger
from remit.reviewer.rendering import language_of, page

NAME = "record"
router = APIRouter()
_Day = Annotated[str, Query(pattern=r"^(\d{4}-\d\d-\d\d)?$")]
_Controller = Annotated[str, Query(pattern=r"^([a-z0-9][a-z0-9-]{1,62})?$")]
TableName = Literal["instructions", "runs", "erasures", "holds", "orphans", "alerts"]


@router.get("/record")
def record(request: Request, _: DeploymentReader) -> Response:
    """Processors, controllers and their instructions, without the runs; and the exports."""
    found = processing_record(register_records(ledger()), wiring.clock())
    names = [(table.name, table.en, table.fr) for table in TABLES]
    return page(request, NAME, "record.html", found=found, tables=names, most=MOST_RUNS)


@router.get("/record/table")
def table(
    reader: DeploymentReader,
    table: TableName,
    format: Literal["csv", "json"],  # noqa: A002 - what the address says
    since: _Day = "",
    until: _Day = "",
    controller: _Controller = "",
) -> Response:
    """One table, as a file.

    Args:
        since, until: days in UTC, the first inside and the first outside the period.
    """
    require_all(reader)
    made = audit_report(ledger(), wiring.clock(), _extent(since, until, controller))
    if format == "csv":
        data = csv_bytes(table_named(table), made.rows[table])
        return _file(data, "text/csv; charset=utf-8", f"{table}.csv")
    fields = {k: v for k, v in made.as_json().items() if k == table or k not in made.rows}
    text = json.dumps(fields, indent=2, ensure_ascii=False)
    return _file(text.encode(), "application/json", f"{table}.json")


@router.get("/record/report")
def report(
    request: Request,
    reader: DeploymentReader,
    since: _Day = "",
    until: _Day = "",
    controller: _Controller = "",
) -> Response:
    """The printed report."""
    require_all(reader)
    made = audit_report(ledger(), wiring.clock(), _extent(since, until, controller))
    if any(len(rows) > MOST_RUNS for rows in made.rows.values()):
        raise HTTPException(422)  # the page says so beside the form
    data = pdf_bytes(made, Language(language_of(request)))
    return _file(data, "application/pdf", "report.pdf")


def _extent(since: str, until: str, controller: str) -> Extent:
    return Extent(_day(since), _day(until), controller or None)


def _day(text: str) -> datetime | None:
    try:
        return parse_timestamp(f"{text}T00:00:00Z") if text else None
    except ValueError:
        raise HTTPException(422) from None


def _file(data: bytes, kind: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="remit-{name}"'}
    return Response(data, media_type=kind, headers=headers)
