"""Sites, prescribers and patients."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random
from uuid import UUID

from remit.testing.laboratory import chance
from remit.testing.laboratory import vocabulary as words
from remit.testing.laboratory.schema import Row

_FIRST = int(datetime(2021, 1, 1, tzinfo=chance.WINTER).timestamp())
_LAST = int(datetime(2025, 12, 30, 20, tzinfo=chance.WINTER).timestamp())
# Results follow their sample by up to 25 hours and still belong to 2025.


def _around(midnight: datetime) -> tuple[datetime, ...]:
    """Just before, at and just after, each also with the offset that Paris has not then."""
    second, least = timedelta(seconds=1), timedelta(microseconds=1)
    moments = (midnight - second, midnight - least, midnight, midnight + least, midnight + second)
    return (*moments, *(moment.astimezone(chance.SUMMER) for moment in moments[::2]))


BOUNDARIES: tuple[datetime, ...] = tuple(
    moment
    for year in (2024, 2025)
    for moment in _around(datetime(year, 1, 1, tzinfo=chance.WINTER))
)
"""Moments on which a window that starts or ends with 2024 goes wrong first."""

_BOUNDARY_EVERY = 500
_CORSICAN_EVERY = 40


@dataclass(frozen=True, slots=True)
class Person:
    """What several tables need to know of a patient."""

    number: int
    patient_id: UUID
    first_name: str
    last_name: str
    female: bool
    site: str
    boundary: datetime | None
    """The moment that this patient's rows carry instead of a random one."""

    @property
    def name(self) -> str:
        """The full name as a text would give it."""
        return f"{self.first_name} {self.last_name}"


def person(seed: int, number: int) -> Person:
    """The `number`-th patient, the same for every table."""
    rng = chance.stream(seed, "person", number)
    female = rng.random() < 0.53
    turn = number % _BOUNDARY_EVERY
    return Person(
        number=number,
        patient_id=chance.uuid4(rng),
        first_name=rng.choice(words.WOMEN if female else words.MEN),
        last_name=rng.choice(words.LAST),
        female=female,
        site=words.SITES[rng.randrange(len(words.SITES))][0],
        boundary=BOUNDARIES[turn] if turn < len(BOUNDARIES) else None,
    )


def prescribers(seed: int, count: int) -> Iterator[Row]:
    """The prescribers' rows."""
    rng = chance.stream(seed, "prescribers")
    for number in range(count):
        yield (
            number + 1,
            chance.rpps(rng, number),
            rng.choice(words.LAST),
            rng.choice(words.WOMEN + words.MEN),
            rng.choice(words.SPECIALITIES),
            chance.phone(rng),
        )


def patient(seed: int, who: Person) -> Row:
    """A row of `patients`."""
    rng = chance.stream(seed, "patient", who.number)
    birth = date(1928, 1, 1) + timedelta(days=rng.randrange(33_900))  # up to autumn 2020
    sex = "F" if who.female else "M"
    postal_code, city = rng.choice(words.CITIES)
    login, email = _accounts(rng, who)
    return (
        who.patient_id,
        chance.nir(sex, (birth.year, birth.month), _department(rng, who, birth), who.number),
        who.last_name,
        who.first_name,
        birth,
        sex,
        _address(rng),
        postal_code,
        city,
        chance.phone(rng),
        email,
        login,
        f"{rng.choice(words.PASSWORD_WORDS)}{rng.choice('-_!$')}{chance.token(rng)[2:]}",
        who.site,
        who.boundary or chance.paris(moment(rng)),
        rng.random() < 0.02,
        text(rng, words.NOTES, who) if rng.random() < 0.25 else None,
    )


def moment(rng: Random) -> float:
    """A random second of 2021 to 2025, as POSIX time."""
    return float(chance.below(rng, _FIRST, _LAST))


def text(rng: Random, templates: tuple[str, ...], who: Person) -> str:
    """A free text with its token, and with the patient's name where the template has it."""
    return rng.choice(templates).format(token=chance.token(rng), name=who.name)


def _department(rng: Random, who: Person, birth: date) -> str:
    """Where the patient was born; Corsica was 20 before 1976, 2A or 2B since."""
    if who.number % _CORSICAN_EVERY not in (5, 6):
        return rng.choice(words.DEPARTMENTS)
    if birth.year < 1976:
        return "20"
    return "2A" if who.number % _CORSICAN_EVERY == 5 else "2B"


def _address(rng: Random) -> str:
    """A street and a numbered dwelling, without which the line would be nobody's in particular."""
    return (
        f"{rng.randrange(1, 199)}{rng.choice(('', ' bis'))} {rng.choice(words.STREETS)}, "
        f"logt {rng.choice('ABCDEH')}{rng.randrange(10**5):05}"
    )


def _accounts(rng: Random, who: Person) -> tuple[str, str]:
    """The portal login and the e-mail address."""
    first, last = _ascii(who.first_name), _ascii(who.last_name)
    login = f"{first[0]}{last}.{rng.randrange(10**5):05}{who.number}"
    return login, f"{first}.{last}{who.number}@courriel.example"


def _ascii(name: str) -> str:
    """The name as accounts carry it: lower-case letters without accents."""
    plain = unicodedata.normalize("NFD", name.replace("Œ", "OE").replace("œ", "oe"))
    return "".join(letter for letter in plain if letter.isascii() and letter.isalpha()).lower()
