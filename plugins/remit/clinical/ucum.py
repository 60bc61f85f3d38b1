"""UCUM: units of measure, as the grammar of the Unified Code for Units of Measure has them.

    unit       = ["/"] term
    term       = component {("." | "/") component}
    component  = ("(" term ")" | symbol [exponent] | number) [annotation] | annotation
    symbol     = a unit, or a prefix and a metric unit
    annotation = "{" visible ASCII without braces "}"

An annotation after a number or a closing parenthesis is not in the published grammar, but in the
published list of common units (``/100{WBCs}``), so it is accepted.

The case-sensitive codes alone are known: ``mmol/L`` is a unit and ``MMOL/L`` is none.
"""

from __future__ import annotations

import re

from remit.clinical.ucum_codes import METRIC, OTHERS, PREFIXES

LONGEST = 200
"""Characters; nobody's unit is longer."""

_SYMBOLS = METRIC | OTHERS | {prefix + unit for prefix in PREFIXES for unit in METRIC}
# The longest code first: `m[H2O]` is not a metre, and `10*` is no number.
_SYMBOL = "|".join(map(re.escape, sorted(_SYMBOLS, key=lambda code: (-len(code), code))))
_ANNOTATION = r"\{[!-z|~]*\}"
_COMPONENT = re.compile(
    rf"(?:(?:{_SYMBOL})(?:[+-]?[0-9]+)?|[0-9]+)(?:{_ANNOTATION})?|{_ANNOTATION}"
)
_CLOSING = re.compile(rf"\)(?:{_ANNOTATION})?")
_OPERATORS = "./"


def is_ucum(text: str) -> bool:
    """Whether it is a unit of UCUM, such as ``mg/dL``, ``10*3/uL`` or ``{score}``."""
    if len(text) > LONGEST:
        return False
    at, depth = int(text.startswith("/")), 0
    while True:
        while text.startswith("(", at):
            at, depth = at + 1, depth + 1
        component = _COMPONENT.match(text, at)
        if component is None:
            return False
        at = component.end()
        while depth and (closing := _CLOSING.match(text, at)):
            at, depth = closing.end(), depth - 1
        if at == len(text):
            return depth == 0
        if text[at] not in _OPERATORS:
            return False
        at += 1
