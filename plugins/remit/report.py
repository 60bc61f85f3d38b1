"""What came of the rules, as it may be told.

Guarantee: a report holds names, verdicts and counts, never a value; and a count of 1 to n - 1 rows,
which can point to a person, is in it as "fewer than n" alone. It is masked here, where a verdict
becomes a finding; the log, the evidence, refusals and pages have nothing else to show.
Not guaranteed: that counts of two rules, or of two runs, do not give a small one when they are
subtracted from each other; rules are reviewed with that in mind (docs/expectations.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from remit.errors import Refused
from remit.ports import Rule, Verdict

Count = int | str
"""A number, or words for one that is not told."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of one rule, as it may be told.

    Attributes:
        severity: what the rule asks for if it fails: ``stop`` or ``warn``.
        error: whether it could not be judged, which stops the run whatever the severity.
        elements: the rows judged; `unexpected` those that do not meet the rule, `missing` those
            without a value. None where the rule has no such count.
    """

    rule: str
    type: str
    columns: tuple[str, ...]
    severity: Literal["stop", "warn"]
    success: bool
    error: bool
    elements: int | None
    unexpected: Count | None
    missing: Count | None

    @property
    def stops(self) -> bool:
        """Whether the run ends by it."""
        return not self.success and (self.error or self.severity == "stop")

    @property
    def warns(self) -> bool:
        """Whether it failed, and the run goes on."""
        return not self.success and not self.stops

    def as_json(self) -> dict[str, Any]:
        """The finding as evidence gives it."""
        return asdict(self) | {"columns": list(self.columns)}


def finding(rule: Rule, verdict: Verdict, small_counts: int) -> Finding:
    """What may be told of a verdict.

    Args:
        small_counts: counts from 1 to below this are not told.
    """
    success = verdict.success and not verdict.error
    return Finding(
        rule.id,
        rule.type,
        verdict.columns,
        rule.severity,
        success,
        verdict.error,
        verdict.elements,
        _unexpected(verdict, small_counts),
        _told(verdict.missing, [verdict.elements], small_counts),
    )


def _unexpected(verdict: Verdict, small: int) -> Count | None:
    rows = verdict.elements
    values = None if rows is None else rows - (verdict.missing or 0)
    return _told(verdict.unexpected, [rows, values], small)


def _told(count: int | None, wholes: Sequence[int | None], small: int) -> Count | None:
    """The count, unless it is small or leaves a small one when a whole is known."""
    if count is None:
        return None
    if 0 < count < small:
        return f"fewer than {small}"
    if any(whole is not None and 0 < whole - count < small for whole in wholes):
        return f"all but fewer than {small}"
    return count


@dataclass(frozen=True, slots=True)
class TableReport:
    """What came of one table's rules."""

    table: str
    rows: int
    verdicts: tuple[Finding, ...]

    @property
    def failed(self) -> list[Finding]:
        """The rules by which the run ends: they do not hold, or could not be judged."""
        return [verdict for verdict in self.verdicts if verdict.stops]

    @property
    def warned(self) -> list[Finding]:
        """The rules that do not hold, and of which the run is warned alone."""
        return [verdict for verdict in self.verdicts if verdict.warns]

    def as_json(self) -> dict[str, Any]:
        """The report as evidence gives it."""
        return {
            "table": self.table,
            "rows": self.rows,
            "passed": sum(verdict.success for verdict in self.verdicts),
            "failed": len(self.failed),
            "warned": len(self.warned),
            "verdicts": [verdict.as_json() for verdict in self.verdicts],
        }


@dataclass(frozen=True, slots=True)
class ValidationReport:
    """All tables."""

    engine: str
    tables: tuple[TableReport, ...]

    def as_json(self) -> dict[str, Any]:
        """The report as evidence gives it."""
        return {"engine": self.engine, "tables": [table.as_json() for table in self.tables]}

    def require_passed(self) -> None:
        """Refuse (validation-failed) if the run ends by a rule of any table."""
        failures = [(table.table, verdict) for table in self.tables for verdict in table.failed]
        if not failures:
            return
        table, verdict = failures[0]
        what = "could not be judged" if verdict.error else f"fails on {verdict.unexpected} rows"
        if not verdict.error and verdict.unexpected is None:
            what = "does not hold"
        more = f"; {len(failures) - 1} more rules failed" if len(failures) > 1 else ""
        raise Refused(
            "validation-failed",
            f"{table} rule {verdict.rule}",
            f"{verdict.type} {what}{more}. The extract is made unreadable and deleted.",
            "correct the data at the source, or the rule with the controller; then run anew.",
        )
