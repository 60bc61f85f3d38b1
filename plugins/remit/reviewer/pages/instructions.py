"""Instructions: in force, superseded, revoked; each in plain language, and what differs between two."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import Response

from remit import wiring
from remit.custody.briefs import register_records
from remit.custody.entries import Entry, entries_of
from remit.custody.processing_record import standing_of, terms_of
from remit.instruction.differences import HEADINGS, differences
from remit.instruction.plain_language import Language, Signature
from remit.instruction.plain_language import page as plain_page
from remit.reviewer.access import DeploymentReader
from remit.reviewer.reading import ledger
from remit.reviewer.rendering import language_of, page

NAME = "instructions"
router = APIRouter()
TONES = {
    "in-force": "good",
    "revoked": "bad",
    "superseded": "quiet",
    "expired": "quiet",
    "not-yet": "waiting",
}
_Name = Annotated[str, Query(max_length=63)]
_Id = Annotated[str, Query(alias="id", max_length=63)]
_Version = Annotated[int, Query(ge=1, lt=2**31)]


@router.get("/instructions")
def instructions(request: Request, _: DeploymentReader) -> Response:
    """Every version that was received, the newest receipt first."""
    entries, now = _entries(), wiring.clock()
    rows = [{"entry": one, "standing": standing_of(one, entries, now)} for one in entries]
    return page(request, NAME, "instructions.html", rows=rows[::-1], tones=TONES)


@router.get("/instruction")
def instruction(
    request: Request, _: DeploymentReader, controller: _Name, name: _Id, version: _Version
) -> Response:
    """One version, as a lawyer reads it."""
    entries = _of(controller, name)
    entry = _version(entries, version)
    # That it was signed was verified when it was received; who is trusted now is not asked here.
    text = plain_page(terms_of(entry), Signature(entry.digest), Language(language_of(request)))
    others = [one.version for one in entries if one.version != version]
    values: dict[str, Any] = {
        "standing": standing_of(entry, entries, wiring.clock()),
        "tones": TONES,
    }
    return page(request, NAME, "instruction.html", entry=entry, text=text, others=others, **values)


@router.get("/instruction/differences")
def compared(
    request: Request,
    _: DeploymentReader,
    controller: _Name,
    name: _Id,
    old: _Version,
    new: _Version,
) -> Response:
    """What differs between two versions, what widens the instruction first."""
    entries = _of(controller, name)
    before, after = _version(entries, old), _version(entries, new)
    language = Language(language_of(request))
    found = differences(terms_of(before), terms_of(after), language)
    groups = [
        (direction, words[language is Language.FRENCH], own)
        for direction, words in HEADINGS.items()
        if (own := [change for change in found if change.direction == direction])
    ]
    values: dict[str, Any] = {"before": before, "after": after, "groups": groups}
    return page(request, NAME, "instruction_differences.html", **values)


def _entries() -> list[Entry]:
    return entries_of(register_records(ledger()))


def _of(controller: str, name: str) -> list[Entry]:
    """The versions of one instruction of a controller, by their number."""
    own = [e for e in _entries() if controller in e.controllers and e.instruction["id"] == name]
    return sorted(own, key=lambda entry: entry.version)


def _version(entries: list[Entry], version: int) -> Entry:
    found = next((entry for entry in entries if entry.version == version), None)
    if found is None:
        raise HTTPException(404)
    return found
