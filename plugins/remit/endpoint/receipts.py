"""``POST /remit/receipts/RUN``: takes a receipt in, and nothing else.

Guarantee: what is kept is signed by the target's key that the run's instruction pins, names that
run, and has at most 1 MiB. An unknown run and a signature that does not hold get the same answer. A
receipt that is handed in confirms nothing: the step looks at it, and judges it like any other.
Not guaranteed: that the two take the same time. A run's id is not a secret, and not guessable.

    200  it is kept, or was before    401  not a receipt of this run by its target
    413  larger than 1 MiB            429  too many receipts of this run wait
    503  the ledger or the inbox does not answer
"""

from __future__ import annotations

import logging
from functools import lru_cache

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from remit.confirm import PAYLOAD_TYPE, read_receipt
from remit.custody import Story
from remit.custody.answers import RECEIPT_LIMIT
from remit.custody.guard import RUN_ID
from remit.errors import Refused, RemitError, describe_unexpected
from remit.evidence import Ledger
from remit.instruction import verify
from remit.signing import signers_of
from remit.wiring import Settings, open_inbox, open_ledger

_log = logging.getLogger(__name__)


def application() -> Starlette:
    """The one route; there is no documentation route, and no other method."""
    route = Route("/{run}", _take, methods=["POST"])
    return Starlette(routes=[route])


async def _take(request: Request) -> Response:
    body = await _body(request)
    if body is None:
        return _answer(413, "a receipt has at most 1 MiB")
    run = str(request.path_params["run"])
    try:
        return await run_in_threadpool(_keep, run, body)
    except RemitError as error:
        _log.warning("a receipt could not be taken in: %s", type(error).__name__)
    except Exception as error:  # noqa: BLE001 - a traceback would show what was sent
        _log.error("a receipt could not be taken in: %s", describe_unexpected(error))
    return _answer(503, "try again later")


async def _body(request: Request) -> bytes | None:
    """What was sent; None as soon as it is too large, whatever length was announced."""
    found = bytearray()
    try:
        async for chunk in request.stream():
            found += chunk
            if len(found) > RECEIPT_LIMIT:
                return None
    except ClientDisconnect:
        return b""  # nobody waits for the answer; what came is no receipt
    return bytes(found)


def _keep(run: str, envelope: bytes) -> Response:
    settings = Settings.from_environment()
    if not _is_signed(run, envelope, settings):
        return _answer(401, "not a receipt of this run, signed by its target")
    if not open_inbox(settings).keep(run, envelope):
        return _answer(429, "too many receipts of this run wait to be looked at")
    return _answer(200, "kept until it is looked at")


def _is_signed(run: str, envelope: bytes, settings: Settings) -> bool:
    """Whether the run's target signed it, about this run."""
    if RUN_ID.fullmatch(run) is None or not _is_receipt(envelope):
        return False
    records = [kept.record() for kept in _ledger(settings).kept(run, ["opened"])]
    if not records:
        return False
    try:
        pinned = Story(run, records).instruction_envelope
        instruction = verify(pinned, settings.trust(), now=None)
        takes = "receipt" in instruction.terms.confirmation.by
        return takes and read_receipt(envelope, instruction).run == run
    except Refused:
        return False


def _is_receipt(envelope: bytes) -> bool:
    """Whether it has a receipt's form, and a signature; what has not never reaches the ledger."""
    try:
        return bool(signers_of(envelope, PAYLOAD_TYPE, "what was sent"))
    except Refused:
        return False


@lru_cache(maxsize=1)
def _ledger(settings: Settings) -> Ledger:
    """One for the process, and so not a connection for each request."""
    return open_ledger(settings)


def _answer(status: int, text: str) -> Response:
    return JSONResponse({"receipt": text}, status)
