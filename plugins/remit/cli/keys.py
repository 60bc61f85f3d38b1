"""`remit keys rotate`, `revoke` and `impact`."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from remit import signing
from remit.cli.impact import impact_lines
from remit.cli.output import Output
from remit.cli.person import acting
from remit.custody import impact, revoke, rotate
from remit.errors import UsageError
from remit.evidence import timestamp
from remit.signing import PublicKey
from remit.wiring import Resolve, Settings, clock, open_deployment, open_ledger, os_user


def rotate_key(options: argparse.Namespace, output: Output, resolve: Resolve) -> None:
    """Have another signing key follow the processor's own."""
    settings = Settings.from_environment()
    following = signing.load_signer(options.new)
    deployment = open_deployment(settings, settings.trust(options.trust), resolve=resolve)
    record = rotate(deployment, following, f"os:{os_user()}")
    new = signing.key_of(following)
    fields = {
        "old": signing.key_of(deployment.log.signer).key_id,
        "new": new.key_id,
        "public": str(new),
        "record": record.seq,
    }
    output.result(
        fields,
        f"From record {record.seq} on the log goes on under {new}\n"
        f"Set REMIT_SIGNING_KEY={options.new} for every process now; the old key signs nothing more. "
        f"Keep its public half: it verifies what was signed before.",
    )


def revoke_key(options: argparse.Namespace, output: Output, resolve: Resolve) -> None:
    """Record that a key must not be used any more."""
    settings = Settings.from_environment()
    now = clock()
    since = options.since or now
    if since > now:
        raise UsageError("--since is a time that has passed.")
    key_id = read_key(options.key)
    deployment = open_deployment(settings, settings.trust(options.trust), resolve=resolve)
    new = revoke(deployment, key_id, options.reason, acting(options), since, f"os:{os_user()}")
    fields = {"key_id": key_id, "revoked": new, "since": timestamp(since)}
    said = (
        f"is revoked since {timestamp(since)}. No step goes on under it; what it could open: "
        f"remit keys impact {key_id}"
        if new
        else "was revoked before, with the same time or an earlier one."
    )
    output.result(fields, f"The key {key_id[:16]}… {said}")


def show_impact(options: argparse.Namespace, output: Output, _: Resolve) -> None:
    """Tell what a key could open or was believed for."""
    ledger = open_ledger(Settings.from_environment())
    found = impact(ledger, read_key(options.key), options.since)
    output.result(found, "\n".join(impact_lines(found)))


def read_key(text: str) -> str:
    """The id of the key that is meant: by its id, its public line or its ``.pub`` file.

    Raises:
        UsageError: it is none of these.
    """
    if re.fullmatch(r"[0-9a-f]{64}", text):
        return text
    if ":" in text and not Path(text).exists():
        try:
            return PublicKey.parse(text).key_id
        except ValueError:
            raise UsageError("the public key's line is cut short or changed.") from None
    if text.endswith(".pub"):
        return signing.load_public(Path(text)).key_id
    raise UsageError("a key is given by its id (64 hex digits), its public line or its .pub file.")
