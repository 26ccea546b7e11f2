"""Every file that a catalog names is accounted for: exact lists, in every state."""

from __future__ import annotations

import os
import shutil
import sqlite3
import unicodedata
import zipfile
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from lrsync.adapters.catalog_audit import ManifestFacts
from lrsync.adapters.manifest import Manifest
from lrsync.adapters.oddity import Oddity
from lrsync.adapters.schema_names import FILES as FILES_TABLE
from lrsync.adapters.seals import Seals
from lrsync.adapters.sqlite import to_int, to_text
from lrsync.core.audit import FileState
from lrsync.core.events import Notice
from lrsync.core.findings import Finding, FindingKind
from lrsync.core.model import Drift
from lrsync.core.runs import RunKind, RunResult, RunSummary
from lrsync.errors import CatalogError, ExitCode, UsageError
from lrsync.ui.catalog import STATES
from lrsync.ui.catalog_view import audit_report
from tests.engine.world import PREFIX, World
from tests.lightroom.generator import LR13, UNKNOWN, VERSIONS, Photo, Version, write_catalog
from tests.lightroom.library import audit, library, listed


@pytest.fixture
def world(tmp_path: Path) -> World:
    return library(tmp_path)


def a_catalog(world: World, version: Version = LR13, root: str = "") -> Path:
    """RAW with XMP, RAW+JPEG, a virtual copy, and a folder below."""
    root = root or f"{world.photos}/"
    below = {
        "": [Photo("a.nef", "xmp", import_size=3), Photo("b.jpg", copies=2)],
        "2024/06/": [Photo("c.cr2", "JPG,xmp", import_size=4), "d.dng"],
    }
    return write_catalog(world.home / "My.lrcat", {root: below}, version)


FILES = {
    "a.nef": b"nef",
    "a.xmp": b"x",
    "b.jpg": b"jpeg",
    "2024": {"06": {"c.cr2": b"raw!", "c.JPG": b"j", "c.xmp": b"y", "d.dng": b"dng"}},
}
NAMES = ("a.nef", "a.xmp", "b.jpg", "2024/06/c.cr2", "2024/06/c.JPG", "2024/06/c.xmp", "2024/06/d.dng")


@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.db)
def test_all_is_safe(world: World, version: Version) -> None:
    world.make(FILES)
    world.sync()
    report = audit(world, a_catalog(world, version))
    assert listed(report) == {"safe": {f"{world.photos}/{name}" for name in NAMES}}
    assert (report.photos, report.sidecars, report.files) == (4, 3, 7)
    assert report.facts.images == 6
    assert report.exit_code is ExitCode.OK
    assert report.oldest_proof_ns is not None
    assert all(file.proven_ns is not None for file in report.listed)


def test_each_file_is_in_its_state(world: World) -> None:
    world.make({**FILES, "extra.arw": b"e", "notes.txt": b"n", "A Smart Previews.lrdata": {"1.dng": b"p"}})
    world.sync()
    (world.photos / "a.nef").unlink()
    (world.photos / "b.jpg").write_bytes(b"edited")
    (world.photos / "2024/06/d.dng").rename(world.photos / "d-elsewhere.dng")
    (world.photos / "new.jpg").write_bytes(b"n")
    catalog = write_catalog(
        world.home / "My.lrcat",
        {
            f"{world.photos}/": {"": ["a.nef", "b.jpg", "new.jpg", "never.nef"], "2024/06/": ["c.cr2", "d.dng"]},
            f"{world.home}/": {"": ["outside.jpg", "gone.jpg"]},
            "/Volumes/Old Drive/": {"x/": ["far.nef"]},
            "D:/Photos/": {"": ["w.nef"]},
            "//nas/photos/": {"2013/": ["u.nef"]},
        },
    )
    (world.home / "outside.jpg").write_bytes(b"o")
    report = audit(world, catalog)
    root = world.photos
    assert listed(report) == {
        "safe": {f"{root}/2024/06/c.cr2"},
        "restorable": {f"{root}/a.nef", f"{root}/2024/06/d.dng"},
        "changed": {f"{root}/b.jpg"},
        "pending": {f"{root}/new.jpg"},
        "missing": {f"{root}/never.nef", f"{world.home}/gone.jpg"},
        "outside": {f"{world.home}/outside.jpg"},
        "unmounted": {"/Volumes/Old Drive/x/far.nef", "D:/Photos/w.nef", "//nas/photos/2013/u.nef"},
        "not-in-catalog": {"extra.arw", "d-elsewhere.dng", "2024/06/c.JPG"},
    }
    assert report.exit_code is ExitCode.INCOMPLETE
    assert report.roots[f"{root}/"].states[FileState.SAFE] == 1
    assert sum(tally.files for tally in report.roots.values()) == report.files


