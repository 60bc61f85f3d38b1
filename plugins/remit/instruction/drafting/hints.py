"""What the names, types and keys of a schema say of its tables and columns.

Everything here is a suggestion for a comment.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from remit.attribute_values import AttributeTable
from remit.column_names import (
    FREE_TEXT,
    MESSAGES,
    PERHAPS,
    kind_of_identifier,
    kind_of_text,
    looks_like_credential,
    says_sex,
    special_category,
)
from remit.instruction.drafting.scalars import is_key, is_unbounded
from remit.ports import SourceColumn

Columns = Sequence[SourceColumn]

_OLD = re.compile(
    r"(_|\A)(history|hist|deleted|archived?|backup|bak|logs?|audit\w*|old|tmp|temp)(_(?!type)|\d|\Z)"
    r"|(history|audit|backup|log)s?\Z|\Aevents\Z"
)
_VIEW = re.compile(r"(_|\A)(vw?|views?)(_|\Z)|view\Z")
_TEXTS = {
    FREE_TEXT: "free text, in which anything may have been typed",
    MESSAGES: "a whole message, which may hold everything of a patient",
    PERHAPS: "may hold free text: then justify it with free_text",
}
_UNTYPED = {
    "bytea": "a file or image", "blob": "a file or image", "oid": "a file or image",
    "json": "a document that holds anything", "jsonb": "a document that holds anything",
    "xml": "a document that holds anything", "hstore": "a document that holds anything",
    "tsvector": "an index of texts", "time": "a time of day", "interval": "a length of time",
    "inet": "a network address", "cidr": "a network address", "macaddr": "a device's address",
    "geometry": "a place on the map", "point": "a place on the map", "money": "an amount of money",
}  # fmt: skip
_NAME = re.compile(r"(?!\s)[^,;:\x00-\x1f\x7f]{1,128}(?<!\s)")


def table_hints(table: str, found: AttributeTable | None) -> Iterator[str]:
    """What is worth knowing of a table before anything of it leaves."""
    if _VIEW.search(table.lower()):
        yield "by its name a view: its rows are those of other tables"
    if _OLD.search(table.lower()) and not found:
        yield "by its name it holds old, deleted or logged rows: does the purpose need them?"
    if found and found.codes:
        yield (
            f"one row per attribute ({', '.join(found.values)}): rows.codes must list which ones may "
            f"leave, by {' or '.join(found.codes)}"
        )
    elif found:
        yield (
            f"one row per attribute ({', '.join(found.values)}), and no column is sure to tell "
            "which: the plan asks for rows.all_codes"
        )


def column_hints(column: SourceColumn, columns: Columns, table: str) -> Iterator[str]:
    """What a column's name and type, and its table's name, say of it."""
    name, kind = column.name, column.type
    beside = [other.name for other in columns if other is not column]
    if identifies := kind_of_identifier(name, beside, kind, table):
        yield identifies
    elif says_sex(name):
        yield "a person's sex"
    if special := special_category(name, kind):
        yield f"special category ({special}, Art. 9)"
    if text := kind_of_text(name, kind, column.native_type, table):
        yield _TEXTS[text]


def precision_hint(column: SourceColumn) -> Iterator[str]:
    """What to do about a decimal to which the source gives no precision."""
    if is_unbounded(column) and is_key(column):
        yield "no precision at the source: do ten digits hold every key?"
    elif is_unbounded(column):
        yield "no precision at the source: decimal(p,s) that every value fits"


def is_credential(column: SourceColumn, table: str) -> bool:
    """Whether the plan would refuse the column whatever is instructed."""
    return looks_like_credential(column.name, column.type, table)


def is_free_text(column: SourceColumn, table: str) -> bool:
    """Whether the plan would ask for `free_text`."""
    text = column.type is not None and column.type.name == "string"
    said = kind_of_text(column.name, column.type, column.native_type, table)
    return text and said in (FREE_TEXT, MESSAGES)


def is_instructable(name: str) -> bool:
    """Whether an instruction can name the column."""
    return _NAME.fullmatch(name) is not None


def untyped(native: str) -> str:
    """Why a native type has no type here, in words."""
    bare = re.sub(r"\(.*", "", native.lower()).strip()
    if bare.endswith("[]"):
        return "a list"
    return _UNTYPED.get(bare.split(" ")[0], "which has no type here")
