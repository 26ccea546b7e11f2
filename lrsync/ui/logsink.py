"""Write a run's events and its end to the log. Draws nothing; each failure is written once."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from lrsync.core.events import (
    BytesSent,
    Event,
    FileBack,
    FindingRaised,
    Notice,
    PhaseAdvanced,
    PhaseStarted,
    Scanned,
    Trouble,
    WorkFinished,
    WorkFound,
    WorkStarted,
)
from lrsync.logs import LOGGER
from lrsync.ui.progress import finding_line
from lrsync.ui.text import printable

if TYPE_CHECKING:
    from lrsync.core.findings import Finding
    from lrsync.core.model import Failed
    from lrsync.core.runs import RunSummary

_UNTOLD: Final = frozenset({BytesSent, PhaseAdvanced, Scanned, WorkFound, WorkStarted})


class LogSink:
    """Takes events from any thread: logging has its own lock, and a set's `add` is atomic."""

    def __init__(self) -> None:
        self._told: set[tuple[str, str]] = set()

    def sink(self, event: Event) -> None:
        """Write what is worth a line."""
        if type(event) not in _UNTOLD:  # most are: they come for every file
            self._tell(event)

    def _tell(self, event: Event) -> None:
        match event:
            case PhaseStarted(phase):
                LOGGER.info("%s", phase.value)
            case Notice(message):
                LOGGER.info("%s", printable(message))
            case Trouble(message):
                LOGGER.warning("%s", printable(message))
            case FindingRaised(finding):
                self._finding(finding)
            case WorkFinished() | FileBack():
                self._tell_work(event)
            case _:
                pass

    def _tell_work(self, event: WorkFinished | FileBack) -> None:
        from lrsync.core.model import Done, Failed  # here: a night without changes has no such events
        from lrsync.ui.worklines import back_line, outcome_line

        match event:
            case WorkFinished(path, size, Done() as outcome):
                if LOGGER.isEnabledFor(logging.DEBUG):
                    LOGGER.debug("%s", outcome_line(path, size, outcome))
            case WorkFinished(_, _, Failed() as failed):
                self._failed(failed)
            case FileBack(failed=Failed() as failed):
                self._failed(failed)
            case FileBack(path, size, True) if LOGGER.isEnabledFor(logging.DEBUG):
                LOGGER.debug("%s", back_line(path, size, None))
            case WorkFinished(path, size, outcome):
                LOGGER.warning("%s", outcome_line(path, size, outcome))
            case _:
                pass

    def finish(self, summary: RunSummary, sentence: str) -> None:
        """Write what no event told, and the end."""
        for finding in summary.findings:
            self._finding(finding)
        for failed in summary.errors:
            self._failed(failed)
        LOGGER.info("ended with exit code %d: %s", summary.exit_code, sentence)

    def _finding(self, finding: Finding) -> None:
        if self._is_new(finding.path, finding.message):
            LOGGER.warning("%s", _hinted(finding_line(finding), finding.hint))

    def _failed(self, failed: Failed) -> None:
        if self._is_new(failed.path, failed.message):
            line = f"failed {printable(failed.path)}: {printable(failed.message)}"
            LOGGER.error("%s", _hinted(line, failed.hint))

    def _is_new(self, path: str, message: str) -> bool:
        if (path, message) in self._told:
            return False
        self._told.add((path, message))
        return True


def _hinted(line: str, hint: str) -> str:
    return f"{line} ({printable(hint)})" if hint else line
