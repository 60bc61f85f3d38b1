"""Writes the section on the evidence log in docs/benchmarks.md."""

from __future__ import annotations

from pathlib import Path
from typing import Any

_BEGIN, _END = "<!-- evidence -->\n", "<!-- end of evidence -->\n"
_COMMANDS = {
    "verify": "`remit evidence verify --all`",
    "export": "`remit evidence export RUN`",
    "verify the bundle": "`remit evidence verify` of that bundle",
    "show": "`remit evidence show` (50 runs)",
    "show a run": "`remit evidence show RUN`",
}


def write_section(report: dict[str, Any], page: Path) -> None:
    """Replace what is between the section's markers."""
    head, _, rest = page.read_text().partition(_BEGIN)
    _, _, tail = rest.partition(_END)
    machine = report["machine"]
    lines = [
        f"Command: `{report['command'].strip()}`. Machine: {machine['cores']} cores, "
        f"{machine['processor']}, Python {machine['python']}. "
        f"{report['records']:,} records, {report['bytes_per_record']:,} bytes each on average.",
        "",
        "| appends, one by one | a second | median, ms | of it processor, ms "
        "| one sync of the disk meanwhile, ms |",
        "|---|---|---|---|---|",
    ]
    for name, one in report["ledgers"].items():
        lines.append(
            f"| {name} | {one['appends_per_second']} | {one['append_median_ms']} "
            f"| {one['append_processor_ms']} | {one['sync_median_ms']} |"
        )
    lines += [
        "",
        "| command | ledger | s | processor, s | peak MB of a process |",
        "|---|---|---|---|---|",
    ]
    for command, shown in _COMMANDS.items():
        for name, ledger in report["ledgers"].items():
            one = ledger[command]
            lines.append(
                f"| {shown} | {name} | {one['seconds']} | {one['processor_seconds']} "
                f"| {one['peak_mb']} |"
            )
    page.write_text(head + _BEGIN + "\n".join(lines) + "\n" + _END + tail)
