"""Where each row is one attribute of somebody: whether the instruction says which attributes leave."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from remit.attribute_values import (
    AttributeTable,
    attribute_keys,
    attribute_table,
    naming_columns,
    with_keys_of_others,
)
from remit.errors import Refused
from remit.instruction import Table
from remit.instruction.rows import Limits, Through
from remit.ports import Relation, SourceColumn

Schema = Mapping[Relation, Sequence[SourceColumn]]


def unlisted_codes(table: Table, schema: Schema) -> Iterator[Refused]:
    """The refusal of a table with one row per attribute of which every attribute would leave.

    Which columns leave makes no difference: that a row is there says that attribute of somebody.
    """
    columns = with_keys_of_others(schema[table.relation], schema)
    found = attribute_table(table.relation.table, columns)
    if found is None or table.rows.all_codes or _list_codes(table.rows, found.codes, schema):
        return
    leaving = [column.name for column in table.columns if column.name in found.values]
    place = leaving[0] if leaving else table.columns[0].name
    yield Refused("codes-missing", f"{table.name}.{place}", *_said(found))


def _said(found: AttributeTable) -> tuple[str, str]:
    why = "or have the controller say in rows.all_codes why each of them may leave."
    if not found.codes:
        return (
            "the table has one row per attribute, and no column is sure to tell which, so every "
            "attribute would leave.",
            f"leave the table out, {why}",
        )
    return (
        f"the table has one row per attribute (told by {', '.join(found.codes)}), so every attribute "
        "would leave.",
        f"list the attributes allowed in rows.codes of {found.codes[0]}, or through the table that "
        f"names them, {why}",
    )


def _list_codes(limits: Limits, codes: Collection[str], schema: Schema) -> bool:
    """Whether the rows are limited to listed codes, here or through what names them."""
    if any(rule.column in codes for rule in limits.lists()):
        return True
    return any(_step_lists(step, codes, schema) for step in limits.through or [])


def _step_lists(step: Through, codes: Collection[str], schema: Schema) -> bool:
    """Whether a step that is joined by a code leads to a list of names, at whatever depth.

    A list of something else there, such as the active ones, lets every attribute pass.
    """
    relation = Relation(step.schema_name, step.relation)
    joined = {join.to for join in step.join if join.column in codes}
    if not joined or relation not in schema:
        return False
    columns = with_keys_of_others(schema[relation], schema)
    keys = {column.name for column in attribute_keys(relation.table, columns)}
    names = {*naming_columns(relation.table, columns), *joined, *keys}
    if any(rule.column in names for rule in step.lists()):
        return True
    return any(_step_lists(deeper, joined | keys, schema) for deeper in step.through or [])
