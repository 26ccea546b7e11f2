"""Large files: by ranges, never of two objects, resumed after a kill without asking for what is there."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest

from lrsync.adapters.partfile import PARTIAL
from lrsync.core.counts import RestoreCounts
from lrsync.core.download import Ranging
from lrsync.core.requests import RestoreRequest
from lrsync.core.restoring import Overwrite
from lrsync.core.runs import RunSummary
from lrsync.errors import ExitCode, InterruptedRun, ObjectError, UsageError
from tests.engine.restoring import bare
from tests.engine.world import PREFIX, World
from tests.stores.memory import MemoryStore, content_of
from tests.trees import LONG_AGO_NS

KEY = f"{PREFIX}/2024/film.mov"
MIB = 1 << 20
CHUNKS = MIB // 65_536
SIZE = 3 * MIB + 777
"""Four ranges, the last of them short."""


@pytest.fixture(scope="module")
def film() -> bytes:
    return os.urandom(SIZE)


@pytest.fixture
def world(tmp_path: Path, film: bytes) -> World:
    """A library whose one film is only in the bucket: the listing and the object's metadata tell of it."""
    world = World(tmp_path)
    (tmp_path / "target").mkdir()
    world.store.put(KEY, content_of(film, mtime_ns=LONG_AGO_NS))
    return world


def run(world: World, **more: Any) -> RunSummary:
    request = RestoreRequest(to=str(world.home / "target"), overwrite=more.pop("overwrite", Overwrite.NEVER))
    options = {"ranging": Ranging(2 * MIB, MIB), **more.pop("options", {})}
    return bare(world, request, options=options, **more)


def counts_of(summary: RunSummary) -> RestoreCounts:
    assert summary.restored is not None
    return summary.restored


def check(world: World, data: bytes) -> None:
    """The film is there with these bytes and its time, and nothing else is."""
    file = world.home / "target/2024/film.mov"
    assert hashlib.sha256(file.read_bytes()).digest() == hashlib.sha256(data).digest()
    assert [path.name for path in file.parent.iterdir()] == ["film.mov"]
    assert file.stat().st_mode & 0o777 == 0o666 & ~umask()


def umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def partials(world: World) -> list[Path]:
    return sorted((world.home / "target/2024").glob(f"{PARTIAL}*"))


class Chunks:
    """Counts the chunks of bodies, and lets something happen before one of them; `dead_from`: nothing works on."""

    def __init__(self, store: MemoryStore, dead_from: int = 10**9, **at: Any) -> None:
        self.count = 0
        self.dead_from = dead_from
        self.at = {int(number[1:]): act for number, act in at.items()}
        store.fail_chunk = self.take

    def take(self, operation: str, key: str) -> None:
        self.count += 1
        if self.count >= self.dead_from:
            raise MemoryError("as sudden as a kill")
        if self.count in self.at:
            self.at[self.count]()


def broken() -> None:
    raise ObjectError("the connection failed", code="ConnectionError")


def killed_run(world: World, at: int) -> None:
    """A run that ends in the middle; with one thread, so that what is there is known."""
    Chunks(world.store, dead_from=at)
    with pytest.raises(MemoryError):
        run(world, options={"threads": 1})
    world.store.fail_chunk = None


def test_it_comes_whole(world: World, film: bytes) -> None:
    assert counts_of(run(world)).restored == 1
    check(world, film)
    assert (world.home / "target/2024/film.mov").stat().st_mtime_ns == LONG_AGO_NS
    assert (world.store.requests.head, world.store.requests.other) == (1, 4)


