"""Files that were written a moment ago wait for the next run, and nothing else changes for it."""

from __future__ import annotations

import pytest

from lrsync.adapters.manifest import Manifest
from lrsync.adapters.status_query import read_status
from lrsync.core.findings import FindingKind
from lrsync.core.model import Drift
from lrsync.core.runs import RunSummary
from lrsync.errors import ExitCode
from tests.engine.world import HOUR_NS, PREFIX, World
from tests.trees import LONG_AGO_NS, make_tree

MINUTE_NS = 60_000_000_000
SETTLE_NS = 2 * MINUTE_NS
DAY_NS = 24 * HOUR_NS
LIBRARY = {"2024": {"a.nef": b"raw a", "b.jpg": b"jpeg b"}, "c.txt": b"text"}


def young(world: World, path: str, data: bytes, *, ago_ns: int = MINUTE_NS) -> None:
    """Write a file so long before the next run."""
    (world.photos / path).parent.mkdir(exist_ok=True)
    (world.photos / path).write_bytes(data)
    world.age(path, world.now_ns + DAY_NS - ago_ns)


def sync(world: World, **options: object) -> RunSummary:
    return world.sync(settle_ns=SETTLE_NS, **options)


@pytest.fixture
def backed_up(world: World) -> World:
    make_tree(world.photos, LIBRARY, mtime_ns=LONG_AGO_NS)
    assert sync(world).actions.uploaded == 3
    return world


def test_what_was_just_written_waits_and_goes_up_the_next_night(backed_up: World) -> None:
    world = backed_up
    young(world, "2024/new.jpg", b"half a jpeg")
    young(world, "2024/b.jpg", b"half an edit")
    young(world, "2024/old.jpg", b"whole", ago_ns=3 * MINUTE_NS)
    before = world.objects()
    summary = sync(world)
    assert (summary.exit_code, summary.findings, summary.errors) == (ExitCode.OK, [], [])
    assert (summary.changes.settling, summary.actions.uploaded, summary.changes.unchanged) == (2, 1, 2)
    assert world.objects() == {**before, f"{PREFIX}/2024/old.jpg": b"whole"}, "the old version of an edited file stays"

    report = read_status(world.path, world.clock)
    assert report is not None
    assert (report.files, report.safe, report.pending) == (5, 3, 2)
    assert [(f.kind, f.path) for f in report.findings] == [
        (FindingKind.SETTLING, "2024/b.jpg"),
        (FindingKind.SETTLING, "2024/new.jpg"),
    ]
    summary = sync(world)
    assert (summary.changes.settling, summary.actions.uploaded) == (0, 2)
    assert world.objects() == world.files()
    report = read_status(world.path, world.clock)
    assert report is not None and (report.pending, report.findings) == (0, ())
    assert sync(world).requests.total == 0


@pytest.mark.parametrize(
    ("ago_ns", "waits"),
    [
        (0, True),
        (SETTLE_NS - 1, True),
        (SETTLE_NS, False),
        (-SETTLE_NS, True),  # a clock that is a little ahead
        (-SETTLE_NS - 1, False),
        (-365 * DAY_NS, False),  # a camera that thinks it is next year
    ],
)
def test_how_young_is_too_young(world: World, ago_ns: int, waits: bool) -> None:
    young(world, "a.jpg", b"jpeg", ago_ns=ago_ns)
    summary = sync(world)
    assert (summary.changes.settling, summary.actions.uploaded) == (int(waits), int(not waits))


def test_without_it_nothing_waits(world: World) -> None:
    young(world, "a.jpg", b"jpeg", ago_ns=0)
    assert (world.sync().actions.uploaded, world.row("a.jpg") is not None) == (1, True)


def test_what_is_backed_up_as_it_is_does_not_wait(world: World) -> None:
    young(world, "a.jpg", b"jpeg", ago_ns=MINUTE_NS)
    world.sync()
    with Manifest(world.path, PREFIX) as manifest:
        manifest.set_drift([("a.jpg", Drift.MISSING)])
    world.store.delete(f"{PREFIX}/a.jpg")
    world.now_ns -= DAY_NS
    summary = sync(world)
    assert (summary.changes.settling, summary.actions.uploaded) == (0, 1)


def test_a_delete_run_takes_what_waits_for_present(backed_up: World) -> None:
    world = backed_up
    (world.photos / "2024/b.jpg").unlink()
    assert sync(world).changes.missing == 1
    young(world, "2024/b.jpg", b"back, and other")
    summary = sync(world, delete=True)
    assert (summary.exit_code, summary.actions.trashed) == (ExitCode.OK, 0)
    assert (summary.changes.settling, summary.changes.missing) == (1, 0)
    assert world.objects()[f"{PREFIX}/2024/b.jpg"] == b"jpeg b"
    summary = sync(world, delete=True)
    assert (summary.actions.uploaded, summary.actions.trashed) == (1, 0)
    assert world.objects() == world.files()


def test_what_may_wait_under_another_name_is_not_deleted(backed_up: World) -> None:
    world = backed_up
    (world.photos / "2024/b.jpg").unlink()
    (world.photos / "c.txt").unlink()
    young(world, "2024/moved.jpg", b"jpeg b")
    summary = sync(world, delete=True)
    assert (summary.actions.trashed, summary.changes.settling) == (1, 1)
    assert world.objects()[f"{PREFIX}/2024/b.jpg"] == b"jpeg b" and world.trash() == {"c.txt": b"text"}
    summary = sync(world, delete=True)
    assert (summary.actions.copied, summary.actions.trashed) == (1, 1)
    assert world.objects() == world.files()


def test_a_dry_run_foretells_it(backed_up: World) -> None:
    world = backed_up
    young(world, "2024/new.jpg", b"half", ago_ns=MINUTE_NS - DAY_NS)
    summary = sync(world, dry_run=True)
    assert (summary.changes.settling, summary.actions.uploaded) == (0, 1)
    young(world, "2024/new.jpg", b"half")
    assert sync(world, dry_run=True).changes.settling == 1
    assert world.row("2024/new.jpg") is None
