"""The form of each argument that a rule may have, on values that YAML gives.

Guarantee: an argument of its form has a meaning for the judge, and one meaning alone.
"""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

from remit.columns import ColumnType

IDENTIFIERS = frozenset({"nir", "email", "phone", "iban"})
"""Kinds of direct identifiers that can be looked for in text."""


def moment(text: str) -> date | datetime:
    """Read an ISO 8601 date, or date and time.

    Raises:
        ValueError: it is neither.
    """
    return date.fromisoformat(text) if len(text) == 10 else datetime.fromisoformat(text)


def is_number(value: Any) -> bool:
    """Whether it is a finite number (a boolean is none) that a double holds without rounding."""
    if isinstance(value, bool):
        return False
    if isinstance(value, int):
        return abs(value) <= 2**53  # GX makes a float of every bound
    return isinstance(value, float) and math.isfinite(value)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 2**53


def _is_ordered(value: Any) -> bool:
    if not isinstance(value, str):
        return is_number(value)
    try:
        moment(value)
    except ValueError:
        return False
    return True


def orderly(kwargs: Mapping[str, Any]) -> bool:
    """Whether there is a bound at least, and two are of one kind and in order."""
    given = [kwargs[name] for name in ("min_value", "max_value") if name in kwargs]
    if len(given) < 2:
        return bool(given)
    low, high = (moment(value) if isinstance(value, str) else value for value in given)
    try:
        return bool(low <= high)
    except TypeError:  # a date and a time, a time with an offset and one without, a number
        return False


def _is_name(value: Any) -> bool:
    # GX reads a name in double quotes as another one.
    return isinstance(value, str) and bool(value) and not value.startswith('"')


def _are_names(value: Any) -> bool:
    return (
        isinstance(value, list | tuple)
        and bool(value)
        and all(_is_name(one) for one in value)
        and len(set(value)) == len(value)
    )


def _is_value_set(value: Any) -> bool:
    return (
        isinstance(value, list | tuple)
        and bool(value)
        and all(isinstance(one, bool | int | str) or is_number(one) for one in value)
    )


def _is_type(value: Any) -> bool:
    try:
        # A uuid is text in the extract; only a regular expression can tell it from other text.
        return ColumnType.parse(value).name != "uuid"
    except (TypeError, AttributeError, ValueError):
        return False


# Lookaround, atomic groups, conditions, comments, named and numbered backreferences, `\Z`, `\N{}`:
# Python has them and RE2 has not, so that the rule could never be judged. RE2 has the last word.
_NOT_RE2 = re.compile(r"\\(?P<escape>.)|\(\?(?:<?[=!]|[>(#]|P=)", re.DOTALL)


def _is_regex(value: Any) -> bool:
    if not isinstance(value, str) or not value:
        return False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # Python warns of what dialects read differently
            re.compile(value)
    except (re.error, Warning, RecursionError, OverflowError):
        return False
    return all((m["escape"] or "0") not in "0123456789ZuUN" for m in _NOT_RE2.finditer(value))


def _is_share(value: Any) -> bool:
    return is_number(value) and 0 < value <= 1  # at 0 the rule could not fail


def _are_identifiers(value: Any) -> bool:
    return _are_names(value) and IDENTIFIERS.issuperset(value)


def _are_ranges(value: Any) -> bool:
    """Entries of code and bounds, all with a unit or none, no code and unit twice."""
    if not isinstance(value, list | tuple) or not value or not all(map(_is_range, value)):
        return False
    seen = [(one["code"], one.get("unit")) for one in value]
    return len(set(seen)) == len(seen) and len({unit is None for _, unit in seen}) == 1


def _is_range(value: Any) -> bool:
    if not isinstance(value, dict) or not {"code"} < set(value) <= {"code", "unit", "low", "high"}:
        return False
    bounds = [value[name] for name in ("low", "high") if name in value]
    texts = [value[name] for name in ("code", "unit") if name in value]
    return (
        bool(bounds)
        and all(map(is_number, bounds))
        and bounds == sorted(bounds)
        and all(isinstance(text, str) and text for text in texts)
    )


def _is_scope(value: Any) -> bool:
    return isinstance(value, list | tuple) and bool(value) and all(map(_is_limit, value))


def _is_limit(value: Any) -> bool:
    if not isinstance(value, dict) or not _is_name(value.get("column")):
        return False
    if set(value) == {"column", "in"}:
        return _is_value_set(value["in"])
    bounds = {name: value.get(name) for name in ("from", "until")}
    return set(value) == {"column", *bounds} and all(
        isinstance(bound, str) and _is_ordered(bound) for bound in bounds.values()
    )


FORMS: Mapping[str, Callable[[Any], bool]] = {
    "column": _is_name,
    "table": _is_name,
    "key": _is_name,
    "code_column": _is_name,
    "unit_column": _is_name,
    "name_columns": _are_names,
    "kinds": _are_identifiers,
    "ranges": _are_ranges,
    "otherwise": lambda value: value in ("pass", "fail"),
    "scope": _is_scope,
    "column_A": _is_name,
    "column_B": _is_name,
    "column_list": _are_names,
    "column_set": _are_names,
    "value": _is_count,
    "value_set": _is_value_set,
    "regex": _is_regex,
    "type_": _is_type,
    "mostly": _is_share,
    "strict_min": lambda value: isinstance(value, bool),
    "strict_max": lambda value: isinstance(value, bool),
    "exact_match": lambda value: isinstance(value, bool),
    "or_equal": lambda value: isinstance(value, bool),
}
BOUND_FORMS: Mapping[str, Callable[[Any], bool]] = {
    "ordered": _is_ordered,
    "number": is_number,
    "count": _is_count,
}
