"""Where everything stands in the picture of a run's time.

Phases last seconds or weeks, so lengths follow the order of magnitude of time, and the picture says so.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import datetime
from math import log10

from remit.narrative.timeline import Timeline

WIDTH, MARGIN = 960, 12
_LEAST = 1.0
_OPEN_END = 1.5


@dataclass(frozen=True, slots=True)
class Bar:
    """A phase; `x` and `width` in the picture's units."""

    x: float
    width: float
    name: str
    title: str
    start: datetime
    end: datetime | None
    future: bool


@dataclass(frozen=True, slots=True)
class Point:
    """An event, or a moment that the run is held to."""

    x: float
    name: str
    title: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Picture:
    """All of it; empty where nothing has begun.

    Attributes:
        now: where the present is; None before the first phase, or after the last one that has an end.
    """

    bars: list[Bar]
    points: list[Point]
    marks: list[Point]
    now: float | None


def picture(told: Timeline, now: datetime) -> Picture:
    """Lay it out."""
    bars = _bars(told)
    return Picture(
        bars,
        [
            Point(_x(bars, one.at, now), one.severity, one.title, one.at)
            for one in told.events
            if bars and one.at >= bars[0].start
        ],
        [Point(_x(bars, one.at, now), one.name, one.title, one.at) for one in told.marks if bars],
        _x(bars, now, now) if bars and now >= bars[0].start else None,
    )


def _bars(told: Timeline) -> list[Bar]:
    weights = [
        _OPEN_END
        if one.end is None
        else _LEAST + log10(1 + (one.end - one.start).total_seconds() / 60)
        for one in told.phases
    ]
    scale = (WIDTH - 2 * MARGIN) / (sum(weights) or 1)
    bars, x = [], float(MARGIN)
    for one, weight in zip(told.phases, weights, strict=True):
        width = round(weight * scale, 1)
        bars.append(Bar(round(x, 1), width, one.name, one.title, one.start, one.end, one.future))
        x += width
    return bars


def _x(bars: list[Bar], at: datetime, now: datetime) -> float:
    """Within the phase that it falls in, by its share of that phase's time; without an end, in order."""
    bar = bars[max(0, bisect_right([bar.start for bar in bars], at) - 1)]
    part = (at - bar.start).total_seconds()
    if bar.end is None:
        share = 0.0 if part <= 0 else 0.5 if at <= now else 0.85
    else:
        share = min(max(part / (bar.end - bar.start).total_seconds(), 0.0), 1.0)
    return round(bar.x + share * bar.width, 1)
