"""The source and its marker."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from lrsync.adapters.marker import check_source, read_marker, write_marker
from lrsync.core.keys import MARKER
from lrsync.errors import ExitCode, SourceError

UUID = "123e4567-e89b-42d3-a456-426614174000"


def test_the_marker_comes_back_and_says_what_it_is(tmp_path: Path) -> None:
    assert read_marker(tmp_path) is None
    write_marker(tmp_path, UUID)
    assert read_marker(tmp_path) == UUID
    assert "do not delete" in (tmp_path / MARKER).read_text()
    assert os.listdir(tmp_path) == [MARKER]


@pytest.mark.parametrize("links", [True, False])
def test_a_marker_is_never_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool) -> None:
    if not links:
        monkeypatch.setattr(os, "link", _no_links)
    write_marker(tmp_path, UUID)
    other = UUID.replace("1", "2")
    with pytest.raises(FileExistsError):
        write_marker(tmp_path, other)
    assert read_marker(tmp_path) == UUID
    assert os.listdir(tmp_path) == [MARKER]


def _no_links(*_: object) -> None:
    raise PermissionError(1, "Operation not permitted")


def test_a_failed_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_marker(tmp_path, UUID)
    assert os.listdir(tmp_path) == []


def test_only_a_uuid_is_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not a UUID"):
        write_marker(tmp_path, "x\nlibrary: y")
    assert os.listdir(tmp_path) == []


def test_line_ends_of_another_system_do_not_matter(tmp_path: Path) -> None:
    write_marker(tmp_path, UUID)
    marker = tmp_path / MARKER
    marker.write_bytes(marker.read_bytes().replace(b"\n", b"\r\n"))
    assert read_marker(tmp_path) == UUID


@given(st.binary(max_size=300))
@example(b"")
@example(b"library: ")
@example(f"library: {UUID}\nlibrary: {UUID}\n".encode())
@example(f"library: {UUID[:-1]}\n".encode())
@example(f"library: {UUID}\n".encode() + b"x" * 5000)
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_other_bytes_are_a_damaged_marker(tmp_path: Path, data: bytes) -> None:
    (tmp_path / MARKER).write_bytes(data)
    with pytest.raises(SourceError) as caught:
        read_marker(tmp_path)
    assert caught.value.exit_code is ExitCode.SOURCE
    assert caught.value.hint


def test_a_marker_that_is_no_file_proves_nothing(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    write_marker(elsewhere, UUID)
    (tmp_path / MARKER).symlink_to(elsewhere / MARKER)
    with pytest.raises(SourceError, match="is not a file"):
        read_marker(tmp_path)
    (tmp_path / MARKER).unlink()
    (tmp_path / MARKER).mkdir()
    with pytest.raises(SourceError, match="is not a file"):
        read_marker(tmp_path)


@pytest.mark.skipif(sys.platform == "win32", reason="no FIFOs")
def test_a_marker_that_is_a_fifo_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / MARKER)
    with pytest.raises(SourceError, match="is not a file"):
        read_marker(tmp_path)


def test_the_source_is_a_folder_that_is_there(tmp_path: Path) -> None:
    check_source(tmp_path)
    (tmp_path / "file").write_bytes(b"")
    for source, words in [(tmp_path / "none", "does not exist"), (tmp_path / "file", "is not a folder")]:
        with pytest.raises(SourceError, match=words) as caught:
            check_source(source)
        assert caught.value.exit_code is ExitCode.SOURCE
        assert caught.value.hint
        assert str(source) in caught.value.message


def test_a_source_that_cannot_be_listed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(SourceError, match="cannot be read: Permission denied"):
        check_source(tmp_path)
