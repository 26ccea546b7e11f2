"""Small files come back together: as one by one, at one request each, and what is odd about one is that one's."""

from __future__ import annotations

import errno
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lrsync.adapters import newfiles
from lrsync.adapters.filewriter import FileWriter
from lrsync.core.counts import RestoreCounts
from lrsync.core.events import BytesSent, FileBack, WorkStarted
from lrsync.core.model import Drift
from lrsync.core.ports import NewFile, Placed, Wanted, Whole
from lrsync.core.requests import RestoreRequest
from lrsync.core.restoring import RestoreItem, RestorePlan
from lrsync.core.runs import RunSummary
from lrsync.engine.restore_batch import MAX_BYTES, MAX_FILE_BYTES, MAX_FILES, Gate, Job, in_batches
from lrsync.errors import BucketError, ExitCode, InterruptedRun, ObjectError
from tests.engine.restoring import bare, restored
from tests.engine.world import PREFIX, World
from tests.trees import LONG_AGO_NS, make_tree

COUNT = 30
NAMES = [f"2024/{number:02}.jpg" for number in range(COUNT)]
ODD = NAMES[7]


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A library of small files, and a folder for them to come back to."""
    made = World(tmp_path)
    make_tree(made.photos, {"2024": {f"{n:02}.jpg": f"photo {n}".encode() for n in range(COUNT)}}, mtime_ns=LONG_AGO_NS)
    made.sync()
    made.events.clear()
    (tmp_path / "target").mkdir()
    return made


def run(world: World, **more: Any) -> RunSummary:
    return restored(world, RestoreRequest(to=str(world.home / "target")), **more)


def back(world: World) -> dict[str, bytes]:
    target = world.home / "target"
    return {path.relative_to(target).as_posix(): path.read_bytes() for path in target.rglob("*") if path.is_file()}


def expected(*without: str) -> dict[str, bytes]:
    return {name: f"photo {number}".encode() for number, name in enumerate(NAMES) if name not in without}


def counts_of(summary: RunSummary) -> RestoreCounts:
    assert summary.restored is not None
    return summary.restored


# --- how many at once --------------------------------------------------------------------------------------


def most_inside(waiting: float | None, *, threads: int = 6) -> int:
    """How many passed at once, after a first one had ended."""
    gate, inside, most, lock = Gate(lambda: waiting), 0, 0, threading.Lock()
    with gate.passed():
        pass

    def work() -> None:
        nonlocal inside, most
        with gate.passed():
            with lock:
                inside += 1
                most = max(most, inside)
            time.sleep(0.05)
            with lock:
                inside -= 1

    workers = [threading.Thread(target=work) for _ in range(threads)]
    for each in workers:
        each.start()
    for each in workers:
        each.join()
    return most


@pytest.mark.parametrize(("waiting", "most"), [(0.1, 2), (0.6, 2), (0.95, 4), (None, 4)])
def test_more_batches_are_under_way_to_a_store_that_is_far_away(waiting: float | None, most: int) -> None:
    assert most_inside(waiting) == most


def test_the_first_batches_go_by_two_and_one_that_fails_makes_room() -> None:
    gate, begun = Gate(lambda: 1.0), threading.Event()

    def third() -> None:
        with gate.passed():
            begun.set()

    waiter = threading.Thread(target=third)
    with gate.passed():
        with pytest.raises(OSError, match="no"), gate.passed():
            waiter.start()
            assert not begun.wait(0.05)
            raise OSError("no")
        assert begun.wait(5)
    waiter.join()


def test_a_restore_asks_the_store_how_long_it_is_waited_for(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def share(store: object) -> float:
        asked.append(1)
        return 0.95

    monkeypatch.setattr(type(world.store), "waiting", property(share))
    monkeypatch.setattr("lrsync.engine.restore_batch.MAX_FILES", 4)
    run(world)
    assert back(world) == expected()
    assert asked


# --- what goes together ------------------------------------------------------------------------------------


def job(size: int) -> Job:
    return RestoreItem(f"{size}", f"{size}", size, 0, None), f"{size}"


@pytest.mark.parametrize(
    ("sizes", "batches"),
    [
        ([], []),
        ([5], [[5]]),
        ([1, 2, 3], [[1, 2, 3]]),
        ([1, MAX_FILE_BYTES + 1, 2, 3], [[1], [MAX_FILE_BYTES + 1], [2, 3]]),
        ([1] * (MAX_FILES + 2), [[1] * MAX_FILES, [1, 1]]),
        ([MAX_FILE_BYTES] * 9, [[MAX_FILE_BYTES] * (MAX_BYTES // MAX_FILE_BYTES), [MAX_FILE_BYTES]]),
    ],
)
def test_what_goes_in_a_batch(sizes: list[int], batches: list[list[int]]) -> None:
    assert [[item.size for item, _ in batch] for batch in in_batches(iter([job(size) for size in sizes]))] == batches


# --- what it costs -----------------------------------------------------------------------------------------


def test_a_file_costs_one_request_one_fsync_and_no_statement(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: Counter[str] = Counter()

    def counted(name: str, original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **more: Any) -> Any:
            calls[name] += 1
            return original(*args, **more)

        return call

    for name in ("fsync", "link", "unlink", "write"):
        monkeypatch.setattr(os, name, counted(name, getattr(os, name)))
    before = world.store.requests
    assert run(world).exit_code is ExitCode.OK
    after = world.store.requests
    assert (after.other - before.other, after.head - before.head, after.list - before.list) == (COUNT, 0, 0)
    assert calls["link"] == calls["unlink"] == calls["write"] == COUNT
    assert calls["fsync"] == COUNT + 1, "of each file, and once of the folder"


def test_each_is_told_of(world: World) -> None:
    run(world)
    kinds = Counter(type(event) for event in world.events)
    assert (kinds[WorkStarted], kinds[BytesSent], kinds[FileBack]) == (COUNT, COUNT, COUNT)
    assert back(world) == expected()


# --- what is odd about one ---------------------------------------------------------------------------------


def test_one_that_is_lost(world: World) -> None:
    world.store.lose(f"{PREFIX}/{ODD}")
    summary = run(world)
    assert [failed.path for failed in summary.errors] == [ODD]
    assert (back(world), world.row(ODD).drift) == (expected(ODD), Drift.MISSING)  # type: ignore[union-attr]
    again = run(world)
    told = (again.errors, again.findings, again.exit_code)
    assert told == (summary.errors, summary.findings, summary.exit_code), "what is known by then is told all the same"


def test_one_that_has_other_bytes(world: World) -> None:
    world.store.corrupt(f"{PREFIX}/{ODD}", b"photo ?")
    summary = run(world)
    assert [failed.path for failed in summary.errors] == [ODD]
    assert back(world) == {**expected(ODD), f"{ODD}.damaged": b"photo ?"}
    assert world.row(ODD).drift is Drift.ALTERED  # type: ignore[union-attr]


def test_one_that_became_much_longer(world: World) -> None:
    world.store.corrupt(f"{PREFIX}/{ODD}", b"?" * 100_000)
    assert [failed.path for failed in run(world).errors] == [ODD]
    assert back(world) == {**expected(ODD), f"{ODD}.damaged": b"?" * 100_000}


def test_one_without_a_hash_that_is_not_as_long_as_it_should_be(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer that tells no length may be cut off unseen: it is asked for once more, in a way that tells."""
    world.store.checksums = False
    for name in NAMES:
        world.store.corrupt(f"{PREFIX}/{name}", world.store.data(f"{PREFIX}/{name}"), keep_metadata=False)
    get_many = world.store.get_many

    def cut(wanted: Sequence[Wanted], *, more: Callable[[], bool]) -> Any:
        for place, found in get_many(wanted, more=more):
            assert isinstance(found, Whole)
            yield place, found._replace(data=b"") if wanted[place].key.endswith(ODD) else found

    monkeypatch.setattr(world.store, "get_many", cut)
    summary = bare(world, RestoreRequest(to=str(world.home / "target")))
    assert (counts_of(summary).restored, counts_of(summary).unproven) == (COUNT, COUNT)
    assert back(world) == expected()


