"""List folders before their turn, by several threads, while the disk answers slowly; else one after the other.

A folder on a local disk is listed in less time than a thread takes to be told of it: measured, two threads make a
warm walk twice as slow. On a network drive each stat is a round trip, and eight at once are eight times as fast.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Final, NamedTuple

from lrsync.adapters.listing import Listing

if TYPE_CHECKING:  # a local disk needs no other thread
    from concurrent.futures import Future, ThreadPoolExecutor

MOST_WORKERS: Final = 8
SLOW_NS: Final = 150_000
"""A time for each entry of a folder that only a network or a sleepy disk explains; a warm stat takes 2 microseconds."""
FEW_ENTRIES: Final = 64
"""So many entries are listed before it is judged: one hiccup says nothing."""
VERDICTS: Final = 3
"""So many judgements must agree: on a busy machine a thread that waits for a core looks as if the disk were slow."""


class _Timed(NamedTuple):
    """A listing, and how long it took."""

    listing: Listing
    took_ns: int


class Lookahead:
    """Listings in the order in which they are asked for, each made once. Used by one thread, inside a `with`."""

    def __init__(
        self,
        list_folder: Callable[[str], Listing],
        *,
        clock: Callable[[], int] = time.perf_counter_ns,
    ) -> None:
        self._list_folder = list_folder
        self._clock = clock
        self._pool: ThreadPoolExecutor | None = None
        self._ahead: dict[str, Future[_Timed]] = {}
        self._entries = self._took_ns = self._verdicts = 0

    def __enter__(self) -> Lookahead:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)

    def get(self, path: str, following: Callable[[int], Iterable[str]]) -> Listing:
        """The folder's listing. Raises OSError where there is none.

        `following(n)`: the next n folders that will be asked for, as far as they are known.
        """
        future = self._ahead.pop(path, None)
        if self._pool is not None:
            for other in following(2 * MOST_WORKERS):
                if other not in self._ahead and other != path:
                    self._ahead[other] = self._pool.submit(self._timed, other)
        listing, took_ns = self._timed(path) if future is None else future.result()
        self._entries += 1 + len(listing.columns.names) + len(listing.folders)
        self._took_ns += took_ns
        if self._entries >= FEW_ENTRIES:
            self._judge(is_slow=self._took_ns > self._entries * SLOW_NS)
            self._entries = self._took_ns = 0
        return listing

    def _timed(self, path: str) -> _Timed:
        began = self._clock()
        listing = self._list_folder(path)
        return _Timed(listing, self._clock() - began)

    def _judge(self, *, is_slow: bool) -> None:
        """Begin or end to look ahead, once some judgements in a row say that the other way was better."""
        self._verdicts = 0 if is_slow == (self._pool is not None) else self._verdicts + 1
        if self._verdicts < VERDICTS:
            return
        self._verdicts = 0
        if self._pool is None:
            from concurrent.futures import ThreadPoolExecutor

            self._pool = ThreadPoolExecutor(MOST_WORKERS, thread_name_prefix="walk")
        else:
            self._pool.shutdown(wait=False)  # what it was asked for it still lists
            self._pool = None
