"""The folder that a restore goes to: what may be one, what it does with names, how much fits."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from lrsync.adapters import targets
from lrsync.adapters.targets import free_bytes, make_target, name_rules, refuse_source
from lrsync.core.localnames import POSIX
from lrsync.errors import UsageError
from tests.e2e.disks import read_only_folder


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "Photos"
    (folder / "2024").mkdir(parents=True)
    return folder


@pytest.mark.parametrize("name", [".", "2024", "2024/new/deep", "..", "../Photos/2024/..", "../link", "../link/2024/x"])
def test_the_source_is_no_target(source: Path, name: str) -> None:
    (source.parent / "link").symlink_to(source)
    with pytest.raises(UsageError) as caught:
        refuse_source(source / name, source)
    assert caught.value.hint


@pytest.mark.parametrize("name", ["../back", "../Photos2", "../Photos2/Photos", "../back/Photos"])
def test_a_folder_beside_it_is_one(source: Path, name: str) -> None:
    refuse_source(source / name, source)


def test_a_source_that_is_gone_may_be_anywhere_but_there(tmp_path: Path) -> None:
    refuse_source(tmp_path / "back", tmp_path / "gone")
    with pytest.raises(UsageError, match="is the source"):
        refuse_source(tmp_path / "gone", tmp_path / "gone")


def test_a_target_is_made_and_left_empty(tmp_path: Path) -> None:
    make_target(tmp_path / "a/b")
    assert name_rules(tmp_path / "a/b").max_name_bytes <= 255
    assert list((tmp_path / "a/b").iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have other rules")
def test_a_linux_disk_takes_any_name(tmp_path: Path) -> None:
    assert name_rules(tmp_path) == POSIX


def test_a_disk_that_takes_no_colons_is_as_windows_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch = Path.touch

    def refusing(path: Path, mode: int = 0o666, exist_ok: bool = True) -> None:
        if ":" in path.name:
            raise OSError(22, "Invalid argument")
        touch(path, mode, exist_ok)

    monkeypatch.setattr(Path, "touch", refusing)
    assert name_rules(tmp_path).windows


def test_a_disk_that_takes_two_names_for_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(targets.os.path, "lexists", lambda path: True)
    rules = name_rules(tmp_path)
    assert (rules.folds_case, rules.folds_forms, rules.windows) == (True, True, False)


def test_what_cannot_be_a_target(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises(UsageError, match="cannot be written to"):
        make_target(tmp_path / "file")
    with read_only_folder(tmp_path / "locked") as folder, pytest.raises(UsageError, match="cannot be written to"):
        make_target(folder)


def test_free_space_is_that_of_the_disk_to_be(tmp_path: Path) -> None:
    free = free_bytes(tmp_path / "not/there/yet")
    assert free is not None
    stat = os.statvfs(tmp_path)
    assert abs(free - stat.f_bavail * stat.f_frsize) < 1 << 30


def test_a_drive_that_tells_nothing_is_not_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(targets.shutil, "disk_usage", lambda path: type("Usage", (), {"total": 0, "free": 0}))
    assert free_bytes(tmp_path) is None
