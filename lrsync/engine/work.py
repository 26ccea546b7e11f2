"""The work under way: a bounded number of files in the hands of workers, and their results as they come.

A piece of work is one file, or a batch of small ones.
"""

from __future__ import annotations

import queue
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field

from lrsync.core.model import WorkResult
from lrsync.errors import LrsyncError

Results = list[WorkResult | LrsyncError]
"""What came of one piece of work; an error among them ends the run, after what came before it is recorded."""

PER_THREAD = 4
"""Files handed out for each worker: enough that none waits, few enough that a stop is quick."""
POLL_S = 0.25
"""How long the coordinator waits for a result before it looks whether the user wants to stop."""


@dataclass(slots=True)
class WorkQueue:
    """Hands work to a pool and gives results back. Used by the coordinating thread only."""

    pool: Executor
    threads: int
    _completed: queue.SimpleQueue[Future[Results]] = field(default_factory=queue.SimpleQueue)
    _ready: deque[WorkResult | LrsyncError] = field(default_factory=deque)
    """Results of a batch that nobody has taken yet: whoever takes them may stop in between, and still wants them."""
    inflight: int = 0

    @property
    def is_full(self) -> bool:
        """Whether results should be collected before more is submitted."""
        return self.inflight >= self.threads * PER_THREAD

    def submit(self, work: Callable[[], Results], pool: Executor | None = None) -> None:
        """Hand one piece of work to the pool, or to another one."""
        self.inflight += 1
        (pool or self.pool).submit(work).add_done_callback(self._completed.put)

    def collect(self, *, wait: bool) -> Iterator[WorkResult]:
        """The results that are there; with `wait`, at least one, or none after a moment. Raises what work raised."""
        while self.inflight or self._ready:
            while self._ready:
                result = self._ready.popleft()
                if isinstance(result, LrsyncError):
                    raise result
                wait = False
                yield result
            try:
                future = self._completed.get(block=wait, timeout=POLL_S) if self.inflight else None
            except queue.Empty:
                return
            if future is not None:
                self.inflight -= 1
                self._ready.extend(future.result())

    def close(self, give_up: Callable[[], bool]) -> Iterator[WorkResult]:
        """Let what is in flight end and cancel the rest; the results that came in the end, without failures.

        What was acknowledged must be recorded, whatever ended the run. Once `give_up` says so, what still has not
        ended is left behind: nothing is recorded of it, and the next run finds it to do again.
        """
        self.pool.shutdown(wait=False, cancel_futures=True)
        yield from self._acknowledged()
        while self.inflight and not give_up():
            try:
                future = self._completed.get(timeout=POLL_S)
            except queue.Empty:
                continue
            self.inflight -= 1
            if not future.cancelled() and future.exception() is None:
                self._ready.extend(future.result())
                yield from self._acknowledged()

    def _acknowledged(self) -> Iterator[WorkResult]:
        while self._ready:
            result = self._ready.popleft()
            if not isinstance(result, LrsyncError):
                yield result
