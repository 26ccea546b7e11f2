"""Scratch folders: gone afterwards, and what a killed process left is gone with the next one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from lrsync.adapters.scratch import scratch_folder

HOLD = """
import sys
from lrsync.adapters.scratch import scratch_folder
with scratch_folder("restore") as folder:
    (folder / "manifest.sqlite").write_bytes(b"much")
    print(folder, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A temporary folder of the test's own, here and in its processes."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


def test_it_is_private_and_goes(place: Path) -> None:
    with scratch_folder("dry-run") as folder:
        assert (folder.parent.parent, folder.parent.stat().st_mode & 0o777) == (place, 0o700)
        assert not list(folder.iterdir())
        (folder / "manifest.sqlite").write_bytes(b"much")
    assert not list(place.iterdir())


def test_what_a_killed_process_left_goes_with_the_next(place: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        left = Path(process.stdout.readline().decode().strip())
        with scratch_folder("past"):
            assert (left / "manifest.sqlite").exists(), "its process is alive"
        process.send_signal(signal.SIGKILL)
    assert left.exists()
    with scratch_folder("past"):
        assert not left.parent.exists()


def test_what_is_not_known_to_be_abandoned_stays(place: Path) -> None:
    young, other, elsewhere = place / "lrsync-restore-young", place / "lrsync-link-1", place / "elsewhere"
    for folder in (young, elsewhere):
        folder.mkdir()
    (elsewhere / "in-use").touch()
    os.symlink(elsewhere, other)
    with scratch_folder("restore") as mine, scratch_folder("restore") as second:
        assert mine.exists() and second != mine
    assert young.exists() and other.is_symlink() and (elsewhere / "in-use").exists()
