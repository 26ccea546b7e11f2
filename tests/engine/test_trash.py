"""The trash, on a bucket in memory: what is in it, what comes back, what a purge destroys."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from lrsync.adapters.filewriter import FileWriter
from lrsync.adapters.manifest import Manifest
from lrsync.core.keys import stamp_of, trash_key
from lrsync.core.objects import ListedVersion
from lrsync.core.trash import TrashSummary
from lrsync.engine import trash
from lrsync.engine.stop import StoppedError
from lrsync.engine.trash import RestoreTo, TrashPorts
from lrsync.errors import ObjectError
from tests.engine.test_adoption import put_elsewhere
from tests.engine.world import HOUR_NS, PREFIX, World
from tests.stores.memory import MemoryStore, content_of
from tests.trees import LONG_AGO_NS

DAY_NS = 24 * HOUR_NS


@pytest.fixture(params=[False, True], ids=["unversioned", "versioned"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    """A world whose bucket's clock is the world's own."""
    world = World(tmp_path, store=MemoryStore(versioned=request.param))
    world.store.tick = lambda serial: world.now_ns
    return world


def ports(world: World) -> TrashPorts:
    return TrashPorts(world.store, PREFIX, world.events.append, world.clock, world.stopping, threads=2)


def found(world: World, pattern: str = "") -> list[str]:
    return [item.path for item in trash.list_trash(ports(world), pattern).items]


@contextmanager
def in_place(world: World) -> Iterator[RestoreTo]:
    with Manifest(world.path, PREFIX) as manifest:
        yield RestoreTo(FileWriter(world.photos, stamp="now"), manifest)


def restore(world: World, pattern: str) -> TrashSummary:
    with in_place(world) as to:
        return trash.restore_trash(ports(world), to, pattern)


def purge(world: World, days: float) -> TrashSummary:
    plan = trash.plan_purge(ports(world), world.now_ns - int(days * DAY_NS))
    foretold = trash.foretold(plan)
    done = trash.purge(ports(world), plan)
    if not done.errors:
        assert (foretold.items, foretold.bytes, foretold.foreign) == (done.items, done.bytes, done.foreign)
    return done


def delete_files(world: World, *paths: str) -> None:
    """Delete them on the disk and in the bucket; a source without any file would be taken for an empty drive."""
    if not (world.photos / "stays.txt").exists():
        world.make({"stays.txt": b"stays"})
    for path in paths:
        (world.photos / path).unlink()
    assert world.sync(delete=True).actions.trashed == len(paths)


def fail_on(operation: str, message: str = "no") -> Callable[[str, str], None]:
    def hook(name: str, key: str) -> None:
        if name == operation:
            raise ObjectError(message)

    return hook


# --- list -------------------------------------------------------------------------------------------------


def test_what_was_deleted_or_replaced_is_listed(world: World) -> None:
    world.make({"2024": {"a.jpg": b"old", "b.nef": b"bb"}, "c.jpg": b"c"})
    world.sync()
    assert found(world) == []
    world.make({"2024": {"a.jpg": b"new!"}})
    delete_files(world, "2024/b.nef")
    listed = trash.list_trash(ports(world))
    assert [(item.path, item.size) for item in listed.items] == [("2024/a.jpg", 3), ("2024/b.nef", 2)]
    assert listed.bytes == 5
    assert all(abs(item.trashed_ns - world.now_ns) < 1_000_000_000 for item in listed.items)
    assert found(world, "*.nef") == ["2024/b.nef"]
    assert found(world, "2024") == ["2024/a.jpg", "2024/b.nef"]
    assert found(world, "2025") == []


def test_a_long_path_is_listed_by_itself(world: World) -> None:
    folder = "/".join(["x" * 100] * 9)
    path = f"{folder}/{'y' * 80}.nef"
    (world.photos / folder).mkdir(parents=True)
    (world.photos / path).write_bytes(b"long")
    world.sync()
    delete_files(world, path)
    assert found(world) == [path]
    assert restore(world, "*.nef").errors == []
    assert (world.photos / path).read_bytes() == b"long"
    assert world.sync().bytes.uploaded == 0


def test_a_file_with_a_digests_name_is_itself(world: World) -> None:
    name = f"{'0' * 64}-a.nef"
    world.make({name: b"x"})
    world.sync()
    delete_files(world, name)
    assert found(world) == [name]


# --- restore ----------------------------------------------------------------------------------------------


def test_a_deleted_file_comes_back_and_nothing_is_sent(world: World) -> None:
    world.make({"2024": {"a.jpg": b"aaa"}, "b.jpg": b"b"})
    world.age("2024/a.jpg")
    world.sync()
    before = (world.photos / "2024/a.jpg").stat().st_mtime_ns
    delete_files(world, "2024/a.jpg")
    (world.photos / "2024").rmdir()
    done = restore(world, "2024/a.jpg")
    assert ([item.path for item in done.items], done.bytes, done.errors) == (["2024/a.jpg"], 3, [])
    assert (world.photos / "2024/a.jpg").read_bytes() == b"aaa"
    assert (world.photos / "2024/a.jpg").stat().st_mtime_ns == before
    assert world.objects() == world.files()
    synced = world.sync()
    assert (synced.bytes.uploaded, synced.actions.uploaded, synced.actions.copied) == (0, 0, 0)
    assert world.sync(full=True).findings == []


def test_the_newest_of_several_comes_back(world: World) -> None:
    for data in (b"1", b"22", b"333"):
        world.make({"a.jpg": data})
        world.sync()
    delete_files(world, "a.jpg")
    assert found(world) == ["a.jpg"] * 3
    assert restore(world, "a.jpg").bytes == 3
    assert (world.photos / "a.jpg").read_bytes() == b"333"


def test_a_file_that_is_there_is_never_replaced(world: World) -> None:
    world.make({"a.jpg": b"old"})
    world.sync()
    world.make({"a.jpg": b"new"})
    world.sync()
    done = restore(world, "a.jpg")
    assert (done.items, [error.message for error in done.errors]) == ([], ["a file is there already"])
    assert (world.photos / "a.jpg").read_bytes() == b"new"
    assert world.objects() == {"Photos/a.jpg": b"new"}


def test_another_object_under_the_key_is_never_replaced(world: World) -> None:
    world.make({"a.jpg": b"old"})
    world.sync()
    delete_files(world, "a.jpg")
    world.store.put("Photos/a.jpg", content_of(b"somebody's"))
    done = restore(world, "a.jpg")
    assert [error.message for error in done.errors] == ["another object is under its key in the bucket"]
    assert not (world.photos / "a.jpg").exists()
    assert world.store.data("Photos/a.jpg") == b"somebody's"


def test_elsewhere_only_the_disk_is_written(world: World, tmp_path: Path) -> None:
    world.make({"a.jpg": b"old"})
    world.sync()
    world.make({"a.jpg": b"new"})
    world.sync()
    before = world.store.requests
    target = tmp_path / "elsewhere"
    target.mkdir()
    done = trash.restore_trash(ports(world), RestoreTo(FileWriter(target, stamp="now"), None), ".")
    assert (done.bytes, done.errors) == (3, [])
    assert (target / "a.jpg").read_bytes() == b"old"
    after = world.store.requests
    assert (after.put, after.copy, after.delete) == (before.put, before.copy, before.delete)


def test_bytes_that_went_bad_are_not_taken_for_the_photo(world: World) -> None:
    world.make({"a.jpg": b"good"})
    world.sync()
    delete_files(world, "a.jpg")
    (item,) = trash.list_trash(ports(world)).items
    versions = world.store.versions[item.source]
    index = next(i for i, v in enumerate(versions) if v.data is not None)
    versions[index] = replace(versions[index], data=b"g00d", checksum=None)
    done = restore(world, "a.jpg")
    assert done.items == []
    assert "not what was stored" in done.errors[0].message
    assert not (world.photos / "a.jpg").exists()


@pytest.mark.parametrize("part_size", [0, 5 << 20], ids=["whole", "parts"])
def test_an_adopted_object_comes_back_from_its_old_version_proven_by_its_etag(tmp_path: Path, part_size: int) -> None:
    """Where the bucket keeps versions nothing writes a sha256 onto it, and its row went when it was deleted."""
    world = World(tmp_path, store=MemoryStore(versioned=True, checksums=False))
    data = b"photo" * (1 << 21 if part_size else 1)
    put_elsewhere(world, "Photos/a.jpg", data, part_size=part_size)
    world.make({"a.jpg": data})
    assert world.sync(full=True).actions.uploaded == 0
    delete_files(world, "a.jpg")
    done = restore(world, "a.jpg")
    assert (done.errors, len(done.items), done.unproven) == ([], 1, 0)
    assert (world.photos / "a.jpg").read_bytes() == data
    after = world.sync(full=True)
    assert (after.findings, after.bytes.uploaded) == ([], 0)
    assert world.objects() == world.files()


def test_what_nothing_proves_comes_back_as_unproven_and_gets_no_row(tmp_path: Path) -> None:
    world = World(tmp_path, store=MemoryStore(versioned=True, checksums=False))
    world.sync()
    put_elsewhere(world, "Photos/x.jpg", b"photo")
    version = world.store.versions["Photos/x.jpg"][-1]
    world.store.versions["Photos/x.jpg"][-1] = replace(version, etag="f" * 32)  # as with a KMS key
    world.store.delete("Photos/x.jpg")
    done = restore(world, "x.jpg")
    assert (done.errors, len(done.items), done.unproven) == ([], 1, 1)
    assert (world.photos / "x.jpg").read_bytes() == b"photo"
    with Manifest(world.path, PREFIX) as manifest:
        assert manifest.row("x.jpg") is None


def test_an_unproven_answer_that_was_cut_off_is_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(tmp_path, store=MemoryStore(versioned=True, checksums=False))
    world.sync()
    put_elsewhere(world, "Photos/x.jpg", b"photo")
    world.store.delete("Photos/x.jpg")
    whole = world.store.get

    @contextmanager
    def cut(key: str, **rest: str | None) -> Iterator[list[bytes]]:
        with whole(key, **rest) as body:  # type: ignore[arg-type]
            yield [b"".join(body)[:3]]

    monkeypatch.setattr(world.store, "get", cut)
    done = restore(world, "x.jpg")
    assert [error.message for error in done.errors] == ["the store sent 3 bytes of 5"]
    assert not list(world.photos.glob("*x.jpg*"))


@pytest.mark.parametrize("overwritten", [False, True], ids=["deleted", "overwritten"])
def test_an_adopted_object_comes_back_from_the_trash_with_its_bytes_proven(tmp_path: Path, overwritten: bool) -> None:
    """Another program wrote it, without a sha256: the row knew it, and the trash has to."""
    world = World(tmp_path, store=MemoryStore(checksums=False))
    put_elsewhere(world, "Photos/a.jpg", b"photo")
    world.make({"a.jpg": b"photo"})
    world.age("a.jpg")
    assert world.sync(full=True).actions.adopted == 1
    if overwritten:
        world.make({"a.jpg": b"edited"})
        assert world.sync().actions.uploaded == 1
        elsewhere = RestoreTo(FileWriter(world.home, stamp="now"), None)
        done, back = trash.restore_trash(ports(world), elsewhere, "a.jpg"), world.home / "a.jpg"
    else:
        delete_files(world, "a.jpg")
        done, back = restore(world, "a.jpg"), world.photos / "a.jpg"
        assert world.sync(full=True).findings == []
        assert world.objects() == world.files()
    assert done.errors == []
    assert back.read_bytes() == b"photo"
    assert back.stat().st_mtime_ns == LONG_AGO_NS


def test_an_object_that_is_not_the_rows_any_more_gets_no_sha256_in_the_trash(tmp_path: Path) -> None:
    world = World(tmp_path, store=MemoryStore(checksums=False))
    put_elsewhere(world, "Photos/a.jpg", b"photo")
    world.make({"a.jpg": b"photo"})
    world.sync(full=True)
    put_elsewhere(world, "Photos/a.jpg", b"other")
    delete_files(world, "a.jpg")
    (item,) = trash.list_trash(ports(world)).items
    assert "lrsync-sha256" not in world.store.head(item.source).metadata


def test_a_second_restore_says_that_it_is_there(world: World) -> None:
    world.make({"a.jpg": b"a"})
    world.sync()
    delete_files(world, "a.jpg")
    restore(world, "a.jpg")
    assert [error.message for error in restore(world, "a.jpg").errors] == ["a file is there already"]


def test_a_restore_that_broke_off_can_be_run_again(world: World) -> None:
    world.make({"a.jpg": b"a"})
    world.sync()
    delete_files(world, "a.jpg")
    world.store.fail = fail_on("get")
    assert len(restore(world, "a.jpg").errors) == 1
    world.store.fail = None
    assert restore(world, "a.jpg").errors == []
    assert world.objects() == world.files()


def test_ctrl_c_ends_it(world: World) -> None:
    world.make({"a.jpg": b"a"})
    world.sync()
    delete_files(world, "a.jpg")
    world.stopping = lambda: True
    with pytest.raises(StoppedError):
        restore(world, "a.jpg")
    assert not (world.photos / "a.jpg").exists()


# --- purge ------------------------------------------------------------------------------------------------


def test_a_stop_while_somebody_is_asked_destroys_nothing(world: World) -> None:
    world.make({"a.jpg": b"a"})
    world.sync()
    delete_files(world, "a.jpg")
    plan = trash.plan_purge(ports(world), world.now_ns + DAY_NS)
    assert plan.count == 1
    world.stopping = lambda: True
    with pytest.raises(StoppedError):
        trash.purge(ports(world), plan)
    world.stopping = lambda: False
    assert found(world) == ["a.jpg"]


def test_a_purge_destroys_what_is_old_and_nothing_else(world: World) -> None:
    world.make({"a.jpg": b"a", "b.jpg": b"b", "c.jpg": b"c"})
    world.sync()
    delete_files(world, "a.jpg")
    world.now_ns += 40 * DAY_NS
    delete_files(world, "b.jpg")
    done = purge(world, 30)
    assert (len(done.items), done.bytes, done.errors) == (1, 1, [])
    assert found(world) == ["b.jpg"]
    assert world.objects() == world.files()
    assert purge(world, 30).items == []
    purge(world, 0)
    purge(world, -1)
    assert found(world) == []
    assert world.objects() == world.files()
    assert world.sync(full=True).findings == []


def test_how_old_the_bytes_are_does_not_matter(world: World) -> None:
    world.make({"a.jpg": b"a", "b.jpg": b"b"})
    world.sync()
    world.now_ns += 400 * DAY_NS
    delete_files(world, "a.jpg")
    world.now_ns += DAY_NS
    assert purge(world, 30).items == []
    assert found(world) == ["a.jpg"]


def test_a_purge_leaves_snapshots_and_foreign_keys(world: World) -> None:
    for key in ("Photos/.lrsync/manifest/u.sqlite.zst", "Photos/.lrsync/catalogs/x", "Photos/.lrsync/trash/readme"):
        world.store.put(key, content_of(b"1"))
    world.store.put("Photos2/.lrsync/trash/20200101T000000Z/a.jpg", content_of(b"1"))
    before = world.store.keys()
    assert purge(world, -1).items == []
    assert world.store.keys() == before


def test_a_failure_leaves_the_marker_that_hides_the_rest(tmp_path: Path) -> None:
    world = World(tmp_path, store=MemoryStore(versioned=True))
    world.store.tick = lambda serial: world.now_ns
    world.make({"a.jpg": b"a"})
    world.sync()
    delete_files(world, "a.jpg")
    world.store.fail = fail_on("delete_version")
    done = purge(world, -1)
    assert (done.items, len(done.errors)) == ([], 1)
    world.store.fail = None
    assert list(world.objects()) == ["Photos/stays.txt"]
    assert found(world) == ["a.jpg"]


def test_versions_of_others_are_left_alone(tmp_path: Path) -> None:
    world = World(tmp_path, store=MemoryStore(versioned=True))
    for data in (b"1", b"2"):
        world.store.corrupt("Photos/theirs.txt", data, keep_metadata=False)
    done = purge(world, -1)
    assert (done.items, done.foreign) == ([], 1)
    assert len(world.store.versions["Photos/theirs.txt"]) == 2


def test_trash_of_the_time_before_versioning_goes_too(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.store.put(trash_key(PREFIX, stamp_of(0), "Photos/a.jpg"), content_of(b"a"))
    world.store.versioned = True
    assert found(world) == ["a.jpg"]
    assert len(purge(world, 1).items) == 1
    assert world.store.versions == {}


def test_the_same_name_of_a_version_comes_page_by_page(tmp_path: Path) -> None:
    world = World(tmp_path, store=MemoryStore(versioned=True, page_size=1))
    for name in ("a", "b", "c"):
        for data in (b"1", b"2"):
            world.store.put(f"Photos/{name}", content_of(data))
    pages: list[list[ListedVersion]] = [list(page) for page in world.store.list_versions("Photos/")]
    assert [len(page) for page in pages] == [2, 2, 2]
    assert found(world) == ["a", "b", "c"]
