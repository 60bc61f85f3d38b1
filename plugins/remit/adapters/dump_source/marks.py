"""Where the fields and records of separated text begin and end, and what is wrong with its form."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from remit.adapters.dump_source.decoding import Place
from remit.errors import Refused

_LF, _CR = 10, 13


class Marks:
    """The quotes, separators and line ends of one portion, which holds whole records.

    A separator or line end behind an odd number of quotes is inside quotes.
    """

    def __init__(self, text: bytes, separator: str, quote: str | None, place: Place) -> None:
        self._text, self._place = text, place
        self._bytes = np.frombuffer(text, np.uint8)
        self._separator = ord(separator)
        quoted = quote is not None and quote.encode() in text
        self._quotes = self._find(ord(quote)) if quote and quoted else np.array([], np.int64)

    def require_form(self, crlf: bool) -> None:
        """Refuse (dump-malformed) what would be read as something else than it says.

        Args:
            crlf: whether lines end with CR LF.
        """
        self._require_quoting()
        self._require_line_ends(crlf)

    def refuse_blank(self, rows: int, crlf: bool) -> None:
        """Refuse (dump-malformed) an empty line, which is no row.

        Args:
            rows: how many rows there are, so that nothing is looked for where it cannot be.
        """
        lines = self._text.count(b"\n") + (not self._text.endswith(b"\n"))
        if rows != lines:
            self._refuse_blank(b"\r\n" if crlf else b"\n")

    def wrong_fields(self, fields: int) -> Refused:
        """The refusal of the first record that has not so many fields."""
        separators = self._outside(self._find(self._separator))
        starts, ends = self.records()
        counts = np.searchsorted(separators, ends) - np.searchsorted(separators, starts) + 1
        wrong = np.flatnonzero(counts != fields)
        if not len(wrong):
            return malformed(self._place.at(self._text, 0), "the lines from here have another form")
        found = int(counts[wrong[0]])
        column = f", column {min(found, fields) + 1}"
        where = f"{self._place.file} line {self.line_of(int(wrong[0]))}{column}"
        last = " (the file's last line may be cut short)" if wrong[0] == len(ends) - 1 else ""
        return malformed(where, f"the line has {found} fields, the header {fields}{last}")

    def line_of(self, record: int) -> int:
        """The line that a record begins with."""
        starts, _ = self.records()
        return self._place.line + self._text.count(b"\n", 0, int(starts[record]))

    def records(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Where each record begins, and where it ends."""
        ends = self._outside(self._find(_LF))
        if not self._text.endswith(b"\n"):
            ends = np.append(ends, len(self._text))
        return np.append([0], ends[:-1] + 1), ends

    def _require_quoting(self) -> None:
        """A quote begins a field or ends it, or is one of two that stand for one."""
        quotes, text = self._quotes, self._bytes
        if not len(quotes):
            return
        if len(quotes) % 2:
            raise self._malformed(quotes[-1], "a quoted field is not ended")
        opening, closing = quotes[0::2], quotes[1::2]
        doubled = opening[1:] == closing[:-1] + 1
        starts = self._edge(text[opening - 1]) | (opening == 0)
        after = np.minimum(closing + 1, len(text) - 1)
        ends = self._edge(text[after]) | (closing == len(text) - 1)
        wrong = [*opening[~(starts | np.append([False], doubled))][:1]]
        wrong += [*closing[~(ends | np.append(doubled, [False]))][:1]]
        if wrong:
            why = "a quote stands inside a field, neither doubled nor at its begin or end"
            raise self._malformed(min(wrong), why)

    def _edge(self, found: NDArray[np.uint8]) -> NDArray[np.bool_]:
        return np.isin(found, (self._separator, _LF, _CR))

    def _require_line_ends(self, crlf: bool) -> None:
        text = self._text
        returns = text.count(b"\r")
        if not crlf and not returns:
            return
        if crlf and text.count(b"\r\n") == text.count(b"\n") == returns:
            return
        feeds, back = self._outside(self._find(_LF)), self._outside(self._find(_CR))
        if crlf:
            behind = np.minimum(back + 1, len(text) - 1)
            alone = [*feeds[self._bytes[feeds - 1] != _CR][:1]]
            alone += [*back[self._bytes[behind] != _LF][:1]]
        else:
            alone = [*back[:1]]
        if alone:
            why = "this line ends otherwise than the header does (CR, LF, CR LF)"
            raise self._malformed(min(alone), why)

    def _refuse_blank(self, end: bytes) -> None:
        text = self._text
        if text.startswith(end):
            raise self._malformed(0, "the line is empty")
        if end + end not in text:
            return
        feeds = self._outside(self._find(_LF))
        blank = feeds[1:][np.diff(feeds) == len(end)]
        if len(blank):
            raise self._malformed(blank[0] + 1 - len(end), "the line is empty")

    def _find(self, byte: int) -> NDArray[np.int64]:
        return np.flatnonzero(self._bytes == byte)

    def _outside(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        if not len(self._quotes):
            return places
        outside: NDArray[np.int64] = places[np.searchsorted(self._quotes, places) % 2 == 0]
        return outside

    def _malformed(self, offset: int | np.int64, why: str) -> Refused:
        return malformed(self._place.at(self._text, int(offset)), why)


def malformed(where: str, why: str) -> Refused:
    """The refusal of what has not the declared form."""
    return Refused(
        "dump-malformed",
        where,
        f"{why}.",
        "have the dump written again, or the instruction's dump declare the form that it has.",
    )
