"""Progress on stderr: plain lines here, a live display on a terminal (`live`), nothing when quiet."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Final

from lrsync.core.events import Event, FileBack, FindingRaised, Notice, Phase, PhaseStarted, Trouble, WorkFinished
from lrsync.ui import output
from lrsync.ui.meter import Meter, Snapshot
from lrsync.ui.options import Talk
from lrsync.ui.text import count, duration, printable, sentence, size

if TYPE_CHECKING:
    from lrsync.core.findings import Finding

LINE_EVERY_S: Final = 10.0


class Progress:
    """What all displays have in common, and the whole of the silent one. Called from any thread."""

    def __init__(self, talk: Talk) -> None:
        self._verbose = talk.verbose
        self._dry_run = talk.dry_run

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the display off the screen."""

    def sink(self, event: Event) -> None:
        """Take an event. The silent one tells of nothing that has a place in the run's report."""
        if isinstance(event, Trouble):
            self._tell(event)

    def say(self, line: str) -> None:
        """A line on stderr that does not break the display."""
        output.note(line)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Leave the terminal alone for a while: somebody is asked something."""
        yield

    def restore(self) -> None:
        """Leave the terminal usable; the process ends in the next moment."""

    def _tell(self, event: Event) -> None:
        """The lines that are worth a line of their own."""
        match event:
            case Notice(message):
                self.say(printable(message))
            case Trouble(message):
                self.say(f"warning: {sentence(message)}")
            case FindingRaised(finding):
                self.say(f"warning: {finding_line(finding)}")
            case WorkFinished() | FileBack():
                from lrsync.ui.worklines import line_of  # here: a night without changes has no such events

                line = line_of(event, verbose=self._verbose, dry_run=self._dry_run)
                if line:
                    self.say(line)
            case _:
                pass


class PlainProgress(Progress):
    """A line when a phase begins, and then one every ten seconds at most."""

    def __init__(self, talk: Talk, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(talk)
        self._meter = Meter(clock)
        self._clock = clock
        self._last = clock()
        self._lock = threading.Lock()

    def sink(self, event: Event) -> None:
        """Count it, and say something where it is time to."""
        self._meter.apply(event)
        self._tell(event)
        if isinstance(event, PhaseStarted):
            self._begin(event)
        elif self._is_time():
            self.say(progress_line(self._meter.snapshot()))

    def _is_time(self) -> bool:
        with self._lock:
            now = self._clock()
            if now - self._last < LINE_EVERY_S:
                return False
            self._last = now
            return True

    def _begin(self, event: PhaseStarted) -> None:
        snapshot = self._meter.snapshot()
        if event.phase is Phase.UPLOADING and snapshot.done_files == snapshot.found_files:
            return  # a quiet night has nothing to upload, and should not say that it uploads
        with self._lock:
            self._last = self._clock()
        self.say(f"{event.phase.value}..." if not event.total else f"{event.phase.value}: {event.total:,} to do")


def choose(talk: Talk) -> Progress:
    """The display that fits stderr and the flags; rich is imported only for a terminal."""
    if talk.quiet:
        return Progress(talk)
    if output.is_terminal(sys.stderr):
        from lrsync.ui.live import LiveProgress

        return LiveProgress(talk)
    return PlainProgress(talk)


_TRANSFERS: Final = (Phase.SCANNING, Phase.UPLOADING, Phase.RESTORING, Phase.COMPARING)
_BUSY: Final = "working"


def progress_line(now: Snapshot) -> str:
    """How far the run is, in one line."""
    name = "" if now.phase in _TRANSFERS or now.phase is None else f"{now.phase.value}: "
    return name + progress_words(now)


def progress_words(now: Snapshot) -> str:
    """The same where the phase stands beside it."""
    if now.phase in _TRANSFERS or now.phase is None:
        return ", ".join(_transfer_parts(now))
    if now.phase_total:
        return f"{now.phase_done:,} of {now.phase_total:,}"
    return f"{now.phase_done:,} so far" if now.phase_done else _BUSY


def _transfer_parts(now: Snapshot) -> list[str]:
    parts = [f"{count(now.scanned_files, 'file')} scanned"] if now.phase is Phase.SCANNING else []
    if now.found_files:
        parts.append(f"{now.done_files:,} of {count(now.found_files, 'file')} done")
        parts.append(f"{size(now.done_bytes)} of {size(now.found_bytes)}")
        parts.append(f"{size(now.rate)}/s")
    if now.eta_s is not None:
        parts.append(f"{duration(now.eta_s)} left")
    return parts or [_BUSY]


def finding_line(finding: Finding) -> str:
    """A finding in one line, without its hint."""
    what = finding.kind.value.replace("-", " ")
    where = f" {printable(finding.path)}:" if finding.path else ""
    return f"{what}:{where} {printable(finding.message)}"
