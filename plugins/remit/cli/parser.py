"""The commands and their options."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from remit import __version__
from remit.cli.interval import read_duration, read_interval, read_since
from remit.cli.later import Later
from remit.cli.person import add_person
from remit.instruction.plain_language import Language
from remit.pseudonyms import ID_TYPES

breaches = Later("remit.cli.breach")
alerts = Later("remit.cli.alerts")
evidence = Later("remit.cli.evidence")
verification = Later("remit.cli.verify")
exchange = Later("remit.cli.exchange")
grants = Later("remit.cli.grants")
instruction = Later("remit.cli.instruction")
keycommands = Later("remit.cli.keys")
plans = Later("remit.cli.plan")
pseudonyms = Later("remit.cli.pseudonym")
register = Later("remit.cli.register")
runs = Later("remit.cli.runs")
sweeps = Later("remit.cli.sweep")
target = Later("remit.cli.target")

TABLES = ("instructions", "runs", "erasures", "holds", "orphans", "alerts")
_KINDS = ("signing", "recipient", "pseudonym")


def build_parser() -> argparse.ArgumentParser:
    """The whole command line."""
    parser = argparse.ArgumentParser(
        prog="remit",
        description="Controlled transfers of health data, within a controller's signed instruction.",
        epilog="Exit codes: 0 done, 2 usage, 3 refused by a rule, 4 unavailable, 5 evidence broken.",
    )
    parser.add_argument("--version", action="version", version=f"remit {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _keys(commands)
    _pseudonym(commands)
    _instruction(commands)
    _breach(commands)
    _grants(commands)
    _runs(commands)
    _sweep(commands)
    _alerts(commands)
    _target(commands)
    _evidence(commands)
    return parser


def _keys(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    keys = _group(commands, "keys", "make, rotate and revoke keys; what a lost one could open")
    about = "make a key pair, OUT (private) and OUT.pub, or a secret, OUT and OUT.check"
    new = _command(keys, "new", instruction.new_key, about)
    about = "signing (Ed25519), recipient (X25519) or pseudonym (HMAC-SHA-256)"
    new.add_argument("kind", choices=_KINDS, help=about)
    about = "of a recipient: X25519 together with ML-KEM-768, against quantum computers to come"
    new.add_argument("--hybrid", action="store_true", help=about)
    new.add_argument(
        "out",
        type=_path,
        help="file for the private key or secret, which must not exist; or pkcs11:...",
    )
    rotate = _command(keys, "rotate", keycommands.rotate_key, "sign with another key from now on")
    rotate.add_argument("new", type=_text, help="the new private signing key")
    _trust(rotate)
    revoke = _command(keys, "revoke", keycommands.revoke_key, "let nothing go on under a key")
    _key(revoke)
    revoke.add_argument("--reason", type=_text, required=True)
    add_person(revoke, "who revokes it")
    about = "from when it may have been in wrong hands; by default now"
    revoke.add_argument("--since", type=read_since, metavar="TIME", help=about)
    _trust(revoke)
    about = "what a key could open, and what was signed with it"
    shown = _command(keys, "impact", keycommands.show_impact, about)
    _key(shown)
    about = "leave out what was gone before; by default as its revocation says, or nothing"
    shown.add_argument("--since", type=read_since, metavar="TIME", help=about)


def _pseudonym(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    about = "at the controller: the pseudonyms of ids, one a line on standard input"
    made = _command(commands, "pseudonym", pseudonyms.pseudonym, about)
    made.add_argument("--key", type=_path, required=True, metavar="FILE", help="the secret")
    about = "what the ids are at the source; string by default, integer also for decimal(p,0)"
    made.add_argument("--type", choices=ID_TYPES, default="string", help=about)


def _instruction(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    group = _group(commands, "instruction", "write, check, sign and verify instructions")
    draft = _command(group, "draft", instruction.draft_instruction, "a skeleton from a live schema")
    _source(draft)
    draft.add_argument(
        "--table",
        type=_text,
        action="append",
        default=[],
        help="TABLE or SCHEMA.TABLE (repeatable)",
    )
    lint = _command(group, "lint", instruction.lint, "what is wrong with an instruction")
    lint.add_argument("file", type=_path)
    sign = _command(group, "sign", instruction.sign, "sign an instruction, as its controller")
    sign.add_argument("file", type=_path)
    sign.add_argument(
        "--key", type=_text, required=True, help="the controller's private signing key"
    )
    verify = _command(group, "verify", instruction.verify_instruction, "check signature and window")
    verify.add_argument("file", type=_path)
    _trust(verify)
    _register(commands, group)
    show = _command(group, "show", exchange.show, "an instruction in plain language, on a page")
    show.add_argument("file", type=_path)
    _language(show)
    _trust(show)
    diff = _command(
        group, "diff", exchange.diff, "what a version allows more, and less, than another"
    )
    diff.add_argument("old", type=_path, help="the earlier version")
    diff.add_argument("new", type=_path, help="the later version")
    _language(diff)
    imported = _command(group, "import", exchange.import_contract, "a draft from a data contract")
    imported.add_argument("file", type=_path, help="of the Open Data Contract Standard v3")
    exported = _command(group, "export", exchange.export_contract, "an instruction as a contract")
    exported.add_argument("file", type=_path)


def _register(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    group: argparse._SubParsersAction[argparse.ArgumentParser],
) -> None:
    receive = _command(
        group, "receive", register.receive_instruction, "put an instruction into the register"
    )
    receive.add_argument("file", type=_path)
    _trust(receive)
    revoke = _command(
        group, "revoke", register.revoke_instruction, "end an instruction, as its controller"
    )
    revoke.add_argument("file", type=_path)
    revoke.add_argument(
        "--key", type=_text, required=True, help="the controller's private signing key"
    )
    revoke.add_argument("--reason", type=_text, required=True)
    revoke.add_argument(
        "--controller", type=_text, help="which joint controller; the first named by default"
    )
    about = "every instruction received, and the runs under each (Art. 30(2))"
    record = _command(commands, "record", register.record, about)
    record.add_argument("--format", choices=("md", "json", "csv", "pdf"), default="md")
    about = (
        "only this table: instructions, runs, erasures, holds, orphans or alerts; as csv or json"
    )
    record.add_argument("--table", choices=TABLES, metavar="NAME", help=about)
    about = "only runs opened at or after this time"
    record.add_argument("--from", dest="start", type=read_since, metavar="TIME", help=about)
    about = "only runs opened before this time"
    record.add_argument("--until", type=read_since, metavar="TIME", help=about)
    record.add_argument("--controller", type=_text, metavar="NAME", help="only this controller's")
    about = "csv and pdf: the time at which states are told, by default now"
    record.add_argument("--at", type=read_since, metavar="TIME", help=about)
    about = "csv and pdf: the file; one that exists is replaced"
    record.add_argument("--out", type=_path, metavar="FILE", help=about)
    _language(record)


def _breach(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    about = "the draft of a notice of a breach to each controller (Art. 33), from the evidence"
    draft = _command(commands, "breach", breaches.breach, about)
    of = draft.add_mutually_exclusive_group(required=True)
    of.add_argument("run", type=_text, nargs="?", help="the run whose files are concerned")
    about = "a key in wrong hands: its id, its public line or its .pub file"
    of.add_argument("--key", type=_text, help=about)
    of.add_argument("--alert", type=_text, metavar="ID", help="an alert that is about a run")
    about = "with --key: from when it may have been in wrong hands"
    draft.add_argument("--since", type=read_since, metavar="TIME", help=about)
    about = "when the processor became aware, from which the delays count"
    draft.add_argument("--aware", type=read_since, metavar="TIME", help=about)
    draft.add_argument("--format", choices=("md", "json"), default="md")
    _language(draft)


def _grants(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    about = "the least-privilege role of an instruction, as SQL for PostgreSQL to review"
    made = _command(commands, "grants", grants.grants, about)
    made.add_argument("file", type=_path, help="the instruction")
    made.add_argument("--role", type=_text, metavar="NAME", help="the role; by default remit_ID")
    about = "limit rows by views (default) or by row security policies on the tables"
    made.add_argument("--rows", choices=("view", "policy"), default="view", help=about)
    about = "with views: the schema that they are made in; by default called like remit_ID"
    made.add_argument("--schema", type=_text, metavar="NAME", help=about)
    about = "where the tables are that the instruction names without a schema; public by default"
    made.add_argument("--source-schema", type=_text, metavar="NAME", default="public", help=about)


def _runs(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    plan = _command(commands, "plan", plans.plan, "what would leave, what is withheld or refused")
    plan.add_argument("file", type=_path, help="the instruction")
    _source(plan)
    plan.add_argument(
        "--landing", type=_text, help="where it would go: a folder, s3://, sftp://, or conn:ID"
    )
    _interval(plan)
    plan.add_argument(
        "--since", type=_text, metavar="RUN", help="what differs from this run's plan"
    )
    plan.add_argument("--markdown", action="store_true", help="for a merge request")
    _trust(plan)
    run = _command(commands, "run", runs.run, "plan, extract, validate, seal and deliver")
    run.add_argument("file", type=_path, help="the instruction")
    _source(run)
    run.add_argument(
        "--landing",
        type=_text,
        required=True,
        help="the landing zone: a folder, s3://, sftp://, or conn:ID",
    )
    run.add_argument(
        "--run", type=_text, help="the run's id; by default the unfinished one, else a new one"
    )
    _interval(run)
    _trust(run)
    confirm = _command(commands, "confirm", runs.confirm, "look for what confirms a run, verify it")
    confirm.add_argument("run", type=_text)
    add_person(confirm, "who stands for an unsigned control file")
    _trust(confirm)
    delete = _command(commands, "delete", runs.delete, "execute every due deletion")
    delete.add_argument("--due", action="store_true", required=True, help="all that is due now")
    about = "also what a store was found to have locked, before that lock ends"
    delete.add_argument("--locked", action="store_true", help=about)
    _trust(delete)
    hold = _command(commands, "hold", runs.hold, "suspend a run's deletion, as a named person")
    hold.add_argument("run", type=_text)
    hold.add_argument("--reason", type=_text, required=True)
    add_person(hold, "who suspends it")
    hold.add_argument("--days", type=int, default=30, help="how long; 30 by default, 365 at most")
    hold.add_argument("--release", action="store_true", help="end every hold on the run instead")
    _trust(hold)


def _sweep(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    about = "what is in staging, keyring and landing zones, and nobody recorded"
    swept = _command(commands, "sweep", sweeps.sweep, about)
    about = "delete what REMIT_ORPHANS lets be deleted"
    swept.add_argument("--delete", action="store_true", help=about)
    about = "show names that are not remit's own, on this terminal alone; they may name persons"
    swept.add_argument("--names", action="store_true", help=about)
    _trust(swept)


def _alerts(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    about = "look once for what should raise an alert, and tell whom it is time to tell"
    looked = _command(commands, "supervise", alerts.supervise, about)
    about = "look again after so long, until it is ended: PT5M, or the like"
    looked.add_argument("--every", type=read_duration, metavar="DURATION", help=about)
    _trust(looked)
    group = _group(commands, "alerts", "list alerts, acknowledge and close them")
    listed = _command(group, "list", alerts.alerts, "the alerts, and when supervision looked last")
    listed.add_argument("--open", action="store_true", help="without those that are closed")
    _trust(listed)
    for name, act, about in (
        ("acknowledge", alerts.acknowledge, "take an alert up; it does not escalate for a week"),
        ("close", alerts.close, "end an alert, with the reason"),
    ):
        acted = _command(group, name, act, about)
        acted.add_argument("alert", type=_text, metavar="ID", help="as remit alerts list shows it")
        acted.add_argument("--reason", type=_text, required=True, help="in words; name no patient")
        add_person(acted, "who acts")
        _trust(acted)


def _target(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    receive = _command(
        commands, "receive", target.receive, "at the target: check a delivery, sign its receipt"
    )
    receive.add_argument("delivery", type=_path, help="the delivery's folder")
    receive.add_argument(
        "--key", type=_text, required=True, help="the target's private recipient key"
    )
    receive.add_argument(
        "--sign", type=_text, required=True, help="the target's private signing key"
    )
    receive.add_argument("--out", type=_path, help="first write the tables to this folder")
    about = "also send the receipt to the processor's endpoint, such as https://HOST/remit/receipts"
    receive.add_argument("--post", type=_text, metavar="URL", help=about)
    receive.add_argument(
        "--system", type=_text, default="remit receive", help="what loads the data"
    )
    _trust(receive)
    opened = _command(commands, "open", target.open_delivery, "at the target: read a delivery")
    opened.add_argument("delivery", type=_path, help="the delivery's folder")
    opened.add_argument("--key", type=_text, required=True, help="a recipient's private key")
    opened.add_argument("--out", type=_path, required=True, help="folder for plain Parquet files")
    _trust(opened)


def _evidence(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    group = _group(commands, "evidence", "show, export and verify the evidence")
    show = _command(group, "show", evidence.show, "a run's story; without RUN, the list of runs")
    show.add_argument("run", nargs="?")
    show.add_argument("--limit", type=int, default=50, help="how many runs to list, newest first")
    show.add_argument("--before", type=_text, metavar="RUN",
                      help="list those that were opened before this one")  # fmt: skip
    _language(show)
    export = _command(group, "export", evidence.export, "one run's evidence as one file")
    export.add_argument("run", type=_text)
    about = "the ZIP file, such as RUN.remit.zip"
    export.add_argument("--out", type=_path, required=True, help=about)
    about = "leave out the in-toto statements, where the processor's signing key is not at hand"
    export.add_argument("--without-statements", action="store_true", help=about)
    verify = _command(group, "verify", verification.verify, "check a bundle, or the whole log")
    what = verify.add_mutually_exclusive_group(required=True)
    what.add_argument("file", type=_path, nargs="?", help="a bundle, checked offline")
    what.add_argument("--all", action="store_true", help="the whole log of this deployment")
    verify.add_argument("--checkpoint", type=_path, action="append", default=[],
                        help="an earlier checkpoint that the log must extend (repeatable)")  # fmt: skip
    verify.add_argument("--key", type=_path, help="with --all: the processor's .pub file")
    _trust(verify)


def _language(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--language",
        choices=[language.value for language in Language],
        default="en",
        help="en or fr",
    )


def _text(given: str) -> str:
    """An empty argument is an unset shell variable, not a wish."""
    if not given.strip():
        raise argparse.ArgumentTypeError("must not be empty")
    return given


def _path(given: str) -> Path:
    return Path(_text(given))


def _group(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, about: str
) -> argparse._SubParsersAction[argparse.ArgumentParser]:
    parser = commands.add_parser(name, help=about, description=about)
    return parser.add_subparsers(title="commands", required=True, metavar="COMMAND")


def _command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    function: Callable[..., int | None],
    about: str,
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=about, description=about)
    parser.set_defaults(command=function)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser


def _key(parser: argparse.ArgumentParser) -> None:
    about = "the key's id, its public line (ed25519:...) or its .pub file"
    parser.add_argument("key", type=_text, metavar="KEY", help=about)


def _source(parser: argparse.ArgumentParser) -> None:
    about = "postgresql://..., sqlite:///PATH, or conn:ID"
    parser.add_argument("--source", type=_text, required=True, metavar="URL", help=about)


def _interval(parser: argparse.ArgumentParser) -> None:
    about = "the run's data interval, for an instruction that gives each run its own"
    parser.add_argument("--interval", type=read_interval, metavar="START/END", help=about)


def _trust(parser: argparse.ArgumentParser) -> None:
    about = "controllers' public keys, a folder or one file; by default include/controllers"
    parser.add_argument("--trust", type=_path, metavar="DIR", help=about)
