"""E-mail addresses, in any script, also written around robots: `x (at) y.fr`, `x @ y.fr`."""

from __future__ import annotations

import re
from collections.abc import Iterator

# Python's expressions are not linear in the text: each begins at an at sign, and goes a bounded way.
_AT = re.compile(r"[@\uff20]|\s?[(\[{]\s?(?:at|arobase|@)\s?[)\]}]\s?|\sarobase\s", re.IGNORECASE)
_LOCAL = re.compile(r"[\w!#$%&'*+/=?^`{|}~.-]{1,80}\s?\Z")
_QUOTED = re.compile(r"\"[^\"\s]{1,64}\"\s?\Z")
_LABEL = r"[^\W_](?:[\w-]{0,61}[^\W_])?"
_DOT = r"(?:\.|\s?[(\[](?:dot|point)[)\]]\s?)"
_TOP = r"(?:xn--[a-z0-9-]{2,59}|[^\W\d_]{2,24})"
_DOMAIN = re.compile(rf"\s?(?:{_LABEL}{_DOT}){{1,8}}{_TOP}(?![\w@])", re.IGNORECASE)
_LONGEST = 81


def spans(text: str) -> Iterator[tuple[int, int]]:
    """Where an e-mail address is in a text."""
    for at in _AT.finditer(text):
        domain = _DOMAIN.match(text, at.end())
        begin = max(0, at.start() - _LONGEST)
        local = domain and (
            _LOCAL.search(text, begin, at.start()) or _QUOTED.search(text, begin, at.start())
        )
        if domain and local:
            yield local.start(), domain.end()
