"""The account that reads the source: whether it could read more than the instruction allows."""

from __future__ import annotations

from collections.abc import Iterator

from remit.accounts import is_shared
from remit.errors import Refused
from remit.instruction import Instruction, Table
from remit.instruction.rows import Limits, Rows
from remit.instruction.subjects import DataSubject, SubjectNames
from remit.plan.rules import Schema, one_name
from remit.ports import Account, Relation, Source

_OWN_ROLE = "have the controller's DBA make a role for this instruction: remit grants FILE."
_SHOWN = 5


def account_findings(
    terms: Instruction, label: str, account: Account, schema: Schema
) -> Iterator[Refused]:
    """What is wrong with the account; whether it warns or refuses is the instruction's to say.

    Args:
        label: the source's.
    """
    if account.name is None:
        yield Refused(
            "account-unknown",
            label,
            "the source has no accounts: who can open it reads all of it, withheld columns too.",
            "protect the file by its owner and mode, or move it to a server with accounts.",
        )
        return
    where = f"account {account.name}"
    if is_shared(account.name, terms.security.account.shared):
        yield Refused(
            "account-shared",
            where,
            "it is one that several people use, so that nobody answers for what it does.",
            _OWN_ROLE,
        )
    if account.powers:
        said = "; ".join(account.powers)
        yield Refused("account-overprivileged", where, f"it can more than read: {said}.", _OWN_ROLE)
    if excess := _excess(terms, account, schema):
        more = f" and {len(excess) - _SHOWN} more" if len(excess) > _SHOWN else ""
        yield Refused(
            "account-overprivileged",
            where,
            f"it could read {len(excess)} withheld columns: {', '.join(excess[:_SHOWN])}{more}.",
            _OWN_ROLE,
        )


def require_account(terms: Instruction, source: Source) -> None:
    """Refuse an account that the plan would refuse: it may be another one than when it was planned.

    Raises:
        Refused: account-unknown, account-shared, account-overprivileged.
    """
    if terms.security.account.overprivileged != "refuse":
        return
    schema = source.describe(schemas_of(terms))
    for found in account_findings(terms, source.label, source.account(list(schema)), schema):
        raise found


def _excess(terms: Instruction, account: Account, schema: Schema) -> list[str]:
    """The columns that the account could read, and the instruction needs not."""
    needed: dict[Relation, set[str]] = {}
    for table in terms.tables:
        own = needed.setdefault(table.relation, set())
        own |= {column.name for column in table.columns}
        for way in table.ways():
            _add_way(needed, table, way)
        _add_limits(needed, table.relation, table.rows)
    allowed: dict[Relation, set[str]] = {}
    for relation, columns in needed.items():
        allowed.setdefault(one_name(relation, schema), set()).update(columns)
    readable = {one_name(relation, schema): c for relation, c in account.readable.items()}
    return [
        f"{relation}.{column}"
        for relation, columns in sorted(readable.items(), key=lambda item: str(item[0]))
        for column in sorted(columns - allowed.get(relation, set()))
    ]


def _add_way(
    needed: dict[Relation, set[str]], table: Table, way: DataSubject | SubjectNames
) -> None:
    needed[table.relation] |= set(way.own_columns())
    steps = way.through or []
    for number, step in enumerate(steps, 1):
        there = needed.setdefault(step.there, set())
        there |= {join.to for join in step.join}
        onward = {join.column for join in steps[number].join} if number < len(steps) else None
        there |= onward or set(way.sought())


def _add_limits(
    needed: dict[Relation, set[str]], relation: Relation, limits: Limits | Rows
) -> None:
    own = needed.setdefault(relation, set())
    own |= {rule.column for rule in (limits.window, *limits.lists()) if rule}
    for other in limits.through or []:
        there = Relation(other.schema_name, other.relation)
        own |= {join.column for join in other.join}
        needed.setdefault(there, set()).update(join.to for join in other.join)
        _add_limits(needed, there, other)


def schemas_of(terms: Instruction) -> set[str]:
    """The schemas that an instruction names."""
    found = {table.relation.schema for table in terms.tables}
    for table in terms.tables:
        found |= set(_schemas_of(table.rows))
        found |= {step.schema_name for way in table.ways() for step in way.through or []}
    return {schema for schema in found if schema is not None}


def _schemas_of(limits: Limits) -> Iterator[str | None]:
    for other in limits.through or []:
        yield other.schema_name
        yield from _schemas_of(other)
