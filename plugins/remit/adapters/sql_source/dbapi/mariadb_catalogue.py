"""What MariaDB's information_schema says of the live schema."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from remit.adapters.sql_source.dbapi.session import DbapiSession
from remit.adapters.sql_source.statements import Statements
from remit.columns import ColumnType
from remit.ports import Relation, SourceColumn

TRANSACTIONAL = "InnoDB"
"""The engine whose snapshot is one."""

_NATIVE = {
    **dict.fromkeys(("tinyint", "smallint", "mediumint", "int", "bigint", "year"), "integer"),
    **dict.fromkeys(("float", "double"), "double"),
    **dict.fromkeys(("char", "varchar", "enum"), "string"),
    **dict.fromkeys(("tinytext", "text", "mediumtext", "longtext"), "string"),
    "date": "date",
    "datetime": "timestamp",  # the time that somebody wrote, of no zone
    "timestamp": "timestamptz",  # an instant
    "uuid": "uuid",
}
_BOOLEAN = ("tinyint(1)", "bit(1)")
# Those of which every stored byte has one character of Unicode. ascii holds bytes that have none.
_CHARACTER_SETS = ("utf8mb4", "utf8mb3", "utf8", "latin1")
_DECIMAL = re.compile(r"decimal\((\d+),(\d+)\)")

_DESCRIBE = """
SELECT {schema}, {table}, {column}, {native}, {kind}, {charset}, c.is_nullable = 'YES',
       c.column_key = 'PRI', {engine}, FIND_IN_SET('select', c.privileges) > 0
FROM information_schema.tables AS t
JOIN information_schema.columns AS c
  ON c.table_schema = t.table_schema AND c.table_name = t.table_name
WHERE t.table_type IN ('BASE TABLE', 'SYSTEM VERSIONED', 'VIEW', 'SYSTEM VIEW'){{also}}
ORDER BY t.table_schema, t.table_name, c.ordinal_position
"""

_KEYS = """
SELECT {schema}, {table}, {constraint}, {column}, {target}
FROM information_schema.key_column_usage AS k
WHERE k.referenced_table_name IS NOT NULL{{also}}
"""


def _read(**columns: str) -> dict[str, str]:
    """The bytes of names, whatever character set the connection was set up with."""
    return {n: f"CAST(CONVERT({c} USING utf8mb4) AS BINARY)" for n, c in columns.items()}


_DESCRIBE = _DESCRIBE.format(
    **_read(
        schema="t.table_schema",
        table="t.table_name",
        column="c.column_name",
        native="c.column_type",
        kind="c.data_type",
        charset="c.character_set_name",
        engine="t.engine",
    )
)
_KEYS = _KEYS.format(
    **_read(
        schema="k.table_schema",
        table="k.table_name",
        constraint="k.constraint_name",
        column="k.column_name",
        target="k.referenced_table_name",
    )
)


@dataclass(frozen=True, slots=True)
class LiveTable:
    """A table or view: its columns, those that the account may read, and its engine.

    `engine` is None for a view.
    """

    columns: tuple[SourceColumn, ...]
    readable: frozenset[str]
    engine: str | None


class Catalogue:
    """Reads information_schema in one session; each relation once."""

    def __init__(self, session: DbapiSession, statements: Statements) -> None:
        self._session, self._statements = session, statements
        self._known: dict[Relation, LiveTable | None] = {}
        [(name,)] = session.rows("SELECT CAST(CONVERT(DATABASE() USING utf8mb4) AS BINARY)")
        self.schema: str = bytes(name).decode()

    def describe(self, schemas: Collection[str]) -> Mapping[Relation, Sequence[SourceColumn]]:
        """The relations of the default schema, and under their schema's name those of `schemas`."""
        found: dict[Relation, Sequence[SourceColumn]] = {}
        for schema in sorted({self.schema, *schemas}):
            for table, live in self._tables(schema):
                if schema == self.schema:
                    found[Relation(None, table)] = live.columns
                if schema in schemas:
                    found[Relation(schema, table)] = live.columns
        return found

    def table(self, relation: Relation) -> LiveTable | None:
        """The relation; None when it is not there, or not to be seen."""
        if relation not in self._known:
            schema = self.schema if relation.schema is None else relation.schema
            found = dict(self._tables(schema, relation.table))
            self._known[relation] = found.get(relation.table)
        return self._known[relation]

    def columns(self, relation: Relation) -> Mapping[str, SourceColumn]:
        """The relation's columns by name; none when it is not there."""
        live = self.table(relation)
        return {column.name: column for column in live.columns} if live else {}

    def _tables(self, schema: str, table: str | None = None) -> Iterator[tuple[str, LiveTable]]:
        """The tables of just these names: the server itself may compare names in any case."""
        keys = self._keys(schema, table)
        columns: dict[str, list[SourceColumn]] = {}
        readable: dict[str, set[str]] = {}
        engines: dict[str, str | None] = {}
        sql = _DESCRIBE.format(also=self._named("t", schema, table))
        for row in self._session.rows(sql):
            owner, name, column, native, kind, charset, engine = map(_text, (*row[:6], row[8]))
            if owner != schema or table not in (None, name):
                continue
            nullable, primary, read = (bool(int(row[place])) for place in (6, 7, 9))
            declared = declared_type(native, kind, charset)
            one = SourceColumn(
                column, native, declared, nullable, primary, keys.get((name, column))
            )
            columns.setdefault(name, []).append(one)
            readable.setdefault(name, set()).update([column] if read else [])
            engines[name] = engine or None
        for name, live in columns.items():
            yield name, LiveTable(tuple(live), frozenset(readable[name]), engines[name])

    def _keys(self, schema: str, table: str | None) -> dict[tuple[str, str], str]:
        """The table that a foreign key of a column alone leads to."""
        parts: dict[tuple[str, ...], list[tuple[str, str]]] = {}
        for row in self._session.rows(_KEYS.format(also=self._named("k", schema, table))):
            owner, name, constraint, column, target = (bytes(value).decode() for value in row)
            parts.setdefault((owner, name, constraint), []).append((column, target))
        return {
            (name, found[0][0]): found[0][1]
            for (owner, name, _), found in sorted(parts.items(), reverse=True)
            if owner == schema and len(found) == 1
        }

    def _named(self, alias: str, schema: str, table: str | None) -> str:
        also = f" AND {alias}.table_schema = {self._statements.literal(schema)}"
        if table is not None:
            also += f" AND {alias}.table_name = {self._statements.literal(table)}"
        return also


def _text(value: Any) -> str:
    """What the server's bytes say; nothing for NULL."""
    return bytes(value or b"").decode()


def declared_type(native: str, kind: str, charset: str) -> ColumnType | None:
    """The declared type of a column, of what information_schema says.

    Args:
        native: such as ``decimal(12,4) unsigned``.
        kind: such as ``decimal``.
        charset: of a text; empty elsewhere.
    """
    if native in _BOOLEAN:
        return ColumnType("boolean")
    if kind == "decimal":
        found = _DECIMAL.match(native)
        try:
            return ColumnType.parse(found[0]) if found else None
        except ValueError:  # a precision above 38
            return None
    name = _NATIVE.get(kind)
    if name is None or (name == "string" and charset not in _CHARACTER_SETS):
        return None
    return ColumnType(name)
