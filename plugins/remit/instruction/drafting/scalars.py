"""Names of a schema as YAML, on one line each, whatever they hold."""

from __future__ import annotations

import re

import yaml

from remit.columns import ColumnType
from remit.ports import SourceColumn

# Words that some reader of YAML takes for something else than text.
_MEANS_MORE = frozenset("null true false yes no on off y n nan inf".split())
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*", re.ASCII)
KEY_TYPE = "decimal(10,0)"


def scalar(text: str) -> str:
    """The text as one YAML scalar on one line."""
    if _PLAIN.fullmatch(text) and text.lower() not in _MEANS_MORE:
        return text
    # Within single quotes a line break would be one.
    style = "'" if text.isprintable() else '"'
    quoted = yaml.safe_dump(text, default_style=style, width=float("inf"), allow_unicode=True)
    return quoted.strip()


def type_of(column: SourceColumn) -> str:
    """The declared type; a decimal without precision fits any, and a key is a whole number."""
    if column.type is None:
        return "..."
    if column.type.name == "decimal" and not column.type.precision:
        return KEY_TYPE if is_key(column) else "..."
    return str(column.type)


def is_key(column: SourceColumn) -> bool:
    """Whether it is a key of this table or of another one."""
    name = column.name.lower()
    return column.primary or bool(column.references) or name == "id" or name.endswith(("_id", "Id"))


def is_unbounded(column: SourceColumn) -> bool:
    """Whether the source gives a decimal no precision, so that somebody has to say it."""
    return column.type == ColumnType("decimal")


def typed(column: SourceColumn) -> str:
    """``column: NAME, type: TYPE``, the type left out where it is text."""
    kind = type_of(column)
    said = "" if kind == "string" else f", type: {quoted_type(kind)}"
    return f"column: {scalar(column.name)}{said}"


def quoted_type(kind: str) -> str:
    """A type as a YAML scalar; the dots that ask for one stay as they are."""
    return kind if kind == "..." else scalar(kind)
