"""Large files are read as they are sent: what that costs, what it holds, and what may not come of it."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from lrsync.core.model import Content
from lrsync.core.objects import PartInfo, Stored
from lrsync.core.parts import HELD_BYTES, PART_BYTES, SINGLE_PUT_LIMIT
from lrsync.core.ports import Sendable, SourceTree
from lrsync.engine import multipart, recorder, transfer, uploads
from lrsync.engine.multipart import MAX_INFLIGHT_BYTES
from lrsync.errors import ExitCode
from tests.engine.world import PREFIX, World
from tests.stores.memory import MemoryStore

KIB = 1 << 10


@dataclass
class Metered:
    """A source that counts what is read of it."""

    inner: SourceTree
    read_bytes: Counter[str] = field(default_factory=Counter)
    sent_bytes: Counter[str] = field(default_factory=Counter)
    held: list[int] = field(default_factory=list)
    before_part: Callable[[str, int], None] = lambda path, offset: None

    def read(self, path: str, **more: Any) -> Content:
        content = self.inner.read(path, **more)
        self.read_bytes[path] += content.stat.size
        self.held += [len(content.data)] if content.data is not None else []
        return content

    def read_part(self, path: str, offset: int, length: int) -> bytes:
        self.before_part(path, offset)
        self.sent_bytes[path] += length
        return self.inner.read_part(path, offset, length)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


class SlowStore(MemoryStore):
    """Counts the bytes that are on their way at once, and lets others begin before it takes any."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.most = 0
        self.changed = threading.Condition()

    def put(self, key: str, content: Content, *, if_absent: bool = False, source: Sendable | None = None) -> Stored:
        with self._on_its_way(len(content.data or b"") if source is None else source.length):
            return super().put(key, content, if_absent=if_absent, source=source)

    def put_part(self, key: str, upload_id: str, number: int, data: bytes | Sendable) -> PartInfo:
        with self._on_its_way(len(data) if isinstance(data, bytes) else data.length):
            return super().put_part(key, upload_id, number, data)

    def _on_its_way(self, count: int) -> Any:
        store = self

        class Way:
            def __enter__(self) -> None:
                with store.changed:
                    store.now += count
                    store.most = max(store.most, store.now)
                    store.changed.notify_all()
                    # Others may begin meanwhile, where they are let.
                    store.changed.wait_for(lambda: store.now > count, timeout=0.5)

            def __exit__(self, *_: object) -> None:
                with store.changed:
                    store.now -= count

        return Way()


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def lower_limits(monkeypatch: pytest.MonkeyPatch, *, held: int, single: int, part: int, inflight: int) -> None:
    monkeypatch.setattr(transfer, "HELD_BYTES", held)
    for module in (transfer, recorder, uploads):
        monkeypatch.setattr(module, "SINGLE_PUT_LIMIT", single)
    monkeypatch.setattr(transfer, "part_size_for", lambda size: part)
    monkeypatch.setattr(multipart, "MAX_INFLIGHT_BYTES", inflight)


def metered(world: World) -> list[Metered]:
    made: list[Metered] = []

    def wrap(inner: SourceTree) -> SourceTree:
        made.append(Metered(inner))
        return made[-1]  # type: ignore[return-value]

    world.wrap_tree = wrap
    return made


def test_what_is_in_memory_is_bounded() -> None:
    """Eight workers with a file each, and two with a batch: what they hold is a fraction of 250 MB."""
    assert 8 * HELD_BYTES <= 64 << 20
    assert PART_BYTES < SINGLE_PUT_LIMIT <= MAX_INFLIGHT_BYTES <= 96 << 20


@pytest.mark.parametrize("size", [HELD_BYTES, HELD_BYTES + 1, 25 << 20])
def test_a_photo_costs_one_request_and_two_readings_and_is_never_held(world: World, size: int) -> None:
    trees, data = metered(world), os.urandom(size)
    world.make({"raw.nef": data})
    summary = world.sync(full=False)
    assert (summary.exit_code, world.objects()) == (ExitCode.OK, {f"{PREFIX}/raw.nef": data})
    (tree,) = trees
    assert (tree.read_bytes["raw.nef"], tree.held) == (size, [])
    assert size <= tree.sent_bytes["raw.nef"] <= size + 64 * KIB, "a look at its soundness, and the sending"
    assert summary.requests.put == 1


def test_a_smaller_one_is_read_once_and_held(world: World) -> None:
    trees, data = metered(world), os.urandom(HELD_BYTES - 1)
    world.make({"a.jpg": data})
    world.sync(full=False)
    assert (trees[0].read_bytes["a.jpg"], trees[0].sent_bytes["a.jpg"], trees[0].held) == (len(data), 0, [len(data)])
    assert world.objects() == {f"{PREFIX}/a.jpg": data}


@pytest.mark.parametrize(("size", "count", "one"), [(100 * KIB, 12, 100 * KIB), (900 * KIB, 2, 32 * KIB)])
def test_what_is_on_its_way_at_once_is_bounded(
    world: World, monkeypatch: pytest.MonkeyPatch, size: int, count: int, one: int
) -> None:
    lower_limits(monkeypatch, held=1, single=128 * KIB, part=32 * KIB, inflight=256 * KIB)
    store = SlowStore()
    world.store = store
    world.make({f"{number}.mov": os.urandom(size) for number in range(count)})
    assert world.sync(threads=8).exit_code is ExitCode.OK
    assert world.objects() == world.files()
    assert one < store.most <= 256 * KIB, "more than one at a time, and not all"


def test_of_a_photo_that_changes_as_it_is_sent_nothing_is_stored(world: World) -> None:
    trees, data = metered(world), os.urandom(HELD_BYTES + 1)
    world.make({"raw.nef": data})
    path, changes = world.photos / "raw.nef", iter(range(100))

    def wrap(inner: SourceTree) -> SourceTree:
        tree = Metered(inner)
        tree.before_part = lambda name, offset: path.write_bytes(data + bytes([next(changes)]))
        trees.append(tree)
        return tree  # type: ignore[return-value]

    world.wrap_tree = wrap
    summary = world.sync()
    assert (summary.exit_code, summary.actions.raced, world.objects()) == (ExitCode.INCOMPLETE, 1, {})
    world.wrap_tree = lambda inner: inner
    world.sync()
    assert world.objects() == world.files()


def test_a_photo_that_grows_under_the_last_piece_is_read_anew(world: World) -> None:
    data = os.urandom(HELD_BYTES + 1)
    world.make({"raw.mov": data})
    path, once = world.photos / "raw.mov", iter([True])

    def wrap(inner: SourceTree) -> SourceTree:
        tree = Metered(inner)

        def grow(name: str, offset: int) -> None:
            if offset and next(once, False):
                path.write_bytes(data + b"more")

        tree.before_part = grow
        return tree  # type: ignore[return-value]

    world.wrap_tree = wrap
    assert world.sync().exit_code is ExitCode.OK
    assert world.objects() == world.files() == {f"{PREFIX}/raw.mov": data + b"more"}
