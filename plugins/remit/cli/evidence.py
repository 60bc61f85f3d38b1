"""`remit evidence`."""

from __future__ import annotations

import argparse
import os
from itertools import islice

from securesystemslib.signer import Signer

from remit import signing
from remit.adapters.folder import translating_os
from remit.bundle import make_bundle
from remit.cli.output import Output
from remit.cli.show import story_fields, story_text
from remit.cli.verify import read_file
from remit.custody import Story, is_run, state_of
from remit.errors import Refused, UsageError
from remit.evidence import Ledger
from remit.verification import verify_log
from remit.wiring import Resolve, Settings, clock, open_ledger


def show(options: argparse.Namespace, output: Output, _: Resolve) -> None:
    """Tell a run's story, or list the newest runs."""
    ledger = open_ledger(Settings.from_environment())
    if options.run is None:
        _list(ledger, options, output)
        return
    story = _story(ledger, options.run)
    fields = story_fields(story, clock(), options.language)
    output.result(fields, story_text(fields))


def _list(ledger: Ledger, options: argparse.Namespace, output: Output) -> None:
    if options.limit < 1:
        raise UsageError("--limit is at least 1.")
    before = None if options.before is None else _story(ledger, options.before).records[0].seq
    names = (run for _, run in ledger.runs(before) if is_run(run))
    runs = list(islice(names, options.limit + 1))
    found = [_line(_story(ledger, run)) for run in runs[: options.limit]]
    more = len(runs) > options.limit
    lines = [f"{e['run']}  {e['state']:<10} {e['opened']}" for e in found]
    if more:
        lines.append(f"Earlier ones: remit evidence show --before {found[-1]['run']}")
    output.result({"runs": found, "more": more}, "\n".join(lines) or "No run yet.")


def _story(ledger: Ledger, run: str) -> Story:
    records = [kept.record() for kept in ledger.kept(run)]
    if not records:
        raise Refused(
            "run-unknown",
            f"run {run}",
            "the evidence has no run of this id.",
            "list the runs with remit evidence show.",
        )
    return Story(run, records)


def export(options: argparse.Namespace, output: Output, _: Resolve) -> None:
    """Write a bundle."""
    settings = Settings.from_environment()
    signer = None if options.without_statements else _signer(settings)
    bundle = make_bundle(open_ledger(settings), options.run, signer=signer)
    with translating_os(str(options.out)):
        options.out.write_bytes(bundle)
    fields = {"run": options.run, "bundle": str(options.out), "size": len(bundle)}
    output.result(fields, f"{options.out}: evidence of {options.run}. Check it anywhere with: "
                          f"remit evidence verify {options.out} --trust DIR")  # fmt: skip


def _signer(settings: Settings) -> Signer:
    """The processor's; who has only the ledger to read says so, rather than get less unnoticed."""
    try:
        return signing.load_signer(settings.signing_key)
    except UsageError as error:
        raise UsageError(
            f"{error} It signs the bundle's in-toto statements; --without-statements leaves these out."
        ) from None


def verify_all(options: argparse.Namespace, output: Output) -> None:
    """Verify the whole log."""
    settings = Settings.from_environment()
    key = (
        signing.load_public(options.key)
        if options.key
        else signing.key_of(signing.load_signer(settings.signing_key))
    )
    earlier = [read_file(path) for path in options.checkpoint]
    processes = len(os.sched_getaffinity(0))
    checkpoint = verify_log(open_ledger(settings), [key], earlier, processes)
    output.result(
        {"records": checkpoint.size, "root": checkpoint.root, "at": checkpoint.at},
        f"{checkpoint.size} records verify: none was changed, dropped or reordered.\n"
        f"Root {checkpoint.root} at {checkpoint.at or 'the beginning'}.",
    )


def _line(story: Story) -> dict[str, str]:
    return {
        "run": story.run,
        "state": state_of(story, clock()),
        "opened": story.records[0].at,
    }
