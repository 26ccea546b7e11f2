"""Watch a source, and sync it a while after it changed. Each sync is the ordinary one, and this only says when.

Never ends by itself but for what another try cannot mend. Knows no file system and starts no process.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Final, Protocol

from lrsync.core.watching import ENDING, WatchState, WatchTimes
from lrsync.errors import ExitCode, SourceError

TICK_S: Final = 1.0
GONE_S: Final = 5.0
"""How often to look whether a drive is back."""


class Changes(Protocol):
    """What the system tells of changes in the source, while it is open."""

    def take(self) -> bool:
        """Whether anything that matters changed since this was asked last. Raises LrsyncError where it is blind."""


@dataclass(frozen=True, slots=True)
class WatchPorts:
    """The world of a watch.

    `problem`: why the source cannot be watched now (not mounted, or not the library's), '' where it can. `sync`: one
    ordinary sync, to its end; its exit code. `wait`: pause so many seconds, or until the user wants to stop; whether
    they do. `clock`: seconds since the epoch.
    """

    problem: Callable[[], str]
    changes: Callable[[], AbstractContextManager[Changes]]
    sync: Callable[[], int]
    wait: Callable[[float], bool]
    clock: Callable[[], float]
    say: Callable[[str], None]


@dataclass(slots=True)
class Watch:
    """One watch, until the user stops it or it cannot go on."""

    ports: WatchPorts
    times: WatchTimes
    state: WatchState = field(default_factory=WatchState)
    _told: str = ""

    def run(self) -> int:
        """Watch; the exit code. Raises LrsyncError where the source cannot be watched."""
        while True:
            problem = self.ports.problem() or self._watch_mounted()
            if isinstance(problem, int):
                return problem
            self._say_once(f"{problem}: waiting for it")
            # What changes until it is back, nobody sees.
            self.state = self.state.changed(self.ports.clock())
            if self.ports.wait(GONE_S):
                return int(ExitCode.INTERRUPTED)

    def _watch_mounted(self) -> int | str:
        """Watch as long as the source is there: the exit code, or what is wrong with the source."""
        self._say_once("watching the source")
        with self.ports.changes() as changes:
            while not (problem := self.ports.problem()):
                try:
                    code = self._look(changes)
                except SourceError as error:
                    return error.message
                if code is not None:
                    return code
                if self.ports.wait(TICK_S):
                    return int(ExitCode.INTERRUPTED)
        return problem

    def _look(self, changes: Changes) -> int | None:
        """Sync where it is time to; the exit code where the watch ends with it."""
        if changes.take():
            self.state = self.state.changed(self.ports.clock())
        return self._sync() if self.state.is_due(self.ports.clock(), self.times) else None

    def _sync(self) -> int | None:
        """One sync; the exit code where the watch ends with it."""
        self.state = self.state.started(self.ports.clock())
        code = self.ports.sync()
        self.state = self.state.ended(self.ports.clock(), code)
        if code in ENDING:
            return code
        if self.state.retry_at is not None and not self.ports.wait(0):
            pause = round((self.state.retry_at - self.ports.clock()) / 60) or 1
            why = "another run is busy with the library" if code == ExitCode.LOCKED else f"it ended with {code}"
            self.ports.say(f"{why}: the next sync begins in about {pause} min")
        return None

    def _say_once(self, text: str) -> None:
        if text != self._told:
            self.ports.say(text)
            self._told = text
