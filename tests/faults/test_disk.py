"""Everything a disk can do to a run: the exit code, what is recorded, and that a quiet night mends it."""

from __future__ import annotations

import errno
import io
import os
import shutil
import threading
import time
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lrsync.adapters import longpath, reader, sqlite
from lrsync.adapters.database import needs_check
from lrsync.adapters.seals import Seals
from lrsync.core.amounts import MaxDelete
from lrsync.core.findings import FindingKind
from lrsync.core.model import Content
from lrsync.core.ports import SourceTree
from lrsync.core.runs import RunSummary
from lrsync.core.scan import ScannedDir, Stat
from lrsync.errors import ExitCode, ManifestError, SourceError
from tests.e2e.disks import small_disk
from tests.engine.world import HOUR_NS, LONG_AGO_NS, PREFIX, World
from tests.trees import Tree, make_tree

LIBRARY: Tree = {
    "2024": {f"{number:02}.jpg": f"photo {number} ".encode() * 20 for number in range(1, 9)},
    "2025": {"Iceland": {"a.nef": b"raw a" * 500, "a.xmp": b"<x/>"}},
}
COUNT = 10
VICTIM = "2024/03.jpg"
YEAR_NS = 365 * 24 * HOUR_NS


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def check_truth(world: World) -> None:
    """Each row that speaks of the file as it is now has its bytes in the bucket."""
    objects = world.objects()
    for key, data in world.files().items():
        row = world.row(key.removeprefix(f"{PREFIX}/"))
        if row is not None and row.settled and row.stat.size == len(data) and row.missing_since is None:
            assert objects[key] == data, key


def check_recovery(world: World) -> None:
    """A quiet night mends everything, and the one after asks nothing."""
    summary = world.sync()
    assert summary.exit_code is ExitCode.OK, (summary.errors, summary.findings)
    assert world.files().items() <= world.objects().items()
    summary = world.sync()
    assert (summary.requests.total, summary.changes.unchanged) == (0, summary.scan.files)


def told(summary: RunSummary) -> list[tuple[str, str]]:
    """What the run says of each file that failed."""
    return [(failed.path, failed.message) for failed in summary.errors]


# --- while a file is read -----------------------------------------------------------------------------------


def while_reading(patch: pytest.MonkeyPatch, file: Path, act: Callable[[], object], *, times: int = 1) -> list[int]:
    """Let `act` happen each time after the file was opened and before its first byte is read."""
    original, happened = reader.facts_of, list[int]()

    def facts(found: os.stat_result) -> Stat:
        stat = original(found)
        if len(happened) < times and file.exists() and os.path.samestat(found, file.lstat()):
            happened.append(found.st_ino)
            act()
        return stat

    patch.setattr(reader, "facts_of", facts)
    return happened


def grow(file: Path) -> None:
    with file.open("ab") as stream:
        stream.write(b"more")


def shrink(file: Path) -> None:
    os.truncate(file, 3)


def rewrite(file: Path) -> None:
    file.write_bytes(os.urandom(file.stat().st_size))


def replace_file(file: Path) -> None:
    part = file.with_name("part.tmp")
    part.write_bytes(b"another file altogether")
    part.replace(file)


ACTS = {"grows": grow, "shrinks": shrink, "is rewritten": rewrite, "is replaced": replace_file}


