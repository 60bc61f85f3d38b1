"""The expectations that may be asked for, and the form of their arguments.

Guarantee: a rule that passes `check` has a type on the allowlist, no argument but those listed for
it, and arguments of the form that GX gives a meaning to. Arguments that would bring values into a
result, hide an exception or filter rows (``result_format``, ``catch_exceptions``,
``row_condition``) are on no list.

Not guaranteed: that the columns exist and fit; only the extract can tell (`binding`).
Nothing here imports Great Expectations, so that reading rules stays cheap.
"""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from remit.columns import ColumnType
from remit.errors import Refused
from remit.ports import Rule

NUMBERS = frozenset({"integer", "double", "decimal"})
TIMES = frozenset({"date", "timestamp", "timestamptz"})
TEXTS = frozenset({"string"})


@dataclass(frozen=True, slots=True)
class Expectation:
    """One entry of the allowlist.

    Args:
        required: arguments that must be given.
        optional: arguments that may be given.
        kinds: names of the declared types that the columns may have; None for any type.
        counted: what GX counts for it: ``rows`` (with elements and missing), ``values`` or nothing.
        bounds: what ``min_value`` and ``max_value`` may be: ``ordered``, ``number`` or ``count``.
        implied: arguments that are always given, so that both engines mean the same.
    """

    required: frozenset[str]
    optional: frozenset[str] = frozenset()
    kinds: frozenset[str] | None = None
    counted: str = ""
    bounds: str = ""
    implied: tuple[tuple[str, str], ...] = ()


_BOUNDS = frozenset({"min_value", "max_value", "strict_min", "strict_max"})
_MOSTLY = frozenset({"mostly"})


def _table(*required: str, optional: frozenset[str] = frozenset(), bounds: str = "") -> Expectation:
    return Expectation(frozenset(required), optional, bounds=bounds)


def _values(*required: str, kinds: frozenset[str] | None = None) -> Expectation:
    return Expectation(frozenset({"column", *required}), _MOSTLY, kinds, counted="rows")


def _between(kinds: frozenset[str], bounds: str, *, counted: str = "") -> Expectation:
    optional = _BOUNDS | _MOSTLY if counted else _BOUNDS
    return Expectation(frozenset({"column"}), optional, kinds, counted, bounds)


# GX's own defaults treat a row with one missing value differently on pandas and on SQL.
_PAIR = (("ignore_row_if", "either_value_is_missing"),)
_COMPOUND = (("ignore_row_if", "any_value_is_missing"),)

EXPECTATIONS: Mapping[str, Expectation] = {
    "expect_table_columns_to_match_set": _table("column_set", optional=frozenset({"exact_match"})),
    "expect_table_columns_to_match_ordered_list": _table("column_list"),
    "expect_table_row_count_to_equal": _table("value"),
    "expect_table_row_count_to_be_between": _table(optional=_BOUNDS, bounds="count"),
    # `column_index` is not listed: GX ignores an index of 0.
    "expect_column_to_exist": Expectation(frozenset({"column"})),
    "expect_column_values_to_be_of_type": Expectation(frozenset({"column", "type_"})),
    "expect_column_values_to_not_be_null": _values(),
    "expect_column_values_to_be_null": _values(),
    "expect_column_values_to_be_unique": _values(),
    "expect_column_values_to_be_in_set": _values("value_set"),
    "expect_column_values_to_not_be_in_set": _values("value_set"),
    "expect_column_values_to_match_regex": _values("regex", kinds=TEXTS),
    "expect_column_values_to_not_match_regex": _values("regex", kinds=TEXTS),
    "expect_column_value_lengths_to_equal": _values("value", kinds=TEXTS),
    "expect_column_value_lengths_to_be_between": _between(TEXTS, "count", counted="rows"),
    "expect_column_values_to_be_between": _between(NUMBERS | TIMES, "ordered", counted="rows"),
    "expect_column_min_to_be_between": _between(NUMBERS | TIMES, "ordered"),
    "expect_column_max_to_be_between": _between(NUMBERS | TIMES, "ordered"),
    "expect_column_mean_to_be_between": _between(NUMBERS, "number"),
    "expect_column_sum_to_be_between": _between(NUMBERS, "number"),
    "expect_column_distinct_values_to_be_in_set": Expectation(
        frozenset({"column", "value_set"}), counted="values"
    ),
    "expect_column_pair_values_a_to_be_greater_than_b": Expectation(
        frozenset({"column_A", "column_B"}),
        frozenset({"or_equal", "mostly", "ignore_row_if"}),
        NUMBERS | TIMES,
        counted="rows",
        implied=_PAIR,
    ),
    "expect_compound_columns_to_be_unique": Expectation(
        frozenset({"column_list"}),
        frozenset({"mostly", "ignore_row_if"}),
        counted="rows",
        implied=_COMPOUND,
    ),
}


