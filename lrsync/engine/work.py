"""The work under way: a bounded number of files in the hands of workers, and their results as they come."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field

from lrsync.core.model import WorkResult

PER_THREAD = 4
"""Files handed out for each worker: enough that none waits, few enough that a stop is quick."""
POLL_S = 0.25
"""How long the coordinator waits for a result before it looks whether the user wants to stop."""


@dataclass(slots=True)
class WorkQueue:
    """Hands work to a pool and gives results back. Used by the coordinating thread only."""

    pool: Executor
    threads: int
    _completed: queue.SimpleQueue[Future[WorkResult]] = field(default_factory=queue.SimpleQueue)
    inflight: int = 0

    @property
    def is_full(self) -> bool:
        """Whether results should be collected before more is submitted."""
        return self.inflight >= self.threads * PER_THREAD

    def submit(self, work: Callable[[], WorkResult]) -> None:
        """Hand one piece of work to the pool."""
        self.inflight += 1
        self.pool.submit(work).add_done_callback(self._completed.put)

    def collect(self, *, wait: bool) -> Iterator[WorkResult]:
        """The results that are there; with `wait`, at least one, or none after a moment. Raises what work raised."""
        while self.inflight:
            try:
                future = self._completed.get(block=wait, timeout=POLL_S)
            except queue.Empty:
                return
            wait = False
            self.inflight -= 1
            yield future.result()

    def close(self, give_up: Callable[[], bool]) -> Iterator[WorkResult]:
        """Let what is in flight end and cancel the rest; the results that came in the end, without failures.

        What was acknowledged must be recorded, whatever ended the run. Once `give_up` says so, what still has not
        ended is left behind: nothing is recorded of it, and the next run finds it to do again.
        """
        self.pool.shutdown(wait=False, cancel_futures=True)
        while self.inflight and not give_up():
            try:
                future = self._completed.get(timeout=POLL_S)
            except queue.Empty:
                continue
            self.inflight -= 1
            if not future.cancelled() and future.exception() is None:
                yield future.result()
