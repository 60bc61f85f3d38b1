"""The acts of a run's page: hold its deletion, release it, stand for a control file."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import RedirectResponse, Response

from remit.custody import Run
from remit.errors import Refused
from remit.instruction.parties import Act as ActName
from remit.people import NOT_THEIRS
from remit.reviewer.access import AnyReader, Reader
from remit.reviewer.acting import acting_by
from remit.reviewer.acts import Act, SentForm
from remit.reviewer.pages.run import NAME, run_page
from remit.reviewer.rendering import url
from remit.reviewer.run_acts import Tried, records
from remit.reviewer.run_records import known_story, story_of

__all__ = ["NAME", "router"]

router = APIRouter()


@router.post("/runs/{run}/hold")
def hold(request: Request, act: Act, reader: AnyReader, run: str) -> Response:
    """Suspend its deletion until the end of a day."""
    until, reason = _end_of(act.fields.get("until", "")), act.fields.get("reason", "")
    return _do(request, act, reader, run, "hold", lambda it: it.hold(act.identity, reason, until))


@router.post("/runs/{run}/release")
def release(request: Request, act: Act, reader: AnyReader, run: str) -> Response:
    """End every hold."""
    reason = act.fields.get("reason", "")
    return _do(request, act, reader, run, "hold", lambda it: it.release(act.identity, reason))


@router.post("/runs/{run}/confirm")
def confirm(request: Request, act: Act, reader: AnyReader, run: str) -> Response:
    """Stand for the control file that the page showed."""
    digest = act.fields.get("digest", "")
    return _do(request, act, reader, run, "confirm", lambda it: it.stand_for(act.identity, digest))


def _do(
    request: Request,
    act: SentForm,
    reader: Reader,
    run: str,
    what: ActName,
    do: Callable[[Run], None],
) -> Response:
    """Do it for the person whose login it is; or say on the run's page why not."""
    known_story(run)
    deployment = records()
    if deployment is None:
        return run_page(request, story_of(run, reader), 503)
    current = Run(run, deployment, acting_by(act.identity))
    try:
        current.require_known()
        current.require_person(act.identity, what)  # first, for what a stranger tries is recorded
        story_of(run, reader)  # nobody acts on what they may not see
        do(current)
    except Refused as refusal:
        status = 403 if refusal.code in NOT_THEIRS else 409
        return run_page(request, story_of(run, reader), status, Tried(refusal, act.fields))
    return RedirectResponse(url(request, f"/runs/{run}"), 303)


def _end_of(day: str) -> datetime:
    """When a day is over, in UTC.

    Raises:
        HTTPException: 422, it is no day.
    """
    try:
        return datetime.combine(date.fromisoformat(day), time(), UTC) + timedelta(days=1)
    except (ValueError, OverflowError):
        raise HTTPException(422) from None
