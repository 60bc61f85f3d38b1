"""The run's documents as files that a person can open, made of the records whatever their kinds."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from remit import canonical, signing
from remit.bundle.files import Evidence
from remit.errors import EvidenceBroken, Refused
from remit.evidence import Record

MOST_OF_A_KIND = 100
"""Records of a kind that a run has more of stay in `evidence/records.jsonl` alone, as pieces do."""

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,40}")


@dataclass(frozen=True, slots=True)
class Document:
    """A file made of a record; `what` says of what, for the README."""

    name: str
    data: bytes
    what: str


def documents(evidence: Evidence) -> list[Document]:
    """Each record as JSON with line breaks, and each signed document in it as it is and readable.

    Raises:
        EvidenceBroken: a record is nested too deep.
    """
    counts = Counter(record.kind for record in evidence.records.records)
    return [
        document
        for record in evidence.records.records
        if counts[record.kind] <= MOST_OF_A_KIND
        for document in _of(record)
    ]


def _of(record: Record) -> Iterator[Document]:
    stem = f"documents/{record.step:05}-{_word(record.kind)}"
    shown: Any = record.data
    if isinstance(record.data, dict):
        shown = dict(record.data)
        for field, value in sorted(record.data.items()):
            if (signed := _signed(value)) is not None:
                name = "instruction" if field == "envelope" else _word(field)
                shown[field] = {"file": f"{stem}.{name}.dsse.json"}
                yield from _envelope(stem, name, str(value).encode(), *signed)
    yield Document(f"{stem}.json", _pretty(shown), "the record's content")


def _envelope(
    stem: str, name: str, envelope: bytes, kind: str, payload: bytes
) -> Iterator[Document]:
    yield Document(f"{stem}.{name}.dsse.json", envelope, f"the {name} in it as signed (DSSE)")
    readable = f"the {name} in it, to read"
    if kind.endswith("+yaml"):
        yield Document(f"{stem}.{name}.yaml", payload, readable)
        return
    try:
        yield Document(f"{stem}.{name}.json", _pretty(canonical.loads(payload)), readable)
    except ValueError:
        yield Document(f"{stem}.{name}.txt", payload, readable)


def _signed(value: Any) -> tuple[str, bytes] | None:
    """Type and payload of a text that is a DSSE envelope, whoever signed it."""
    if not isinstance(value, str) or not value.startswith('{"payload":'):
        return None
    try:
        kind = str(canonical.loads(value.encode())["payloadType"])
        return kind, signing.unverified_payload(value.encode(), kind, "a document")
    except (Refused, ValueError, KeyError, TypeError):
        return None


def _pretty(value: Any) -> bytes:
    try:
        return (json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True) + "\n").encode()
    except RecursionError:
        raise EvidenceBroken("the bundle", "a record in it is nested too deep.") from None


def _word(text: str) -> str:
    """What may be in a file's name; a kind or field that may not is no kind that remit writes."""
    return text if _NAME.fullmatch(text) else "other"
