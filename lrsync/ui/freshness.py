"""Is the last good backup young enough? One line for a monitor, which reads little and often."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from lrsync.core.status import StatusReport
from lrsync.errors import ExitCode
from lrsync.ui.text import ago, duration, iso

_FUTURE_S: Final = 600.0
"""How far ahead a time may lie and still be a clock's small error."""


@dataclass(frozen=True, slots=True)
class Freshness:
    """How old the last good backup is, None where there is none. Times in ns since the epoch, lengths in seconds."""

    last_good_ns: int | None
    now_ns: int
    max_age_s: float

    @property
    def age_s(self) -> float | None:
        """Since it ended, by this computer's clock."""
        return None if self.last_good_ns is None else (self.now_ns - self.last_good_ns) / 1e9

    @property
    def is_fresh(self) -> bool:
        """Never for one in the future: of that only the clock is known to be wrong."""
        return self.age_s is not None and -_FUTURE_S <= self.age_s <= self.max_age_s

    @property
    def sentence(self) -> str:
        """In a line."""
        if self.last_good_ns is None:
            return "There was no good backup yet."
        when = ago(self.last_good_ns, self.now_ns)
        if self.is_fresh:
            return f"The last good backup was {when}."
        return f"The last good backup was {when}: more than {duration(self.max_age_s)} is too old."


def freshness_of(report: StatusReport | None, now_ns: int, max_age_s: float) -> Freshness:
    """As the manifest has it."""
    run = None if report is None else report.last_good_run
    return Freshness(None if run is None else run.finished_at, now_ns, max_age_s)


def checked_code(code: ExitCode, fresh: Freshness) -> ExitCode:
    """The status's own exit code, and 3 where the last good backup is too old: what came since is not safe."""
    return code if fresh.is_fresh else ExitCode.INCOMPLETE


def as_object(fresh: Freshness) -> dict[str, Any]:
    """What `status --check --json` has besides."""
    return {
        "fresh": fresh.is_fresh,
        "last_good": iso(fresh.last_good_ns),
        "age_seconds": None if fresh.age_s is None else round(fresh.age_s),
        "max_age_seconds": round(fresh.max_age_s),
    }
