"""A file that was moved with bad bytes in it: its good object stays, and so does what was said of it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lrsync.adapters.status_query import read_status
from lrsync.core.findings import FindingKind
from lrsync.core.runs import RunSummary
from lrsync.errors import ExitCode
from tests.engine.test_accept_restore import accept, restore
from tests.engine.test_verify import LOCAL, UnchangedCtime, rot, verify
from tests.engine.world import PREFIX, World

GOOD, BAD = b"good raw" * 50, b"bad. raw" * 50
KEY = f"{PREFIX}/2024/a.nef"


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A changed original, found and quarantined."""
    world = World(tmp_path)
    world.make({"2024": {"a.nef": GOOD, "b.jpg": b"jpeg b"}, "c.txt": b"text"})
    world.sync()
    (world.photos / "2024/a.nef").write_bytes(BAD)
    assert world.sync().actions.quarantined == 1
    return world


def move(world: World, name: str) -> None:
    (world.photos / "new").mkdir(exist_ok=True)
    (world.photos / "2024" / name).rename(world.photos / "new" / name)


def found(summary: RunSummary) -> list[tuple[FindingKind, str]]:
    return [(finding.kind, finding.path) for finding in summary.findings]


def test_the_good_object_of_a_quarantined_file_that_was_moved_stays(world: World) -> None:
    move(world, "a.nef")
    for _ in range(3):
        summary = world.sync(delete=True)
        assert (summary.exit_code, summary.actions.trashed) == (ExitCode.NEEDS_PERSON, 0)
        assert found(summary) == [(FindingKind.ORIGINAL_CHANGED, "2024/a.nef")]
        assert "new/a.nef" in summary.findings[0].hint
    assert (world.objects()[KEY], world.objects()[f"{PREFIX}/new/a.nef"]) == (GOOD, BAD)
    report = read_status(world.path)
    assert report is not None
    assert (report.files, report.safe, report.missing, report.quarantined) == (3, 3, 1, 0)
    assert [finding.kind for finding in report.findings] == [FindingKind.ORIGINAL_CHANGED]


def test_the_good_bytes_come_back_to_their_place(world: World) -> None:
    move(world, "a.nef")
    world.sync(delete=True)
    assert restore(world, "2024/a.nef").exit_code is ExitCode.OK
    assert (world.photos / "2024/a.nef").read_bytes() == GOOD
    assert world.sync(delete=True).exit_code is ExitCode.OK
    assert world.objects()[KEY] == GOOD


def test_the_move_is_accepted(world: World) -> None:
    move(world, "a.nef")
    world.sync(delete=True)
    assert accept(world, "2024/a.nef", dry_run=True).exit_code is ExitCode.OK
    assert world.sync(delete=True).exit_code is ExitCode.NEEDS_PERSON
    assert accept(world, "2024/a.nef").exit_code is ExitCode.OK
    summary = world.sync(delete=True)
    assert (summary.exit_code, summary.actions.trashed) == (ExitCode.OK, 1)
    assert world.trash() == {"2024/a.nef": GOOD}


@pytest.mark.parametrize("moved_first", [True, False])
def test_whoever_removes_it_has_decided(world: World, moved_first: bool) -> None:
    if moved_first:
        move(world, "a.nef")
        world.sync(delete=True)
    (world.photos / ("new" if moved_first else "2024") / "a.nef").unlink()
    summary = world.sync(delete=True)
    assert (summary.exit_code, found(summary)) == (ExitCode.OK, [])
    assert world.sync(delete=True).exit_code is ExitCode.OK
    assert KEY not in world.objects()


def test_rot_that_was_moved_is_rot_still(world: World) -> None:
    (world.photos / "2024/a.nef").write_bytes(GOOD)
    world.wrap_tree = UnchangedCtime  # type: ignore[assignment]
    world.sync()
    rot(world.photos / "2024/b.jpg")
    verify(world, LOCAL)
    move(world, "b.jpg")
    for _ in range(2):
        summary = world.sync(delete=True)
        assert (summary.exit_code, summary.actions.trashed) == (ExitCode.NEEDS_PERSON, 0)
        assert found(summary) == [(FindingKind.ROT, "2024/b.jpg")]
    assert world.objects()[f"{PREFIX}/2024/b.jpg"] == b"jpeg b"
    (world.photos / "new/b.jpg").unlink()
    assert world.sync(delete=True).exit_code is ExitCode.OK


def test_a_file_that_comes_back_with_bad_bytes_is_not_missing(world: World) -> None:
    (world.photos / "2024/a.nef").unlink()
    assert world.sync().changes.missing == 1
    (world.photos / "2024/a.nef").write_bytes(BAD)
    os.utime(world.photos / "2024/a.nef")
    summary = world.sync(delete=True)
    assert (summary.actions.quarantined, summary.changes.missing) == (1, 0)
    row = world.row("2024/a.nef")
    assert row is not None
    assert row.missing_since is None
    report = read_status(world.path)
    assert report is not None
    assert (report.files, report.missing, report.quarantined) == (3, 0, 1)
