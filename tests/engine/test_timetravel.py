"""The library as it was: with versions, with the trash and snapshots, and with the trash alone."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lrsync.core.timeline import Place
from lrsync.engine.stop import StoppedError
from lrsync.engine.timetravel import history_of
from tests.engine.past import library_at, looked_at, read
from tests.engine.world import HOUR_NS, PREFIX, World
from tests.stores.memory import MemoryStore

NIGHTS: list[dict[str, bytes]] = [
    {"2024/a.jpg": b"first", "2024/gone.nef": b"raw" * 9, "stays.txt": b"same"},
    {"2024/a.jpg": b"second!", "2024/gone.nef": b"raw" * 9, "stays.txt": b"same", "late/n.jpg": b"new"},
    {"2024/a.jpg": b"third..", "stays.txt": b"same", "late/n.jpg": b"new"},
    {"2024/a.jpg": b"first", "stays.txt": b"same", "late/moved.jpg": b"new", "2024/gone.nef": b"raw" * 9},
]


def make_world(home: Path, *, versioned: bool) -> World:
    world = World(home, store=MemoryStore(versioned=versioned), snapshots=True)
    world.store.tick = lambda serial: world.now_ns
    return world


def spend(world: World, night: dict[str, bytes]) -> int:
    """Make the disk this, and back it up; a moment on the day after."""
    for path in [path for path in world.photos.rglob("*") if path.is_file()]:
        if path.relative_to(world.photos).as_posix() not in night:
            path.unlink()
    for name, data in night.items():
        file = world.photos / name
        file.parent.mkdir(parents=True, exist_ok=True)
        if not file.exists() or file.read_bytes() != data:
            file.write_bytes(data)
            world.age(name, 1_600_000_000_000_000_000 + world.now_ns % 1000)
    world.sync(delete=True, accept_mass_change=True)
    return world.now_ns + HOUR_NS


@pytest.mark.parametrize("versioned", [False, True])
def test_every_night_comes_back(tmp_path: Path, versioned: bool) -> None:
    world = make_world(tmp_path, versioned=versioned)
    before = world.now_ns
    moments = [spend(world, night) for night in NIGHTS]
    assert library_at(world, before) == {}
    for night, moment_ns in zip(NIGHTS, moments, strict=True):
        assert library_at(world, moment_ns) == night


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    versioned=st.booleans(),
    nights=st.lists(
        st.dictionaries(st.sampled_from(["a.jpg", "b/c.txt", "b/d.txt"]), st.sampled_from([b"1", b"2", b"33"])),
        min_size=1,
        max_size=3,
    ),
)
def test_any_nights_come_back(
    versioned: bool, nights: list[dict[str, bytes]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    world = make_world(tmp_path_factory.mktemp("w"), versioned=versioned)
    # A source without any file at all is taken for a lost one, and its objects stay.
    nights = [{"stays.txt": b"here", **{f"keep{n}": b"k" for n in range(12)}, **night} for night in nights]
    moments = [spend(world, night) for night in nights]
    assert [library_at(world, moment_ns) for moment_ns in moments] == nights


@pytest.mark.parametrize("versioned", [False, True])
def test_what_was_recorded_is_known_without_asking(tmp_path: Path, versioned: bool) -> None:
    world = make_world(tmp_path, versioned=versioned)
    moment_ns = spend(world, NIGHTS[0])
    spend(world, NIGHTS[1])
    heads = world.store.requests.head
    with looked_at(world, moment_ns) as (shelf, past):
        found = {version.path: version for version in shelf.chosen()}
        in_2024 = [version.path for version in shelf.chosen("2024")]
        at_top = [version.path for version in shelf.chosen("")]
    assert world.store.requests.head == heads + 1, "the snapshot's own"
    assert past.snapshot is not None
    assert (past.files, past.bytes, past.lost) == (3, sum(map(len, NIGHTS[0].values())), [])
    a = found["2024/a.jpg"]
    assert a.sha256 == hashlib.sha256(b"first").digest()
    assert a.mtime_ns is not None and a.mtime_ns // 1000 == 1_600_000_000_000_000
    assert a.place is (Place.VERSION if versioned else Place.TRASH)
    assert (in_2024, at_top) == (["2024/a.jpg", "2024/gone.nef"], ["stays.txt"])


def test_what_was_purged_is_named(tmp_path: Path) -> None:
    world = make_world(tmp_path, versioned=False)
    moment_ns = spend(world, NIGHTS[0])
    spend(world, NIGHTS[2])
    for key in list(world.store.keys()):
        if "/.lrsync/trash/" in key and key.endswith("gone.nef"):
            world.store.lose(key)
    with looked_at(world, moment_ns) as (shelf, past):
        assert [version.path for version in shelf.chosen()] == ["2024/a.jpg", "stays.txt"]
        assert [lost.path for lost in past.lost] == ["2024/gone.nef"]


@pytest.mark.parametrize("versioned", [False, True])
def test_a_folder_that_was_renamed_is_found_after_the_trash_was_purged(tmp_path: Path, versioned: bool) -> None:
    world = make_world(tmp_path, versioned=versioned)
    moment_ns = spend(world, NIGHTS[0])
    (world.photos / "2024").rename(world.photos / "Iceland")
    world.sync(delete=True)
    for key in list(world.store.versions):
        if "/trash/" in key or key.startswith(f"{PREFIX}/2024/"):
            world.store.lose(key)
    with looked_at(world, moment_ns) as (shelf, past):
        assert past.lost == []
        assert {version.path: read(world, version) for version in shelf.chosen()} == NIGHTS[0]
        assert (past.files, past.bytes) == (3, sum(map(len, NIGHTS[0].values())))


def test_old_versions_that_a_lifecycle_rule_destroyed_are_named(tmp_path: Path) -> None:
    world = make_world(tmp_path, versioned=True)
    moment_ns = spend(world, NIGHTS[0])
    spend(world, NIGHTS[1])
    key = f"{PREFIX}/2024/a.jpg"
    world.store.versions[key] = world.store.versions[key][1:]
    with looked_at(world, moment_ns) as (shelf, past):
        assert "2024/a.jpg" not in [version.path for version in shelf.chosen()]
        assert [lost.path for lost in past.lost] == ["2024/a.jpg"]


@pytest.mark.parametrize("versioned", [False, True])
def test_without_any_snapshot_the_bucket_alone_tells(tmp_path: Path, versioned: bool) -> None:
    world = make_world(tmp_path, versioned=versioned)
    world.snapshots = False
    moments = [spend(world, night) for night in NIGHTS[:2]]
    assert library_at(world, moments[1]) == NIGHTS[1]
    first = library_at(world, moments[0])
    assert first == NIGHTS[0]


def test_a_bucket_that_began_to_keep_versions_later(tmp_path: Path) -> None:
    world = make_world(tmp_path, versioned=False)
    moments = [spend(world, night) for night in NIGHTS[:2]]
    world.store.versioned = True
    moments += [spend(world, night) for night in NIGHTS[2:]]
    for night, moment_ns in zip(NIGHTS, moments, strict=True):
        assert library_at(world, moment_ns) == night


def test_a_damaged_snapshot_falls_back_to_the_one_before(tmp_path: Path) -> None:
    world = make_world(tmp_path, versioned=False)
    spend(world, NIGHTS[0])
    moment_ns = spend(world, NIGHTS[1])
    spend(world, NIGHTS[2])
    stored = sorted(key for key in list(world.store.keys()) if "/.lrsync/manifest/uuid/" in key)
    damaged = world.store.versions[stored[1]][-1]
    world.store.versions[stored[1]] = [replace(damaged, data=b"rotten")]
    # The older snapshot does not know tonight's, but what is dated by the bucket or has its proofs is found.
    with looked_at(world, moment_ns) as (_, past):
        assert past.snapshot is not None and past.snapshot.key == stored[0]
    assert library_at(world, moment_ns) == NIGHTS[1]


def test_a_stop_is_heard(tmp_path: Path) -> None:
    world = make_world(tmp_path, versioned=False)
    moment_ns = spend(world, NIGHTS[0])
    world.stopping = lambda: True
    with pytest.raises(StoppedError), looked_at(world, moment_ns):
        raise AssertionError("it went on")


# --- one file ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("versioned", [False, True])
def test_a_files_history(tmp_path: Path, versioned: bool) -> None:
    world = make_world(tmp_path, versioned=versioned)
    for night in NIGHTS[:3]:
        spend(world, night)
    found = history_of(world.store, PREFIX, ["nothing", "2024/a.jpg"], lambda: False)
    assert found is not None and found.path == "2024/a.jpg" and found.unread == 0
    assert [read(world, version) for version in found.versions] == [b"third..", b"second!", b"first"]
    older = Place.VERSION if versioned else Place.TRASH
    assert [version.place for version in found.versions] == [Place.CURRENT, older, older]
    assert [v.sha256 for v in found.versions] == [hashlib.sha256(read(world, v)).digest() for v in found.versions]
    gone = history_of(world.store, PREFIX, ["2024/gone.nef"], lambda: False)
    assert gone is not None
    assert [v.place for v in gone.versions] == ([Place.DELETED, Place.VERSION] if versioned else [Place.TRASH])
    assert history_of(world.store, PREFIX, ["2024", "../x", "", ".lrsync/trash"], lambda: False) is None


def test_a_file_in_the_trash_under_a_digests_name_is_found(tmp_path: Path) -> None:
    world = make_world(tmp_path, versioned=False)
    long = "/".join(["d" * 120] * 8) + "/a.jpg"
    world.make({"keep.txt": b"k"})
    spend(world, {long: b"old", "keep.txt": b"k"})
    spend(world, {long: b"newer", "keep.txt": b"k"})
    found = history_of(world.store, PREFIX, [long], lambda: False)
    assert found is not None
    assert [read(world, version) for version in found.versions] == [b"newer", b"old"]
