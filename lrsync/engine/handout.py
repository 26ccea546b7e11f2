"""Hand changes out to workers and take their results: large files alone, small new ones by the batch.

Used by the coordinating thread only, which it never keeps for longer than a stop may take.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from functools import cached_property, partial

from lrsync.core.model import Change, WorkResult
from lrsync.core.ports import Clock
from lrsync.engine.batch import MOST_BATCHES, Batch, batches_for, handle_batch
from lrsync.engine.transfer import Transferrer
from lrsync.engine.work import Deliver, WorkQueue


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoutPorts:
    """What handing out needs of the run.

    `take` gets each result as it comes; `rest` is called when those that are there were taken. `check_stop` raises
    StoppedError once the user wants to stop. `waiting`: see `ObjectStore.waiting`.
    """

    make_pool: Callable[[int], Executor]
    threads: int
    transferrer: Callable[[], Transferrer]
    waiting: Callable[[], float | None]
    take: Callable[[WorkResult], None]
    rest: Callable[[], None]
    clock: Clock
    stopping: Callable[[], bool]
    check_stop: Callable[[], None]


@dataclass(slots=True)
class _Batches:
    """The batches of small files: one that is being filled, and those that are under way."""

    filling: Batch = field(default_factory=Batch)
    hold: bool = False
    """Whether those in it may not overwrite anything yet."""
    under_way: list[Future[None]] = field(default_factory=list)
    one_came_back: bool = False


class Handout:
    """The workers of one run, and what they are at."""

    def __init__(self, ports: HandoutPorts) -> None:
        self._ports = ports
        self._small = _Batches()
        self._over = False

    @cached_property
    def queue(self) -> WorkQueue:
        """The work that is under way, and the pool that does it."""
        return WorkQueue(self._ports.make_pool(self._ports.threads), self._ports.threads)

    @cached_property
    def part_pool(self) -> Executor:
        """A pool for the parts of large files: whoever sends such a file waits in `queue` for them."""
        return self._ports.make_pool(self._ports.threads)

    @cached_property
    def _small_pool(self) -> Executor:
        return self._ports.make_pool(min(MOST_BATCHES, self._ports.threads))

    @property
    def is_busy(self) -> bool:
        """Whether anything is under way."""
        return self._began and bool(self.queue.inflight)

    @property
    def _began(self) -> bool:
        return "queue" in self.__dict__

    def add(self, change: Change, *, hold: bool, at_once: bool = False) -> None:
        """Hand a change out, alone if `at_once`. With `hold`, what would overwrite an object comes back as `Held`."""
        if not at_once and Batch.takes(change):
            self._small.filling.add(change, self._ports.clock())
            self._small.hold = hold
            self.send_small()
            return
        self._make_room()
        self.queue.submit(partial(_handle_one, self._ports.transferrer(), change, hold))

    def send_small(self, *, now: bool = False) -> None:
        """Hand the batch of small files out, when it is due or (`now`) nothing more will come to it."""
        batch = self._small.filling
        if not batch.is_due(self._ports.clock()) and not (now and batch.changes):
            return
        self._small.filling = Batch()
        self._make_room()
        work = partial(handle_batch, self._ports.transferrer(), batch.changes, self._small.hold, self._keep_on)
        self._small.under_way.append(self.queue.submit(work, self._small_pool))
        self._await_batches()

    def _await_batches(self) -> None:
        """Wait until another batch, or this thread, would not be in the way of those that are under way."""
        small = self._small
        while len(small.under_way) >= self._most_batches():
            self._ports.check_stop()
            self.collect(wait=True)
            small.under_way = [future for future in small.under_way if not future.done()]
            small.one_came_back = True

    def _most_batches(self) -> int:
        # The first one goes alone, to see how much of the time the store takes.
        return batches_for(self._ports.waiting()) if self._small.one_came_back else 1

    def _keep_on(self) -> bool:
        """Whether a batch that is under way should begin another file. Asked by its worker."""
        return not self._over and not self._ports.stopping()

    def _make_room(self) -> None:
        while self.queue.is_full:
            self._ports.check_stop()
            self.collect(wait=True)

    def collect(self, *, wait: bool) -> None:
        """Take the results that are there; with `wait`, wait a moment for the first."""
        if self._began:
            for result in self.queue.collect(wait=wait):
                self._ports.take(result)
        self._ports.rest()

    def drain(self) -> None:
        """Wait until all that was handed out has come back."""
        self.send_small(now=True)
        while self.is_busy:
            self._ports.check_stop()
            self.collect(wait=True)

    def close(self, give_up: Callable[[], bool], take: Callable[[WorkResult], None]) -> None:
        """Begin nothing more, and take what still comes, until `give_up` says so: what S3 acknowledged is recorded."""
        self._over = True
        if "_small_pool" in self.__dict__:
            self._small_pool.shutdown(wait=False, cancel_futures=True)
        if self._began:
            for result in self.queue.close(give_up):
                take(result)
        if "part_pool" in self.__dict__:
            self.part_pool.shutdown(wait=False, cancel_futures=True)  # whoever waits for parts has ended by now


def _handle_one(transferrer: Transferrer, change: Change, hold: bool, deliver: Deliver) -> None:
    deliver(transferrer.handle(change, hold))
