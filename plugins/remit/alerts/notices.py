"""What a person is told of an alert: plain sentences of names, counts and times."""

from __future__ import annotations

from datetime import datetime

from remit.alert_kinds import KINDS
from remit.alerts.model import Alert, Step
from remit.errors import one_line
from remit.evidence import timestamp
from remit.ports import Notice


def notice_of(alert: Alert, tier: int, due: datetime, now: datetime) -> Notice:
    """The notice to one tier of an alert's chain.

    Args:
        due: when it was to be told.
    """
    person, late = alert.step(tier), late_by(due, now)
    lines = [
        f"{alert.title}: {alert.about}",
        "",
        alert.message,
        f"Way out: {alert.way_out}",
        "",
        f"Severity: {alert.severity}. Raised at {timestamp(alert.raised_at)}; nobody has acknowledged "
        "it." if tier or alert.round else f"Severity: {alert.severity}. It is yours to acknowledge.",
        *([f"Instruction: {alert.instruction}"] if alert.instruction else []),
        *([_late(late)] if late else []),
        *_next(alert, tier),
        _acknowledge(alert.id),
    ]  # fmt: skip
    return _notice(alert.id, alert.kind, alert.severity, tier, person, alert.about, lines, late)


def late_by(due: datetime, now: datetime) -> int:
    """By how many whole seconds a pass comes after a time; the minute between passes is not late."""
    return max(0, int((now - due).total_seconds()))


def emergency_notice(
    kind: str, person: Step, about: str, message: str, since: datetime, repeated: int
) -> Notice:
    """The notice of what cannot be recorded, because the evidence itself is broken or away."""
    of = KINDS[kind]
    lines = [
        f"{of.title}: {about}",
        "",
        message,
        "Way out: stop what writes to the ledger, keep a copy of it and of REMIT_HOME as they are, and "
        "find out what happened (remit evidence verify --all).",
        "",
        f"Severity: {of.severity}. Since {timestamp(since)}; told for the {repeated + 1}. time, and again "
        "until it is whole or somebody acknowledges it.",
        _acknowledge(kind),
    ]
    return _notice(kind, kind, of.severity, repeated, person, about, lines, 0)


def _notice(
    alert: str,
    kind: str,
    severity: str,
    tier: int,
    person: Step,
    about: str,
    lines: list[str],
    late: int,
) -> Notice:
    return Notice(
        alert=alert,
        kind=kind,
        severity=severity,
        tier=tier,
        name=person.name,
        email=person.email,
        subject=one_line(f"[remit {severity}] {KINDS[kind].title}: {about}")[:200],
        text="\n".join(map(one_line, lines)) + "\n",
        late=late,
    )


def _acknowledge(alert: str) -> str:
    how = f"remit alerts acknowledge {alert} --login FILE --reason TEXT"
    return f"Acknowledge it on remit's pages, or: {how}"


def _late(seconds: int) -> str:
    return f"You are told {seconds} seconds after the time instructed."


def _next(alert: Alert, tier: int) -> list[str]:
    if tier + 1 >= len(alert.chain):
        again = "You are told again each day, until somebody acknowledges it."
        return [again] if alert.reminds else []
    following = alert.chain[tier + 1]
    at = timestamp(alert.since + following.after)
    return [f"If nobody acknowledges it, {following.name} is told at {at}."]
