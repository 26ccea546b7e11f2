"""Many new files written together: no name before the bytes are on the disk, and nothing left of what failed."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lrsync.adapters import newfiles
from lrsync.adapters.newfiles import write_new
from lrsync.core.ports import NewFile, Placed
from lrsync.core.scan import Stat

MTIME_NS = 1_700_000_000_123_456_789
FILES = [
    NewFile(f"2024/{number // 3}/{number}.jpg", bytes([number]) * (number * 1000), MTIME_NS) for number in range(9)
]


def found(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def refusing(number: int, original: Callable[..., Any]) -> Callable[..., Any]:
    """The call, and ENOSPC in the place of its n-th."""
    left = [number]

    def call(*args: Any, **more: Any) -> Any:
        left[0] -= 1
        if left[0] == 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return original(*args, **more)

    return call


def test_they_are_written_whole_with_their_times(tmp_path: Path) -> None:
    placed = write_new(str(tmp_path), FILES)
    assert found(tmp_path) == {file.path: file.data for file in FILES}
    for file, one in zip(FILES, placed, strict=True):
        stat = (tmp_path / file.path).stat()
        assert one == Placed(Stat(stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns))
        assert stat.st_mtime_ns == MTIME_NS
        assert stat.st_nlink == 1
        assert stat.st_mode & 0o777 == 0o666 & ~umask()


def umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_no_name_is_given_before_all_bytes_are_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[str] = []
    fsync, link = os.fsync, os.link

    def watched_fsync(handle: int) -> None:
        steps.append("folder" if os.path.isdir(f"/proc/self/fd/{handle}") else "bytes")
        fsync(handle)

    def watched_link(*args: Any, **more: Any) -> None:
        steps.append("name")
        link(*args, **more)

    monkeypatch.setattr(os, "fsync", watched_fsync)
    monkeypatch.setattr(os, "link", watched_link)
    write_new(str(tmp_path), FILES)
    assert steps == ["bytes"] * 9 + ["name"] * 9 + ["folder"] * 3, "each file once, each folder once"


@pytest.mark.parametrize("call", ["fsync", "link", "write"])
def test_what_fails_for_one_fails_that_one_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    monkeypatch.setattr(os, call, refusing(5, getattr(os, call)))
    files = [file for file in FILES if file.data]
    # Where links are not to be had, a file is renamed: only where its name is not free does that fail.
    (tmp_path / "2024/1").mkdir(parents=True)
    placed = write_new(str(tmp_path), files)
    failed = [number for number, one in enumerate(placed) if isinstance(one, OSError)]
    assert failed == ([] if call == "link" else [4])
    there = {file.path: file.data for number, file in enumerate(files) if number not in failed}
    assert found(tmp_path) == there, "and nothing is left of it"


def test_a_folder_that_cannot_be_synced_fails_its_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", refusing(10, os.fsync))
    placed = write_new(str(tmp_path), FILES)
    assert [isinstance(one, OSError) for one in placed] == [True] * 3 + [False] * 6


def test_nothing_that_is_there_is_replaced(tmp_path: Path) -> None:
    for name, make in (("file", Path.touch), ("folder", Path.mkdir), ("link", lambda path: path.symlink_to("away"))):
        make(tmp_path / name)
    files = [NewFile(name, b"new", 0) for name in ("file", "folder", "link", "free", "free")]
    placed = write_new(str(tmp_path), files)
    assert [type(one) for one in placed] == [FileExistsError] * 3 + [Placed, FileExistsError]
    assert {path.name for path in tmp_path.iterdir()} == {"file", "folder", "link", "free"}
    assert (tmp_path / "file").read_bytes() == b""
    assert not (tmp_path / "away").exists()


def test_no_way_leads_out(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    for folder in (root, outside):
        folder.mkdir()
    (root / "link").symlink_to(outside)
    paths = ["link/a", "../outside/a", "/a", "a//b", "", "x/../../outside/a", "good/a"]
    placed = write_new(str(root), [NewFile(path, b"x", 0) for path in paths])
    assert [isinstance(one, Placed) for one in placed] == [False] * 6 + [True]
    assert list(outside.iterdir()) == []


def test_what_is_broken_off_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(part: Any) -> None:
        raise KeyboardInterrupt

    handles = len(os.listdir("/proc/self/fd"))
    monkeypatch.setattr(newfiles._Part, "place", killed)
    with pytest.raises(KeyboardInterrupt):
        write_new(str(tmp_path), FILES)
    assert found(tmp_path) == {}
    assert len(os.listdir("/proc/self/fd")) == handles


def test_none_is_none(tmp_path: Path) -> None:
    assert write_new(str(tmp_path), []) == []
