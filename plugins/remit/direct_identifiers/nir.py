"""NIR, the French social security number: 13 digits and a key of two, Corsica with 2A and 2B.

Taken for one, where sex, month and department can be those of a NIR: 15 digits whose key is right
(python-stdnum says), 13 or 15 that are written in the groups of a NIR or follow a word for it, and
13 in one piece that no word before calls a sample's, an order's or the like. Fifteen digits in one
piece with a wrong key are some other number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from stdnum.fr import nir

from remit.direct_identifiers.spans import GAP, is_of_another_kind

_S = f"({GAP}{{0,3}})"
# A lookahead, so that a candidate may begin inside another.
_CANDIDATE = re.compile(
    rf"(?<![0-9])(?=(?P<number>(?P<sex>[1-478]){_S}[0-9]{{2}}{_S}(?P<month>0[1-9]|1[0-2]|[2-9][0-9]){_S}"
    rf"(?P<department>0[1-9]|[1-9][0-9]|2[ABab]){_S}[0-9]{{3}}{_S}[0-9]{{3}})(?P<rest>{_S}(?P<key>[0-9]{{2}}))?)"
)
_GAPS = (3, 4, 6, 8, 9)
# Copied from a screen in threes, which only a right key makes a NIR.
_IN_THREES = re.compile(rf"(?<![0-9])(?=([1-478][0-9]{{2}}(?:{GAP}[0-9]{{3}}){{4}})(?![0-9]))")
_CALLED = re.compile(
    r"(?:\bnir|\bnni|\bn°?\s*ss|\bnss|s[ée]cu(?:rit[ée])?(?:\s+sociale)?|\binsee|immatricul\w*|assur[ée]e?"
    r"|carte\s+vitale)(?![a-zà-ÿ])[^0-9]{0,25}\Z",
    re.IGNORECASE,
)
_NOT_ALONE = re.compile(r"[0-9A-Za-z]")


def spans(text: str) -> Iterator[tuple[int, int]]:
    """Where a NIR is in a text."""
    for match in _CANDIDATE.finditer(text):
        end = _end_of(match, text)
        if end:
            yield match.start(), end
    for match in _IN_THREES.finditer(text):
        if nir.is_valid(_digits(match[1])):
            yield match.start(), match.end(1)


def _end_of(match: re.Match[str], text: str) -> int:
    """Where the NIR that begins here ends; 0 if there is none."""
    start, short, whole = match.start(), match.end("number"), match.end("rest")
    called = _CALLED.search(text[max(0, start - 50) : start]) is not None
    if start and _NOT_ALONE.match(text, start - 1) and not called:
        return 0
    gaps = [match[number] for number in _GAPS]
    sure = called or all(gaps)
    keyed = match["rest"] is not None and not _goes_on(text, whole)
    if keyed and (sure or nir.is_valid(_digits(match["number"]) + match["key"])):
        return whole
    if _goes_on(text, short):
        return 0
    return short if sure or _is_plausible(match, gaps, text) else 0


def _is_plausible(match: re.Match[str], gaps: list[str], text: str) -> bool:
    """Whether 13 digits of which nothing else is said are taken for a NIR."""
    if match["department"][1] in "ABab":
        return True
    in_one_or_in_groups = sum(map(bool, gaps)) in (0, 3, 4)
    born = match["sex"] in "12" and match["month"] <= "12"
    return born and in_one_or_in_groups and not is_of_another_kind(text, match.start())


def _goes_on(text: str, end: int) -> bool:
    return end < len(text) and _NOT_ALONE.match(text, end) is not None


def _digits(text: str) -> str:
    return re.sub(GAP, "", text).upper()