def test_the_bytes_told_of_are_those_that_came(world: World) -> None:
    """Of an object that was replaced since the bucket was listed, and of which no hash is known."""
    world.store.checksums = False
    for name in NAMES:
        world.store.corrupt(f"{PREFIX}/{name}", b"?", keep_metadata=False)

    def replaced(plan: RestorePlan) -> bool:
        world.store.corrupt(f"{PREFIX}/{ODD}", b"?" * 1000, keep_metadata=False)
        return True

    summary = bare(world, RestoreRequest(to=str(world.home / "target")), confirm=replaced)
    assert counts_of(summary).bytes == sum(map(len, back(world).values())) == COUNT - 1 + 1000


@pytest.mark.parametrize("names", [(), (ODD,)], ids=["in a batch", "alone"])
def test_a_login_page_is_no_damaged_object(world: World, names: tuple[str, ...]) -> None:
    """A hotel's network answers everything with 200, and no ETag: of the object that says nothing."""
    key = f"{PREFIX}/{ODD}"
    page = replace(world.store.versions[key][-1], data=b"<html>log in</html>", etag="", metadata={}, checksum=None)
    world.store.versions[key][-1] = page
    summary = restored(world, RestoreRequest(names, to=str(world.home / "target")))
    assert [(failed.path, "is not S3" in failed.message) for failed in summary.errors] == [(ODD, True)]
    assert back(world) == ({} if names else expected(ODD))
    assert world.row(ODD).drift is None  # type: ignore[union-attr]


