"""Whom PostgreSQL takes us for, and what that account could do, from the catalogues alone."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from remit.adapters.sql_source.postgres_catalogue import KINDS
from remit.adapters.sql_source.session import Session
from remit.adapters.sql_source.statements import Statements
from remit.ports import Account, Relation

_NAMED = 3
"""How many relations a power names before it only counts."""

_ATTRIBUTES = {
    "rolsuper": "is a superuser",
    "rolcreatedb": "may create databases",
    "rolcreaterole": "may create roles",
    "rolbypassrls": "bypasses row security",
    "rolreplication": "may replicate the whole server",
}
_PREDEFINED = frozenset(
    (
        "pg_read_all_data",
        "pg_write_all_data",
        "pg_execute_server_program",
        "pg_read_server_files",
        "pg_write_server_files",
    )
)

# All that it is, may use or may become: SET ROLE gives it what it does not inherit.
_ROLES = f"""
SELECT CAST(rolname AS text), rolname = session_user, pg_has_role(session_user, oid, 'USAGE'),
       {", ".join(_ATTRIBUTES)}
FROM pg_roles
WHERE pg_has_role(session_user, oid, 'MEMBER')
ORDER BY rolname <> session_user, rolname
"""  # noqa: S608  (names of ours)

_DATABASE = """
SELECT CAST(session_user AS text), CAST(current_user AS text),
       pg_has_role(session_user, datdba, 'MEMBER')
FROM pg_database WHERE datname = current_database()
"""

_RELATIONS = f"""
SELECT asked.number, pg_has_role({{user}}, c.relowner, 'MEMBER'),
       has_table_privilege({{user}}, c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE, TRIGGER')
         OR has_any_column_privilege({{user}}, c.oid, 'INSERT, UPDATE'),
       CASE WHEN has_schema_privilege({{user}}, n.oid, 'USAGE') THEN ARRAY(
         SELECT CAST(a.attname AS text) FROM pg_attribute AS a
         WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
           AND (has_table_privilege({{user}}, c.oid, 'SELECT')
                OR has_column_privilege({{user}}, c.oid, a.attnum, 'SELECT'))) END
FROM (VALUES {{asked}}) AS asked (number, schema, name)
JOIN pg_namespace AS n ON CAST(n.nspname AS text) = asked.schema
JOIN pg_class AS c ON c.relnamespace = n.oid AND CAST(c.relname AS text) = asked.name
WHERE c.relkind IN {KINDS}
ORDER BY asked.number
"""  # noqa: S608  (KINDS is ours)

# What belongs to an extension is code of the server's, and no table of the controller's.
_OTHERS = f"""
SELECT CAST(n.nspname AS text) || '.' || CAST(c.relname AS text)
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN {KINDS} AND c.relpersistence <> 't' AND c.oid <> ALL (ARRAY(
        SELECT c.oid FROM (VALUES {{asked}}) AS asked (number, schema, name)
        JOIN pg_namespace AS n ON CAST(n.nspname AS text) = asked.schema
        JOIN pg_class AS c ON c.relnamespace = n.oid AND CAST(c.relname AS text) = asked.name))
  AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
  AND has_schema_privilege({{user}}, n.oid, 'USAGE')
  AND has_any_column_privilege({{user}}, c.oid, 'SELECT')
  AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.classid = CAST('pg_class' AS regclass)
                  AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY 1
"""  # noqa: S608  (KINDS is ours)

_SCHEMAS = """
SELECT CAST(nspname AS text) FROM pg_namespace
WHERE has_schema_privilege({user}, oid, 'CREATE') AND CAST(nspname AS text) IN ({schemas})
ORDER BY nspname
"""


class _Rights(NamedTuple):
    """Of one relation: whether it is owned, may be changed, and which columns may be read."""

    owned: bool
    changeable: bool
    readable: frozenset[str]


class AccountCheck:
    """Asks about the relations, in one session.

    Args:
        schema: the default one.
    """

    def __init__(
        self,
        session: Session,
        statements: Statements,
        schema: str,
        relations: Collection[Relation],
    ) -> None:
        self._session, self._literal = session, statements.literal
        self._relations = sorted(set(relations), key=lambda one: (one.schema or "", one.table))
        self._places = [
            (schema if r.schema is None else r.schema, r.table) for r in self._relations
        ]

    def account(self) -> Account:
        """The account that logged in, whatever role it has been switched to."""
        [(login, current, owns_database)] = self._session.rows(_DATABASE)
        rights: dict[Relation, _Rights] = {}
        powers = list(self._roles())
        superuser = powers[:1] == [_ATTRIBUTES["rolsuper"]]
        if owns_database and not superuser:
            powers.append("owns the database")
        for user in dict.fromkeys((login, current)):
            name = self._literal(user)
            self._add(rights, name)
            if not superuser:
                powers += self._beyond(name)
        if not superuser:
            powers += _held(rights)
        readable = {relation: one.readable for relation, one in rights.items()}
        return Account(login, tuple(dict.fromkeys(powers)), readable)

    def _roles(self) -> Iterator[str]:
        """What the account is by its attributes, or those of roles that it may become."""
        for name, own, inherited, *attributes in self._session.rows(_ROLES):
            held = [w for w, on in zip(_ATTRIBUTES.values(), attributes, strict=True) if on]
            if own and attributes[0]:  # the rest goes without saying
                yield held[0]
                return
            if own:
                yield from held
            elif name in _PREDEFINED:
                yield f"is a member of {name}"
            elif held:
                yield f"may become the role {name}, which {' and '.join(held)}"
            elif not inherited:
                yield f"may become the role {name}"

    def _add(self, rights: dict[Relation, _Rights], user: str) -> None:
        if not self._relations:
            return
        sql = _RELATIONS.format(user=user, asked=self._asked())
        for number, owned, changeable, columns in self._session.rows(sql):
            relation = self._relations[number]
            before = rights.get(relation, _Rights(False, False, frozenset()))
            rights[relation] = _Rights(
                owned or before.owned,
                changeable or before.changeable,
                before.readable | frozenset(columns or ()),
            )

    def _beyond(self, user: str) -> Iterator[str]:
        """What it may do besides reading the relations asked about."""
        others = [
            name for (name,) in self._session.rows(_OTHERS.format(user=user, asked=self._asked()))
        ]
        if others:
            yield f"may read other relations: {_some(others)}"
        schemas = ", ".join(sorted({self._literal(schema) for schema, _ in self._places})) or "NULL"
        for (schema,) in self._session.rows(_SCHEMAS.format(user=user, schemas=schemas)):
            yield f"may create objects in the schema {schema}"

    def _asked(self) -> str:
        """The relations as rows of VALUES; where there are none, a row that is no relation."""
        rows = [
            f"({number}, {self._literal(schema)}, {self._literal(table)})"
            for number, (schema, table) in enumerate(self._places)
        ]
        return ", ".join(rows) or "(0, CAST(NULL AS text), CAST(NULL AS text))"


def _held(rights: dict[Relation, _Rights]) -> Iterator[str]:
    owned = [str(relation) for relation, one in rights.items() if one.owned]
    changed = [str(r) for r, one in rights.items() if one.changeable and not one.owned]
    if owned:
        yield f"owns {_some(owned)}"
    if changed:
        yield f"may change {_some(changed)}"


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
