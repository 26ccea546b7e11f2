"""Several jobs at a time whose results come to one thread as they are there. Knows nothing of what they do."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Generic, TypeVar

from lrsync.engine.stop import POLL_S, StoppedError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Workers:
    """How many work at a time, in which pool, and until when. `what` a stop is said to have interrupted."""

    threads: int
    make_pool: Callable[[int], Executor]
    stopping: Callable[[], bool]
    what: str


def side_by_side(jobs: Iterable[Callable[[], Iterable[T]]], workers: Workers) -> Iterator[T]:
    """What the jobs yield, as it comes. Raises what a job raised, and StoppedError.

    One that fails ends them all, and nobody waits for what is still in flight then.
    """
    channel = _Channel[T](workers)
    pool, waiting = workers.make_pool(workers.threads), 0
    try:
        for job in jobs:
            pool.submit(channel.work, job)
            waiting += 1
        while waiting:
            result = channel.take()
            if isinstance(result, _End):
                result.check()
                waiting -= 1
            else:
                yield result
    finally:
        channel.over = True
        pool.shutdown(wait=False, cancel_futures=True)


@dataclass(frozen=True, slots=True)
class _End:
    """A job is over; `error`: of what."""

    error: BaseException | None = None

    def check(self) -> None:
        if self.error is not None:
            raise self.error


class _Channel(Generic[T]):
    """What workers tell the one who takes the results. Bounded: they must not fill the memory where that is slower."""

    def __init__(self, workers: Workers) -> None:
        self._workers = workers
        self._results: queue.Queue[T | _End] = queue.Queue(maxsize=2 * workers.threads)
        self.over = False

    def take(self) -> T | _End:
        while True:
            if self._workers.stopping():
                raise StoppedError(self._workers.what)
            try:
                return self._results.get(timeout=POLL_S)
            except queue.Empty:
                continue

    def work(self, job: Callable[[], Iterable[T]]) -> None:
        try:
            for result in job():
                if not self._tell(result):
                    return
        except BaseException as error:  # noqa: BLE001 - not swallowed: whoever takes the results raises it
            self._tell(_End(error))
        else:
            self._tell(_End())

    def _tell(self, result: T | _End) -> bool:
        """Hand something over; False where nobody takes it any more."""
        while not self.over:
            try:
                self._results.put(result, timeout=POLL_S)
            except queue.Full:
                continue
            return True
        return False
