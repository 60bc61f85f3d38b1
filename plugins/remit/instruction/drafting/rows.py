"""The rows of a table as a draft proposes them: a window, sites, codes, and membership."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from remit.attribute_values import AttributeTable, attribute_keys, naming_columns
from remit.errors import one_line
from remit.instruction.drafting.dates import dated, event_dates, is_technical
from remit.instruction.drafting.scalars import scalar, typed
from remit.instruction.drafting.ways import Columns, Keys, Step, site_column
from remit.ports import Relation, SourceColumn

_DEEPEST_NAME = 3  # tables from a code to the one that names it
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class _Membership:
    """An entry for `through`: why, the way, and the limit at its end."""

    why: str
    way: Sequence[Step]
    limit: str


class Rows:
    """Proposes the rows of one table.

    Args:
        found: what makes it a table with one row per attribute.
        keys: the foreign keys of everything the source has.
    """

    def __init__(self, table: Relation, keys: Keys, found: AttributeTable | None) -> None:
        self._table, self._keys, self._found = table, keys, found
        self._columns = keys.columns(table)

    @property
    def _lists_codes(self) -> bool:
        return self._found is not None and bool(self._found.codes)

    def lines(self) -> Iterator[str]:
        """The lines below `rows:`, with two more spaces than that."""
        yield from self._time()
        yield f"# sites: {_list(site_column(self._columns), 'column: ...')}"
        yield from self._codes()
        yield from self._through()
        yield "maximum: ..."

    def _time(self) -> Iterator[str]:
        dates = event_dates(self._columns)
        if dates:
            kind = dates[0].type
            yield (
                f"window: {{column: {scalar(dates[0].name)}, type: {kind}, from: ..., to: ...}}"
                + (
                    "  # says when the row was written"
                    if is_technical(dates[0].name)
                    else _others(dates)
                )
            )
        elif self._lists_codes:
            yield "undated: ...        # no date column: why time does not limit these rows"
        else:
            yield "all: ...            # no date column: the reason why every row may leave"

    def _codes(self) -> Iterator[str]:
        found = self._found
        if found is None:
            return
        if not found.codes:
            yield "all_codes: ...      # why every attribute may leave"
            return
        first, *others = (_named(self._columns, name) for name in found.codes)
        also = ", ".join(scalar(other.name) for other in others)
        yield f"codes: {_list(first)}" + (one_line(f"  # or by {also}") if also else "")
        yield "# all_codes: ...    # in place of codes: why every attribute may leave"

    def _through(self) -> Iterator[str]:
        entries = [*self._by_date(), *self._by_site(), *self._by_name()]
        if entries:
            yield "# through:           # membership; what each entry says limits the rows as well"
        for entry in entries:
            yield one_line(f"#   # {entry.why}")
            for line in _written(entry.way, entry.limit):
                yield f"#   {line}"

    def _by_date(self) -> Iterator[_Membership]:
        if dated(self._columns):
            return
        way = self._keys.way(self._table, lambda there: bool(dated(self._keys.columns(there))))
        if way:
            date = event_dates(self._keys.columns(way[-1].there))[0]
            dates = event_dates(self._columns)
            instead = "the window" if dates else "`undated`" if self._lists_codes else "`all`"
            window = (
                f"window: {{column: {scalar(date.name)}, type: {date.type}, from: ..., to: ...}}"
            )
            yield _Membership(f"by a date of {way[-1].there}, in place of {instead}", way, window)

    def _by_site(self) -> Iterator[_Membership]:
        own = site_column(self._columns)
        step = self._keys.step(self._table, own) if own else None
        if step is not None and (name := self._naming(step.there)):
            yield _Membership(f"by site, as {step.there} names it", [step], f"sites: {_list(name)}")
        if own is None:
            way = self._keys.way(
                self._table, lambda there: bool(site_column(self._keys.columns(there)))
            )
            if way:
                column = site_column(self._keys.columns(way[-1].there))
                yield _Membership(
                    f"by site, which {way[-1].there} has", way, f"sites: {_list(column)}"
                )

    def _by_name(self) -> Iterator[_Membership]:
        """Codes by what the catalogue calls them, which reads better than numbers."""
        for name in self._found.codes[:_SHOWN] if self._found else ():
            step = self._keys.step(self._table, _named(self._columns, name))
            way = self._to_a_name([step]) if step else []
            if way and (column := self._naming(way[-1].there)):
                why = f"by name, as {way[-1].there} has it, in place of codes"
                yield _Membership(why, way, f"codes: {_list(column)}")

    def _to_a_name(self, way: list[Step]) -> list[Step]:
        if self._naming(way[-1].there):
            return way
        there = way[-1].there
        if len(way) == _DEEPEST_NAME:
            return []
        for column in attribute_keys(there.table, self._keys.columns(there)):
            step = self._keys.step(there, column)
            if step and (longer := self._to_a_name([*way, step])):
                return longer
        return []

    def _naming(self, there: Relation) -> SourceColumn | None:
        """The text by which a catalogue's rows are best listed."""
        columns = self._keys.columns(there)
        for name in naming_columns(there.table, columns):
            column = _named(columns, name)
            if column.type is not None and column.type.name == "string":
                return column
        return None


def _written(way: Sequence[Step], limit: str) -> Iterator[str]:
    """A chain of `through`, its lines indented as below the first one."""
    indent = ""
    for number, step in enumerate(way):
        if number:
            yield f"{indent}through:"
            indent += "  "
        yield f"{indent}- table: {scalar(step.there.table)}"
        indent += "  "
        if step.there.schema:
            yield f"{indent}schema: {scalar(step.there.schema)}"
        yield f"{indent}join: [{step.join()}]"
    yield f"{indent}{limit}"


def _others(dates: Sequence[SourceColumn]) -> str:
    others = [scalar(c.name) for c in dates[1 : 1 + _SHOWN] if not is_technical(c.name)]
    return one_line(f"  # or {', '.join(others)}") if others else ""


def _list(column: SourceColumn | None, otherwise: str = "") -> str:
    return f"{{{typed(column) if column else otherwise}, in: [...]}}"


def _named(columns: Columns, name: str) -> SourceColumn:
    return next(column for column in columns if column.name == name)
