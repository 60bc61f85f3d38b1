"""The names of the person whom a row is about, in that row's text.

Accents and case do not count, nor which of hyphen, apostrophe and nothing joins two parts. Each part
of a name is enough: Durand of Durand-Petit. Parts of one or two letters, and those that are words as
well (Petit, Claire, Rose), are found with a title before them, beside another name of the person, or,
the words, with a capital inside a sentence. Particles alone are never found.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial

import pyarrow as pa
import pyarrow.compute as pc

from remit.direct_identifiers.folding import Word, compact, words, words_of_each
from remit.direct_identifiers.spans import Span
from remit.direct_identifiers.words import COMMON, PARTICLES, TITLES

NAME = "name"
_SHORTEST = 3
_SHORTEST_TOGETHER = 4
_BEFORE = 20
_MOST_REMEMBERED = 1 << 15
_NEVER_ALONE = COMMON | PARTICLES
_BESIDE = re.compile(r"[\s\u00a0\u202f.,'\u2019\u2010\u2011()-]{1,4}")
_SENTENCE_ENDS = re.compile(r"(?:\A|[.!?:;\n(\"«*-])[\s\u00a0\u202f]*\Z")


@dataclass(frozen=True, slots=True)
class Names:
    """What to look for of one person: parts found on their own, parts that are not, particles."""

    strong: frozenset[str]
    weak: frozenset[str]
    particles: frozenset[str]

    def __or__(self, other: Names) -> Names:
        return Names(
            self.strong | other.strong, self.weak | other.weak, self.particles | other.particles
        )

    @property
    def all(self) -> frozenset[str]:
        """Every part of which a text must have one, to be looked at."""
        return self.strong | self.weak


NOBODY = Names(frozenset(), frozenset(), frozenset())


def names_found(texts: pa.Array, names: Sequence[pa.Array]) -> pa.BooleanArray:
    """True for each text in which a name of its own row is; NULL for NULL.

    Args:
        texts: strings, also dictionary encoded.
        names: arrays as long as the texts, such as last names and first names; a value may hold
            several names, a line each.
    """
    hits = [
        row for row, text, whose in rows_to_look_at(texts, names) if any(name_spans(text, whose))
    ]
    found = pc.is_in(pa.array(range(len(texts)), pa.int64()), pa.array(hits, pa.int64()))
    return pc.if_else(pc.is_valid(texts), found, pa.scalar(None, pa.bool_()))


def names_known(names: Sequence[pa.Array], rows: int) -> pa.BooleanArray:
    """True for each row that has a name that could be found."""
    known = pa.repeat(False, rows)
    for column in names:
        coded = column.cast(pa.string()).dictionary_encode()
        usable = pa.array([bool(names_in(value).all) for value in coded.dictionary.to_pylist()])
        known = pc.or_(known, pc.fill_null(usable.cast(pa.bool_()).take(coded.indices), False))
    return known


def rows_to_look_at(texts: pa.Array, names: Sequence[pa.Array]) -> Iterator[tuple[int, str, Names]]:
    """The rows whose text has a word that is part of the row's own names."""
    coded = texts.cast(pa.string()).dictionary_encode()
    columns = [column.cast(pa.string()).dictionary_encode() for column in names]
    sought = [[names_in(value) for value in column.dictionary.to_pylist()] for column in columns]
    shared = _words_shared(
        coded.dictionary, {w for some in sought for one in some for w in one.all}
    )
    rows = pc.indices_nonzero(pc.is_in(coded.indices, pa.array(shared, coded.indices.type)))
    of_text = coded.indices.take(rows).to_pylist()
    of_names = [column.indices.take(rows).to_pylist() for column in columns]
    distinct = coded.dictionary.to_pylist() if len(rows) else []
    for row, text, *own in zip(rows.to_pylist(), of_text, *of_names, strict=True):
        whose = NOBODY
        for column, name in zip(sought, own, strict=True):
            if name is not None:
                whose |= column[name]
        if not shared[text].isdisjoint(whose.all):
            yield row, distinct[text], whose


def name_spans(text: str, whose: Names) -> Iterator[Span]:
    """Where the names are in a text, what belongs together in one piece."""
    every = words(text)
    hit = _chains(every, whose.strong)
    hit |= {number for number, word in enumerate(every) if word.folded in whose.strong}
    hit |= set(_weak_hits(text, every, whose, hit))
    yield from _together(text, every, hit, whose.particles)


