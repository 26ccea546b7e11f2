"""An object that a full pass missed is there again when it is to be repaired."""

from __future__ import annotations

from pathlib import Path

import pytest

from lrsync.adapters.manifest import Manifest
from lrsync.core.findings import FindingKind
from lrsync.core.model import Drift
from lrsync.errors import ExitCode
from tests.engine.world import PREFIX, World
from tests.stores.memory import content_of
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
