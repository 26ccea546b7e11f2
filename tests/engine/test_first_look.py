"""A first look: what a first backup sends, as the sync itself counts it."""

from __future__ import annotations

from lrsync.adapters.ignore import IgnoreRules
from lrsync.adapters.localfs import LocalTree
from lrsync.core.filetypes import FileType
from lrsync.core.first_look import ASSUMED_RATE
from lrsync.core.storage import StorageRules
from lrsync.engine.first_look import first_look
from tests.engine.world import World


def test_it_counts_what_a_sync_sends(world: World) -> None:
    world.make({"2024": {"a.nef": b"12345", "a.xmp": b"123"}, "Thumbs.db": b"x", "b.jpg": b""})
    look = first_look(LocalTree(world.photos, IgnoreRules()), bwlimit=None, storage=StorageRules())
    summary = world.sync()
    assert (look.files, look.bytes) == (summary.scan.files, summary.scan.bytes) == (3, 8)
    assert look.excluded == summary.scan.excluded
    assert (look.rate, look.is_assumed, look.upload_s) == (ASSUMED_RATE, True, 8 / ASSUMED_RATE)


def test_a_limit_is_no_assumption(world: World) -> None:
    world.make({"a.jpg": b"12345"})
    tree = LocalTree(world.photos, IgnoreRules())
    slow = first_look(tree, bwlimit=1000, storage=StorageRules())
    assert (slow.rate, slow.is_assumed, slow.upload_s) == (1000, False, 0.005)
    fast = first_look(tree, bwlimit=100_000_000, storage=StorageRules())
    assert (fast.rate, fast.is_assumed) == (ASSUMED_RATE, True)


def test_it_counts_by_the_class_that_a_sync_will_choose(world: World) -> None:
    world.make({"a.nef": b"123456789", "small.nef": b"1", "b.jpg": b"12345", "c.xmp": b"1"})
    rules = StorageRules("STANDARD_IA", {FileType.ORIGINAL: "DEEP_ARCHIVE"}, min_size=5)
    look = first_look(LocalTree(world.photos, IgnoreRules()), bwlimit=None, storage=rules)
    assert look.by_class == {"DEEP_ARCHIVE": (1, 9), "STANDARD_IA": (3, 7)}
    assert (look.files, look.bytes) == (4, 16)
