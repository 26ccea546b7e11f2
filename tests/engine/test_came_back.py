"""An object that a full pass missed is there again when it is to be repaired."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lrsync.adapters.manifest import Manifest
from lrsync.core.findings import FindingKind
from lrsync.core.model import Drift
from lrsync.errors import ExitCode
from tests.engine.test_verify import UnchangedCtime
from tests.engine.world import PREFIX, World
from tests.stores.memory import MemoryStore, content_of
from tests.trees import LONG_AGO_NS


@pytest.mark.parametrize("name", ["a.jpg", "a.nef"])
@pytest.mark.parametrize("there", [b"photo", b"other"], ids=["with the same bytes", "with other bytes"])
def test_it_is_adopted_or_kept_and_replaced(tmp_path: Path, name: str, there: bytes) -> None:
    world = World(tmp_path)
    world.make({name: b"photo"})
    world.sync()
    with Manifest(world.path, PREFIX) as manifest:
        manifest.set_drift([(name, Drift.MISSING)])
    world.store.delete(f"{PREFIX}/{name}")
    world.store.put(f"{PREFIX}/{name}", content_of(there))
    summary = world.sync()
    assert (summary.exit_code, summary.drift.repaired) == (ExitCode.OK, 1)
    assert world.objects() == {f"{PREFIX}/{name}": b"photo"}
    assert world.trash() == ({} if there == b"photo" else {name: b"other"})
    assert world.sync().requests.total == 0


def test_a_changed_original_does_not_replace_the_good_object_that_came_back(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.make({"a.nef": b"good raw"})
    world.sync()
    with Manifest(world.path, PREFIX) as manifest:
        manifest.set_drift([("a.nef", Drift.MISSING)])
    world.make({"a.nef": b"bad raw!"})
    world.age("a.nef", LONG_AGO_NS + 1)
    summary = world.sync()
    assert summary.findings[0].kind is FindingKind.ORIGINAL_CHANGED
    assert "is there again, and was kept" in summary.findings[0].message
    assert world.objects() == {f"{PREFIX}/a.nef": b"good raw"}
    found = world.sync(full=True)
    assert (found.drift.missing, found.actions.quarantined) == (0, 1), "the mark goes with the next full pass"


@pytest.mark.parametrize("conditional", [True, False], ids=["conditional writes", "none"])
@pytest.mark.parametrize("is_rot", [True, False], ids=["rot", "changed"])
@pytest.mark.parametrize("is_adopted", [True, False], ids=["another tool's", "lrsync's"])
def test_the_good_object_of_a_bad_file_is_not_replaced(
    tmp_path: Path, conditional: bool, is_rot: bool, is_adopted: bool
) -> None:
    """With its object gone a changed original goes up, as there is nothing better. There is, once it is back."""
    world = World(tmp_path, store=MemoryStore(conditional=conditional, checksums=not is_adopted))
    name, good, bad = ("a.jpg", b"photo", b"ph0to") if is_rot else ("a.nef", b"original", b"0riginal")
    world.make({name: good})
    if is_rot:
        world.wrap_tree = UnchangedCtime  # type: ignore[assignment]
    if is_adopted:
        world.store.corrupt(f"{PREFIX}/{name}", good, keep_metadata=False)
    world.sync(full=True)
    stat = (world.photos / name).stat()
    (world.photos / name).write_bytes(bad)
    if is_rot:
        os.utime(world.photos / name, ns=(stat.st_mtime_ns, stat.st_mtime_ns))
    with Manifest(world.path, PREFIX) as manifest:
        manifest.set_drift([(name, Drift.MISSING)])
    for options in ({}, {"full": True}, {}):
        summary = world.sync(**options)
        assert (summary.exit_code, summary.actions.uploaded) == (ExitCode.NEEDS_PERSON, 0), options
    assert world.objects() == {f"{PREFIX}/{name}": good}
    assert world.trash() == {}
    row = world.row(name)
    assert row is not None
    assert row.drift is None, "the full pass saw that it is there"
