"""Words that several kinds of records need: counts, sizes, times, steps, what is recorded in English."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from remit.instruction.plain_language.voice import Voice
from remit.small_counts import Count

_VAGUE = re.compile(r"fewer than (\d+)|(\d+) or more")
_STEPS = {
    "open": "ouverture",
    "plan": "planification",
    "extract": "extraction",
    "validate": "validation",
    "seal": "scellement",
    "approve": "approbation",
    "deliver": "livraison",
    "confirm": "confirmation",
    "delete": "suppression",
    "withdraw": "retrait",
    "hold": "suspension",
    "release": "levée de la suspension",
}
_WARNING = ("Warning: ", "Avertissement : ")


def warning(text: str, say: Voice) -> str:
    """What did not stop the run, but should be looked at."""
    return say(*_WARNING) + text


def is_warning(sentence: str, say: Voice) -> bool:
    """Whether a sentence is one of `warning`."""
    return sentence.startswith(say(*_WARNING))


def counted(count: Count, en: tuple[str, str], fr: tuple[str, str], say: Voice) -> str:
    """A number of things, or the words that stand for one that is not told."""
    if isinstance(count, int):
        return say.count(count, en, fr)
    found = _VAGUE.fullmatch(count)
    if found is None:
        return f"{count} {say.pick(en, fr)[1]}"
    if found[1]:
        return say(
            "fewer than {n} {things}",
            "moins de {n} {things}",
            n=found[1],
            things=say.pick(en, fr)[1],
        )
    return say(
        "{n} or more {things}", "{n} {things} ou plus", n=found[2], things=say.pick(en, fr)[1]
    )


def vague(count: Count, say: Voice) -> str:
    """A count by itself."""
    if isinstance(count, int):
        return say.number(count)
    found = _VAGUE.fullmatch(count)
    if found is None:
        return count
    if found[1]:
        return say("fewer than {n}", "moins de {n}", n=found[1])
    return say("{n} or more", "{n} ou plus", n=found[2])


def rows(count: Count, say: Voice) -> str:
    """A number of rows."""
    return counted(count, ("row", "rows"), ("ligne", "lignes"), say)


def size(count: int, say: Voice) -> str:
    """A number of bytes."""
    return say.count(count, ("byte", "bytes"), ("octet", "octets"))


def moment(text: str, say: Voice) -> str:
    """A time as evidence has it: day and time, in UTC, which is said."""
    return say.moment(datetime.fromisoformat(text).astimezone(UTC))


def step(name: str, say: Voice) -> str:
    """A step of a run."""
    return say.pick(name, _STEPS.get(name, name))


def short(digest: str) -> str:
    """The beginning of a digest, by which people compare it."""
    return f"{digest[:23]}…"
