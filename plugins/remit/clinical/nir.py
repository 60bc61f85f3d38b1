"""NIR: the number under which a person is registered in France, 13 characters and a key of two digits."""

from __future__ import annotations

import re

from stdnum.fr import nir

# Corsica is 2A and 2B in place of digits; 3, 4, 7 and 8 begin numbers given for a time.
_FORM = re.compile(r"[1-478][0-9]{4}([0-9]{2}|2[AB])[0-9]{8}", re.ASCII)


def is_nir(text: str) -> bool:
    """Whether it is a NIR of 15 characters without spaces, whose key (mod 97) is right."""
    return _FORM.fullmatch(text) is not None and nir.is_valid(text)
