"""A draft from anybody's contract: every column withheld, what the contract says in comments.

Guarantee: whatever the contract says, the draft allows no column and no row, and leaves every field
that binds to be filled in. What is quoted stays within its comment.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from typing import Any

from remit.errors import one_line
from remit.instruction.draft import draft
from remit.instruction.odcs.contract import Contract, Item, Object, Part, invalid
from remit.instruction.odcs.types import proposed
from remit.ports import SourceColumn

_HEAD = """\
# From a contract of the Open Data Contract Standard. Nothing in it allows anything: every column is
# withheld below. What the contract says is quoted here, for whoever fills in the draft.
"""
_APART = ("properties", "items")


def drafted(contract: Contract) -> str:
    """The text of the draft."""
    schema: dict[str, list[SourceColumn]] = {}
    for number, table in enumerate(contract.objects or []):
        name = table.physical_name or table.name
        if name in schema:
            raise invalid(f"schema[{number}]", "a table of this name is there already.")
        schema[name] = list(_columns(table))
    return _HEAD + "".join(f"{line}\n" for line in _quotes(contract)) + draft(schema)


def _columns(table: Object) -> Iterator[SourceColumn]:
    """The columns; one that nests others is of no type, and those are quoted only."""
    for each in table.properties or []:
        kind = proposed(each.logical_type, each.logical_type_options, each.physical_type)
        native = one_line(each.physical_type or each.logical_type or "unknown")
        if each.properties or each.items:
            kind, native = None, f"{native} (nested)"
        yield SourceColumn(each.physical_name or each.name, native, kind, not each.required)


def _quotes(contract: Contract) -> Iterator[str]:
    for key, value in contract.said().items():
        if key != "schema":
            yield from _comment(f"{key}: {_shown(value)}", 0)
    for table in contract.objects or []:
        yield from _comment(f"schema {_fields(table)}", 0)
        yield from _below(table, 1)


def _below(element: Object | Item, depth: int) -> Iterator[str]:
    for inner in element.properties or []:
        yield from _comment(_fields(inner), depth)
        yield from _below(inner, depth + 1)
    if isinstance(element, Item) and element.items:
        yield from _comment(f"items {_fields(element.items)}", depth)
        yield from _below(element.items, depth + 1)


def _fields(part: Part) -> str:
    said = {key: value for key, value in part.said().items() if key not in _APART}
    return ", ".join(f"{key}: {_shown(value)}" for key, value in said.items() if value != [])


def _shown(value: Any) -> str:
    match value:
        case Part():
            return f"{{{_fields(value)}}}"
        case list():
            return f"[{', '.join(map(_shown, value))}]"
        case dict():
            return f"{{{', '.join(f'{key}: {_shown(inner)}' for key, inner in value.items())}}}"
        case _:
            return json.dumps(value, ensure_ascii=False)


def _comment(text: str, depth: int) -> list[str]:
    indent = "#   " + "  " * min(depth, 10)
    return textwrap.wrap(
        one_line(text),
        100,
        initial_indent=indent,
        subsequent_indent=indent + "    ",
        break_long_words=False,
        break_on_hyphens=False,
    )
