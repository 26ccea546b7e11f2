"""A restore through a network that lies and onto disks that fail: no wrong byte gets a name, and it can go on."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from lrsync.core.counts import RestoreCounts
from lrsync.core.download import Ranging
from lrsync.core.model import Drift
from lrsync.core.requests import RestoreRequest
from lrsync.core.runs import RunSummary
from lrsync.errors import BucketError, ExitCode
from tests.e2e.disks import read_only_folder, small_disk
from tests.engine.restoring import restored
from tests.engine.world import PREFIX, World
from tests.faults import proxy as faults
from tests.faults.night import Night
from tests.faults.proxy import Answer, Fault, reply
from tests.trees import Tree

MIB = 1 << 20
FILM = random.Random(1).randbytes(4 * MIB + 77)
LIBRARY: Tree = {"2024": {f"{number:02}.jpg": f"photo {number} ".encode() * 500 for number in range(6)}}
VICTIM = "2024/03.jpg"


@pytest.fixture
def library(night: Night) -> Night:
    """A library that was backed up while all was well."""
    night.make(LIBRARY)
    night.make({"film.mov": FILM})
    assert night.sync().exit_code is ExitCode.OK
    (night.home / "target").mkdir()
    return night


def restore(night: Night, *paths: str) -> RunSummary:
    request = RestoreRequest(paths, str(night.home / "target"))
    store = night._open_store()
    options = {"ranging": Ranging(2 * MIB, MIB)}
    return restored(night, request, open_store=lambda: store, options=options)


def counts_of(summary: RunSummary) -> RestoreCounts:
    assert summary.restored is not None
    return summary.restored


def back(night: Night) -> dict[str, bytes]:
    """What came, by the key of each."""
    found = (path for path in (night.home / "target").rglob("*") if path.is_file())
    return {f"{PREFIX}/{path.relative_to(night.home / 'target').as_posix()}": path.read_bytes() for path in found}


PASSING: dict[str, Fault] = {
    "500": reply(500, "InternalError"),
    "slow down": reply(503, "SlowDown"),
    "reset before an answer": faults.reset(),
    "reset in the middle": faults.truncated(keep=700),
}


@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING)
@pytest.mark.parametrize("key", [VICTIM, "film.mov"])
def test_a_passing_fault_is_not_noticed(library: Night, fault: Fault, key: str) -> None:
    library.proxy.on("GetObject", fault, key=key)
    summary = restore(library)
    assert (summary.exit_code, summary.errors) == (ExitCode.OK, [])
    assert back(library) == library.files()


def wrong(answer: Answer) -> Answer:
    """The same answer with one bit turned over."""
    body = bytearray(answer.body)
    body[len(body) // 2] ^= 1
    return Answer(answer.status, answer.headers, bytes(body))


@pytest.mark.parametrize(("key", "times"), [(VICTIM, 2), ("film.mov", 1)])
def test_wrong_bytes_never_get_a_name(library: Night, key: str, times: int) -> None:
    library.proxy.on("GetObject", faults.changed(wrong), key=key, times=times)
    summary = restore(library)
    assert (summary.exit_code, [failed.path for failed in summary.errors]) == (ExitCode.INCOMPLETE, [key])
    row = library.row(key)
    assert row is not None and row.drift is Drift.ALTERED
    expected = {path: data for path, data in library.files().items() if not path.endswith(key)}
    found = back(library)
    damaged = found.pop(f"{PREFIX}/{key}.damaged")
    assert found == expected
    assert damaged != library.files()[f"{PREFIX}/{key}"]
    assert len(damaged) == len(library.files()[f"{PREFIX}/{key}"])
    again = restore(library)
    assert (again.exit_code, counts_of(again).restored) == (ExitCode.OK, 1)


def test_a_small_file_that_came_wrong_once_is_fetched_again(library: Night) -> None:
    library.proxy.on("GetObject", faults.changed(wrong), key=VICTIM)
    assert restore(library).exit_code is ExitCode.OK
    assert back(library) == library.files()


def test_an_object_that_is_replaced_between_ranges_is_never_mixed(library: Night) -> None:
    other = FILM[::-1]
    library.proxy.on("GetObject", faults.after(lambda: library.behind.write("film.mov", other)), key="film.mov", nth=3)
    summary = restore(library, "film.mov")
    assert summary.exit_code is ExitCode.INCOMPLETE
    assert set(back(library).values()) <= {other}, "kept aside as damaged: whole, and of one object"
    assert f"{PREFIX}/film.mov" not in back(library)


def test_a_store_that_ignores_ranges_and_conditions(library: Night) -> None:
    def ignorant(exchange: faults.Exchange) -> None:
        answer = exchange.forward()
        exchange.send(answer if answer.status != 206 else Answer(200, (("ETag", '"x"'),), FILM))

    library.proxy.on("GetObject", ignorant, key="film.mov", times=None)
    assert restore(library, "film.mov").exit_code is ExitCode.OK
    assert back(library) == {f"{PREFIX}/film.mov": FILM}


def test_no_permission_to_read_ends_the_run(library: Night) -> None:
    library.proxy.on("GetObject", reply(403, "AccessDenied"), times=None)
    with pytest.raises(BucketError, match="denied") as caught:
        restore(library)
    assert "s3:GetObject" in caught.value.hint
    assert [path for path in back(library) if ".lrsync-tmp-" not in path] == []


def test_a_restore_that_was_broken_off_goes_on(library: Night) -> None:
    library.proxy.on("GetObject", faults.reset(), key="film.mov", nth=3, times=None)
    library.attempts = 1
    first = restore(library)
    assert [failed.path for failed in first.errors] == ["film.mov"]
    library.proxy.heal()
    before = library.proxy.count("GetObject")
    assert counts_of(restore(library)).restored == 1
    assert library.proxy.count("GetObject") - before <= 4, "of five ranges at least one was there"
    assert back(library) == library.files()


# --- disks ------------------------------------------------------------------------------------------------


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.make(LIBRARY)
    world.make({"film.mov": FILM})
    world.sync()
    return world


def onto(world: World, folder: Path, **more: Any) -> RunSummary:
    return restored(world, RestoreRequest(to=str(folder)), options={"ranging": Ranging(2 * MIB, MIB)}, **more)


def test_a_disk_that_gets_full_fails_what_does_not_fit_and_goes_on(world: World, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 2048) as disk:
        summary = onto(world, disk.folder)
        assert (summary.exit_code, [failed.path for failed in summary.errors]) == (ExitCode.INCOMPLETE, ["film.mov"])
        assert "run the same command again" in summary.errors[0].hint
        disk.resize(8192)
        assert counts_of(onto(world, disk.folder)).restored == 1
        assert (disk.folder / "film.mov").read_bytes() == FILM
        assert [path.name for path in disk.folder.rglob(".lrsync-*")] == []


def test_a_disk_that_cannot_be_written(world: World, tmp_path: Path) -> None:
    with read_only_folder(tmp_path / "locked") as folder:
        summary = onto(world, folder)
    assert (summary.exit_code, len(summary.errors)) == (ExitCode.INCOMPLETE, 7)
    assert all("cannot be written" in failed.message for failed in summary.errors)
