"""What a page says when it cannot show what was asked for."""

from __future__ import annotations

import logging

from airflow.api_fastapi.app import get_auth_manager
from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from remit.board import BeingRead
from remit.errors import EvidenceBroken, Refused, RemitError, Unavailable, describe_unexpected
from remit.reviewer.rendering import page

_log = logging.getLogger(__name__)
_KNOWN = (401, 403, 404, 405, 409, 422, 503)
_Words = dict[str, str | None]


def problem(request: Request, error: Exception) -> Response:
    """The page for an error; of an error that is not ours it says nothing but that there was one."""
    status, name, words = _meaning(error)
    if status >= 500 and not isinstance(error, BeingRead):
        told = str(error) if isinstance(error, RemitError) else describe_unexpected(error)
        _log.error("a page could not be shown: %s", told)
    login = get_auth_manager().get_url_login() if status == 401 else None
    answer = page(request, "problem", "problem.html", status, what=name, login=login, **words)
    if isinstance(error, BeingRead):  # it looks again by itself
        answer.headers["Refresh"] = answer.headers["Retry-After"] = "3"
    return answer


def _meaning(error: Exception) -> tuple[int, str, _Words]:
    """Status, name of the words, and what remit says itself."""
    said: _Words = {"where": None, "message": None, "way_out": None}
    match error:
        case HTTPException():
            status = error.status_code if error.status_code in _KNOWN else 500
            return status, str(status), said
        case RequestValidationError():
            return 422, "422", said
        case EvidenceBroken():
            return 500, "broken", said | {"where": error.where, "message": error.message}
        case Refused():
            own = {"where": f"{error.code}: {error.where}", "message": error.message}
            return 409, "409", said | own | {"way_out": error.way_out}
        case BeingRead():
            return 503, "reading", said | {"where": f"{error.done} / {error.total}"}
        case Unavailable() | RemitError():
            return 503, "503", said
    return 500, "500", said