def test_a_killed_restore_goes_on_and_asks_only_for_what_is_missing(world: World, film: bytes) -> None:
    killed_run(world, at=2 * CHUNKS + 5)
    assert len(partials(world)) == 2
    chunks = Chunks(world.store)
    assert run(world).exit_code is ExitCode.OK
    assert chunks.count == -(-SIZE // 65_536) - 2 * CHUNKS, "two ranges were there"
    check(world, film)


def test_what_is_there_is_believed_only_by_its_hash(world: World, film: bytes) -> None:
    killed_run(world, at=2 * CHUNKS + 5)
    part = partials(world)[0]
    with part.open("r+b") as file:
        file.seek(1000)
        file.write(b"rot")
    chunks = Chunks(world.store)
    assert run(world).exit_code is ExitCode.OK
    assert chunks.count > -(-SIZE // 65_536), "all of it was fetched once more"
    check(world, film)


def test_without_a_hash_nothing_that_is_there_is_believed(world: World, film: bytes) -> None:
    """After a power cut a note may promise what is not there, and nothing would tell."""
    world.store.checksums = False
    world.store.corrupt(KEY, film, keep_metadata=False)
    killed_run(world, at=2 * CHUNKS + 5)
    part = partials(world)[0]
    with part.open("r+b") as file:
        file.write(bytes(MIB))
    summary = run(world)
    assert (counts_of(summary).restored, counts_of(summary).unproven) == (1, 1)
    check(world, film)


def test_no_more_than_the_object_is_left_of_a_longer_one(world: World, film: bytes) -> None:
    killed_run(world, at=2 * CHUNKS + 5)
    os.truncate(partials(world)[0], SIZE + 100)
    assert run(world).exit_code is ExitCode.OK
    check(world, film)


@pytest.mark.parametrize("spoil", ["note gone", "note junk", "part cut", "part gone"])
def test_half_of_what_a_kill_left_is_nothing(world: World, film: bytes, spoil: str) -> None:
    killed_run(world, at=2 * CHUNKS + 5)
    part, note = partials(world)
    match spoil:
        case "note gone":
            note.unlink()
        case "note junk":
            note.write_bytes(b"[1, 2]\n" * 100)
        case "part cut":
            os.truncate(part, 1000)
        case "part gone":
            part.unlink()
    assert run(world).exit_code is ExitCode.OK
    check(world, film)


def test_another_object_under_the_key_starts_anew(world: World, film: bytes) -> None:
    killed_run(world, at=2 * CHUNKS + 5)
    other = film[::-1]
    world.store.put(KEY, content_of(other))
    assert run(world).exit_code is ExitCode.OK
    check(world, other)


@pytest.mark.parametrize("times", [1, 2])
def test_an_object_that_is_replaced_between_ranges_is_never_mixed(world: World, film: bytes, times: int) -> None:
    other, left = film[::-1], iter(range(times))

    def replace(operation: str, key: str) -> None:
        if operation == "get" and world.store.requests.other % 3 == 2 and next(left, None) is not None:
            world.store.put(KEY, content_of(film if world.store.data(KEY) == other else other))

    world.store.fail = replace
    summary = run(world, options={"threads": 1})
    world.store.fail = None
    if times == 1:
        assert summary.exit_code is ExitCode.OK
        check(world, other)
    else:
        assert summary.exit_code is ExitCode.INCOMPLETE
        assert not (world.home / "target/2024/film.mov").exists()
        assert run(world).exit_code is ExitCode.OK
        check(world, film)


def test_a_range_that_breaks_is_taken_up_where_it_broke(world: World, film: bytes) -> None:
    chunks = Chunks(world.store, n10=broken, n20=broken, n40=broken)
    assert run(world).exit_code is ExitCode.OK
    assert chunks.count == -(-SIZE // 65_536) + 3
    check(world, film)


def test_a_damaged_object_is_kept_aside(world: World, film: bytes) -> None:
    world.store.corrupt(KEY, film[:-1] + b"?")
    summary = run(world)
    assert (summary.exit_code, len(summary.findings)) == (ExitCode.INCOMPLETE, 1)
    (kept,) = (world.home / "target/2024").iterdir()
    facts = kept.stat()
    assert (kept.name, kept.read_bytes()) == ("film.mov.damaged", film[:-1] + b"?")
    assert (facts.st_mtime_ns, facts.st_mode & 0o777) == (LONG_AGO_NS, 0o666 & ~umask()), "as a small one's"


def test_a_store_without_ranges_will_do(world: World, film: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    original = world.store.get

    def get(key: str, *, version_id: str | None = None, span: Any = None, if_match: str | None = None) -> Any:
        if span is not None:
            raise ObjectError("the store does not send parts of an object", code="RangeIgnored")
        return original(key, version_id=version_id)

    monkeypatch.setattr(world.store, "get", get)
    assert run(world).exit_code is ExitCode.OK
    file = world.home / "target/2024/film.mov"
    assert file.read_bytes() == film
    assert partials(world) == []


def test_a_file_in_the_way_that_appears_meanwhile_stays(world: World) -> None:
    mine = world.home / "target/2024/film.mov"
    Chunks(world.store, n20=lambda: mine.write_bytes(b"mine"))
    summary = run(world)
    assert (summary.exit_code, mine.read_bytes()) == (ExitCode.INCOMPLETE, b"mine")
    assert not partials(world), "of no use to anybody"


def test_nothing_is_fetched_for_a_place_that_is_taken(world: World) -> None:
    link = world.home / "target/2024/film.mov"
    link.parent.mkdir()
    link.symlink_to(world.home / "elsewhere")
    chunks = Chunks(world.store)
    assert (run(world).exit_code, chunks.count) == (ExitCode.INCOMPLETE, 0)
    assert link.is_symlink() and not partials(world)


def test_it_takes_the_place_of_another(world: World, film: bytes) -> None:
    there = world.home / "target/2024/film.mov"
    there.parent.mkdir()
    there.write_bytes(b"other")
    assert counts_of(run(world, overwrite=Overwrite.IF_CHANGED)).replaced == 1
    check(world, film)


@pytest.mark.parametrize("kind", ["symlink", "hardlink", "fifo", "folder"])
@pytest.mark.parametrize("which", [0, 1])
def test_what_somebody_planted_under_its_names_is_never_written_to(
    world: World, film: bytes, kind: str, which: int
) -> None:
    killed_run(world, at=CHUNKS)
    path = partials(world)[which]
    path.unlink()
    precious = world.home / "precious"
    precious.write_bytes(b"precious")
    match kind:
        case "symlink":
            path.symlink_to(precious)
        case "hardlink":
            path.hardlink_to(precious)
        case "fifo":
            os.mkfifo(path)
        case "folder":
            path.mkdir()
    summary = run(world)
    assert precious.read_bytes() == b"precious"
    if kind == "folder":
        assert summary.exit_code is ExitCode.INCOMPLETE
    else:
        assert summary.exit_code is ExitCode.OK
        check(world, film)


def test_a_stop_keeps_what_is_there(world: World, film: bytes) -> None:
    stopping: list[bool] = []
    Chunks(world.store, **{f"n{2 * CHUNKS + 5}": lambda: stopping.append(True)})
    with pytest.raises(InterruptedRun):
        run(world, stopping=lambda: bool(stopping), options={"threads": 1})
    chunks = Chunks(world.store)
    assert run(world).exit_code is ExitCode.OK
    assert chunks.count < -(-SIZE // 65_536) - CHUNKS
    check(world, film)


def test_two_at_once_do_not_write_one_file(world: World, film: bytes) -> None:
    (world.home / "other").mkdir()
    other, results = World(world.home / "other", store=world.store), list[RunSummary]()

    def second() -> None:
        request = RestoreRequest(to=str(world.home / "target"))
        results.append(bare(other, request, options={"ranging": Ranging(2 * MIB, MIB)}))

    Chunks(world.store, n20=second)
    assert run(world).exit_code is ExitCode.OK
    (refused,) = results
    assert (refused.exit_code, refused.errors[0].message) == (ExitCode.INCOMPLETE, "is being written just now")
    check(world, film)


def test_what_is_there_already_needs_no_room(world: World, film: bytes) -> None:
    killed_run(world, at=2 * CHUNKS + 5)
    there = partials(world)[0].stat().st_blocks * 512
    assert there >= 2 * MIB
    needed = -(-SIZE // 4096) * 4096
    with pytest.raises(UsageError, match=f"{needed - there:,} bytes are needed"):
        run(world, free_bytes=lambda: needed - there - 1)
    assert run(world, free_bytes=lambda: needed - there).exit_code is ExitCode.OK
    check(world, film)
