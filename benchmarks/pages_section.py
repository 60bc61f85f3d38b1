"""Writes the section on the reviewer's pages in docs/benchmarks.md."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

_BEGIN, _END = "<!-- pages -->\n", "<!-- end of pages -->\n"


def write_section(report: dict[str, Any], page: Path) -> None:
    """Replace what is between the section's markers."""
    head, _, rest = page.read_text().partition(_BEGIN)
    _, _, tail = rest.partition(_END)
    lines = [*_about(report), *_pages(report), *_acts(report), *_exports(report)]
    page.write_text(head + _BEGIN + "\n".join(lines) + "\n" + _END + tail)


def _about(report: dict[str, Any]) -> Iterator[str]:
    machine, memory = report["machine"], report["memory_mb"]
    yield (
        f"Command: `{report['command'].strip()}`. Machine: {machine['cores']} cores, "
        f"{machine['processor']}, Python {machine['python']}; load average before {report['load_before']}. "
        f"{report['runs']:,} runs, {report['records']:,} records, {report['alerts']:,} alerts, SQLite."
    )
    yield ""
    yield (
        f"Memory of the process at its peak: {memory['before']} MB before the first page, "
        f"{memory['after_reading']} MB when the evidence was read, {memory['after_all']} MB in the end."
    )


def _pages(report: dict[str, Any]) -> Iterator[str]:
    yield from ("", "| page | median, ms | 95 %, ms | longest, ms | first after a start, s | KB |")
    yield "|---|---|---|---|---|---|"
    for name, one in report["pages"].items():
        yield f"| {name} {_times(one)} | {one['first_s']} | {one['kilobytes']} |"


def _acts(report: dict[str, Any]) -> Iterator[str]:
    yield from ("", "| act, recorded before it is answered | median, ms | 95 %, ms | longest, ms |")
    yield "|---|---|---|---|"
    for name, one in report["acts"].items():
        yield f"| {name} {_times(one)} |"


def _times(one: dict[str, Any]) -> str:
    return f"| {one['median_ms']} | {one['p95_ms']} | {one['most_ms']}"


def _exports(report: dict[str, Any]) -> Iterator[str]:
    yield from (
        "",
        "| export | first after a start, s | again, s | KB | peak MB | typesetting, MB |",
    )
    yield "|---|---|---|---|---|---|"
    for name, one in report["exports"].items():
        memory = one["memory_mb"]
        yield (
            f"| {name} | {one['first_s']} | {one['again_s']} | {one['kilobytes']} "
            f"| {memory['after']} | {memory['typesetting'] if 'PDF' in name else ''} |"
        )
