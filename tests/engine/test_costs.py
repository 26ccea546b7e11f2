"""What nights cost: requests, statements and rows, which must not grow with what did not change."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from lrsync.adapters.localfs import LocalTree
from lrsync.core.model import Content
from lrsync.core.ports import SourceTree
from lrsync.core.runs import RunSummary
from tests.engine.costs import Cost, counted
from tests.engine.world import World

FOLDERS, EACH = 40, 50
FILES = FOLDERS * EACH


class Watched(LocalTree):
    """A tree that counts how often each of its files is read."""

    reads: Counter[str]

    def read(self, path: str, **options: object) -> Content:
        self.reads[path] += 1
        return super().read(path, **options)  # type: ignore[arg-type]


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A library that nobody has backed up yet."""
    world = World(tmp_path)
    world.make(
        {
            f"{folder:02}": {f"{name:02}.jpg": b"%d %d" % (folder, name) for name in range(EACH)}
            for folder in range(FOLDERS)
        }
    )
    return world


def night(world: World, **options: object) -> tuple[Cost, RunSummary, Counter[str]]:
    """One night's cost, what came of it, and which files were read how often."""
    reads: Counter[str] = Counter()

    def watched(tree: SourceTree) -> SourceTree:
        seen = Watched(world.photos, world.rules)
        seen.reads = reads
        return seen

    world.wrap_tree = watched
    before, cost = world.store.requests.total, Cost()
    with counted(cost):
        summary = world.sync(**options)
    cost.requests = world.store.requests.total - before
    return cost, summary, reads


def test_a_first_upload(world: World) -> None:
    cost, summary, reads = night(world, full_every_ns=None)
    assert summary.actions.uploaded == FILES
    assert set(reads.values()) == {1}, "each file is read once"
    assert cost.requests <= FILES + 3, "a PUT for each file, and a listing"
    assert cost.statements <= 2 * FILES + 20 * FOLDERS, "an INSERT a file, and what notes that its folder has changed"
    assert cost.rows <= FOLDERS, "new folders have nothing to be compared with"


def test_a_quiet_night(world: World) -> None:
    world.sync()
    world.sync()
    cost, summary, reads = night(world)
    assert cost.statements <= 30, "however many folders and files there are"
    assert cost.rows <= FOLDERS + 10, "a seal for each folder"
    assert (summary.changes.unchanged, cost.requests, len(reads)) == (FILES, 0, 0)


def test_a_few_changes(world: World) -> None:
    world.sync()
    world.sync()
    for folder in range(5):
        (world.photos / f"{folder:02}" / "07.jpg").write_bytes(b"edited")
    cost, summary, reads = night(world)
    assert cost.statements <= 30 + 5 * 20
    assert cost.rows <= FOLDERS + 10 + 5 * (EACH + 5), (
        "the rows of the folders in which something changed, and no others"
    )
    assert (summary.actions.uploaded, len(reads), cost.requests) == (5, 5, 15), "a look, a copy into the trash, a PUT"
