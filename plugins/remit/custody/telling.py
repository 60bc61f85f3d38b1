"""What a survey says of duties that are suspended, in words."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from remit.custody.story import Hold, Locked, Obligation, Story
from remit.custody.survey import Survey
from remit.errors import one_line
from remit.evidence import timestamp
from remit.instruction.plain_language.voice import Voice
from remit.plan.words import voice_of


def told_of(found: Survey) -> Iterator[tuple[bool, str]]:
    """Each sentence, and whether it is alarming."""
    for obligation in found.pending:
        if (hold := obligation.hold) is not None and hold.until > obligation.due:
            yield False, f"Run {obligation.run} is held until {_hold(obligation)}"
    for obligation in (*found.due, *found.locked):
        if obligation.hold is not None:
            yield False, f"The hold on run {obligation.run} has expired: {_hold(obligation)}"
    for obligation in found.locked:
        yield True, f"Run {obligation.run} is NOT deleted: {obligation.locked}."
    for run, error in found.damaged.items():
        yield True, one_line(f"Run {run} cannot be told: {error}")


def state_of(story: Story, now: datetime) -> str:
    """How a run is, in a word."""
    obligation = story.obligation()
    # What the target says does not change a run's state; that it is confirmed does.
    last = [record.kind for record in story.records if record.kind != "answered"] or ["answered"]
    if obligation is None or obligation.done:
        return last[-1]
    if obligation.is_held(now):
        return "held"
    if obligation.is_due(now):
        return "locked" if obligation.is_locked(now) else "overdue"
    return last[-1]


def suspension(story: Story, now: datetime, language: str = "en") -> list[str]:
    """What suspends a run's deletion, or did until lately."""
    obligation, say = story.obligation(), voice_of(language)
    if obligation is None or obligation.done:
        return []
    said = []
    if (hold := obligation.hold) is not None:
        words = ("HELD until {hold}", "SUSPENDU jusqu'au {hold}")
        if not obligation.is_held(now):
            words = (
                "The hold has expired: until {hold}",
                "La suspension a expiré : jusqu'au {hold}",
            )
        said.append(say(*words, hold=_held(hold, say)))
    if obligation.locked is not None and obligation.is_locked(now):
        said.append(_locked(obligation.locked, say))
    return [one_line(sentence) for sentence in said]


def _held(hold: Hold, say: Voice) -> str:
    return say(
        "{until} by {person}: {reason}",
        "{until} par {person} : {reason}",
        until=say.moment(hold.until),
        person=say.quoted(hold.person),
        reason=say.quoted(hold.reason),
    )


def _locked(locked: Locked, say: Voice) -> str:
    until = say(
        "somebody lifts the storage's legal hold", "la levée du verrou juridique du stockage"
    )
    return say(
        "NOT DELETED: locked until {until}; tried again on {again}.",
        "NON SUPPRIMÉ : verrouillé jusqu'à {until} ; nouvel essai le {again}.",
        until=say.moment(locked.until) if locked.until else until,
        again=say.moment(locked.again),
    )


def _hold(obligation: Obligation) -> str:
    hold = obligation.hold
    return f"{timestamp(hold.until)} by {hold.person}: {hold.reason}" if hold else ""
