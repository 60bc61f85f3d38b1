"""The list of runs, the newest first, narrowed by what is asked for."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, HTTPException, Request
from fastapi import Query as Parameter
from fastapi.responses import Response

from remit.board import OVERDUE, Query, State
from remit.reviewer.access import AnyReader
from remit.reviewer.boards import board, readable, tone
from remit.reviewer.rendering import page
from remit.wiring import clock

NAME = "runs"
router = APIRouter()
ROWS = 50

GROUPS = {
    "waiting": frozenset[State](),
    "overdue": OVERDUE,
    "refused": frozenset[State](),
    **{str(state): frozenset({state}) for state in State if state != State.REFUSED},
}
"""What can be asked for as `show`: states; and, in whatever state, what waits or was stopped by a rule."""


@router.get("/runs")
def runs(
    request: Request,
    reader: AnyReader,
    controller: Annotated[str, Parameter(max_length=200)] = "",
    instruction: Annotated[str, Parameter(max_length=200)] = "",
    dag: Annotated[str, Parameter(max_length=250)] = "",
    show: Annotated[str, Parameter(max_length=40)] = "",
    before: Annotated[int | None, Parameter(ge=0, lt=2**62)] = None,
) -> Response:
    """Show it.

    Args:
        controller: its name. instruction: its id, or a version's digest. show: one of `GROUPS`.
        before: only runs further back than this place in the log.
    """
    if show and show not in GROUPS:
        raise HTTPException(404)
    now, all_runs = clock(), board()
    seen = readable(reader, all_runs)
    query = Query(
        seen,
        controller=controller,
        instruction=instruction,
        dag=dag,
        states=GROUPS.get(show, frozenset()),
        refused=show == "refused",
        waiting=show == "waiting",
        before=before,
        limit=ROWS,
    )
    asked = {"controller": controller, "instruction": instruction, "dag": dag, "show": show}
    return page(
        request,
        NAME,
        "runs.html",
        found=all_runs.find(query, now),
        choices=all_runs.choices(seen),
        asked=asked,
        groups=list(GROUPS),
        paged=before is not None,
        now=now,
        tone=tone,
    )
