"""What came of the rules, as it may be told.

Guarantee: a report holds names, verdicts and counts, never a value; and a count of 1 to n - 1 rows,
which can point to a person, is in it as "fewer than n" alone. In a table of 3 n rows or more, none
can be computed from the counts of its rule. It is masked here, where a verdict becomes a finding;
of rules, the log, the evidence, refusals and pages have nothing else to show.
Not guaranteed: that counts of two rules, or of two runs, do not give a small one when they are
subtracted from each other; rules are reviewed with that in mind (docs/expectations.md).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from remit.errors import Refused
from remit.ports import Rule, Verdict
from remit.small_counts import Count, fewer, is_small


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
    unexpected, missing = _told(verdict, small_counts)
    return Finding(
        rule.id,
        rule.type,
        verdict.columns,
        rule.severity,
        success,
        verdict.error,
        verdict.elements,
        unexpected,
        missing,
    )


def _told(verdict: Verdict, small: int) -> tuple[Count | None, Count | None]:
    """The unexpected and the missing rows, so far as no small number can be computed from them.

    Three numbers make up the rows: unexpected, missing, and those that meet the rule, which nobody
    states but everybody can compute.
    """
    unexpected, missing = verdict.unexpected, verdict.missing
    if verdict.elements is None:
        return fewer(unexpected, small), fewer(missing, small)
    meeting = verdict.elements - (unexpected or 0) - (missing or 0)
    if not any(is_small(count, small) for count in (unexpected or 0, missing or 0, meeting)):
        return unexpected, missing
    room = verdict.elements if meeting >= small else 0
    return _vague(unexpected, room, small), _vague(missing, room, small)


def _vague(count: int | None, room: int, small: int) -> Count | None:
    """The count, if what remains has room for any small number."""
    if not count or count < small or room - count >= 2 * small:
        return fewer(count, small)
    return f"{small} or more"


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
