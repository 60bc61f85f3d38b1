"""What PostgreSQL's catalogues say: the live schema, and what the account may do there."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence

from remit.adapters.sql_source.session import Session
from remit.adapters.sql_source.statements import Statements
from remit.columns import ColumnType
from remit.ports import Relation, SourceColumn

KINDS = "('r', 'p', 'v', 'm', 'f')"
"""Tables, partitioned or foreign ones, views and materialised views, as pg_class has them."""

_NATIVE = {
    "smallint": "integer",
    "integer": "integer",
    "bigint": "integer",
    "real": "double",
    "double precision": "double",
    "text": "string",
    "character varying": "string",
    "character": "string",
    "bpchar": "string",
    "boolean": "boolean",
    "date": "date",
    "timestamp without time zone": "timestamp",
    "timestamp with time zone": "timestamptz",
    "uuid": "uuid",
}
_LENGTH = re.compile(r"\(\d+\)")

# A domain is described as what it is made of, which is how its values arrive; its own constraints
# limit what is written, not what is read.
# Names are compared as text: as a name, a literal that is too long would be cut to another's.
# A text column whose collation is not deterministic compares unlike texts as equal, which would
# widen a membership: it is described as of no known type.
_DESCRIBE = f"""
WITH RECURSIVE unfolded (oid, base, typmod, required) AS (
  SELECT t.oid, t.typbasetype, t.typtypmod, t.typnotnull FROM pg_type AS t WHERE t.typtype = 'd'
  UNION ALL
  SELECT u.oid, t.typbasetype, CASE WHEN u.typmod = -1 THEN t.typtypmod ELSE u.typmod END,
         u.required OR t.typnotnull
  FROM unfolded AS u JOIN pg_type AS t ON t.oid = u.base AND t.typtype = 'd'
), domains AS (
  SELECT u.oid, u.base, u.typmod, u.required
  FROM unfolded AS u JOIN pg_type AS t ON t.oid = u.base AND t.typtype <> 'd'
)
SELECT CAST(n.nspname AS text), CAST(c.relname AS text), CAST(a.attname AS text),
       format_type(coalesce(d.base, a.atttypid), coalesce(d.typmod, a.atttypmod)),
       NOT (a.attnotnull OR coalesce(d.required, false)),
       coalesce(l.collisdeterministic, true),
       coalesce(t.typtype = 'e', false),
       EXISTS (SELECT 1 FROM pg_constraint AS k WHERE k.conrelid = c.oid AND k.contype = 'p'
               AND a.attnum = ANY (k.conkey)),
       (SELECT CAST(min(o.relname) AS text) FROM pg_constraint AS k
        JOIN pg_class AS o ON o.oid = k.confrelid
        WHERE k.conrelid = c.oid AND k.contype = 'f' AND k.conkey = ARRAY[a.attnum])
FROM pg_namespace AS n
JOIN pg_class AS c ON c.relnamespace = n.oid
JOIN pg_attribute AS a ON a.attrelid = c.oid
LEFT JOIN domains AS d ON d.oid = a.atttypid
LEFT JOIN pg_type AS t ON t.oid = coalesce(d.base, a.atttypid)
LEFT JOIN pg_collation AS l ON l.oid = a.attcollation
WHERE c.relkind IN {KINDS} AND a.attnum > 0 AND NOT a.attisdropped
  AND CAST(n.nspname AS text) IN ({{schemas}}){{also}}
ORDER BY n.nspname, c.relname, a.attnum
"""  # noqa: S608  (KINDS is ours)


_BLOCKS = """
SELECT pg_relation_size(c.oid) / CAST(current_setting('block_size') AS bigint)
FROM pg_namespace AS n JOIN pg_class AS c ON c.relnamespace = n.oid
WHERE c.relkind IN ('r', 'm') AND CAST(n.nspname AS text) = {schema}
  AND CAST(c.relname AS text) = {table}
"""


class Catalogue:
    """Reads the catalogues of one session.

    Args:
        schema: the default one.
    """

    def __init__(self, session: Session, statements: Statements, schema: str) -> None:
        self._session, self._statements, self._schema = session, statements, schema
        self._known: dict[Relation, dict[str, SourceColumn]] = {}

    def describe(self, schemas: Collection[str]) -> Mapping[Relation, Sequence[SourceColumn]]:
        """The relations of the default schema, and under their schema's name those of `schemas`."""
        found: dict[Relation, list[SourceColumn]] = {}
        for schema, table, column in self._columns({self._schema, *schemas}):
            if schema == self._schema:
                found.setdefault(Relation(None, table), []).append(column)
            if schema in schemas:
                found.setdefault(Relation(schema, table), []).append(column)
        return found

    def columns(self, relation: Relation) -> Mapping[str, SourceColumn]:
        """The relation's columns; none when it is not there. Asked once a session."""
        if relation not in self._known:
            schema = self._schema if relation.schema is None else relation.schema
            found = self._columns({schema}, relation.table)
            self._known[relation] = {column.name: column for _, _, column in found}
        return self._known[relation]

    def blocks(self, relation: Relation) -> int | None:
        """The blocks of an ordinary table's file; None for anything else, and a table of none."""
        schema = self._schema if relation.schema is None else relation.schema
        sql = _BLOCKS.format(
            schema=self._statements.literal(schema), table=self._statements.literal(relation.table)
        )
        rows = self._session.rows(sql)
        return int(rows[0][0]) or None if rows else None

    def _columns(
        self, schemas: Collection[str], table: str | None = None
    ) -> Iterator[tuple[str, str, SourceColumn]]:
        named = ", ".join(self._statements.literal(schema) for schema in sorted(schemas))
        also = ""
        if table is not None:
            also = f" AND CAST(c.relname AS text) = {self._statements.literal(table)}"
        sql = _DESCRIBE.format(schemas=named, also=also)
        for schema, name, column, native, nullable, bytewise, *more in self._session.rows(sql):
            listed, primary, references = more  # whether its values are those of an enum
            declared = ColumnType("string") if listed else declared_type(native)
            yield (
                schema,
                name,
                SourceColumn(
                    column, native, declared if bytewise else None, nullable, primary, references
                ),
            )


def declared_type(native: str) -> ColumnType | None:
    """The declared type of what format_type says; user types never bear these bare names."""
    known = _NATIVE.get(_LENGTH.sub("", native))
    if known:
        return ColumnType(known)
    if native == "numeric":
        return ColumnType(
            "decimal"
        )  # any; what does not fit the declared one is refused on reading
    if not native.startswith("numeric("):
        return None
    try:
        return ColumnType.parse(native.replace("numeric", "decimal"))
    except ValueError:  # a precision above 38, or a scale that is negative or above the precision
        return None


def is_padded(native: str) -> bool:
    """Whether blanks at the end are padding, which PostgreSQL itself does not compare."""
    return _LENGTH.sub("", native) in ("character", "bpchar")
