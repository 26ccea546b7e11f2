"""What a killed run left of small files goes; what a run is writing just now, and whatever else is there, stays."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lrsync.adapters import leftovers
from lrsync.adapters.filewriter import FileWriter
from lrsync.adapters.leftovers import TEMPORARY, temporary_name
from lrsync.core.ports import NewFile, Placed, Placing

needs_locks = pytest.mark.skipif(os.name == "nt", reason="there are no such locks on Windows")

_HELD = """
import os, sys, time
from lrsync.adapters.leftovers import hold
handle = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT | os.O_EXCL)
assert hold(handle)
print("held", flush=True)
time.sleep(60)
"""


def writer(folder: Path) -> FileWriter:
    return FileWriter(folder, stamp="now")


@needs_locks
def test_only_what_a_killed_run_left_is_removed(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "2024"):
        folder.mkdir(exist_ok=True)
        (folder / temporary_name()).write_bytes(b"half")
    stays = ["a.jpg", f"{TEMPORARY}part-0123456789abcdef", f"{TEMPORARY}part-0123456789abcdef.note"]
    stays += [f"{TEMPORARY}0123456789abcdeg", f"x{temporary_name()}", f"{temporary_name()}.nef"]
    for name in stays:
        (tmp_path / "2024" / name).write_bytes(b"stays")
    (tmp_path / "2024" / temporary_name()).mkdir()
    (tmp_path / "elsewhere.jpg").write_bytes(b"mine")
    (tmp_path / "2024" / temporary_name()).symlink_to(tmp_path / "elsewhere.jpg")
    os.mkfifo(tmp_path / "2024" / temporary_name())
    before = set(os.listdir(tmp_path / "2024"))
    writer(tmp_path).clear_left("2024")
    gone = before - set(os.listdir(tmp_path / "2024"))
    assert len(gone) == 1
    assert not gone & set(stays)
    assert (tmp_path / "elsewhere.jpg").read_bytes() == b"mine"
    assert len(list(tmp_path.glob(f"{TEMPORARY}*"))) == 1  # another folder's
    writer(tmp_path).clear_left("")
    assert not list(tmp_path.glob(f"{TEMPORARY}*"))
    writer(tmp_path).clear_left("not/there")


@needs_locks
def test_what_another_process_is_writing_stays_until_it_is_killed(tmp_path: Path) -> None:
    path = tmp_path / temporary_name()
    with subprocess.Popen([sys.executable, "-c", _HELD, str(path)], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"held\n"
            writer(tmp_path).clear_left("")
            assert path.exists()
        finally:
            process.kill()
    writer(tmp_path).clear_left("")
    assert not path.exists()


def test_a_file_on_its_way_is_held_until_it_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the same process, too: a restore clears while its workers write."""
    target = writer(tmp_path)

    def chunks() -> Iterator[bytes]:
        yield b"ab"
        target.clear_left("")
        yield b"c"

    placed = target.write("a.jpg", chunks(), None, Placing(1))
    assert isinstance(placed, Placed)
    assert (tmp_path / "a.jpg").read_bytes() == b"abc"

    whole = os.link

    def link(*args: str, **more: int) -> None:
        target.clear_left("")
        whole(*args, **more)

    monkeypatch.setattr(os, "link", link)
    results = target.write_many([NewFile(f"{n}.jpg", b"photo", 1) for n in range(3)])
    assert all(isinstance(result, Placed) for result in results)
    assert isinstance(target.write("b.jpg", iter([b"b"]), None, Placing(1)), Placed)
    assert sorted(os.listdir(tmp_path)) == ["0.jpg", "1.jpg", "2.jpg", "a.jpg", "b.jpg"]


@needs_locks
@pytest.mark.parametrize("moment", ["before it is held", "while it is looked at"])
def test_a_file_that_another_run_clears_as_it_is_made_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """Two restores into one folder: between a file's making and its lock the other takes it for left over."""
    target, hold, looks = writer(tmp_path), leftovers.hold, list[int]()

    def too_late(handle: int) -> bool:
        monkeypatch.setattr(leftovers, "hold", hold)
        if moment == "before it is held":
            target.clear_left("")
        else:
            (made,) = tmp_path.glob(f"{TEMPORARY}*")
            looks.append(os.open(made, os.O_RDWR))
            assert hold(looks[-1])
        return hold(handle)

    monkeypatch.setattr(leftovers, "hold", too_late)
    assert isinstance(target.write("a.jpg", iter([b"a"]), None, Placing(1)), Placed)
    monkeypatch.setattr(leftovers, "hold", too_late)
    assert isinstance(target.write_many([NewFile("b.jpg", b"b", 1)])[0], Placed)
    for handle in looks:
        os.close(handle)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"a.jpg": b"a", "b.jpg": b"b"}


def test_where_nobody_can_tell_nothing_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / temporary_name()).write_bytes(b"half")
    monkeypatch.setattr(leftovers, "hold", lambda handle: False)
    writer(tmp_path).clear_left("")
    assert len(os.listdir(tmp_path)) == 1
