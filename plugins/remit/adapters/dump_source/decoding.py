"""From a dump's bytes to UTF-8, by the declared encoding: exactly, or refused with line and character.

A declared encoding of single bytes fits almost any file, so a file that is UTF-8 after all would pass
as other letters. Sequences that UTF-8 has, and texts in these encodings as good as never, are refused.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from remit.errors import Refused

LONGEST = 16 << 20
"""How many bytes a record can have."""

_CODECS = {"iso-8859-1": "latin-1", "utf-8-sig": "utf-8"}
_CONTROLS = ("iso-8859-1", "iso-8859-15")
"""Encodings in which 0x80 to 0x9F are control characters, which no text has."""
_BOM = codecs.BOM_UTF8

# Letters of Latin script, punctuation, pairs of other scripts' letters, a byte order mark, an emoji.
# Not: a capital before a no-break space or quote (É », C9 BB), é with both (E9 A0 BB).
_UTF8 = re.compile(
    rb"[\xc2-\xc5][\x80-\xbf]|\xe2[\x80-\x84][\x80-\xbf]|(?:[\xc6-\xdf][\x80-\xbf]){2}"
    rb"|\xef\xbb\xbf|\xf0\x9f[\x80-\xbf]{2}"
)
_C1 = {True: re.compile(rb"\xc2[\x80-\x9f]"), False: re.compile(rb"[\x80-\x9f]")}


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a file of a dump; the first is 1."""

    file: str
    line: int = 1

    def at(self, text: bytes, offset: int, codec: str = "utf-8") -> str:
        """The place of a byte of `text`, which begins with this line, as refusals name it."""
        line = self.line + text.count(b"\n", 0, offset)
        start = text.rfind(b"\n", 0, offset) + 1
        character = len(text[start:offset].decode(codec, "replace")) + 1
        return f"{self.file} line {line}, character {character}"


def decoded(raw: Iterator[bytes], encoding: str, file: str) -> Iterator[tuple[Place, bytes]]:
    """Whole lines of UTF-8, each portion with the place of its first.

    Raises:
        Refused: dump-encoding; dump-malformed, for a line without end.
    """
    if encoding == "utf-16":
        raw, encoding = _from_utf16(raw, file), "utf-8-sig"
    line = 1
    for portion in _whole_lines(raw, file):
        place = Place(file, line)
        text = _without_mark(portion, encoding, place) if line == 1 else portion
        yield place, _checked(text, encoding, place)
        line += portion.count(b"\n")


def _whole_lines(raw: Iterator[bytes], file: str) -> Iterator[bytes]:
    kept = b""
    for chunk in raw:
        cut = chunk.rfind(b"\n") + 1
        if cut:
            yield kept + chunk[:cut]
            kept = chunk[cut:]
        else:
            kept += chunk
        if len(kept) > LONGEST:
            raise Refused(
                "dump-malformed",
                file,
                f"a line is longer than {LONGEST >> 20} MiB; lines end with LF or CR LF.",
                "have the dump written with such line ends, or declare its true encoding.",
            )
    if kept:
        yield kept


def _without_mark(text: bytes, encoding: str, place: Place) -> bytes:
    if not text.startswith(_BOM):
        return text
    if encoding != "utf-8-sig":
        raise _wrong(place.at(text, 0), "it begins with the mark of UTF-8", "declare utf-8-sig")
    return text[len(_BOM) :]


def _checked(text: bytes, encoding: str, place: Place) -> bytes:
    """The text as UTF-8."""
    codec, single = _CODECS.get(encoding, encoding), not encoding.startswith("utf")
    if b"\0" in text:
        raise _wrong(place.at(text, text.index(b"\0"), codec), "there is a NUL byte")
    if text.isascii():
        return text
    utf8, controls = _suspicions(text, encoding)
    if single and utf8 and (found := _UTF8.search(text)):
        at = place.at(text, found.start(), codec)
        raise _wrong(at, f"{encoding} is declared, but this is UTF-8", "declare utf-8")
    if controls and (found := _C1[not single].search(text)):
        at = place.at(text, found.start(), codec)
        raise _wrong(at, "there is a control character (C1)", "declare cp1252 if it is Windows'")
    try:
        characters = text.decode(codec)
    except UnicodeDecodeError as error:
        at = place.at(text, error.start, codec)
    else:
        return characters.encode() if single else text
    raise _wrong(at, f"there is no such character in {encoding}")


def _suspicions(text: bytes, encoding: str) -> tuple[bool, bool]:
    """Whether there may be UTF-8 and control characters, so that the slow searches are needed."""
    places = np.flatnonzero(np.frombuffer(text, np.int8) < 0)
    high = np.frombuffer(text, np.uint8)[places]
    together = np.diff(places) == 1
    lead, next_one = high[:-1][together], high[1:][together]
    continued = lead[next_one < 0xC0]
    if encoding.startswith("utf"):
        return False, bool(((lead == 0xC2) & (next_one < 0xA0)).any())
    alone = (continued <= 0xC5) | np.isin(continued, (0xE2, 0xEF, 0xF0))
    utf8 = bool(((continued >= 0xC2) & (alone | (continued <= 0xDF))).any())
    return utf8, encoding in _CONTROLS and bool((high < 0xA0).any())


def _from_utf16(raw: Iterator[bytes], file: str) -> Iterator[bytes]:
    decoder, line, first = codecs.getincrementaldecoder("utf-16")(), 1, True
    for chunk in raw:
        if first and chunk[:2] not in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            raise _wrong(f"{file} line 1", "utf-16 begins with a byte order mark, and it has none")
        first = False
        yield (text := _step(decoder, chunk, False, Place(file, line))).encode()
        line += text.count("\n")
    _step(decoder, b"", True, Place(file, line))


def _step(decoder: codecs.IncrementalDecoder, chunk: bytes, final: bool, place: Place) -> str:
    try:
        return decoder.decode(chunk, final)
    except UnicodeDecodeError:
        where = f"{place.file} after line {place.line}"
    raise _wrong(where, "there is no such character in utf-16")


def _wrong(where: str, what: str, way_out: str = "declare the encoding that it has") -> Refused:
    return Refused(
        "dump-encoding",
        where,
        f"{what}.",
        f"{way_out} in a new version of the instruction, or have the dump written again.",
    )
