"""An object that a full pass missed is there again when it is to be repaired."""

from __future__ import annotations

from pathlib import Path

import pytest

from lrsync.adapters.manifest import Manifest
from lrsync.core.model import Drift
from lrsync.errors import ExitCode
from tests.engine.world import PREFIX, World
from tests.stores.memory import content_of


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
