"""What goes away while the scan runs is not deleted the same night: it may only have moved past the scan."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lrsync.adapters.manifest import Manifest
from lrsync.core.findings import FindingKind
from lrsync.core.model import Change, ChangeKind, Done, Return
from lrsync.core.ports import SourceTree
from lrsync.core.scan import ScannedDir
from lrsync.errors import ExitCode
from tests.engine.world import PREFIX, World


class MovedDuringTheWalk:
    """A tree in which a file moves from a folder that the walk has not met to one that it has left."""

    def __init__(self, inner: SourceTree, photos: Path) -> None:
        self._inner, self._photos = inner, photos

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def walk(self) -> Iterator[ScannedDir]:
        for scanned in self._inner.walk():
            yield scanned
            if scanned.path == "a":
                (self._photos / "b" / "moved.jpg").rename(self._photos / "a" / "moved.jpg")


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path)
    made.make({"a": {"stays.jpg": b"stays"}, "b": {"moved.jpg": b"moved", "other.jpg": b"other"}})
    made.sync()
    made.now_ns = time.time_ns() - 24 * 3600 * 10**9  # the next run begins now, by the disk's own clock
    return made


def test_a_file_that_moves_past_the_scan_keeps_its_object_that_night(world: World) -> None:
    world.wrap_tree = lambda inner: MovedDuringTheWalk(inner, world.photos)  # type: ignore[assignment,return-value]
    summary = world.sync(delete=True)
    assert (summary.changes.missing, summary.actions.trashed) == (1, 0)
    assert world.trash() == {}
    world.wrap_tree = lambda inner: inner
    world.now_ns += 60 * 10**9
    summary = world.sync(delete=True)
    assert (summary.exit_code, summary.actions.copied, summary.actions.uploaded) == (ExitCode.OK, 1, 0)
    assert world.objects() == world.files()


def test_a_whole_folder_that_goes_during_the_scan_waits_too(world: World) -> None:
    later_ns = time.time_ns() + 3600 * 10**9
    (world.photos / "b" / "moved.jpg").unlink()
    (world.photos / "b" / "other.jpg").unlink()
    (world.photos / "b").rmdir()
    os.utime(world.photos, ns=(later_ns, later_ns))
    assert world.sync(delete=True, full=True).actions.trashed == 0
    world.now_ns = later_ns
    assert world.sync(delete=True).actions.trashed == 2


@pytest.mark.parametrize("days_back", [1, 20_000], ids=["a day", "no battery"])
def test_a_clock_that_runs_behind_is_said_to_keep_deletes_from_being_done(world: World, days_back: int) -> None:
    (world.photos / "b" / "moved.jpg").unlink()
    now_ns = world.now_ns
    world.now_ns -= days_back * 24 * 3600 * 10**9
    summary = world.sync(delete=True)
    assert (summary.exit_code, summary.actions.trashed) == (ExitCode.NEEDS_PERSON, 0)
    (finding,) = summary.findings
    assert finding.kind is FindingKind.DELETE_GUARD
    assert "clock 1 of the files that are gone went in the future" in finding.message
    assert "set this computer's clock" in finding.hint
    world.now_ns = now_ns + 3600 * 10**9
    summary = world.sync(delete=True)
    assert (summary.exit_code, summary.actions.trashed) == (ExitCode.OK, 1)


def test_a_missing_file_of_unproven_content_is_not_deleted(world: World) -> None:
    row = world.row("b/other.jpg")
    assert row is not None
    with Manifest(world.path, PREFIX) as manifest:
        manifest.record([Done(Return(Change(ChangeKind.RETURNED, "b", None, row)), replace(row, sha256=None))])
    (world.photos / "b" / "other.jpg").unlink()
    world.now_ns += 48 * 3600 * 10**9
    assert world.sync(delete=True).actions.trashed == 0
    assert "Photos/b/other.jpg" in world.objects()


def test_what_a_link_leads_to_elsewhere_keeps_its_object(tmp_path: Path) -> None:
    """To another drive, say: no backup follows the link, so the object is the only copy that is not on that drive."""
    world = World(tmp_path)
    world.make({"a.jpg": b"a", "b.jpg": b"b", "2023": {"c.jpg": b"c"}})
    world.sync()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for name in ("b.jpg", "2023"):
        (world.photos / name).rename(elsewhere / name)
        (world.photos / name).symlink_to(elsewhere / name)
    summary = world.sync(delete=True)
    assert (summary.changes.missing, summary.actions.trashed) == (2, 0)
    (world.photos / "b.jpg").unlink()
    assert world.sync(delete=True).actions.trashed == 1
    assert set(world.trash().values()) == {b"b"}
