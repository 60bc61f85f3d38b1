"""Text that the report's font can show; what it cannot is shown by its number, never left out."""

from __future__ import annotations

import re
import unicodedata

# What Libertinus Serif, which comes with the typesetter, has of these blocks. Nothing that is not
# seen, turns the direction of writing or joins with its neighbour is among it.
_RANGES = (
    (0x20, 0x7E),
    (0xA1, 0xAC),
    (0xAE, 0x24F),
    (0x374, 0x375),
    (0x37A, 0x37E),
    (0x384, 0x38A),
    (0x38C, 0x38C),
    (0x38E, 0x3A1),
    (0x3A3, 0x3CE),
    (0x3D0, 0x3E1),
    (0x3F0, 0x3F6),
    (0x400, 0x477),
    (0x48C, 0x4C4),
    (0x4C7, 0x4CC),
    (0x4D0, 0x4F9),
    (0x1E00, 0x1EFF),
    (0x2010, 0x2015),
    (0x2018, 0x2022),
    (0x2026, 0x2026),
    (0x2030, 0x2030),
    (0x2032, 0x2033),
    (0x2039, 0x203A),
    (0x20AC, 0x20AC),
    (0x2116, 0x2116),
    (0x2122, 0x2122),
)
SHOWN = frozenset(chr(code) for first, last in _RANGES for code in range(first, last + 1))
"""Every character that is shown as it is."""
_LONG = re.compile(r"[^\s]{20,}")
_BREAK = "\u200b"
"""Where a line may end within a word; nothing is seen of it."""


def printable(text: str) -> str:
    """The text on one line, composed, with ``[U+4E2D]`` for what the font has not.

    A word too long for a narrow column may be broken after each twelve characters.
    """
    composed = unicodedata.normalize("NFC", text)
    shown = "".join(c if c in SHOWN else " " if c.isspace() else _number(c) for c in composed)
    return _LONG.sub(lambda found: _broken(found[0]), shown)


def _number(character: str) -> str:
    return f"[U+{ord(character):04X}]"


def _broken(word: str) -> str:
    return _BREAK.join(word[at : at + 12] for at in range(0, len(word), 12))
