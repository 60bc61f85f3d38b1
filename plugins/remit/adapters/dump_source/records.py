"""Separated text in portions of whole records, and its header."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from remit.adapters.dump_source.decoding import LONGEST, Place
from remit.adapters.dump_source.marks import malformed


@dataclass(frozen=True, slots=True)
class Portion:
    """Whole records of UTF-8, and the place of the first."""

    place: Place
    text: bytes


@dataclass(frozen=True, slots=True)
class Header:
    """The names of the columns, and how lines end."""

    names: tuple[str, ...]
    crlf: bool


def whole_records(decoded: Iterator[tuple[Place, bytes]], quote: str | None) -> Iterator[Portion]:
    """Portions that end where a record does: behind an even number of quotes.

    Raises:
        Refused: dump-malformed, for a quoted field without end.
    """
    mark = quote.encode() if quote else None
    kept, begin = b"", Place("")
    for place, portion in decoded:
        text = kept + portion
        begin = begin if kept else place
        cut = _cut(text, mark)
        if cut:
            yield Portion(begin, text[:cut])
        kept = text[cut:]
        if kept:
            begin = Place(begin.file, begin.line + text.count(b"\n", 0, cut))
        if len(kept) > LONGEST:
            raise malformed(f"{begin.file} line {begin.line}", "a quoted field is not ended")
    if kept:
        yield Portion(begin, kept)


def _cut(text: bytes, mark: bytes | None) -> int:
    """Behind the last line end that is outside quotes."""
    end = len(text)
    while mark and mark in text and text.count(mark, 0, end) % 2:
        end = text.rfind(b"\n", 0, max(end - 1, 0)) + 1
    return end


def read_header(
    portions: Iterator[Portion], separator: str, quote: str | None, file: str
) -> tuple[Header, Portion]:
    """The header, and what is left of its portion.

    Raises:
        Refused: dump-malformed. No name is in it: without a header, the first line holds values.
    """
    first = next(portions, None)
    if first is None:
        raise malformed(file, "it is empty, and so has no header")
    end = _header_end(first.text, quote)
    line = first.text[:end]
    names = _names(line, separator, quote, f"{file} line {first.place.line}")
    rest = Place(file, first.place.line + line.count(b"\n"))
    return Header(names, line.endswith(b"\r\n")), Portion(rest, first.text[end:])


def _header_end(text: bytes, quote: str | None) -> int:
    mark, end = quote.encode() if quote else None, text.find(b"\n") + 1
    while mark and end and text.count(mark, 0, end) % 2:
        end = text.find(b"\n", end) + 1
    return end or len(text)


def _names(line: bytes, separator: str, quote: str | None, where: str) -> tuple[str, ...]:
    text = line.decode().removesuffix("\n").removesuffix("\r")
    plain: dict[str, Any] = {"delimiter": separator, "strict": True}
    form = plain | ({"quotechar": quote} if quote else {"quoting": csv.QUOTE_NONE})
    try:
        rows = list(csv.reader([text], **form))
    except csv.Error:
        rows = []
    if len(rows) != 1:
        raise malformed(where, "the header cannot be read")
    names = tuple(rows[0])
    for number, name in enumerate(names, 1):
        if name in names[: number - 1]:
            first = names.index(name) + 1
            raise malformed(f"{where}, column {number}", f"it has the same name as column {first}")
    return names
