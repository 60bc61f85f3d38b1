"""What a task's log shows of the run's story."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from remit.operators.telling import tell_records


class Log:
    """Keeps what is written, with its level."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []

    def info(self, text: str, *arguments: Any) -> None:
        self.lines.append(("info", text % arguments if arguments else text))

    def warning(self, text: str) -> None:
        self.lines.append(("warning", text))


def test_warning_of_the_validation_is_a_warning_outside_of_the_fold() -> None:
    verdict = {
        "rule": "unit-known", "type": "expect_x", "columns": ["unit"], "severity": "warn",
        "success": False, "error": False, "elements": 72, "unexpected": "fewer than 5", "missing": 0,
    }  # fmt: skip
    table = {"table": "results", "rows": 72, "passed": 4, "failed": 0, "warned": 1}
    report = {"engine": "a judge", "tables": [{**table, "verdicts": [verdict]}]}
    record = SimpleNamespace(
        kind="validated", data={"report": report}, seq=5, at="2026-01-01T00:00:00Z", by="processor"
    )
    log = Log()
    tell_records(log, [record])  # type: ignore[arg-type,list-item]

    assert log.lines[-2] == ("info", "::endgroup::")
    assert log.lines[-1] == (
        "warning",
        "Warning: unit-known (expect_x on unit) does not hold on fewer than 5 of 72 rows. "
        "The run goes on.",
    )
    assert ("info", "results: 4 of 5 rules hold, 72 rows.") in log.lines
