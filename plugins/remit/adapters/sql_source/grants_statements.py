"""The statements of `remit grants`: each whole, with every name quoted and qualified."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from remit.adapters.sql_source.grants_uses import Needed, Use
from remit.adapters.sql_source.postgres_statements import PostgresStatements

CONNECTIONS = 4
"""How many sessions the role may have: a plan and an extract each, of two runs."""

POLICY_ENDS = ("_reads", "_rows")
"""What a role's policies are called, behind its own name."""

_EVERYBODY = "remit_everybody"
_ATTRIBUTES = (
    f"LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT NOREPLICATION NOBYPASSRLS"
    f" CONNECTION LIMIT {CONNECTIONS}"
)

_REQUIRE = """\
IF EXISTS (SELECT FROM (VALUES
        {rows}) AS needed (s, t, c)
    WHERE NOT EXISTS (
      SELECT FROM pg_namespace AS n
      JOIN pg_class AS r ON r.relnamespace = n.oid
      JOIN pg_attribute AS a ON a.attrelid = r.oid
      LEFT JOIN pg_collation AS l ON l.oid = a.attcollation
      WHERE CAST(n.nspname AS text) = needed.s AND CAST(r.relname AS text) = needed.t
        AND CAST(a.attname AS text) = needed.c AND a.attnum > 0 AND NOT a.attisdropped
        AND coalesce(l.collisdeterministic, true)))
  THEN
    RAISE EXCEPTION 'a table or column of the instruction is not in this database,'
      ' or takes unlike texts for equal';
  END IF;"""

_OWN_SCHEMA = """\
IF EXISTS (SELECT FROM pg_namespace WHERE CAST(nspname AS text) = {name}
      AND obj_description(oid, 'pg_namespace') IS DISTINCT FROM {mark}) THEN
    RAISE EXCEPTION 'the schema of the views is there already and was not made for this instruction;'
      ' name another with --schema';
  END IF;
  CREATE SCHEMA IF NOT EXISTS {schema};
  COMMENT ON SCHEMA {schema} IS {mark};"""

_MAKE_ROLE = """\
IF NOT EXISTS (SELECT FROM pg_roles WHERE CAST(rolname AS text) = {name}) THEN
    CREATE ROLE {role} {attributes};
  ELSIF EXISTS (
    SELECT FROM pg_roles AS r
    WHERE CAST(r.rolname AS text) = {name}
      AND (r.rolsuper OR r.rolcreatedb OR r.rolcreaterole OR r.rolreplication OR r.rolbypassrls
        OR r.rolinherit OR EXISTS (SELECT FROM pg_auth_members AS m WHERE m.member = r.oid)
        OR EXISTS (SELECT FROM pg_shdepend AS d WHERE d.refobjid = r.oid AND d.deptype = 'o'
          AND d.refclassid = CAST('pg_authid' AS regclass))))
  THEN
    RAISE EXCEPTION 'the role is there already and is more than a reader; name another with --role';
  END IF;"""

_CONNECT = """\
EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), CAST({name} AS text));"""

_SECURE = """\
IF NOT (SELECT relrowsecurity FROM pg_class WHERE oid = CAST({literal} AS regclass)) THEN
    DROP POLICY IF EXISTS {everybody} ON {table};
    CREATE POLICY {everybody} ON {table} AS PERMISSIVE FOR ALL TO PUBLIC
      USING (true) WITH CHECK (true);
    ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
  END IF;"""


