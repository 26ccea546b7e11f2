"""A sync that starts from an empty manifest, on a bucket that holds the library already."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from lrsync.core.findings import FindingKind
from lrsync.errors import ExitCode
from tests.engine.world import PREFIX, World

GOOD, BAD = b"good raw" * 100, b"good rXw" * 100


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def lose_manifest(world: World) -> None:
    for file in world.home.glob("manifest.sqlite*"):
        file.unlink()
    world.new_manifest(world.path)


def test_a_rotten_original_does_not_replace_the_last_good_copy(world: World) -> None:
    world.make({"a.nef": GOOD, "b.jpg": b"jpeg"})
    world.sync()
    lose_manifest(world)
    world.make({"a.nef": BAD})
    summary = world.sync(full=True)
    assert summary.exit_code is ExitCode.NEEDS_PERSON
    assert [(f.kind, f.path) for f in summary.findings] == [(FindingKind.ORIGINAL_CHANGED, "a.nef")]
    assert (summary.actions.quarantined, summary.actions.adopted, summary.actions.uploaded) == (1, 1, 0)
    assert world.objects()[f"{PREFIX}/a.nef"] == GOOD
    row = world.row("a.nef")
    assert row is not None
    assert row.size == len(GOOD), "the row is of the object, not of the disk"
    again = world.sync()
    assert (again.exit_code, again.actions.quarantined, again.bytes.hashed) == (ExitCode.NEEDS_PERSON, 1, 0)
    world.make({"a.nef": GOOD})
    healed = world.sync()
    assert (healed.exit_code, healed.actions.uploaded, healed.findings) == (ExitCode.OK, 0, [])


def test_a_cut_off_original_of_another_tool_is_seen_by_its_size(world: World) -> None:
    world.make({"a.nef": GOOD})
    world.sync()
    world.store.versions[f"{PREFIX}/a.nef"][-1].metadata.clear()
    lose_manifest(world)
    world.make({"a.nef": GOOD[:-1]})
    assert world.sync(full=True).actions.quarantined == 1
    assert world.objects()[f"{PREFIX}/a.nef"] == GOOD
    assert world.sync().actions.quarantined == 1


def test_an_edited_picture_replaces_its_object_and_the_old_one_is_kept(world: World) -> None:
    world.make({"b.jpg": b"jpeg"})
    world.sync()
    lose_manifest(world)
    world.make({"b.jpg": b"edited"})
    summary = world.sync(full=True)
    assert (summary.exit_code, summary.actions.uploaded) == (ExitCode.OK, 1)
    assert world.trash() == {"b.jpg": b"jpeg"}


def test_a_mass_change_is_seen_without_rows_too(world: World) -> None:
    pictures = {f"{i:03}.jpg": f"photo {i}".encode() for i in range(60)}
    world.make(pictures)
    world.sync()
    before = world.objects()
    lose_manifest(world)
    world.make({name: os.urandom(20) for name in pictures})
    summary = world.sync(full=True)
    assert FindingKind.MASS_CHANGE in {f.kind for f in summary.findings}
    assert summary.exit_code is ExitCode.NEEDS_PERSON
    assert world.objects() == before


def test_after_a_rebuild_from_the_listing_alone_each_file_is_hashed_once(world: World) -> None:
    """Size and time agree, the bytes do not: metadata says what was sent once, not what the disk has now."""
    world.make({"a.nef": GOOD, "b.jpg": b"jpeg"})
    world.sync()
    stat = (world.photos / "a.nef").stat()
    (world.photos / "a.nef").write_bytes(BAD)
    os.utime(world.photos / "a.nef", ns=(stat.st_mtime_ns, stat.st_mtime_ns))
    world.rebuild()
    summary = world.sync()
    assert (summary.bytes.hashed, summary.bytes.uploaded) == (len(BAD) + 4, 0)
    assert [(f.kind, f.path) for f in summary.findings] == [(FindingKind.ORIGINAL_CHANGED, "a.nef")]
    assert world.objects()[f"{PREFIX}/a.nef"] == GOOD


def test_a_rebuild_that_a_bug_ends_says_so_in_its_row(world: World) -> None:
    world.make({"b.jpg": b"jpeg"})
    world.sync()

    def hook(name: str, key: str) -> None:
        if name == "head":
            raise RuntimeError("a bug")

    world.store.fail = hook
    with pytest.raises(RuntimeError, match="a bug"):
        world.rebuild()
    with closing(sqlite3.connect(world.home / "rebuilt.sqlite")) as manifest:
        rows = manifest.execute("SELECT kind, result, exit_code FROM runs").fetchall()
    assert rows == [("rebuild-manifest", "failed", int(ExitCode.BUG))]


@pytest.mark.parametrize("is_rebuilt", [True, False])
@pytest.mark.parametrize("full", [True, False])
def test_other_bytes_of_the_same_size_and_time_do_not_replace_what_no_row_explains(
    world: World, is_rebuilt: bool, full: bool
) -> None:
    """Without rows nothing but the time tells rot from an edit, and an edit moves it on."""
    world.make({"2024": {"a.jpg": b"good jpeg", "b.jpg": b"edited one", "c.xmp": b"good sidecar"}})
    world.sync()
    for name, data in (("a.jpg", b"good jXeg"), ("c.xmp", b"good sXdecar")):
        stat = (world.photos / "2024" / name).stat()
        (world.photos / "2024" / name).write_bytes(data)
        os.utime(world.photos / "2024" / name, ns=(stat.st_mtime_ns, stat.st_mtime_ns))
    (world.photos / "2024/b.jpg").write_bytes(b"edited two")
    world.rebuild() if is_rebuilt else lose_manifest(world)
    summary = world.sync(full=full)
    assert (summary.exit_code, summary.actions.uploaded) == (ExitCode.NEEDS_PERSON, 1)
    assert {(f.kind, f.path) for f in summary.findings} == {
        (FindingKind.ORIGINAL_CHANGED, "2024/a.jpg"),
        (FindingKind.ORIGINAL_CHANGED, "2024/c.xmp"),
    }
    assert all("the same size and time" in finding.message for finding in summary.findings)
    good = {"2024/a.jpg": b"good jpeg", "2024/b.jpg": b"edited two", "2024/c.xmp": b"good sidecar"}
    assert world.objects() == {f"{PREFIX}/{path}": data for path, data in good.items()}
    (world.photos / "2024/a.jpg").chmod(0o600)
    assert world.sync().actions.quarantined == 2, "another change time makes it no edit"
    assert world.objects()[f"{PREFIX}/2024/a.jpg"] == b"good jpeg"
    (world.photos / "2024/a.jpg").write_bytes(b"good jpeg")
    (world.photos / "2024/c.xmp").write_bytes(b"a new sidecar")
    summary = world.sync()
    assert (summary.exit_code, summary.actions.uploaded) == (ExitCode.OK, 1)


def test_nobody_says_of_lrsyncs_own_object_that_it_is_not(world: World) -> None:
    """A listing tells no metadata: without the row nobody knows who wrote what a gone file left behind."""
    world.make({"a.nef": GOOD, "b.jpg": b"jpeg"})
    world.sync()
    (world.photos / "b.jpg").unlink()
    lose_manifest(world)
    (finding,) = world.sync(full=True).findings
    assert (finding.kind, finding.path) == (FindingKind.UNKNOWN_OBJECT, f"{PREFIX}/b.jpg")
    assert "lrsync did not write" not in finding.message
    assert "rebuild-manifest" in finding.hint
    assert world.rebuild().findings == []
