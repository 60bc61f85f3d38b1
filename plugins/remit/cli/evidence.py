"""`remit evidence`."""

from __future__ import annotations

import argparse
from pathlib import Path

from remit import signing
from remit.adapters.folder import translating_os
from remit.bundle import make_bundle, verify_bundle
from remit.cli.output import Output
from remit.cli.show import story_text
from remit.custody import Story, stories
from remit.errors import Refused, UsageError
from remit.evidence import verify_log
from remit.narrative import tell, title
from remit.wiring import Resolve, Settings, clock, open_ledger


def show(options: argparse.Namespace, output: Output, _: Resolve) -> None:
    """Tell a run's story, or list the runs."""
    ledger = open_ledger(Settings.from_environment())
    records = [kept.record() for kept in ledger.kept(options.run)]
    if options.run is None:
        found = [_line(story) for story in stories(records)]
        text = "\n".join(f"{e['run']}  {e['state']:<10} {e['opened']}" for e in found)
        output.result({"runs": found}, text or "No run yet.")
        return
    if not records:
        raise Refused(
            "run-unknown",
            f"run {options.run}",
            "the evidence has no run of this id.",
            "list the runs with remit evidence show.",
        )
    story = Story(options.run, records)
    fields = {
        "run": options.run,
        "records": [
            {
                "seq": r.seq,
                "at": r.at,
                "by": r.by,
                "kind": r.kind,
                "title": title(r),
                "text": tell(r),
            }
            for r in records
        ],
    }
    output.result(fields, story_text(story))


def export(options: argparse.Namespace, output: Output, _: Resolve) -> None:
    """Write a bundle."""
    bundle = make_bundle(open_ledger(Settings.from_environment()), options.run)
    with translating_os(str(options.out)):
        options.out.write_bytes(bundle)
    fields = {"run": options.run, "bundle": str(options.out), "size": len(bundle)}
    output.result(fields, f"{options.out}: evidence of {options.run}. Check it anywhere with: "
                          f"remit evidence verify {options.out} --trust DIR")  # fmt: skip


def verify(options: argparse.Namespace, output: Output, _: Resolve) -> None:
    """Verify a bundle offline, or the whole log."""
    if options.all:
        _verify_all(options, output)
    else:
        _verify_bundle(options, output)


def _verify_bundle(options: argparse.Namespace, output: Output) -> None:
    trust = Settings.from_environment().trust(options.trust)
    findings = verify_bundle(_read(options.file), trust)
    text = [f"Evidence of run {findings.run}:"]
    text += [f"  proved: {line}." for line in findings.proved]
    text += [f"  not proved: {line}." for line in findings.not_proved]
    fields = {"run": findings.run, "proved": findings.proved, "not_proved": findings.not_proved}
    output.result(fields, "\n".join(text))


def _verify_all(options: argparse.Namespace, output: Output) -> None:
    settings = Settings.from_environment()
    key = (
        signing.load_public(options.key)
        if options.key
        else signing.key_of(signing.load_signer(settings.signing_key))
    )
    earlier = [_read(path) for path in options.checkpoint]
    checkpoint = verify_log(open_ledger(settings), [key], earlier)
    output.result(
        {"records": checkpoint.size, "root": checkpoint.root, "at": checkpoint.at},
        f"{checkpoint.size} records verify: none was changed, dropped or reordered.\n"
        f"Root {checkpoint.root} at {checkpoint.at or 'the beginning'}.",
    )


def _line(story: Story) -> dict[str, str]:
    obligation = story.obligation()
    late = obligation is not None and obligation.is_due(clock())
    # What the target says does not change a run's state; that it is confirmed does.
    told = [record.kind for record in story.records if record.kind != "answered"]
    state = "overdue" if late else (told or ["answered"])[-1]
    return {"run": story.run, "state": state, "opened": story.records[0].at}


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}.") from None
