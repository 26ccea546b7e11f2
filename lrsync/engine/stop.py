"""A stop that the user asked for: the exception that ends the work, and how long is waited for what is in flight."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:  # a night without changes has no futures, and need not load them
    from concurrent.futures import Future

T = TypeVar("T")

STOP_GRACE_S: Final = 7.0
"""How long a stop waits for what is in flight. An answer takes far less, a dead connection a minute and more."""
POLL_S: Final = 0.25
"""How long to wait for something before looking whether the user wants to stop."""


class StoppedError(Exception):
    """The user asked to stop: what S3 has is kept, and the next run goes on from it."""


class Patience:
    """Says when a stop has waited long enough for what is in flight. Counts from when it first sees the stop."""

    def __init__(
        self,
        stopping: Callable[[], bool],
        *,
        seconds: float = STOP_GRACE_S,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stopping = stopping
        self._seconds = seconds
        self._monotonic = monotonic
        self._since: float | None = None

    def is_over(self) -> bool:
        """Whether to leave what is still in flight. Never without a stop: a slow line is no reason to give up."""
        if not self._stopping():
            return False
        now = self._monotonic()
        if self._since is None:
            self._since = now
        return now - self._since >= self._seconds

    def result_of(self, future: Future[T]) -> T:
        """The future's result. Raises what it raised, and StoppedError when patience is over before it is there."""
        from concurrent.futures import wait

        while not wait([future], timeout=POLL_S).done:
            if self.is_over():
                raise StoppedError("interrupted")
        return future.result()
