"""What this computer and a source's file system are like, by reading alone: nothing is ever written to find out."""

from __future__ import annotations

import os
import platform
import shutil
import sqlite3
from importlib import metadata
from pathlib import Path
from typing import Final

from lrsync import __version__
from lrsync.core.keys import MARKER

_SAMPLE: Final = 200
_MOST_FOLDERS: Final = 50
_STANDS_ON: Final = ("boto3", "botocore", "sqlalchemy", "alembic", "click", "rich", "isal", "zstandard", "awscrt")


def sample_mtimes(source: Path) -> list[int]:
    """The mtimes (ns) of some files of the source: those of its first folders."""
    found: list[int] = []
    for number, (folder, _, names) in enumerate(os.walk(source)):
        for name in names[:_SAMPLE]:
            try:
                found.append(os.lstat(os.path.join(folder, name)).st_mtime_ns)
            except OSError:
                continue  # gone, or not ours to see: another file tells as much
        if len(found) >= _SAMPLE or number >= _MOST_FOLDERS:
            break
    return found


def ignores_case(folder: Path) -> bool | None:
    """Whether the file system takes `A` and `a` for one name, by asking for a name that is there in other case.

    None where no name in the folder has letters, or it cannot be read.
    """
    try:
        names = sorted(os.listdir(folder), key=lambda name: name != MARKER)
        for name in names[:_SAMPLE]:
            other = name.swapcase()
            if other == name or other in names or not name.isascii():
                continue
            path, twin = folder / name, folder / other
            return os.path.lexists(twin) and os.path.samestat(os.lstat(path), os.lstat(twin))
    except OSError:
        return None
    return None


def free_bytes(path: Path) -> int | None:
    """What is free on the disk of a path that need not be there yet; None where the disk does not tell."""
    try:
        there = next(folder for folder in (path, *path.parents) if folder.exists())
        return shutil.disk_usage(there).free
    except (OSError, StopIteration):
        return None


def versions() -> dict[str, str]:
    """lrsync's version, and those of what it stands on; packages that are not there are left out."""
    found = {"lrsync": __version__, "Python": platform.python_version(), "SQLite": sqlite3.sqlite_version}
    for name in _STANDS_ON:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
