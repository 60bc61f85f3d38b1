"""What a plan says, and how it is written down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from remit.errors import Refused
from remit.instruction.interval import Interval
from remit.plan.differences import Difference


@dataclass(frozen=True, slots=True)
class Drift:
    """A column whose type at the source is not the one declared."""

    column: str
    declared: str
    live: str


@dataclass(frozen=True, slots=True)
class ColumnPlan:
    """A column that leaves: as what, in which category, who can read it.

    Attributes:
        identifiers: what becomes of direct identifiers in its texts; empty where none are looked for.
    """

    name: str
    type: str
    delivered: str
    transformation: str
    category: str
    recipients: tuple[str, ...]
    identifiers: str = ""

    def as_json(self) -> dict[str, Any]:
        """The column as `remit plan --json` and the evidence give it."""
        fields: dict[str, Any] = {name: getattr(self, name) for name in self.__slots__}
        return fields | {"recipients": list(self.recipients)}


@dataclass(frozen=True, slots=True)
class TablePlan:
    """One table: names of columns, and rows in scope of all (None where it could not be counted).

    Attributes:
        live: every column that the source has there, with its native type.
        pieces: in how many pieces it would be read, each a file.
    """

    name: str
    relation: str
    limits: tuple[str, ...]
    columns: tuple[ColumnPlan, ...]
    withheld: tuple[str, ...]
    missing: tuple[str, ...]
    drifted: tuple[Drift, ...]
    rows_in_scope: int | None
    rows_total: int | None
    sql: str
    live: Mapping[str, str]
    pieces: int = 1

    @property
    def allowed(self) -> tuple[str, ...]:
        """The names of the columns that leave."""
        return tuple(column.name for column in self.columns)

    def as_json(self) -> dict[str, Any]:
        """The table as `remit plan --json` and the evidence give it."""
        return {
            "name": self.name,
            "relation": self.relation,
            "limits": list(self.limits),
            "allowed": list(self.allowed),
            "columns": [column.as_json() for column in self.columns],
            "withheld": list(self.withheld),
            "missing": list(self.missing),
            "drifted": [
                {"column": d.column, "declared": d.declared, "live": d.live} for d in self.drifted
            ],
            "rows_in_scope": self.rows_in_scope,
            "rows_total": self.rows_total,
            "sql": self.sql,
            "live": dict(self.live),
            "pieces": self.pieces,
        }


@dataclass(frozen=True, slots=True)
class Plan:
    """The whole plan.

    Attributes:
        account: by which the source is read; None where it has no accounts.
        landing: the label of the landing zone; None where none was named.
        previous: the run that the source is compared with; None when there was none.
        drift: what changed at the source since then.
        warnings: what would be refused if the instruction asked for it.
    """

    controller: str
    instruction: str
    version: int
    digest: str
    source: str
    account: str | None
    landing: str | None
    interval: Interval | None
    recipients: tuple[Mapping[str, Any], ...]
    after_confirmation: timedelta
    without_confirmation: timedelta
    tables: tuple[TablePlan, ...]
    unnamed_tables: tuple[str, ...]
    previous: str | None = None
    drift: tuple[Difference, ...] = ()
    warnings: tuple[Refused, ...] = ()
    refusals: tuple[Refused, ...] = field(default=())

    def as_json(self) -> dict[str, Any]:
        """The plan as `remit plan --json` and the evidence give it; durations in seconds."""
        return {
            "instruction": {
                "controller": self.controller,
                "id": self.instruction,
                "version": self.version,
                "digest": self.digest,
            },
            "source": self.source,
            "account": self.account,
            "landing": self.landing,
            "interval": self.interval.as_json() if self.interval else None,
            "recipients": [dict(recipient) for recipient in self.recipients],
            "deletion": {
                "after_confirmation": int(self.after_confirmation.total_seconds()),
                "without_confirmation": int(self.without_confirmation.total_seconds()),
            },
            "tables": [table.as_json() for table in self.tables],
            "withheld_tables": list(self.unnamed_tables),
            "previous": self.previous,
            "drift": [difference.as_json() for difference in self.drift],
            "warnings": [warning.as_json() for warning in self.warnings],
            "refusals": [refusal.as_json() for refusal in self.refusals],
        }

    def require_clean(self) -> None:
        """Raise the first refusal, saying how many there are."""
        if not self.refusals:
            return
        first, *others = self.refusals
        more = f" ({len(others)} more in the plan.)" if others else ""
        raise Refused(first.code, first.where, first.message + more, first.way_out)
