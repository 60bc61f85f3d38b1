"""The least-privilege role of an instruction, as SQL for the controller's DBA to review and run.

Guaranteed: the role that the script makes can read the instructed columns, and those by which rows
are limited, of the rows within the limits; it can read no others, and change nothing.
Not guaranteed: what everybody may do (PUBLIC) in that database, which the role may too; the script
names what to look at. Suppressed data subjects are left out by the run, not by the database.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Literal
from urllib.parse import quote

from remit.adapters.sql_source.grants_statements import POLICY_ENDS, GrantStatements
from remit.adapters.sql_source.grants_uses import Needed, circular, needed, uses
from remit.errors import Refused, UsageError, one_line
from remit.instruction import Instruction

By = Literal["view", "policy"]
"""How rows are limited: views in a schema of the instruction's own, or row security policies."""


@dataclass(frozen=True, slots=True)
class Grants:
    """The script, its role, and the schema that the source's URL names then."""

    sql: str
    role: str
    schema: str


def grants(
    terms: Instruction,
    digest: str,
    by: By,
    role: str | None = None,
    views: str | None = None,
    tables: str = "public",
) -> Grants:
    """Write the script.

    Args:
        role: its name; by default made of the instruction's id.
        views: with `by` view, the schema that they are made in; by default called like the role.
        tables: the schema of the tables that the instruction names without one.

    Raises:
        Refused: the instruction cannot be carried out so (grants-schema-named,
            grants-policy-circular), or a name cannot be written in SQL (name-invalid).
        UsageError: a name that is too long, or views that would stand in their tables' way.
    """
    own = "remit_" + terms.id.replace("-", "_")
    role, schema = role or own, tables if by == "policy" else views or own
    _require_short(role, schema, by)
    relations = needed(terms, tables)
    _require_possible(terms, relations, by, tables)
    if by == "view" and schema == tables:
        raise UsageError(
            f"views cannot be made in {schema}, where their tables are; name a schema of their own."
        )
    script = _Script(GrantStatements(role, tables), relations, schema, terms.id)
    parts = script.views() if by == "view" else script.policies()
    text = "\n\n".join(
        chain([_head(terms, digest, by, role)], _odd_names(relations, role, schema), parts)
    )
    return Grants(text + "\n", role, schema)


class _Script:
    """The parts of a script, in order."""

    def __init__(
        self, write: GrantStatements, relations: Sequence[Needed], schema: str, instruction: str
    ) -> None:
        self._write, self._relations = write, relations
        self._schema, self._instruction = schema, instruction

    def views(self) -> Iterator[str]:
        """Views in a schema of their own, which alone the role may use."""
        write = self._write
        yield from self._begin()
        yield _note(
            "The views. Each belongs to whom runs this, who must be able to read the tables."
        )
        yield from write.own_schema(self._schema, self._instruction)
        for one in self._relations:
            yield from [_about(one)] if len(one.uses) > 1 else []
            yield "\n".join(write.view(self._schema, one))
        yield from self._end()
        yield _note("To undo all of it:", "", *write.undo_views(self._schema, self._relations))
        yield self._undo_role()

    def policies(self) -> Iterator[str]:
        """Rights on the columns of the tables themselves, and policies where rows are limited."""
        write, limited = self._write, [one for one in self._relations if one.limited]
        yield from self._begin()
        for schema in dict.fromkeys(str(one.relation.schema) for one in self._relations):
            yield write.usage(schema)
        for one in self._relations:
            yield from [_about(one), _note(*_WIDER)] if len(one.uses) > 1 else []
            yield "\n".join(write.column_grants(one))
        yield from [_note(*_SECURITY)] if limited else []
        yield from ("\n".join(write.policies(one)) for one in limited)
        yield from self._end()
        yield _note("To undo all of it:", "", *chain(*map(write.undo_policies, limited)))
        if limited:
            yield _note(*_UNDO_SECURITY, *chain(*map(write.undo_security, limited)))
        yield self._undo_role()

    def _begin(self) -> Iterator[str]:
        yield _BEGIN
        yield self._write.require(self._relations)
        yield _note("The role. It has no password yet, so that nobody can use it.")
        yield from self._write.make_role()

    def _end(self) -> Iterator[str]:
        yield "COMMIT;"
        url = f"postgresql://...?schema={quote(self._schema, safe='')}"
        yield _note(*(line.format(role=self._write.role, url=url) for line in _AFTERWARDS))

    def _undo_role(self) -> str:
        role = self._write.role
        return _note(f"DROP OWNED BY {role};", f"DROP ROLE {role};")


