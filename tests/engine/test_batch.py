"""Small new files go together: every outcome is what it would be alone, and nothing acknowledged goes unrecorded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from lrsync.core.model import Content, Done, Failed, Raced, Upload
from lrsync.core.objects import Stored
from lrsync.engine import batch
from lrsync.engine.batch import MAX_FILES, Batch
from lrsync.errors import BucketError, ExitCode, InterruptedRun, ObjectError
from tests.engine.world import PREFIX, World
from tests.stores.memory import content_of

COUNT = 150


@pytest.fixture
def sizes(world: World, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many files each batch on the wire had."""
    seen: list[int] = []
    put_many = world.store.put_many

    def watched(uploads: list[tuple[str, Content]], **how: Any) -> Iterator[tuple[int, Stored | Exception]]:
        seen.append(len(uploads))
        return put_many(uploads, **how)

    monkeypatch.setattr(world.store, "put_many", watched)
    return seen


def many(count: int = COUNT) -> dict[str, bytes]:
    return {f"{number:03}.xmp": b"%d" % number for number in range(count)}


def test_small_new_files_go_together(world: World, sizes: list[int]) -> None:
    world.make({"a": many(), "b": {"large.jpg": b"x" * (batch.MAX_FILE_BYTES + 1)}})
    summary = world.sync()
    assert (summary.exit_code, summary.actions.uploaded) == (ExitCode.OK, COUNT + 1)
    assert sum(sizes) == COUNT
    assert max(sizes) <= MAX_FILES
    assert len(sizes) < 10
    assert world.objects() == world.files()
    assert world.sync().requests.total == 0


def test_a_batch_is_full_by_count_bytes_and_time(world: World) -> None:
    world.make({"a.xmp": b"x" * 1000})
    world.sync()
    changes = [event.outcome.action.change for event in world.events if _is_upload(event)]
    (change,) = changes
    waiting = Batch()
    assert not waiting.is_due(10**18)
    waiting.add(change, now_ns=0)
    assert not waiting.is_due(batch.MAX_WAIT_NS)
    assert waiting.is_due(batch.MAX_WAIT_NS + 1)
    for _ in range(MAX_FILES - 1):
        waiting.add(change, now_ns=0)
    assert waiting.is_due(0)
    heavy = Batch([change], size=batch.MAX_BYTES)
    assert heavy.is_due(0)


def _is_upload(event: object) -> bool:
    outcome = getattr(event, "outcome", None)
    return isinstance(outcome, Done) and isinstance(outcome.action, Upload)


def test_what_is_not_plain_is_done_as_ever(world: World, sizes: list[int]) -> None:
    world.make({"old": {"a.xmp": b"same bytes", "b.xmp": b"other"}})
    world.sync()
    world.store.put(f"{PREFIX}/new/there.xmp", content_of(b"there"))
    world.store.put(f"{PREFIX}/new/unknown.xmp", content_of(b"somebody's"))
    world.make({"new": {"twin.xmp": b"same bytes", "there.xmp": b"there", "unknown.xmp": b"ours", "raw.nef": b"r"}})
    del sizes[:]
    summary = world.sync(full=True)
    actions = summary.actions
    assert (summary.exit_code, actions.copied, actions.adopted, actions.uploaded) == (ExitCode.OK, 1, 1, 2)
    assert list(world.trash().values()) == [b"somebody's"]
    assert sum(sizes) == 0
    assert world.objects() == world.files()


def test_without_a_listing_an_unknown_object_is_still_kept(world: World, sizes: list[int]) -> None:
    world.make({"a": many(3)})
    world.sync()
    world.store.put(f"{PREFIX}/new/unknown.xmp", content_of(b"somebody's"))
    world.make({"new": {"unknown.xmp": b"ours", "plain.xmp": b"plain"}})
    summary = world.sync()
    assert (summary.exit_code, summary.actions.uploaded) == (ExitCode.OK, 2)
    assert list(world.trash().values()) == [b"somebody's"]
    assert world.objects() == world.files()


def test_one_that_fails_takes_no_other_with_it(world: World) -> None:
    world.make({"a": many(10)})

    def fail(operation: str, key: str) -> None:
        if operation == "put" and key.endswith("004.xmp"):
            raise ObjectError("refused", code="InternalError")

    world.store.fail = fail
    summary = world.sync()
    assert (summary.exit_code, summary.actions.uploaded) == (ExitCode.INCOMPLETE, 9)
    assert [(failed.path, failed.message) for failed in summary.errors] == [("a/004.xmp", "refused")]
    assert world.row("a/004.xmp") is None
    world.store.fail = None
    assert world.sync().actions.uploaded == 1


def test_what_was_acknowledged_before_the_end_is_recorded(world: World) -> None:
    world.make({"a": many(40)})

    def fail(operation: str, key: str) -> None:
        if operation == "put" and len(list(world.store.keys())) >= 25:
            raise BucketError("the token has expired")

    world.store.fail = fail
    with pytest.raises(BucketError):
        world.sync()
    stored = set(world.objects())
    assert len(stored) == 25
    assert {key for key in world.files() if world.row(key.removeprefix(f"{PREFIX}/")) is not None} == stored


def test_a_store_that_takes_nothing_is_given_up_on_and_what_it_took_is_kept(world: World) -> None:
    world.make({"a": many(64)})

    def fail(operation: str, key: str) -> None:
        if operation == "put" and not key.endswith(("/000.xmp", "/063.xmp")):
            raise ObjectError("refused", code="InternalError")

    world.store.fail = fail
    with pytest.raises(BucketError, match="in a row"):
        world.sync()
    stored = set(world.objects())
    assert f"{PREFIX}/a/000.xmp" in stored
    assert {key for key in world.files() if world.row(key.removeprefix(f"{PREFIX}/")) is not None} == stored


def test_a_stop_ends_between_batches(world: World) -> None:
    world.make({"a": many(1000)})
    world.stopping = lambda: len(list(world.store.keys())) > 10
    with pytest.raises(InterruptedRun):
        world.sync()
    stored = set(world.objects())
    assert 10 < len(stored) < 1000
    assert {key for key in world.files() if world.row(key.removeprefix(f"{PREFIX}/")) is not None} == stored


def test_files_that_go_or_cannot_be_read_meanwhile(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.make({"a": many(5)})
    read_plain = batch._read_all

    def late(transferrer: object, changes: list[object], keys: dict[str, str]) -> object:
        (world.photos / "a/001.xmp").unlink(missing_ok=True)
        return read_plain(transferrer, changes, keys)  # type: ignore[arg-type]

    monkeypatch.setattr(batch, "_read_all", late)
    summary = world.sync()
    assert (summary.actions.uploaded, summary.errors) == (4, [])
    assert summary.exit_code in (ExitCode.OK, ExitCode.INCOMPLETE)
    gone = [event.outcome for event in world.events if isinstance(getattr(event, "outcome", None), Raced | Failed)]
    assert [(outcome.path, getattr(outcome, "gone", False)) for outcome in gone] == [("a/001.xmp", True)]