def test_what_only_a_person_can_mend_ends_with_4(world: World) -> None:
    world.make(FILES)
    world.sync()
    (world.photos / "a.xmp").unlink()
    report = audit(world, a_catalog(world))
    assert listed(report)["restorable"] == {f"{world.photos}/a.xmp"}
    assert report.exit_code is ExitCode.NEEDS_PERSON


@pytest.mark.parametrize("old", ["D:/Photos", "d:/photos", "//nas/share/Photos", "/Volumes/Photos"])
def test_roots_are_mapped(world: World, old: str) -> None:
    world.make(FILES)
    world.sync()
    root = old.upper() + "/" if old[1] == ":" else f"{old}/"
    report = audit(world, a_catalog(world, root=root), map_root=[(old, world.photos)])
    assert listed(report) == {"safe": {root + name for name in NAMES}}
    unmapped = audit(world, a_catalog(world, root=root))
    assert listed(unmapped) == {
        "unmounted": {root + name for name in NAMES},
        "not-in-catalog": {name for name in NAMES if not name.endswith("xmp")},
    }
    assert unmapped.exit_code is ExitCode.NEEDS_PERSON


@pytest.mark.parametrize("catalog_form", ["NFC", "NFD"])
@pytest.mark.parametrize("disk_form", ["NFC", "NFD"])
def test_names_in_another_unicode_form_are_the_same(world: World, catalog_form: str, disk_form: str) -> None:
    folder, name = "Été", "Århus 日本.cr3"
    world.make({unicodedata.normalize(disk_form, folder): {unicodedata.normalize(disk_form, name): b"raw"}})
    world.sync()
    spelled = unicodedata.normalize(catalog_form, f"{folder}/")
    photo = unicodedata.normalize(catalog_form, name)
    catalog = write_catalog(world.home / "É.lrcat", {f"{world.photos}/": {spelled: [photo]}})
    assert listed(audit(world, catalog)) == {"safe": {f"{world.photos}/{spelled}{photo}"}}
    (world.photos / unicodedata.normalize(disk_form, folder) / unicodedata.normalize(disk_form, name)).unlink()
    assert listed(audit(world, catalog)) == {"restorable": {f"{world.photos}/{spelled}{photo}"}}


def test_names_and_times_that_sqlite_has_no_type_for(world: World) -> None:
    world.make({"a.nef": b"raw"})
    stray, late = os.fsdecode(b"\xff.nef"), 2**63 * 10**3
    world.sync()
    with closing(sqlite3.connect(world.path)) as connection, connection:
        change = f"UPDATE {FILES_TABLE} SET name = ?, mtime_ns = ?"
        connection.execute(change, (to_text(stray), to_int(late)))
    with closing(sqlite3.connect(world.path)) as connection:
        (row,) = ManifestFacts(connection).rows("").values()
    assert (row.name, row.size, row.mtime_ns, row.good) == (stray, 3, late, True)


