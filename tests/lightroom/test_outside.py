"""Catalogs that lie outside of the source: snapshots of them like of any others, and a quiet night stays quiet."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from lrsync.adapters.catalog_place import place_catalog
from lrsync.adapters.outside_catalogs import NotedCatalogs
from lrsync.adapters.status_query import read_status
from lrsync.core.catalogs import Origin, SnapshotId, SnapshotPart, snapshot_object
from lrsync.core.events import Notice
from lrsync.core.findings import FindingKind
from lrsync.errors import ExitCode
from tests.e2e.machine import tree_facts
from tests.engine.world import PREFIX
from tests.lightroom import writer
from tests.lightroom.generator import LR13, UNKNOWN, write_catalog
from tests.lightroom.library import CatalogWorld
from tests.lightroom.test_copy import is_sound, writer_of, writing
from tests.lightroom.test_sync import Busy, add_photo, kinds, opened_in_wal, stored, zip_backup


@pytest.fixture
def world(tmp_path: Path) -> CatalogWorld:
    """Photos in the source, and two catalogs of one name elsewhere."""
    made = CatalogWorld(tmp_path)
    made.make({"a.nef": b"raw a", "b.jpg": b"b"})
    paths = [tmp_path / "fast/My.lrcat", tmp_path / "old/My.lrcat"]
    for number, path in enumerate(paths, start=1):
        make_catalog(made, path, number)
    made.outside = NotedCatalogs(made.path, paths)
    return made


def make_catalog(world: CatalogWorld, path: Path, photos: int) -> Path:
    names = [f"{number}.nef" for number in range(photos)]
    return write_catalog(path, {f"{world.photos}/": {"": names}}, LR13)


def fast(world: CatalogWorld) -> Path:
    return world.home / "fast/My.lrcat"


def photos(world: CatalogWorld) -> dict[str, list[int]]:
    """How many photos each catalog's snapshots have, the newest first."""
    found: dict[str, list[int]] = {}
    for snapshot in world.catalog_snapshots():
        found.setdefault(snapshot.note.catalog, []).append(snapshot.note.photos)
    return found


def test_each_has_snapshots_of_its_own_and_no_key_in_the_tree(world: CatalogWorld) -> None:
    before = tree_facts(world.home / "fast")
    done = world.sync()
    assert done.exit_code is ExitCode.OK
    assert done.catalogs is not None
    assert (done.catalogs.changed, done.catalogs.snapshots, done.catalogs.waiting) == (2, 2, 0)
    assert photos(world) == {str(fast(world)): [1], str(world.home / "old/My.lrcat"): [2]}
    assert len({snapshot.id.name for snapshot in world.catalog_snapshots()}) == 2
    assert set(world.objects()) == {"Photos/a.nef", "Photos/b.jpg"}
    assert tree_facts(world.home / "fast") == before


def test_the_next_night_is_quiet(world: CatalogWorld) -> None:
    with opened_in_wal(fast(world)) as connection:
        add_photo(connection, 1)
        world.sync()
        done = world.sync()
        assert (world.opened, done.requests.total, done.catalogs) == ([], 0, None)
        add_photo(connection, 2)
        done = world.sync()
        assert photos(world)[str(fast(world))] == [3, 2]
    assert world.opened == ["catalogs"], "the manifest's rows have nothing to do with it"


def test_the_data_folder_goes_along(world: CatalogWorld) -> None:
    data = Path(f"{fast(world)}-data")
    data.mkdir()
    (data / "CURRENT").write_bytes(b"c")
    world.sync()
    assert sum(key.endswith("data.tar.zst") for key in stored(world)) == 1
    (data / "000001.sst").write_bytes(b"a mask")
    world.sync()
    assert sum(key.endswith("data.tar.zst") for key in stored(world)) == 2


