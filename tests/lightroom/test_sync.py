"""A sync beside catalogs: never a live file in the bucket, always a checked copy, and a quiet night stays quiet."""

from __future__ import annotations

import os
import shutil
import sqlite3
import zipfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from lrsync.adapters.catalog_read import CatalogReader, settle_copy
from lrsync.core.catalogs import Origin
from lrsync.core.findings import FindingKind
from lrsync.core.ports import CatalogBusyError, CatalogCopy, CatalogSource
from lrsync.core.runs import RunSummary
from lrsync.core.storage import StorageRules
from lrsync.errors import ExitCode
from tests.e2e.machine import tree_facts
from tests.engine.world import HOUR_NS
from tests.lightroom.generator import LR5, LR13, UNKNOWN, Photo, write_catalog
from tests.lightroom.library import CatalogWorld
from tests.stores.memory import MemoryStore

KEY = "Photos/cat/My.lrcat"


@pytest.fixture
def world(tmp_path: Path) -> CatalogWorld:
    return CatalogWorld(tmp_path)


def make_catalog(world: CatalogWorld, photos: int = 3, **more: Any) -> Path:
    names = [f"{number}.nef" for number in range(photos)]
    return write_catalog(world.photos / "cat/My.lrcat", {f"{world.photos}/": {"": names}}, **more)


def photos_in(data: bytes, folder: Path) -> int:
    """How many photos a catalog's bytes name: they must be sound by themselves."""
    path = folder / "restored.lrcat"
    path.write_bytes(data)
    settle_copy(path)
    with CatalogReader(path) as reader:
        found = reader.facts().files
    path.unlink()
    return found


