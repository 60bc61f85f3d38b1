"""`remit breach`: the draft of a notice to each controller concerned."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from remit.breach import Notice, draft_of_alert, draft_of_key, draft_of_runs, markdown
from remit.cli.keys import read_key
from remit.cli.output import Output
from remit.errors import UsageError
from remit.evidence import Ledger
from remit.instruction.plain_language import Language
from remit.wiring import Resolve, Settings, clock, open_ledger


def breach(options: argparse.Namespace, output: Output, _: Resolve) -> None:
    """Print the drafts."""
    now = clock()
    if options.aware and options.aware > now:
        raise UsageError("--aware is a time that has passed.")
    if options.since and not options.key:
        raise UsageError("--since goes with --key.")
    notices = _drafts(open_ledger(Settings.from_environment()), options)
    fields = {"notices": [notice.as_json() for notice in notices]}
    if options.format == "json":
        output.always_json(fields)
        return
    language = Language(options.language)
    drafts = [markdown(notice, language) for notice in notices]
    nothing = "The key opens nothing that the evidence has: there is no notice to draft."
    output.result(fields, "\n---\n\n".join(drafts) or nothing)


def _drafts(ledger: Ledger, options: argparse.Namespace) -> Sequence[Notice]:
    now = clock()
    if options.key:
        return draft_of_key(ledger, read_key(options.key), now, options.aware, options.since)
    if options.alert:
        return draft_of_alert(ledger, options.alert, now, options.aware)
    return draft_of_runs(ledger, [options.run], now, options.aware)
