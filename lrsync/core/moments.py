"""When a user means: `2024-03-01`, `2024-03-01T18:30`, `30d`. Reads no clock: now is an argument."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from typing import Final

from lrsync.errors import UsageError

_RELATIVE: Final = re.compile(r"(\d{1,6})([hdwmy])", re.ASCII)
_HOURS: Final = {"h": 1, "d": 24, "w": 7 * 24, "m": 30 * 24, "y": 365 * 24}
_NS_PER_HOUR: Final = 3_600_000_000_000
_HINT: Final = "write it as 2024-03-01, 2024-03-01T18:30 or 30d (h, d, w, m and y before now)"


def parse_moment(text: str, now_ns: int, *, end: bool = False) -> int:
    """The moment in nanoseconds since the epoch. Raises UsageError.

    A date or time without a zone is the user's local one. A date alone is its first moment, or with `end` the first
    moment after it: "until March 1st" has all of that day.
    """
    word = text.strip()
    relative = _RELATIVE.fullmatch(word.lower())
    if relative is not None:
        return now_ns - int(relative[1]) * _HOURS[relative[2]] * _NS_PER_HOUR
    try:
        return _to_ns(_parse_iso(word, end=end))
    except (ValueError, OverflowError, OSError):
        raise UsageError(f"'{text}' is no date or time", hint=_HINT) from None


def _parse_iso(word: str, *, end: bool) -> datetime:
    if len(word) <= 10:
        day = date.fromisoformat(word) + timedelta(days=1 if end else 0)
        return datetime.combine(day, time())
    return datetime.fromisoformat(word)


def _to_ns(moment: datetime) -> int:
    seconds, micros = int(moment.replace(microsecond=0).timestamp()), moment.microsecond
    return seconds * 1_000_000_000 + micros * 1000