@pytest.mark.parametrize("large", [False, True], ids=["small", "large"])
@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
def test_a_file_that_changes_once_while_it_is_read_is_read_again(
    world: World, monkeypatch: pytest.MonkeyPatch, act: Callable[[Path], None], large: bool
) -> None:
    world.make(LIBRARY)
    victim = world.photos / VICTIM
    if large:
        victim.write_bytes(os.urandom(17 << 20))
    with monkeypatch.context() as patch:
        happened = while_reading(patch, victim, lambda: act(victim))
        summary = world.sync()
    assert len(happened) == 1
    assert (summary.exit_code, summary.actions.uploaded) == (ExitCode.OK, COUNT)
    assert world.objects() == world.files()
    assert world.store.uploads == []
    check_recovery(world)


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
def test_a_file_that_never_holds_still_is_left_for_the_next_night(
    world: World, monkeypatch: pytest.MonkeyPatch, act: Callable[[Path], None]
) -> None:
    world.make(LIBRARY)
    victim = world.photos / VICTIM

    def unrest() -> None:
        rewrite(victim)
        act(victim)

    with monkeypatch.context() as patch:
        happened = while_reading(patch, victim, unrest, times=99)
        summary = world.sync()
    assert len(happened) >= 3
    assert (summary.exit_code, summary.actions.raced, summary.actions.uploaded) == (ExitCode.INCOMPLETE, 1, COUNT - 1)
    assert [failed.path for failed in summary.errors] == [VICTIM]
    assert world.row(VICTIM) is None
    assert f"{PREFIX}/{VICTIM}" not in world.objects()
    check_recovery(world)


