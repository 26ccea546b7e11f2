"""How a past run reads: its end in words, in a colour, and as one mark of a row of many."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from lrsync.core.runs import RunInfo, RunResult
from lrsync.core.status import StatusReport
from lrsync.ui.color import Style
from lrsync.ui.report import Span

ENDED: Final = {
    RunResult.OK: "everything backed up",
    RunResult.INCOMPLETE: "some files could not be backed up",
    RunResult.ATTENTION: "something needs you",
    RunResult.FAILED: "failed",
    RunResult.INTERRUPTED: "interrupted",
    RunResult.RUNNING: "not finished",
}
"""Of a backup."""

STALE: Final = (RunResult.FAILED, RunResult.INTERRUPTED, RunResult.RUNNING)
"""What such a run would have found, nobody knows."""

STYLES: Final = {
    RunResult.OK: Style.GOOD,
    RunResult.INCOMPLETE: Style.WARN,
    RunResult.ATTENTION: Style.WARN,
    RunResult.FAILED: Style.BAD,
    RunResult.INTERRUPTED: Style.BAD,
    RunResult.RUNNING: Style.BAD,
}
SHORT: Final = {
    RunResult.OK: "good",
    RunResult.INCOMPLETE: "incomplete",
    RunResult.ATTENTION: "needed you",
    RunResult.FAILED: "failed",
    RunResult.INTERRUPTED: "interrupted",
    RunResult.RUNNING: "not finished",
}
"""Of a run of whatever kind."""


@dataclass(frozen=True, slots=True)
class Marks:
    """The marks of a row of runs. `levels`: of good ones, by how much they sent, from nothing on."""

    levels: str
    uneasy: str
    bad: str


BLOCKS: Final = Marks("▁▂▃▄▅▆▇", "!", "×")
LETTERS: Final = Marks(".:-=+*#", "!", "x")


def row_of_marks(runs: Sequence[RunInfo], marks: Marks) -> tuple[Span, ...]:
    """A mark for each run, in the order given: the higher, the more was sent; a sign where it did not end well.

    The sign is there for whoever sees no colours.
    """
    most = max((sent_bytes(run) for run in runs), default=0)
    return tuple(Span(_mark(run, most, marks), STYLES[run.result]) for run in runs)


def _mark(run: RunInfo, most: int, marks: Marks) -> str:
    if run.result in STALE:
        return marks.bad
    if run.result is not RunResult.OK:
        return marks.uneasy
    sent = sent_bytes(run)
    # By orders of magnitude: one day's wedding would make every other night look empty.
    level = math.ceil(math.log1p(sent) / math.log1p(most) * (len(marks.levels) - 1)) if sent else 0
    return marks.levels[level]


def sent_bytes(run: RunInfo) -> int:
    """How many bytes a run sent, as far as it counted them."""
    sent = as_dict(run.counts.get("bytes")).get("uploaded")
    return sent if isinstance(sent, int) else 0


def as_dict(value: object) -> Mapping[str, Any]:
    """A part of a run's counts; empty where an older lrsync did not count it."""
    return value if isinstance(value, dict) else {}


def unfinished(report: StatusReport) -> RunInfo | None:
    """The run that did not come to its end: the last one, or else the last backup, which no check since makes good."""
    last = (report.last_run, report.last_backup)
    return next((run for run in last if run is not None and run.result in STALE), None)


def failure_of(run: RunInfo) -> str:
    """What kept a run from coming to its end; '' where nothing did, or nobody noted it."""
    why = run.counts.get("failure")
    return why if isinstance(why, str) else ""


def in_words(runs: Sequence[RunInfo]) -> str:
    """`28 good, 1 needed you, 1 failed`."""
    counts = Counter(run.result for run in runs)
    return ", ".join(f"{counts[result]:,} {word}" for result, word in SHORT.items() if counts[result])
