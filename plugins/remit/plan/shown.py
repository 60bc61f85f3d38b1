"""A plan for people: the same lines on a terminal and in a task's log.

All of it is made of what the evidence holds, so that a plan can be shown again at any time.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from remit.errors import one_line

WIDTH = 100
Shown = Mapping[str, Any]


class Line(NamedTuple):
    """A line, and what it means: heading, leaves, stays, changed, warning, refusal or plain."""

    meaning: str
    text: str


def plan_lines(plan: Shown) -> list[Line]:
    """The plan, table by table."""
    lines = [
        *_heading(plan),
        *(line for table in plan["tables"] for line in _table(table)),
        *_unnamed(plan),
        *_drift(plan),
        *_findings(plan["warnings"], "warning", "Warnings"),
        *_findings(plan["refusals"], "refusal", "Refused"),
        verdict(plan),
    ]
    return [Line(meaning, one_line(text)) for meaning, text in lines]


def difference_lines(since: str, found: Sequence[Shown]) -> list[Line]:
    """What differs from an earlier run's plan."""
    if not found:
        return [Line("heading", f"Nothing differs from the plan of run {since}.")]
    lines = [Line("heading", f"Different from the plan of run {since}:")]
    for one in found:
        place = "at the source" if one["at_source"] else "in what leaves"
        lines.append(Line("changed", one_line(f"  ~ {one['where']} {one['what']} ({place})")))
    return lines


def period(seconds: int) -> str:
    """A period in words, in its largest whole unit."""
    for name, length in (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1)):
        if seconds and seconds % length == 0:
            count = seconds // length
            return f"{count} {name}{'s' if count > 1 else ''}"
    return str(timedelta(seconds=seconds))


def deletion_sentence(plan: Shown) -> str:
    """When the copies will be deleted."""
    after, without = (
        plan["deletion"][name] for name in ("after_confirmation", "without_confirmation")
    )
    soon = f"{period(after)} after" if after else "at once on"
    return (
        f"Every copy is deleted {soon} the target's receipt, and at the latest {period(without)} "
        f"after extraction begins."
    )


def _heading(plan: Shown) -> Iterator[Line]:
    asked = plan["instruction"]
    yield Line(
        "heading", f"Instruction {asked['id']} version {asked['version']}, {asked['digest']}"
    )
    yield Line("plain", f"From      {plan['source']}")
    yield Line("plain", f"To        {plan['landing'] or '(no landing zone named)'}")
    if plan["interval"]:
        yield Line("plain", f"Interval  {plan['interval']['start']} to {plan['interval']['end']}")
    for recipient in plan["recipients"]:
        confirms = "; confirms ingest" if recipient["confirms"] else ""
        yield Line(
            "plain",
            f"Reader    {recipient['name']} ({recipient['legal_name']}, {recipient['country']}): "
            f"{', '.join(recipient['categories'])}{confirms}",
        )
    yield Line("plain", f"Deletion  {deletion_sentence(plan)}")


def _table(table: Shown) -> Iterator[Line]:
    yield Line("plain", "")
    place = f" ({table['relation']})" if table["relation"] != table["name"] else ""
    yield Line("heading", f"{table['name']}{place}: {rows_sentence(table)}")
    for number, limit in enumerate(table["limits"]):
        yield from _wrapped("plain", "  rows      " if not number else "            ", limit)
    yield from _leaving(table["columns"])
    if table["withheld"]:
        count = f"  stays     {_columns(table['withheld'])}, not in the instruction: "
        yield from _wrapped("stays", count, ", ".join(table["withheld"]))
    for name in table["missing"]:
        yield Line("refusal", f"  missing   {name}")
    for drift in table["drifted"]:
        yield Line(
            "refusal",
            f"  retyped   {drift['column']} (declared {drift['declared']}, is {drift['live']})",
        )
    for number, line in enumerate(table["sql"].splitlines()):
        yield Line("sql", f"  {'' if number else 'SQL':<9} {line.rstrip()}")


def rows_sentence(table: Shown) -> str:
    """How many rows are in scope, of how many."""
    return f"{_count(table['rows_in_scope'])} of {_count(table['rows_total'])} rows in scope"


def _leaving(columns: Sequence[Shown]) -> Iterator[Line]:
    cells = [
        (
            column["name"],
            type_words(column),
            column["category"],
            ", ".join(column["recipients"]),
            treatment_words(column, kept=""),
        )
        for column in columns
    ]
    widths = [max((len(row[place]) for row in cells), default=0) for place in range(4)]
    if cells:
        yield Line("plain", f"  leaves    {_columns(cells)}:")
    for row in cells:
        padded = "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=False))
        yield Line("leaves", f"    + {padded}  {row[4]}".rstrip())


def _unnamed(plan: Shown) -> Iterator[Line]:
    if plan["withheld_tables"]:
        yield Line("plain", "")
        label = f"Withheld as a whole ({len(plan['withheld_tables'])}): "
        yield from _wrapped("stays", label, ", ".join(plan["withheld_tables"]), indent="  ")


def _drift(plan: Shown) -> Iterator[Line]:
    if plan["previous"] is None:
        return
    yield Line("plain", "")
    if not plan["drift"]:
        yield Line("heading", f"The source is as it was for run {plan['previous']}.")
        return
    yield Line("heading", f"Changed at the source since run {plan['previous']}:")
    for one in plan["drift"]:
        yield Line("changed", f"  ~ {one['where']} {one['what']}")


def _findings(found: Sequence[Shown], meaning: str, title: str) -> Iterator[Line]:
    if found:
        yield Line("plain", "")
        yield Line("heading", f"{title}:")
    for one in found:
        yield from _wrapped(
            meaning, f"  ! {one['code']} at {one['where']}: ", one["message"], "    "
        )
        yield from _wrapped("plain", "    way out: ", one["way_out"], "    ")


def verdict(plan: Shown) -> Line:
    """Whether anything is refused."""
    refused = len(plan["refusals"])
    if not refused:
        return Line("leaves", "Nothing is refused.")
    return Line("refusal", f"{refused} {'refusals' if refused > 1 else 'refusal'}: nothing leaves.")


def _wrapped(meaning: str, label: str, text: str, indent: str = "") -> Iterator[Line]:
    indent = indent or " " * 12
    for line in textwrap.wrap(
        one_line(text),
        WIDTH,
        initial_indent=label,
        subsequent_indent=indent,
        break_long_words=False,
    ) or [label]:
        yield Line(meaning, line)


def type_words(column: Shown) -> str:
    """The column's type, and the one that leaves."""
    if column["type"] == column["delivered"]:
        return str(column["type"])
    return f"{column['type']} -> {column['delivered']}"


def treatment_words(column: Shown, kept: str = "kept") -> str:
    """What is done to its values, and what becomes of direct identifiers in its texts."""
    done = kept if column["transformation"] == "kept" else column["transformation"]
    return "; ".join(filter(None, (done, column.get("identifiers"))))


def _columns(names: Sequence[object]) -> str:
    return f"{len(names)} column{'s' if len(names) != 1 else ''}"


def _count(count: int | None) -> str:
    return "an unknown number" if count is None else f"{count:,}"
