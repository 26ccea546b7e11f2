"""A line over time as SVG that a style sheet colours. Pure: points in, a path and its labels out.

Only the line is drawn in SVG, stretched to whatever room there is; labels are HTML around it, so that they can be read
on a phone. docs/report.md says what was tried instead.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

MAX_POINTS: Final = 160
STEPS: Final = 4
MAX_DATES: Final = 4
_NS: Final = 1_000_000_000


class Point(NamedTuple):
    """A value at a time, in nanoseconds since the epoch."""

    at_ns: int
    value: int


class Tick(NamedTuple):
    """A label at a place, in per cent from the left or from the top."""

    place: float
    label: str


@dataclass(frozen=True, slots=True)
class Plot:
    """What is drawn, on a ground of 100 by 100: `line`, and `area` down to zero."""

    line: str
    area: str
    values: tuple[Tick, ...]
    dates: tuple[Tick, ...]


def plot(points: Sequence[Point], label: Callable[[int], str]) -> Plot | None:
    """The points as a line from zero up; None where they are fewer than two."""
    if len(points) < 2 or points[0].at_ns == points[-1].at_ns:
        return None
    shown = thinned(points)
    top = ceiling(max(point.value for point in shown))
    begin, end = shown[0].at_ns, shown[-1].at_ns
    places = [((p.at_ns - begin) / (end - begin) * 100, 100 - p.value / top * 100) for p in shown]
    line = "M" + "L".join(f"{x:.2f} {y:.2f}" for x, y in places)
    values = tuple(Tick(100 - step * 100 / STEPS, label(top * step // STEPS)) for step in range(STEPS, -1, -1))
    return Plot(line, f"{line}L100 100L0 100Z", values, date_ticks(begin, end))


def thinned(points: Sequence[Point]) -> list[Point]:
    """At most MAX_POINTS of them, evenly, the first and the last among them."""
    if len(points) <= MAX_POINTS:
        return list(points)
    last = len(points) - 1
    return [points[round(index * last / (MAX_POINTS - 1))] for index in range(MAX_POINTS)]


def ceiling(value: int) -> int:
    """The next round number that STEPS equal steps divide well.

    >>> ceiling(48_213), ceiling(7), ceiling(0)
    (60000, 8, 4)
    """
    least = max(value, 1) / STEPS
    unit: float = 10.0 ** math.floor(math.log10(least))
    step = next(unit * nice for nice in (1, 1.5, 2, 2.5, 3, 4, 5, 10) if unit * nice >= least)
    return math.ceil(step) * STEPS


def date_ticks(begin_ns: int, end_ns: int) -> tuple[Tick, ...]:
    """Dates below the line: first days of months; where there are none, the two ends, of one day its hours."""
    begin, end = (datetime.fromtimestamp(ns / _NS).astimezone() for ns in (begin_ns, end_ns))
    months = _first_days(begin, end)
    every = -(-len(months) // MAX_DATES)
    shown = [month for month in months if (month.year * 12 + month.month - 1) % every == 0] if months else []
    form = "%b %Y" if len(months) > 1 else "%d %b"
    if len(shown) < 2:
        ends = "%H:%M" if begin.date() == end.date() else "%d %b %Y"
        return Tick(0, begin.strftime(ends)), Tick(100, end.strftime(ends))
    span = end_ns - begin_ns
    return tuple(Tick((day.timestamp() * _NS - begin_ns) / span * 100, day.strftime(form)) for day in shown)


def _first_days(begin: datetime, end: datetime) -> list[datetime]:
    found = []
    year, month = begin.year, begin.month
    while (year, month) < (end.year, end.month):
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
        # Of that day's own zone: clocks may have been put forward since.
        found.append(datetime(year, month, 1).astimezone())
    return found
