"""`remit instruction receive` and `revoke`, and `remit record`."""

from __future__ import annotations

import argparse
import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from remit import instruction as instructions
from remit import signing
from remit.adapters.folder import translating_os
from remit.cli.output import Output
from remit.cli.report import report
from remit.custody import Register
from remit.custody.briefs import records_for_reports
from remit.custody.processing_record import Extent, processing_record
from remit.errors import UsageError
from remit.instruction.revocation import revocation_path, revoke
from remit.instruction.trust import payload_of as signed_text
from remit.markup import plain
from remit.plan.words import period
from remit.wiring import Resolve, Settings, clock, open_deployment, open_ledger, os_user

Shown = Mapping[str, Any]


def receive_instruction(options: argparse.Namespace, output: Output, resolve: Resolve) -> None:
    """Record an instruction, and its revocation if there is one beside it."""
    settings = Settings.from_environment()
    trust = settings.trust(options.trust)
    instruction = instructions.verify(instructions.read_signed(options.file), trust, now=None)
    deployment = open_deployment(settings, trust, resolve=resolve)
    register = Register(deployment, f"os:{os_user()}")
    new, revoked = register.receive(instruction), register.revoke_beside(options.file)
    terms = instruction.terms
    fields = {
        "id": terms.id,
        "version": terms.version,
        "digest": instruction.digest,
        "received": new,
        "revoked": revoked,
    }
    text = f"{terms.id} version {terms.version} is {'now' if new else 'already'} in the register."
    output.result(fields, text + (" Its revocation was received." if revoked else ""))


def revoke_instruction(options: argparse.Namespace, output: Output, _: Resolve) -> None:
    """Sign the revocation of an instruction, as its controller."""
    text = signed_text(instructions.read_signed(options.file))
    terms, digest = instructions.parse(text), instructions.digest_of(text)
    names = [controller.name for controller in terms.controllers]
    by = options.controller or names[0]
    if by not in names:
        raise UsageError(f"--controller is one of {', '.join(names)}, which the instruction names.")
    signer = signing.load_signer(options.key)
    envelope = revoke(terms, digest, options.reason, clock(), signer, by)
    path = revocation_path(options.file)
    _write_new(path, envelope)
    fields = {
        "revocation": str(path),
        "id": terms.id,
        "version": terms.version,
        "digest": digest,
        "controller": by,
    }
    output.result(
        fields,
        f"Revoked {terms.id} version {terms.version} in the name of {by}: {path}\nGive this file to "
        f"the processor. It stops every run that is not confirmed once it is in the folder of "
        f"instructions.",
    )


def _write_new(path: Path, envelope: bytes) -> None:
    """The whole file or none: a reader may look at any time, and a revocation is never replaced."""
    if os.path.lexists(path):
        raise UsageError(f"{path} is there already; remove it to sign anew.")
    hidden = path.with_name(f".{secrets.token_hex(8)}.partial")  # no name of a revocation yet
    with translating_os(str(path)):
        try:
            hidden.write_bytes(envelope)
            hidden.replace(path)
        finally:
            hidden.unlink(missing_ok=True)


def record(options: argparse.Namespace, output: Output, _: Resolve) -> None:
    """Print the record of processing, or write a report of it."""
    extent = Extent(options.start, options.until, options.controller)
    if options.format in ("csv", "pdf") or options.table:
        report(options, extent, output)
        return
    if options.out:
        raise UsageError("--out goes with --format csv or pdf.")
    ledger = open_ledger(Settings.from_environment())
    fields = processing_record(records_for_reports(ledger), clock(), extent)
    if options.format == "json":
        output.always_json(fields)
    else:
        output.result(fields, "\n".join(_markdown(fields)))


def _markdown(fields: Shown) -> Iterator[str]:
    yield "# Record of processing on behalf of controllers"
    yield ""
    yield f"Made at {fields['made_at']} from the evidence (Art. 30(2), 28(3)(a) GDPR)."
    yield ""
    yield "## Processor (Art. 30(2)(a))"
    for processor in fields["processors"]:
        yield f"- {plain(processor['legal_name'])}; data protection officer {_contact(processor['dpo'])}"
    for controller in fields["controllers"]:
        yield ""
        yield f"## Controller {plain(controller['legal_name'])} ({controller['controller']})"
        yield f"Contact: {_contact(controller['contact'])}"
        for instruction in controller["instructions"]:
            yield from _instruction(instruction)


