"""Letters without accents and case, and the words of a text, alike for whole columns and one text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

_LINKS = "'\u2019\u2018\u02bc`\u2010\u2011-"
_LETTERS = {
    "ß": "ss", "œ": "oe", "æ": "ae", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "\u0131": "i",
}  # fmt: skip
_WORD = re.compile(r"[^\W\d_]+")
_LINK = re.compile(f"[{_LINKS}]+")
_MARKERS = re.compile(r"\[(?:nir|email|phone|iban|name|unchecked)\]")


class Word(NamedTuple):
    """A word, folded, and where it is in the text as it was written."""

    folded: str
    start: int
    end: int
    linked: bool
    """Whether nothing but a hyphen or apostrophe is between it and the word before."""


@cache
def _letter(letter: str) -> str:
    bare = unicodedata.normalize("NFKD", letter)
    bare = "".join(c for c in bare if unicodedata.category(c) != "Mn").lower()
    return "".join(_LETTERS.get(c, c) for c in bare if unicodedata.category(c) != "Mn")


def fold(text: str) -> str:
    """The text in lower case, without accents."""
    return "".join(map(_letter, text))


def words(text: str) -> list[Word]:
    """The words of a text, without those of the markers that redaction leaves."""
    return list(_words(text))


def _words(text: str) -> Iterator[Word]:
    folded, places = [], []
    for place, letter in enumerate(text):
        bare = _letter(letter)
        folded.append(bare)
        places += [place] * len(bare)
    whole, last = "".join(folded), -1
    hidden = {at for match in _MARKERS.finditer(whole) for at in range(*match.span())}
    for match in _WORD.finditer(whole):
        start, end = match.span()
        if start in hidden:
            last = -1
            continue
        linked = last >= 0 and _LINK.fullmatch(whole, last, start) is not None
        last = end
        after = places[end - 1] + 1
        while after < len(text) and not _letter(text[after]):
            after += 1  # accents that are code points of their own
        yield Word(match[0], places[start], after, linked)


def compact(text: str) -> str:
    """The letters alone, folded."""
    return "".join(_WORD.findall(fold(text)))


def words_of_each(texts: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Words of many texts, folded, also run together over hyphens and apostrophes.

    Returns:
        For each word the place of its text, and the word; what `words` gives is all among them.
    """
    folded = pc.replace_substring_regex(
        pc.utf8_lower(_bare(pc.utf8_normalize(texts, "NFKD"))), r"\p{Mn}+", ""
    )
    for letter, plain in _LETTERS.items():
        folded = pc.replace_substring(folded, letter, plain)
    places, found = _split(folded)
    together = pc.indices_nonzero(pc.match_substring_regex(folded, f"[{_LINKS}]"))
    if len(together) == 0:
        return places, found
    inner, more = _split(pc.replace_substring_regex(folded.take(together), f"[{_LINKS}]+", ""))
    return (
        pa.concat_arrays([places, together.take(inner).cast(pa.int64())]),
        pa.concat_arrays([found, more]),
    )


def _bare(texts: pa.Array) -> pa.Array:
    return pc.replace_substring_regex(texts, r"\p{Mn}+", "")


def _split(texts: pa.Array) -> tuple[pa.Array, pa.Array]:
    lists = pc.split_pattern_regex(texts, r"[^\p{L}]+")
    return pc.list_parent_indices(lists), pc.list_flatten(lists)
