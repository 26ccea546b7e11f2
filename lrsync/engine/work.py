"""The work under way: a bounded number of files in the hands of workers, and their results as they come.

A piece of work is one file, or a batch of small ones.
"""

from __future__ import annotations

import queue
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field

from lrsync.core.model import Done, WorkResult
from lrsync.engine.stop import POLL_S
from lrsync.errors import LrsyncError

Result = WorkResult | LrsyncError
"""What came of one file; an error ends the run, after what came before it is recorded."""
Deliver = Callable[[Result], None]

PER_THREAD = 4
"""Files handed out for each worker: enough that none waits, few enough that a stop is quick."""


@dataclass(slots=True)
class WorkQueue:
    """Hands work to a pool and gives results back. Used by the coordinating thread only."""

    pool: Executor
    threads: int
    _completed: queue.SimpleQueue[Future[None] | None] = field(default_factory=queue.SimpleQueue)
    _results: deque[Result] = field(default_factory=deque)
    """Filled by the workers; what S3 acknowledged is here at once, however long the rest of its batch takes."""
    inflight: int = 0

    @property
    def is_full(self) -> bool:
        """Whether results should be collected before more is submitted."""
        return self.inflight >= self.threads * PER_THREAD

    def submit(self, work: Callable[[Deliver], None], pool: Executor | None = None) -> Future[None]:
        """Hand one piece of work to the pool, or to another one."""
        self.inflight += 1
        future = (pool or self.pool).submit(work, self._deliver)
        future.add_done_callback(self._completed.put)
        return future

    def _deliver(self, result: Result) -> None:
        self._results.append(result)
        if not isinstance(result, Done):
            self._completed.put(None)  # looked at now: it may end the run, and others are under way

    def collect(self, *, wait: bool) -> Iterator[WorkResult]:
        """The results that are there; with `wait`, at least one, or none after a moment. Raises what work raised."""
        while True:
            while self._results:
                wait = False
                result = self._results.popleft()
                if isinstance(result, LrsyncError):
                    raise result
                yield result
            if not self.inflight:
                return
            try:
                future = self._completed.get(block=wait, timeout=POLL_S)
            except queue.Empty:
                return
            if future is not None:
                self.inflight -= 1
                future.result()

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
            self.inflight -= future is not None
        while self._results:
            result = self._results.popleft()
            if not isinstance(result, LrsyncError):
                yield result
