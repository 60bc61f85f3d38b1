"""`remit evidence verify`, of which a bundle needs no more than the target's kit."""

from __future__ import annotations

import argparse
from pathlib import Path

from remit.bundle import LARGEST, Finding, verify_bundle
from remit.cli.output import Output
from remit.errors import UsageError, one_line
from remit.wiring import Resolve, Settings


def verify(options: argparse.Namespace, output: Output, _: Resolve) -> None:
    """Verify a bundle offline, or the whole log."""
    if not options.all:
        _verify_bundle(options, output)
        return
    from remit.cli.evidence import verify_all  # needs the processor's installation

    verify_all(options, output)


def _verify_bundle(options: argparse.Namespace, output: Output) -> None:
    if options.key:
        raise UsageError("--key goes with --all; a bundle names the processor's keys itself.")
    trust = Settings.from_environment().trust(options.trust)
    earlier = [read_file(path) for path in options.checkpoint]
    findings = verify_bundle(read_file(options.file), trust, earlier)
    text = [f"Evidence of run {findings.run}:"]
    for word, found in (("proved", findings.proved), ("not proved", findings.not_proved)):
        text += [line for finding in found for line in _told(word, finding)]
    fields = {
        "run": findings.run,
        "proved": [finding.as_json() for finding in findings.proved],
        "not_proved": [finding.as_json() for finding in findings.not_proved],
    }
    output.result(fields, "\n".join(text))


def _told(word: str, finding: Finding) -> tuple[str, str]:
    return one_line(f"  {word}: {finding.claim}."), one_line(f"      why: {finding.why}.")


def read_file(path: Path) -> bytes:
    """A file's bytes, and no more than a bundle may have and one.

    Raises:
        UsageError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return file.read(LARGEST + 1)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}.") from None
