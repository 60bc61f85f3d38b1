"""IBAN, with or without spaces; length, structure and check digits are python-stdnum's to judge."""

from __future__ import annotations

import re
from collections.abc import Iterator

from stdnum import iban

from remit.direct_identifiers.spans import GAP

_CANDIDATE = re.compile(
    rf"(?<![0-9A-Za-z])(?=([A-Za-z]{{2}}{GAP}?[0-9]{{2}}(?:{GAP}{{0,2}}[0-9A-Za-z]){{11,30}}))"
)
_SHORTEST, _LONGEST = 15, 34


def spans(text: str) -> Iterator[tuple[int, int]]:
    """Where an IBAN is in a text."""
    for match in _CANDIDATE.finditer(text):
        ends = [at for at in range(match.start(), match.end(1)) if text[at].isalnum()]
        bare = "".join(text[at] for at in ends)
        # The longest first: words that follow are no part of it.
        for length in range(min(len(bare), _LONGEST), _SHORTEST - 1, -1):
            end = ends[length - 1] + 1
            if not text[end : end + 1].isalnum() and iban.is_valid(
                bare[:length], check_country=False
            ):
                yield match.start(), end
                break