def test_a_file_that_is_removed_while_it_is_read_is_no_failure(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.make(LIBRARY)
    victim = world.photos / VICTIM
    with monkeypatch.context() as patch:
        assert while_reading(patch, victim, victim.unlink) == []
        summary = world.sync()
    assert (summary.exit_code, summary.actions.uploaded) == (ExitCode.OK, COUNT - 1)
    assert world.row(VICTIM) is None
    assert world.objects() == world.files()
    check_recovery(world)


def test_a_file_that_turns_into_a_folder(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.make(LIBRARY)
    victim = world.photos / VICTIM

    def turn() -> None:
        victim.unlink()
        make_tree(victim, {"inside.jpg": b"inside"})

    with monkeypatch.context() as patch:
        happened = while_reading(patch, victim, turn)
        summary = world.sync()
    assert len(happened) == 1
    assert summary.exit_code in (ExitCode.OK, ExitCode.INCOMPLETE)
    assert world.row(VICTIM) is None
    assert f"{PREFIX}/{VICTIM}" not in world.objects()
    check_recovery(world)


def test_a_known_file_that_becomes_a_folder_and_back(world: World) -> None:
    world.make(LIBRARY)
    world.sync()
    victim = world.photos / VICTIM
    data = victim.read_bytes()
    victim.unlink()
    make_tree(victim, {"inside.jpg": b"inside"})
    assert world.sync().exit_code is ExitCode.OK
    assert world.objects()[f"{PREFIX}/{VICTIM}/inside.jpg"] == b"inside"
    assert world.objects()[f"{PREFIX}/{VICTIM}"] == data, "gone from the disk is not gone from the bucket"
    shutil.rmtree(victim)
    victim.write_bytes(data)
    check_recovery(world)


@dataclass
class Meddling:
    """A source in which something happens before a part of a large file is read again to be sent."""

    inner: SourceTree
    act: Callable[[int], None]
    parts: int = 0

    def read_part(self, path: str, offset: int, length: int) -> bytes:
        self.parts += 1
        self.act(self.parts)
        return self.inner.read_part(path, offset, length)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
def test_a_large_file_that_changes_between_hashing_and_sending(world: World, act: Callable[[Path], None]) -> None:
    """What is stored is what was hashed: parts of two states never become one object."""
    world.make({"clip.mp4": os.urandom(33 << 20)})
    victim = world.photos / "clip.mp4"
    tree: list[Meddling] = []

    def meddle(number: int) -> None:
        if number == 2:
            act(victim)

    def wrap(inner: SourceTree) -> SourceTree:
        tree.append(Meddling(inner, meddle))
        return tree[-1]

    world.wrap_tree = wrap
    summary = world.sync()
    assert tree[0].parts >= 2
    assert summary.exit_code in (ExitCode.OK, ExitCode.INCOMPLETE)
    if summary.exit_code is ExitCode.OK:
        assert world.objects() == world.files()
    else:
        assert world.objects() == {}
    world.wrap_tree = lambda inner: inner
    check_recovery(world)
    assert world.store.uploads == []


# --- what cannot be read ------------------------------------------------------------------------------------


def test_permission_that_was_taken_away_is_one_files_failure(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.make(LIBRARY)
    original = longpath.open_below

    def denied(root: Any, path: str, flags: int) -> int:
        if path == VICTIM:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        return original(root, path, flags)

    with monkeypatch.context() as patch:
        patch.setattr(reader, "open_below", denied)
        summary = world.sync()
    assert (summary.exit_code, summary.actions.uploaded) == (ExitCode.INCOMPLETE, COUNT - 1)
    assert told(summary) == [(VICTIM, "cannot be read: Permission denied")]
    check_recovery(world)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root reads what nobody may")
def test_a_file_without_read_permission(world: World) -> None:
    world.make(LIBRARY)
    (world.photos / VICTIM).chmod(0)
    summary = world.sync()
    assert [failed.path for failed in summary.errors] == [VICTIM]
    (world.photos / VICTIM).chmod(0o600)
    check_recovery(world)


class RottenIO(io.FileIO):
    """A disk whose sectors cannot be read any more, from byte 100 on."""

    inode = 0

    def readinto(self, buffer: Any, /) -> int:
        if os.fstat(self.fileno()).st_ino == RottenIO.inode and self.tell() >= 100:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return super().readinto(memoryview(buffer)[:100]) or 0

    def read(self, size: int = -1, /) -> bytes:
        buffer = bytearray(max(0, size))
        return bytes(buffer[: self.readinto(buffer)])


@pytest.mark.parametrize("known", [False, True], ids=["new", "known"])
def test_a_rotten_disk_is_one_files_failure(world: World, monkeypatch: pytest.MonkeyPatch, known: bool) -> None:
    world.make(LIBRARY)
    if known:
        world.sync()
        world.age(VICTIM)  # so that it is looked at again
    before = world.objects()
    RottenIO.inode = (world.photos / VICTIM).stat().st_ino
    with monkeypatch.context() as patch:
        patch.setattr(reader, "io", SimpleNamespace(FileIO=RottenIO))
        patch.setattr(reader, "SMALL_BYTES", 0)
        summary = world.sync(delete=True)
    assert summary.exit_code is ExitCode.INCOMPLETE
    assert told(summary) == [(VICTIM, "cannot be read: Input/output error")]
    assert "drive's health" in summary.errors[0].hint
    assert before.items() <= world.objects().items(), "the good object stays"
    assert world.trash() == {}
    check_recovery(world)


# --- the source goes away -----------------------------------------------------------------------------------


@dataclass
class Interrupted:
    """A source to which something happens after the walk's first folders."""

    inner: SourceTree
    act: Callable[[], None]
    after: int = 1

    def walk(self) -> Iterator[ScannedDir]:
        for number, scanned in enumerate(self.inner.walk(), start=1):
            yield scanned
            if number == self.after:
                self.act()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


@pytest.mark.parametrize("after", [1, 2, 3])
@pytest.mark.parametrize("leaves", ["nothing", "an empty folder"])
def test_a_drive_that_goes_away_in_the_middle_of_the_scan(world: World, after: int, leaves: str) -> None:
    world.make(LIBRARY)
    world.sync()
    before = world.objects()
    away = world.home / "away"

    def unplug() -> None:
        shutil.copytree(world.photos, away)
        shutil.rmtree(world.photos)
        if leaves == "an empty folder":
            world.photos.mkdir()

    world.wrap_tree = lambda inner: Interrupted(inner, unplug, after)
    summary = world.sync(delete=True, max_delete=MaxDelete(None, 100))
    assert summary.exit_code is ExitCode.INCOMPLETE
    assert summary.changes.missing == 0, "what could not be read is unknown, not missing"
    assert world.objects() == before
    assert "the source folder is gone" in [failed.message for failed in summary.errors]
    shutil.rmtree(world.photos, ignore_errors=True)
    away.rename(world.photos)
    world.wrap_tree = lambda inner: inner
    check_recovery(world)
    assert world.objects() == before


def test_a_drive_that_is_really_unmounted_in_the_middle_of_the_scan(tmp_path: Path) -> None:
    with small_disk(tmp_path / "Photos", 4096):
        world = World(tmp_path)
        world.make(LIBRARY)
        world.sync()
        before = world.objects()

        def unmount() -> None:
            assert os.system(f"umount -l '{world.photos}'") == 0
            world.proven = False  # the marker was on the drive
            assert os.system(f"mount -t tmpfs tmpfs '{world.photos}'") == 0

        world.wrap_tree = lambda inner: Interrupted(inner, unmount)
        with pytest.raises(SourceError, match="went away"):
            world.sync(delete=True, max_delete=MaxDelete(None, 100))
        assert missing(world) == 0
        assert world.objects() == before


def missing(world: World) -> int:
    with Seals(world.path) as seals:
        return seals.counts().missing


def test_what_a_drive_that_was_exchanged_does_not_have_is_not_missing(world: World) -> None:
    """Another drive takes its place so early that the walk meets nothing but that one."""
    world.make(LIBRARY)
    world.sync()
    before = world.objects()
    shutil.copytree(world.photos, world.home / "away")

    def exchange() -> None:
        shutil.rmtree(world.photos / "2025")
        for number in range(2, 9):
            (world.photos / f"2024/{number:02}.jpg").unlink()
        (world.photos / "2024/new.jpg").write_bytes(b"of the other drive")
        world.proven = False

    world.wrap_tree = lambda inner: Interrupted(inner, exchange)
    with pytest.raises(SourceError, match="went away") as caught:
        world.sync(delete=True, max_delete=MaxDelete(None, 100))
    assert caught.value.exit_code is ExitCode.SOURCE
    assert "run the same command again" in caught.value.hint
    assert missing(world) == 0
    assert before.items() <= world.objects().items()
    assert world.trash() == {}
    stored = f"{PREFIX}/2024/new.jpg" in world.objects()
    assert (world.row("2024/new.jpg") is not None) == stored, "what was acknowledged is recorded"
    with Seals(world.path) as seals:
        assert not needs_check(seals.path)
        assert not stored or seals.seals()["2024"] is None
    shutil.rmtree(world.photos)
    (world.home / "away").rename(world.photos)
    world.proven = True
    world.wrap_tree = lambda inner: inner
    summary = world.sync()
    assert (summary.changes.missing, summary.actions.uploaded) == (int(stored), 0), "only that file is not here"


def test_a_drive_that_goes_away_while_uploads_are_under_way_overwrites_and_deletes_nothing(world: World) -> None:
    world.make({"2024": {f"{number:03}.jpg": b"%d" % number for number in range(60)}})
    world.sync()
    (world.photos / "2024/000.jpg").write_bytes(b"edited")
    (world.photos / "2024/001.jpg").unlink()
    (world.photos / "2024/new.jpg").write_bytes(b"new")
    before = world.objects()

    def unplug(operation: str, key: str) -> None:
        if key.endswith("new.jpg"):
            world.proven = False

    world.store.fail = unplug
    with pytest.raises(SourceError, match="went away"):
        world.sync(delete=True)
    assert world.trash() == {}
    assert before.items() <= world.objects().items()


def test_what_vanishes_from_a_source_without_proof_is_missing_all_the_same(world: World) -> None:
    world.make(LIBRARY)
    world.proven = False
    world.sync()
    (world.photos / VICTIM).unlink()
    shutil.rmtree(world.photos / "2025")
    summary = world.sync()
    assert (summary.exit_code, summary.changes.missing) == (ExitCode.OK, 3)
    assert world.sync().requests.total == 0
    row = world.row(VICTIM)
    assert row is not None
    assert row.missing_since is not None


def test_an_empty_mount_point_deletes_nothing(world: World) -> None:
    world.make(LIBRARY)
    world.sync()
    before = world.objects()
    shutil.rmtree(world.photos)
    world.photos.mkdir()
    world.proven = False
    summary = world.sync(delete=True, max_delete=MaxDelete(None, 100))
    assert summary.exit_code is ExitCode.NEEDS_PERSON
    assert [finding.kind for finding in summary.findings] == [FindingKind.DELETE_GUARD]
    assert world.objects() == before
    world.make(LIBRARY)
    world.proven = True
    check_recovery(world)
    assert world.objects() == before


# --- the manifest's disk ------------------------------------------------------------------------------------


def test_a_manifest_that_gets_full_in_the_middle_of_a_run(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever it happens: what was sent and not recorded is found in the bucket and adopted."""
    world.make({"many": {f"{number:04}.jpg": b"%d" % number for number in range(1200)}})
    pages = os.stat(world.path).st_size // 4096 + 12
    original = sqlite._connect_uri

    def small(path: Path, query: str, timeout_s: float) -> Any:
        connection = original(path, query, timeout_s)
        connection.execute(f"PRAGMA max_page_count = {pages}")
        return connection

    with monkeypatch.context() as patch:
        patch.setattr(sqlite, "_connect_uri", small)
        with pytest.raises(ManifestError, match="is full") as caught:
            world.sync(batch_size=20)
    assert caught.value.exit_code is ExitCode.MANIFEST
    assert "free some space" in caught.value.hint
    sent = len(world.objects())
    assert 0 < sent < 1200, "it stopped: what cannot be recorded need not be sent"
    check_truth(world)
    puts = world.store.requests.put
    check_recovery(world)
    # An object that is there already answers a conditional PUT without being stored again.
    assert world.trash() == {}
    assert world.store.requests.put - puts <= 1200


def test_a_real_disk_that_is_full(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 8192) as disk:
        world = World(disk.folder)
        world.make(LIBRARY)
        world.sync()
        make_tree(world.photos, {"new": {f"{number:03}.jpg": b"%d" % number for number in range(300)}})
        full = False

        def fill(operation: str, key: str) -> None:
            nonlocal full
            if operation == "put" and not full and key.endswith("100.jpg"):
                full = True
                disk.fill()

        world.store.fail = fill
        with pytest.raises(ManifestError, match="full"):
            world.sync(batch_size=10)
        assert full
        check_truth_after_full(world, disk.folder)
        check_recovery(world)


def test_a_real_disk_that_becomes_read_only(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 8192) as disk:
        world = World(disk.folder)
        world.make(LIBRARY)
        world.sync()
        disk.resize(8192, read_only=True)
        with pytest.raises(ManifestError, match=r"read-only|cannot be (opened|used)") as caught:
            world.sync()
        assert caught.value.exit_code is ExitCode.MANIFEST
        disk.resize(8192)
        check_recovery(world)


def check_truth_after_full(world: World, folder: Path) -> None:
    """Make room again, and look whether the manifest is whole and true."""
    (folder / "filler").unlink()
    with sqlite.connect(world.path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    connection.close()
    check_truth(world)


# --- clocks -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("jump", [-YEAR_NS, -HOUR_NS, HOUR_NS, YEAR_NS], ids=["-1y", "-1h", "+1h", "+1y"])
def test_a_clock_that_jumps(world: World, jump: int) -> None:
    world.make(LIBRARY)
    world.sync(full_every_ns=7 * 24 * HOUR_NS)
    world.now_ns += jump
    quiet = world.sync()
    assert (quiet.exit_code, quiet.requests.total, quiet.changes.unchanged) == (ExitCode.OK, 0, COUNT)
    (world.photos / VICTIM).write_bytes(b"edited after the jump")
    (world.photos / "2024/new.jpg").write_bytes(b"made after the jump")
    summary = world.sync()
    assert (summary.changes.modified, summary.changes.added) == (1, 1)
    assert world.objects() == world.files()
    check_recovery(world)


def test_a_clock_that_was_a_year_ahead_puts_no_full_pass_off_for_a_year(world: World) -> None:
    world.make(LIBRARY)
    world.now_ns += YEAR_NS
    world.sync(full_every_ns=7 * 24 * HOUR_NS)
    world.now_ns -= YEAR_NS
    world.store.lose(f"{PREFIX}/{VICTIM}")
    summary = world.sync(full_every_ns=7 * 24 * HOUR_NS)
    assert summary.drift.checked
    assert world.objects() == world.files()


@pytest.mark.parametrize("shift_s", [1, 2, 3600, -3600, 3601])
def test_times_that_only_shift_send_nothing(world: World, shift_s: int) -> None:
    """Summer time, FAT's two seconds, and a drive that was copied: the bytes are what counts."""
    world.make(LIBRARY)
    world.sync()
    for key in world.files():
        file = world.photos / key.removeprefix(f"{PREFIX}/")
        mtime_ns = file.stat().st_mtime_ns + shift_s * 1_000_000_000
        os.utime(file, ns=(mtime_ns, mtime_ns))
    summary = world.sync()
    assert (summary.exit_code, summary.actions.uploaded, summary.actions.quarantined) == (ExitCode.OK, 0, 0)
    assert (summary.changes.touched, summary.requests.total) == (COUNT, 0)
    check_recovery(world)


@dataclass
class Fat:
    """A disk that keeps times to two seconds, and no time of change at all."""

    inner: SourceTree

    def _round(self, mtime_ns: int) -> int:
        return mtime_ns // 2_000_000_000 * 2_000_000_000

    def walk(self) -> Iterator[ScannedDir]:
        for scanned in self.inner.walk():
            files = tuple(f._replace(mtime_ns=self._round(f.mtime_ns), ctime_ns=0) for f in scanned.files)
            yield scanned.with_files(files)

    def stat(self, path: str) -> Stat | None:
        found = self.inner.stat(path)
        return None if found is None else Stat(found.size, self._round(found.mtime_ns), 0)

    def read(self, path: str, **how: Any) -> Content:
        content = self.inner.read(path, **how)
        stat = Stat(content.stat.size, self._round(content.stat.mtime_ns), 0)
        return replace(content, stat=stat)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


def test_a_second_write_within_fats_two_seconds_is_found(world: World) -> None:
    world.wrap_tree = lambda inner: Fat(inner)
    world.make({"a.jpg": b"before"})
    written_ns = LONG_AGO_NS // 2_000_000_000 * 2_000_000_000 + 300_000_000
    os.utime(world.photos / "a.jpg", ns=(written_ns, written_ns))
    world.now_ns = written_ns + 500_000_000 - 24 * HOUR_NS  # sync() adds a day
    world.sync()
    (world.photos / "a.jpg").write_bytes(b"after!")
    os.utime(world.photos / "a.jpg", ns=(written_ns + 900_000_000, written_ns + 900_000_000))
    world.sync()
    assert world.objects() == {f"{PREFIX}/a.jpg": b"after!"}
    assert world.sync().requests.total == 0


# --- names --------------------------------------------------------------------------------------------------


def test_a_rename_that_changes_only_case(world: World) -> None:
    world.make(LIBRARY)
    world.sync()
    old = world.photos / VICTIM
    old.rename(old.with_name("03.JPG"))
    (world.photos / "2025/Iceland").rename(world.photos / "2025/ICELAND")
    summary = world.sync(delete=True)
    assert (summary.exit_code, summary.actions.copied, summary.actions.uploaded) == (ExitCode.OK, 3, 0)
    assert world.objects() == world.files()
    check_recovery(world)


def test_two_names_for_one_key_overwrite_nothing(world: World) -> None:
    one, two = (unicodedata.normalize(form, "Éléonore.jpg") for form in ("NFC", "NFD"))
    world.make({"a.jpg": b"a"})
    (world.photos / one).write_bytes(b"composed")
    if (world.photos / two).exists():
        pytest.skip("this file system takes both for one name")
    world.sync()
    (world.photos / two).write_bytes(b"decomposed")
    summary = world.sync()
    assert summary.exit_code is ExitCode.INCOMPLETE
    assert {failed.path for failed in summary.errors} == {one, two}
    assert world.objects()[f"{PREFIX}/{one}"] == b"composed"
    (world.photos / two).rename(world.photos / "other.jpg")
    check_recovery(world)
    assert world.objects() == world.files()


def make_deep(root: Path, name: str, levels: int, file: str, data: bytes) -> None:
    """A file below so many folders of this name; step by step, as no system call takes such a path whole."""
    folder = os.open(root, os.O_RDONLY)
    for _ in range(levels):
        os.mkdir(name, dir_fd=folder)
        deeper = os.open(name, os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = deeper
    with os.fdopen(os.open(file, os.O_CREAT | os.O_WRONLY, 0o600, dir_fd=folder), "wb") as stream:
        stream.write(data)
    os.close(folder)


def test_names_of_255_bytes_60_levels_deep_fail_alone(world: World) -> None:
    world.make(LIBRARY)
    make_deep(world.photos, "d" * 255, 60, "f" * 255, b"deep")
    summary = world.sync()
    assert (summary.exit_code, summary.actions.uploaded) == (ExitCode.INCOMPLETE, COUNT)
    (failed,) = summary.errors
    assert "1,024" in failed.message
    assert summary.scan.directories == 64
    assert len(world.objects()) == COUNT
    assert world.sync(delete=True).actions.trashed == 0


def test_60_levels_whose_key_still_fits(world: World) -> None:
    make_deep(world.photos, "d" * 14, 60, "photo.jpg", b"deep")
    assert world.sync().exit_code is ExitCode.OK
    assert list(world.objects().values()) == [b"deep"]
    check_recovery(world)


@pytest.mark.slow
def test_a_folder_with_100_000_files(world: World) -> None:
    folder = world.photos / "all"
    folder.mkdir()
    for number in range(100_000):
        (folder / f"{number:06}.jpg").write_bytes(b"%d" % number)
    summary = world.sync(threads=2, batch_size=2000)
    assert (summary.exit_code, summary.scan.files) == (ExitCode.OK, 100_000)
    assert summary.actions.uploaded == 100_000
    quiet = world.sync()
    assert (quiet.requests.total, quiet.changes.unchanged) == (0, 100_000)
    (folder / "050000.jpg").write_bytes(b"edited")
    assert world.sync().changes.modified == 1


# --- no rest ------------------------------------------------------------------------------------------------


def test_files_that_come_and_go_during_the_whole_run(world: World) -> None:
    world.make(LIBRARY)
    over = threading.Event()
    rounds = 0

    def churn() -> None:
        nonlocal rounds
        while not over.is_set():
            rounds += 1
            folder = world.photos / f"churn{rounds % 7}"
            make_tree(folder, {f"{number}.jpg": os.urandom(100 + rounds % 50) for number in range(5)})
            (folder / "0.jpg").rename(folder / "renamed.jpg")
            (folder / "1.jpg").write_bytes(b"again")
            if rounds % 3 == 0:
                shutil.rmtree(folder)
            time.sleep(0.001)

    thread = threading.Thread(target=churn)
    thread.start()
    try:
        codes = [world.sync(delete=number % 2 == 1).exit_code for number in range(8)]
    finally:
        over.set()
        thread.join()
    assert rounds > 10
    assert set(codes) <= {ExitCode.OK, ExitCode.INCOMPLETE, ExitCode.NEEDS_PERSON}
    check_truth(world)
    check_recovery(world)
