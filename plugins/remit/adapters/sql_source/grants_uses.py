"""What an instruction has read of each relation: the columns, and of which rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from remit.adapters.sql_source.presence import touched
from remit.instruction import Instruction, Table
from remit.ports import Relation, TableQuery


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
        for use in _uses(table):
            asked = use.query
            relation = Relation(schema if asked.schema is None else asked.schema, asked.table)
            uses = found.setdefault(relation, [])
            uses += [] if use in uses else [use]
    return [Needed(relation, tuple(uses)) for relation, uses in found.items()]


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
                yield Relation(schema if asked.schema is None else asked.schema, asked.table)


def _uses(table: Table) -> Iterator[Use]:
    for asked, keys in touched(table.query()):
        names = [name for name, _ in (keys or asked.columns)] + list(asked.limit_columns())
        if not keys and table.data_subject:
            names.append(table.data_subject.column)
        yield Use(tuple(dict.fromkeys(names)), asked)
