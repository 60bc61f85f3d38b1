"""What is told of refusals, interruptions and runs that end by them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from remit.instruction.plain_language.voice import Voice
from remit.narrative.words import step
from remit.plan.phrases import recorded
from remit.plan.words import refusal_words

Data = Mapping[str, Any]


def refused(data: Data, say: Voice) -> Iterator[str]:
    """A rule forbade a step."""
    what, way_out = refusal_words(data["refusal"], say)
    at = step(data["step"], say)
    yield say("At {step}: {what}", "Étape {step}, refus : {what}", step=at, what=what)
    yield say("Way out: {text}", "Que faire : {text}", text=way_out)


def interrupted(data: Data, say: Voice) -> Iterator[str]:
    """Something outside did not answer, or nobody expected it."""
    yield say(
        "At {step}: {where}: {why} It may be tried again.",
        "Étape {step}, lieu {place} : {why} Un nouvel essai est possible.",
        step=step(data["step"], say),
        where=data["where"],
        place=say.quoted(data["where"]),
        why=recorded(data["why"], say),
    )


def stopped(data: Data, say: Voice) -> Iterator[str]:
    """The run has ended for good."""
    yield say(
        "The run is stopped at {step}; its staging key is destroyed, deletion is due at once.",
        "L'exécution est arrêtée à l'étape {step} ; sa clé de transit est détruite, la suppression est "
        "exigible immédiatement.",
        step=step(data["step"], say),
    )