def test_beside_a_live_writer_what_is_stored_is_sound_and_nothing_is_left(world: CatalogWorld, tmp_path: Path) -> None:
    world.wait_s = 30
    with closing(sqlite3.connect(fast(world))) as connection:
        writer.prepare(connection)
        connection.commit()
    with writing(*writer_of(fast(world), ("WAL", "EXCLUSIVE"))):
        names = sorted(path.name for path in fast(world).parent.iterdir())
        for _ in range(2):
            assert world.sync().exit_code is ExitCode.OK
        assert sorted(path.name for path in fast(world).parent.iterdir()) == names
    for number, snapshot in enumerate(world.catalog_snapshots()):

        @contextmanager
        def fetch(part: SnapshotPart, of: SnapshotId = snapshot.id) -> Iterator[Iterator[bytes]]:
            with world.store.get(snapshot_object(PREFIX, of, part.object)) as chunks:
                yield chunks

        (database,) = place_catalog(snapshot.note, fetch, tmp_path / f"restored{number}")
        assert snapshot.note.catalog != str(fast(world)) or is_sound(database)


def test_a_touched_one_is_looked_at_once(world: CatalogWorld) -> None:
    world.sync()
    os.utime(fast(world))
    done = world.sync()
    assert (done.catalogs and done.catalogs.changed, len(world.catalog_snapshots())) == (1, 2)
    assert world.sync().requests.total == 0


def test_what_was_noted_may_be_lost(world: CatalogWorld) -> None:
    world.sync()
    for content in (b"", b"{}", b'{"format": 1, "catalogs": {"x": [1]}}', b"\xff"):
        world.path.with_name("manifest.sqlite.catalogs").write_bytes(content)
        done = world.sync()
        assert (done.exit_code, len(world.catalog_snapshots())) == (ExitCode.OK, 2)
        assert world.sync().requests.total == 0


def test_a_dry_run_stores_and_notes_nothing(world: CatalogWorld) -> None:
    done = world.sync(dry_run=True)
    assert (done.exit_code, world.store.keys()) == (ExitCode.OK, [])
    assert sum(isinstance(e, Notice) and "would be stored" in e.message for e in world.events) == 2
    world.sync()
    assert len(world.catalog_snapshots()) == 2


def test_one_that_is_not_there_needs_a_person_every_night(world: CatalogWorld) -> None:
    world.sync()
    fast(world).rename(world.home / "away.lrcat")
    for _ in range(2):
        done = world.sync()
        assert (kinds(done), done.exit_code) == ([FindingKind.CATALOG_MISSING], ExitCode.NEEDS_PERSON)
        assert done.findings[0].path == str(fast(world))
        assert done.requests.total == 0
        assert done.catalogs is not None
        assert (done.catalogs.changed, done.catalogs.waiting) == (0, 1)
    assert len(world.catalog_snapshots()) == 2
    (world.home / "away.lrcat").rename(fast(world))
    assert world.sync().exit_code is ExitCode.OK


def test_one_that_cannot_be_looked_at_is_said_with_the_reason(
    world: CatalogWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: str) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("lrsync.adapters.outside_catalogs.family_of", refuse)
    done = world.sync()
    assert kinds(done) == [FindingKind.CATALOG_MISSING] * 2
    assert "cannot be looked at: Permission denied" in done.findings[0].message


@contextmanager
def sources_that_are_busy(world: CatalogWorld) -> Iterator[None]:
    world.wrap_source = Busy
    yield
    world.wrap_source = lambda source: source


