"""List a whole prefix by several requests at a time: a long listing is a chain of answers that wait for each other.

Knows nothing of the manifest's rows. Gives every object at least once; one that two requests told comes twice.
"""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from typing import Final

from lrsync.core.branches import Branch, branches
from lrsync.core.keys import RESERVED
from lrsync.core.objects import ListedObject
from lrsync.core.ports import ObjectStore
from lrsync.engine.stop import POLL_S, StoppedError

PAGE_OBJECTS: Final = 1000
"""What S3 puts on a page (S3 API reference, ListObjectsV2)."""
SMALL_OBJECTS: Final = 4 * PAGE_OBJECTS
"""So few are listed one page after the other: to cut them would cost as many requests as it saves."""
BRANCHES_EACH: Final = 4
"""Branches for each worker: they are never quite as large as they were thought to be."""
MOST_CUTS: Final = 8
"""How deep folders are cut into their sub-folders; what lies deeper is listed as one."""


@dataclass(frozen=True, slots=True)
class _News:
    """What a worker has to say: some objects, folders that are to be listed too, or how it ended."""

    objects: Sequence[ListedObject] = ()
    found: Sequence[Branch] = ()
    ended: bool = False
    error: BaseException | None = None


@dataclass(slots=True)
class ParallelListing:
    """One listing of everything below `head`, which is empty or ends with `/`.

    `weights` says how many keys are thought to be below a folder, by its prefix; empty where nobody knows.
    """

    store: ObjectStore
    head: str
    weights: Mapping[str, int]
    threads: int
    make_pool: Callable[[int], Executor]
    stopping: Callable[[], bool]
    _news: queue.Queue[_News] = field(init=False)
    _over: bool = False

    def __post_init__(self) -> None:
        self._news = queue.Queue(maxsize=2 * self.threads)

    def pages(self) -> Iterator[Sequence[ListedObject]]:
        """Every object below the head, some at a time. Raises BucketError and StoppedError."""
        known = self.weights.get(self.head, 0)
        if known > SMALL_OBJECTS and self.threads > 1:
            yield from self._side_by_side()
            return
        pages = self.store.list(self.head)
        first = next(pages, ())
        yield first
        if not known and len(first) >= PAGE_OBJECTS and self.threads > 1:
            yield from self._side_by_side()
            return
        for page in pages:
            self._check_stop()
            yield page

    def _side_by_side(self) -> Iterator[Sequence[ListedObject]]:
        pool, waiting = self.make_pool(self.threads), 1
        try:
            pool.submit(self._work, Branch(self.head, self.weights.get(self.head, 0), folder=True))
            while waiting:
                news = self._next_news()
                if news.error is not None:
                    raise news.error
                for branch in news.found:
                    pool.submit(self._work, branch)
                waiting += len(news.found) - news.ended
                if news.objects:
                    yield news.objects
        finally:
            self._over = True
            pool.shutdown(wait=False, cancel_futures=True)

    def _next_news(self) -> _News:
        while True:
            self._check_stop()
            try:
                return self._news.get(timeout=POLL_S)
            except queue.Empty:
                continue

    def _check_stop(self) -> None:
        if self.stopping():
            raise StoppedError("listing")

    # --- in a worker --------------------------------------------------------------------------------------

    def _work(self, branch: Branch) -> None:
        try:
            found = self._cut(branch.prefix) if self._is_to_be_cut(branch) else self._list(branch.prefix)
        except BaseException as error:  # noqa: BLE001 - not swallowed: the coordinator raises it
            self._tell(_News(error=error))
        else:
            self._tell(_News(found=found, ended=True))

    def _is_to_be_cut(self, branch: Branch) -> bool:
        depth = branch.prefix.count("/") - self.head.count("/")
        if depth == 0:
            return branch.folder
        return branch.folder and depth < MOST_CUTS and (not self.weights or branch.weight > self._target)

    @property
    def _target(self) -> int:
        """How many keys one branch should have, where weights are known."""
        return max(self.weights.get(self.head, 0) // (BRANCHES_EACH * self.threads), PAGE_OBJECTS)

    def _cut(self, folder: str) -> Sequence[Branch]:
        """List what is directly in a folder, and find its sub-folders' branches."""
        folders: list[str] = []
        for page in self.store.list_folder(folder):
            folders += page.folders
            if page.objects and not self._tell(_News(page.objects)):
                return ()
        wanted = [name for name in folders if name != self.head + RESERVED]
        if self.weights:
            return branches(folder, wanted, self.weights, self._target)
        found = branches(folder, wanted, {}, max(1, len(wanted) // (BRANCHES_EACH * self.threads)))
        # Enough to keep every worker busy: what is in them is not looked into to cut it finer on a guess.
        return [replace(branch, folder=False) for branch in found] if len(wanted) >= self.threads else found

    def _list(self, prefix: str) -> Sequence[Branch]:
        for page in self.store.list(prefix):
            if not self._tell(_News(page)):
                break
        return ()

    def _tell(self, news: _News) -> bool:
        """Hand something to the coordinator; False where it does not listen any more."""
        while not self._over:
            try:
                self._news.put(news, timeout=POLL_S)
            except queue.Full:
                continue
            return True
        return False


def weights_of(counts: Mapping[str, int], head: str) -> dict[str, int]:
    """How many files are below each folder, by its prefix, of how many are directly in each."""
    weights: dict[str, int] = {}
    for folder, count in counts.items():
        prefix = f"{head}{folder}/" if folder else head
        while True:
            weights[prefix] = weights.get(prefix, 0) + count
            if len(prefix) <= len(head):
                break
            prefix = prefix[: prefix.rindex("/", 0, -1) + 1] if "/" in prefix[:-1] else ""
    return weights
