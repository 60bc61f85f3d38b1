"""Reading records for the board: quickly, and no record that was changed where it is kept.

A record is held to the leaf of the tree that is kept beside it, which its every byte decides, and to its
place; that takes a tenth of the time in which its form is parsed and put together again. That the leaf
belongs to the tree is for `remit evidence verify --all`.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from remit.errors import EvidenceBroken
from remit.evidence import Kept
from remit.merkle import leaf_hash

_AT = len('{"at":"')
_LENGTH = len("2026-01-01T00:00:00Z")


def require_intact(kept: Kept) -> None:
    """Refuse a record that is not the one that was appended in this place.

    Raises:
        EvidenceBroken: it is not.
    """
    leaf = kept.nodes[:64] if isinstance(kept.nodes, str) else ""
    if leaf_hash(kept.body).hex() != leaf:
        raise EvidenceBroken(f"record {kept.seq}", "the record was changed: its digest is another.")
    # The canonical form has these at its end, and the time at its beginning.
    place = f',"kind":"{kept.kind}","run":"{kept.run}","seq":{kept.seq},"step":{kept.step}}}'
    if not kept.body.endswith(place.encode()):
        raise EvidenceBroken(
            f"record {kept.seq}", "it is not in its place: records were moved or reordered."
        )


def time_of(kept: Kept) -> datetime:
    """When it was recorded. Raises ValueError where it does not say so."""
    return moment(kept.body[_AT : _AT + _LENGTH].decode())


def moment(text: str) -> datetime:
    """As `remit.evidence.parse_timestamp`, fifty times as fast. Raises ValueError."""
    if len(text) != _LENGTH or text[-1] != "Z":
        raise ValueError("not a time as remit writes them")
    return datetime.fromisoformat(text)


def fields_of(kept: Kept) -> dict[str, Any]:
    """All that it says. Raises ValueError."""
    fields: dict[str, Any] = json.loads(kept.body)
    return fields
