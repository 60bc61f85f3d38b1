"""`remit plan`: what would leave, what stays, what is refused; nothing is recorded."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from remit import deliver, validate
from remit import instruction as instructions
from remit.cli.output import Output
from remit.custody import (
    REGISTER,
    entries_of,
    key_of,
    require_in_force,
    require_keys_stand,
    require_receivable,
    revoked_keys,
    with_arrivals,
)
from remit.custody.history import PlanOfRun, plan_of, previous_plan
from remit.errors import Refused, UsageError
from remit.evidence import Ledger, timestamp
from remit.instruction import Instruction
from remit.instruction.interval import Interval, asks_for_interval, for_interval
from remit.landing import require_apart
from remit.plan import Circumstances, Plan, differences, make_plan
from remit.plan.markdown import plan_markdown
from remit.plan.shown import difference_lines, plan_lines
from remit.wiring import (
    Resolve,
    Settings,
    clock,
    open_judge,
    open_landing,
    open_ledger,
    open_pseudonyms,
    open_source,
    open_staging,
)


def plan(options: argparse.Namespace, output: Output, resolve: Resolve) -> int:
    """Show the plan; 3 when it has refusals. An unsigned draft can be planned, as refused."""
    settings = Settings.from_environment()
    text = instructions.read(options.file)
    signed_terms = instructions.parse(text)
    ledger = _ledger(settings, output, needed=options.since is not None)
    require_own_interval(signed_terms, options.interval)
    found: list[Refused] = []
    _collect(found, lambda: _require_signed(options, settings, ledger))
    terms = _cut(found, signed_terms, options.interval)
    _collect(
        found, lambda: validate.load_rules(terms, settings.include / "expectations", open_judge())
    )
    landing = _landing(options, terms, found, settings, resolve)
    source = open_source(options.source, resolve)
    circumstances = Circumstances(
        pseudonyms=open_pseudonyms(settings),
        landing=landing,
        interval=options.interval,
        previous=previous_plan(ledger, terms.key, source.label) if ledger else None,
        also=found,
    )
    made = make_plan(terms, instructions.digest_of(text), source, circumstances)
    since = plan_of(ledger, options.since) if ledger and options.since else None
    _show(options, output, made, since)
    return Refused.exit_code if made.refusals else 0


def _show(options: argparse.Namespace, output: Output, made: Plan, since: PlanOfRun | None) -> None:
    fields = made.as_json()
    changed = [one.as_json() for one in differences(since[1], fields)] if since else []
    if options.markdown:
        pair = (since[0], changed) if since else None
        output.result(fields | {"differences": changed}, plan_markdown(fields, pair))
        return
    lines = plan_lines(fields)
    if since:
        lines = [*difference_lines(since[0], changed), *lines]
        fields = fields | {"since": since[0], "differences": changed}
    output.lines(fields, lines)


def _collect(found: list[Refused], check: Callable[[], object]) -> None:
    """A plan shows every refusal, so each check is made, whatever another one found."""
    try:
        check()
    except Refused as refusal:
        found.append(refusal)


def require_own_interval(terms: Instruction, interval: Interval | None) -> None:
    """An interval that would be ignored is a mistake of who gave it.

    Raises:
        UsageError: the instruction gives no run its own interval.
    """
    if interval is not None and not asks_for_interval(terms):
        raise UsageError(
            "--interval is for instructions that give each run its own rows (per_run); under this "
            "one a run takes all of its window. Leave the option out."
        )


def _cut(found: list[Refused], terms: Instruction, interval: Interval | None) -> Instruction:
    try:
        return for_interval(terms, interval)
    except Refused as refusal:
        found.append(refusal)
        return terms


def _require_signed(options: argparse.Namespace, settings: Settings, ledger: Ledger | None) -> None:
    trust, now = settings.trust(options.trust), clock()
    instruction = instructions.verify(instructions.read_signed(options.file), trust, now)
    entries = entries_of(kept.record() for kept in ledger.kept(REGISTER)) if ledger else []
    require_receivable(entries, instruction)
    folder = settings.include / "instructions"
    revoked = revoked_keys(ledger) if ledger else {}
    key, at = key_of(instruction), timestamp(now)
    entries = with_arrivals(entries, folder, trust, key, at, revoked)
    require_in_force(entries, instruction, now)
    require_keys_stand(instruction, revoked, trust, delivered=False)


def _landing(
    options: argparse.Namespace,
    terms: Instruction,
    found: list[Refused],
    settings: Settings,
    resolve: Resolve,
) -> str | None:
    if options.landing is None:
        return None
    try:
        landing = open_landing(options.landing, resolve)
    except Refused as refusal:
        found.append(refusal)
        return None
    staging = open_staging(settings.staging, resolve)
    _collect(found, lambda: require_apart(landing.label, staging.label))
    _collect(found, lambda: deliver.require_ready(terms, landing))
    return landing.label


def _ledger(settings: Settings, output: Output, *, needed: bool) -> Ledger | None:
    """The evidence; None where there is none yet, unless it is needed."""
    try:
        return open_ledger(settings)
    except UsageError as error:
        if needed:
            raise
        output.note(f"No earlier run is known: {error}")
        return None
