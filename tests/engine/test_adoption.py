"""Objects that other tools put there: proven by their ETag and adopted, or sent again with the old one kept."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from lrsync.core.model import Content
from lrsync.core.parts import MIB
from lrsync.errors import ExitCode
from tests.engine.world import World
from tests.stores.memory import MemoryStore, content_of

MTIME_NS = 1_600_000_000_000_000_000
BIG = bytes(range(256)) * (20 * MIB // 256) + b"rest"


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A bucket that tells ETags only, as far as another tool's objects go."""
    return World(tmp_path, store=MemoryStore(checksums=False))


def put_elsewhere(world: World, key: str, data: bytes, *, part_size: int = 0, mtime: str = "") -> None:
    """Put an object there as another tool does: in parts or whole, without lrsync's metadata."""
    store = world.store
    if part_size:
        content = content_of(data, part_size=part_size)
        upload_id = store.start_multipart(key, content)
        sent = [
            store.put_part(key, upload_id, number, data[at : at + part_size])
            for number, at in enumerate(range(0, len(data), part_size), start=1)
        ]
        store.complete_multipart(key, upload_id, sent, content)
    else:
        store.put(key, content_of(data))
    metadata = store.versions[key][-1].metadata
    metadata.clear()
    if mtime:
        metadata["mtime"] = mtime


@pytest.mark.parametrize("mib", [5, 8, 16], ids=["rclone", "aws-cli", "lrsync"])
def test_after_a_rebuild_parts_prove_it(world: World, mib: int) -> None:
    world.make({"clip.mov": BIG})
    put_elsewhere(world, "Photos/clip.mov", BIG, part_size=mib * MIB)
    world.rebuild()
    row = world.row("clip.mov")
    assert row is not None
    assert row.sha256 is None
    done = world.sync()
    assert (done.actions.adopted, done.bytes.uploaded, done.bytes.hashed) == (1, 0, len(BIG))
    row = world.row("clip.mov")
    assert row is not None
    assert row.sha256 == hashlib.sha256(BIG).digest()
    assert world.sync().requests.total == 0


def test_without_a_rebuild_too(world: World) -> None:
    world.make({"clip.mov": BIG, "a.jpg": b"a"})
    put_elsewhere(world, "Photos/clip.mov", BIG, part_size=8 * MIB)
    put_elsewhere(world, "Photos/a.jpg", b"a")
    done = world.sync()
    assert (done.actions.adopted, done.bytes.uploaded) == (2, 0)


def test_a_rebuild_leaves_a_whole_put_to_its_md5(world: World) -> None:
    world.make({"a.jpg": b"a"})
    put_elsewhere(world, "Photos/a.jpg", b"a")
    world.rebuild()
    done = world.sync()
    assert (done.actions.adopted, done.bytes.uploaded) == (1, 0)


@pytest.mark.parametrize("part_size", [7 * MIB + 13, 3 * MIB], ids=["odd", "wrong bytes"])
def test_what_cannot_be_proven_is_sent_again_and_kept(world: World, part_size: int) -> None:
    """The same size and time are no proof: a tool that broke off and went on would leave just that."""
    stored = BIG if part_size % MIB else BIG[:-4] + b"ROT!"
    world.make({"clip.mov": BIG})
    world.age("clip.mov", MTIME_NS)
    put_elsewhere(world, "Photos/clip.mov", stored, part_size=part_size, mtime="1600000000.000000000")
    world.rebuild()
    done = world.sync()
    assert (done.actions.adopted, done.actions.uploaded, done.exit_code) == (0, 1, ExitCode.OK)
    assert world.objects() == world.files()
    assert world.trash() == {"clip.mov": stored}


def test_a_rebuild_takes_nothing_of_a_library_whose_prefix_lies_below(world: World) -> None:
    """Its objects have lrsync's metadata, too: with rows here, the next --delete would empty that library."""
    world.make({"a.jpg": b"a", "sub": {"inner.jpg": b"inner"}})
    world.sync()
    (world.photos / "sub/inner.jpg").unlink()
    owner = "24ddb36c-cbb1-4181-97fe-9a9e6d33fa88"
    for name in (f"{owner}.sqlite.zst", f"{owner}/20261122T222201Z.sqlite.zst"):
        put_elsewhere(world, f"Photos/sub/.lrsync/manifest/{name}", b"snapshot")
    before = dict(world.store.versions)
    summary = world.rebuild()
    assert (summary.actions.adopted, summary.drift.unknown) == (1, 3)
    assert world.row("sub/inner.jpg") is None
    assert world.sync(delete=True).actions.trashed == 0
    assert world.store.versions == before


def test_a_folder_that_only_looks_like_lrsyncs_own_is_an_ordinary_one(world: World) -> None:
    world.make({"sub": {".lrsync": {"manifest": {"notes.txt": b"mine"}}}})
    world.sync()
    assert world.rebuild().actions.adopted == 1


def test_no_md5_of_parts_is_made_where_nothing_asks_for_it(world: World) -> None:
    asked: list[object] = []

    class Watched:
        def __init__(self, tree: object) -> None:
            self._tree = tree

        def __getattr__(self, name: str) -> object:
            return getattr(self._tree, name)

        def read(self, path: str, **wanted: object) -> Content:
            asked.append(wanted.get("etag_part_sizes", ()))
            content: Content = self._tree.read(path, **wanted)  # type: ignore[attr-defined]
            return content

    world.make({"a.jpg": b"a"})
    world.wrap_tree = Watched  # type: ignore[assignment]
    world.sync()
    assert asked == [()]