def _instruction(one: Shown) -> Iterator[str]:
    yield ""
    yield f"### {one['id']} version {one['version']}: {one['state']}"
    rows = [
        ("Digest", one["digest"]),
        ("Received", one["received_at"]),
        ("Valid", f"{one['valid']['from']} to {one['valid']['until']}"),
        ("Supersedes", f"version {one['supersedes']['version']}" if one["supersedes"] else ""),
        ("Revoked", _revoked(one["revocation"])),
        ("Contract", one["contract"]),
        ("Jointly with", "; ".join(map(_joint, one["joint_controllers"]))),
        ("Subject", one["subject"]),
        ("Nature (categories of processing, Art. 30(2)(b))", one["nature"]),
        ("Purpose", one["purpose"]),
        ("Data subjects", "; ".join(one["data_subjects"])),
        ("Categories of data", ", ".join(one["categories"])),
        ("Of these special (Art. 9)", ", ".join(one["special_categories"])),
        ("Recipients", "; ".join(_recipient(party) for party in one["recipients"])),
        (
            "Sub-processors",
            "; ".join(_subprocessor(party) for party in one["subprocessors"]) or "none",
        ),
        (
            "Third countries (Art. 30(2)(c))",
            "; ".join(map(_abroad, one["third_countries"])) or "none",
        ),
        ("Security (Art. 30(2)(d))", _security(one["security"])),
    ]
    yield "| | |"
    yield "|---|---|"
    yield from (f"| {name} | {plain(said)} |" for name, said in rows if said)
    yield ""
    yield from _runs(one["runs"])


def _runs(runs: Sequence[Shown]) -> Iterator[str]:
    if not runs:
        yield "No run under it."
        return
    yield "| run | opened | interval | rows | delivered | confirmed | deleted | held | last |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for run in runs:
        interval = run["interval"]
        cells = [
            run["run"],
            run["opened_at"],
            f"{interval['start']} to {interval['end']}" if interval else "",
            "" if run["rows"] is None else str(run["rows"]),
            run["delivered_at"] or "",
            run["confirmed_at"] or "",
            run["deleted_at"] or "",
            _held(run),
            run["state"],
        ]
        yield f"| {' | '.join(cells)} |"


def _held(run: Shown) -> str:
    """What suspends the deletion: a person's hold, or a store's lock."""
    hold = run["held"]
    held = (
        f"until {hold['until']} by {plain(hold['person'])}: {plain(hold['reason'])}" if hold else ""
    )
    return "; ".join(filter(None, [held, run["locked"] or ""]))


def _security(one: Shown) -> str:
    after = one["deleted_after_confirmation_seconds"]
    soon = f"{period(after)} after confirmation" if after else "at once on confirmation"
    latest = period(one["deleted_at_the_latest_seconds"])
    return (
        f"{one['encryption']}, keys with the {one['decryption_keys']} alone once sealed; transport "
        f"by {one['transport']}; copies deleted {soon}, at the latest {latest} after extraction"
    )


def _recipient(party: Shown) -> str:
    return f"{party['legal_name']} ({party['country']}): {', '.join(party['categories'])}"


def _subprocessor(party: Shown) -> str:
    return f"{party['legal_name']} ({party['country']}): {party['task']}"


def _abroad(party: Shown) -> str:
    return f"{party['country']}, {party['party']}: {party['safeguard']}"


def _revoked(said: Shown | None) -> str:
    if said is None:
        return ""
    return f"by {said['controller']}, known since {said['received_at']}: {said['reason']}"


def _joint(party: Shown) -> str:
    contact = party["contact"]
    return f"{party['legal_name']} ({contact['name']}, {contact['email']})"


def _contact(person: Shown) -> str:
    return f"{plain(person['name'])}, {plain(person['email'])}"