def names_in(value: str) -> Names:
    """What to look for of a name as a column has it; several, a line each."""
    first, *others = value.splitlines() or [""]
    found = _of_one(first)
    for line in others:
        found |= _of_one(line)
    return found


@lru_cache(_MOST_REMEMBERED)
def _of_one(name: str) -> Names:
    parts = [word.folded for word in words(name)]
    own = [part for part in parts if part not in PARTICLES]
    if not own:  # a name that consists of particles: Le, Van
        return Names(frozenset(), frozenset(parts), frozenset())
    weak = {part for part in own if part in COMMON or (len(part) < _SHORTEST and part.isascii())}
    pieces = [compact(piece) for piece in name.split()]
    pieces += [compact(name)] if len(parts) <= _SHORTEST else []
    together = {
        piece
        for piece in pieces
        if len(piece) >= _SHORTEST_TOGETHER and piece not in _NEVER_ALONE and piece not in parts
    }
    particles = frozenset(parts) - frozenset(own)
    return Names(frozenset(own) - weak | together, frozenset(weak), particles)


def _words_shared(texts: pa.Array, sought: set[str]) -> Mapping[int, set[str]]:
    """For each place of a text, which of the words sought it has; none where it has none."""
    if not sought or len(texts) == 0:
        return {}
    places, found = words_of_each(texts)
    inside = pc.is_in(found, pa.array(sought, pa.string()))
    shared: dict[int, set[str]] = {}
    for place, word in zip(
        places.filter(inside).to_pylist(), found.filter(inside).to_pylist(), strict=True
    ):
        shared.setdefault(place, set()).add(word)
    return shared


def _chains(every: Sequence[Word], strong: frozenset[str]) -> set[int]:
    """Words that make up a name when what links them is left out: N'Diaye for NDIAYE."""
    hit: set[int] = set()
    start = 0
    for number in range(1, len(every) + 1):
        if number < len(every) and every[number].linked:
            continue
        if "".join(word.folded for word in every[start:number]) in strong:
            hit |= set(range(start, number))
        start = number
    return hit


def _weak_hits(text: str, every: Sequence[Word], whose: Names, hit: set[int]) -> Iterator[int]:
    for number, word in enumerate(every):
        if word.folded not in whose.weak:
            continue
        before = number - 1
        while before >= 0 and every[before].folded in whose.particles:
            before -= 1
        titled = before >= 0 and every[before].folded in TITLES
        beside = partial(_is_beside, text, every, whose, number)
        if titled or beside(-1, hit) or beside(1, hit) or _is_written_as_name(text, word):
            yield number


def _is_beside(
    text: str, every: Sequence[Word], whose: Names, number: int, step: int, hit: set[int]
) -> bool:
    """Whether the next word that is no particle of the name is another of the person's names."""
    other = number + step
    while 0 <= other < len(every) and every[other].folded in whose.particles:
        other += step
    if not 0 <= other < len(every):
        return False
    first, second = sorted((number, other))
    near = all(
        _BESIDE.fullmatch(text, every[n].end, every[n + 1].start) for n in range(first, second)
    )
    of_person = other in hit or every[other].folded in whose.weak
    return near and of_person and every[other].folded != every[number].folded


def _is_written_as_name(text: str, word: Word) -> bool:
    written = text[word.start : word.end]
    return (
        len(word.folded) >= _SHORTEST
        and written[0].isupper()
        and any(map(str.islower, text))
        and not _SENTENCE_ENDS.search(text, max(0, word.start - _BEFORE), word.start)
    )


def _together(
    text: str, every: Sequence[Word], hit: set[int], particles: frozenset[str]
) -> Iterator[Span]:
    """The words found, with the particles before them and what is between."""
    taken = set(hit)
    for number in sorted(hit):
        before = number - 1
        while before >= 0 and every[before].folded in particles and before not in taken:
            if not _BESIDE.fullmatch(text, every[before].end, every[before + 1].start):
                break
            taken.add(before)
            before -= 1
    current: Span | None = None
    for number in sorted(taken):
        word = every[number]
        if current and _BESIDE.fullmatch(text, current.end, word.start):
            current = Span(current.start, word.end, NAME)
            continue
        if current:
            yield current
        current = Span(word.start, word.end, NAME)
    if current:
        yield current
