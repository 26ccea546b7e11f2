"""Count a run's events as they come, from whatever thread. Draws nothing."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, assert_never

from lrsync.core.events import (
    BytesSent,
    Event,
    FileBack,
    FindingRaised,
    Notice,
    Phase,
    PhaseAdvanced,
    PhaseStarted,
    Scanned,
    Trouble,
    WorkFinished,
    WorkFound,
    WorkPlanned,
    WorkStarted,
)

RATE_WINDOW_S: Final = 30.0
SAMPLE_EVERY_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class CurrentFile:
    """A file that a worker has in hand. Bytes."""

    path: str
    size: int
    sent: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """How far the run is. Bytes, seconds, bytes per second; `eta_s` is None where nobody can know."""

    phase: Phase | None
    phase_done: int
    phase_total: int | None
    scanned_files: int
    scanned_bytes: int
    found_files: int
    found_bytes: int
    done_files: int
    done_bytes: int
    rate: float
    eta_s: float | None
    current: tuple[CurrentFile, ...]


class Meter:
    """The running totals. `clock` in seconds, ever growing."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._phase: Phase | None = None
        self._phase_done = 0
        self._phase_total: int | None = None
        self._scanned_files = self._scanned_bytes = 0
        self._found_files = self._found_bytes = 0
        self._done_files = self._done_bytes = 0
        self._current: dict[str, CurrentFile] = {}
        self._samples: deque[tuple[float, int]] = deque()

    def apply(self, event: Event) -> None:
        """Count one event."""
        with self._lock:
            self._count(event)
            self._sample()

    def _count(self, event: Event) -> None:
        match event:
            case PhaseStarted(phase, total):
                self._phase, self._phase_done, self._phase_total = phase, 0, total
            case PhaseAdvanced(_, done):
                self._phase_done = done
            case Scanned(_, files, size):
                self._scanned_files, self._scanned_bytes = files, size
            case WorkFound(_, size):
                self._found_files += 1
                self._found_bytes += size
            case WorkPlanned(files, size):
                self._found_files += files
                self._found_bytes += size
            case WorkStarted(path, size):
                self._current[path] = CurrentFile(path, size, 0)
            case BytesSent(path, sent):
                self._sent(path, sent)
            case WorkFinished(path, size, _) | FileBack(path, size):
                self._current.pop(path, None)
                self._done_files += 1
                self._done_bytes += size
            case FindingRaised() | Notice() | Trouble():
                pass
            case _:
                assert_never(event)

    def _sent(self, path: str, sent: int) -> None:
        known = self._current.get(path) or CurrentFile(path, 0, 0)
        self._current[path] = CurrentFile(path, known.size, known.sent + sent)

    def _moved(self) -> int:
        return self._done_bytes + sum(file.sent for file in self._current.values())

    def _sample(self) -> None:
        now = self._clock()
        if self._samples and now - self._samples[-1][0] < SAMPLE_EVERY_S:
            return
        self._samples.append((now, self._moved()))
        while now - self._samples[0][0] > RATE_WINDOW_S:
            self._samples.popleft()

    def snapshot(self) -> Snapshot:
        """How far it is now."""
        with self._lock:
            self._sample()
            # A file of which a part was sent twice must not make more than there is.
            moved = min(self._moved(), self._found_bytes)
            rate = self._rate(moved)
            return Snapshot(
                phase=self._phase,
                phase_done=self._phase_done,
                phase_total=self._phase_total,
                scanned_files=self._scanned_files,
                scanned_bytes=self._scanned_bytes,
                found_files=self._found_files,
                found_bytes=self._found_bytes,
                done_files=self._done_files,
                done_bytes=moved,
                rate=rate,
                eta_s=self._eta(moved, rate),
                current=tuple(self._current.values()),
            )

    def _rate(self, moved: int) -> float:
        then, before = self._samples[0]
        passed = self._clock() - then
        return max(0.0, (moved - before) / passed) if passed > 0 else 0.0

    def _eta(self, moved: int, rate: float) -> float | None:
        # While the walk goes on, nobody knows how much there will be.
        if self._phase is Phase.SCANNING or rate <= 0 or moved >= self._found_bytes:
            return None
        return (self._found_bytes - moved) / rate
