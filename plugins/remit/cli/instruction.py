"""`remit keys` and `remit instruction`."""

from __future__ import annotations

import argparse
from collections.abc import Collection
from dataclasses import asdict
from difflib import get_close_matches

from remit import instruction as instructions
from remit import signing
from remit.adapters.folder import translating_os
from remit.cli.output import Output
from remit.cli.pseudonym import new_pseudonym_key
from remit.errors import Refused, UsageError
from remit.instruction import PAYLOAD_TYPE, Instruction, envelope_path
from remit.instruction.draft import draft
from remit.ports import Relation
from remit.token_signer import TokenKey
from remit.wiring import Resolve, Settings, clock, open_source


def new_key(options: argparse.Namespace, output: Output, _: Resolve) -> None:
    """Make a key pair, or the secret of pseudonyms."""
    if options.hybrid and options.kind != "recipient":
        raise UsageError("only a recipient's key can be hybrid.")
    if options.kind == "pseudonym":
        new_pseudonym_key(options, output)
        return
    if str(options.out).startswith("pkcs11:"):
        _new_key_in_token(options, output)
        return
    public = signing.new_key(options.kind, options.out, post_quantum=options.hybrid)
    fields = {"private": str(options.out), "public": str(public), "key_id": public.key_id}
    output.result(fields, f"{public}\nThe private key is {options.out}: keep it where it is used.")


def _new_key_in_token(options: argparse.Namespace, output: Output) -> None:
    """Make a signing key in a token; there is no file of it."""
    if options.kind != "signing":
        raise UsageError("only signing keys are made in a token; give a file for any other.")
    uri = str(options.out)
    TokenKey(uri).make()
    public = signing.key_of(signing.load_signer(uri))
    fields = {"private": uri, "public": str(public), "key_id": public.key_id}
    output.result(fields, f"{public}\nThe private key is in the token, and cannot leave it.")


def draft_instruction(options: argparse.Namespace, output: Output, resolve: Resolve) -> None:
    """Print a skeleton of an instruction."""
    schemas = {table.partition(".")[0] for table in options.table if "." in table}
    described = open_source(options.source, resolve).describe(schemas)
    if not described:
        raise UsageError(
            "the source has no table or view there; is the schema right (...?schema=NAME in the "
            "URL), and may the account see it?"
        )
    own = sorted(relation for relation in described if relation.schema is None)
    asked = [_relation(table, described) for table in options.table]
    text = draft({relation: described[relation] for relation in asked or own}, described)
    output.result({"draft": text}, text)


def _relation(table: str, described: Collection[Relation]) -> Relation:
    """The table that is meant; one of another schema is written SCHEMA.TABLE."""
    schema, _, name = table.partition(".")
    for relation in (Relation(None, table), Relation(schema, name)):
        if relation in described:
            return relation
    near = get_close_matches(table, map(str, described), 5)
    raise UsageError(
        f"the source has no table or view {table}; "
        + (f"perhaps {' or '.join(near)} is meant." if near else f"it has {len(described)} others.")
    )


def lint(options: argparse.Namespace, output: Output, _: Resolve) -> int:
    """List what is wrong; 3 when something is."""
    found = instructions.problems_of(instructions.read(options.file))
    if isinstance(found, Instruction):
        output.result({"problems": []}, f"{options.file}: nothing to correct.")
        return 0
    # The form of compilers' messages, by which editors jump to the place.
    lines = [f"{p.line}:{p.column}: {p.code}: {p.where}: {p.message}" for p in found]
    text = "\n".join(f"{options.file}:{line}" for line in lines)
    output.result({"problems": [asdict(problem) for problem in found]}, text)
    return Refused.exit_code


def sign(options: argparse.Namespace, output: Output, _: Resolve) -> None:
    """Sign, or add a signature to those that are there."""
    text = instructions.read(options.file)
    terms = instructions.parse(text)
    path = envelope_path(options.file)
    with translating_os(str(path)):
        there = path.read_bytes() if path.exists() else None
    if there is not None and signing.unverified_payload(there, PAYLOAD_TYPE, str(path)) != text:
        there = None  # of an earlier text, which nobody could use with this one
    envelope = signing.sign(text, PAYLOAD_TYPE, signing.load_signer(options.key), onto=there)
    with translating_os(str(path)):
        path.write_bytes(envelope)
    fields = {"signed": str(path), "id": terms.id, "version": terms.version}
    output.result(fields, f"Signed {terms.id} version {terms.version}: {path}")


def verify_instruction(options: argparse.Namespace, output: Output, _: Resolve) -> None:
    """Check an instruction as a run would."""
    trust = Settings.from_environment().trust(options.trust)
    verified = instructions.verify(instructions.read_signed(options.file), trust, clock())
    terms = verified.terms
    fields = {
        "id": terms.id,
        "version": terms.version,
        "controller": terms.controller.name,
        "digest": verified.digest,
        "valid_until": terms.valid.until.isoformat(),
    }
    output.result(
        fields,
        f"{terms.id} version {terms.version} is signed by {terms.controller.name}, "
        f"valid until {terms.valid.until.isoformat()}.\nDigest {verified.digest}",
    )
