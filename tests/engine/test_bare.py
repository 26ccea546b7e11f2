"""Which snapshot a machine without a manifest begins with."""

from __future__ import annotations

from pathlib import Path

import pytest

from lrsync.core.events import Notice
from lrsync.engine.bare import choose_library, current_snapshots, older_snapshots
from lrsync.engine.snapshot import StoredSnapshot
from lrsync.errors import BucketError, UsageError
from tests.engine.world import PREFIX, World
from tests.stores.memory import MemoryStore

FOUND = {uuid: [StoredSnapshot(f"P/.lrsync/manifest/{uuid}.sqlite.zst", 1, 5)] for uuid in ("u1", "u2")}


def nobody(uuid: str) -> str:
    raise AssertionError("nobody needs to know its name")


def test_the_only_library_is_the_one() -> None:
    assert choose_library("default", {"u1": FOUND["u1"]}, nobody) == "u1"
    assert choose_library("default", {}, nobody) is None
    assert choose_library("u2", FOUND, nobody) == "u2"


def test_a_name_says_which() -> None:
    assert choose_library("nas", FOUND, {"u1": "default", "u2": "nas"}.__getitem__) == "u2"


@pytest.mark.parametrize("names", [("default", "nas"), ("default", "default"), ("?", "nas2")])
@pytest.mark.parametrize("wanted", ["default", "other"])
def test_of_several_a_person_chooses(names: tuple[str, str], wanted: str) -> None:
    with pytest.raises(UsageError, match="2 libraries") as caught:
        choose_library(wanted, FOUND, dict(zip(("u1", "u2"), names, strict=True)).__getitem__)
    assert all(word in caught.value.hint for word in ("u1", "u2", *names))


@pytest.mark.parametrize("versioned", [False, True])
def test_the_newest_comes_first_and_older_versions_after(tmp_path: Path, versioned: bool) -> None:
    world = World(tmp_path, store=MemoryStore(versioned=versioned), snapshots=True)
    for number in range(3):
        world.make({f"{number}.jpg": b"x"})
        world.sync()
    (newest, *copies) = current_snapshots(world.store, PREFIX)["uuid"]
    assert newest.key == f"{PREFIX}/.lrsync/manifest/uuid.sqlite.zst"
    assert len(copies) == (0 if versioned else 3)
    older = older_snapshots(world.store, PREFIX, "uuid", world.events.append)
    assert len(older) == (3 if versioned else 0)


def test_who_may_not_list_versions_restores_all_the_same(tmp_path: Path) -> None:
    world = World(tmp_path, store=MemoryStore(versioned=True))

    def refuse(operation: str, key: str) -> None:
        if operation == "list_versions":
            raise BucketError("access is denied")

    world.store.fail = refuse
    assert older_snapshots(world.store, PREFIX, "uuid", world.events.append) == ()
    assert any(isinstance(event, Notice) and "access is denied" in event.message for event in world.events)
