"""``POST /remit/receipts/RUN``: takes a receipt in, and nothing else.

Guarantee: what is kept is signed by the target's key that the run's instruction pins, names that
run, and has at most 1 MiB. An unknown run and a signature that does not hold get the same answer. A
receipt that is handed in confirms nothing: the step looks at it, and judges it like any other. Who
sends what has a receipt's form and is refused, or is taken from outside the networks that the instruction
expects, is on record as an attempt (`remit.custody.attempts`), for supervision to see.
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

from remit.alerts.watched import Watched
from remit.confirm import PAYLOAD_TYPE, read_receipt
from remit.custody import Story
from remit.custody.answers import RECEIPT_LIMIT
from remit.custody.attempts import record_attempt
from remit.custody.guard import RUN_ID
from remit.errors import Refused, RemitError, describe_unexpected
from remit.evidence import Ledger, Record
from remit.instruction import VerifiedInstruction, verify
from remit.signing import signers_of
from remit.wiring import Settings, open_inbox, open_ledger, open_office

_log = logging.getLogger(__name__)
_NOT_ONE = "not a receipt of this run, signed by its target"


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
        return await run_in_threadpool(
            _keep, run, body, request.client.host if request.client else None
        )
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


def _keep(run: str, envelope: bytes, address: str | None) -> Response:
    settings = Settings.from_environment()
    if not _is_receipt(envelope):  # what has not even its form never reaches the ledger
        return _answer(401, _NOT_ONE)
    records = _opened(run, settings)
    instruction = _signed_for(run, records, envelope, settings)
    if instruction is None:
        why = "it is not signed by the run's target" if records else "there is no such run"
        _record(settings, "somebody", address, why, run if records else None)
        return _answer(401, _NOT_ONE)
    if not open_inbox(settings).keep(run, envelope):
        return _answer(429, "too many receipts of this run wait to be looked at")
    if not Watched.of(instruction.terms, instruction.digest).expects(address or ""):
        why = "it came from outside the networks of supervision.addresses; it was taken"
        _record(settings, "its target", address, why, run, taken=True)
    return _answer(200, "kept until it is looked at")


def _opened(run: str, settings: Settings) -> list[Record]:
    if RUN_ID.fullmatch(run) is None:
        return []
    return [kept.record() for kept in _ledger(settings).kept(run, ["opened"])]


def _signed_for(
    run: str, opened: list[Record], envelope: bytes, settings: Settings
) -> VerifiedInstruction | None:
    """The run's instruction, if the target that it pins signed this, about this run."""
    if not opened:
        return None
    try:
        pinned = Story(run, opened).instruction_envelope
        instruction = verify(pinned, settings.trust(), now=None)
        takes = "receipt" in instruction.terms.confirmation.by
        signed = takes and read_receipt(envelope, instruction).run == run
    except Refused:
        return None
    return instruction if signed else None


def _record(
    settings: Settings,
    account: str,
    address: str | None,
    why: str,
    run: str | None,
    *,
    taken: bool = False,
) -> None:
    """Record an attempt. The answer is the same if that cannot be; the server's log says so then."""
    try:
        office = open_office(settings, _ledger(settings))
        what, place = "send a receipt", address or "unknown"
        record_attempt(office, what, account, place, why, run, taken=taken)
    except RemitError as error:
        _log.error("an attempt to send a receipt could not be recorded: %s", type(error).__name__)


def _is_receipt(envelope: bytes) -> bool:
    """Whether it has a receipt's form, and a signature."""
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
