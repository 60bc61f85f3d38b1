"""A plan as Markdown, for a merge request."""

from __future__ import annotations

import re
from collections.abc import Sequence

from remit.errors import one_line
from remit.markup import plain
from remit.plan.words import (
    Shown,
    deletion_sentence,
    rows_sentence,
    treatment_words,
    type_words,
    verdict_sentence,
)


def plan_markdown(plan: Shown, since: tuple[str, Sequence[Shown]] | None = None) -> str:
    """The plan for a merge request; names and reasons cannot break out of their cells."""
    asked = plan["instruction"]
    parts = [
        f"## Plan of {cell(asked['id'])} version {asked['version']}",
        bullets(
            [
                f"Digest {code(asked['digest'])}",
                f"From {code(plan['source'])} to {code(plan['landing'] or 'no landing zone named')}",
                *_markdown_interval(plan),
                *(
                    f"{cell(r['name'])} ({cell(r['legal_name'])}, {r['country']}) can read: "
                    f"{', '.join(r['categories'])}"
                    for r in plan["recipients"]
                ),
                deletion_sentence(plan),
            ]
        ),
        *(_markdown_table(table) for table in plan["tables"]),
    ]
    if plan["withheld_tables"]:
        names = ", ".join(code(name) for name in plan["withheld_tables"])
        parts.append(f"Withheld as a whole: {names}")
    parts += _markdown_changes(plan, since)
    for title, found in (("Warnings", plan["warnings"]), ("Refused", plan["refusals"])):
        if found:
            parts += [f"### {title}", _markdown_findings(found)]
    parts.append(f"**{verdict_sentence(plan)}**")
    return "\n\n".join(parts) + "\n"


def _markdown_interval(plan: Shown) -> list[str]:
    if not plan["interval"]:
        return []
    return [f"Interval {plan['interval']['start']} to {plan['interval']['end']}"]


def _markdown_table(table: Shown) -> str:
    limits = [cell(limit) for limit in table["limits"]]
    rows = [
        f"| {code(c['name'])} | {cell(type_words(c))} | {c['category']} | "
        f"{cell(', '.join(c['recipients']))} | {cell(treatment_words(c))} |"
        for c in table["columns"]
    ]
    head = ["| leaves | type | category | readers | as |", "|---|---|---|---|---|"]
    withheld = ", ".join(code(name) for name in table["withheld"]) or "nothing"
    parts = [
        f"### {cell(table['name'])}: {rows_sentence(table)}",
        bullets(limits),
        "\n".join(head + rows),
        f"Stays: {withheld}",
    ]
    if table["sql"]:
        longest = max(map(len, re.findall("`+", table["sql"])), default=0)
        fence = "`" * max(3, longest + 1)
        sql = "\n".join(one_line(line) for line in table["sql"].splitlines())
        parts.append(f"<details><summary>SQL</summary>\n\n{fence}sql\n{sql}\n{fence}\n\n</details>")
    return "\n\n".join(parts)


def _markdown_changes(plan: Shown, since: tuple[str, Sequence[Shown]] | None) -> list[str]:
    if since is not None:
        title, found = f"### Different from run {code(since[0])}", since[1]
    elif plan["previous"] is not None:
        title, found = (
            f"### Changed at the source since run {code(plan['previous'])}",
            plan["drift"],
        )
    else:
        return []
    lines = [f"{code(one['where'])} {cell(one['what'])}" for one in found]
    return [title, bullets(lines) if lines else "Nothing."]


def _markdown_findings(found: Sequence[Shown]) -> str:
    return bullets(
        [
            f"{code(one['code'])} at {code(one['where'])}: {cell(one['message'])} "
            f"Way out: {cell(one['way_out'])}"
            for one in found
        ]
    )


def bullets(lines: Sequence[str]) -> str:
    """A list."""
    return "\n".join(f"- {line}" for line in lines)


def code(text: object) -> str:
    """Inline code that its content cannot end."""
    return f"`{one_line(str(text)).replace('`', chr(0x2019)).replace('|', chr(0x00A6))}`"


def cell(text: object) -> str:
    """Plain text: no markup, no link, no HTML of its own."""
    return plain(str(text))