def columns_of(rule: Rule) -> tuple[str, ...]:
    """The columns whose values a rule is about; none for a rule about the table."""
    if rule.type.startswith("expect_table_"):
        return ()
    if "column_list" in rule.kwargs:
        return tuple(rule.kwargs["column_list"])
    return tuple(
        rule.kwargs[name] for name in ("column", "column_A", "column_B") if name in rule.kwargs
    )


def check(rules: Sequence[Rule]) -> None:
    """Refuse rules that may not be asked for, or that ask for nothing.

    Raises:
        Refused: expectation-none, expectation-duplicate or expectation-unknown.
    """
    if not rules:
        raise Refused(
            "expectation-none",
            "rules",
            "there is no rule, and nothing would be checked.",
            "state at least one, such as the set of columns.",
        )
    seen: set[str] = set()
    for rule in rules:
        if rule.id in seen:
            raise Refused(
                "expectation-duplicate",
                f"rule {rule.id}",
                "the id is used twice.",
                "give every rule its own id.",
            )
        seen.add(rule.id)
        _check_rule(rule)


def _check_rule(rule: Rule) -> None:
    expectation = EXPECTATIONS.get(rule.type)
    if expectation is None:
        raise _unknown(rule, f"{rule.type} is not on the allowlist.")
    names = set(rule.kwargs)
    for stray in sorted(names - expectation.required - expectation.optional):
        raise _unknown(rule, f"{stray} is not an argument that {rule.type} may have.")
    for missing in sorted(expectation.required - names):
        raise _unknown(rule, f"{missing} is not given.")
    implied = dict(expectation.implied)
    for name, value in rule.kwargs.items():
        if name in ("min_value", "max_value"):
            fits = _BOUND_FORMS[expectation.bounds](value)
        else:
            fits = value == implied[name] if name in implied else _FORMS[name](value)
        if not fits:
            raise _unknown(rule, f"{name} is not of the form that is asked for.")
    if rule.type == "expect_compound_columns_to_be_unique" and len(rule.kwargs["column_list"]) < 2:
        raise _unknown(rule, "column_list has one column alone.")
    if expectation.bounds and not _orderly(rule.kwargs):
        raise _unknown(rule, "the bounds are missing, of two kinds or in the wrong order.")


def _unknown(rule: Rule, message: str) -> Refused:
    return Refused(
        "expectation-unknown",
        f"rule {rule.id}",
        message,
        "use an expectation and arguments of the list in remit.adapters.gx.vocabulary.",
    )


# --- forms of arguments -----------------------------------------------------------------------


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


def _orderly(kwargs: Mapping[str, Any]) -> bool:
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
        and all(map(_is_name, value))
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


_FORMS: Mapping[str, Callable[[Any], bool]] = {
    "column": _is_name,
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
_BOUND_FORMS: Mapping[str, Callable[[Any], bool]] = {
    "ordered": _is_ordered,
    "number": is_number,
    "count": _is_count,
}
