"""Multipart uploads that a run leaves behind: lrsync's own are aborted, another program's never."""

from __future__ import annotations

from pathlib import Path

import pytest

from lrsync.adapters.ignore import IgnoreRules
from lrsync.adapters.manifest import Manifest
from lrsync.core.events import Notice
from lrsync.core.model import MultipartRecord
from lrsync.engine import uploads
from lrsync.errors import BucketError, ObjectError
from tests.crash.hooks import lowered_limits
from tests.engine.world import PREFIX, World
from tests.stores.memory import content_of

PART_BYTES = 64 << 10
BIG = bytes(range(256)) * 1024
KEY = f"{PREFIX}/big.tif"


class PowerCut(BaseException):
    """Ends a run as nothing that lrsync knows of."""


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    for module, name in lowered_limits():
        monkeypatch.setattr(module, name, PART_BYTES)
    made = World(tmp_path)
    made.make({"big.tif": BIG, "small.jpg": b"x"})
    return made


def noted(world: World) -> list[MultipartRecord]:
    with Manifest(world.path, PREFIX) as manifest:
        return manifest.multiparts()


def cut_power(world: World, operation: str, *, after: bool) -> None:
    """A run that ends at this operation on the big file."""

    def hook(at: str, key: str) -> None:
        if (at, key) == (operation, KEY):
            raise PowerCut

    setattr(world.store, "fail_after" if after else "fail", hook)
    with pytest.raises(PowerCut):
        world.sync()
    world.store.fail = world.store.fail_after = None


def test_an_upload_whose_id_never_came_back_is_aborted(world: World) -> None:
    cut_power(world, "start_multipart", after=True)
    assert [(record.key, record.upload_id) for record in noted(world)] == [(KEY, "")]
    foreign = world.store.start_multipart(f"{PREFIX}/foreign.bin", content_of(b"other"))
    assert len(world.store.uploads) == 2
    world.sync()
    assert world.store.uploads == [(f"{PREFIX}/foreign.bin", foreign)]
    assert noted(world) == []
    assert world.objects() == world.files()


def test_a_note_without_an_upload_goes(world: World) -> None:
    cut_power(world, "start_multipart", after=False)
    assert len(noted(world)) == 1
    (world.photos / "big.tif").unlink()
    world.sync()
    assert noted(world) == []
    assert world.store.uploads == []


def test_the_noted_upload_is_gone_on_with(world: World) -> None:
    cut_power(world, "complete_multipart", after=False)
    (started,) = world.store.uploads
    parts_before, small = world.store.requests.put, f"{PREFIX}/small.jpg" not in world.objects()
    world.sync()
    assert world.objects() == world.files()
    assert world.store.uploads == []
    assert world.store.requests.put == parts_before + 1 + small, f"only {started} is completed"


def test_parts_that_arrived_are_not_sent_again(world: World) -> None:
    cut_power(world, "put_part", after=True)
    ((key, upload_id),) = world.store.uploads
    arrived = len(world.store.list_parts(key, upload_id))
    sent: list[str] = []
    world.store.fail = lambda operation, _: sent.append(operation)
    world.sync()
    assert arrived >= 1
    assert sent.count("put_part") == len(BIG) // PART_BYTES - arrived
    assert "start_multipart" not in sent
    assert world.objects() == world.files()


def test_a_file_that_is_gone_leaves_no_upload(world: World) -> None:
    cut_power(world, "complete_multipart", after=False)
    (world.photos / "big.tif").unlink()
    world.sync()
    assert world.store.uploads == []
    assert noted(world) == []


def test_a_file_that_is_excluded_now_leaves_no_upload(world: World) -> None:
    cut_power(world, "complete_multipart", after=False)
    world.rules = IgnoreRules(("*.tif",), ())
    world.sync()
    assert world.store.uploads == []
    assert noted(world) == []


def test_a_file_that_is_small_now_leaves_no_upload(world: World) -> None:
    cut_power(world, "complete_multipart", after=False)
    world.make({"big.tif": b"small"})
    world.sync()
    assert world.objects() == world.files()
    assert world.store.uploads == []
    assert noted(world) == []


def test_a_file_that_was_put_back_leaves_no_upload(world: World) -> None:
    world.sync()
    world.make({"big.tif": BIG[::-1]})
    cut_power(world, "complete_multipart", after=False)
    world.make({"big.tif": BIG})
    world.sync()
    assert world.objects() == world.files()
    assert world.store.uploads == []
    assert noted(world) == []


def test_an_unreadable_folder_keeps_its_upload(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    cut_power(world, "complete_multipart", after=False)
    (record,) = noted(world)

    class Unreadable:
        fingerprint = b""

        def is_excluded(self, path: str) -> bool:
            return False

        def stat(self, path: str) -> None:
            raise PermissionError(13, "Permission denied")

    with Manifest(world.path, PREFIX) as manifest:
        assert uploads.abort_leftovers(world.store, manifest, Unreadable(), world.events.append) == 0  # type: ignore[arg-type]
        assert manifest.multiparts() == [record]
    assert len(world.store.uploads) == 1


@pytest.mark.parametrize("error", [BucketError("access is denied"), ObjectError("cannot do what was asked for")])
def test_a_store_that_lists_no_uploads_does_not_stop_the_backup(world: World, error: Exception) -> None:
    cut_power(world, "start_multipart", after=True)

    def refuse(operation: str, key: str) -> None:
        if operation == "list_multiparts":
            raise error

    world.store.fail = refuse
    world.sync()
    assert world.objects() == world.files()
    said = [event.message for event in world.events if isinstance(event, Notice)]
    assert any("could not be looked for" in message for message in said)


def test_a_rebuild_carries_the_notes_over(world: World) -> None:
    cut_power(world, "complete_multipart", after=False)
    (record,) = noted(world)
    fresh = world.home / "fresh.sqlite"
    world.new_manifest(fresh)
    with Manifest(fresh, PREFIX) as manifest:
        uploads.carry_over([record], manifest)
        assert manifest.multiparts() == [record]
