"""A full pass: it believes a listing only as far as it must, and costs no more than its keys are many."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from lrsync.adapters.database import prepare
from lrsync.adapters.manifest import Manifest
from lrsync.core.events import ignore
from lrsync.core.objects import ListedObject
from lrsync.core.runs import DriftCounts
from lrsync.engine import reconcile
from lrsync.engine.pool import DaemonPool
from lrsync.engine.reconcile import ListingPorts, mark_drift, take_listing, unknown_objects
from lrsync.errors import BucketError
from tests.adapters.rows import PREFIX as ROWS_PREFIX
from tests.adapters.rows import entry, uploaded
from tests.engine.costs import Cost, counted
from tests.engine.world import PREFIX, World
from tests.stores.memory import MemoryStore, content_of

TREE = {f"{number}": {"a.jpg": b"%d" % number, "b.jpg": b"b%d" % number} for number in range(4)}


class Forgetful(MemoryStore):
    """A store whose listing leaves out what is there."""

    left_out: Sequence[str] = ()

    def list(self, prefix: str, *, after: str = "") -> Iterator[Sequence[ListedObject]]:
        for page in super().list(prefix, after=after):
            yield [listed for listed in page if listed.key not in self.left_out]


@pytest.fixture
def forgetful(tmp_path: Path) -> World:
    return World(tmp_path, store=Forgetful())


def test_what_a_listing_leaves_out_is_not_called_missing_while_it_is_there(forgetful: World) -> None:
    forgetful.make(TREE)
    forgetful.sync()
    store = forgetful.store
    assert isinstance(store, Forgetful)
    store.left_out = [f"{PREFIX}/0/a.jpg", f"{PREFIX}/3/b.jpg"]
    puts = store.requests.put
    summary = forgetful.sync(full=True)
    assert (summary.drift.missing, summary.drift.altered, summary.actions.uploaded) == (0, 0, 0)
    assert (store.requests.put, store.requests.head) == (puts, 2)


def test_what_a_listing_leaves_out_is_looked_at_as_if_it_had_told_it(forgetful: World) -> None:
    forgetful.make(TREE)
    forgetful.sync()
    store, keys = forgetful.store, [f"{PREFIX}/0/a.jpg", f"{PREFIX}/1/a.jpg", f"{PREFIX}/2/a.jpg"]
    assert isinstance(store, Forgetful)
    store.left_out = keys
    store.lose(keys[0])
    store.corrupt(keys[1], b"vandal")
    summary = forgetful.sync(full=True)
    assert (summary.drift.missing, summary.drift.altered, summary.drift.repaired) == (1, 1, 2)
    assert forgetful.objects() == forgetful.files()


def test_a_listing_is_believed_once_enough_of_it_was_looked_at(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconcile, "PROVEN_GONE", 3)
    world.make(TREE)
    world.sync()
    for key in list(world.objects())[:6]:
        world.store.lose(key)
    heads = world.store.requests.head
    summary = world.sync(full=True)
    assert (summary.drift.missing, summary.drift.repaired) == (6, 6)
    assert world.store.requests.head == heads + 3
    assert world.objects() == world.files()


def test_who_may_not_ask_for_what_is_gone_believes_the_listing(world: World) -> None:
    """S3 answers 403, not 404, to credentials that may list nothing but their prefix."""
    world.make(TREE)
    world.sync()
    for key in list(world.objects())[:5]:
        world.store.lose(key)
    asked: list[str] = []

    def refuse(method: str, key: str) -> None:
        if method == "head":
            asked.append(key)
            raise BucketError("access denied", hint="")

    world.store.fail = refuse
    summary = world.sync(full=True)
    assert (summary.drift.missing, summary.drift.repaired, len(asked)) == (5, 5, 1)


# --- what it costs -----------------------------------------------------------------------------------------


def full_pass(path: Path, store: MemoryStore) -> tuple[Cost, DriftCounts]:
    before, cost = store.requests.total, Cost()
    with counted(cost), Manifest(path, ROWS_PREFIX) as manifest:
        ports = ListingPorts(store, manifest, DaemonPool, ignore, lambda: False)
        assert take_listing(ports, ROWS_PREFIX, threads=4) == len(store.versions)
        counts = mark_drift(store, manifest)
        assert list(unknown_objects(manifest, counts)) == []
    cost.requests = store.requests.total - before
    return cost, counts


@pytest.fixture
def library_of(tmp_path: Path) -> Callable[[int], tuple[Path, MemoryStore]]:
    """Makes a manifest and a bucket of so many files that agree."""

    def make(count: int) -> tuple[Path, MemoryStore]:
        path, store = tmp_path / f"{count}.sqlite", MemoryStore(checksums=False)
        prepare(path)
        rows = []
        for number in range(count):
            name = f"{number // 100:04}/IMG_{number:07}.jpg"
            data = name.encode()
            row = entry(name, size=len(data), sha256=hashlib.sha256(data).digest(), etag=hashlib.md5(data).hexdigest())
            store.put(row.key, content_of(data))
            rows.append(uploaded(row))
        with Manifest(path, ROWS_PREFIX) as manifest:
            manifest.record(rows)
        return path, store

    return make


def test_a_full_pass_costs_as_much_as_its_keys_are_many(
    library_of: Callable[[int], tuple[Path, MemoryStore]],
) -> None:
    small, none = full_pass(*library_of(5_000))
    large, _ = full_pass(*library_of(20_000))
    assert none == DriftCounts(checked=True)
    assert small.requests <= 5 + 3 and large.requests <= 20 + 3, "a page for a thousand keys"
    assert large.rows <= 200 + 30, "SQLite compares: only counts of folders leave it, and the borders of ranges"
    inserts = 20_000
    assert large.statements - inserts <= 20 * 8
    assert large.steps <= 4.5 * small.steps
    assert large.steps * 1000 <= 150 * 20_000, "steps for a key"
