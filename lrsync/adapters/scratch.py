"""Private folders for a command's own databases, in the system's temporary folder.

They are gone when the command ends. What a killed one left, a manifest of gigabytes perhaps, goes with the next.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

_HEAD: Final = "lrsync-"
_LOCK: Final = "in-use"
"""Held for as long as the process lives. A folder without it is left alone: it may be just being made."""


@contextmanager
def scratch_folder(purpose: str) -> Iterator[Path]:
    """A new folder that only this user can read; `purpose` is a word in its name. Raises OSError."""
    _clear_away(Path(tempfile.gettempdir()))
    with tempfile.TemporaryDirectory(prefix=f"{_HEAD}{purpose}-") as made:
        unlocked, files = Path(made, f"{_LOCK}.new"), Path(made, "files")
        files.mkdir(mode=0o700)  # a drill restores into it: no photo's name may be taken
        handle = os.open(unlocked, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            # Locked before it has its name: nobody ever sees it unlocked while this process lives.
            if _lock(handle):
                unlocked.rename(Path(made, _LOCK))
            yield files
        finally:
            os.close(handle)


def _clear_away(place: Path) -> None:
    """Remove what dead processes of this user left. What cannot be removed stays: it is in nobody's way."""
    with suppress(OSError):
        for folder in place.glob(f"{_HEAD}*-*"):
            with suppress(OSError):
                if _is_abandoned(folder):
                    shutil.rmtree(folder)


def _is_abandoned(folder: Path) -> bool:
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != _user():
        return False
    handle = os.open(folder / _LOCK, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0))
    try:
        return _lock(handle)
    finally:
        os.close(handle)


def _user() -> int:
    return os.getuid() if hasattr(os, "getuid") else -1


def _lock(handle: int) -> bool:
    """Take the system's lock, which ends with the process; False where another has it, or there are no such locks."""
    try:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (ImportError, OSError):
        return False  # Windows, a drive without locks, or another process that is still at work
    return True
