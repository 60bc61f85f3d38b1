"""Acts of a person on the pages: only by a form of our own, sent from a page of our own.

A browser sends Airflow's cookie along with any request to it, whoever wrote the form. So the gate lets
a request that may change something pass only if the browser says that one of our own pages sent it,
and the route takes an `Act`, which needs the token that `act_token` put into the form besides.
The token is bound to the login: a form that was open while the login was renewed must be opened anew.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import parse_qsl, urlsplit

from airflow.api_fastapi.auth.managers.base_auth_manager import COOKIE_NAME_JWT_TOKEN
from airflow.api_fastapi.auth.tokens import get_signing_key
from airflow.configuration import conf
from fastapi import Depends, HTTPException, Request

from remit.people import Identity
from remit.reviewer.access import Reader, any_reader

TOKEN_FIELD = "token"  # noqa: S105 - a field's name
_SAFE = ("GET", "HEAD", "OPTIONS")
_LIMIT = 64 * 1024


@dataclass(frozen=True, slots=True)
class SentForm:
    """What a person sent by one of our forms.

    Attributes:
        reader: who sent it.
        identity: the same, as `remit.people` takes it.
        fields: the form's fields, each once; at most 64 KiB in all.
    """

    reader: Reader
    identity: Identity
    fields: dict[str, str]


def require_own_origin(request: Request) -> None:
    """Refuse (403) whatever may change something and was not sent by a page of this server.

    Without a browser's word for it, only what carries its login itself (``Authorization``) passes.
    """
    if request.method in _SAFE:
        return
    site, origin = (request.headers.get(name) for name in ("sec-fetch-site", "origin"))
    if site is None and origin is None and "authorization" in request.headers:
        return
    same_site = site in (None, "same-origin")
    same_origin = origin is None or _server(origin) in _own_servers(request)
    if (site is None and origin is None) or not (same_site and same_origin):
        raise HTTPException(403)


def _own_servers(request: Request) -> set[str]:
    """What a browser may know this server as: behind a proxy that is not what the request says."""
    told = (request.headers.get("host", ""), _server(conf.get("api", "base_url", fallback="")))
    return {server.lower() for server in told if server}


def _server(url: str) -> str:
    try:
        return urlsplit(url).netloc.lower()
    except ValueError:
        return ""


def act_token(request: Request) -> str:
    """The token of this login, for the hidden field of a form."""
    login = request.headers.get("authorization") or request.cookies.get(COOKIE_NAME_JWT_TOKEN, "")
    text = f"remit act\0{any_reader(request).user.get_id()}\0{login}"
    key = get_signing_key("api", "secret_key").encode()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def identity_of(request: Request) -> Identity:
    """Who is logged in, by the id that Airflow's auth manager gives; answers are compared by it too."""
    address = request.client.host if request.client else None
    return Identity(str(any_reader(request).user.get_id()), "airflow", address)


async def sent_form(request: Request) -> SentForm:
    """The form, with its token checked and taken out.

    Raises:
        HTTPException: 403, no token of this login; 422, no such form.
    """
    if request.headers.get("content-type", "").partition(";")[0] != (
        "application/x-www-form-urlencoded"
    ):
        raise HTTPException(422)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LIMIT:
            raise HTTPException(422)
    fields = _fields(bytes(body))
    given = fields.pop(TOKEN_FIELD, "").encode()
    if not hmac.compare_digest(given, act_token(request).encode()):
        raise HTTPException(403)
    return SentForm(any_reader(request), identity_of(request), fields)


def _fields(body: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(
            body.decode("ascii"), True, strict_parsing=True, errors="strict", max_num_fields=100
        )
    except ValueError:
        raise HTTPException(422) from None
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise HTTPException(422)
    return fields


Act = Annotated[SentForm, Depends(sent_form)]
