"""Alerts: what is wrong, whose it is, who was told and who is told next; and the acts of those who answer."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import RedirectResponse, Response

from remit.alert_kinds import GRAVE
from remit.alerts.desk import LONGEST, Desk
from remit.alerts.emergency import PATIENCE
from remit.alerts.heartbeat import last_passes
from remit.alerts.model import KINDS, SEVERITIES, Alert
from remit.errors import Refused
from remit.evidence import timestamp
from remit.narrative import tell
from remit.narrative.alerts import kind_words, severity_words
from remit.people import NOT_THEIRS
from remit.plan.words import voice_of
from remit.reviewer.access import AnyReader, Reader
from remit.reviewer.acting import acting_by, office
from remit.reviewer.acts import Act, SentForm
from remit.reviewer.alert_view import shown_to
from remit.reviewer.alerting import all_alerts, answers_for, board, seen_of
from remit.reviewer.rendering import language_of, page, url
from remit.wiring import Settings, clock, open_notes

NAME = "alerts"
router = APIRouter()
ROWS = 50

GROUPS = ("grave", "open", "acknowledged", "closed")
"""What can be asked for as `show`."""


@router.get("/alerts")
def alerts(
    request: Request,
    reader: AnyReader,
    show: Annotated[str, Query(max_length=20)] = "",
    severity: Annotated[str, Query(max_length=20)] = "",
    kind: Annotated[str, Query(max_length=40)] = "",
    controller: Annotated[str, Query(max_length=200)] = "",
    run: Annotated[str, Query(max_length=200)] = "",
    number: Annotated[int, Query(ge=1, le=10_000)] = 1,
) -> Response:
    """Show those that the reader may see.

    Args:
        show: one of `GROUPS`, or all. severity, kind, controller, run: only those of it.
        number: which page of them, from 1.
    """
    asked = {"show": show, "severity": severity, "kind": kind, "controller": controller, "run": run}
    found = seen_of(reader, list(_asked(all_alerts(), asked)))
    rows = list(islice(found, (number - 1) * ROWS, number * ROWS + 1))
    return page(
        request,
        NAME,
        "alerts.html",
        rows=shown_to(request, reader, rows[:ROWS]),
        asked=asked,
        choices=_choices(language_of(request)),
        number=number,
        more=len(rows) > ROWS,
        passes=_passes(reader),
        takes_along=reader.sees_deployment,
    )


def _choices(language: str) -> dict[str, dict[str, str | None]]:
    """What may be asked for, each with what it is called; None for words of the page."""
    say = voice_of(language)
    return {
        "show": dict.fromkeys(GROUPS),
        "severity": {one: severity_words(one, say) for one in reversed(SEVERITIES)},
        "kind": {kind: kind_words(kind, say) for kind in KINDS},
    }


def _passes(reader: Reader) -> list[dict[str, Any]]:
    """When supervision looked last; without its name where that is of a DAG that may not be read."""
    now, notes = clock(), open_notes(Settings.from_environment())
    return [
        {
            "name": one.name if reader.shown(f"{one.name}/.") else None,
            "at": timestamp(one.at),
            "silent": one.is_silent(now),
        }
        for one in last_passes(notes)
    ]


def _asked(found: list[Alert], asked: dict[str, str]) -> Iterator[Alert]:
    """Those that were asked for.

    Raises:
        HTTPException: 404, there is no such group.
    """
    if asked["show"] not in ("", *GROUPS):
        raise HTTPException(404)
    for alert in found:
        fits = all(
            asked[name] in ("", getattr(alert, name)) for name in ("severity", "kind", "run")
        )
        if (
            fits
            and _is_of(alert, asked["show"])
            and asked["controller"] in ("", *alert.controllers)
        ):
            yield alert


def _is_of(alert: Alert, group: str) -> bool:
    if group == "grave":
        return alert.state == "open" and alert.severity in GRAVE
    return group in ("", alert.state)


@router.get("/alerts/{alert}")
def one_alert(request: Request, reader: AnyReader, alert: str) -> Response:
    """Show it, with all that was recorded of it."""
    return _page(request, _seen(alert, reader), reader)


@router.post("/alerts/{alert}/acknowledge")
def acknowledge(request: Request, act: Act, reader: AnyReader, alert: str) -> Response:
    """Take it up: its escalation rests for a week."""
    return _act(request, act, reader, alert, "acknowledge")


@router.post("/alerts/{alert}/close")
def close(request: Request, act: Act, reader: AnyReader, alert: str) -> Response:
    """End it."""
    return _act(request, act, reader, alert, "close")


def _act(request: Request, act: SentForm, reader: Reader, name: str, what: str) -> Response:
    """Do it for who is logged in, or say on the alert's page why not; the desk records attempts."""
    reason = act.fields.get("reason", "")
    desk = Desk(office(), acting_by(act.identity))
    found = _found(name)
    try:
        getattr(desk, what)(found.id, act.identity, reason)
    except Refused as refusal:
        status = 403 if refusal.code in NOT_THEIRS else 409
        seen = _seen(name, reader)  # who may not see it is told nothing of it
        return _page(request, seen, reader, status, refusal, reason)
    return RedirectResponse(url(request, f"/alerts/{found.id}"), 303)


def _found(name: str) -> Alert:
    """The alert of that id, whoever asks.

    Raises:
        HTTPException: 404, there is none.
    """
    for alert in all_alerts():
        if alert.id == name:
            return alert
    raise HTTPException(404)


def _seen(name: str, reader: Reader) -> Alert:
    """The same, for a reader.

    Raises:
        HTTPException: 404, there is none; 403, the reader may not see it.
    """
    alert = _found(name)
    if not list(seen_of(reader, [alert])):
        raise HTTPException(403)
    return alert


def _page(
    request: Request,
    alert: Alert,
    reader: Reader,
    status: int = 200,
    refusal: Refused | None = None,
    reason: str = "",
) -> Response:
    return page(
        request,
        NAME,
        "alert.html",
        status,
        one=shown_to(request, reader, [alert])[0],
        story=_story(alert, language_of(request)),
        answers=answers_for(reader, alert),
        can_close=alert.id not in PATIENCE,
        refusal=refusal,
        reason=reason,
        longest=LONGEST,
    )


def _story(alert: Alert, language: str) -> list[dict[str, Any]]:
    """What was recorded of it, told; nothing is of what the log cannot record."""
    return [
        {"seq": record.seq, "at": record.at, "text": tell(record, language)}
        for record in (board().story(alert.id) if alert.id not in PATIENCE else [])
    ]
