"""The manifest's snapshot in the bucket: when it is stored, what a crash leaves, and what a rebuild makes of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lrsync.adapters.snapshots import packed
from lrsync.adapters.status_query import read_status
from lrsync.core.events import Notice
from lrsync.core.findings import FindingKind
from lrsync.core.keys import snapshot_copies, snapshot_key
from lrsync.core.runs import RunKind
from lrsync.engine import snapshot
from lrsync.engine.snapshot import KEPT, choose_owner, find_snapshots, snapshot_owners
from lrsync.errors import BucketError, ExitCode, InterruptedRun, ObjectError, UsageError
from tests.engine.world import PREFIX, World
from tests.stores.memory import MemoryStore, content_of

NEWEST = snapshot_key(PREFIX, "uuid")
COPIES = snapshot_copies(PREFIX, "uuid")


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path, snapshots=True)


def copies(world: World) -> list[str]:
    return [key for key in world.store.keys() if key.startswith(COPIES)]  # noqa: SIM118 - not a dict


def notices(world: World) -> list[str]:
    return [event.message for event in world.events if isinstance(event, Notice)]


def refuse(step: str, error: Callable[[], BaseException] = lambda: ObjectError("no")) -> Callable[[str, str], None]:
    """A hook that fails this step with a snapshot."""

    def hook(operation: str, key: str) -> None:
        if operation == step and key.startswith(COPIES):
            raise error()

    return hook


# --- storing ----------------------------------------------------------------------------------------------


def test_a_run_that_changed_the_bucket_stores_a_snapshot(world: World) -> None:
    world.make({"a.jpg": b"a", "b.jpg": b"b"})
    done = world.sync()
    assert done.snapshot is not None
    assert done.snapshot.key == NEWEST
    assert world.store.data(NEWEST) == world.store.data(copies(world)[0])
    assert done.requests == world.store.requests  # the snapshot's own requests are counted


def test_a_quiet_night_makes_no_request(world: World) -> None:
    world.make({"a.jpg": b"a"})
    world.sync()
    before = world.store.requests.total
    done = world.sync()
    assert (done.snapshot, done.requests.total, world.store.requests.total) == (None, 0, before)
    assert world.opened == []


def test_a_touch_alone_makes_no_request(world: World) -> None:
    world.make({"a.jpg": b"a"})
    world.sync()
    world.age("a.jpg")
    done = world.sync()
    assert (done.actions.restated, done.requests.total) == (1, 0)


def test_a_dry_run_stores_none(world: World) -> None:
    world.make({"a.jpg": b"a"})
    assert world.sync(dry_run=True).snapshot is None
    assert world.store.keys() == []


def test_the_newest_ten_are_kept(world: World) -> None:
    for number in range(KEPT + 3):
        world.make({"a.jpg": b"%d" % number})
        world.sync()
    assert len(copies(world)) == KEPT
    assert world.store.data(copies(world)[-1]) == world.store.data(NEWEST)


def test_versions_keep_the_older_ones(tmp_path: Path) -> None:
    world = World(tmp_path, store=MemoryStore(versioned=True), snapshots=True)
    for number in range(3):
        world.make({"a.jpg": b"%d" % number})
        world.sync()
    assert copies(world) == []
    assert len(world.store.versions[NEWEST]) == 3
    assert len(find_snapshots(world.store, PREFIX)["uuid"]) == 3


@pytest.mark.parametrize("error", [lambda: ObjectError("no"), lambda: BucketError("gone")])
@pytest.mark.parametrize("step", ["put", "keep", "list"])
def test_a_failure_is_a_finding_and_tried_again(world: World, step: str, error: Callable[[], Exception]) -> None:
    world.make({"a.jpg": b"a"})
    world.store.fail = refuse(step, error)
    done = world.sync()
    assert done.exit_code is ExitCode.OK
    assert [finding.kind for finding in done.findings] == [FindingKind.SNAPSHOT_FAILED]
    assert world.row("a.jpg") is not None
    world.store.fail = None
    done = world.sync()  # nothing changed, and yet
    assert done.snapshot is not None
    assert done.findings == []
    assert world.sync().requests.total == 0


def test_a_crash_between_leaves_whole_snapshots(world: World) -> None:
    world.make({"a.jpg": b"a"})
    world.sync()
    old = world.store.data(NEWEST)
    world.make({"b.jpg": b"b"})
    world.store.fail = refuse("keep", KeyboardInterrupt)
    with pytest.raises(KeyboardInterrupt):
        world.sync()
    world.store.fail = None
    assert world.store.data(NEWEST) == old
    assert len(copies(world)) == 2
    done = world.rebuild()
    assert done.snapshot is not None
    assert (done.snapshot.key, done.snapshot.rows) == (copies(world)[-1], 2)


def test_an_interrupted_runs_snapshot_comes_with_the_next_run(world: World) -> None:
    world.make({f"{number}.jpg": b"%d" % number for number in range(300)})
    world.stopping = lambda: "Photos/0.jpg" in world.store.keys()  # noqa: SIM118 - not a dict
    with pytest.raises(InterruptedRun):
        world.sync()
    assert snapshot_owners(world.store, PREFIX) == frozenset()
    world.stopping = lambda: False
    assert world.sync().snapshot is not None


def test_it_does_not_disturb_the_full_pass(world: World) -> None:
    world.make({"a.jpg": b"a"})
    world.sync()
    done = world.sync(full=True)
    assert (done.drift.unknown, done.drift.missing, done.findings) == (0, 0, [])


def test_a_large_one_goes_up_in_parts(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.engine.world.packed", lambda path: packed(path, hold_below=0))
    world.make({"a.jpg": b"a"})
    world.store.fail = lambda operation, key: _raise(ObjectError("no")) if operation == "complete_multipart" else None
    assert world.sync().snapshot is None
    assert [key.startswith(COPIES) for key, _ in world.store.uploads] == [True]
    world.store.fail = None
    assert world.sync().snapshot is not None
    assert world.store.uploads == []  # what the first left was ended too
    assert world.rebuild().snapshot is not None


def _raise(error: Exception) -> None:
    raise error


# --- rebuilding from it -----------------------------------------------------------------------------------


def test_what_the_listing_confirms_is_not_asked_about(world: World) -> None:
    world.make({"a.jpg": b"a", "b": {"c.nef": b"c"}})
    world.sync()
    row, before = world.row("b/c.nef"), world.store.requests.head
    done = world.rebuild()
    assert done.snapshot is not None
    assert (done.snapshot.rows, done.actions.adopted, done.exit_code) == (2, 2, ExitCode.OK)
    assert world.store.requests.head == before + 1  # of the snapshot itself
    assert world.row("b/c.nef") == row
    assert any("beginning with the manifest's snapshot" in notice for notice in notices(world))
    done = world.sync()
    assert (done.bytes.uploaded, done.bytes.hashed, done.actions.uploaded) == (0, 0, 0)


def test_what_changed_since_is_asked_about_or_sent_again(world: World) -> None:
    world.make({"kept.jpg": b"1", "altered.jpg": b"2", "lost.jpg": b"3"})
    world.sync()
    world.snapshots = False
    world.make({"later.jpg": b"4"})
    world.sync()
    world.snapshots = True
    world.store.put("Photos/altered.jpg", content_of(b"other"))
    world.store.lose("Photos/lost.jpg")
    before = world.store.requests.head
    world.rebuild()
    assert world.store.requests.head == before + 3  # the snapshot, and two that it does not explain
    assert world.row("lost.jpg") is None
    done = world.sync()
    assert (done.actions.uploaded, done.exit_code) == (2, ExitCode.OK)
    assert world.objects() == world.files()
    assert world.trash() == {"altered.jpg": b"other"}


def test_a_damaged_snapshot_falls_back_to_the_one_before(world: World) -> None:
    world.make({"a.jpg": b"a"})
    world.sync()
    first = copies(world)[0]
    world.make({"b.jpg": b"b"})
    world.sync()
    for key in (NEWEST, copies(world)[-1]):
        data = bytearray(world.store.data(key))
        data[len(data) // 2] ^= 1
        world.store.corrupt(key, bytes(data))
    done = world.rebuild()
    assert done.snapshot is not None
    assert (done.snapshot.key, done.snapshot.rows, done.actions.adopted) == (first, 1, 2)
    assert sum("cannot be used" in notice for notice in notices(world)) == 2
    assert world.sync().bytes.uploaded == 0


def test_without_any_whole_snapshot_the_listing_alone_does(world: World) -> None:
    world.make({"a.jpg": b"a"})
    world.sync()
    for key in (NEWEST, *copies(world)):
        world.store.corrupt(key, b"no snapshot", keep_metadata=False)
    done = world.rebuild()
    assert (done.snapshot, done.actions.adopted) == (None, 1)
    assert world.sync().bytes.uploaded == 0


def test_an_older_version_serves_where_the_bucket_keeps_versions(tmp_path: Path) -> None:
    world = World(tmp_path, store=MemoryStore(versioned=True), snapshots=True)
    world.make({"a.jpg": b"a"})
    world.sync()
    world.store.corrupt(NEWEST, b"", keep_metadata=False)
    world.store.delete(NEWEST)
    done = world.rebuild()
    assert done.snapshot is not None
    assert done.snapshot.rows == 1


def test_an_interrupted_rebuild_can_be_run_again(world: World) -> None:
    world.make({"a.jpg": b"a"})
    world.sync()
    world.stopping = lambda: True
    with pytest.raises(InterruptedRun):
        world.rebuild()
    world.stopping = lambda: False
    done = world.rebuild()
    assert (done.actions.adopted, done.requests.copy) == (1, 1)
    assert world.sync().snapshot is not None  # a rebuild only reads the bucket: the next sync stores one


# --- whose snapshot ---------------------------------------------------------------------------------------


def test_the_only_owner_is_taken_and_several_are_a_question() -> None:
    assert choose_owner(None, []) is None
    assert choose_owner("known", ["other"]) == "known"
    assert choose_owner(None, ["only"]) == "only"
    with pytest.raises(UsageError, match="2 libraries") as error:
        choose_owner(None, ["b", "a"])
    assert "one of a, b" in error.value.hint


def test_other_keys_are_nobodys_snapshot(world: World) -> None:
    for key in ("x.sqlite", "x.sqlite.zst/y", "../x.sqlite.zst", "x/latest.sqlite.zst"):
        world.store.put(f"Photos/.lrsync/manifest/{key}", content_of(b""))
    assert snapshot_owners(world.store, PREFIX) == frozenset()


def test_an_endless_snapshot_is_cut_off(world: World) -> None:
    world.make({"a.jpg": b"a"})
    world.sync()

    def read(chunks: object, sha256: object) -> None:
        list(chunks)  # type: ignore[call-overload]

    place = snapshot.StoredSnapshot(NEWEST, 1, 0)
    shrunk = type("Shrunk", (), {"size": 1, "metadata": {}})()
    world.store.head = lambda key, version_id=None: shrunk  # type: ignore[method-assign, assignment]
    assert snapshot.take_snapshot(world.store, [place], read, world.events.append) is None
    assert any("longer than the bucket says" in notice for notice in notices(world))


def test_the_snapshot_holds_the_run_as_ended(world: World) -> None:
    world.make({"a.jpg": b"a"})
    world.sync()
    world.rebuild()
    from lrsync.adapters.sqlite import connect

    connection = connect(world.path)
    found = connection.execute("SELECT kind, result FROM runs ORDER BY id").fetchall()
    connection.close()
    assert found == [(RunKind.SYNC.value, "ok"), (RunKind.REBUILD.value, "ok")]


@pytest.mark.parametrize("has_snapshot", [True, False])
def test_a_rebuild_is_no_backup(world: World, has_snapshot: bool) -> None:
    """It reads the bucket and not the source: what was not sent for weeks it cannot know."""
    world.make({"a.jpg": b"a"})
    backup = world.sync()
    if not has_snapshot:
        for key in [key for key in world.store.versions if key.endswith(".sqlite.zst")]:
            world.store.lose(key)
    world.make({"new.jpg": b"never sent"})
    world.rebuild()
    report = read_status(world.path)
    assert report is not None and report.last_run is not None and report.last_run.kind is RunKind.REBUILD
    if has_snapshot:
        assert report.last_good_run is not None and report.last_good_run.id == backup.run_id
    else:
        assert (report.last_good_run, report.was_seen_whole) == (None, False)
