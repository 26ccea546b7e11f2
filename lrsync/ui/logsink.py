"""Write a run's events and its end to the log. Draws nothing; each failure is written once."""

from __future__ import annotations

import logging
from typing import Final

from lrsync.core.events import (
    BytesSent,
    Event,
    FileBack,
    FindingRaised,
    Notice,
    PhaseAdvanced,
    PhaseStarted,
    Scanned,
    WorkFinished,
    WorkFound,
    WorkStarted,
)
from lrsync.core.model import Done, Failed, Finding, RunSummary
from lrsync.logs import LOGGER
from lrsync.ui.progress import back_line, finding_line, outcome_line
from lrsync.ui.text import printable

_UNTOLD: Final = frozenset({BytesSent, PhaseAdvanced, Scanned, WorkFound, WorkStarted})
_EVERY_FILE: Final = frozenset({WorkFinished, FileBack})


class LogSink:
    """Takes events from any thread: logging has its own lock, and a set's `add` is atomic."""

    def __init__(self) -> None:
        self._told: set[tuple[str, str]] = set()

    def sink(self, event: Event) -> None:
        """Write what is worth a line."""
        kind = type(event)
        # Most are of these kinds: they come for every file.
        if kind not in _UNTOLD and (kind not in _EVERY_FILE or _is_news(event) or LOGGER.isEnabledFor(logging.DEBUG)):
            self._tell(event)

    def _tell(self, event: Event) -> None:
        match event:
            case PhaseStarted(phase):
                LOGGER.info("%s", phase.value)
            case Notice(message):
                LOGGER.info("%s", printable(message))
            case FindingRaised(finding):
                self._finding(finding)
            case WorkFinished(path, size, Done() as outcome):
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


def _is_news(event: Event) -> bool:
    """Whether a file was not simply dealt with."""
    match event:
        case WorkFinished(outcome=Done()) | FileBack(failed=None):
            return False
        case _:
            return True


def _hinted(line: str, hint: str) -> str:
    return f"{line} ({printable(hint)})" if hint else line
