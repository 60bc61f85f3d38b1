"""Random pieces: seeded generators, identifiers, tokens, numbers with check digits, moments."""

from __future__ import annotations

import base64
import re
from bisect import bisect_right
from calendar import monthrange
from datetime import UTC, datetime, timedelta, timezone
from random import Random
from uuid import UUID

from remit.testing.laboratory.vocabulary import FICTION_PHONES

WINTER = timezone(timedelta(hours=1))
SUMMER = timezone(timedelta(hours=2))

TOKEN = re.compile(r"ZQ[A-Z2-7]{8}")
"""What `token` makes: ASCII, so that it survives escaping that changes accented letters."""

_NIR_SPACE = 999 * 999
_NIR_STEP = 617_717  # has no factor in common with the space, so it visits all of it


def stream(seed: int, name: str, number: int = 0) -> Random:
    """The generator of one thing, so that any row can be made without those before it."""
    return Random(f"{seed}/{name}/{number}")


def uuid4(rng: Random) -> UUID:
    """A random UUID (version 4)."""
    return UUID(int=rng.getrandbits(128), version=4)


def below(rng: Random, low: int, high: int) -> int:
    """A whole number from `low` up to, not including, `high`; cheaper than `randrange`."""
    return low + int(rng.random() * (high - low))


def token(rng: Random) -> str:
    """Ten characters that occur nowhere else."""
    return "ZQ" + base64.b32encode(rng.getrandbits(40).to_bytes(5, "big")).decode()


def phone(rng: Random) -> str:
    """A telephone number kept for fiction, grouped in one of the ways people write it.

    Always grouped: ten bare digits turn up in a long run of digits by chance.
    """
    digits = rng.choice(FICTION_PHONES) + f"{rng.randrange(10_000):04}"
    pairs = [digits[place : place + 2] for place in range(0, 10, 2)]
    style = rng.randrange(3)
    if style == 2:
        return f"+33 {pairs[0][1]} " + " ".join(pairs[1:])
    return (" ", ".")[style].join(pairs)


def rpps(rng: Random, number: int) -> str:
    """An eleven-digit prescriber number with its Luhn digit; every third starts with a zero."""
    opening = "00" if number % 3 == 0 else "10"
    body = f"{opening}{rng.randrange(10**4):04}{number % 10**4:04}"
    return body + luhn(body)


def luhn(body: str) -> str:
    """The check digit that follows `body` (LOINC and RPPS use the same rule)."""
    total = 0
    for place, digit in enumerate(reversed(body)):
        doubled = int(digit) * (1 if place % 2 else 2)
        total += doubled - 9 if doubled > 9 else doubled
    return str(-total % 10)


def nir(sex: str, year_month: tuple[int, int], department: str, number: int) -> str:
    """A social security number of 15 characters with its key, for the `number`-th person.

    The six digits of commune and rank come from `number`, so they do not repeat before
    998,001 persons.
    """
    rank = number * _NIR_STEP % _NIR_SPACE
    year, month = year_month
    body = (
        f"{1 if sex == 'M' else 2}{year % 100:02}{month:02}{department}"
        f"{rank // 999 + 1:03}{rank % 999 + 1:03}"
    )
    return body + nir_key(body)


def nir_key(body: str) -> str:
    """The two-digit key of the first 13 characters; Corsica counts as 19 (2A) and 18 (2B)."""
    number = int(body.replace("2A", "19").replace("2B", "18"))
    return f"{97 - number % 97:02}"


def _changeovers() -> list[float]:
    """When Paris changed over, summer then winter, as POSIX times; no tz database needed."""
    found = []
    for year in range(2020, 2028):
        for month in (3, 10):
            last = datetime(year, month, monthrange(year, month)[1], 1, tzinfo=UTC)
            found.append((last - timedelta(days=(last.weekday() + 1) % 7)).timestamp())
    return found


_CHANGEOVERS = _changeovers()


def paris(posix: float) -> datetime:
    """The moment with the offset that Paris has then."""
    summer = bisect_right(_CHANGEOVERS, posix) % 2
    return datetime.fromtimestamp(posix, SUMMER if summer else WINTER)


def device(rng: Random, posix: float) -> datetime:
    """The moment as some device wrote it: one in seven has the offset of the other season.

    That is why comparing these texts goes wrong while comparing the moments does not.
    """
    proper = paris(posix)
    if rng.random() > 1 / 7:
        return proper
    return proper.astimezone(WINTER if proper.tzinfo is SUMMER else SUMMER)
