"""A calendar of nights: what the backups of each day came to. Pure."""

from __future__ import annotations

import calendar
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import Enum
from typing import Final

from lrsync.core.runs import RunInfo, RunKind, RunResult
from lrsync.ui.run_words import ENDED, as_dict
from lrsync.ui.text import count

MONTHS: Final = 12
_NS: Final = 1_000_000_000


class Night(Enum):
    """What a day's backups came to; the value is the class in the style sheet."""

    SENT = "sent"
    QUIET = "quiet"
    UNEASY = "uneasy"
    BAD = "bad"
    NONE = "none"
    """The library was there, and no backup was."""
    OUTSIDE = "outside"
    """Before the library was, or not yet."""


MARKS: Final = {Night.UNEASY: "!", Night.BAD: "×"}
"""For whoever sees no colours."""

WORDS: Final = {
    Night.SENT: "good, with new photos",
    Night.QUIET: "good, nothing was new",
    Night.UNEASY: "needed you, or incomplete",
    Night.BAD: "failed",
    Night.NONE: "no backup",
}
_KINDS: Final = {
    RunResult.OK: Night.QUIET,
    RunResult.INCOMPLETE: Night.UNEASY,
    RunResult.ATTENTION: Night.UNEASY,
    RunResult.FAILED: Night.BAD,
    RunResult.INTERRUPTED: Night.BAD,
    RunResult.RUNNING: Night.BAD,
}


@dataclass(frozen=True, slots=True)
class Day:
    """One day: `said` is what happened, in words."""

    number: int
    night: Night
    said: str = ""

    @property
    def mark(self) -> str:
        """A sign beside the number."""
        return MARKS.get(self.night, "")


@dataclass(frozen=True, slots=True)
class Month:
    """One month: weeks from Monday to Sunday; None where a day is another month's."""

    name: str
    weeks: tuple[tuple[Day | None, ...], ...]


def months_of(runs: Iterable[RunInfo], now_ns: int, months: int = MONTHS) -> list[Month]:
    """The last months, the newest first, from the backups of each day (by its last one)."""
    last = last_backups(runs)
    today, first = _day(now_ns), min(last, default=_day(now_ns))
    found, year, month = [], today.year, today.month
    for _ in range(months):
        weeks = calendar.Calendar().monthdatescalendar(year, month)
        rows = (tuple(_day_of(d, last, first, today) if d.month == month else None for d in week) for week in weeks)
        found.append(Month(f"{calendar.month_name[month]} {year}", tuple(rows)))
        year, month = (year, month - 1) if month > 1 else (year - 1, 12)
        if (year, month) < (first.year, first.month):
            break
    return found


def last_backups(runs: Iterable[RunInfo]) -> dict[date, RunInfo]:
    """Of each day (by this computer's clock) its last backup."""
    return {_day(run.started_at): run for run in runs if run.kind is RunKind.SYNC}


def tally(runs: Iterable[RunInfo], now_ns: int, days: int = 365) -> dict[Night, int]:
    """How many of the last days were what; days before the first backup are none."""
    last, today = last_backups(runs), _day(now_ns)
    first = min(last, default=today)
    counts = dict.fromkeys(WORDS, 0)
    for back in range(days):
        night = _day_of(today - timedelta(days=back), last, first, today).night
        if night in counts:
            counts[night] += 1
    return counts


def _day_of(day: date, last: Mapping[date, RunInfo], first: date, today: date) -> Day:
    run = last.get(day)
    if run is None:
        # Today's may still come.
        night = Night.NONE if first <= day < today else Night.OUTSIDE
        return Day(day.day, night, WORDS.get(night, ""))
    sent = as_dict(run.counts.get("actions")).get("uploaded", 0)
    night = _KINDS[run.result]
    if night is Night.QUIET and sent:
        night = Night.SENT
    return Day(day.day, night, ENDED[run.result] + (f", {count(sent, 'file')} sent" if sent else ""))


def _day(time_ns: int) -> date:
    return datetime.fromtimestamp(time_ns / _NS).date()  # noqa: DTZ006 - the user's own day
