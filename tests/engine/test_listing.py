"""A long listing by several requests at once: whole on stores of every order, and over at once when it fails."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lrsync.core.objects import ListedObject
from lrsync.engine import listing
from lrsync.engine.listing import ParallelListing, weights_of
from lrsync.engine.pool import DaemonPool
from lrsync.engine.stop import StoppedError
from lrsync.errors import BucketError
from tests.stores.memory import MemoryStore, content_of

ORDERS: list[Callable[[str], Any]] = [str.encode, lambda key: key.split("/"), lambda key: key[::-1]]
PARTS = st.sampled_from(["a", "a-b", "ab", "b", "2024", "2024-05", "é", ".lrsync"])
KEYS = st.lists(PARTS, min_size=1, max_size=4).map("/".join)


def stored(keys: Sequence[str], **options: Any) -> MemoryStore:
    store = MemoryStore(**options)
    for key in keys:
        store.put(key, content_of(b"x"))
    return store


def listed(
    store: Any, weights: dict[str, int], *, threads: int = 3, stopping: Callable[[], bool] = lambda: False
) -> list[ListedObject]:
    work = ParallelListing(store, "P/", weights, threads, DaemonPool, stopping)
    return [found for page in work.pages() for found in page]


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "PAGE_OBJECTS", 3)
    monkeypatch.setattr(listing, "SMALL_OBJECTS", 3)


@settings(max_examples=60, deadline=None)
@given(st.sets(KEYS, max_size=40), st.sets(KEYS, max_size=40), st.sampled_from(ORDERS), st.booleans())
def test_nothing_is_missed_in_whatever_order(
    keys: set[str], known: set[str], order: Callable[[str], Any], with_weights: bool
) -> None:
    store = stored([f"P/{key}" for key in keys] + ["P2/a", "P"], list_order=order, page_size=3)
    counts: dict[str, int] = {}
    for key in known:
        folder = key.rpartition("/")[0]
        counts[folder] = counts.get(folder, 0) + 1
    found = {item.key for item in listed(store, weights_of(counts, "P/") if with_weights else {})}
    wanted = {f"P/{key}" for key in keys}
    assert found <= wanted
    assert {key for key in wanted if not key.startswith("P/.lrsync/")} <= found


def test_weights_count_what_is_below() -> None:
    assert weights_of({"": 1, "a": 2, "a/b": 3, "c": 4}, "P/") == {"P/": 10, "P/a/": 5, "P/a/b/": 3, "P/c/": 4}
    assert weights_of({"a/b": 3}, "") == {"": 3, "a/": 3, "a/b/": 3}


def test_the_trash_is_not_listed_beside_many_photos() -> None:
    keys = [f"P/{folder}/{number}.jpg" for folder in "abcdef" for number in range(5)]
    store = stored([*keys, *(f"P/.lrsync/trash/x/{number}" for number in range(50))], page_size=3)
    before = store.requests.list
    assert {item.key for item in listed(store, weights_of(dict.fromkeys("abcdef", 5), "P/"))} == set(keys)
    assert store.requests.list - before <= 3 + 6 * 2


class Failing:
    """A store whose listings fail after a while."""

    def __init__(self, store: MemoryStore) -> None:
        self.store, self.left, self.lock = store, 4, threading.Lock()

    def list_folder(self, prefix: str) -> Iterator[Any]:
        return self._some(self.store.list_folder(prefix))

    def list(self, prefix: str) -> Iterator[Any]:
        return self._some(self.store.list(prefix))

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
        listed(Failing(stored(keys, page_size=3)), weights_of(dict.fromkeys("abcdef", 9), "P/"))


def test_a_stop_is_heard_while_listing() -> None:
    keys = [f"P/{folder}/{number}.jpg" for folder in "abcdef" for number in range(9)]
    answers = iter([False] * 3)
    with pytest.raises(StoppedError):
        listed(
            stored(keys, page_size=3),
            weights_of(dict.fromkeys("abcdef", 9), "P/"),
            stopping=lambda: next(answers, True),
        )
