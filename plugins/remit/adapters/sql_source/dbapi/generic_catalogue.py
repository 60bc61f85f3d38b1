"""What SQLAlchemy's inspector says of the live schema."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine.interfaces import ReflectedColumn

from remit.columns import ColumnType
from remit.ports import Relation, SourceColumn

# The first that holds counts: a Float is a Numeric too.
_TYPES: tuple[tuple[type[Any], str | None], ...] = (
    (sa.Boolean, "boolean"),
    (sa.Integer, "integer"),
    (sa.Float, "double"),
    (sa.CHAR, None),  # whether blanks at its end are padding is the database's to say
    (sa.NCHAR, None),
    (sa.String, "string"),
    (sa.Date, "date"),
    (sa.Uuid, "uuid"),
)


class GenericCatalogue:
    """Reads the catalogue of one connection; each relation once."""

    def __init__(self, connection: sa.Connection) -> None:
        self._inspector = sa.inspect(connection)
        self._known: dict[Relation, dict[str, SourceColumn]] = {}

    def describe(self, schemas: Collection[str]) -> Mapping[Relation, Sequence[SourceColumn]]:
        """The relations of the default schema, and under their schema's name those of `schemas`."""
        existing = set(self._inspector.get_schema_names()) if schemas else set()
        return {
            Relation(schema, table): tuple(self.columns(Relation(schema, table)).values())
            for schema in [None, *sorted(existing & set(schemas))]
            for table in sorted(self._names(schema))
        }

    def columns(self, relation: Relation) -> Mapping[str, SourceColumn]:
        """The relation's columns by name; none when it is not there."""
        if relation not in self._known:
            there = relation.table in self._names(relation.schema)
            found = self._columns(relation) if there else ()
            self._known[relation] = {column.name: column for column in found}
        return self._known[relation]

    def _names(self, schema: str | None) -> set[str]:
        found = self._inspector
        return {*found.get_table_names(schema), *found.get_view_names(schema)}

    def _columns(self, relation: Relation) -> Iterator[SourceColumn]:
        schema, table = relation
        primary = self._inspector.get_pk_constraint(table, schema)["constrained_columns"]
        references = {
            key["constrained_columns"][0]: key["referred_table"]
            for key in self._inspector.get_foreign_keys(table, schema)
            if len(key["constrained_columns"]) == 1
        }
        for column in self._inspector.get_columns(table, schema):
            name = str(column["name"])
            yield SourceColumn(
                name,
                str(column["type"]),
                _declared(column),
                column["nullable"],
                name in primary,
                references.get(name),
            )


def _declared(column: ReflectedColumn) -> ColumnType | None:
    native = column["type"]
    if isinstance(native, sa.DateTime):
        return ColumnType("timestamptz" if native.timezone else "timestamp")
    for kind, name in _TYPES:
        if isinstance(native, kind):
            return ColumnType(name) if name else None
    if not isinstance(native, sa.Numeric) or native.precision is None:
        return None
    try:
        return ColumnType.parse(f"decimal({native.precision},{native.scale or 0})")
    except ValueError:  # a precision above 38, or a scale that is negative
        return None
