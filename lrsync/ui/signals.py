"""Ctrl-C and SIGTERM: the first asks the run to end well, the second ends it at once.

A run that has not ended well within LAST_RESORT_S is ended too: whatever it waits for may never come.

The handlers do nothing themselves. Setting an Event or writing to a stream inside one can deadlock with the code
that it interrupts, and would wait for a main thread that is busy in C; a thread of its own reads Python's wakeup
socket instead.
"""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any, Final

from lrsync.errors import ExitCode

SAME_PRESS_S: Final = 0.5
"""`timeout`, `uv run` and shells pass one signal on twice, at once: that is no second press."""
LAST_RESORT_S: Final = 9.0
"""Longer than a run waits for what is in flight: only what hangs elsewhere (a dead mount) comes to this."""
LATE_MESSAGE: Final = "interrupted: stopped waiting; what was acknowledged is recorded, run the same command again"
MESSAGE: Final = "finishing what is in flight; press Ctrl-C again to stop at once"
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
_SIGNAL_BYTES: Final = frozenset(int(number) for number in _SIGNALS)


class StopSignals:
    """While entered, signals set `stop` and call `say` once; the second ends the process after `restore`.

    Only the main thread can take signals: anywhere else this does nothing.
    """

    def __init__(
        self,
        stop: threading.Event,
        *,
        say: Callable[[str], None],
        restore: Callable[[], None],
        leave: Callable[[int], None] = os._exit,
        last_resort_s: float = LAST_RESORT_S,
    ) -> None:
        self._stop = stop
        self._say = say
        self._restore = restore
        self._leave = leave
        self._last_resort_s = last_resort_s
        self._former: dict[signal.Signals, Any] = {}

    def __enter__(self) -> StopSignals:
        if threading.current_thread() is not threading.main_thread():
            return self
        self._reader, self._writer = socket.socketpair()
        self._writer.setblocking(False)
        self._former_fd = signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        for number in _SIGNALS:
            # Ignored by whoever started us (nohup, a shell's background job): it stays so.
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._former[number] = signal.signal(number, _ignore)
        self._watcher = threading.Thread(target=self._watch, name="signals", daemon=True)
        self._watcher.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not hasattr(self, "_watcher"):
            return
        for number, former in self._former.items():
            signal.signal(number, former)
        signal.set_wakeup_fd(self._former_fd)
        self._writer.close()  # the watcher reads the end and leaves
        self._watcher.join()
        self._reader.close()

    def _watch(self) -> None:
        first: float | None = None
        while received := self._receive(first):
            if not _SIGNAL_BYTES.intersection(received):
                continue
            now = time.monotonic()
            if first is None:
                first = now
                self._stop.set()
                self._say(MESSAGE)
            elif now - first > SAME_PRESS_S:
                self._end()

    def _receive(self, first: float | None) -> bytes:
        """The next signals' bytes; b'' at the end. After a first press it waits only so long."""
        if first is not None:
            self._reader.settimeout(max(0.01, first + self._last_resort_s - time.monotonic()))
        try:
            return self._reader.recv(64)
        except TimeoutError:
            self._say(LATE_MESSAGE)
            self._end()
            return b""

    def _end(self) -> None:
        self._restore()
        self._leave(int(ExitCode.INTERRUPTED))


@contextmanager
def raising() -> Iterator[None]:
    """Let a signal raise KeyboardInterrupt meanwhile, and be no first press: whoever is asked something is waited for.

    Only the main thread can be interrupted: anywhere else this does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    taken = [number for number in _SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    former_fd = signal.set_wakeup_fd(-1)
    former = {number: signal.signal(number, signal.default_int_handler) for number in taken}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(former_fd)


def _ignore(number: int, frame: FrameType | None) -> None:
    """A handler in Python's own sense, so that the wakeup socket is written and KeyboardInterrupt is not raised."""
