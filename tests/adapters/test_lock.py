"""The library's lock, between real processes."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lrsync.adapters.lock import find_holder, library_lock
from lrsync.errors import ExitCode, LockedError, ManifestError

_HOLDER = """
import sys
from pathlib import Path
from lrsync.adapters.lock import library_lock
with library_lock(Path(sys.argv[1]), command="lrsync sync"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "made here" / "manifest.sqlite"


@contextmanager
def held_elsewhere(path: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-c", _HOLDER, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        try:
            yield process
        finally:
            process.kill()


def test_a_second_run_is_told_who_holds_the_lock(path: Path) -> None:
    with held_elsewhere(path) as process:
        for _ in range(2):  # the first try must not have destroyed what it tells
            with pytest.raises(LockedError) as caught, library_lock(path):
                pytest.fail("two hold it")
            assert f"lrsync sync (process {process.pid} on " in caught.value.message
            assert ", since 20" in caught.value.message
            assert caught.value.hint
            assert caught.value.exit_code is ExitCode.LOCKED


def test_the_lock_is_free_after_it_was_let_go(path: Path) -> None:
    with held_elsewhere(path) as process:
        process.communicate(b"")
        assert process.returncode == 0
        with library_lock(path):
            pass
    assert not path.with_name(path.name + ".lock-holder").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_a_dead_holders_lock_is_taken_over(path: Path) -> None:
    with held_elsewhere(path) as process:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    with library_lock(path, command="the next"), pytest.raises(LockedError) as caught, library_lock(path):
        pytest.fail("two hold it")
    assert f"the next (process {os.getpid()} on " in caught.value.message


def test_a_lock_without_facts_is_a_lock_all_the_same(path: Path) -> None:
    with library_lock(path):
        path.with_name(path.name + ".lock-holder").write_text("{nonsense")
        with pytest.raises(LockedError, match="another run"), library_lock(path):
            pytest.fail("two hold it")


def test_an_error_inside_lets_the_lock_go_and_stays_itself(path: Path) -> None:
    with pytest.raises(OSError, match="mine"), library_lock(path):
        raise OSError("mine")
    with library_lock(path):
        pass


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions")
def test_the_files_are_private(path: Path) -> None:
    with library_lock(path):
        for name in path.parent.iterdir():
            assert stat.S_IMODE(name.stat().st_mode) == 0o600, name
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_folder_that_cannot_be_made_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ManifestError) as caught, library_lock(tmp_path / "file" / "manifest.sqlite"):
        pytest.fail("held")
    assert caught.value.hint


def test_the_holder_can_be_asked_for(path: Path) -> None:
    assert find_holder(path) is None
    assert not path.parent.exists()  # and nothing was tried for it
    with held_elsewhere(path) as process:
        holder = find_holder(path)
        assert holder is not None and holder.pid == process.pid
    # It was killed: what it wrote about itself is still there, and the lock is not.
    assert find_holder(path) is None
