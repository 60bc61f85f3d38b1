"""E-mail addresses, in any script, also written around robots: `x (at) y.fr`, `x @ y.fr`."""

from __future__ import annotations

import re
from collections.abc import Iterator

_AT = r"(?:[@\uff20]|\s?[@\uff20]\s?|\s?[(\[{]\s?(?:at|arobase|@)\s?[)\]}]\s?|\sarobase\s)"
_LOCAL = r"(?:[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*\.?)"
_LABEL = r"[^\W_](?:[\w-]{0,61}[^\W_])?"
_TOP = r"(?:xn--[a-z0-9-]{2,59}|[^\W\d_]{2,24})"
_ADDRESS = re.compile(
    rf"(?P<local>{_LOCAL}|\"[^\"\s]{{1,64}}\"){_AT}(?:{_LABEL}(?:\.|\s?(?:\(|\[)(?:dot|point)(?:\)|\])\s?))+{_TOP}(?![\w@])",
    re.IGNORECASE,
)


def spans(text: str) -> Iterator[tuple[int, int]]:
    """Where an e-mail address is in a text."""
    for match in _ADDRESS.finditer(text):
        yield match.span()
