"""One run: what left, of how much, who may read it, what became of it, and how each part is checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import Response

from remit.board import summarise
from remit.bundle import make_bundle
from remit.custody import Story
from remit.custody.person_acts import LONGEST_REASON
from remit.errors import EvidenceBroken
from remit.evidence import Record
from remit.narrative import severity, tell, title, what_next
from remit.narrative.summary import summary
from remit.narrative.timeline import timeline
from remit.reviewer.access import AnyReader
from remit.reviewer.acts import identity_of
from remit.reviewer.alert_view import shown_of_run
from remit.reviewer.alerting import alerts_of
from remit.reviewer.boards import tone
from remit.reviewer.picture import picture
from remit.reviewer.reading import ledger
from remit.reviewer.rendering import language_of, page
from remit.reviewer.run_acts import Tried, acts_on
from remit.reviewer.run_records import documents, story_of
from remit.wiring import clock

NAME = "run"
router = APIRouter()

_DATA = ("opened", "planned", "unplanned", "extracted", "obliged", "delivered", "confirmed")
_PROVEN = ("confirmed", "deleted")
_LISTS = ("asked", "approved", "disapproved", "answered", "held", "released", "undeleted")


@router.get("/runs/{run}")
def run(request: Request, reader: AnyReader, run: str) -> Response:
    """Show it."""
    return run_page(request, story_of(run, reader))


@router.get("/runs/{run}/files/{document}")
def file(reader: AnyReader, run: str, document: str) -> Response:
    """One of its documents, byte by byte as its digest covers it."""
    for one in documents(story_of(run, reader)):
        if one.name == document:
            return _download(one.content, f"{run}-{one.name}", one.media_type)
    raise HTTPException(404)


@router.get("/runs/{run}/bundle")
def bundle(reader: AnyReader, run: str) -> Response:
    """All of it in one file, which verifies offline."""
    story_of(run, reader)
    # The statements need the processor's key, which an API server has no business with.
    return _download(make_bundle(ledger(), run, signer=None), f"{run}.remit.zip", "application/zip")


def run_page(
    request: Request, story: Story, status: int = 200, tried: Tried | None = None
) -> Response:
    """The page.

    Args:
        tried: what somebody sent by one of its forms, and why it was refused.
    """
    try:
        values = _values(story, language_of(request))
        acts = acts_on(story, identity_of(request))
    except (KeyError, TypeError, ValueError, AttributeError):
        raise EvidenceBroken(f"run {story.run}", "a record does not say what it must.") from None
    values |= {
        "acts": acts,
        "tried": tried,
        "sees_instructions": request.state.reader.sees_deployment,
        "longest": LONGEST_REASON,
        "tone": tone,
        "stamp": stamp,
    }
    alerts = shown_of_run(request, alerts_of(story.run))
    return page(request, NAME, "run.html", status, **values, alerts=alerts)


def _download(content: bytes, name: str, media_type: str) -> Response:
    """A file to keep; it is never shown here, whatever is in it."""
    disposition = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type=media_type, headers=disposition)


def _values(story: Story, language: str) -> dict[str, Any]:
    """What the page shows."""
    now, shown, obligation = clock(), summarise(story.records), story.obligation()
    told = timeline(story.records, obligation, now, language)
    return {
        "run": story.run,
        "shown": shown,
        "state": shown.state(now),
        "summary": summary(story.records, obligation, now, language),
        "next_step": what_next(story.records, language),
        "obligation": obligation,
        "picture": picture(told, now),
        "said": _last(story),
        "told": {one.kind: tell(one, language) for one in story.records if one.kind in _PROVEN},
        "lists": {kind: [one for one in story.records if one.kind == kind] for kind in _LISTS},
        "tables": _tables(story),
        "report": _report(story),
        "steps": [_step(record, language) for record in story.records],
        "documents": list(documents(story)),
    }


def stamp(moment: Any) -> str:
    """A moment as remit writes it."""
    return str(moment.strftime("%Y-%m-%dT%H:%M:%SZ"))


def _last(story: Story) -> dict[str, Any]:
    """The data of the last record of each kind that the page shows; None where there is none."""
    return {kind: story.last(kind) if story.has(kind) else None for kind in _DATA}


def _tables(story: Story) -> list[Mapping[str, Any]]:
    """The planned tables, each with the rows that were extracted."""
    plan = next((story.last(kind) for kind in ("planned", "unplanned") if story.has(kind)), None)
    files = story.last("extracted")["files"] if story.has("extracted") else []
    return [
        {
            **table,
            "files": [one for one in files if one["table"] == table["name"]],
            "rows": sum(one["rows"] for one in files if one["table"] == table["name"])
            if files
            else None,
        }
        for table in (plan["plan"]["tables"] if plan else [])
    ]


def _report(story: Story) -> Mapping[str, Any] | None:
    for kind in ("validated", "invalid"):
        if story.has(kind):
            report: Mapping[str, Any] = story.last(kind)["report"]
            return report
    return None


def _step(record: Record, language: str) -> dict[str, Any]:
    """A record as the story tells it."""
    return {
        "seq": record.seq,
        "at": record.at,
        "by": record.by,
        "title": title(record, language),
        "text": tell(record, language),
        "tone": {"info": "quiet", "warning": "waiting", "problem": "bad"}[severity(record)],
    }