_BEGIN = """BEGIN;
SET LOCAL client_encoding TO 'UTF8';
SET LOCAL standard_conforming_strings TO on;
SET LOCAL search_path TO pg_catalog;
SET LOCAL TimeZone TO 'UTC';"""

_AFTERWARDS = (
    "Afterwards, by hand:",
    "",
    "Give the role a password in psql: \\password {role} (or let it log in with a certificate),",
    "and admit it in pg_hba.conf from the processor's address alone, over TLS.",
    "What everybody may do, the role may too. Look at what PUBLIC was granted; of use are often:",
    "  REVOKE CREATE ON SCHEMA public FROM PUBLIC;  (PostgreSQL 14 and older)",
    "  REVOKE TEMPORARY ON DATABASE ... FROM PUBLIC;",
    "The URL of the source is {url} for the role;",
    "`remit plan` with it shows what the role could do or read beyond the instruction.",
)

_SECURITY = (
    "Row security. Switching it on for a table hides every row from accounts that are neither owner",
    "nor superuser and have no policy. So where it was off, the policy remit_everybody keeps all of",
    "them as they were; where it was on already, what it says for others is left alone.",
    "pg_dump as such an account then needs --enable-row-security.",
    "The owner of a table and superusers see every row as before.",
)

_UNDO_SECURITY = (
    "Where row security was off before (the table has the policy remit_everybody), and no policies of",
    "other roles are left on the table:",
    "",
)


def _head(terms: Instruction, digest: str, by: By, role: str) -> str:
    how = "views" if by == "view" else "column rights and row security policies"
    return _note(
        f"Role {role}: what instruction {terms.id}, version {terms.version}, allows, by {how}.",
        f"Controller {terms.controller.name}. Digest of the instruction: {digest}",
        "Compare the digest with that of the instruction that was signed.",
        "",
        "To be read, and then run by the controller's DBA, in the source's database, as a superuser or as",
        "an owner of the tables who may create roles:  psql --set ON_ERROR_STOP=1 --file FILE",
        "It is one transaction, and can be run again. A role that an earlier version of the instruction",
        "was given keeps what that allowed: undo that one's script first.",
    )


def _odd_names(relations: Sequence[Needed], role: str, schema: str) -> Iterator[str]:
    """Names and values that may not be what they look like."""
    found = [role, schema]
    for one in relations:
        found += [*map(str, one.relation), *one.columns]
        for use in one.uses:
            found += [value for listed in use.query.memberships for value in listed.values]
    odd = [name for name in dict.fromkeys(found) if not name.isascii()]
    if odd:
        yield _note(
            "Names and values with characters beyond ASCII, which can look like others:",
            *(f"  {name}  is  {name!a}" for name in odd),
        )


def _about(one: Needed) -> str:
    return _note(
        f"{one.relation} is read for {len(one.uses)} purposes: the rows within the limits of any."
    )


_WIDER = (
    "Rights on columns hold for all of these rows: in rows that only one purpose needs, the role can",
    "read the columns of the others too. Views (remit grants --rows view) have no such rest.",
)


def _require_short(role: str, schema: str, by: By) -> None:
    """A name that the database would cut could be another instruction's."""
    most = 63 - max(map(len, POLICY_ENDS)) if by == "policy" else 63
    if len(role.encode("utf-8", "replace")) > most:
        raise UsageError(
            f"the role's name {role} has more than {most} bytes; give another: --role."
        )
    if len(schema.encode("utf-8", "replace")) > 63:
        raise UsageError(
            f"the schema's name {schema} has more than 63 bytes; give another: --schema."
        )


def _require_possible(terms: Instruction, relations: Sequence[Needed], by: By, schema: str) -> None:
    if by == "view":
        for table in terms.tables:
            for asked in (use.query for use in uses(table)):
                if asked.schema is not None:
                    raise Refused(
                        "grants-schema-named",
                        table.name,
                        f"the instruction names the schema of {asked.relation}, so that no view can "
                        "stand in its place.",
                        "use --rows policy, or have the controller name no schema in a new version.",
                    )
        return
    if stuck := circular(relations, schema):
        raise Refused(
            "grants-policy-circular",
            str(stuck),
            "its rows are found through the table itself, which a row security policy cannot ask.",
            "use --rows view.",
        )


def _note(*lines: str) -> str:
    """Lines of comment, which no name can break out of."""
    return "\n".join(f"-- {one_line(line)}".rstrip() for line in lines)
