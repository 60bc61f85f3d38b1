"""Writes docs/benchmarks.md and its plots from the figures."""

from __future__ import annotations

from pathlib import Path

_WHAT = {
    "floor": "psql's binary copy to nowhere",
    "by hand": "the best script by hand: two connections, encrypted; nothing looked at",
    "extract and encrypt": "**remit: extract and encrypt**, every row checked and reconciled",
    "by hand, with raw SQL rules": "the script by hand, 16 rules as raw SQL of DuckDB's",
    "extract, encrypt and validate": "**remit: extract, encrypt and validate** (Great Expectations)",
    "naive": "pandas, Great Expectations on pandas, Parquet, Fernet; plaintext on disk",
}


def write_page(report: dict, page: Path) -> None:
    """Replace what is between the page's markers; write the plots beside it."""
    text = page.read_text()
    head, _, rest = text.partition("<!-- figures -->\n")
    _, _, tail = rest.partition("<!-- end of figures -->\n")
    lines = [f"Command: `{report['command']}`. Machine: {_machine(report['machine'])}.", ""]
    for rows, ways in report["tables"].items():
        lines += [f"### {int(rows):,} rows in the table", "", *_table(ways), ""]
        plot = page.parent / "plots" / f"benchmarks-{rows}.svg"
        _plot(ways, plot)
        lines += [f"![Seconds and memory of each way](plots/{plot.name})", ""]
    lines += ["### An increment", "", *_increment(report["increment"]), ""]
    lines += ["### Start-up", "", "| what | s |", "|---|---|"]
    lines += [f"| {name} | {seconds} |" for name, seconds in report["start_up_seconds"].items()]
    body = "\n".join(lines)
    page.write_text(f"{head}<!-- figures -->\n{body}\n<!-- end of figures -->\n{tail}")


def _machine(machine: dict) -> str:
    return f"{machine['cores']} cores, {machine['processor']}, Python {machine['python']}"


def _table(ways: dict) -> list[str]:
    lines = [
        "| way | rows out | s | x floor | x faster than naive | krows/s | peak MB |",
        "|---|---|---|---|---|---|---|",
    ]
    naive = ways["naive"]["seconds"]
    for way, one in ways.items():
        faster = round(naive / one["seconds"], 1)
        lines.append(
            f"| {_WHAT[way]} | {one['rows']:,} | {one['seconds']} | {one['times_floor']} "
            f"| {faster} | {one['krows_per_second']} | {one['peak_mb']} |"
        )
    return lines


def _increment(ways: dict) -> list[str]:
    lines = [
        "| way | rows out | whole process, imports included, s | work alone, s |",
        "|---|---|---|---|",
    ]
    for way, one in ways.items():
        lines.append(
            f"| {_WHAT[way]} | {one['rows']:,} | {one['process_seconds']} | {one['work_seconds']} |"
        )
    return lines


def _plot(ways: dict, path: Path) -> None:
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    path.parent.mkdir(exist_ok=True)
    matplotlib.rcParams["svg.hashsalt"] = "remit"
    names = list(ways)
    figure, (seconds, memory) = pyplot.subplots(1, 2, figsize=(10, 3), sharey=True)
    for axis, key, label in ((seconds, "times_floor", "x floor"), (memory, "peak_mb", "peak MB")):
        values = [ways[name][key] for name in names]
        ours = [name.startswith("extract") for name in names]
        axis.barh(names, values, color=["#1f6f8b" if one else "#b5b5b5" for one in ours])
        axis.set_xlabel(label)
        axis.set_xscale("log")
        for place, value in enumerate(values):
            axis.text(value, place, f" {value}", va="center", fontsize=8)
        axis.spines[["top", "right"]].set_visible(False)
    seconds.invert_yaxis()
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
