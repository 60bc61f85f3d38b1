"""Pieces of a text, and what hands write between digits."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

GAP = r"[\s\u00a0\u2000-\u200b\u202f\u2060./_\u2010-\u2015-]"
"""One character that people, or word processors, put between groups of digits."""

# What stands before a number of another kind: then it is taken for that.
_OTHER_NUMBER = re.compile(
    r"(?<![^\W\d_])(?:[ée]chantillons?|[ée]ch\.?|pr[ée]l[eè]vements?|dossiers?|demandes?|tubes?|lots?|barres?|accessions?|"
    r"r[ée]f[ée]?r?e?n?c?e?s?\.?|commandes?|factures?|finess|rpps|adeli|sir[ei][nt]|ipp|iep|venue|s[ée]jour|"
    r"analyses?|bons?|sample|order|loinc|snomed|gtin|ean|s[ée]rie|plaques?|lame|bloc|poche|don|code)"
    r"(?:\s+(?:n|num[ée]ro|no|nr|id|interne|externe|labo))?[\s\u00a0\u202f]*[°ºo.:#=-]*[\s\u00a0\u202f]*\Z",
    re.IGNORECASE,
)
_BEFORE = 40


class Span(NamedTuple):
    """A piece of a text, and of which kind it is."""

    start: int
    end: int
    kind: str


Finder = Callable[[str], Iterator[tuple[int, int]]]


def is_of_another_kind(text: str, start: int) -> bool:
    """Whether the words before say that a number is one of a sample, an order or the like."""
    return _OTHER_NUMBER.search(text[max(0, start - _BEFORE) : start]) is not None


def merged(spans: Iterable[Span]) -> list[Span]:
    """In order, without overlap: of those that overlap, one over all of them, named by the longest."""
    done: list[tuple[Span, int]] = []
    for span in sorted(spans):
        length = span.end - span.start
        if not done or span.start >= done[-1][0].end:
            done.append((span, length))
            continue
        last, longest = done[-1]
        kind = span.kind if length > longest else last.kind
        done[-1] = Span(last.start, max(last.end, span.end), kind), max(length, longest)
    return [span for span, _ in done]