def test_a_catalog_without_an_index_is_read_all_the_same(world: World) -> None:
    world.make(FILES)
    world.sync()
    catalog = a_catalog(world)
    with closing(sqlite3.connect(catalog)) as connection, connection:
        connection.execute("DROP INDEX index_AgLibraryFile_folder")
    before = catalog.read_bytes()
    assert listed(audit(world, catalog)) == {"safe": {f"{world.photos}/{name}" for name in NAMES}}
    assert catalog.read_bytes() == before


def test_without_its_drive_nothing_is_called_missing(world: World) -> None:
    world.make(FILES)
    world.sync()
    catalog = a_catalog(world)
    world.photos.rename(world.home / "unplugged")
    report = audit(world, catalog)
    assert listed(report) == {"unmounted": {f"{world.photos}/{name}" for name in NAMES}}
    assert "does not exist" in report.source_missing
    assert {file.note for file in report.listed} == {"the bucket has it"}


def test_what_the_rules_leave_out_is_said_to_be(world: World) -> None:
    world.rules = type(world.rules)(["*.cr2"])
    world.make(FILES)
    world.sync()
    (file,) = [f for f in audit(world, a_catalog(world)).listed if f.path.endswith("c.cr2")]
    assert file.state is FileState.PENDING


def test_a_file_whose_object_drifted_is_not_safe(world: World) -> None:
    world.make(FILES)
    world.sync()
    with Manifest(world.path, PREFIX) as manifest:
        manifest.set_drift([("b.jpg", Drift.MISSING)])
    assert listed(audit(world, a_catalog(world)))["pending"] == {f"{world.photos}/b.jpg"}


def test_a_file_that_rotted_on_the_disk_is_not_safe(world: World) -> None:
    world.make(FILES)
    world.sync()
    with Seals(world.path) as seals:
        run = seals.begin_run(RunKind.VERIFY, 1)
        finding = Finding(FindingKind.ROT, "2024/06/d.dng", "rotten")
        seals.finish_run(run, RunResult.ATTENTION, RunSummary(), [finding], complete=False)
    assert listed(audit(world, a_catalog(world)))["changed"] == {f"{world.photos}/2024/06/d.dng"}


def test_an_online_only_file_is_neither_safe_nor_missing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.make(FILES)
    world.sync()
    online = world.photos / "b.jpg"
    inode = online.stat().st_ino

    def odd(found: os.stat_result) -> Oddity | None:
        return Oddity.PLACEHOLDER if found.st_ino == inode else None

    for module in ("localfs", "catalog_audit"):
        monkeypatch.setattr(f"lrsync.adapters.{module}.oddity_test", lambda: odd)
    report = audit(world, a_catalog(world))
    assert listed(report)["placeholder"] == {f"{world.photos}/b.jpg"}
    assert report.exit_code is ExitCode.INCOMPLETE


def test_a_photo_without_a_folder_is_not_forgotten(world: World) -> None:
    catalog = a_catalog(world)
    with closing(sqlite3.connect(catalog)) as connection, connection:
        connection.execute("UPDATE AgLibraryFile SET folder = 4711 WHERE idx_filename = 'd.dng'")
    (file,) = [f for f in audit(world, catalog).listed if f.path.endswith("d.dng")]
    assert (file.state, file.note) == (FileState.MISSING, "its folder is not in the catalog")


# --- the last audit ---------------------------------------------------------------------------------------


def test_what_vanished_from_the_catalog_is_an_alarm_once(world: World) -> None:
    world.make(FILES)
    world.sync()
    assert audit(world, a_catalog(world)).previous_ns is None
    root = f"{world.photos}/"
    smaller = write_catalog(world.home / "My.lrcat", {root: {"": [Photo("a.nef", "xmp", 3)], "2024/06/": ["d.dng"]}})
    report = audit(world, smaller)
    assert listed(report)["vanished"] == {f"{root}b.jpg", f"{root}2024/06/c.cr2"}
    assert (report.previous_photos, report.photos) == (4, 2)
    assert report.exit_code is ExitCode.NEEDS_PERSON
    assert report.vanished == [f"{root}2024/06/c.cr2", f"{root}b.jpg"]
    again = audit(world, smaller)
    assert (again.vanished, again.states.get(FileState.VANISHED), again.exit_code) == ([], None, ExitCode.OK)
    assert again.previous_photos == 2


