"""Telephone numbers: French as they are written at home, of any country behind + or 00.

The form is looked for here. phonenumbers says whether such a number is in use, or, where it is
written in groups as people do or behind +33, whether it is possible at all: its tables are older than
the newest ranges. Ten digits in one piece look like a sample's: they are none where a word before
says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import phonenumbers

from remit.direct_identifiers.spans import GAP, is_of_another_kind

_S = f"{GAP}{{0,2}}"
_FRENCH = re.compile(
    rf"(?:(?<![0-9A-Za-z])(?=0)|(?<![0-9])(?=\())(?<![0-9][.,:/+-])"
    rf"(?=((?:0{_S}[1-9]|\(0[1-9]\))(?:{_S}[0-9]{{2}}){{4}}|"
    rf"0[1-9][0-9]{_S}[0-9]{{3}}{_S}[0-9]{{4}}|0{_S}[89][0-9]{{2}}{_S}[0-9]{{3}}{_S}[0-9]{{3}})(?![0-9]))"
)
_ABROAD = re.compile(
    rf"(?<![0-9A-Za-z])(?<![0-9][.,])(?=((?:\+|00)\(?{_S}[1-9][0-9]{{0,2}}\)?"
    rf"(?:{_S}(?:[()]{_S})?[0-9]){{6,14}})(?![0-9]))"
)
# Of metropolitan France, and of the departments overseas, whose numbers look the same.
_REGIONS = ("FR", "RE", "GP", "MQ", "GF")
_DATED = re.compile(
    rf"(?:0?[1-9]|[12][0-9]|3[01]){GAP}(?:0[1-9]|1[0-2]){GAP}(?:19|20)[0-9]{{2}}(?![0-9])"
    rf"|(?:19|20)[0-9]{{2}}{GAP}(?:0[1-9]|1[0-2]){GAP}[0-3][0-9](?![0-9])"
)
_DATE_AND_HOUR = re.compile(
    rf"0[1-9]{GAP}?(?:0[1-9]|1[0-2]){GAP}?(?:19|20)[0-9]{{2}}{GAP}*(?:[01][0-9]|2[0-4])"
)
_HOUR = "(?:[01][0-9]|2[0-4])"
_HOURS = re.compile(rf"(?:{_HOUR}{GAP}+){{4}}{_HOUR}")
_MINUTES = re.compile(r":[0-5][0-9]\b|\s?h\s?(?:[0-5][0-9])?\b")
# A word behind it, which a hand has not set apart; neither a code that ends in letters nor a unit.
_WORD = re.compile(
    r"h[0-9]{2}\b|(?!(?:[mµ]?[gl]|m[lL]|[ck]?[mg]|mm|mol|m?UI)\b)[a-z]{2,}(?![0-9A-Z])"
)
_LETTER = re.compile(r"[A-Za-z]")


def spans(text: str) -> Iterator[tuple[int, int]]:
    """Where a telephone number is in a text."""
    for match in _FRENCH.finditer(text):
        if _may_be(match, text) and _is_french(match[1]):
            yield match.start(), match.end(1)
    for match in _ABROAD.finditer(text):
        if end := _abroad(match, text):
            yield match.start(), end


def _may_be(match: re.Match[str], text: str) -> bool:
    written, end = match[1], match.end(1)
    if _DATED.match(text, match.start()) or _is_time(written, text, end):
        return False
    if "." in written and re.match(r"\.[0-9]", text[end:]):
        return False  # groups that go on
    if _LETTER.match(text, end) and not _WORD.match(text, end):
        return False
    return not (written.isdigit() and is_of_another_kind(text, match.start()))


def _is_time(written: str, text: str, end: int) -> bool:
    """Whether minutes follow a date with an hour, or the last of several hours."""
    return bool(_MINUTES.match(text, end)) and any(
        form.fullmatch(written) for form in (_DATE_AND_HOUR, _HOURS)
    )


def _abroad(match: re.Match[str], text: str) -> int:
    """Where the number ends; what follows it may be another, such as an extension."""
    written = match[1]
    if written.isdigit() and is_of_another_kind(text, match.start()):
        return 0
    while sum(map(str.isdigit, written)) >= 8:
        end = match.start() + len(written)
        if not text[end : end + 1].isdigit() and _exists_abroad(written):
            return end
        written = written[:-1].rstrip("() .-/\u00a0\u202f")
    return 0


def _is_french(written: str) -> bool:
    if written.isdigit():
        return any(_exists(written, region) for region in _REGIONS)
    return _exists(written, "FR", merely_possible=True)


def _exists_abroad(written: str) -> bool:
    number = "+" + re.sub(r"[^0-9(]", "", written.removeprefix("+")).removeprefix("00").lstrip("(")
    # +33 (0)6: the zero in brackets is left out when it is dialled.
    digits = number.replace("(0", "", 1).replace("(", "")
    return _exists(digits, None, merely_possible=digits.startswith("+33"))


def _exists(written: str, region: str | None, merely_possible: bool = False) -> bool:
    digits = re.sub(r"[^0-9+]", "", written)
    try:
        number = phonenumbers.parse(digits, region)
    except phonenumbers.NumberParseException:
        return False  # no number at all, which is the answer that was asked for
    if merely_possible:
        return phonenumbers.is_possible_number(number)
    return phonenumbers.is_valid_number(number)
