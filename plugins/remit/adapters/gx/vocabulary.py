"""The expectations that may be asked for, and the form of their arguments.

Guarantee: a rule that passes `check` has a type on the allowlist, no argument but those listed for
it, and arguments of the form that GX gives a meaning to. Arguments that would bring values into a
result, hide an exception or filter rows (``result_format``, ``catch_exceptions``,
``row_condition``) are on no list.

Not guaranteed: that the columns exist and fit; only the extract can tell (`binding`).
Nothing here imports Great Expectations, so that reading rules stays cheap.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from remit.adapters.gx.arguments import BOUND_FORMS, FORMS, orderly
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

_STANDARD: Mapping[str, Expectation] = {
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

FIELD: Mapping[str, Expectation] = {
    "expect_rows_to_be_in_scope": Expectation(frozenset({"scope"}), counted="rows"),
    "expect_column_values_to_be_loinc_code": _values(kinds=TEXTS),
    "expect_column_values_to_be_ucum_unit": _values(kinds=TEXTS),
    "expect_column_values_to_be_nir": _values(kinds=TEXTS),
    "expect_column_values_to_be_in_reference_range": Expectation(
        frozenset({"column", "code_column", "ranges", "otherwise"}),
        frozenset({"unit_column", "mostly"}),
        NUMBERS,
        counted="rows",
    ),
    "expect_column_values_to_hold_no_direct_identifiers": _values("kinds", kinds=TEXTS),
    "expect_column_values_to_hold_no_names_of": _values("name_columns", kinds=TEXTS),
}

"""The field's own, which `remit.adapters.gx.field` makes known to Great Expectations."""

BETWEEN_TABLES: Mapping[str, Expectation] = {
    "expect_column_values_to_be_found_in": _values("table", "key"),
}
"""What needs the extracts of other tables, in `remit.adapters.gx.found_in`."""

EXPECTATIONS: Mapping[str, Expectation] = {**_STANDARD, **FIELD, **BETWEEN_TABLES}


def columns_of(rule: Rule) -> tuple[str, ...]:
    """The columns that a rule is about; none for a rule about the table."""
    return (*judged_columns(rule), *columns_beside(rule))


def judged_columns(rule: Rule) -> tuple[str, ...]:
    """The columns whose values a rule judges."""
    if rule.type.startswith("expect_table_"):
        return ()
    if "column_list" in rule.kwargs:
        return tuple(rule.kwargs["column_list"])
    if "scope" in rule.kwargs:
        return tuple(dict.fromkeys(limit["column"] for limit in rule.kwargs["scope"]))
    return tuple(
        rule.kwargs[name] for name in ("column", "column_A", "column_B") if name in rule.kwargs
    )


def columns_beside(rule: Rule) -> tuple[str, ...]:
    """The columns of text that tell how a value of the same row is judged."""
    named = [rule.kwargs[name] for name in ("code_column", "unit_column") if name in rule.kwargs]
    return (*named, *rule.kwargs.get("name_columns", ()))


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
                rule.place,
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
            fits = BOUND_FORMS[expectation.bounds](value)
        else:
            fits = value == implied[name] if name in implied else FORMS[name](value)
        if not fits:
            raise _unknown(rule, f"{name} is not of the form that is asked for.")
    if rule.type == "expect_compound_columns_to_be_unique" and len(rule.kwargs["column_list"]) < 2:
        raise _unknown(rule, "column_list has one column alone.")
    if expectation.bounds and not orderly(rule.kwargs):
        raise _unknown(rule, "the bounds are missing, of two kinds or in the wrong order.")
    if "ranges" in rule.kwargs and ("unit_column" in rule.kwargs) != (
        "unit" in rule.kwargs["ranges"][0]
    ):
        raise _unknown(rule, "unit_column and a unit in each of ranges go together.")


def _unknown(rule: Rule, message: str) -> Refused:
    return Refused(
        "expectation-unknown",
        rule.place,
        message,
        "use the expectations and arguments that docs/expectations.md lists.",
    )
