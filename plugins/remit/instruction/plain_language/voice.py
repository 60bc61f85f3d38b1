"""One language's words: sentences, lists, numbers, times, countries and articles of the GDPR."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import TypeVar

from remit.errors import one_line
from remit.instruction.parties import Person
from remit.instruction.plain_language.countries import COUNTRIES

T = TypeVar("T")
NO_BREAK = "\x1f"
"""Stands for a space at which no line ends, until the lines are made."""

_MONTHS = {
    "en": "January February March April May June July August September October November December",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
}
_QUOTES = dict.fromkeys(map(ord, "“”„«»"), '"')
_UNITS = (  # seconds, and the words for one and for several
    (86_400, ("day", "days"), ("jour", "jours")),
    (3_600, ("hour", "hours"), ("heure", "heures")),
    (60, ("minute", "minutes"), ("minute", "minutes")),
    (1, ("second", "seconds"), ("seconde", "secondes")),
)


class Language(StrEnum):
    """The languages that a page can be read in."""

    ENGLISH = "en"
    FRENCH = "fr"


class Voice:
    """Speaks one language.

    A sentence is given in both languages where it is made, so that a reviewer sees them side by
    side: ``say("It ends.", "Elle prend fin.")``.

    Args:
        space: what stands between words at which no line ends; a space for who makes no lines.
    """

    def __init__(self, language: Language, space: str = NO_BREAK) -> None:
        self.language = language
        self._space = space

    def __call__(self, en: str, fr: str, **values: str) -> str:
        """The sentence of this language, with the values put in."""
        return self.pick(en, fr).format(**values)

    def pick(self, en: T, fr: T) -> T:
        """The one of this language, as it is: braces in it are its own."""
        return en if self.language is Language.ENGLISH else fr

    def quoted(self, text: str) -> str:
        """What the instruction itself says; quotes within it cannot end the quotation."""
        plain = written(text).translate(_QUOTES)
        return self.pick(f"“{plain}”", f"«{self._space}{plain}{self._space}»")

    def name(self, text: str) -> str:
        """A name or value, in quotes where it could be taken for words of the sentence."""
        return text if re.fullmatch(r"[\w.-]+", text) else self.quoted(text)

    def place(self, schema: str | None, relation: str) -> str:
        """A table or view, with its schema where it is named."""
        return ".".join(self.name(part) for part in (schema, relation) if part is not None)

    def person(self, person: Person) -> str:
        """Name and address."""
        return f"{written(person.name)} <{written(person.email)}>"

    def all_of(self, items: Iterable[str]) -> str:
        """Such as ``a, b and c``."""
        return self._joined(list(items), self.pick("and", "et"))

    def one_of(self, items: Iterable[str]) -> str:
        """Such as ``a, b or c``."""
        return self._joined(list(items), self.pick("or", "ou"))

    def number(self, number: int) -> str:
        """With its thousands apart."""
        return f"{number:,}".replace(",", self.pick(",", self._space))

    def count(self, number: int, en: tuple[str, str], fr: tuple[str, str]) -> str:
        """A number of things, each given as one and as several; French counts none as one."""
        several = self.pick(number != 1, number > 1)
        return f"{self.number(number)}{self._space}{self.pick(en, fr)[several]}"

    def day(self, day: date) -> str:
        """Such as ``1 January 2026`` and ``1er janvier 2026``."""
        number = self.pick(str(day.day), "1er" if day.day == 1 else str(day.day))
        month = _MONTHS[self.language].split()[day.month - 1]
        return self._space.join([number, month, str(day.year)])

    def moment(self, moment: datetime) -> str:
        """Day and time, with the offset from UTC where it has one."""
        time = moment.isoformat()[11:19].removesuffix(":00")
        offset = moment.utcoffset()
        zone = ""
        if offset is not None:
            zone = f"{self._space}(UTC{moment.isoformat()[-6:] if offset else ''})"
        return self.pick("{}, {}{}", "{} à {}{}").format(self.day(moment), time, zone)

    def duration(self, duration: timedelta) -> str:
        """Such as ``7 days``; a single day is 24 hours."""
        if duration == timedelta(days=1):
            return self.count(24, *_UNITS[1][1:])
        parts, left = [], int(duration.total_seconds())
        for seconds, *words in _UNITS:
            number, left = divmod(left, seconds)
            parts += [self.count(number, *words)] if number else []
        return self.all_of(parts)

    def country(self, code: str) -> str:
        """Its name where it is known here, and its code."""
        return ", ".join([*([self.pick(*COUNTRIES[code])] if code in COUNTRIES else []), code])

    def articles(self, laws: Iterable[str]) -> str:
        """Articles of the GDPR given as ``28(3)(g)``, in the way that lawyers write them."""
        if self.language is Language.ENGLISH:
            return f"Art.{self._space}{', '.join(laws)}"
        points: dict[str, list[str]] = {}
        for law in laws:
            place, point = _in_french(law)
            points.setdefault(place, []).extend(point)
        places = []
        for place, letters in points.items():
            word = ", points " if len(letters) > 1 else ", point " if letters else ""
            places.append((place + word + self.all_of(letters)).replace(" ", self._space))
        return f"{self._space}; ".join(places)

    def _joined(self, items: list[str], word: str) -> str:
        return f" {word} ".join([", ".join(items[:-1])] * (len(items) > 1) + items[-1:])


def written(text: str) -> str:
    """The instruction's own words on one line, without control characters."""
    return one_line(" ".join(text.split()))


def _in_french(law: str) -> tuple[str, list[str]]:
    match = re.fullmatch(r"(\d+)(?:\((\d)\))?(?:\(([a-z])\))?", law)
    if match is None:
        raise ValueError(f"not an article: {law}")
    article, paragraph, letter = match.groups()
    place = f"art. {article}" + (f", par. {paragraph}" if paragraph else "")
    return place, [letter] if letter else []
