"""`remit record` as a file: tables as CSV or JSON, and the printed report."""

from __future__ import annotations

import argparse
from pathlib import Path

from remit.adapters.folder import translating_os
from remit.cli.output import Output
from remit.custody.processing_record import Extent
from remit.errors import UsageError
from remit.instruction.plain_language import Language
from remit.reports import Report, audit_report, csv_bytes, pdf_bytes, table_named
from remit.wiring import Settings, clock, open_ledger


def report(options: argparse.Namespace, extent: Extent, output: Output) -> None:
    """Print a table, or write the file."""
    if options.format == "pdf" and (options.out is None or options.table):
        raise UsageError("--format pdf is the whole report, written to --out FILE.")
    if options.format == "md":
        raise UsageError("--table is printed as csv or json: --format csv or json.")
    made = audit_report(open_ledger(Settings.from_environment()), options.at or clock(), extent)
    if options.format == "json":
        output.always_json(_of_table(made, options.table))
    elif options.format == "csv":
        name = options.table or "runs"
        data = csv_bytes(table_named(name), made.rows[name])
        if options.out:
            _write(options.out, data, output)
        else:
            output.exact(data)
    else:
        _write(options.out, pdf_bytes(made, Language(options.language)), output)


def _of_table(made: Report, name: str) -> dict[str, object]:
    """The report's head, with this table alone."""
    fields = made.as_json()
    return {key: value for key, value in fields.items() if key == name or key not in made.rows}


def _write(path: Path, data: bytes, output: Output) -> None:
    with translating_os(str(path)):
        path.write_bytes(data)
    output.result({"report": str(path), "size": len(data)}, f"Written: {path} ({len(data)} bytes).")
