"""Open what lies below a folder, however long its path. Never follows a link at the path's end, never writes.

A tree can be deeper than the longest path a system call takes (4,096 bytes on Linux, 1,024 on macOS): then the way
is gone in steps, each relative to the folder before.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from lrsync.core.scan import Stat

CAN_STEP: Final = os.open in os.supports_dir_fd and os.stat in os.supports_dir_fd
FOLDER_FLAGS: Final = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)
FILE_FLAGS: Final = (
    os.O_RDONLY
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_NOFOLLOW", 0)
    # A FIFO that took the file's place would hold an open() for ever.
    | getattr(os, "O_NONBLOCK", 0)
)
NO_FOLLOW: Final = getattr(os, "O_NOFOLLOW", 0)
_STEP_BYTES: Final = 900


def open_below(base: int | str, path: str, flags: int) -> int:
    """A descriptor of `path` ('' is the base itself) below a folder, given by descriptor or path. Raises OSError."""
    try:
        return _open(base, path or ".", flags)
    except OSError as error:
        if not _is_too_long(error):
            raise
    with _stepped(base, path) as (folder, name):
        return os.open(name, flags, dir_fd=folder)


def lstat_below(base: str, path: str) -> os.stat_result:
    """The stat of `path` below the folder `base`, without following a link. Raises OSError."""
    try:
        return os.lstat(os.path.join(base, path))
    except OSError as error:
        if not _is_too_long(error):
            raise
    with _stepped(base, path) as (folder, name):
        return os.lstat(name, dir_fd=folder)


def facts_of(found: os.stat_result) -> Stat:
    """What counts of a stat. On Windows st_ctime is the time of creation, which no write moves: 0."""
    return Stat(found.st_size, found.st_mtime_ns, 0 if os.name == "nt" else found.st_ctime_ns)


def _open(base: int | str, path: str, flags: int) -> int:
    if isinstance(base, str):
        return os.open(f"{base}/{path}", flags)
    return os.open(path, flags, dir_fd=base)


def _is_too_long(error: OSError) -> bool:
    return error.errno == errno.ENAMETOOLONG and CAN_STEP


@contextmanager
def _stepped(base: int | str, path: str) -> Iterator[tuple[int, str]]:
    """The folder that holds the last step of a long path, open, and that step."""
    *steps, last = _steps(path)
    folder = os.open(base, FOLDER_FLAGS) if isinstance(base, str) else os.dup(base)
    try:
        for step in steps:
            deeper = os.open(step, FOLDER_FLAGS, dir_fd=folder)
            os.close(folder)
            folder = deeper
        yield folder, last
    finally:
        os.close(folder)


def _steps(path: str) -> Iterator[str]:
    """The path in pieces of at most 900 bytes, or of one name."""
    piece = ""
    for name in path.split("/"):
        longer = f"{piece}/{name}" if piece else name
        if piece and len(os.fsencode(longer)) > _STEP_BYTES:
            yield piece
            longer = name
        piece = longer
    yield piece