def test_who_was_told_that_photos_vanished_can_ask_for_their_names_afterwards(world: World) -> None:
    world.make(FILES)
    world.sync()
    audit(world, a_catalog(world))
    root = f"{world.photos}/"
    smaller = write_catalog(world.home / "My.lrcat", {root: {"": [Photo("a.nef", "xmp", 3)], "2024/06/": ["d.dng"]}})
    told = audit_report(replace(audit(world, smaller), listed=[])).problems
    assert [line.split(": was")[0] for line in told] == [f"{root}2024/06/c.cr2", f"{root}b.jpg"]
    names = [(f.path, f.note[:10]) for f in audit(world, smaller).listed if f.state is FileState.VANISHED]
    assert names == [(f"{root}2024/06/c.cr2", "told on 20"), (f"{root}b.jpg", "told on 20")]
    audit(world, a_catalog(world))
    assert "vanished" not in listed(audit(world, a_catalog(world)))  # they are back


def test_a_mapping_of_no_root_is_told(world: World) -> None:
    world.make(FILES)
    world.sync()
    catalog = a_catalog(world, root="D:/Photos/2024/")
    report = audit(world, catalog, map_root=[("D:/Photo", world.photos), ("d:/photos", world.home)])
    assert report.unused_mappings == ["D:/Photo"]
    said = "--map-root D:/Photo: no root folder of this catalog is that one or lies in it."
    assert said in audit_report(report).problems


def test_virtual_copies_are_named_where_there_are_any(world: World) -> None:
    plain = write_catalog(world.home / "Plain.lrcat", {f"{world.photos}/": {"": ["a.nef"]}})
    facts = [dict(audit_report(audit(world, each)).grids[2].rows)["Photos"] for each in (a_catalog(world), plain)]
    assert facts == ["4 files, 6 images (virtual copies among them)", "1 file, 1 image"]


def test_a_photo_that_was_moved_has_not_vanished(world: World) -> None:
    world.make(FILES)
    world.sync()
    catalog = a_catalog(world)
    audit(world, catalog)
    with closing(sqlite3.connect(catalog)) as connection, connection:
        connection.execute("UPDATE AgLibraryFile SET idx_filename = 'renamed.dng' WHERE idx_filename = 'd.dng'")
    assert "vanished" not in listed(audit(world, catalog))


def test_each_catalog_has_a_past_of_its_own(world: World) -> None:
    audit(world, a_catalog(world))
    other = write_catalog(world.home / "Other.lrcat", {f"{world.photos}/": {"": ["z.nef"]}})
    assert audit(world, other).previous_ns is None


# --- import witness and edit safety -----------------------------------------------------------------------


def test_an_original_of_another_size_than_at_import_is_named(world: World) -> None:
    world.make({**FILES, "a.nef": b"ne"})
    world.sync()
    report = audit(world, a_catalog(world))
    assert report.witnesses == [(f"{world.photos}/a.nef", 3, 2)]
    assert report.exit_code is ExitCode.NEEDS_PERSON


def test_one_that_was_never_backed_up_is_named_as_well(world: World) -> None:
    world.make({**FILES, "a.nef": b"ne"})
    report = audit(world, a_catalog(world))
    assert report.witnesses == [(f"{world.photos}/a.nef", 3, 2)]
    assert (report.states[FileState.PENDING], report.exit_code) == (7, ExitCode.INCOMPLETE)


