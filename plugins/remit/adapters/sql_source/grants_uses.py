"""What an instruction has read of each relation: the columns, and of which rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from remit.adapters.sql_source.presence import touched
from remit.instruction import Instruction, Table
from remit.instruction.subjects import DataSubject, SubjectNames
from remit.ports import Relation, SemiJoin, TableQuery


@dataclass(frozen=True, slots=True)
class Use:
    """One reason to read a relation: these columns, of the rows within the query's limits."""

    columns: tuple[str, ...]
    query: TableQuery

    @property
    def limited(self) -> bool:
        """Whether there is any limit."""
        return bool(self.query.window or self.query.memberships or self.query.through)


@dataclass(frozen=True, slots=True)
class Needed:
    """A relation, in its schema, with every use of it."""

    relation: Relation
    uses: tuple[Use, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of all uses."""
        return tuple(dict.fromkeys(name for use in self.uses for name in use.columns))

    @property
    def limited(self) -> bool:
        """Whether some rows are of no use at all."""
        return all(use.limited for use in self.uses)

    def uses_of(self, column: str) -> tuple[Use, ...]:
        """Those that need the column."""
        return tuple(use for use in self.uses if column in use.columns)


def needed(terms: Instruction, schema: str) -> list[Needed]:
    """Each relation that the instruction's queries read, those that membership leads through too.

    Args:
        schema: where the relations are that the instruction names without one.
    """
    found: dict[Relation, list[Use]] = {}
    for table in terms.tables:
        for use in uses(table):
            known = found.setdefault(_placed(use.query, schema), [])
            known += [] if use in known else [use]
    return [Needed(relation, tuple(known)) for relation, known in found.items()]


def circular(relations: Sequence[Needed], schema: str) -> Relation | None:
    """A limited relation whose rows are found by asking, in the end, that relation itself."""
    leads = {one.relation: set(_led_through(one, schema)) for one in relations if one.limited}
    for start in leads:
        reached: set[Relation] = set()
        ahead = set(leads[start])
        while ahead:
            reached |= ahead
            ahead = {there for one in ahead for there in leads.get(one, ())} - reached
        if start in reached:
            return start
    return None


def _led_through(one: Needed, schema: str) -> Iterator[Relation]:
    for use in one.uses:
        for asked, _ in touched(use.query):
            if asked is not use.query:
                yield _placed(asked, schema)


def _placed(query: TableQuery, schema: str) -> Relation:
    return Relation(schema if query.schema is None else query.schema, query.table)


def uses(table: Table) -> Iterator[Use]:
    """What one table of the instruction has read: itself, and what leads to or from its rows."""
    query, ways = table.query(), table.ways()
    for asked, keys in touched(query):
        names = [name for name, _ in (keys or asked.columns)] + list(asked.limit_columns())
        names += [name for way in ways if asked is query for name in way.own_columns()]
        yield Use(tuple(dict.fromkeys(names)), asked)
    for way in ways:
        yield from _tables_on(way, query)


def _tables_on(way: DataSubject | SubjectNames, scope: TableQuery) -> Iterator[Use]:
    """The tables on the way to the data subject, each with the rows that those in scope lead to."""
    steps = way.through or []
    for number, step in enumerate(steps, 1):
        here = tuple((join.column, join.own) for join in step.join)
        keys = tuple((join.to, join.other) for join in step.join)
        led_to = SemiJoin(keys, replace(scope, columns=here))
        scope = TableQuery(step.there.table, keys, through=(led_to,), schema=step.there.schema)
        last = number == len(steps)
        onward = list(way.sought()) if last else [join.column for join in steps[number].join]
        yield Use(tuple(dict.fromkeys([*(name for name, _ in keys), *onward])), scope)
