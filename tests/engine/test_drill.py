"""The restore drill: what it proves, what it finds, and that it leaves nothing behind."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from lrsync.adapters.ignore import IgnoreRules
from lrsync.adapters.localfs import LocalTree
from lrsync.adapters.manifest import Manifest
from lrsync.adapters.seals import Seals
from lrsync.adapters.status_query import read_status
from lrsync.app.drill import rehearse_in
from lrsync.core.amounts import Sample
from lrsync.core.counts import DrillCounts
from lrsync.core.findings import FindingKind
from lrsync.core.model import Change, ChangeKind, Content, Done, Restat
from lrsync.core.runs import RunSummary
from lrsync.core.scan import ScannedFile
from lrsync.core.storage import StorageRules
from lrsync.engine.drill import DrillPorts, run_drill
from lrsync.errors import BucketError, ExitCode, InterruptedRun
from tests.engine.world import PREFIX, World

TREE = {"2024": {"a.nef": b"raw" * 100, "b.jpg": b"jpeg", "empty.txt": b""}, "top.txt": b"top"}


def first(population: int, count: int) -> Sequence[int]:
    return range(count)


def drill(world: World, count: int = 20, choose: Callable[[int, int], Sequence[int]] = first) -> RunSummary:
    folder = world.home / "drill"
    folder.mkdir(exist_ok=True)
    with Seals(world.path) as seals, Manifest(world.path, PREFIX) as manifest:
        ports = DrillPorts(
            seals=seals,
            manifest=manifest,
            open_store=lambda: world.store,
            rehearse=partial(rehearse_in, folder, threads=2, stopping=world.stopping, wait=lambda seconds: None),
            disk=LocalTree(world.photos, IgnoreRules(defaults=False)) if world.photos.is_dir() else None,
            choose=choose,
            stopping=world.stopping,
            clock=world.clock,
            sink=world.events.append,
        )
        return run_drill(ports, Sample(count=count), threads=3)


def left_behind(world: World) -> list[str]:
    return [path.name for path in (world.home / "drill").rglob("*") if path.is_file()]


def drifted(world: World) -> list[str]:
    with Manifest(world.path, PREFIX) as manifest:
        return [entry.path for entry in manifest.drifted()]


@pytest.fixture
def backed_up(world: World) -> World:
    world.make(TREE)
    world.sync()
    return world


def test_everything_comes_back_good_and_goes_again(backed_up: World) -> None:
    before = {path: path.stat() for path in backed_up.photos.rglob("*")}
    objects, puts = backed_up.objects(), backed_up.store.requests.put
    done = drill(backed_up)
    assert done.exit_code is ExitCode.OK
    assert done.drilled == DrillCounts(sample=4, good=4, bytes=307, compared=4)
    assert left_behind(backed_up) == []
    assert {path: path.stat() for path in backed_up.photos.rglob("*")} == before
    assert (backed_up.objects(), backed_up.store.requests.put) == (objects, puts)


def test_only_the_chosen_ones_are_fetched_and_count_as_proven(backed_up: World) -> None:
    fetched: list[str] = []
    backed_up.store.fail = lambda operation, key: fetched.append(key) if operation == "get" else None
    backed_up.now_ns += 1
    done = drill(backed_up, 2, lambda population, count: [population - 1, 1][:count])
    assert done.drilled is not None and done.drilled.sample == 2
    with Manifest(backed_up.path, PREFIX) as manifest:
        chosen = [entry.key for entry in manifest.rows_at([1, 3])]
        proven = sorted(e.key for e in manifest.entries() if e.verified_at == backed_up.now_ns)
    assert sorted(fetched) == sorted(chosen) == proven


def test_the_status_knows_the_last_drill(backed_up: World) -> None:
    def last_drill() -> object:
        report = read_status(backed_up.path)
        assert report is not None
        return None if report.last_drill is None else report.last_drill.counts["drilled"]

    assert last_drill() is None
    drill(backed_up, 2)
    assert last_drill() == {"sample": 2, "good": 2, "bytes": 303, "compared": 2, "archived": 0, "unproven": 0}


@pytest.mark.parametrize("damage", ["other", "shorter", "lost"])
def test_what_does_not_come_back_good_is_an_error(backed_up: World, damage: str) -> None:
    key = f"{PREFIX}/2024/b.jpg"
    if damage == "lost":
        backed_up.store.lose(key)
    else:
        backed_up.store.corrupt(key, b"JPEG" if damage == "other" else b"jp")
    done = drill(backed_up)
    assert done.exit_code is ExitCode.INCOMPLETE
    assert [error.path for error in done.errors] == ["2024/b.jpg"]
    assert done.drilled is not None and done.drilled.good == 3
    assert [name for name in left_behind(backed_up) if ".damaged" not in name] == []
    assert [(f.kind, f.path) for f in done.findings] == [(FindingKind.DRIFT, "2024/b.jpg")]
    report = read_status(backed_up.path)
    assert report is not None
    assert (report.safe, report.drifted) == (3, 1), "no status calls it safe"
    assert backed_up.sync().actions.uploaded == 1
    assert backed_up.objects() == backed_up.files()
    assert drill(backed_up).exit_code is ExitCode.OK


def test_what_was_damaged_on_the_way_is_no_damaged_object(backed_up: World) -> None:
    key = f"{PREFIX}/2024/b.jpg"
    answers = iter([b"JPEG", b"jpeg"])

    def other_bytes_first(operation: str, asked: str) -> None:
        if operation == "get" and asked == key:
            backed_up.store.corrupt(key, next(answers))

    backed_up.store.fail = other_bytes_first
    done = drill(backed_up)
    assert (done.exit_code, done.findings, done.errors) == (ExitCode.OK, [], [])
    assert next(answers, None) is None
    assert drifted(backed_up) == []


def test_bytes_that_came_back_good_are_not_called_altered_any_more(backed_up: World) -> None:
    """Of a file that is gone from the disk no sync would ever take it back."""
    key = f"{PREFIX}/2024/b.jpg"
    backed_up.store.corrupt(key, b"JPEG")
    drill(backed_up)
    assert drifted(backed_up) == ["2024/b.jpg"]
    backed_up.store.corrupt(key, b"jpeg")
    assert drill(backed_up).exit_code is ExitCode.OK
    assert drifted(backed_up) == []


def test_archived_objects_are_left_out(backed_up: World) -> None:
    backed_up.store.archived.add(f"{PREFIX}/2024/a.nef")
    done = drill(backed_up)
    assert done.exit_code is ExitCode.OK
    assert done.drilled is not None
    assert (done.drilled.archived, done.drilled.good) == (1, 3)


def test_a_class_that_is_only_a_label_is_read(world: World) -> None:
    world.store.storage_class = "DEEP_ARCHIVE"
    world.make(TREE)
    world.sync(storage=StorageRules("DEEP_ARCHIVE"))
    done = drill(world)
    assert done.drilled is not None and (done.drilled.archived, done.drilled.good) == (0, 4)


def test_rot_on_the_disk_is_found_beside(backed_up: World) -> None:
    file = backed_up.photos / "2024/b.jpg"
    stat = file.stat()
    with Manifest(backed_up.path, PREFIX) as manifest:
        entry = manifest.row("2024/b.jpg")
        assert entry is not None
        file.write_bytes(b"jpEg")
        os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
        now = file.stat()
        # As if the bytes had changed without a trace in the stat.
        change = Change(ChangeKind.UNSURE, "2024", ScannedFile("b.jpg", 4, entry.mtime_ns, now.st_ctime_ns), entry)
        restat = Restat(change, Content(entry.stat, entry.sha256 or b"", 0, was_read=False))
        manifest.record([Done(restat, replace(entry, ctime_ns=now.st_ctime_ns, settled=True))])
    done = drill(backed_up)
    assert done.exit_code is ExitCode.NEEDS_PERSON
    assert [(f.kind, f.path) for f in done.findings] == [(FindingKind.ROT, "2024/b.jpg")]
    assert done.drilled is not None and (done.drilled.good, done.drilled.compared) == (4, 3)


def test_without_the_drive_it_still_proves_the_backup(backed_up: World) -> None:
    backed_up.photos.rename(backed_up.home / "unplugged")
    done = drill(backed_up)
    assert done.exit_code is ExitCode.OK
    assert done.drilled is not None and (done.drilled.good, done.drilled.compared) == (4, 0)


def test_a_stop_ends_it_and_says_so(backed_up: World) -> None:
    backed_up.stopping = lambda: True
    with pytest.raises(InterruptedRun):
        drill(backed_up)
    report = read_status(backed_up.path)
    assert report is not None and report.last_drill is None, "a drill that did not end proves nothing"


def test_a_bucket_that_cannot_be_used_ends_it(backed_up: World, tmp_path: Path) -> None:
    def refuse(operation: str, key: str) -> None:
        if operation == "get":
            raise BucketError("access denied")

    backed_up.store.fail = refuse
    with pytest.raises(BucketError):
        drill(backed_up)
    assert left_behind(backed_up) == []


def test_an_empty_library_proves_nothing(world: World) -> None:
    done = drill(world)
    assert (done.exit_code, done.drilled) == (ExitCode.OK, DrillCounts())