def test_what_lightroom_rewrites_may_have_another_size(world: World) -> None:
    world.make({"a.dng": b"dng with metadata"})
    world.sync()
    catalog = write_catalog(world.home / "My.lrcat", {f"{world.photos}/": {"": [Photo("a.dng", import_size=3)]}})
    assert audit(world, catalog).witnesses == []


def test_edits_that_only_the_catalog_has_are_counted(world: World) -> None:
    photos = [Photo("a.nef", dirty=True, copies=1), Photo("b.nef", dirty=True), Photo("c.nef")]
    catalog = write_catalog(world.home / "My.lrcat", {f"{world.photos}/": {"": photos}}, writes_xmp=True)
    facts = audit(world, catalog).facts
    assert (facts.unwritten, facts.writes_xmp, facts.files, facts.images) == (2, True, 3, 4)


def test_lightrooms_own_newest_backup_is_looked_into(world: World) -> None:
    catalog = a_catalog(world)
    assert audit(world, catalog).zip_backup is None
    for day, mtime in (("2024-06-01 1200", 1_700_000_000), ("2024-07-01 1200", 1_710_000_000)):
        folder = world.home / "Backups" / day
        folder.mkdir(parents=True)
        with zipfile.ZipFile(folder / "My.lrcat.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.write(catalog, "My.lrcat")
        os.utime(folder / "My.lrcat.zip", (mtime, mtime))
    backup = audit(world, catalog).zip_backup
    assert backup is not None
    assert (backup.made_ns, backup.problem) == (1_710_000_000 * 10**9, "")
    newest = world.home / "Backups/2024-07-01 1200/My.lrcat.zip"
    shutil.copy(newest, world.home / "Backups/My.lrcat.zip")
    os.utime(world.home / "Backups/My.lrcat.zip", (1_711_000_000, 1_711_000_000))
    loose = audit(world, catalog).zip_backup
    assert loose is not None
    assert loose.made_ns == 1_711_000_000 * 10**9
    (world.home / "Backups/My.lrcat.zip").unlink()
    data = bytearray(newest.read_bytes())
    data[len(data) // 2] ^= 0xFF
    newest.write_bytes(data)
    os.utime(newest, (1_710_000_000, 1_710_000_000))
    damaged = audit(world, catalog).zip_backup
    assert damaged is not None
    assert damaged.problem


# --- which catalog ----------------------------------------------------------------------------------------


def test_the_catalog_in_the_source_needs_no_naming(world: World) -> None:
    world.make(FILES)
    shutil.move(a_catalog(world), world.photos / "My.lrcat")
    world.sync()
    assert len(listed(audit(world, None))["safe"]) == len(NAMES)
    shutil.copy(world.photos / "My.lrcat", world.photos / "Two.lrcat")
    world.sync()
    with pytest.raises(UsageError, match="2 catalogs lie in the source"):
        audit(world, None)


def test_an_unknown_version_is_read_with_a_word_about_it(world: World) -> None:
    events: list[object] = []
    audit(world, a_catalog(world, UNKNOWN), events=events)  # type: ignore[arg-type]
    assert any(isinstance(event, Notice) and "9900001" in event.message for event in events)


@pytest.mark.parametrize("data", [b"", b"not a database at all" * 100])
def test_what_is_no_catalog_is_refused(world: World, data: bytes) -> None:
    (world.home / "Bad.lrcat").write_bytes(data)
    with pytest.raises(CatalogError, match="damaged, or is none"):
        audit(world, world.home / "Bad.lrcat")


def test_nothing_is_left_beside_the_catalog_nor_the_manifest(world: World) -> None:
    catalog = a_catalog(world)
    before = sorted(world.home.iterdir())
    audit(world, catalog)
    assert sorted(set(world.home.iterdir()) - set(before)) == [world.home / "manifest.sqlite.audits"]


def test_the_command_knows_every_state() -> None:
    assert tuple(state.value for state in FileState) == STATES
