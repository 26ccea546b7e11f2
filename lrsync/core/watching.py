"""When a watched library is to be synced: some time after the last change, and now and then without one. Pure.

Times in seconds since the epoch, and lengths in seconds. A clock that was set back makes a sync due, never overdue.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from lrsync.errors import ExitCode

RETRY_S: Final = 60.0
MOST_RETRY_S: Final = 1800.0
_DONE: Final = frozenset({ExitCode.OK, ExitCode.NEEDS_PERSON})
ENDING: Final = frozenset({ExitCode.USAGE, ExitCode.MANIFEST})
"""What another try cannot mend: the settings, or a manifest that must be made anew."""


@dataclass(frozen=True, slots=True)
class WatchTimes:
    """`quiet_s`: how long nothing must change before a sync; `max_wait_s`: but no longer than this after the first
    change; `every_s`: at least so often, whatever was seen.
    """

    quiet_s: float = 180.0
    max_wait_s: float = 1800.0
    every_s: float = 86_400.0


@dataclass(frozen=True, slots=True)
class WatchState:
    """What is known: when something changed first and last since the last sync began, and how that one ended."""

    first_change: float | None = None
    last_change: float | None = None
    began: float | None = None
    retry_at: float | None = None
    failures: int = 0

    def changed(self, now: float) -> WatchState:
        """Something in the source changed."""
        return replace(self, first_change=now if self.first_change is None else self.first_change, last_change=now)

    def started(self, now: float) -> WatchState:
        """A sync begins: what changes from now on is not in it for certain."""
        return WatchState(began=now, failures=self.failures)

    def ended(self, now: float, code: int) -> WatchState:
        """It ended. What failed is tried again after a while, longer each time; what met another run, soon."""
        if code in _DONE:
            return replace(self, retry_at=None, failures=0)
        if code == ExitCode.LOCKED:
            return replace(self, retry_at=now + RETRY_S)
        pause = min(RETRY_S * 2.0**self.failures, MOST_RETRY_S)
        return replace(self, retry_at=now + pause, failures=min(self.failures + 1, 10))

    def is_due(self, now: float, times: WatchTimes) -> bool:
        """Whether it is time for a sync. While a retry waits, changes wait with it."""
        if self.began is None:
            return True  # what happened while nobody watched, nobody knows
        if self.retry_at is not None:
            return not self.retry_at - MOST_RETRY_S <= now < self.retry_at
        if self.first_change is not None and self.last_change is not None:
            settled = not 0 <= now - self.last_change < times.quiet_s
            if settled or not 0 <= now - self.first_change < times.max_wait_s:
                return True
        return not 0 <= now - self.began < times.every_s