@contextmanager
def opened_in_wal(path: Path) -> Iterator[sqlite3.Connection]:
    """The catalog as Lightroom has it open: the last changes are in the log only."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        yield connection


def add_photo(connection: sqlite3.Connection, number: int) -> None:
    connection.execute(
        "INSERT INTO AgLibraryFile (id_global, folder, idx_filename) SELECT ?, folder, ? FROM AgLibraryFile LIMIT 1",
        (f"new{number}", f"new{number}.nef"),
    )


def reserved(world: CatalogWorld) -> set[str]:
    return {key.rpartition("/")[2] for key in stored(world)}


def stored(world: CatalogWorld) -> list[str]:
    keys = world.store.keys()
    return [key for key in keys if "/.lrsync/catalogs/" in key]


def test_a_catalog_is_kept_twice_in_the_tree_and_as_a_snapshot(world: CatalogWorld, tmp_path: Path) -> None:
    catalog = make_catalog(world, version=LR13)
    done = world.sync()
    assert done.exit_code is ExitCode.OK
    assert world.objects() == {KEY: catalog.read_bytes()}
    (snapshot,) = world.catalog_snapshots()
    assert (snapshot.note.photos, snapshot.note.db_version) == (3, LR13.db)
    assert (snapshot.note.catalog, snapshot.note.origin) == ("cat/My.lrcat", Origin.COPY)
    assert reserved(world) == {"catalog.lrcat.zst", "snapshot.json"}
    assert done.catalogs is not None
    assert (done.catalogs.changed, done.catalogs.snapshots) == (1, 1)


def test_the_next_night_is_quiet(world: CatalogWorld) -> None:
    with opened_in_wal(make_catalog(world)) as connection:
        add_photo(connection, 1)
        world.sync()
        world.sync()
        done = world.sync()
    assert done.changes.unchanged == 1
    assert (world.opened, done.requests.total) == ([], 0)


def test_what_is_only_in_the_log_is_in_the_copy(world: CatalogWorld, tmp_path: Path) -> None:
    with opened_in_wal(make_catalog(world)) as connection:
        add_photo(connection, 1)
        before = tree_facts(world.photos)
        world.sync()
        assert tree_facts(world.photos) == before
        assert set(world.objects()) == {KEY}
        assert world.objects()[KEY] != (world.photos / "cat/My.lrcat").read_bytes()
        assert photos_in(world.objects()[KEY], tmp_path) == 4
        add_photo(connection, 2)
        done = world.sync()
        assert (done.changes.modified, done.actions.uploaded) == (1, 1)
        assert photos_in(world.objects()[KEY], tmp_path) == 5
        assert [snapshot.note.photos for snapshot in world.catalog_snapshots()] == [5, 4]


def test_a_touched_catalog_makes_no_second_snapshot(world: CatalogWorld) -> None:
    catalog = make_catalog(world)
    world.sync()
    os.utime(catalog)
    done = world.sync()
    assert (done.changes.touched, done.actions.uploaded) == (1, 0)
    assert len(world.catalog_snapshots()) == 1


def test_the_data_folder_goes_along_under_the_same_snapshot(world: CatalogWorld) -> None:
    catalog = make_catalog(world)
    data = Path(f"{catalog}-data")
    (data / "sub").mkdir(parents=True)
    for name in ("CURRENT", "MANIFEST-000004", "000003.sst", "LOCK", "LOG", "LOG.old.1", "sub/x"):
        (data / name).write_bytes(name.encode() * 10)
    world.sync()
    assert set(world.objects()) == {KEY}
    assert reserved(world) == {"catalog.lrcat.zst", "data.tar.zst", "snapshot.json"}
    (data / "LOG").write_bytes(b"opened again")
    assert world.sync().changes.unchanged == 1
    (data / "000005.sst").write_bytes(b"a mask")
    done = world.sync()
    assert (done.changes.touched, done.catalogs.snapshots if done.catalogs else 0) == (1, 1)
    first, second = (s.note.digests for s in world.catalog_snapshots())
    assert len(first & second) == 1  # the database is the same, the data is not


def test_companions_without_a_catalog_are_files_like_any_others(world: CatalogWorld) -> None:
    world.make({"Old.lrcat-data": {"CURRENT": b"c"}, "Old.lrcat-wal": b"w"})
    world.sync()
    assert set(world.objects()) == {"Photos/Old.lrcat-data/CURRENT", "Photos/Old.lrcat-wal"}


def test_companions_that_were_backed_up_before_are_not_missing(world: CatalogWorld) -> None:
    wrap, world.wrap_tree, world.catalogs = world.wrap_tree, lambda tree: tree, None
    catalog = make_catalog(world)
    world.make({"cat": {"My.lrcat-data": {"CURRENT": b"c"}, "My.lrcat-wal": b"w"}})
    world.sync()
    world.wrap_tree, world.catalogs = wrap, world._catalog_ports
    Path(f"{catalog}-wal").unlink()
    done = world.sync(delete=True)
    assert (done.changes.missing, done.actions.trashed, done.exit_code) == (0, 0, ExitCode.OK)
    assert set(world.objects()) == {KEY, f"{KEY}-data/CURRENT", f"{KEY}-wal"}


def test_a_catalog_that_is_gone_is_missing_and_can_be_deleted(world: CatalogWorld) -> None:
    catalog = make_catalog(world)
    (world.photos / "a.jpg").write_bytes(b"a")
    world.sync()
    catalog.unlink()
    assert world.sync().changes.missing == 1
    assert world.sync(delete=True).actions.trashed == 1
    assert "cat/My.lrcat" in world.trash()
    assert len(world.catalog_snapshots()) == 1


def test_a_dry_run_stores_nothing(world: CatalogWorld) -> None:
    make_catalog(world)
    done = world.sync(dry_run=True)
    assert done.actions.uploaded == 1
    assert world.store.keys() == []


@pytest.mark.parametrize("version", [LR5, UNKNOWN], ids=["known", "unknown"])
def test_an_unknown_version_never_fails_the_backup(world: CatalogWorld, version: Any) -> None:
    make_catalog(world, version=version)
    assert world.sync().exit_code is ExitCode.OK
    assert len(world.catalog_snapshots()) == 1


# --- no quiet moment --------------------------------------------------------------------------------------


class Busy:
    """A source whose catalogs are written to all the time."""

    def __init__(self, inner: CatalogSource) -> None:
        self.newest_backup = inner.newest_backup

    @contextmanager
    def copied(self, path: str) -> Iterator[CatalogCopy]:
        raise CatalogBusyError("no quiet moment in 60 s")
        yield


def zip_backup(catalog: Path, day: str, mtime: int, *, damaged: bool = False) -> None:
    folder = catalog.parent / "Backups" / day
    folder.mkdir(parents=True)
    path = folder / f"{catalog.name}.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(catalog, catalog.name)
    if damaged:
        path.write_bytes(path.read_bytes()[:-100])
    os.utime(path, (mtime, mtime))


def kinds(done: RunSummary) -> list[FindingKind]:
    return [finding.kind for finding in done.findings]


def test_lightrooms_own_newest_sound_backup_goes_up_instead(world: CatalogWorld) -> None:
    catalog = make_catalog(world, photos=2)
    zip_backup(catalog, "2024-06-01 1200", 1_700_000_000)
    make_catalog(world, photos=4)
    zip_backup(catalog, "2024-06-02 1200", 1_710_000_000)
    zip_backup(catalog, "2024-06-03 1200", 1_720_000_000, damaged=True)
    make_catalog(world, photos=9)
    world.wrap_source = Busy
    done = world.sync()
    assert (kinds(done), done.exit_code) == ([FindingKind.CATALOG_BUSY], ExitCode.NEEDS_PERSON)
    assert KEY not in world.objects()
    (snapshot,) = world.catalog_snapshots()
    assert (snapshot.note.origin, snapshot.note.photos) == (Origin.BACKUP, 4)
    # The next night it is tried again; the same backup is not stored twice.
    assert world.sync().exit_code is ExitCode.NEEDS_PERSON
    assert len(world.catalog_snapshots()) == 1
    world.wrap_source = lambda source: source
    assert world.sync().exit_code is ExitCode.OK
    assert [s.note.photos for s in world.catalog_snapshots()] == [9, 4]
    assert world.sync().findings == []


def test_without_any_backup_it_is_a_failure(world: CatalogWorld) -> None:
    make_catalog(world)
    world.wrap_source = Busy
    done = world.sync()
    assert done.exit_code is ExitCode.INCOMPLETE
    assert "no sound backup by Lightroom" in done.errors[0].message


# --- damage -----------------------------------------------------------------------------------------------


def test_a_damaged_catalog_never_replaces_the_last_good_one(world: CatalogWorld) -> None:
    catalog = make_catalog(world)
    world.sync()
    good = world.objects()
    catalog.write_bytes(catalog.read_bytes()[:5000] + b"\xff" * 20_000)
    done = world.sync()
    assert (kinds(done), done.exit_code) == ([FindingKind.CATALOG_DAMAGED], ExitCode.NEEDS_PERSON)
    assert (world.objects(), len(world.catalog_snapshots())) == (good, 1)
    assert world.sync().exit_code is ExitCode.NEEDS_PERSON
    make_catalog(world, photos=5)
    assert world.sync().exit_code is ExitCode.OK


def test_a_new_damaged_catalog_is_backed_up_as_it_is_and_said(world: CatalogWorld) -> None:
    world.make({"cat": {"My.lrcat": b"this is no database"}})
    done = world.sync()
    assert (kinds(done), done.exit_code) == ([FindingKind.SUSPECT_ORIGINAL], ExitCode.NEEDS_PERSON)
    assert world.objects() == {KEY: b"this is no database"}
    assert world.catalog_snapshots() == []
    assert kinds(world.sync()) == [FindingKind.SUSPECT_ORIGINAL]
    make_catalog(world)
    assert world.sync().findings == []


def test_in_a_mass_change_the_snapshot_is_stored_and_nothing_is_overwritten(world: CatalogWorld) -> None:
    photos = {f"{number}.jpg": b"%d" % number for number in range(60)}
    world.make(photos)
    make_catalog(world)
    world.sync()
    before = world.objects()
    world.make({name: b"encrypted" + data for name, data in photos.items()})
    make_catalog(world, photos=4)
    assert FindingKind.MASS_CHANGE in kinds(world.sync())
    assert world.objects() == before
    assert [s.note.photos for s in world.catalog_snapshots()] == [4, 3]


# --- crashes and retention --------------------------------------------------------------------------------


def test_a_night_that_dies_after_the_snapshot_goes_on_without_a_second_one(world: CatalogWorld) -> None:
    make_catalog(world)

    def die(operation: str, key: str) -> None:
        if operation == "put" and key == KEY:
            raise KeyboardInterrupt

    world.store.fail = die
    with pytest.raises(KeyboardInterrupt):
        world.sync()
    world.store.fail = None
    assert KEY not in world.objects()
    assert world.sync().actions.uploaded == 1
    assert len(world.catalog_snapshots()) == 1


def test_half_a_snapshot_is_none_and_goes(world: CatalogWorld) -> None:
    make_catalog(world)

    def die(operation: str, key: str) -> None:
        if operation == "put" and key.endswith("snapshot.json"):
            raise KeyboardInterrupt

    world.store.fail = die
    with pytest.raises(KeyboardInterrupt):
        world.sync()
    world.store.fail = None
    assert world.catalog_snapshots() == []
    world.sync()
    assert len(world.catalog_snapshots()) == 1
    assert len(stored(world)) == 2


def test_the_newest_are_kept_and_one_a_week(world: CatalogWorld) -> None:
    for night in range(1, 12):
        make_catalog(world, photos=night)
        world.now_ns += 24 * HOUR_NS  # a run takes another day: one every two
        world.sync(keep_catalogs=2)
    left = world.catalog_snapshots()
    assert [snapshot.note.photos for snapshot in left[:2]] == [11, 10]
    # Nights 1 to 9 are eighteen days: of each week the last one is left.
    weeks = [snapshot.note.taken_ns // (7 * 24 * HOUR_NS) for snapshot in left[2:]]
    assert 3 <= len(weeks) <= 4
    assert len(set(weeks)) == len(weeks)


def test_no_catalog_goes_into_an_archive(world: CatalogWorld) -> None:
    world.store.storage_class = world.storage_class = "DEEP_ARCHIVE"
    plain = MemoryStore()
    plain.versions = world.store.versions
    world.catalog_store, world.storage_class = plain, "STANDARD"
    (world.photos / "a.nef").write_bytes(b"raw")
    make_catalog(world)
    done = world.sync(storage=StorageRules("DEEP_ARCHIVE"))
    classes = {key: versions[-1].storage_class for key, versions in world.store.versions.items()}
    assert {c for key, c in classes.items() if "lrcat" in key or "/catalogs/" in key} == {"STANDARD"}
    assert classes["Photos/a.nef"] == "DEEP_ARCHIVE"
    row = world.row("cat/My.lrcat")
    assert row is not None and row.storage_class == "STANDARD"
    assert done.requests.put == world.store.requests.put + plain.requests.put == 4


def test_a_large_catalog_goes_in_parts(world: CatalogWorld) -> None:
    catalog = make_catalog(world)
    with closing(sqlite3.connect(catalog)) as connection, connection:
        connection.execute("CREATE TABLE blobs (data)")
        connection.executemany("INSERT INTO blobs VALUES (?)", [(os.urandom(1 << 20),) for _ in range(18)])
    done = world.sync()
    assert done.exit_code is ExitCode.OK
    assert world.objects()[KEY] == catalog.read_bytes()
    assert world.store.uploads == []
    assert world.sync().changes.unchanged == 1


def test_a_rebuilt_manifest_knows_the_catalog_again(world: CatalogWorld) -> None:
    with opened_in_wal(make_catalog(world)) as connection:
        add_photo(connection, 1)
        world.sync()
        world.rebuild()
        done = world.sync()
        assert (done.actions.uploaded, len(world.catalog_snapshots())) == (0, 1)
        assert world.sync().changes.unchanged == 1
    shutil.rmtree(world.photos / "cat")
    assert world.sync().changes.missing == 1


# --- the sizes at import ----------------------------------------------------------------------------------


def with_sizes(world: CatalogWorld, *, root: Path | None = None) -> Path:
    """A catalog that noted the sizes of what it imported: a.nef was whole then."""
    photos = [
        Photo("a.nef", import_size=50_000),
        Photo("b.nef", import_size=5),
        Photo("c.jpg", import_size=99),
        "d.nef",
    ]
    return write_catalog(world.photos / "cat/My.lrcat", {f"{root or world.photos}/": {"2024/": photos}})


NEW = {"a.nef": b"cut off", "b.nef": b"b raw", "c.jpg": b"jpeg, rewritten", "d.nef": b"not known"}


def test_a_new_original_of_another_size_than_at_import_is_said_until_it_is_settled(world: CatalogWorld) -> None:
    world.make({"2024": NEW})
    with_sizes(world)
    done = world.sync()
    assert (kinds(done), done.exit_code) == ([FindingKind.SUSPECT_ORIGINAL], ExitCode.NEEDS_PERSON)
    assert done.findings[0].path == "2024/a.nef"
    assert "has 7 bytes, and had 50,000 when Lightroom imported it" in done.findings[0].message
    assert world.objects()["Photos/2024/a.nef"] == b"cut off"
    assert [finding.path for finding in world.sync().findings] == ["2024/a.nef"]
    assert world.sync().requests.total == 0
    (world.photos / "2024/a.nef").unlink()
    assert kinds(world.sync()) == []


def test_only_what_is_new_is_compared(world: CatalogWorld) -> None:
    world.make({"2024": NEW})
    world.sync()
    with_sizes(world)
    assert world.sync().findings == []
    world.make({"2024": {"d.nef": b"d"}, "other": {"a.nef": b"of no catalog"}})
    with_sizes(world)
    assert FindingKind.SUSPECT_ORIGINAL not in kinds(world.sync())


def test_the_source_may_be_reached_by_a_link(world: CatalogWorld) -> None:
    link = world.home / "Link"
    link.symlink_to(world.photos)
    world.make({"2024": NEW})
    with_sizes(world, root=link)
    assert [finding.path for finding in world.sync().findings] == ["2024/a.nef"]


def test_a_catalog_that_notes_no_sizes_never_fails_the_backup(world: CatalogWorld) -> None:
    world.make({"2024": NEW})
    catalog = with_sizes(world)
    with closing(sqlite3.connect(catalog)) as connection, connection:
        connection.execute("ALTER TABLE AgLibraryFile RENAME COLUMN importHash TO hash")
    assert world.sync().exit_code is ExitCode.OK
    assert len(world.catalog_snapshots()) == 1
