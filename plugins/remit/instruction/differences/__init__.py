"""What differs between two versions of an instruction, in plain language: what widens it comes first.

Every field that differs is told, those without a meaning of their own here as well. Whether a difference
lets more leave, be read, be kept or be done is judged field by field; what cannot be judged is called a
change, never harmless. The page is for reading: only the signed texts bind.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from remit.errors import one_line
from remit.instruction.differences.direction import Direction, direction
from remit.instruction.differences.telling import place, sentence, text
from remit.instruction.differences.walk import Raw, compared
from remit.instruction.fields import locate
from remit.instruction.model import Instruction
from remit.instruction.plain_language.voice import NO_BREAK, Language, Voice

__all__ = ["HEADINGS", "Change", "Direction", "differences", "lines"]

HEADINGS: dict[Direction, tuple[str, str]] = {
    "widened": (
        "WIDER: more leaves, is read, is kept or is allowed",
        "ÉLARGI : davantage sort, est lu, est conservé ou est permis",
    ),
    "changed": (
        "CHANGED: neither more nor less, or not to be judged by a rule",
        "MODIFIÉ : ni plus ni moins, ou non jugé par une règle",
    ),
    "narrowed": (
        "NARROWER: less leaves, is read, is kept or is allowed",
        "RESTREINT : moins sort, est lu, est conservé ou est permis",
    ),
}
"""What each direction is called, in English and French, in the order in which they are told."""

_ORDER = tuple(HEADINGS)
_FIRST = (
    "tables recipients subprocessors data_subjects suppress retention security confirmation contacts"
).split()


@dataclass(frozen=True, slots=True)
class Change:
    """One difference.

    Attributes:
        path: such as ``tables[results].columns[unit].category``.
        direction: whether more is allowed by it, less, or something else.
        where: the place in words; `sentence` says it with what changed there.
        before, after: in words; None for what is added, or what is no longer there.
        law: the point of the law that the field carries out, if it names one.
    """

    path: str
    direction: Direction
    where: str
    sentence: str
    before: str | None
    after: str | None
    law: str | None

    def as_json(self) -> Mapping[str, str | None]:
        """The difference as `remit instruction diff --json` gives it."""
        return {name: getattr(self, name) for name in self.__slots__}


def differences(old: Instruction, new: Instruction, language: Language) -> list[Change]:
    """Every difference, what widens the instruction first; then as the model has its fields."""
    say = Voice(language)
    found = [_change(raw, old, new, say) for raw in compared(old, new)]
    return sorted(found, key=_risk)


def lines(changes: Sequence[Change], language: Language) -> Iterator[str]:
    """The differences as text, under the heading of their direction."""
    say = Voice(language)
    for which, heading in HEADINGS.items():
        own = [change for change in changes if change.direction == which]
        if own:
            yield f"{say(*heading)} ({len(own)})"
        for change in own:
            yield one_line(f"  - {change.sentence}" + (f" ({change.law})" if change.law else ""))
    if not changes:
        yield say("No field differs.", "Aucun champ ne diffère.")


def _risk(change: Change) -> tuple[int, int]:
    group = change.path.partition(".")[0].partition("[")[0]
    first = _FIRST.index(group) if group in _FIRST else len(_FIRST)
    return _ORDER.index(change.direction), first


def _change(raw: Raw, old: Instruction, new: Instruction, say: Voice) -> Change:
    def plain(words: str) -> str:
        return words.replace(NO_BREAK, " ")

    def side(value: object, terms: Instruction) -> str | None:
        return None if value is None else plain(text(raw, value, terms, say))

    return Change(
        path=str(raw),
        direction=direction(raw, old, new),
        where=plain(place(raw, say)),
        sentence=plain(sentence(raw, old, new, say)),
        before=side(raw.before, old),
        after=side(raw.after, new),
        law=locate(raw.location).law,
    )