def test_lightrooms_own_backup_goes_up_while_it_is_busy(world: CatalogWorld) -> None:
    zip_backup(fast(world), "2024-06-01 1200", 1_700_000_000)
    with sources_that_are_busy(world):
        done = world.sync()
        assert FindingKind.CATALOG_BUSY in kinds(done)
        # The other has no backup beside it.
        assert [error.path for error in done.errors] == [str(world.home / "old/My.lrcat")]
        assert done.exit_code is ExitCode.INCOMPLETE
        (snapshot,) = world.catalog_snapshots()
        assert (snapshot.note.origin, snapshot.note.taken_ns) == (Origin.BACKUP, 1_700_000_000 * 10**9)
        status = read_status(world.path)
        assert status is not None
        assert (status.safe, status.pending) == (2, 2)
        assert world.sync().exit_code is ExitCode.INCOMPLETE
        assert len(world.catalog_snapshots()) == 1
    make_catalog(world, fast(world), 3)
    assert world.sync().exit_code is ExitCode.OK
    assert photos(world) == {str(fast(world)): [3, 1], str(world.home / "old/My.lrcat"): [2]}
    status = read_status(world.path)
    assert status is not None
    assert (status.safe, status.pending, status.findings) == (2, 0, ())


def test_an_old_backup_never_hides_a_newer_snapshot(world: CatalogWorld) -> None:
    zip_backup(fast(world), "2024-06-01 1200", 1_700_000_000)
    world.sync()
    make_catalog(world, fast(world), 5)
    with sources_that_are_busy(world):
        done = world.sync()
    assert kinds(done) == [FindingKind.CATALOG_BUSY]
    assert "has nothing newer than the snapshots in the bucket" in done.findings[0].message
    assert photos(world)[str(fast(world))] == [1]
    assert {snapshot.note.origin for snapshot in world.catalog_snapshots()} == {Origin.COPY}


def test_a_damaged_one_keeps_its_good_snapshots(world: CatalogWorld, tmp_path: Path) -> None:
    world.sync()
    fast(world).write_bytes(b"this is no database" * 100)
    zip_backup(fast(world), "2024-06-01 1200", 1_700_000_000)
    for _ in range(2):
        done = world.sync()  # its only backup is no database either
        assert (kinds(done), done.exit_code) == ([FindingKind.CATALOG_DAMAGED], ExitCode.NEEDS_PERSON)
        assert "its last good snapshot in the bucket was kept" in done.findings[0].message
        assert photos(world)[str(fast(world))] == [1]
    make_catalog(world, fast(world), 4)
    assert world.sync().exit_code is ExitCode.OK
    newest = next(s for s in world.catalog_snapshots() if s.note.catalog == str(fast(world)))
    assert newest.note.photos == 4


def test_a_damaged_one_of_which_nothing_is_stored_is_a_failure(world: CatalogWorld) -> None:
    fast(world).write_bytes(b"this is no database" * 100)
    done = world.sync()
    assert (done.exit_code, [error.path for error in done.errors]) == (ExitCode.INCOMPLETE, [str(fast(world))])
    assert "the catalog is damaged" in done.errors[0].message


def test_an_unknown_version_never_fails_it(world: CatalogWorld) -> None:
    write_catalog(fast(world), {"/p/": {"": ["a.nef"]}}, UNKNOWN)
    assert world.sync().exit_code is ExitCode.OK
    assert any(isinstance(e, Notice) and "is not known here; it is backed up" in e.message for e in world.events)


def test_the_bucket_refusing_it_is_an_error_and_the_next_night_tries_again(world: CatalogWorld) -> None:
    def refuse(operation: str, key: str) -> None:
        if operation == "put" and "/catalogs/" in key:
            from lrsync.errors import ObjectError

            raise ObjectError("no room", code="InsufficientStorage")

    world.store.fail = refuse
    done = world.sync()
    assert (done.exit_code, len(done.errors)) == (ExitCode.INCOMPLETE, 2)
    world.store.fail = None
    assert world.sync().exit_code is ExitCode.OK
    assert len(world.catalog_snapshots()) == 2


def test_the_newest_are_kept(world: CatalogWorld) -> None:
    for night in range(1, 6):
        make_catalog(world, fast(world), night)
        world.sync(keep_catalogs=2)
    # Five nights are within one or two weeks: of those the last one stays beside the newest two.
    assert photos(world)[str(fast(world))][:2] == [5, 4]
    assert len(photos(world)[str(fast(world))]) <= 4