class GrantStatements(PostgresStatements):
    """Writes for one role.

    Args:
        schema: where the relations are that the instruction names without one.
    """

    def __init__(self, role: str, schema: str) -> None:
        super().__init__(schema)
        self._role_name = role
        self.role = self.identifier(role)

    def identifier(self, *names: str) -> str:
        """The name, quoted, behind its schema's. Raises: Refused (name-invalid)."""
        quote = self.dialect.identifier_preparer.quote
        return ".".join(quote(self._name(name)) for name in names)

    def require(self, relations: Sequence[Needed]) -> str:
        """Stops the script if a column is not there.

        Where it is not, PostgreSQL could read its name as a function of the whole row.
        """
        rows = [
            f"({', '.join(map(self.literal, (*map(str, one.relation), column)))})"
            for one in relations
            for column in one.columns
        ]
        return self._block(_REQUIRE.format(rows=",\n        ".join(rows)))

    def make_role(self) -> Iterator[str]:
        """The role, if it is not there yet; never one that is more than a reader."""
        name = self.literal(self._role_name)
        yield self._block(_MAKE_ROLE.format(name=name, role=self.role, attributes=_ATTRIBUTES))
        yield f"ALTER ROLE {self.role} SET default_transaction_read_only = on;"
        yield self._block(_CONNECT.format(name=name))

    def own_schema(self, schema: str, instruction: str) -> Iterator[str]:
        """A schema for the views, never one that is somebody else's."""
        name, mark = self.literal(schema), self.literal(f"remit grants: {instruction}")
        quoted = self.identifier(schema)
        yield self._block(_OWN_SCHEMA.format(name=name, mark=mark, schema=quoted))
        yield f"REVOKE ALL ON ALL TABLES IN SCHEMA {quoted} FROM {self.role};"
        yield self.usage(schema)

    def view(self, schema: str, one: Needed) -> Iterator[str]:
        """The view that stands for a relation, and the right to read it."""
        view = self.identifier(schema, one.relation.table)
        table = self._relation(one)
        columns = ",\n    ".join(self._shown(one, name) for name in one.columns)
        where = f"\n  WHERE {self._any(one.uses)}" if one.limited else ""
        yield f"REVOKE ALL ON TABLE {table} FROM {self.role};"
        yield f"DROP VIEW IF EXISTS {view};"
        yield (
            f"CREATE VIEW {view} WITH (security_barrier = true) AS\n"
            f"  SELECT\n    {columns}\n  FROM {table}{where};"
        )
        yield f"GRANT SELECT ON TABLE {view} TO {self.role};"

    def usage(self, schema: str) -> str:
        """The right to name what is in a schema."""
        return f"GRANT USAGE ON SCHEMA {self.identifier(schema)} TO {self.role};"

    def column_grants(self, one: Needed) -> Iterator[str]:
        """The right to read the columns, and no others."""
        columns = ", ".join(map(self.identifier, one.columns))
        table = self._relation(one)
        yield f"REVOKE ALL ON TABLE {table} FROM {self.role};"
        yield f"GRANT SELECT ({columns})\n  ON TABLE {table} TO {self.role};"

    def policies(self, one: Needed) -> Iterator[str]:
        """Row security for the role alone; whoever else saw every row still does."""
        table, everybody = self._relation(one), self.identifier(_EVERYBODY)
        secure = {"table": table, "literal": self.literal(table), "everybody": everybody}
        yield self._block(_SECURE.format(**secure))
        reads, rows = self._policy_names()
        yield f"DROP POLICY IF EXISTS {reads} ON {table};"
        yield f"CREATE POLICY {reads} ON {table} AS PERMISSIVE FOR SELECT TO {self.role} USING (true);"
        yield f"DROP POLICY IF EXISTS {rows} ON {table};"
        yield (
            f"CREATE POLICY {rows} ON {table} AS RESTRICTIVE FOR SELECT TO {self.role}\n"
            f"  USING ({self._any(one.uses)});"
        )

    def undo_views(self, schema: str, relations: Sequence[Needed]) -> Iterator[str]:
        """Removes the views, and their schema if nothing else is in it."""
        for one in relations:
            yield f"DROP VIEW IF EXISTS {self.identifier(schema, one.relation.table)};"
        yield f"DROP SCHEMA {self.identifier(schema)};"

    def undo_policies(self, one: Needed) -> Iterator[str]:
        """Removes the role's policies; `undo_security` the rest."""
        for policy in self._policy_names():
            yield f"DROP POLICY IF EXISTS {policy} ON {self._relation(one)};"

    def undo_security(self, one: Needed) -> Iterator[str]:
        """Switches row security off again."""
        table = self._relation(one)
        yield f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY;"
        yield f"DROP POLICY IF EXISTS {self.identifier(_EVERYBODY)} ON {table};"

    def _policy_names(self) -> tuple[str, str]:
        reads, rows = (self.identifier(self._role_name + end) for end in POLICY_ENDS)
        return reads, rows

    def _relation(self, one: Needed) -> str:
        schema, table = one.relation
        return self.identifier(str(schema), table)

    def _shown(self, one: Needed, name: str) -> str:
        """A column as a view has it: empty in rows that are there only for a use without it."""
        table, column = self._relation(one), self.identifier(name)
        uses = one.uses_of(name)
        if uses == one.uses or not all(use.limited for use in uses):
            return f"{table}.{column} AS {column}"
        return f"CASE WHEN {self._any(uses)} THEN {table}.{column} END AS {column}"

    def _any(self, uses: Iterable[Use]) -> str:
        """The condition that a row is within the limits of one of the uses."""
        conditions = []
        for use in uses:
            table = self._table(use.query)
            limits = [self.render(limit) for limit in self._limits(use.query, table)]
            conditions.append("\n    AND ".join(limits))
        if len(conditions) == 1:
            return conditions[0]
        return "(" + ")\n    OR (".join(conditions) + ")"

    def _block(self, body: str) -> str:
        """An anonymous block, in quotes that its body does not hold."""
        mark = "$remit$"
        while mark in body:
            mark = mark[:-1] + "_$"
        return f"DO {mark}\nBEGIN\n  {body}\nEND\n{mark};"
