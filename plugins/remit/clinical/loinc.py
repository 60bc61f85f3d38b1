"""LOINC: codes of laboratory observations, digits with a check digit after a hyphen."""

from __future__ import annotations

import re

from stdnum import luhn

_FORM = re.compile(r"[1-9][0-9]{0,6}-[0-9]", re.ASCII)


def is_loinc(text: str) -> bool:
    """Whether it is written as a LOINC code whose check digit (mod 10) is right.

    Whether the code is in use is not known here. Codes of parts and answers (``LP``, ``LA``) are no
    codes of observations.
    """
    return _FORM.fullmatch(text) is not None and luhn.is_valid(text.replace("-", ""))
