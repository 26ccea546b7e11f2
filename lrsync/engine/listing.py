"""List a whole prefix by several requests at a time: a long listing is a chain of answers that wait for each other.

By ranges of keys where the manifest knows the keys and the store lists them by their bytes; else by folders, whose
prefixes need no order. Knows nothing of the manifest's rows. Gives every object at least once; one that two requests
told comes twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import pairwise
from typing import Final

from lrsync.core.branches import Branch, branches
from lrsync.core.keys import RESERVED
from lrsync.core.objects import ListedFolder, ListedObject
from lrsync.core.ports import ObjectStore
from lrsync.core.ranges import KeyRange, Seam, count_inside, is_ascending, meet, ranges
from lrsync.engine.side_by_side import Workers, side_by_side
from lrsync.engine.stop import StoppedError

PAGE_OBJECTS: Final = 1000
"""What S3 puts on a page (S3 API reference, ListObjectsV2)."""
SMALL_OBJECTS: Final = 4 * PAGE_OBJECTS
"""So few are listed one page after the other: to cut them would cost as many requests as it saves."""
RANGES_EACH: Final = 8
"""Ranges for each worker: the last of them is waited for alone."""
BRANCHES_EACH: Final = 4
"""Branches for each worker: they are never quite as large as they were thought to be."""
MOST_CUTS: Final = 8
"""How deep folders are cut into their sub-folders; what lies deeper is listed as one."""

Objects = Sequence[ListedObject]


class _DisorderError(Exception):
    """The store lists otherwise than by the keys' bytes, or somebody writes just where two ranges meet."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of the keys below a prefix before it is listed; with `count` 0 nothing is.

    `borders` gives keys that cut them into ranges of so many; `weights` how many are below each folder, by its prefix.
    """

    count: int
    borders: Callable[[int], Sequence[str]]
    weights: Callable[[], Mapping[str, int]]


NOTHING_KNOWN: Final = Known(0, lambda every: (), lambda: {})


@dataclass
class ParallelListing:
    """One listing of everything below `head`, which is empty or ends with `/`."""

    store: ObjectStore
    head: str
    known: Known
    threads: int
    make_pool: Callable[[int], Executor]
    stopping: Callable[[], bool]

    def pages(self) -> Iterator[Objects]:
        """Every object below the head, some at a time. Raises BucketError and StoppedError."""
        if self.threads > 1 and self.known.count > SMALL_OBJECTS:
            try:
                yield from self._by_ranges()
            except _DisorderError:
                yield from self._by_folders()
            return
        count = 0
        for page in self.store.list(self.head):
            yield page
            if self.stopping():
                raise StoppedError("listing")
            count += len(page)
            if self.threads > 1 and count > SMALL_OBJECTS and len(page) >= PAGE_OBJECTS:
                yield from self._by_folders()
                return

    # --- by ranges ----------------------------------------------------------------------------------------

    def _by_ranges(self) -> Iterator[Objects]:
        """Every object, by ranges that are about as large. Raises _DisorderError as soon as two do not meet.

        Also at the end, where less than half of what is known was there: that much is missed by a store that takes
        StartAfter for something else rather than by its bucket, and is looked for once more.
        """
        pages = max(1, round(self.known.count / (RANGES_EACH * self.threads * PAGE_OBJECTS)))
        # One less than fits: the key beyond, which ends a range, comes with its last page then.
        wanted = ranges(self.known.borders(pages * PAGE_OBJECTS - 1), self._reserved)
        seams: dict[int, Seam] = {}
        count = 0
        jobs = [partial(self._list_range, number, one) for number, one in enumerate(wanted)]
        for number, result in side_by_side(jobs, self._workers):
            if not isinstance(result, Seam):
                count += len(result)
                yield result
                continue
            seams[number] = result
            for one, other in pairwise((number - 1, number, number + 1)):
                if {one, other} <= seams.keys() and not meet(wanted[one], seams[one], seams[other], self._reserved):
                    raise _DisorderError
        if 2 * count < self.known.count:
            raise _DisorderError

    def _list_range(self, number: int, wanted: KeyRange) -> Iterator[tuple[int, Objects | Seam]]:
        begin, last = None, wanted.after
        for page in self.store.list(self.head, after=wanted.after):
            keys = [listed.key for listed in page]
            if not is_ascending(keys, last):
                raise _DisorderError
            inside = count_inside(keys, wanted.until)
            if inside:
                yield number, page[:inside]
            if keys:
                begin, last = begin or keys[0], keys[-1]
            if inside < len(keys):
                yield number, Seam(begin, keys[inside])
                return
        yield number, Seam(begin, None)

    # --- by folders ---------------------------------------------------------------------------------------

    def _by_folders(self) -> Iterator[Objects]:
        """Every object, by the prefixes of folders, or of some folders each."""
        whole: list[Branch] = []
        level, depth = [Branch(self.head, self.known.count, folder=True)], 0
        while level:
            folders: dict[str, list[str]] = {branch.prefix: [] for branch in level}
            for parent, page in side_by_side([partial(self._list_folder, one) for one in folders], self._workers):
                folders[parent] += page.folders
                yield page.objects
            found, depth = self._branches(folders), depth + 1
            level, rest = self._to_be_cut(found, depth, len(whole) + len(found))
            whole += rest
        yield from side_by_side([partial(self.store.list, branch.prefix) for branch in whole], self._workers)

    def _list_folder(self, folder: str) -> Iterator[tuple[str, ListedFolder]]:
        return ((folder, page) for page in self.store.list_folder(folder))

    def _branches(self, folders: Mapping[str, Sequence[str]]) -> list[Branch]:
        """Cut the sub-folders of some folders into groups."""
        weights, target = self._weights, self._target
        if not weights:
            target = max(1, sum(map(len, folders.values())) // self._enough)
        return [
            branch
            for parent, names in folders.items()
            for branch in branches(parent, [name for name in names if name != self._reserved], weights, target)
        ]

    def _to_be_cut(self, found: Sequence[Branch], depth: int, count: int) -> tuple[list[Branch], list[Branch]]:
        """Those branches that are to be cut again, and the others; `count` is how many there are by now."""
        if depth >= MOST_CUTS or (not self._weights and count >= self._enough):
            # Where nothing is known: enough for every worker is not cut finer on a guess.
            return [], list(found)
        cut = {branch for branch in found if branch.folder and (not self._weights or branch.weight > self._target)}
        return [branch for branch in found if branch in cut], [branch for branch in found if branch not in cut]

    @cached_property
    def _weights(self) -> Mapping[str, int]:
        return self.known.weights()

    @property
    def _enough(self) -> int:
        return BRANCHES_EACH * self.threads

    @property
    def _target(self) -> int:
        """How many keys one branch should have, where weights are known."""
        return max(self.known.count // self._enough, PAGE_OBJECTS)

    @property
    def _reserved(self) -> str:
        return self.head + RESERVED

    @property
    def _workers(self) -> Workers:
        return Workers(self.threads, self.make_pool, self.stopping, "listing")


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
