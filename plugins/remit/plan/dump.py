"""A dump, read as the instruction declares it."""

from __future__ import annotations

from collections.abc import Mapping

from remit.columns import ColumnType
from remit.dumped import DumpedSource
from remit.errors import Refused
from remit.instruction import Instruction, Table
from remit.ports import Relation, Source, TableQuery

Needed = dict[Relation, dict[str, ColumnType]]


def as_declared(source: Source, terms: Instruction) -> Source:
    """The source in the form that the instruction declares; a database as it is.

    Raises:
        Refused: dump-unexpected. A dump without a declared form refuses itself when it is read.
    """
    if terms.dump is None:
        return source
    if not isinstance(source, DumpedSource):
        raise Refused(
            "dump-unexpected",
            source.label,
            "the instruction declares the form of a dump in files, but the source is none.",
            "name the dump's folder as the source, or have the declaration removed.",
        )
    return source.declared(terms.dump, _needed(terms))


def _needed(terms: Instruction) -> Mapping[Relation, Mapping[str, ColumnType]]:
    """The columns that the instruction needs, as what it declares them first."""
    needed: Needed = {}
    for table in terms.tables:
        _add_query(needed, table.query())
        _add_ways(needed, table)
    return needed


def _add_query(needed: Needed, query: TableQuery) -> None:
    _add(needed, query.relation, dict(query.columns) | query.limit_columns())
    for join in query.through:
        _add_query(needed, join.keys)


def _add_ways(needed: Needed, table: Table) -> None:
    """What leads from a row to its data subject, step by step."""
    for way in table.ways():
        relation = table.relation
        for step in way.through or []:
            _add(needed, relation, {join.column: join.own for join in step.join})
            _add(needed, step.there, {join.to: join.other for join in step.join})
            relation = step.there
        _add(needed, relation, dict(way.sought()))


def _add(needed: Needed, relation: Relation, columns: Mapping[str, ColumnType]) -> None:
    own = needed.setdefault(relation, {})
    for name, declared in columns.items():
        own.setdefault(name, declared)
