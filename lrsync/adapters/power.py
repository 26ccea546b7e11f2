"""Keep the machine awake while there is work. Never delays, warns about or fails a run that it cannot help."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from lrsync.core.events import Event, EventSink, Phase, PhaseStarted, WorkFound

_LONG_PHASES: Final = frozenset({Phase.LISTING, Phase.HEADING, Phase.DELETING})
_TELLING: Final = frozenset({WorkFound, PhaseStarted})
"""What `is_work` may say yes to. Most events are of other kinds: they come for every file."""
_LEAVE_TIMEOUT_S: Final = 2.0


@contextmanager
def awake_while_working(sink: EventSink) -> Iterator[EventSink]:
    """Hand out a sink that passes every event on, and keeps the machine awake from the first real work on.

    A night without work pays nothing: wakepy is imported only then, in a thread of its own.
    """
    keeper = _Keeper()

    def watching(event: Event) -> None:
        if type(event) in _TELLING and not keeper.is_started and is_work(event):
            keeper.start()
        sink(event)

    try:
        yield watching
    finally:
        keeper.stop()


def is_work(event: Event) -> bool:
    """Whether this event says that the run is going to take a while."""
    match event:
        case WorkFound():
            return True
        case PhaseStarted(phase=phase):
            return phase in _LONG_PHASES
        case _:
            return False


def can_keep_awake(platform: str, has_session_bus: bool) -> bool:
    """Whether it is worth the import: on Linux only a desktop's session bus can be asked, and cron has none."""
    return platform in ("darwin", "win32") or has_session_bus


class _Keeper:
    """One thread that enters the mode, waits, and leaves it.

    wakepy's mode has to be left in the context it was entered in, and events come from many threads.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def is_started(self) -> bool:
        """Whether there is nothing left to begin."""
        return self._thread is not None

    def start(self) -> None:
        """Begin, once."""
        with self._lock:
            if self._thread is None and not self._over.is_set():
                self._thread = threading.Thread(target=self._keep, name="keep-awake", daemon=True)
                self._thread.start()

    def stop(self) -> None:
        """Let the machine sleep again. Waits no longer than two seconds: a bus that hangs must not hold the run."""
        with self._lock:
            self._over.set()
        if self._thread is not None:
            self._thread.join(_LEAVE_TIMEOUT_S)

    def _keep(self) -> None:
        if not can_keep_awake(sys.platform, "DBUS_SESSION_BUS_ADDRESS" in os.environ):
            return
        try:
            from wakepy import keep

            with keep.running(on_fail="pass"):
                self._over.wait()
        except Exception:  # whatever a desktop's bus answers: the backup is worth more than a wake lock
            import logging

            logging.getLogger("lrsync").info("the machine cannot be kept awake", exc_info=True)
