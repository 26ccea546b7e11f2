"""A long listing by several requests at once: whole on stores of every order, and over at once when it fails."""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lrsync.core.keys import join_path, split_path
from lrsync.core.ranges import places
from lrsync.engine import listing
from lrsync.engine.listing import NOTHING_KNOWN, Known, ParallelListing, weights_of
from lrsync.engine.pool import DaemonPool
from lrsync.engine.stop import StoppedError
from lrsync.errors import BucketError
from tests.stores.memory import MemoryStore, content_of

BY_NAMES: list[Callable[[str], Any]] = [str.encode, lambda key: key.split("/")]
BY_NOTHING: list[Callable[[str], Any]] = [lambda key: key[::-1], lambda key: hashlib.md5(key.encode()).digest()]
PARTS = st.sampled_from(["a", "a-b", "ab", "b", "2024", "2024-05", "é", ".lrsync"])
KEYS = st.lists(PARTS, min_size=1, max_size=4).map("/".join)


def stored(keys: Sequence[str], **options: Any) -> MemoryStore:
    store = MemoryStore(**options)
    for key in keys:
        store.put(key, content_of(b"x"))
    return store


def known_of(keys: Iterable[str]) -> Known:
    """What a manifest with rows of these keys would tell."""
    counts = Counter(split_path(key.removeprefix("P/"))[0] for key in keys)
    names = {
        folder: sorted(split_path(key)[1] for key in keys if key.rpartition("/")[0] == f"P/{folder}".rstrip("/"))
        for folder in counts
    }

    def borders(every: int) -> list[str]:
        return [f"P/{join_path(folder, names[folder][number - 1])}" for folder, number in places(counts, every)]

    return Known(sum(counts.values()), borders, lambda: weights_of(counts, "P/"))


def listed(
    store: Any, known: Known = NOTHING_KNOWN, *, threads: int = 3, stopping: Callable[[], bool] = lambda: False
) -> list[str]:
    work = ParallelListing(store, "P/", known, threads, DaemonPool, stopping)
    return [found.key for page in work.pages() for found in page]


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "PAGE_OBJECTS", 3)
    monkeypatch.setattr(listing, "SMALL_OBJECTS", 3)


def in_the_order_of(order: Callable[[str], Any]) -> Callable[[Sequence[str], str], int]:
    return lambda keys, after: sum(order(key) <= order(after) for key in keys)


STARTS: list[Callable[[Sequence[str], str], int] | None] = [
    None,  # in the order in which it lists
    lambda keys, after: 0,  # does not know it
    lambda keys, after: keys.index(after) + 1 if after in keys else 0,  # `rclone serve s3`
    in_the_order_of(str.encode),  # by bytes, whatever its order is
    in_the_order_of(lambda key: key.split("/")),
]


@settings(max_examples=300, deadline=None)
@given(
    st.sets(KEYS, max_size=40),
    st.sets(KEYS, max_size=40),
    st.sampled_from(BY_NAMES + BY_NOTHING),
    st.sampled_from(STARTS),
)
def test_nothing_is_missed_in_whatever_order(
    keys: set[str], known: set[str], order: Callable[[str], Any], start_after: Any
) -> None:
    if order in BY_NOTHING:
        keys = {key for key in keys if not key.startswith(".lrsync/")}  # a folder that does not lie in one piece
    store = stored([f"P/{key}" for key in keys] + ["P2/a", "P"], list_order=order, page_size=3, start_after=start_after)
    wanted = {f"P/{key}" for key in keys}
    for what in (NOTHING_KNOWN, known_of([f"P/{key}" for key in known]), known_of(sorted(wanted))):
        found = set(listed(store, what))
        assert found <= wanted
        assert {key for key in wanted if not key.startswith("P/.lrsync/")} <= found


def test_weights_count_what_is_below() -> None:
    assert weights_of({"": 1, "a": 2, "a/b": 3, "c": 4}, "P/") == {"P/": 10, "P/a/": 5, "P/a/b/": 3, "P/c/": 4}
    assert weights_of({"a/b": 3}, "") == {"": 3, "a/": 3, "a/b/": 3}


def test_the_trash_is_not_listed_beside_many_photos() -> None:
    keys = [f"P/{folder}/{number}.jpg" for folder in "abcdef" for number in range(5)]
    store = stored([*keys, *(f"P/.lrsync/trash/x/{number}" for number in range(50))], page_size=3)
    before = store.requests.list
    assert set(listed(store, known_of(keys))) == set(keys)
    assert store.requests.list - before <= 30 / 2 + 2, (
        "ranges of two keys, on pages of three, and the seam at the trash"
    )


class Failing:
    """A store whose listings fail after a while."""

    def __init__(self, store: MemoryStore) -> None:
        self.store, self.left, self.lock = store, 4, threading.Lock()

    def list_folder(self, prefix: str) -> Iterator[Any]:
        return self._some(self.store.list_folder(prefix))

    def list(self, prefix: str, *, after: str = "") -> Iterator[Any]:
        return self._some(self.store.list(prefix, after=after))

    def _some(self, pages: Iterator[Any]) -> Iterator[Any]:
        for page in pages:
            with self.lock:
                self.left -= 1
                if self.left < 0:
                    raise BucketError("cannot be listed", hint="")
            yield page


def test_one_page_that_fails_ends_the_whole_listing() -> None:
    keys = [f"P/{folder}/{number}.jpg" for folder in "abcdef" for number in range(9)]
    with pytest.raises(BucketError):
        listed(Failing(stored(keys, page_size=3)), known_of(keys))


def test_a_stop_is_heard_while_listing() -> None:
    keys = [f"P/{folder}/{number}.jpg" for folder in "abcdef" for number in range(9)]
    answers = iter([False] * 3)
    with pytest.raises(StoppedError):
        listed(stored(keys, page_size=3), known_of(keys), stopping=lambda: next(answers, True))
