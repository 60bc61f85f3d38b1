"""`remit grants`."""

from __future__ import annotations

import argparse

from remit import instruction as instructions
from remit.cli.output import Output
from remit.errors import UsageError
from remit.wiring import Resolve


def grants(options: argparse.Namespace, output: Output, _: Resolve) -> None:
    """Print the script; nothing is connected to."""
    from remit.adapters.sql_source import grants as writing

    if options.rows == "policy" and options.schema:
        raise UsageError(
            "--schema is the schema of the views; with --rows policy there are none, and "
            "--source-schema says where the tables are."
        )
    text = instructions.read(options.file)
    terms, digest = instructions.parse(text), instructions.digest_of(text)
    made = writing.grants(
        terms, digest, options.rows, options.role, options.schema, options.source_schema
    )
    output.result({"sql": made.sql, "role": made.role, "schema": made.schema}, made.sql)
