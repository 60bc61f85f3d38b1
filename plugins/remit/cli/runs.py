"""`remit run`, `confirm`, `delete` and `hold`."""

from __future__ import annotations

import argparse
import secrets
from datetime import timedelta

from remit import instruction as instructions
from remit.cli.output import Output
from remit.cli.person import acting
from remit.cli.plan import require_own_interval
from remit.cli.show import story_fields, story_text
from remit.custody import Deployment, Run, execute_due, run_id, survey
from remit.errors import (
    Refused,
    RemitError,
    Unavailable,
    UsageError,
    describe_unexpected,
)
from remit.evidence import of_kinds
from remit.ports import LandingZone, Source
from remit.wiring import (
    Resolve,
    Settings,
    clock,
    open_deployment,
    open_judge,
    open_landing,
    open_source,
    open_target,
    os_user,
)

LONGEST_HOLD_DAYS = 365


def run(options: argparse.Namespace, output: Output, resolve: Resolve) -> None:
    """Take a run up to its delivery, going on where an interrupted one stopped."""
    deployment = _deployment(options, resolve)
    text = instructions.read(options.file)
    known = instructions.problems_of(text)
    if isinstance(known, instructions.Instruction):
        require_own_interval(known, options.interval)
    source, landing = _places(options, resolve, deployment, text)
    where = options.landing if options.landing.startswith("conn:") else landing.specification
    digest = instructions.digest_of(text)
    interval = options.interval.as_json() if options.interval else None
    name = options.run or _unfinished(deployment, (digest, source.label, where, interval))
    if name is None:
        name = _new_name(text)
    elif options.run is None:
        output.note(f"Going on with the unfinished run {name}.")
    current = Run(name, deployment, _principal())
    current.open_file(options.file, source.label, where, options.interval)
    judge = open_judge()
    current.plan(source, landing, judge)
    with output.progress() as progress:
        current.extract(source, progress)
    current.validate(judge)
    current.seal()
    current.deliver(landing)
    told = story_text(story_fields(current.story, deployment.clock()))
    fields = {"run": name, "delivery": f"{landing.label}/{name}", "state": "delivered"}
    output.result(fields, told)


def _places(
    options: argparse.Namespace, resolve: Resolve, deployment: Deployment, text: bytes
) -> tuple[Source, LandingZone]:
    """Source and landing zone; one that is refused is on record as well, and raises an alert."""
    try:
        return open_source(options.source, resolve), open_landing(options.landing, resolve)
    except Refused:
        with Run(options.run or _new_name(text), deployment, _principal()).recorded("open"):
            raise


def confirm(options: argparse.Namespace, output: Output, resolve: Resolve) -> None:
    """Look for what confirms once."""
    current = Run(options.run, _deployment(options, resolve), _principal())
    landing = open_landing(current.landing(), resolve)
    who = acting(options) if options.by or options.login else None
    if current.confirm(landing, open_target(resolve), who) is None:
        raise Unavailable(f"run {options.run}", _not_yet(current))
    due_at = current.story.last("confirmed")["due"]
    fields = {"run": options.run, "state": "confirmed", "deletion_due": due_at}
    output.result(
        fields, f"Run {options.run} is confirmed; its copies are due for deletion at {due_at}."
    )


def _not_yet(current: Run) -> str:
    if current.awaits_person():
        return "its control file is not signed; somebody named must stand for it (--by PERSON)."
    return "the target has not confirmed it yet."


def delete(options: argparse.Namespace, output: Output, resolve: Resolve) -> int:
    """Execute all that is due; one that fails does not keep the others from being executed."""
    deployment = _deployment(options, resolve)
    executed = execute_due(
        deployment,
        _principal(),
        lambda spec: open_landing(spec, resolve),
        locked=options.locked,
    )
    done = list(executed)
    failed = [(one.run, one.error) for one in done if one.error is not None]
    deleted = [one.run for one in done if one.deleted]
    fields = {
        "deleted": deleted,
        "failed": [{"run": name, "message": _said(error)} for name, error in failed],
    }
    lines = [f"{name}: every copy deleted, certificate signed." for name in deleted]
    lines += [f"{name}: NOT deleted: {_said(error)}" for name, error in failed]
    if not options.locked:
        left = survey(deployment.log, deployment.clock()).locked
        tried = {name for name, _ in failed}
        fields["locked"] = [{"run": one.run, "until": str(one.locked)} for one in left]
        lines += [f"{o.run}: NOT deleted: {o.locked}." for o in left if o.run not in tried]
    output.result(fields, "\n".join(lines) or "Nothing is due.")
    return max((getattr(error, "exit_code", 1) for _, error in failed), default=0)


def hold(options: argparse.Namespace, output: Output, resolve: Resolve) -> None:
    """Suspend a deletion, or let it go on."""
    if options.release:
        _release(options, output, resolve)
        return
    if not 1 <= options.days <= LONGEST_HOLD_DAYS:
        raise UsageError(f"a hold lasts 1 to {LONGEST_HOLD_DAYS} days.")
    until = clock() + timedelta(days=options.days)
    current = Run(options.run, _deployment(options, resolve), _principal())
    current.hold(acting(options), options.reason, until)
    obligation = current.story.obligation()
    ends = until if obligation is None else obligation.held_until or until
    fields = {"run": options.run, "held_until": ends.isoformat(timespec="seconds")}
    output.result(fields, f"Deletion of {options.run} is suspended until {fields['held_until']}.")


def _release(options: argparse.Namespace, output: Output, resolve: Resolve) -> None:
    current = Run(options.run, _deployment(options, resolve), _principal())
    current.release(acting(options), options.reason)
    obligation = current.story.obligation()
    due_at = obligation.due.isoformat(timespec="seconds") if obligation else None
    fields = {"run": options.run, "released": True, "deletion_due": due_at}
    output.result(fields, f"{options.run} is held no longer; its deletion is due at {due_at}.")


def _deployment(options: argparse.Namespace, resolve: Resolve) -> Deployment:
    settings = Settings.from_environment()
    return open_deployment(settings, settings.trust(options.trust), resolve=resolve)


def _unfinished(deployment: Deployment, asked: tuple[object, ...]) -> str | None:
    """The run that an interrupted `remit run` with the same arguments left."""
    for record in of_kinds(deployment.log.ledger, "opened", newest_first=True):
        opened = record.data
        digest = opened["instruction"]["digest"]
        pinned = (digest, opened["source"], opened["landing"], opened["interval"])
        if pinned == asked and not _ended(deployment, record.run):
            return record.run
    return None


def _ended(deployment: Deployment, run: str) -> bool:
    return any(deployment.log.ledger.kept(run, ("delivered", "stopped", "deleted")))


def _new_name(text: bytes) -> str:
    """A run id that shows the instruction's, if there is one to be read."""
    found = instructions.problems_of(text)
    known = found.id if isinstance(found, instructions.Instruction) else "unreadable"
    return run_id(known, secrets.token_hex(16))


def _said(error: Exception) -> str:
    """An error's text if it is ours; another's may hold anything."""
    return str(error) if isinstance(error, RemitError) else describe_unexpected(error)


def _principal() -> str:
    return f"os:{os_user()}"