def test_one_whose_place_is_taken_meanwhile(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = world.home / "target" / ODD
    write_new = newfiles.write_new

    def slow(*args: Any) -> Any:
        mine.parent.mkdir(exist_ok=True)
        mine.write_bytes(b"mine")
        return write_new(*args)

    monkeypatch.setattr("lrsync.adapters.filewriter.write_new", slow)
    summary = run(world)
    assert [failed.path for failed in summary.errors] == [ODD]
    assert "another file is there" in summary.errors[0].message
    assert back(world) == {**expected(), ODD: b"mine"}


def test_one_that_is_there_already(world: World) -> None:
    there = world.home / "target" / ODD
    there.parent.mkdir()
    there.write_bytes(b"mine")
    assert [failed.path for failed in run(world).errors] == [ODD]
    assert back(world) == {**expected(), ODD: b"mine"}


def test_where_few_files_may_be_open_they_come_one_by_one(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    write_many = FileWriter.write_many

    def crowded(self: FileWriter, files: Sequence[NewFile]) -> list[Placed | OSError]:
        full = OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return [*write_many(self, files[:5]), *[full for _ in files[5:]]]

    monkeypatch.setattr(FileWriter, "write_many", crowded)
    assert counts_of(run(world)).restored == COUNT
    assert back(world) == expected()


def test_one_that_does_not_come_for_now(world: World) -> None:
    left = [3]

    def fail(operation: str, key: str) -> None:
        if operation == "get" and key.endswith(ODD) and left[0]:
            left[0] -= 1
            raise ObjectError("the connection failed", code="ConnectionError")

    world.store.fail = fail
    assert run(world).exit_code is ExitCode.INCOMPLETE, "to begin it the store itself has tried it often enough"
    assert (left, back(world)) == ([1], expected(ODD))
    left[0] = 1
    assert counts_of(run(world)).restored == 1
    assert back(world) == expected()


def test_what_ends_the_run_ends_it_after_what_came(world: World) -> None:
    def fail(operation: str, key: str) -> None:
        if operation == "get" and key.endswith(ODD):
            raise BucketError("access is denied", hint="ask")

    world.store.fail = fail
    with pytest.raises(BucketError):
        run(world)
    came = back(world)
    assert came == {name: data for name, data in expected().items() if name in came}
    assert set(NAMES[:7]) <= set(came)
    told = {event.path for event in world.events if isinstance(event, FileBack)}
    assert told == set(came)


def test_what_came_beside_that_is_recorded(world: World) -> None:
    """The other batch is still under way when the first one ends the run: its files are back, and their rows say so."""
    more = [f"2025/{number:02}.jpg" for number in range(MAX_FILES)]
    make_tree(world.photos, {"2025": {name[5:]: name.encode() for name in more}}, mtime_ns=LONG_AGO_NS)
    world.sync()
    for name in NAMES + more:
        (world.photos / name).unlink()
    failed = threading.Event()

    def fail(operation: str, key: str) -> None:
        if operation == "get" and key == f"{PREFIX}/{NAMES[0]}":
            failed.set()
            raise BucketError("access is denied", hint="ask")
        if operation == "get" and key == f"{PREFIX}/{more[-1]}":
            assert failed.wait(10)
            time.sleep(0.3)

    world.store.fail = fail
    with pytest.raises(BucketError):
        restored(world, RestoreRequest(), options={"threads": 2})
    there = [name for name in NAMES + more if (world.photos / name).exists()]
    assert more[-1] in there
    rows = {name: world.row(name) for name in there}
    assert [name for name, row in rows.items() if row is None or row.verified_at != world.now_ns] == []


def test_a_stop_ends_what_has_begun_and_no_more(world: World) -> None:
    stopping: list[bool] = []

    def stop(operation: str, key: str) -> None:
        if operation == "get" and key.endswith(ODD):
            stopping.append(True)

    world.store.fail = stop
    with pytest.raises(InterruptedRun):
        run(world, stopping=lambda: bool(stopping))
    assert back(world) == {name: data for name, data in expected().items() if name <= ODD}
    world.store.fail = None
    assert counts_of(run(world)).intact == 8
    assert back(world) == expected()
