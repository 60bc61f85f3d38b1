"""`remit instruction show`, `import` and `export`: an instruction in other forms."""

from __future__ import annotations

import argparse
from pathlib import Path

from remit import instruction as instructions
from remit.adapters.folder import translating_os
from remit.cli.output import Output
from remit.errors import Refused, UsageError
from remit.instruction import odcs
from remit.instruction.differences import differences, lines
from remit.instruction.plain_language import Language, Signature, page
from remit.instruction.plain_yaml import MAXIMUM_BYTES
from remit.instruction.revocation import revocation_path, verify_revocation
from remit.wiring import Resolve, Settings, clock


def show(options: argparse.Namespace, output: Output, _: Resolve) -> None:
    """Print an instruction in plain language, signed or not."""
    text = instructions.read(options.file)
    terms = instructions.parse(text)
    digest = instructions.digest_of(text)
    try:
        _require_signed(options, terms, digest)
        signature = Signature(digest)
    except Refused as refusal:  # told on the page: one may well read what is not signed yet
        signature = Signature(digest, refusal.code)
    shown = page(terms, signature, Language(options.language))
    output.result({"text": shown}, shown)


def _require_signed(
    options: argparse.Namespace, terms: instructions.Instruction, digest: str
) -> None:
    """Refuse what does not verify, by its signature or a revocation that lies beside it."""
    trust = Settings.from_environment().trust(options.trust)
    instructions.verify(instructions.read_signed(options.file), trust, clock())
    path = revocation_path(options.file)
    if not path.exists():
        return
    with translating_os(str(path)):
        revoked = verify_revocation(path.read_bytes(), trust, path.name).terms
    names = [controller.name for controller in terms.controllers]
    if revoked.digest == digest and revoked.controller in names:
        raise Refused(
            "instruction-revoked",
            path.name,
            "its controller has revoked this text.",
            "ask the controller for an instruction that holds.",
        )


def diff(options: argparse.Namespace, output: Output, _: Resolve) -> None:
    """Print what differs between two versions of an instruction, signed or not."""
    old, new = (instructions.parse(instructions.read(file)) for file in (options.old, options.new))
    language = Language(options.language)
    found = differences(old, new, language)
    output.result(
        {"differences": [one.as_json() for one in found]}, "\n".join(lines(found, language))
    )


def import_contract(options: argparse.Namespace, output: Output, _: Resolve) -> None:
    """Print a draft from a data contract, and say what of it the draft does not have."""
    imported = odcs.import_contract(_read(options.file))
    output.result(
        {"draft": imported.text, "not_carried": list(imported.not_carried)}, imported.text
    )
    if imported.not_carried:
        output.note(f"Not carried over ({len(imported.not_carried)}):")
    for line in odcs.summarised(imported.not_carried):
        output.note(f"  {line}")


def export_contract(options: argparse.Namespace, output: Output, _: Resolve) -> None:
    """Print an instruction as a data contract, and say what it keeps beside the standard."""
    exported = odcs.export_contract(instructions.read(options.file))
    output.result(
        {
            "contract": exported.text,
            "kept_in_custom_properties": list(exported.kept),
            "not_carried": ["signatures"],
        },
        exported.text,
    )
    output.note("The signatures are not carried. The standard has no field for, so kept as:")
    for line in exported.kept:
        output.note(f"  {line}")


def _read(path: Path) -> bytes:
    """Its bytes, but not many more than a contract may have."""
    try:
        with path.open("rb") as file:
            return file.read(MAXIMUM_BYTES + 1)
    except OSError as error:
        raise UsageError(f"cannot read the contract {path}: {error.strerror}.") from None
