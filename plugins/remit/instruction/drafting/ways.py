"""Ways along foreign keys: from a table to one that has a date, a site or the data subject."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from remit.attribute_values import with_keys_of_others
from remit.column_names import kind_of_identifier
from remit.column_names.words import singular, word_set, words
from remit.instruction.drafting.scalars import is_unbounded, quoted_type, scalar, type_of
from remit.instruction.lists import is_whole
from remit.ports import Relation, SourceColumn

Columns = Sequence[SourceColumn]
Schema = Mapping[Relation, Columns]

FARTHEST = 6
"""How many tables a row's membership may lead through."""
_SITES = word_set("""
    site facility center centre organization organisation labo laboratory clinic hospital
""")
# These are sites as keys alone: a location is often a shelf, and a lab number a sample's.
_SITES_AS_KEYS = word_set("location lab")
_ENDS_OF_SITES = word_set("id code")
_SUBJECTS = word_set("patient person participant subject individual")


@dataclass(frozen=True, slots=True)
class Step:
    """A foreign key: a column of one table, and the column of another one that it is found in."""

    column: SourceColumn
    there: Relation
    to: SourceColumn

    def join(self) -> str:
        """The join as the instruction writes it."""
        own, other = _joined_types(self.column, self.to)
        more = "" if own == other else f", to_type: {quoted_type(other)}"
        return (
            f"{{column: {scalar(self.column.name)}, type: {quoted_type(own)}, "
            f"to: {scalar(self.to.name)}{more}}}"
        )

    def written(self) -> str:
        """The step as the way to a data subject has it."""
        schema = f"schema: {scalar(self.there.schema)}, " if self.there.schema else ""
        return f"{{{schema}table: {scalar(self.there.table)}, join: [{self.join()}]}}"


class Keys:
    """The foreign keys of a schema.

    Args:
        schema: every table of the source that is known.
    """

    def __init__(self, schema: Schema) -> None:
        self._schema = {name: with_keys_of_others(cols, schema) for name, cols in schema.items()}
        self._steps: dict[Relation, list[Step]] = {}

    def columns(self, relation: Relation) -> Columns:
        """The table's columns; a view's have the keys of columns of the same name."""
        return self._schema.get(relation, ())

    def steps(self, relation: Relation) -> list[Step]:
        """Where the table's foreign keys lead."""
        if relation not in self._steps:
            found = (self.step(relation, column) for column in self.columns(relation))
            self._steps[relation] = [step for step in found if step is not None]
        return self._steps[relation]

    def step(self, relation: Relation, column: SourceColumn) -> Step | None:
        """Where one column leads, if the other table and its key are known."""
        if column.references is None or column.type is None:
            return None
        for there in (
            Relation(relation.schema, column.references),
            Relation(None, column.references),
        ):
            to = _key_for(column, self.columns(there))
            if to is not None:
                return Step(column, there, to)
        return None

    def way(
        self, start: Relation, arrived: Callable[[Relation], bool], *, always: bool = False
    ) -> list[Step]:
        """The shortest way from a table to another one that will do; [] when there is none.

        Args:
            always: only by columns that every row has.
        """
        seen, queue = {start}, deque[tuple[Relation, list[Step]]]([(start, [])])
        while queue:
            here, way = queue.popleft()
            if way and arrived(here):
                return way
            for step in self.steps(here) if len(way) < FARTHEST else ():
                if step.there not in seen and not (always and step.column.nullable):
                    seen.add(step.there)
                    queue.append((step.there, [*way, step]))
        return []


def site_column(columns: Columns) -> SourceColumn | None:
    """The column that probably says which site a row is of."""
    for column in columns:
        parts = [singular(word) for word in words(column.name)]
        alone = parts[1:] == [] or (len(parts) == 2 and parts[1] in _ENDS_OF_SITES)
        keyed = len(parts) == 2 or column.references is not None
        of_site = (
            alone and bool(parts) and (parts[0] in _SITES or (parts[0] in _SITES_AS_KEYS and keyed))
        )
        if of_site and not column.primary and is_listable(column):
            return column
    return None


def subject_column(relation: Relation, columns: Columns) -> SourceColumn | None:
    """The column that says whose data a row is."""
    table = [singular(word) for word in words(relation.table)]
    if len(table) == 1 and table[0] in _SUBJECTS:
        return next((c for c in columns if c.primary and is_listable(c)), None)
    for column in columns:
        parts = [singular(word) for word in words(column.name)]
        named = parts in ([s, "id"] for s in _SUBJECTS) or "".join(parts) in (
            f"{s}id" for s in _SUBJECTS
        )
        if (named or column.references in _SUBJECTS) and is_listable(column):
            return column
    return None


def names_of_persons(relation: Relation, columns: Columns) -> list[str]:
    """The columns with persons' names, if the table is one of data subjects."""
    parts = words(relation.table)
    if not parts or singular(parts[0]) not in _SUBJECTS:
        return []
    return [
        column.name
        for column in columns
        if column.type is not None
        and column.type.name == "string"
        and kind_of_identifier(
            column.name, [c.name for c in columns if c is not column], column.type, relation.table
        )
        == "a person's name"
    ]


def is_listable(column: SourceColumn) -> bool:
    """Whether rows can be limited by a list of its values."""
    kind = column.type
    return kind is not None and (kind.name in ("string", "uuid") or is_whole(kind))


def _key_for(column: SourceColumn, there: Columns) -> SourceColumn | None:
    """The other table's key, or what has the column's own name there; None if they do not join."""
    keys = [other for other in there if other.primary]
    named = [other for other in there if other.name == column.name]
    candidates = [*(keys if len(keys) == 1 else []), *named]
    return next((other for other in candidates if _joins(column, other)), None)


def _joins(one: SourceColumn, other: SourceColumn) -> bool:
    if one.type is None or other.type is None:
        return False
    return one.type == other.type or (is_whole(one.type) and is_whole(other.type))


def _joined_types(one: SourceColumn, other: SourceColumn) -> tuple[str, str]:
    """Both types; where the source gives a decimal no precision, the other's if it has one."""
    own, there = type_of(one), type_of(other)
    if is_unbounded(one) and there.startswith("decimal"):
        own = there
    if is_unbounded(other) and own.startswith("decimal"):
        there = own
    return own, there
