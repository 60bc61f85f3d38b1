"""Samples, results and the observation history of one patient."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random

from remit.testing.laboratory import chance
from remit.testing.laboratory import vocabulary as words
from remit.testing.laboratory.people import Person, moment, text
from remit.testing.laboratory.schema import Row

_PANEL = (3, 8)
_HISTORY = 12
_HIV_EVERY = 25
_PLACES = Decimal("0.0001")
_HUNDREDTH = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class _Assay:
    """A test of the catalogue with its numbers at hand, in steps of the last decimal."""

    test: words.Test
    low: Decimal
    high: Decimal
    step: Decimal
    least: float
    most: float

    @classmethod
    def of(cls, test: words.Test) -> _Assay:
        low, high = Decimal(test.low).quantize(_PLACES), Decimal(test.high).quantize(_PLACES)
        step = Decimal(1).scaleb(-test.decimals)
        return cls(test, low, high, step, float(low / step), float(high / step))


_ASSAYS = tuple(_Assay.of(test) for test in words.TESTS)


@dataclass(frozen=True, slots=True)
class Sample:
    """A tube: its number, when it was drawn and how many tests are run on it."""

    sample_id: int
    collected_at: datetime
    tests: int
    validated_at: datetime | None = None
    """When its first result was validated, where that is not left to chance."""


def samples(seed: int, who: Person, mean_results: int) -> Iterator[Sample]:
    """The patient's tubes; together they carry about `mean_results` results."""
    rng = chance.stream(seed, "samples", who.number)
    most = mean_results + mean_results // 2
    left = rng.randint(mean_results - mean_results // 2, most)
    sample_id = who.number * (most + 2) + 1
    if who.boundary:
        yield Sample(sample_id, who.boundary, 1)
        drawn = who.boundary - timedelta(hours=5)
        yield Sample(sample_id + 1, drawn, 1, validated_at=who.boundary)
        sample_id, left = sample_id + 2, max(left - 2, 0)
    while left > 0:
        tests = min(left, rng.randint(*_PANEL))
        yield Sample(sample_id, chance.device(rng, moment(rng)), tests)
        sample_id, left = sample_id + 1, left - tests


def sample_rows(seed: int, who: Person, mean_results: int, prescriber_count: int) -> Iterator[Row]:
    """The patient's rows of `samples`."""
    rng = chance.stream(seed, "tubes", who.number)
    for sample in samples(seed, who, mean_results):
        arrival = sample.collected_at.timestamp() + chance.below(rng, 600, 20_000)
        yield (
            sample.sample_id,
            who.patient_id,
            who.site,
            rng.randint(1, prescriber_count),
            sample.collected_at,
            chance.paris(arrival) if rng.random() < 0.94 else None,
            rng.choice(words.TUBES),
            rng.random() < 0.12,
            None if rng.random() < 0.3 else rng.random() < 0.6,
        )


def result_rows(seed: int, who: Person, mean_results: int) -> Iterator[Row]:
    """The patient's rows of `results`: each tube's tests follow one another in the catalogue."""
    rng = chance.stream(seed, "results", who.number)
    for sample in samples(seed, who, mean_results):
        drawn = sample.collected_at.timestamp()
        first = rng.randrange(len(_ASSAYS))
        for place in range(sample.tests):
            assay = _ASSAYS[(first + place) % len(_ASSAYS)]
            validated = sample.validated_at if place == 0 else None
            if not validated and rng.random() < 0.95:
                validated = chance.device(rng, drawn + chance.below(rng, 3_600, 90_000))
            yield _result(rng, who, sample, assay, validated)


def _result(
    rng: Random, who: Person, sample: Sample, assay: _Assay, validated: datetime | None
) -> Row:
    value, value_text, abnormal = _measure(rng, assay)
    return (
        chance.uuid4(rng),
        sample.sample_id,
        who.patient_id,
        who.site,
        assay.test.loinc,
        value,
        value_text,
        assay.test.unit,
        assay.low,
        assay.high,
        abnormal,
        chance.paris((validated or sample.collected_at).timestamp()).date(),
        validated,
        _comment(rng, who),
    )


def _measure(rng: Random, assay: _Assay) -> tuple[Decimal | None, str | None, bool]:
    """The value as number, as text, and whether it is out of the interval."""
    luck = rng.random()
    if luck < 0.03:
        return None, rng.choice(("échantillon coagulé", "non réalisé", "hémolysé")), False
    if luck < 0.05:
        return None, None, False
    if assay.test.qualitative:
        positive = rng.random() < 0.08
        index = chance.below(rng, 110, 900) if positive else chance.below(rng, 3, 80)
        return index * _HUNDREDTH, "positif" if positive else "négatif", positive
    middle, spread = (assay.least + assay.most) / 2, (assay.most - assay.least) / 2.2
    value = round(rng.gauss(middle, spread))
    if value <= 0:
        return None, f"< {assay.step}", False
    return value * assay.step, None, not assay.least <= value <= assay.most


def _comment(rng: Random, who: Person) -> str | None:
    luck = rng.random()
    if luck > 0.3:
        return None
    return text(rng, words.TELLING_COMMENTS if luck < 0.08 else words.PLAIN_COMMENTS, who)


def history_rows(seed: int, who: Person) -> Iterator[Row]:
    """The patient's rows of `observation_history`."""
    rng = chance.stream(seed, "history", who.number)
    for place, (code, value) in enumerate(_history(rng, who)):
        at = chance.device(rng, moment(rng))
        if place == 0 and who.boundary:
            at = who.boundary
        yield (who.number * _HISTORY + place + 1, who.patient_id, who.site, at, code, value)


def _history(rng: Random, who: Person) -> Iterator[tuple[str, str]]:
    """At most `_HISTORY` codes and values; one patient in 25 is known to be HIV positive."""
    codes = tuple(words.HARMLESS)
    for _ in range(rng.randint(2, 7)):
        code = rng.choice(codes)
        yield code, rng.choice(words.HARMLESS[code])
    known = who.number % _HIV_EVERY == 3
    if known or rng.random() < 0.3:
        yield "hivStatus", text(rng, words.SENSITIVE["hivStatus"], who) if known else "négatif"
    if known:
        yield "arvTreatment", text(rng, words.SENSITIVE["arvTreatment"], who)
    if rng.random() < 0.1 or who.number % _HIV_EVERY == 4:
        yield "priorDiseases", text(rng, words.SENSITIVE["priorDiseases"], who)
