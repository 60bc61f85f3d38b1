"""Which rows of a table: windows, lists, membership through other tables."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from typing import Annotated, Literal, Self, TypeVar

from pydantic import model_validator

from remit.columns import ColumnType
from remit.instruction.forms import (
    DATE,
    MOMENT,
    Bound,
    Lacking,
    Misfit,
    Name,
    Statement,
    Strict,
    TimeZone,
    once,
    said,
)
from remit.instruction.lists import Join, ListRule
from remit.ports import SemiJoin, TableQuery, Window

D = TypeVar("D", bound=date)
DEEPEST = 6
"""How many tables a row's membership may lead through."""


class WindowRule(Strict):
    """Rows whose column lies in [from, to), or in the part of it that is the run's own interval."""

    column: Annotated[Name, said("The column that dates a row; it need not leave")]
    type: Annotated[
        Literal["date", "timestamp", "timestamptz"], said("What the column is at the source")
    ]
    start: Annotated[
        Bound, said("The first moment inside", "5(1)(c)", alias="from", examples=["2024-01-01"])
    ]
    end: Annotated[
        Bound, said("The first moment outside", "5(1)(c)", alias="to", examples=["2025-01-01"])
    ]
    per_run: Annotated[
        Literal["data_interval"] | None,
        said("Each run takes only the part of the window that is its own data interval"),
    ] = None
    timezone: Annotated[
        TimeZone | None,
        said("With per_run: whose days and hours a date or timestamp column holds"),
    ] = None

    @model_validator(mode="after")
    def _bounds(self) -> Self:
        if self._moment(self.start, "from") >= self._moment(self.end, "to"):
            raise Misfit("from must be before to", "to")
        needs_zone = self.per_run is not None and self.type != "timestamptz"
        if needs_zone and self.timezone is None:
            raise Misfit(
                f"per_run of a {self.type} column asks for the column's timezone", "timezone"
            )
        if self.timezone is not None and not needs_zone:
            raise Misfit("only per_run of a date or timestamp column has a timezone", "timezone")
        return self

    def window(self) -> Window:
        """The limit as sources take it."""
        return Window(self.column, ColumnType(self.type), self.start, self.end)

    def _moment(self, text: str, at: str) -> datetime | date:
        if self.type == "date":
            form = "the bound of a date is a day, such as 2024-01-31"
            return _parsed(date.fromisoformat, text, DATE, form, at)
        form = f"the bound of a {self.type} is written to the second, such as 2024-01-31T00:00:00"
        moment = _parsed(datetime.fromisoformat, text, MOMENT, form, at)
        if (moment.tzinfo is None) is (self.type == "timestamptz"):
            zone = "with" if self.type == "timestamptz" else "without"
            raise Misfit(f"the bound of a {self.type} is written {zone} an offset from UTC", at)
        try:
            return moment.astimezone(UTC) if moment.tzinfo else moment
        except OverflowError:
            raise Misfit("must be within the years 1 to 9999 in UTC", at) from None


class Limits(Strict):
    """Limits on the rows of one table; all of them hold together."""

    window: Annotated[
        WindowRule | None, said("Rows dated from one moment to before another", "5(1)(c)")
    ] = None
    sites: Annotated[ListRule | None, said("The sites allowed", "5(1)(c)")] = None
    codes: Annotated[
        ListRule | None, said("The codes allowed, for tables with one row per attribute", "5(1)(c)")
    ] = None
    only: Annotated[
        list[ListRule] | None,
        said("Other lists, each of which holds as well", "5(1)(c)", min_length=1),
    ] = None
    through: Annotated[
        list[Through] | None,
        said(
            "Membership: only rows found in another table within its limits",
            "5(1)(c)",
            min_length=1,
        ),
    ] = None

    def limited(self) -> bool:
        """Whether there is any limit."""
        return any((self.window, self.lists(), self.through))

    def lists(self) -> list[ListRule]:
        """Every list, of sites, codes and whatever else."""
        return [rule for rule in (self.sites, self.codes, *(self.only or [])) if rule]

    def windows(self) -> Iterator[WindowRule]:
        """This table's window and those of the tables that membership leads through."""
        if self.window:
            yield self.window
        for other in self.through or []:
            yield from other.windows()

    def depth(self) -> int:
        """How many tables membership leads through."""
        return max((1 + other.depth() for other in self.through or []), default=0)

    def query(
        self, schema: str | None, table: str, columns: tuple[tuple[str, ColumnType], ...]
    ) -> TableQuery:
        """What may be asked of the source: these columns of the rows within the limits."""
        return TableQuery(
            table=table,
            columns=columns,
            window=self.window.window() if self.window else None,
            memberships=tuple(rule.membership() for rule in self.lists()),
            through=tuple(other.semi_join() for other in self.through or []),
            schema=schema,
        )


