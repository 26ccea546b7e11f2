"""A calendar of nights: what the backups of each day came to. Pure."""

from __future__ import annotations

import calendar
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import Enum
from typing import Final, NamedTuple

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
    Night.SENT: "good, files were sent",
    Night.QUIET: "good, nothing to send",
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


class Backups(NamedTuple):
    """A day's last backup, which says how it ended, and the files that all of its backups sent."""

    last: RunInfo
    sent: int


def months_of(runs: Iterable[RunInfo], now_ns: int, months: int = MONTHS) -> list[Month]:
    """The last months, the newest first, from the backups of each day."""
    days = backups_by_day(runs)
    today, first = _day(now_ns), min(days, default=_day(now_ns))
    found, year, month = [], today.year, today.month
    for _ in range(months):
        weeks = calendar.Calendar().monthdatescalendar(year, month)
        rows = (tuple(_day_of(d, days, first, today) if d.month == month else None for d in week) for week in weeks)
        found.append(Month(f"{calendar.month_name[month]} {year}", tuple(rows)))
        year, month = (year, month - 1) if month > 1 else (year - 1, 12)
        if (year, month) < (first.year, first.month):
            break
    return found


def backups_by_day(runs: Iterable[RunInfo]) -> dict[date, Backups]:
    """The backups of each day (by this computer's clock). `watch` makes many: the last mostly sends nothing."""
    found: dict[date, Backups] = {}
    for run in runs:
        if run.kind is RunKind.SYNC:
            day, sent = _day(run.started_at), as_dict(run.counts.get("actions")).get("uploaded", 0)
            found[day] = Backups(run, sent + (found[day].sent if day in found else 0))
    return found


def tally(runs: Iterable[RunInfo], now_ns: int, days: int = 365) -> dict[Night, int]:
    """How many of the last days were what; days before the first backup are none."""
    found, today = backups_by_day(runs), _day(now_ns)
    first = min(found, default=today)
    counts = dict.fromkeys(WORDS, 0)
    for back in range(days):
        night = _day_of(today - timedelta(days=back), found, first, today).night
        if night in counts:
            counts[night] += 1
    return counts


def _day_of(day: date, found: Mapping[date, Backups], first: date, today: date) -> Day:
    backups = found.get(day)
    if backups is None:
        # Today's may still come.
        night = Night.NONE if first <= day < today else Night.OUTSIDE
        return Day(day.day, night, WORDS.get(night, ""))
    (run, sent), night = backups, _KINDS[backups.last.result]
    if night is Night.QUIET and sent:
        night = Night.SENT
    return Day(day.day, night, ENDED[run.result] + (f", {count(sent, 'file')} sent" if sent else ""))


def _day(time_ns: int) -> date:
    return datetime.fromtimestamp(time_ns / _NS).date()  # noqa: DTZ006 - the user's own day
