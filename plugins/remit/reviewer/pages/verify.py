"""Verifying a run's evidence in the reader's own browser, with a key that the reader brings."""

from __future__ import annotations

import json
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import Response

from remit.bundle.making import gather
from remit.custody.guard import RUN_ID
from remit.reviewer.access import AnyReader, Reader
from remit.reviewer.reading import ledger, openers
from remit.reviewer.rendering import page

NAME = "verify"
FORMAT = "remit-proofs-1"
_MOST = 4 * 2**20
SAID = (
    "working verified not-verified key signature records ended not-ended broken-key broken-no-ed25519 "
    "broken-form broken-another-key broken-signature broken-order broken-record broken-proof"
).split()
"""What the script says; the page has the words, in its language."""
router = APIRouter()


@router.get("/verify")
def verify(
    request: Request, reader: AnyReader, run: Annotated[str, Query(max_length=200)]
) -> Response:
    """The records of a run with their proofs, and what verifies them."""
    found = _proofs(run, reader)
    shown = found if len(found) <= _MOST else ""  # a reader loads the file then
    return page(request, NAME, "verify.html", run=run, proofs=shown, words=SAID)


@router.get("/verify/proofs")
def proofs(reader: AnyReader, run: Annotated[str, Query(max_length=200)]) -> Response:
    """The same as a file, to be verified somewhere else."""
    headers = {"Content-Disposition": f'attachment; filename="{run}.proofs.json"'}
    return Response(_proofs(run, reader), media_type="application/json", headers=headers)


def _proofs(run: str, reader: Reader) -> str:
    """A run's records as they are in the log, each with the path to the newest checkpoint's root."""
    log = ledger()
    if not RUN_ID.fullmatch(run) or not any(log.kept(run)):
        raise HTTPException(404)
    reader.require(openers(log, [run])[run])
    evidence = gather(log, run)
    entries = zip(evidence.records.records, evidence.records.paths, strict=True)
    fields = {
        "format": FORMAT,
        "run": run,
        "checkpoint": evidence.checkpoint.decode(),
        "records": [
            {"body": record.body().decode(), "proof": [node.hex() for node in path]}
            for record, path in entries
        ],
    }
    return json.dumps(fields)  # in ASCII: a record says what it says, but turns nothing on the page