class Through(Limits):
    """Rows whose columns are found among the rows of another table that its own limits allow."""

    relation: Annotated[Name, said("The other table or view, as the source has it", alias="table")]
    schema_name: Annotated[
        Name | None, said("Its schema; the source's default one if left out", alias="schema")
    ] = None
    join: Annotated[list[Join], said("Column by column; several for a composite key", min_length=1)]

    @model_validator(mode="after")
    def _meaningful(self) -> Self:
        once([join.column for join in self.join], "joined column", "join", "column")
        once([join.to for join in self.join], "joined column", "join", "to")
        if not self.limited():
            raise Lacking("a table that rows are found in has limits of its own; give one")
        declared: dict[str, ColumnType] = {}
        keys = self.semi_join().keys
        for name, kind in [*keys.columns, *limiting(keys)]:
            if declared.setdefault(name, kind) != kind:
                raise Misfit(f"column {name} is given as {declared[name]} and as {kind}")
        return self

    def semi_join(self) -> SemiJoin:
        """The limit as sources take it."""
        own = tuple((join.column, join.own) for join in self.join)
        keys = tuple((join.to, join.other) for join in self.join)
        return SemiJoin(own, self.query(self.schema_name, self.relation, keys))


class Rows(Limits):
    """Which rows of a table leave: limits, or `all` with the reason why the table needs none."""

    all: Annotated[
        Statement | None,
        said(
            "In place of limits: why every row of the table may leave",
            "5(1)(c)",
            examples=["A list of forty units of measurement, without any patient"],
        ),
    ] = None
    undated: Annotated[
        Statement | None,
        said(
            "In place of a window: why time does not limit these rows",
            "5(1)(c)",
            examples=["One row per patient of the sites, whatever the year of the first visit"],
        ),
    ] = None
    all_codes: Annotated[
        Statement | None,
        said(
            "In place of codes, in a table with one row per attribute: why each may leave",
            "5(1)(c)",
            examples=["The biologist compares with every earlier analysis of the same patient"],
        ),
    ] = None
    maximum: Annotated[
        int, said("Ceiling of rows; with more than this nothing leaves", "5(1)(c)", gt=0)
    ]

    @model_validator(mode="after")
    def _some_limit(self) -> Self:
        dated = next(self.windows(), None) is not None
        if self.all is not None and (self.limited() or self.undated):
            raise Misfit("`all` goes with no other limit", "all")
        if self.all is None and not self.limited():
            raise Lacking("give a window, or `all` with the reason why every row may leave")
        if self.all is None and not dated and self.undated is None:
            raise Lacking(
                "give a window (here or through another table), or `undated` with the reason why "
                "time does not limit these rows"
            )
        if dated and self.undated is not None:
            raise Misfit("`undated` stands in place of a window, and there is one", "undated")
        if self.codes and self.all_codes:
            raise Misfit("`all_codes` stands in place of codes, and there are some", "all_codes")
        if self.depth() > DEEPEST:
            raise Misfit(f"membership leads through {DEEPEST} tables at most", "through")
        return self


def _parsed(parse: Callable[[str], D], text: str, form: str, words: str, at: str) -> D:
    # The form first: Python reads week dates and more, which databases do not.
    try:
        if re.fullmatch(form, text, re.ASCII):
            return parse(text)
    except ValueError:
        pass
    raise Misfit(words, at)


def limiting(query: TableQuery) -> list[tuple[str, ColumnType]]:
    """Each column that limits a table's rows, with its type, as often as it does."""
    windows = [(query.window.column, query.window.type)] if query.window else []
    lists = [(membership.column, membership.type) for membership in query.memberships]
    return [*windows, *lists, *(pair for join in query.through for pair in join.columns)]


def shown_limits(limits: Limits) -> list[str]:
    """The limits in words, without the ceiling."""
    lines: list[str] = []
    if window := limits.window:
        own = ", of it the run's own data interval" if window.per_run else ""
        lines.append(f"{window.column} from {window.start} to before {window.end}{own}")
    lines += [f"{r.column} one of {', '.join(r.membership().values)}" for r in limits.lists()]
    for other in limits.through or []:
        joined = ", ".join(join.column for join in other.join)
        lines.append(f"{joined} in {other.relation} with {' and '.join(shown_limits(other))}")
    return lines
